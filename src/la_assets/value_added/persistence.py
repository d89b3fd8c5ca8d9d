"""How much of a teacher's effect is seen again: correlations between years, raw and without the noise of either, and how forecasts did.

Only published effects are compared, teachers with an effect in both years.
"""

from __future__ import annotations

import math

import polars as pl

FEWEST_TEACHERS = 10
STATUSES = ("estimated", "too_few_teachers", "no_variation")


def persistence(effects: pl.DataFrame, school_year: str, subject: str) -> pl.DataFrame:
    """Correlations of a year's effects with those of each earlier year.

    Parameters
    ----------
    effects : polars.DataFrame
        ``value_added.teacher_effects`` of the year and earlier ones, one subject.
    school_year, subject : str

    Returns
    -------
    polars.DataFrame
        A row per earlier year: ``subject``, ``earlier_school_year``, ``teachers``, ``correlation`` (Pearson, of effects),
        ``ci_low``, ``ci_high`` (Fisher's z), ``disattenuated`` (over the square root of the product of the mean reliabilities; may
        exceed 1), ``mean_reliability``, ``status``.
    """
    known = effects.filter((pl.col("subject") == subject) & (pl.col("status") == "estimated"))
    now = known.filter(pl.col("school_year") == school_year).select("staff_key", "effect", "reliability")
    rows = []
    for label in sorted(effects.filter(pl.col("school_year") < school_year)["school_year"].unique().to_list(), reverse=True):
        before = known.filter(pl.col("school_year") == label).select("staff_key", "effect", "reliability")
        rows.append({"subject": subject, "earlier_school_year": label} | _correlation(now.join(before, on="staff_key", suffix="_before")))
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


_SCHEMA = {
    "subject": pl.String,
    "earlier_school_year": pl.String,
    "teachers": pl.Int32,
    "correlation": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "disattenuated": pl.Float64,
    "mean_reliability": pl.Float64,
    "status": pl.String,
}


def _correlation(pairs: pl.DataFrame) -> dict[str, object]:
    made: dict[str, object] = {"teachers": pairs.height, "status": "too_few_teachers"}
    if pairs.height < FEWEST_TEACHERS:
        return made
    r = pairs.select(pl.corr("effect", "effect_before")).item()
    if r is None or not math.isfinite(r):
        return made | {"status": "no_variation"}
    z, width = math.atanh(max(min(r, 1 - 1e-12), -1 + 1e-12)), 1.959963984540054 / math.sqrt(pairs.height - 3)
    now, before = (pairs.select(pl.col(c).mean()).item() for c in ("reliability", "reliability_before"))
    return made | {
        "correlation": r,
        "ci_low": math.tanh(z - width),
        "ci_high": math.tanh(z + width),
        "disattenuated": r / math.sqrt(now * before) if now * before > 0 else None,
        "mean_reliability": (now + before) / 2,
        "status": "estimated",
    }
