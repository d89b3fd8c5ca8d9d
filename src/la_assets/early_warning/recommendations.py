"""What to do for a scored student, by plain rules on the features; the rules do not read the score.

The rules are those of the district's early-warning practice: each names a team or a support, several may apply, and a student to whom
none applies is monitored.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

RECOMMENDATIONS = ("attendance team", "tutoring", "counselling", "engagement coaching", "check for resource needs", "monitor")


@dataclass(frozen=True)
class RecommendationRules:
    """Values below which (from which, for suspensions) a recommendation is given."""

    low_attendance: float = 0.90
    low_gpa: float = 2.0
    many_suspensions: int = 2
    low_completion: float = 0.70


def recommendations(rules: RecommendationRules) -> pl.Expr:
    """The recommendations of a row of features, in the order of ``RECOMMENDATIONS``; what is not known raises none.

    Returns
    -------
    polars.Expr
        ``recommendations``, a list of text with at least one element.
    """
    raised = (
        pl.col("attendance_rate") < rules.low_attendance,
        pl.col("gpa") < rules.low_gpa,
        pl.col("suspensions") >= rules.many_suspensions,
        pl.col("assignment_completion") < rules.low_completion,
        pl.col("frl").cast(pl.Boolean),
    )
    words = [pl.when(flag.fill_null(False)).then(pl.lit(word)) for flag, word in zip(raised, RECOMMENDATIONS, strict=False)]
    given = pl.concat_list(words).list.drop_nulls()
    nothing = pl.concat_list(pl.lit(RECOMMENDATIONS[-1]))
    return pl.when(given.list.len() > 0).then(given).otherwise(nothing).alias("recommendations")
