"""What is said of forecasts after the year: their own miss without the outcome's noise, and how simpler ways would have done."""

import datetime as dt

import dagster as dg
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from la_assets.value_added import assets
from la_assets.value_added.checks import forecasts_help
from la_assets.value_added.forecast import forecasts
from la_assets.value_added.forecast_evaluation import WAYS, _share, evaluations
from la_assets.value_added.schema import FORECAST, FORECAST_EVALUATION, TEACHER_EFFECTS, TEACHER_EFFECTS_POOLED
from la_resources.contracts import validate

from ..called_assets import called_resources
from .test_forecast_and_persistence import YEARS, drawn

ERROR = 0.1
COMING, KEY = "2024-25", "2024-07-01"


def seen(effect: np.ndarray, error: float = ERROR, seed: int = 8) -> pl.DataFrame:
    """Published effects of a year with these true ones."""
    noisy = effect + error * np.random.default_rng(seed).normal(size=effect.size)
    keys = [f"{i:032x}" for i in range(effect.size)]
    rows = pl.DataFrame({"staff_key": keys, "mean_residual": noisy, "effect": noisy * 0.0225 / (0.0225 + error**2)})
    return rows.with_columns(subject=pl.lit("Math"), mean_residual_error=pl.lit(error))


@pytest.fixture(scope="module")
def judged() -> tuple[dict[str, dict], dict[str, float]]:
    """The evaluation of three thousand teachers whose effects drift, and the true squared misses of the same teachers."""
    effects, true = drawn()
    told = forecasts(effects, effects.select("staff_key").unique(), YEARS, "Math")
    before = effects.filter(pl.col("school_year") == YEARS[-1])
    pooled = effects.filter(pl.col("school_year").is_in(YEARS[-3:])).group_by("staff_key", "subject").agg(pl.col("effect").mean())
    found = evaluations(told, seen(true[:, -1]), before, pooled, "Math")
    ways = told.join(before.select("staff_key", last_year="effect"), on="staff_key").join(pooled, on="staff_key", suffix="_pooled")
    coming = np.array([true[int(key, 16), -1] for key in ways["staff_key"]])
    columns = {"drift": "effect", "last_year": "last_year", "pooled": "effect_pooled"}
    truth = {way: float(((ways[c].to_numpy() - coming) ** 2).mean()) for way, c in columns.items()} | {"zero": float((coming**2).mean())}
    return {row["forecast_by"]: row for row in found.iter_rows(named=True)}, truth


def test_the_miss_without_noise_is_the_miss_of_the_true_effect(judged) -> None:
    """Within three of its own standard errors, for each way."""
    found, truth = judged
    assert list(found) == list(WAYS)
    for way, row in found.items():
        assert row["squared_miss"] == pytest.approx(truth[way], abs=3 * row["squared_miss_error"]), way
        assert row["squared_miss_error"] < 0.1 * truth["zero"]


def test_the_forecast_is_unbiased_covers_and_beats_the_simpler_ways(judged) -> None:
    found, _ = judged
    drift = found["drift"]
    assert drift["slope"] == pytest.approx(1, abs=3 * drift["slope_error"])
    assert 0.93 < drift["coverage"] < 0.97
    assert drift["coverage_low"] < drift["coverage"] < drift["coverage_high"]
    assert drift["correlation_low"] < drift["correlation"] < drift["correlation_high"]
    assert drift["squared_miss"] < min(found[way]["squared_miss"] for way in ("last_year", "zero"))
    assert found["zero"]["correlation"] is None
    assert found["last_year"]["coverage"] is None


LACKING = {"forecasts": "no_forecasts", "outcomes": "no_outcomes", "few": "too_few_teachers", "strangers": "too_few_teachers"}


@pytest.mark.parametrize(("left", "status"), LACKING.items())
def test_without_enough_to_compare_there_is_a_reason_and_no_figure(left: str, status: str) -> None:
    effects, true = drawn(teachers=60)
    told = forecasts(effects, effects.select("staff_key").unique(), YEARS, "Math")
    came, before = seen(true[:, -1]), effects.filter(pl.col("school_year") == YEARS[-1])
    if left == "forecasts":
        told = told.with_columns(pl.lit(None, pl.Float64).alias("effect"))
    elif left == "outcomes":
        came = came.with_columns(pl.lit(None, pl.Float64).alias("mean_residual"))
    elif left == "few":
        came = came.head(9)
    else:
        came = came.with_columns(staff_key=pl.lit("e") + pl.col("staff_key").str.slice(1))
    found = evaluations(told, came, before, before, "Math")
    assert found["status"].unique().to_list() == [status]
    assert found.select("squared_miss", "slope", "correlation", "coverage").null_count().row(0) == (4, 4, 4, 4)


@given(st.integers(1, 400), st.floats(0, 1))
def test_the_interval_of_a_share_holds_it_and_stays_a_share(n: int, part: float) -> None:
    found = _share(round(n * part), n)
    assert 0 <= found["coverage_low"] <= found["coverage"] <= found["coverage_high"] <= 1


def test_the_check_fails_where_forecasts_miss_by_more_than_none() -> None:
    rng = np.random.default_rng(9)
    keys = [f"{i:032x}" for i in range(200)]
    told = pl.DataFrame({"staff_key": keys, "subject": "Math", "effect": rng.normal(0, 0.3, 200), "standard_error": 0.05})
    found = evaluations(told, seen(rng.normal(0, 0.1, 200)), seen(rng.normal(0, 0.1, 200)), seen(np.zeros(200)), "Math")
    passed, words, _ = forecasts_help(found.lazy())
    assert not passed
    assert "Math: missed by" in words
    assert forecasts_help(found.filter(pl.col("forecast_by") != "drift").lazy())[0], "nothing to judge"


def test_the_asset_reads_the_year_and_the_one_before_and_keeps_its_contract() -> None:
    effects, true = drawn(teachers=80)
    told = forecasts(effects, effects.select("staff_key").unique(), YEARS, "Math")
    before = effects.filter(pl.col("school_year") == YEARS[-1])
    stamp = {"known_on": pl.lit(dt.date(2025, 5, 20)), "loaded_at": pl.lit(dt.datetime(2025, 6, 1, tzinfo=dt.UTC))}
    now, last = ({**stamp, "school_year": pl.lit(label)} for label in (COMING, YEARS[-1]))
    years = pl.concat([before.select(seen(true[:, -1]).columns).with_columns(**last), seen(true[:, -1]).with_columns(**now)])
    frames = {
        FORECAST.name: told.with_columns(**now).lazy(),
        TEACHER_EFFECTS.name: years.lazy(),
        TEACHER_EFFECTS_POOLED.name: before.with_columns(**last).lazy(),
    }
    inputs = {name: frames[".".join(key.path)] for name, key in assets.forecast_evaluation.keys_by_input_name.items()}
    context = dg.build_asset_context(partition_key=KEY, resources=called_resources(""))
    context.add_asset_metadata = lambda *_, **__: None  # what a page shows has no place outside a run
    made = assets.forecast_evaluation(context, **inputs)[KEY]
    validate(FORECAST_EVALUATION, made)
    assert dict(made.group_by("subject", "status").len().select("subject", "status").iter_rows()) == {
        "Math": "estimated", "ELA": "no_forecasts",
    }  # fmt: skip
    assert made["school_year"].unique().to_list() == [COMING]
