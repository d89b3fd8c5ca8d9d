"""Forecasts weigh old evidence as its autocovariance says; persistence tells noise from drift."""

import numpy as np
import polars as pl
import pytest

from la_assets.value_added.forecast import autocovariances, forecasts
from la_assets.value_added.persistence import persistence

YEARS = ["2019-20", "2020-21", "2021-22", "2022-23", "2023-24"]


def drawn(teachers: int = 3000, drift: float = 0.8, sd: float = 0.15, error: float = 0.1, seed: int = 3) -> tuple[pl.DataFrame, np.ndarray]:
    """Published effects of four years (none in 2019-20), and the true effects of every year and the next: a first-order drift."""
    rng = np.random.default_rng(seed)
    true = np.empty((teachers, len(YEARS) + 1))
    true[:, 0] = sd * rng.normal(size=teachers)
    for t in range(1, len(YEARS) + 1):
        true[:, t] = drift * true[:, t - 1] + sd * np.sqrt(1 - drift**2) * rng.normal(size=teachers)
    seen = true[:, :-1] + error * rng.normal(size=(teachers, len(YEARS)))
    reliability = sd**2 / (sd**2 + error**2)
    rows = [
        {"staff_key": f"{i:032x}", "school_year": y, "mean_residual": seen[i, t], "effect": reliability * seen[i, t]}
        for i in range(teachers)
        for t, y in enumerate(YEARS)
        if t and (i + t) % 4
    ]
    frame = pl.DataFrame(rows).with_columns(
        subject=pl.lit("Math"), mean_residual_error=pl.lit(error), reliability=pl.lit(reliability), status=pl.lit("estimated")
    )
    return frame, true


@pytest.fixture(scope="module")
def made() -> tuple[pl.DataFrame, np.ndarray]:
    effects, true = drawn()
    teachers = pl.DataFrame({"staff_key": [*(f"{i:032x}" for i in range(3000)), "f" * 32]})
    return forecasts(effects, teachers, YEARS, "Math"), true[:, -1]


def test_forecasts_are_unbiased_and_as_sharp_as_they_say(made) -> None:
    found, coming = made
    rows = found.filter(pl.col("status") == "estimated").with_columns(
        true=pl.col("staff_key").map_elements(lambda k: coming[int(k, 16)], return_dtype=pl.Float64)
    )
    slope = rows.select(pl.cov("effect", "true") / pl.col("effect").var()).item()
    covered = rows.select(pl.col("true").is_between("ci_low", "ci_high").mean()).item()
    assert slope == pytest.approx(1, abs=0.06)
    assert 0.93 < covered < 0.97


def test_a_teacher_never_seen_has_a_row_without_a_number(made) -> None:
    found, _ = made
    assert found.filter(pl.col("staff_key") == "f" * 32).select("status", "effect", "years_used").row(0) == ("no_earlier_years", None, 0)


def test_autocovariances_fall_as_the_effects_drift() -> None:
    rng = np.random.default_rng(5)
    true = np.cumprod(np.full((1, 4), 0.8), axis=1) * 0
    state = rng.normal(size=20000)
    columns = []
    for _ in range(4):
        columns.append(state)
        state = 0.8 * state + 0.6 * rng.normal(size=20000)
    true = np.column_stack(columns)
    found = autocovariances(true + 0.5 * rng.normal(size=true.shape), np.full(true.shape, 0.5))
    assert found == pytest.approx([1, 0.8, 0.64, 0.512, 0.512], abs=0.05)  # the fourth distance has no pairs: as the third


def test_too_few_teachers_give_no_forecast_but_a_reason() -> None:
    effects, _ = drawn(teachers=10)
    found = forecasts(effects, effects.select("staff_key").unique(), YEARS, "Math")
    assert found["status"].unique().to_list() == ["too_few_teachers"]
    assert found["effect"].null_count() == found.height


def test_persistence_without_noise_is_the_drift() -> None:
    effects, _ = drawn()
    rows = persistence(effects, "2023-24", "Math")
    last = rows.row(0, named=True)
    assert last["earlier_school_year"] == "2022-23"
    assert last["correlation"] == pytest.approx(0.8 * 0.15**2 / (0.15**2 + 0.1**2), abs=0.05)
    assert last["disattenuated"] == pytest.approx(0.8, abs=0.06)
    assert last["ci_low"] < last["correlation"] < last["ci_high"]
    assert rows.row(1, named=True)["disattenuated"] == pytest.approx(0.64, abs=0.07)


def test_withheld_effects_do_not_count() -> None:
    effects, _ = drawn(teachers=100)
    held = effects.with_columns(status=pl.when(pl.col("school_year") == "2022-23").then(pl.lit("withheld")).otherwise("status"))
    assert persistence(held, "2023-24", "Math").row(0, named=True)["status"] == "too_few_teachers"
