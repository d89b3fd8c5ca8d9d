"""Intervals are order statistics of past errors; on data like the past they cover what they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from la_assets.forecasts.conformal import Calibration


def one_grade(n: int) -> np.ndarray:
    return np.array(["05"] * n)


def test_the_ends_are_the_order_statistics_of_split_conformal_prediction() -> None:
    """19 errors -9..9: the 80 % interval ends at the 18th and 2nd of 19 (ceil(20 x 0.9) = 18); 95 % needs 39 errors."""
    final = np.arange(-9.0, 10.0)
    past = Calibration.of(np.zeros(19), final, one_grade(19), 100)
    assert past is not None
    low, high = past.interval(np.array([100.0]), one_grade(1), 0.80)
    assert (low[0], high[0]) == pytest.approx((92.0, 108.0))
    assert np.isnan(past.interval(np.array([100.0]), one_grade(1), 0.95)[0]).all()


def test_too_few_errors_or_none_at_all_give_no_interval() -> None:
    assert Calibration.of(np.zeros(9), np.arange(9.0), one_grade(9), 100) is None
    assert Calibration.of(np.zeros(50), np.zeros(50), one_grade(50), 100) is None
    assert Calibration.of(np.array([]), np.array([]), np.array([], dtype=str), 100) is None


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([60, 400, 3000]))
def test_coverage_on_data_like_the_past_is_what_it_says(seed: int, n: int) -> None:
    """Errors grow with the prediction and differ by grade; skewed; coverage within four standard errors of both samples."""
    rng = np.random.default_rng(seed)

    def year(m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        grade = rng.choice(["03", "04"], m)
        predicted = rng.normal(200, 20, m)
        scale = np.where(grade == "03", 5.0, 12.0) * np.where(predicted > 210, 2.0, 1.0)
        return predicted, predicted + scale * (rng.exponential(1.0, m) - 0.5), grade

    past = Calibration.of(*year(n), 100)
    assert past is not None
    predicted, final, grade = year(4000)
    for level in (0.80, 0.95):
        low, high = past.interval(predicted, grade, level)
        covered = ((final >= low) & (final <= high)).mean()
        assert abs(covered - level) < 4 * np.sqrt(level * (1 - level) * (1 / n + 1 / 4000)) + 3 / n


def test_score_bands_have_widths_of_their_own() -> None:
    rng = np.random.default_rng(1)
    predicted = rng.normal(200, 20, 3000)
    past = Calibration.of(predicted, predicted + rng.normal(size=3000) * np.where(predicted > 210, 20, 5), one_grade(3000), 100)
    assert past is not None
    low, high = past.interval(np.array([180.0, 240.0]), one_grade(2), 0.80)
    width = high - low
    assert width == pytest.approx([2 * 1.2816 * 5, 2 * 1.2816 * 20], rel=0.15)
    assert past.standard_error(np.array([180.0, 240.0]), one_grade(2)) == pytest.approx([5, 20], rel=0.15)


def test_the_chance_of_proficiency_is_the_normal_one_where_errors_are_normal() -> None:
    """P(final >= cut) of a normal error of SD 10: 0.8413 one SD above the cut, 0.5 at it, 0.0228 two below; to 0.02."""
    rng = np.random.default_rng(3)
    predicted = rng.normal(200, 20, 20_000)
    past = Calibration.of(predicted, predicted + rng.normal(0, 10, 20_000), one_grade(20_000), 100)
    assert past is not None
    cut = np.array([190.0, 200.0, 220.0, np.nan])
    chance = past.chance_above(cut, np.full(4, 200.0), one_grade(4))
    assert chance[:3] == pytest.approx([0.8413, 0.5, 0.0228], abs=0.02)
    assert np.isnan(chance[3])
    sure = past.chance_above(np.array([-1e6, 1e6]), np.full(2, 200.0), one_grade(2))
    assert 0.999 < sure[0] < 1
    assert 0 < sure[1] < 0.001


def test_a_bias_of_the_past_is_taken_out() -> None:
    rng = np.random.default_rng(4)
    predicted = rng.normal(200, 20, 2000)
    past = Calibration.of(predicted, predicted + 8 + rng.normal(0, 10, 2000), one_grade(2000), 100)
    assert past is not None
    low, high = past.interval(np.array([200.0]), one_grade(1), 0.80)
    assert (low[0] + high[0]) / 2 == pytest.approx(208, abs=1.5)


def test_a_grade_that_the_past_never_saw_gets_the_spread_of_all() -> None:
    rng = np.random.default_rng(5)
    past = Calibration.of(np.full(100, 200.0), 200 + rng.normal(0, 10, 100), one_grade(100), 100)
    assert past is not None
    assert past.standard_error(np.array([200.0]), np.array(["11"])) == pytest.approx(past.standard_error(np.array([200.0]), one_grade(1)))
