"""Growth models find the form that was drawn, trajectories the students' lines, and shares where differences lie."""

import numpy as np
import polars as pl
import pytest

from la_assets.growth.models import growth_models, likelihood_ratio
from la_assets.growth.panel import growth_panel, proficiency_cuts
from la_assets.growth.trajectories import Thresholds, trajectories
from la_assets.growth.variance_shares import variance_shares


def drawn_panel(shape: str = "linear", *, students: int = 800, seed: int = 1) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores in grades 3 to 7 or 8, and each student's true intercept, slope and grade 8 score."""
    rng = np.random.default_rng(seed)
    u = rng.multivariate_normal([0, 0], [[300, -10], [-10, 9]], students)
    bend = {"linear": lambda t: 0 * t, "quadratic": lambda t: -0.8 * t**2, "piecewise": lambda t: -6.0 * np.maximum(t - 3, 0)}[shape]
    rows = []
    for i in range(students):
        for t in range(5):
            value = 200 + 9 * t + bend(np.float64(t)) + u[i, 0] + u[i, 1] * t + 9 * rng.normal()
            rows.append((f"{i:032x}", "Math", f"{2018 + t}-{19 + t}", 3 + t, value, float(t)))
    panel = pl.DataFrame(
        rows, schema=["student_key", "subject", "school_year", "grade_number", "value", "time"], orient="row"
    ).with_columns(
        time_squared=pl.col("time") ** 2,
        time_after_knot=(pl.col("time") - 3).clip(0),
        grade_number=pl.col("grade_number").cast(pl.Int32),
        scale=pl.lit("vertical"),
    )
    truth = pl.DataFrame({"student_key": [f"{i:032x}" for i in range(students)], "u": u[:, 0], "v": u[:, 1]})
    return panel, truth.with_columns(at_8=200 + 45 + pl.col("u") + 5 * pl.col("v") + 9 * pl.Series(rng.normal(size=students)))


@pytest.mark.parametrize("shape", ["linear", "quadratic", "piecewise"])
def test_the_form_that_was_drawn_is_chosen(shape: str) -> None:
    models = growth_models(drawn_panel(shape)[0])
    assert [m.form for m in models if m.chosen] == [shape]
    chosen = next(m for m in models if m.chosen)
    assert chosen.reml.method == "REML"
    assert chosen.ml.method == "ML"
    if shape != "linear":
        assert likelihood_ratio(chosen, models[0])[1] < 1e-6


@pytest.fixture(scope="module")
def made() -> tuple[pl.DataFrame, pl.DataFrame]:
    panel, truth = drawn_panel()
    seen = panel.filter(pl.col("grade_number") <= 7)
    students = pl.DataFrame({"student_key": [*truth["student_key"], "f" * 32]}).with_columns(grade_number=pl.lit(7, dtype=pl.Int32))
    chosen = next(m for m in growth_models(seen) if m.chosen)
    return trajectories(chosen, students, seen, {7: 230.0}, Thresholds(targets=(7, 12))), truth


def test_slopes_are_the_students_own_with_honest_errors(made) -> None:
    found, truth = made
    rows = found.join(truth, on="student_key")
    off = (rows["slope"] - (9 + rows["v"])) / rows["slope_se"]
    assert rows.select(pl.corr("slope", "v")).item() > 0.7
    assert (off.abs() < 1.96).mean() == pytest.approx(0.95, abs=0.02)


def test_scores_foretold_two_grades_ahead_fall_into_their_intervals() -> None:
    panel, truth = drawn_panel()
    seen = panel.filter(pl.col("grade_number") <= 6)
    students = truth.select("student_key").with_columns(grade_number=pl.lit(6, dtype=pl.Int32))
    oldest = panel.filter(pl.col("grade_number") == 7).head(1).with_columns(grade_number=pl.lit(8, dtype=pl.Int32), time=pl.lit(5.0))
    chosen = next(m for m in growth_models(seen) if m.chosen)
    found = trajectories(chosen, students, pl.concat([seen, oldest]), {8: 245.0}, Thresholds()).join(truth, on="student_key")
    assert found["target_grade"].unique().to_list() == [8]
    assert found.select(pl.col("at_8").is_between("predicted_low", "predicted_high").mean()).item() == pytest.approx(0.95, abs=0.025)
    risk = found.filter("at_risk")
    assert risk.select((pl.col("at_8") < 245).mean()).item() > 0.75
    assert (found["p_below_proficiency"].mean() - found.select((pl.col("at_8") < 245).mean()).item()) == pytest.approx(0, abs=0.04)


def test_nobody_is_foretold_beyond_the_last_tested_grade(made) -> None:
    found, _ = made
    past = found.filter(pl.col("student_key") != "f" * 32)
    assert past["status"].unique().to_list() == ["past_last_tested_grade"]
    assert past["predicted"].null_count() == past.height
    assert past["off_track"].null_count() == past.height
    assert past["slope"].null_count() == 0


def test_a_student_without_scores_has_a_row_without_numbers(made) -> None:
    found, _ = made
    row = found.filter(pl.col("student_key") == "f" * 32).row(0, named=True)
    assert (row["status"], row["slope"], row["scores_used"]) == ("no_scores", None, 0)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda p: p.clear(), "no_scores"),
        (lambda p: p.filter(pl.col("grade_number") == 5), "too_few_grades"),
        (lambda p: p.with_columns(value=pl.lit(200.0)), "no_variation"),
    ],
)
def test_scores_that_carry_no_model_say_why(change, status: str) -> None:
    models = growth_models(change(drawn_panel(students=60)[0]))
    assert {m.status for m in models} == {status}
    students = pl.DataFrame({"student_key": [f"{0:032x}"]}).with_columns(grade_number=pl.lit(7, dtype=pl.Int32))
    found = trajectories(None, students, change(drawn_panel(students=60)[0]), {}, Thresholds())
    assert found["slope"].null_count() == 1


def test_a_test_without_a_vertical_scale_is_standardised() -> None:
    finals = pl.LazyFrame(
        {
            "student_key": ["a", "b"], "subject": ["Math", "Math"], "school_year": ["2023-24"] * 2, "grade": ["05", "05"], "scale_score": [200.0, 220.0],  # noqa: E501
            "score": [-0.7, 0.7], "is_vertical_scale": [True, False], "level": [2, 3], "known_on": [None, None], "loaded_at": [None, None],
        }
    )  # fmt: skip
    panel = growth_panel(finals)
    assert panel["scale"].unique().to_list() == ["standardised"]
    assert panel["value"].to_list() == [-0.7, 0.7]
    assert proficiency_cuts(panel) == {}
    vertical = growth_panel(finals.with_columns(is_vertical_scale=True))
    assert proficiency_cuts(vertical) == {("Math", 5): 210.0}


def test_shares_are_those_drawn() -> None:
    rng = np.random.default_rng(4)
    students, districts, schools = 3000, 10, 100
    school = rng.integers(0, schools, students)
    u, s, d = 0.7 * rng.normal(size=students), 0.2 * rng.normal(size=schools), 0.3 * rng.normal(size=districts)
    rows = []
    for year in range(3):
        at = school * 5 + rng.integers(0, 5, students)
        c = 0.25 * rng.normal(size=schools * 5)
        score = u + s[school] + d[school % districts] + c[at] + 0.5 * rng.normal(size=students)
        rows.append(
            pl.DataFrame(
                {
                    "student_key": np.arange(students),
                    "class_id": [f"{year}|{a}" for a in at],
                    "school_id": school,
                    "district_id": school % districts,
                    "score": score,
                }
            )
        )
    found = {row["part"]: row["share"] for row in variance_shares(pl.concat(rows)).to_dicts()}
    total = 0.49 + 0.0625 + 0.04 + 0.09 + 0.25
    assert sum(found.values()) == pytest.approx(1)
    assert found["student"] == pytest.approx(0.49 / total, abs=0.04)
    assert found["class"] == pytest.approx(0.0625 / total, abs=0.02)
    assert found["school"] == pytest.approx(0.04 / total, abs=0.02)
    assert found["residual"] == pytest.approx(0.25 / total, abs=0.02)


def test_one_district_has_no_share_and_says_so() -> None:
    rng = np.random.default_rng(4)
    rows = pl.DataFrame(
        {"student_key": np.repeat(np.arange(200), 2), "class_id": np.arange(400) % 20, "school_id": np.repeat(np.arange(200) % 5, 2)}
    )
    rows = rows.with_columns(district_id=pl.lit("d"), score=pl.Series(np.repeat(rng.normal(size=200), 2) + rng.normal(size=400)))
    found = {row["part"]: (row["status"], row["share"]) for row in variance_shares(rows).to_dicts()}
    assert found["district"] == ("one_member", None)
    assert found["student"][0] == "estimated"
    assert variance_shares(rows.clear())["status"].unique().to_list() == ["no_scores"]
