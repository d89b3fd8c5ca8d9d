"""Calibration, logistic regression and measures against scikit-learn, statsmodels and answers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression

from la_assets.early_warning import calibration, logistic, metrics
from la_assets.early_warning.learner_settings import LearnerSettings

RANDOM = np.random.default_rng(3)
N = 4000
X = RANDOM.normal(size=(N, 3))
P = calibration.sigmoid(-1.5 + X @ np.array([1.0, -0.5, 0.0]))
Y = (RANDOM.random(N) < P).astype(float)
TIED = np.round(P, 1)


@pytest.mark.parametrize("score", [P, TIED], ids=["distinct", "tied"])
def test_auc_and_average_precision_are_scikit_learns(score: np.ndarray):
    c = metrics.curve(metrics.ranked(score), Y)
    assert metrics.auc_roc(c) == pytest.approx(sk.roc_auc_score(Y, score), abs=1e-12)
    assert metrics.auc_pr(c) == pytest.approx(sk.average_precision_score(Y, score), abs=1e-12)


def test_weights_count_a_row_as_often_as_it_was_drawn():
    drawn = RANDOM.integers(0, 4, N)
    c = metrics.curve(metrics.ranked(TIED), Y, drawn.astype(float))
    again = np.repeat(np.arange(N), drawn)
    assert metrics.auc_roc(c) == pytest.approx(sk.roc_auc_score(Y[again], TIED[again]), abs=1e-12)
    assert metrics.auc_pr(c) == pytest.approx(sk.average_precision_score(Y[again], TIED[again]), abs=1e-12)


def test_the_standard_error_of_auc_is_delongs():
    """Against the pairwise definition of DeLong et al. (1988) on 300 rows, up to their n - 1 in place of n."""
    s, y = P[:300], Y[:300]
    auc, influence = metrics.auc_influence(s, y)
    wins = (s[y == 1][:, None] > s[y == 0][None, :]).astype(float)
    assert auc == pytest.approx(wins.mean(), abs=1e-12)
    m, n = wins.shape
    variance = wins.mean(axis=1).var(ddof=1) / m + wins.mean(axis=0).var(ddof=1) / n
    assert (influence**2).sum() == pytest.approx(variance, rel=0.02)


def test_the_calibration_line_is_that_of_statsmodels():
    stretched = calibration.sigmoid(1.6 * metrics.log_odds(P) + 0.4)
    x = metrics.log_odds(stretched)
    slope, intercept = metrics.calibration_line(stretched, Y)
    fitted = sm.GLM(Y, sm.add_constant(x), family=sm.families.Binomial()).fit(tol=1e-12)
    assert slope == pytest.approx(fitted.params[1], abs=1e-8)
    at_one = sm.GLM(Y, np.ones(N), family=sm.families.Binomial(), offset=x).fit(tol=1e-12)
    assert intercept == pytest.approx(at_one.params[0], abs=1e-8)
    assert slope == pytest.approx(1 / 1.6, abs=0.08)


def test_positives_among_the_flagged_share_a_tie_by_chance():
    c = metrics.curve(metrics.ranked(np.array([0.9, 0.5, 0.5, 0.5, 0.1])), np.array([1, 1, 0, 0, 0]))
    assert metrics.found(c, 1) == 1
    assert metrics.found(c, 2) == pytest.approx(1 + 1 / 3)
    assert metrics.found(c, 4) == 2


def test_the_logistic_regression_is_scikit_learns_on_standardised_columns():
    fitted = logistic.fit(X.astype(np.float32), Y, LearnerSettings(logistic_l2=2.0))
    x = X.astype(np.float32).astype(float)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    other = LogisticRegression(C=0.5, tol=1e-10, max_iter=1000).fit(z, Y)
    assert fitted.coefficients == pytest.approx(other.coef_[0], abs=1e-5)
    assert fitted.margins(X.astype(np.float32)) == pytest.approx(other.decision_function(z), abs=1e-4)


def test_what_is_missing_gets_the_training_median_and_an_indicator():
    matrix = X.astype(np.float32).copy()
    matrix[::4, 0] = np.nan
    fitted = logistic.fit(matrix, Y, LearnerSettings())
    assert fitted.median[0] == pytest.approx(np.nanmedian(matrix[:, 0]))
    assert fitted.missing[0] != 0
    assert fitted.missing[1] == 0
    parts = fitted.contributions(matrix)
    assert parts.sum(axis=1) == pytest.approx(fitted.margins(matrix), abs=1e-12)


def test_platt_repairs_what_class_weights_distort():
    distorted = 2.5 * (metrics.log_odds(P) + 3)
    repaired = calibration.platt(distorted, Y)(distorted)
    assert metrics.calibration_line(repaired, Y) == pytest.approx((1, 0), abs=0.01)
    assert repaired == pytest.approx(P, abs=0.03)


def test_platts_curve_is_flat_where_margins_do_not_rise_with_the_label():
    share = Y.mean()
    assert calibration.platt(-metrics.log_odds(P), Y)(np.array([-3.0, 3.0])) == pytest.approx(share, abs=0.01)
    assert calibration.platt(np.zeros(N), Y)(np.zeros(2)) == pytest.approx(share, abs=0.01)


def test_platt_stays_finite_where_the_classes_part():
    """Ten students, perfectly separated: the targets of Lin, Lin and Weng keep the curve off 0 and 1."""
    p = calibration.platt(np.arange(10.0), (np.arange(10) >= 5).astype(float))(np.arange(10.0))
    assert ((p > 0.01) & (p < 0.99)).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(-5, 5), st.booleans()), min_size=30, max_size=300).filter(lambda r: 0 < sum(b for _, b in r) < len(r)))
def test_an_isotonic_curve_never_falls_nor_reaches_certainty(rows: list[tuple[float, bool]]):
    margin, label = np.array([m for m, _ in rows]), np.array([float(b) for _, b in rows])
    fitted = calibration.isotonic(margin, label)
    p = fitted(np.linspace(-6, 6, 200))
    assert (np.diff(p) >= 0).all()
    assert p.min() > 0
    assert p.max() < 1
    assert calibration.Calibration.from_dict(fitted.as_dict()) == fitted


def test_steps_of_the_isotonic_curve_hold_enough_students():
    assert calibration._joined(np.array([5.0, 30, 1, 1, 25, 3]), 20) == [0, 2]
    assert calibration._joined(np.array([3.0]), 20) == [0]


def test_isotonic_wins_where_the_link_is_no_curve_of_platts_and_only_then():
    def year(link: float) -> tuple[np.ndarray, np.ndarray]:
        margin = RANDOM.normal(size=6000)
        p = 0.05 + 0.5 * (margin > 0.5) if link else calibration.sigmoid(margin - 2)
        return margin, (RANDOM.random(6000) < p).astype(float)

    for link, method in ((1.0, "isotonic"), (0.0, "platt")):
        margins, labels = zip(*(year(link) for _ in range(3)), strict=True)
        fitted, record = calibration.chosen_calibration(list(margins), list(labels))
        assert fitted.method == method
        assert record["compared"]


def test_one_held_out_year_gives_platts_curve():
    fitted, record = calibration.chosen_calibration([metrics.log_odds(P)], [Y])
    assert (fitted.method, record["compared"]) == ("platt", False)


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_a_recentred_curve_is_right_on_average_and_keeps_its_shape(method: str):
    """Held-out margins were 1 too high as a whole, and the curve took that back; the final model's margins are not too high."""
    margin = metrics.log_odds(P)
    curve = calibration.platt(margin + 1, Y) if method == "platt" else calibration.isotonic(margin + 1, Y)
    assert curve(margin).mean() < 0.75 * Y.mean()
    moved = calibration.recentred(curve, margin, Y)
    assert moved(margin).mean() == pytest.approx(Y.mean(), abs=1e-3)
    assert moved.method == method
    assert moved.a == curve.a
    assert (np.diff(moved(np.linspace(-6, 6, 200))) >= 0).all()
