"""What a growth percentile needs beside scores: the error of measurement, and whether priors lie on the usual way through grades.

A student who repeated or skipped a grade did not take the test that classmates took; the norm of the grade does not hold.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

_GRADES = {f"{grade:02d}": grade for grade in range(1, 13)}


def with_errors_and_usual_grades(rows: pl.LazyFrame, years_apart: Sequence[int], assumed_reliability: float) -> pl.LazyFrame:
    """The columns that :func:`la_assets.growth.growth_percentiles.growth_percentiles` reads.

    Parameters
    ----------
    rows : polars.LazyFrame
        Finals of a year with ``scale_score_<k>`` and ``grade_<k>`` of the k-th tested year before.
    years_apart : sequence of int
        Years between the year and that one.
    assumed_reliability : float
        Where the test reports no standard error: SD of the group times the square root of 1 - reliability (classical test theory).
    """
    grade = _grade_number("grade")
    assumed = pl.col("scale_score").std().over("subject", "assessment_id", "grade") * (1 - assumed_reliability) ** 0.5
    made = [
        pl.col("scale_score").alias("score"),
        pl.coalesce("standard_error", assumed).fill_null(0.0).alias("error"),
        pl.when(pl.col("standard_error").is_not_null()).then(pl.lit("test")).otherwise(pl.lit("assumed")).alias("error_source"),
    ]
    for place in (1, 2):
        if place <= len(years_apart):
            usual = (grade - _grade_number(f"grade_{place}") == years_apart[place - 1]).fill_null(False)
            made += [pl.col(f"scale_score_{place}").alias(f"prior_score_{place}"), usual.alias(f"usual_{place}")]
        else:
            made += [pl.lit(None, dtype=pl.Float64).alias(f"prior_score_{place}"), pl.lit(False).alias(f"usual_{place}")]
    return rows.with_columns(made)


def _grade_number(column: str) -> pl.Expr:
    return pl.col(column).replace_strict(_GRADES, default=None, return_dtype=pl.Int32)
