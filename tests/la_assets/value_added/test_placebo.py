"""The placebo passes where students came to teachers by chance and fails where they were sorted."""

import math

import numpy as np
import polars as pl
import pytest

from la_assets.value_added.assignment import Assignment, chance, sorting_slope
from la_assets.value_added.checks import effects_do_not_follow_prior_prior_scores
from la_assets.value_added.model import PRIOR_SCORE, fit_value_added
from la_assets.value_added.placebo import Placebo, Tolerance, YearEvidence, judged, year_evidence

from .classes_of_teachers import drawn_classes


def evidence(rows: pl.DataFrame) -> YearEvidence:
    return year_evidence(rows, {"Math": fit_value_added(rows, averaged=False)})


def verdict(rows: pl.DataFrame, *earlier: YearEvidence) -> Placebo:
    return judged(evidence(rows), earlier, Tolerance())["Math"]


@pytest.mark.parametrize("seed", range(4))
def test_students_by_chance_pass(seed: int) -> None:
    rows, _ = drawn_classes(teachers=120, schools=12, seed=seed)
    found = verdict(rows)
    assert found.status == "passed"
    assert found.figures["variance_share"] < 0.25


def test_sorted_students_fail_and_the_reason_says_how_much() -> None:
    rows, _ = drawn_classes(teachers=120, schools=12, sorting=1.0)
    found = verdict(rows)
    assert found.status == "failed"
    assert found.figures["year_p_value"] < 1e-6
    assert "last year's scores" in found.reason


def year(z: float, false: float = 0.01) -> YearEvidence:
    return YearEvidence({"Math": Placebo("passed", "clean")}, real=0.02, false=false, z=z)


def test_years_that_tell_little_alone_fail_together() -> None:
    """One-sided p of 0.036 each; three together 0.0009."""
    assert judged(year(1.8), [], Tolerance())["Math"].status == "passed"
    together = judged(year(1.8), [year(1.8), year(1.8)], Tolerance())["Math"]
    assert together.status == "failed"
    assert together.figures["years_p_value"] == pytest.approx(0.00091, abs=2e-5)
    assert "3 years together" in together.reason


def test_what_is_significant_and_small_is_tolerated() -> None:
    assert judged(year(9.0, false=0.004), [], Tolerance())["Math"].status == "passed"
    assert judged(year(9.0, false=0.006), [], Tolerance())["Math"].status == "failed"


def test_sorted_students_fail_where_teachers_explain_nothing_of_this_year() -> None:
    nothing = YearEvidence({"Math": Placebo("passed", "clean")}, real=0.0, false=0.01, z=9.0)
    found = judged(nothing, [], Tolerance())["Math"]
    assert found.status == "failed"
    assert found.figures["year_variance_share"] is None


def test_a_year_that_cannot_be_tested_stays_so_whatever_earlier_years_say() -> None:
    own = YearEvidence({"Math": Placebo("not_testable", "no scores")})
    assert judged(own, [year(9.0)], Tolerance())["Math"].status == "not_testable"


def test_by_chance_the_p_value_is_uniform_and_two_subjects_of_the_same_students_count_once() -> None:
    """Over 60 drawn districts; the second subject is the first over again, so together they say what one says."""
    ps = []
    for seed in range(60):
        rows, _ = drawn_classes(teachers=24, schools=4, students=20, seed=seed)
        one = Assignment(fit_value_added(rows, PRIOR_SCORE, averaged=False))
        told = chance({"Math": one, "ELA": one})
        assert told[None][1] == pytest.approx(told["Math"][1], rel=1e-6)
        ps.append(told["Math"][1])
    assert np.mean(ps) == pytest.approx(0.5, abs=3 * math.sqrt(1 / 12 / 60))
    assert np.mean(np.array(ps) < 0.1) == pytest.approx(0.1, abs=3 * math.sqrt(0.1 * 0.9 / 60))


def test_the_sorting_slope_is_as_uncertain_as_it_says_where_nobody_is_sorted() -> None:
    z = []
    for seed in range(30):
        rows, _ = drawn_classes(teachers=24, schools=4, students=20, seed=seed)
        found = sorting_slope(rows, fit_value_added(rows, averaged=False))
        z.append(found.slope / found.error)
    assert abs(np.mean(z)) < 3 / math.sqrt(30)
    assert 0.65 < np.std(z) < 1.35


def test_a_rerun_draws_the_same() -> None:
    rows, _ = drawn_classes(teachers=24, schools=4)
    one = Assignment(fit_value_added(rows, PRIOR_SCORE, averaged=False))
    assert chance({"Math": one}) == chance({"Math": one})


def test_without_two_prior_scores_it_is_not_testable() -> None:
    rows, _ = drawn_classes(teachers=40, schools=4)
    assert verdict(rows.with_columns(prior_prior=pl.lit(None, dtype=pl.Float64))).status == "not_testable"


def test_the_check_on_slopes_allows_for_the_number_of_subjects() -> None:
    rows = pl.LazyFrame({"subject": ["ELA", "Math"], "sorting_slope": [0.1, 0.4], "sorting_p_value": [0.5, 0.007]})
    assert effects_do_not_follow_prior_prior_scores(rows, 0.01)[0]
    passed, words, _ = effects_do_not_follow_prior_prior_scores(rows.tail(1), 0.01)
    assert not passed
    assert "Math: +0.40" in words
