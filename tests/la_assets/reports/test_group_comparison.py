"""Comparing groups: every figure against scipy, statsmodels or R, and what unequal, small or constant groups lead to."""

import subprocess
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.meta_analysis import effectsize_smd
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.oneway import anova_oneway, effectsize_oneway

from la_assets.reports import studentized_range
from la_assets.reports.group_comparison import ANOVA, KRUSKAL_WALLIS, WELCH, benjamini_hochberg, omnibus, pairs, vary

SPEED = {  # Michelson's measurements of the speed of light, 1879 (km/s above 299,000), runs 1, 2 and 5 of R's data set morley
    "1": [850, 740, 900, 1070, 930, 850, 950, 980, 980, 880, 1000, 980, 930, 650, 760, 810, 1000, 1000, 960, 960],
    "2": [960, 940, 960, 940, 880, 800, 850, 880, 900, 840, 830, 790, 810, 880, 880, 830, 800, 790, 760, 800],
    "5": [890, 840, 780, 810, 760, 810, 790, 810, 820, 850, 870, 870, 810, 740, 810, 940, 950, 800, 810, 870],
}
GROUPS = [np.array(values, float) for values in SPEED.values()]


def drawn(*groups: tuple[int, float, float], seed: int = 4) -> list[np.ndarray]:
    """Normal groups of a size, mean and standard deviation."""
    random = np.random.default_rng(seed)
    return [random.normal(mean, deviation, size) for size, mean, deviation in groups]


def of(groups: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return tuple(np.array([what(g) for g in groups], float) for what in (len, np.mean, lambda g: g.std(ddof=1)))


UNEQUAL = drawn((25, 0, 1), (60, 0.5, 2.5), (40, 0.2, 1.4), (11, 1, 0.7))


@pytest.mark.parametrize("groups", [GROUPS, UNEQUAL], ids=["speed of light", "unequal sizes and variances"])
def test_all_groups_at_once_as_scipy_and_statsmodels_have_it(groups: list[np.ndarray]) -> None:
    made = omnibus(groups)
    close = pytest.approx
    assert (made.anova_f, made.anova_p) == close(tuple(stats.f_oneway(*groups)), rel=1e-10)
    assert (made.kruskal_h, made.kruskal_p) == close(tuple(stats.kruskal(*groups)), rel=1e-10)
    assert (made.levene_w, made.levene_p) == close(tuple(stats.levene(*groups, center="median")), rel=1e-10)
    assert (made.normality_w, made.normality_p) == close(tuple(stats.shapiro(np.concatenate([g - g.mean() for g in groups]))), rel=1e-10)
    welch = anova_oneway(groups, use_var="unequal")
    assert (made.welch_f, made.welch_p) == close((welch.statistic, welch.pvalue), rel=1e-9)
    assert made.welch_df_within == close(welch.df_denom, rel=1e-9)
    assert (made.anova_df_between, made.anova_df_within) == (len(groups) - 1, sum(map(len, groups)) - len(groups))


def test_effect_sizes_are_shares_of_the_variance() -> None:
    made = omnibus(GROUPS)
    everything = np.concatenate(GROUPS)
    total = ((everything - everything.mean()) ** 2).sum()
    within = sum(((g - g.mean()) ** 2).sum() for g in GROUPS)
    assert made.eta_squared == pytest.approx(1 - within / total, rel=1e-12)
    # statsmodels gives Cohen's f squared from means and variances: eta squared is f2 / (1 + f2).
    n, mean, deviation = of(GROUPS)
    f2 = effectsize_oneway(mean, deviation**2 * (n - 1) / n, n, use_var="equal", ddof_between=0)
    assert made.eta_squared == pytest.approx(f2 / (1 + f2), rel=0.06)  # its mean square within takes another divisor
    assert made.omega_squared == pytest.approx((made.anova_f - 1) * 2 / ((made.anova_f - 1) * 2 + everything.size), rel=1e-12)
    assert made.epsilon_squared == pytest.approx(made.kruskal_h / (everything.size - 1), rel=1e-12)
    assert omnibus(drawn((40, 0, 1), (40, 0, 1), seed=1)).omega_squared == 0


@pytest.mark.parametrize("groups", [GROUPS, UNEQUAL[:3]], ids=["speed of light", "unequal sizes"])
def test_pairs_as_scipy_has_them(groups: list[np.ndarray]) -> None:
    made, judge = pairs(*of(groups)), stats.tukey_hsd(*groups)
    interval = judge.confidence_interval()
    unequal = stats.tukey_hsd(*groups, equal_var=False)
    for place, (i, j) in enumerate(combinations(range(len(groups)), 2)):
        assert (made.first[place], made.second[place]) == (i, j)
        assert made.difference[place] == pytest.approx(judge.statistic[i, j], rel=1e-12)
        assert made.tukey_p[place] == pytest.approx(judge.pvalue[i, j], abs=1e-9)
        assert (made.low[place], made.high[place]) == pytest.approx((interval.low[i, j], interval.high[i, j]), rel=1e-6)
        assert made.games_howell_p[place] == pytest.approx(unequal.pvalue[i, j], abs=1e-9)


def test_hedges_g_as_statsmodels_has_it() -> None:
    n, mean, deviation = of(UNEQUAL)
    made = pairs(n, mean, deviation)
    for place, (i, j) in enumerate(combinations(range(4), 2)):
        g, variance = effectsize_smd(mean[i], deviation[i], n[i], mean[j], deviation[j], n[j])
        assert made.hedges_g[place] == pytest.approx(g, rel=1e-12)
        width = made.hedges_g_high[place] - made.hedges_g_low[place]
        assert width == pytest.approx(2 * 1.959964 * np.sqrt(variance), rel=0.01)  # its variance takes n - 3.94 for n


@pytest.mark.needs("Rscript")
def test_tukey_s_test_and_the_others_as_r_has_them() -> None:
    """R's TukeyHSD, aov, kruskal.test, oneway.test and shapiro.test on Michelson's speed of light, which R brings with it."""
    script = """
        d <- subset(morley, Expt %in% c(1, 2, 5)); d$Expt <- factor(d$Expt); fit <- aov(Speed ~ Expt, d)
        t <- TukeyHSD(fit)$Expt; a <- summary(fit)[[1]]; w <- oneway.test(Speed ~ Expt, d)
        k <- kruskal.test(Speed ~ Expt, d); s <- shapiro.test(residuals(fit))
        cat(format(c(t(t), a$F[1], a$Pr[1], w$statistic, w$parameter[2], w$p.value, k$statistic, k$p.value, s$statistic, s$p.value,
                     ptukey(3.2, 7, 40, lower.tail = FALSE), qtukey(0.95, 7, 40)), digits = 12), sep = "\\n")
    """
    run = subprocess.run(["Rscript", "--vanilla", "-e", script], capture_output=True, text=True, check=True)
    told = np.array(run.stdout.split(), float)
    made, all_of_them = pairs(*of(GROUPS)), omnibus(GROUPS)
    # R subtracts the earlier group from the later one.
    ours = np.column_stack([-made.difference, -made.high, -made.low, made.tukey_p]).ravel()
    np.testing.assert_allclose(ours, told[:12], rtol=1e-4)
    o = all_of_them
    rest = [o.anova_f, o.anova_p, o.welch_f, o.welch_df_within, o.welch_p, o.kruskal_h, o.kruskal_p, o.normality_w, o.normality_p]
    rest += [studentized_range.tail([3.2], 7, 40)[0], studentized_range.critical_value(0.05, 7, 40)]
    np.testing.assert_allclose(rest, told[12:], rtol=1e-4)


@pytest.mark.parametrize(
    ("groups", "freedom", "within"), [(2, 9, 1e-12), (5, 45, 1e-12), (12, 300, 1e-11), (60, 540, 1e-10), (120, 9, 1e-10)]
)
def test_the_studentized_range_as_scipy_has_it(groups: int, freedom: int, within: float) -> None:
    q = np.array([0.0, 0.5, 2.0, 3.5, 6.0])
    np.testing.assert_allclose(
        studentized_range.tail(q, groups, freedom), stats.studentized_range.sf(q, groups, freedom), atol=within, rtol=0
    )
    np.testing.assert_allclose(studentized_range.tail(q, groups, [freedom] * 5), studentized_range.tail(q, groups, freedom), atol=1e-15)


def test_more_pairs_than_one_block_holds_are_all_answered() -> None:
    q = np.linspace(0, 6, 300)
    chances = studentized_range.tail(q, 4, 60)
    assert chances.shape == q.shape
    assert (np.diff(chances) < 0).all()
    assert chances[0] == pytest.approx(1)


def test_one_group_has_no_range() -> None:
    with pytest.raises(ValueError, match="two groups"):
        studentized_range.tail([1.0], 1, 10)


def test_with_two_groups_tukey_is_the_t_test() -> None:
    groups = drawn((14, 0, 1), (31, 0.6, 1))
    made = pairs(*of(groups))
    assert made.tukey_p[0] == pytest.approx(stats.ttest_ind(*groups).pvalue, abs=1e-10)
    assert made.games_howell_p[0] == pytest.approx(stats.ttest_ind(*groups, equal_var=False).pvalue, abs=1e-10)


def test_the_assumption_checks_choose_the_test_to_read() -> None:
    assert omnibus(drawn((40, 0, 1), (40, 0, 1.1))).read == ANOVA
    assert omnibus(drawn((40, 0, 1), (40, 0, 3))).read == WELCH
    skewed = [np.exp(g) for g in drawn((15, 0, 1), (15, 0, 1), seed=2)]
    assert omnibus(skewed).read == KRUSKAL_WALLIS
    large = [np.exp(g) for g in drawn((150, 0, 0.5), (150, 0, 0.5), seed=2)]
    assert omnibus(large).read == ANOVA  # means of 150 are near normal whatever the scores are
    for groups in (skewed, large, UNEQUAL):
        made = omnibus(groups)
        assert made.p == {ANOVA: made.anova_p, WELCH: made.welch_p, KRUSKAL_WALLIS: made.kruskal_p}[made.read]


def test_a_constant_group_leaves_welch_out_and_no_number_silent() -> None:
    groups = [np.full(12, 3.0), *drawn((20, 3, 1))]
    made = omnibus(groups)
    assert (made.welch_f, made.welch_p) == (None, None)
    assert made.read != WELCH
    assert np.isnan(pairs(*of([np.full(12, 3.0), np.full(12, 4.0), *drawn((20, 3, 1))])).games_howell_p[0])


def test_groups_without_any_spread_cannot_be_tested() -> None:
    assert not vary([np.full(12, 3.0), np.full(12, 4.0)])
    assert vary([np.full(12, 3.0), np.array([1.0, 2.0])])


def test_above_five_thousand_students_normality_is_judged_by_a_test_made_for_it() -> None:
    assert omnibus(drawn((3000, 0, 1), (2000, 0, 1))).normality_test == "Shapiro-Wilk"
    assert omnibus(drawn((3000, 0, 1), (2001, 0, 1))).normality_test == "D'Agostino-Pearson"


@given(st.lists(st.floats(0, 1), max_size=30))
def test_adjusting_for_many_tests_as_statsmodels_does(p: list[float]) -> None:
    expected = multipletests(p, method="fdr_bh")[1] if p else []
    np.testing.assert_allclose(benjamini_hochberg(np.array(p)), expected, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(shift=st.floats(-500, 500), scale=st.floats(0.1, 50))
def test_points_or_other_units_change_no_test(shift: float, scale: float) -> None:
    one, other = omnibus(UNEQUAL), omnibus([g * scale + shift for g in UNEQUAL])
    for name in ("anova_f", "welch_f", "levene_w", "eta_squared"):
        assert getattr(other, name) == pytest.approx(getattr(one, name), rel=1e-6)
    assert pairs(*of([g * scale + shift for g in UNEQUAL])).hedges_g == pytest.approx(pairs(*of(UNEQUAL)).hedges_g, rel=1e-6)
