"""Scores of students over grades: the panel that growth models read, on the vertical scale or in standardised units.

A subject is on its vertical scale where every score of its final test says so; else scores are standardised within grade and year, and
growth is against the average student, whose growth is zero by construction. Nothing is fitted here.
"""

from __future__ import annotations

import polars as pl

FIRST_GRADE = 3
KNOT_GRADE = 6
SCALES = ("vertical", "standardised")
_GRADES = {f"{grade:02d}": grade for grade in range(FIRST_GRADE, 13)}


def growth_panel(finals: pl.LazyFrame) -> pl.DataFrame:
    """A row per student, subject and year with a final score in grades 3 to 12.

    Parameters
    ----------
    finals : polars.LazyFrame
        :func:`la_assets.value_added.final_scores.final_scores` of the years known.

    Returns
    -------
    polars.DataFrame
        ``student_key``, ``subject``, ``school_year``, ``grade_number``, ``value`` (score points, or SD), ``scale``, ``time``
        (grade - 3), ``time_squared``, ``time_after_knot`` (grades beyond 6), ``level``, ``known_on``, ``loaded_at``. Rows whose value is
        missing (a standardised group without spread) are left out.
    """
    vertical = pl.col("is_vertical_scale").all().over("subject")
    grade = pl.col("grade").replace_strict(_GRADES, default=None, return_dtype=pl.Int32)
    time = (pl.col("grade_number") - FIRST_GRADE).cast(pl.Float64)
    return (
        finals.with_columns(grade_number=grade, scale=pl.when(vertical).then(pl.lit("vertical")).otherwise(pl.lit("standardised")))
        .with_columns(value=pl.when(pl.col("scale") == "vertical").then("scale_score").otherwise("score"))
        .drop_nulls(["grade_number", "value"])
        .select(
            "student_key",
            "subject",
            "school_year",
            "grade_number",
            "value",
            "scale",
            time.alias("time"),
            (time**2).alias("time_squared"),
            pl.max_horizontal(pl.lit(0.0), time - (KNOT_GRADE - FIRST_GRADE)).alias("time_after_knot"),
            "level",
            "known_on",
            "loaded_at",
        )
        .sort("subject", "student_key", "school_year")
        .collect()
    )


def proficiency_cuts(panel: pl.DataFrame) -> dict[tuple[str, int], float]:
    """The lowest score of level 3 by subject and grade, as the scores themselves show it.

    Half-way between the highest score below level 3 and the lowest at or above it, of the latest year that has both; only on
    vertical scales, and only where levels do not contradict scores.
    """
    known = panel.filter(pl.col("scale") == "vertical").drop_nulls("level")
    bounds = (
        known.group_by("subject", "grade_number", "school_year")
        .agg(
            below=pl.col("value").filter(pl.col("level") < 3).max(),
            above=pl.col("value").filter(pl.col("level") >= 3).min(),
        )
        .drop_nulls()
        .filter(pl.col("below") < pl.col("above"))
        .sort("school_year")
        .unique(["subject", "grade_number"], keep="last", maintain_order=True)
    )
    return {(s, g): (low + high) / 2 for s, g, low, high in bounds.select("subject", "grade_number", "below", "above").iter_rows()}
