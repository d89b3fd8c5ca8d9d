"""Where differences between scores lie: the shares of students, classes, schools and districts (intraclass correlations).

    score = b0 + (1 | student) + (1 | class) + (1 | school) + (1 | district) + e

by REML on standardised scores of up to three years; a class is a class of one year, a student is met again in the years after. The
residual is what changes within a student from year to year, error of measurement included. A level with one member has no share.
"""

from __future__ import annotations

import polars as pl

from la_assets.mixed_models import RandomTerm, fit

LEVELS = {"student": "student_key", "class": "class_id", "school": "school_id", "district": "district_id"}
PARTS = (*LEVELS, "residual")
STATUSES = ("estimated", "one_member", "no_repeats", "no_scores", "not_estimable")


def variance_shares(rows: pl.DataFrame) -> pl.DataFrame:
    """Variances and shares of one subject.

    Parameters
    ----------
    rows : polars.DataFrame
        ``score`` and the columns of ``LEVELS``; class identifiers differ between years and schools. Rows without one of them are left out.

    Returns
    -------
    polars.DataFrame
        A row per part: ``part``, ``members``, ``rows``, ``variance``, ``share`` (of the sum of the estimated parts), ``status``.
    """
    ready = rows.drop_nulls(["score", *LEVELS.values()])
    members = {part: ready[column].n_unique() for part, column in LEVELS.items()} | {"residual": ready.height}
    status = dict.fromkeys(PARTS, "estimated")
    if ready.is_empty():
        return _frame(members, 0, {}, dict.fromkeys(PARTS, "no_scores"))
    for part in LEVELS:
        if members[part] < 2:
            status[part] = "one_member"
    if members["student"] == ready.height:
        status["student"] = "no_repeats"
    terms = [RandomTerm(column) for part, column in LEVELS.items() if status[part] == "estimated"]
    found = fit("score ~ 1", ready, terms, conditional_sds=False) if terms else None
    if found is None or not found.usable:
        return _frame(members, ready.height, {}, {part: "not_estimable" if s == "estimated" else s for part, s in status.items()})
    variances = {part: found.variance(LEVELS.get(part, "residual")) for part, s in status.items() if s == "estimated"}
    return _frame(members, ready.height, variances, status)


def _frame(members: dict[str, int], rows: int, variances: dict[str, float], status: dict[str, str]) -> pl.DataFrame:
    total = sum(variances.values())
    return pl.DataFrame(
        [
            {
                "part": part,
                "members": members[part],
                "rows": rows,
                "variance": variances.get(part),
                "share": variances[part] / total if part in variances and total > 0 else None,
                "status": status[part],
            }
            for part in PARTS
        ],
        schema={"part": pl.String, "members": pl.Int32, "rows": pl.Int32, "variance": pl.Float64, "share": pl.Float64, "status": pl.String},
    )
