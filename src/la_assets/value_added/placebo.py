"""The placebo that gates publication: do this year's teachers "explain" what their students scored before they met?

The gate (Rothstein 2010, Q. J. Econ. 125): the model is run on last year's score given the score of the year before. The teacher
variance of that placebo should be zero. One subject and year of a small district cannot tell; so the subjects of a year are judged
together, and the year together with the two before it, against what there would be by chance (``assignment.py``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from la_assets.value_added.assignment import FEWEST_TEACHERS, Assignment, chance, sorting_slope
from la_assets.value_added.model import PRIOR_SCORE, TEACHER, ValueAdded, fit_value_added


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


@dataclass(frozen=True)
class YearEvidence:
    """What a year says of all its testable subjects together.

    Attributes
    ----------
    subjects : mapping of str to Placebo
        Figures of each subject; ``not_testable``, or ``passed`` until judged.
    real, false : float
        Teacher variances of this year's scores and of last year's, summed over testable subjects.
    z : float, optional
        Normal quantile of the joint p-value; None where no subject can be tested.
    """

    subjects: Mapping[str, Placebo]
    real: float = 0.0
    false: float = 0.0
    z: float | None = None


def year_evidence(rows: pl.DataFrame, fits: Mapping[str, ValueAdded]) -> YearEvidence:
    """Run the placebo of every subject of one year.

    Parameters
    ----------
    rows : polars.DataFrame
        Rows of :func:`~la_assets.value_added.model.model_rows` of the year, all subjects.
    fits : mapping of str to ValueAdded
        The models of the subjects on these rows.
    """
    subjects: dict[str, Placebo] = {}
    assignments: dict[str, Assignment] = {}
    for subject, found in fits.items():
        subjects[subject], test = _figures(rows.filter(pl.col("subject") == subject), found)
        if test is not None:
            assignments[subject] = Assignment(test)
    told = chance(assignments)
    for subject in assignments:
        if subject in told:
            subjects[subject].figures["assignment_p_value"] = told[subject][1]
    figures = [subjects[subject].figures for subject in assignments]
    real, false = (sum(f[name] or 0.0 for f in figures) for name in ("teacher_variance", "placebo_variance"))
    return YearEvidence(subjects, real, false, _quantile(told[None][1]) if None in told else None)


def judged(own: YearEvidence, earlier: Sequence[YearEvidence], tolerance: Tolerance) -> dict[str, Placebo]:
    """The verdict on each subject of a year.

    It fails when its subjects together, or the year together with earlier years, are assigned to teachers otherwise than by chance, and the
    placebo variance is more than the tolerated share of the real one. Each of the two ways has half the level (Bonferroni); years
    are combined by the sum of their normal quantiles (Stouffer): their students' luck is not the same.

    Parameters
    ----------
    own : YearEvidence
    earlier : sequence of YearEvidence
        Of the years before that count.
    tolerance : Tolerance
    """
    known = [year for year in (own, *earlier) if year.z is not None]
    year_p, year_share = _together([own] if own.z is not None else [])
    years_p, years_share = _together(known)
    level = tolerance.p_value / 2
    by_year, by_years = (
        p is not None and share is not None and p < level and share > tolerance.variance_share
        for p, share in ((year_p, year_share), (years_p, years_share))
    )
    verdicts = {}
    for subject, one in own.subjects.items():
        figures = one.figures | {
            "year_p_value": year_p, "year_variance_share": _finite(year_share),
            "years_p_value": years_p, "years_variance_share": _finite(years_share), "years_judged": len(known),
        }  # fmt: skip
        if one.status == "not_testable":
            verdicts[subject] = Placebo(one.status, one.reason, one.students, one.teachers, figures | one.figures)
        elif own.z is not None and (by_year or by_years):
            p, share, what = (year_p, year_share, "the year's subjects together") if by_year else (
                years_p, years_share, f"{len(known)} years together"
            )  # fmt: skip
            much = f"{share:.0%} as much" if share is not None and math.isfinite(share) else "some"
            why = f"teachers explain {much} of last year's scores as of this year's (p {p:.2g}, {what})"
            verdicts[subject] = Placebo("failed", why, one.students, one.teachers, figures)
        else:
            verdicts[subject] = Placebo("passed", one.reason, one.students, one.teachers, figures)
    return verdicts


def _figures(rows: pl.DataFrame, found: ValueAdded) -> tuple[Placebo, ValueAdded | None]:
    """The figures of one subject, and its placebo model where there is one."""
    before = rows.drop_nulls(["prior", "prior_prior"])
    students, teachers = before["student_key"].n_unique(), before[TEACHER].n_unique()
    why = None
    if not found.usable:
        why = f"the value-added model has no numbers ({found.status})"
    elif teachers < FEWEST_TEACHERS:
        why = f"{teachers} teachers have students with two prior scores; {FEWEST_TEACHERS} are needed"
    if why:
        return Placebo("not_testable", why, students, teachers), None
    test = fit_value_added(before, PRIOR_SCORE, averaged=False)
    if not test.usable:
        return Placebo("not_testable", f"the placebo model has no numbers ({test.status})", students, teachers), None
    real, false, ratio = found.variance(TEACHER) or 0.0, test.variance(TEACHER) or 0.0, test.likelihood_ratio or 0.0
    slope = sorting_slope(before, found)
    figures = {
        "teacher_variance": real,
        "placebo_variance": false,
        "variance_share": false / real if real else None,
        "likelihood_ratio": ratio,
        # Under no variance zero half the time and chi-squared with one degree else (Self and Liang 1987, JASA 82).
        "p_value": math.erfc(math.sqrt(ratio / 2)) / 2 if ratio > 0 else 1.0,
        "sorting_slope": slope.slope,
        "sorting_slope_error": slope.error,
        "sorting_p_value": slope.p_value,
    }
    clean = "teachers do not explain what their students scored before they met, within the tolerance"
    return Placebo("passed", clean, students, teachers, figures), test


def _together(years: Sequence[YearEvidence]) -> tuple[float | None, float | None]:
    """Joint p-value and pooled variance share of years."""
    if not years:
        return None, None
    from scipy.stats import norm

    z = sum(year.z or 0.0 for year in years) / math.sqrt(len(years))
    real, false = sum(year.real for year in years), sum(year.false for year in years)
    share = false / real if real > 0 else (math.inf if false > 0 else 0.0)
    return float(norm.sf(z)), share


def _finite(share: float | None) -> float | None:
    """No number for a share of nothing: it fails the placebo, but is none to publish."""
    return share if share is not None and math.isfinite(share) else None


def _quantile(p_value: float) -> float:
    from scipy.stats import norm

    return float(norm.isf(min(max(p_value, 1e-300), 1 - 1e-12)))
