"""The value-added model finds what the classes were drawn from, and says so where they cannot carry it."""

import math

import polars as pl
import pytest

from la_assets.value_added.effects import Evidence, effects
from la_assets.value_added.model import TEACHER, ValueAdded, fit_value_added

from .classes_of_teachers import drawn_classes

EVIDENCE = Evidence()


def judged(found: ValueAdded, truth: dict[str, float], placebo: str = "passed") -> pl.DataFrame:
    expected = pl.DataFrame({TEACHER: list(truth)})
    known = pl.DataFrame({TEACHER: list(truth), "truth": list(truth.values())})
    return effects(found, TEACHER, expected, placebo, EVIDENCE).join(known, on=TEACHER)


@pytest.fixture(scope="module")
def large() -> tuple[ValueAdded, pl.DataFrame]:
    rows, truth = drawn_classes(teachers=1000, schools=50, shared=0.1)
    found = fit_value_added(rows)
    return found, judged(found, truth)


def test_true_effects_are_recovered_as_well_as_the_reliability_says(large) -> None:
    _, rows = large
    correlation = rows.select(pl.corr("effect", "truth")).item()
    assert correlation == pytest.approx(math.sqrt(rows["reliability"].mean()), abs=0.05)


def test_95_percent_intervals_cover_the_truth_in_93_to_97_percent(large) -> None:
    _, rows = large
    covered = rows.select(pl.col("truth").is_between("ci_low", "ci_high").mean()).item()
    assert 0.93 <= covered <= 0.97


def test_variances_are_those_drawn_from(large) -> None:
    found, _ = large
    assert found.variance(TEACHER) == pytest.approx(0.15**2, rel=0.15)
    assert found.variance("residual") == pytest.approx(0.55**2, rel=0.05)


def test_labels_above_and_below_are_right_in_sign_nearly_always(large) -> None:
    _, rows = large
    labelled = rows.filter(pl.col("label").is_in(["Above", "Below"]))
    right = labelled.select(((pl.col("truth") > 0) == (pl.col("label") == "Above")).mean()).item()
    assert labelled.height > 20
    assert right > 0.98


def test_a_second_teacher_gets_the_share_that_dosage_says() -> None:
    """All of a class is taught 60 to 40; effects are recovered without being pulled to each other's by half."""
    rows, truth = drawn_classes(teachers=600, schools=30, shared=1.0)
    made = judged(fit_value_added(rows), truth)
    slope = made.select(pl.cov("effect", "truth") / pl.col("effect").var()).item()
    assert slope == pytest.approx(1, abs=0.15)
    assert made.select(pl.corr("effect", "truth")).item() == pytest.approx(math.sqrt(made["reliability"].mean()), abs=0.05)
    assert 0.93 < made.select(pl.col("truth").is_between("ci_low", "ci_high").mean()).item() < 0.97


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda r: r.filter(pl.col(TEACHER) == "t0001"), "one_teacher"),
        (lambda r: r.with_columns(prior=pl.lit(None, dtype=pl.Float64)), "no_prior_scores"),
        (lambda r: r.clear(), "no_scores"),
        (lambda r: r.with_columns(score=pl.lit(0.0)), "no_variation"),
    ],
)
def test_what_cannot_carry_the_model_has_a_status_and_no_number(change, status: str) -> None:
    rows, truth = drawn_classes(teachers=20, schools=4)
    made = judged(fit_value_added(change(rows)), truth)
    assert made["status"].unique().to_list() == [status]
    assert made["effect"].null_count() == made.height == 20
    assert made["label"].null_count() == 20


def test_a_teacher_with_one_student_has_a_wide_interval_and_no_label() -> None:
    rows, truth = drawn_classes(teachers=100, schools=10)
    first = rows.filter(pl.col(TEACHER) == "t0001").head(1)
    made = judged(fit_value_added(pl.concat([first, rows.filter(pl.col(TEACHER) != "t0001")])), truth)
    lonely = made.filter(pl.col(TEACHER) == "t0001").row(0, named=True)
    assert lonely["students"] == 1
    assert lonely["label"] == "insufficient"
    assert lonely["standard_error"] > made["standard_error"].median()
    assert lonely["reliability"] < 0.2


def test_one_school_has_effects_of_teachers_and_none_of_schools() -> None:
    rows, truth = drawn_classes(teachers=100, schools=1)
    found = fit_value_added(rows)
    assert judged(found, truth)["effect"].count() == 100
    made = effects(found, "school_id", pl.DataFrame({"school_id": ["s00"]}), "passed", EVIDENCE)
    assert made.select("status", "effect").row(0) == ("no_variance", None)


def test_a_covariate_that_varies_within_no_teacher_is_named() -> None:
    rows, _ = drawn_classes(teachers=60, schools=6)
    found = fit_value_added(rows.with_columns(frl=pl.col(TEACHER).str.slice(-1).is_in(list("02468"))))
    assert found.between_only == ("frl",)
    assert found.usable


def test_a_teacher_without_used_students_has_a_row_that_says_so() -> None:
    rows, truth = drawn_classes(teachers=60, schools=6)
    made = judged(fit_value_added(rows), truth | {"t9999": 0.0}).filter(pl.col(TEACHER) == "t9999")
    assert made.select("students", "status", "effect").row(0) == (0, "no_usable_students", None)


def test_a_failed_placebo_takes_every_number_and_one_not_run_takes_labels() -> None:
    rows, truth = drawn_classes(teachers=60, schools=6)
    found = fit_value_added(rows)
    failed, untested = judged(found, truth, "failed"), judged(found, truth, "not_testable")
    numbers = ["effect", "standard_error", "ci_low", "ci_high", "reliability", "mean_residual", "mean_residual_error", "label"]
    assert failed.select(pl.col(numbers).count()).row(0) == (0,) * 8
    assert failed["status"].unique().to_list() == ["withheld"]
    assert untested["effect"].count() == 60
    assert untested["label"].unique().to_list() == ["insufficient"]
