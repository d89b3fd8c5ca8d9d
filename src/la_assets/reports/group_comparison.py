"""Do groups of students differ by more than chance: analysis of variance, rank test, pairs, assumption checks, effect sizes.

Arrays in, numbers out; it knows nothing of teams. Formulas: Fisher's and Welch's analysis of variance (Welch 1951, Biometrika 38),
Kruskal and Wallis (1952), Brown and Forsythe's form of Levene's test (1974), Shapiro and Wilk (1965), Tukey and Kramer (1956),
Games and Howell (1976), Hedges and Olkin (1985) for g. scipy's functions where it has them; statsmodels and R judge the rest in the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from la_assets.reports import studentized_range

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SHAPIRO_WILK, DAGOSTINO_PEARSON = "Shapiro-Wilk", "D'Agostino-Pearson"
SHAPIRO_WILK_LIMIT = 5000
"""The approximation behind its chances was made for samples up to this size (Royston 1995, algorithm AS R94)."""

ANOVA, WELCH, KRUSKAL_WALLIS = "ANOVA", "Welch's ANOVA", "Kruskal-Wallis"
TESTS = (ANOVA, WELCH, KRUSKAL_WALLIS)
LARGE_GROUP = 30
"""From this size on means are close to normal whatever the scores are."""


@dataclass(frozen=True)
class Omnibus:
    """Tests of all groups at once; ``p`` of the test that the assumption checks favour is the one to read (``read``).

    Effect sizes: ``eta_squared`` is the share of the variance between groups, ``omega_squared`` the same without its upward
    bias (0 where negative), ``epsilon_squared`` the share for ranks, ``H / (n - 1)`` (Tomczak and Tomczak 2014).
    """

    anova_f: float
    anova_df_between: int
    anova_df_within: int
    anova_p: float
    welch_f: float | None
    welch_df_within: float | None
    welch_p: float | None
    kruskal_h: float
    kruskal_p: float
    levene_w: float
    levene_p: float
    normality_test: str
    normality_w: float
    normality_p: float
    eta_squared: float
    omega_squared: float
    epsilon_squared: float
    read: str
    p: float


def vary(groups: Sequence[Floats]) -> bool:
    """Whether anything can be tested: values within some group differ."""
    return any(group.size > 1 and group.min() < group.max() for group in groups)


def omnibus(groups: Sequence[Floats], alpha: float = 0.05) -> Omnibus:
    """All groups at once.

    Parameters
    ----------
    groups : sequence of arrays
        Two or more, each of three values or more, of which some vary within a group (:func:`vary`).
    alpha : float
        Chance below which an assumption counts as broken.

    Returns
    -------
    Omnibus
        Unequal variances (Levene) lead to Welch's test; equal ones with residuals that are not normal and a group under
        30 to the rank test; else the analysis of variance is read. Welch's test is missing where a group does not vary.
    """
    import numpy as np
    from scipy import stats
    from scipy.special import fdtrc

    n, k = sum(g.size for g in groups), len(groups)
    everything = np.concatenate(groups)
    residuals = np.concatenate([g - g.mean() for g in groups])
    between = sum(g.size * (g.mean() - everything.mean()) ** 2 for g in groups)
    within = float(residuals @ residuals)
    mean_square = within / (n - k)
    f = between / (k - 1) / mean_square
    h, kruskal_p = stats.kruskal(*groups)
    levene_w, levene_p = stats.levene(*groups, center="median")
    name = SHAPIRO_WILK if n <= SHAPIRO_WILK_LIMIT else DAGOSTINO_PEARSON
    normality_w, normality_p = stats.shapiro(residuals) if name == SHAPIRO_WILK else stats.normaltest(residuals)
    welch_f, welch_df, welch_p = _welch(groups)
    p = {ANOVA: float(fdtrc(k - 1, n - k, f)), WELCH: welch_p, KRUSKAL_WALLIS: float(kruskal_p)}
    small = min(g.size for g in groups) < LARGE_GROUP
    if levene_p < alpha and welch_p is not None:
        read = WELCH
    elif small and normality_p < alpha:
        read = KRUSKAL_WALLIS
    else:
        read = ANOVA
    return Omnibus(
        anova_f=float(f),
        anova_df_between=k - 1,
        anova_df_within=n - k,
        anova_p=p[ANOVA] or 0.0,
        welch_f=welch_f,
        welch_df_within=welch_df,
        welch_p=welch_p,
        kruskal_h=float(h),
        kruskal_p=float(kruskal_p),
        levene_w=float(levene_w),
        levene_p=float(levene_p),
        normality_test=name,
        normality_w=float(normality_w),
        normality_p=float(normality_p),
        eta_squared=float(between / (between + within)),
        omega_squared=float(max(0.0, (between - (k - 1) * mean_square) / (between + within + mean_square))),
        epsilon_squared=float(h / (n - 1)),
        read=read,
        p=float(p[read] or 0.0),
    )


def _welch(groups: Sequence[Floats]) -> tuple[float | None, float | None, float | None]:
    """F, degrees of freedom within, and chance of Welch's test; missing where a group does not vary."""
    import numpy as np
    from scipy.special import fdtrc

    size = np.array([g.size for g in groups], float)
    mean = np.array([g.mean() for g in groups])
    variance = np.array([g.var(ddof=1) for g in groups])
    if (variance <= 0).any():
        return None, None, None
    k, weight = len(groups), size / variance
    total = weight.sum()
    lost = ((1 - weight / total) ** 2 / (size - 1)).sum()
    between = (weight * (mean - (weight * mean).sum() / total) ** 2).sum() / (k - 1)
    f = between / (1 + 2 * (k - 2) / (k**2 - 1) * lost)
    freedom = (k**2 - 1) / (3 * lost)
    return float(f), float(freedom), float(fdtrc(k - 1, freedom, f))


@dataclass(frozen=True)
class Pairs:
    """Every pair of groups, the first minus the second: arrays over pairs, ``first`` and ``second`` being places of the groups.

    ``low`` and ``high`` bound the difference so that all intervals hold together with the chosen confidence. ``hedges_g`` is the
    difference in standard deviations of the two groups pooled, without the small-sample bias; its interval is for one pair alone.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    difference: Floats
    standard_error: Floats
    tukey_q: Floats
    tukey_p: Floats
    low: Floats
    high: Floats
    games_howell_p: Floats
    hedges_g: Floats
    hedges_g_low: Floats
    hedges_g_high: Floats


def pairs(size: Floats, mean: Floats, deviation: Floats, alpha: float = 0.05) -> Pairs:
    """Every pair of two or more groups, by Tukey's honestly significant difference in Kramer's form for unequal sizes.

    Parameters
    ----------
    size, mean, deviation : numpy.ndarray, shape (k,)
        Values, mean and sample standard deviation of each group; some group has a deviation above 0.
    alpha : float
        Chance of any false difference among all pairs.

    Returns
    -------
    Pairs
        Games and Howell's chance, which does without equal variances, is NaN where both groups of a pair do not vary.
    """
    import numpy as np
    from scipy.special import ndtri

    k, n = size.size, size.sum()
    first, second = np.triu_indices(k, 1)
    variance = deviation**2
    mean_square = ((size - 1) * variance).sum() / (n - k)
    difference = mean[first] - mean[second]
    error = np.sqrt(mean_square / 2 * (1 / size[first] + 1 / size[second]))
    q = np.abs(difference) / error
    reach = studentized_range.critical_value(alpha, k, float(n - k)) * error

    of_mean = variance / size
    own = of_mean[first] + of_mean[second]
    spread = own > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        freedom = own**2 / (of_mean[first] ** 2 / (size[first] - 1) + of_mean[second] ** 2 / (size[second] - 1))
        own_q = np.abs(difference) / np.sqrt(own / 2)
    games_howell = np.full(difference.shape, np.nan)
    if spread.any():
        games_howell[spread] = studentized_range.tail(own_q[spread], k, freedom[spread])

    with np.errstate(invalid="ignore", divide="ignore"):
        two = size[first] + size[second]
        pooled = np.sqrt(((size[first] - 1) * variance[first] + (size[second] - 1) * variance[second]) / (two - 2))
        g = np.where(pooled > 0, difference / pooled * (1 - 3 / (4 * (two - 2) - 1)), np.nan)
    g_error = np.sqrt(two / (size[first] * size[second]) + g**2 / (2 * two))
    z = -float(ndtri(alpha / 2))
    return Pairs(
        first=first,
        second=second,
        difference=difference,
        standard_error=error * np.sqrt(2),
        tukey_q=q,
        tukey_p=studentized_range.tail(q, k, float(n - k)),
        low=difference - reach,
        high=difference + reach,
        games_howell_p=games_howell,
        hedges_g=g,
        hedges_g_low=g - z * g_error,
        hedges_g_high=g + z * g_error,
    )


def benjamini_hochberg(p: Floats) -> Floats:
    """Chances adjusted for the number of tests (Benjamini and Hochberg 1995): the false discovery rate at which each counts."""
    import numpy as np

    if p.size == 0:
        return p
    order = np.argsort(p)[::-1]
    ranked = p[order] * p.size / np.arange(p.size, 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.minimum.accumulate(ranked), 1)
    return adjusted
