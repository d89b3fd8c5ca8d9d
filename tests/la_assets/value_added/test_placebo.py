"""The placebo passes where students came to teachers by chance and fails where they were sorted."""

import math

import polars as pl
import pytest

from la_assets.mixed_models import RandomTerm, fit
from la_assets.value_added.model import PRIOR_SCORE, fit_value_added
from la_assets.value_added.placebo import Tolerance, _without_groups, placebo, sorting

from .classes_of_teachers import drawn_classes


@pytest.mark.parametrize("seed", range(4))
def test_students_by_chance_pass(seed: int) -> None:
    rows, _ = drawn_classes(teachers=120, schools=12, seed=seed)
    verdict = placebo(rows, fit_value_added(rows), Tolerance())
    assert verdict.status == "passed"
    assert verdict.figures["variance_share"] < 0.25


def test_sorted_students_fail_and_the_reason_says_how_much() -> None:
    rows, _ = drawn_classes(teachers=120, schools=12, sorting=1.0)
    verdict = placebo(rows, fit_value_added(rows), Tolerance())
    assert verdict.status == "failed"
    assert verdict.figures["p_value"] < 1e-6
    assert "last year's scores" in verdict.reason


def test_the_sorting_slope_has_no_bias_where_nobody_is_sorted() -> None:
    slopes = []
    for seed in range(12):
        rows, _ = drawn_classes(teachers=100, schools=10, seed=seed)
        slope, error, _ = sorting(rows, fit_value_added(rows))
        slopes.append(slope / error)
    mean = sum(slopes) / len(slopes)
    assert abs(mean) < 3 / math.sqrt(len(slopes))


def test_without_two_prior_scores_it_is_not_testable() -> None:
    rows, _ = drawn_classes(teachers=40, schools=4)
    rows = rows.with_columns(prior_prior=pl.lit(None, dtype=pl.Float64))
    assert placebo(rows, fit_value_added(rows), Tolerance()).status == "not_testable"


def test_one_school_and_grade_is_compared_with_the_plain_regression() -> None:
    """The restricted likelihood without groups is that of a mixed model whose variance is nil."""
    rows, _ = drawn_classes(teachers=40, schools=1)
    test = fit_value_added(rows, PRIOR_SCORE)
    shuffled = test.rows.with_columns(nobody=pl.col("student_key").str.slice(-2))
    nil = fit(f"outcome ~ 1 + {' + '.join(test.covariates)}", shuffled, [RandomTerm("nobody")])
    assert nil.log_likelihood - _without_groups(test) == pytest.approx(0, abs=2)
    assert nil.log_likelihood >= _without_groups(test) - 1e-6
