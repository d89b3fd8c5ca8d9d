"""The placebo that gates publication: do this year's teachers "explain" what their students scored before they met?

The gate (Rothstein 2010, Q. J. Econ. 125): the model is run on last year's score given the score of the year before. The teacher
variance of that placebo should be zero; a likelihood ratio tells whether it is not. Beside it stands a diagnostic (after Chetty,
Friedman and Rockoff 2014, Am. Econ. Rev. 104): teachers' mean residuals from one half of their students, regressed on the mean
prior-prior score, beyond the model, of their other half, should have no slope.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from la_assets.value_added.model import DOSAGE, PRIOR_SCORE, SCHOOL_GRADE, TEACHER, ValueAdded, fit_value_added

FEWEST_TEACHERS = 10
"""Teachers below which neither test can tell."""


@dataclass(frozen=True)
class Tolerance:
    """When a placebo fails: significant, and large enough to matter."""

    p_value: float = 0.01
    variance_share: float = 0.25


@dataclass(frozen=True)
class Placebo:
    """The verdict on a subject and year: ``passed``, ``failed`` or ``not_testable``, why, and the figures behind it."""

    status: str
    reason: str
    students: int = 0
    teachers: int = 0
    figures: dict[str, float | None] = field(default_factory=dict)


def placebo(rows: pl.DataFrame, found: ValueAdded, tolerance: Tolerance) -> Placebo:
    """Judge one subject.

    Parameters
    ----------
    rows : polars.DataFrame
        Rows of :func:`~la_assets.value_added.model.model_rows`.
    found : ValueAdded
        The model of the subject on these rows.
    tolerance : Tolerance
        What is too much.
    """
    before = rows.drop_nulls(["prior", "prior_prior"])
    students, teachers = before["student_key"].n_unique(), before[TEACHER].n_unique()
    if not found.usable:
        return Placebo("not_testable", f"the value-added model has no numbers ({found.status})", students, teachers)
    if teachers < FEWEST_TEACHERS:
        return Placebo(
            "not_testable", f"{teachers} teachers have students with two prior scores; {FEWEST_TEACHERS} are needed", students, teachers
        )
    test = fit_value_added(before, PRIOR_SCORE, averaged=False)
    if not test.usable:
        return Placebo("not_testable", f"the placebo model has no numbers ({test.status})", students, teachers)
    real, false = found.variance(TEACHER) or 0.0, test.variance(TEACHER) or 0.0
    ratio, p_value = _likelihood_ratio(before, test)
    slope, error, sorting_p = sorting(before, found)
    figures = {
        "teacher_variance": real,
        "placebo_variance": false,
        "variance_share": false / real if real else None,
        "likelihood_ratio": ratio,
        "p_value": p_value,
        "sorting_slope": slope,
        "sorting_slope_error": error,
        "sorting_p_value": sorting_p,
    }
    if p_value < tolerance.p_value and false > tolerance.variance_share * real:
        why = f"teachers explain {false:.4f} of the variance of last year's scores (p {p_value:.2g}), against {real:.4f} of this year's"
        return Placebo("failed", why, students, teachers, figures)
    return Placebo(
        "passed", "teachers do not explain what their students scored before they met, within the tolerance", students, teachers, figures
    )


def _likelihood_ratio(rows: pl.DataFrame, test: ValueAdded) -> tuple[float, float]:
    """Likelihood ratio of the placebo's teacher variance, and its p-value.

    Under no variance the ratio is zero half the time and chi-squared with one degree else (Self and Liang 1987, JASA 82).
    """
    assert test.fitted is not None
    if test.rows[SCHOOL_GRADE].n_unique() > 1:
        without = fit_value_added(rows, PRIOR_SCORE, teachers=False)
        base = without.fitted.log_likelihood if without.fitted is not None and without.usable else math.nan
    else:
        base = _without_groups(test)
    ratio = 2 * (test.fitted.log_likelihood - base)
    if not math.isfinite(ratio):
        return ratio, 1.0
    ratio = max(ratio, 0.0)
    return ratio, math.erfc(math.sqrt(ratio / 2)) / 2 if ratio > 0 else 1.0


def _without_groups(test: ValueAdded) -> float:
    """Restricted log-likelihood of the same regression without any group (Bates et al. 2015, eq. 39 with no random effects)."""
    x = np.column_stack([np.ones(test.rows.height), *(test.rows[name].to_numpy() for name in test.covariates)])
    y, w = test.rows["outcome"].to_numpy(), np.ones(test.rows.height)
    assert test.fitted is not None
    estimated = {row[0] for row in test.fitted.fixed.drop_nulls("estimate").select("effect").iter_rows()}
    x = x[:, [True, *(name in estimated for name in test.covariates)]]
    gram = x.T @ (w[:, None] * x)
    residual = y - x @ np.linalg.solve(gram, x.T @ (w * y))
    free = w.sum() - x.shape[1]
    return -0.5 * (free * (1 + math.log(2 * math.pi * float(w @ residual**2) / free)) + np.linalg.slogdet(gram)[1])


def sorting(rows: pl.DataFrame, found: ValueAdded) -> tuple[float | None, float | None, float | None]:
    """Slope of teachers' mean residuals on the mean prior-prior score of their other students, standard error, p-value.

    The prior-prior score is taken beyond what the model knows (its residual on the covariates), since that is what could bias
    an effect, and both within grade and school. Two halves, because a student's own residual is correlated with the student's own
    prior-prior score where nobody was sorted. Both directions are stacked, with the error clustered by teacher. Nones where
    fewer than ``FEWEST_TEACHERS`` have both halves.
    """
    ready = found.rows.join(
        rows.select("student_key", TEACHER, "school_year", "prior_prior"), on=["student_key", TEACHER, "school_year"]
    ).drop_nulls("prior_prior")
    if ready.is_empty():
        return None, None, None
    x = np.column_stack([np.ones(ready.height), *(ready[name].to_numpy() for name in found.covariates)])
    w = np.sqrt(ready[DOSAGE].to_numpy())
    before = ready["prior_prior"].to_numpy()
    beyond = before - x @ np.linalg.lstsq(x * w[:, None], before * w, rcond=None)[0]
    # Halves by the key, which is a keyed hash: as good as by chance, and the same in every run.
    halves = (
        ready.with_columns(beyond=pl.Series(beyond), half=pl.col("student_key").str.slice(-1).is_in(list("02468ace")))
        .with_columns(pl.col(c) - pl.col(c).mean().over(SCHOOL_GRADE, "half") for c in ("residual", "beyond"))
        .group_by(TEACHER, "half")
        .agg((pl.col(c) * pl.col(DOSAGE)).sum() / pl.col(DOSAGE).sum() for c in ("residual", "beyond"))
    )
    pairs = halves.join(halves, on=TEACHER, suffix="_of_others").filter(pl.col("half") != pl.col("half_of_others")).sort(TEACHER, "half")
    teachers = pairs[TEACHER].n_unique()
    effect, other = pairs["residual"].to_numpy(), pairs["beyond_of_others"].to_numpy()
    other = other - other.mean() if teachers else other
    if teachers < FEWEST_TEACHERS or not (other @ other) > 0:
        return None, None, None
    slope = float(other @ effect / (other @ other))
    score = other * (effect - effect.mean() - slope * other)
    by_teacher = score.reshape(-1, 2).sum(axis=1)
    error = math.sqrt(float(by_teacher @ by_teacher) * teachers / (teachers - 1)) / float(other @ other)
    from scipy.stats import t

    return slope, error, float(2 * t.sf(abs(slope / error), teachers - 1)) if error > 0 else None
