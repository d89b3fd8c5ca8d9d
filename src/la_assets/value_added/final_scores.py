"""One final score a student, subject and year, and the scores of the years before it, as value-added and growth use them.

Which test is final is the district's to say. Scores are standardised within test, grade and year, so that years and grades
compare as ranks of the same population do; scale scores stay beside them. It fits nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from la_assets import exact_sums

WITHIN = ["subject", "assessment_id", "grade", "school_year"]
"""Scores are standardised over the students who share these."""


def final_scores(scores: pl.LazyFrame, tests: Sequence[tuple[str, str, str]]) -> pl.LazyFrame:
    """Each student's final score of each subject and year.

    Parameters
    ----------
    scores : polars.LazyFrame
        ``assessments.scores`` of one or more years.
    tests : sequence of (subject, assessment_id, window)
        The tests that count; of two that a student has in a subject and year, the one named first.

    Returns
    -------
    polars.LazyFrame
        ``student_key``, ``subject``, ``school_year``, ``assessment_id``, ``grade``, ``scale_score``, ``standard_error``, ``level``,
        ``is_vertical_scale``, ``score`` (standardised within ``WITHIN``; null where all scores of a group are equal), ``known_on``,
        ``loaded_at``.
    """
    named = pl.LazyFrame(
        [(s, a, w, i) for i, (s, a, w) in enumerate(tests)],
        schema={"subject": pl.String, "assessment_id": pl.String, "window": pl.String, "rank": pl.Int32},
        orient="row",
    )
    mean, sd = exact_sums.mean(pl.col("scale_score"), WITHIN), exact_sums.deviation(pl.col("scale_score"), WITHIN)
    return (
        scores.filter("is_official")
        .drop_nulls("scale_score")
        .join(named, on=["subject", "assessment_id", "window"])
        .sort("student_key", "subject", "school_year", "rank", "attempt")
        .unique(["student_key", "subject", "school_year"], keep="first", maintain_order=True)
        .with_columns(pl.col("grade_level").fill_null("Other").alias("grade"))
        .with_columns(score=pl.when(sd > 0).then((pl.col("scale_score") - mean) / sd))
        .select(
            "student_key",
            "subject",
            "school_year",
            "assessment_id",
            "grade",
            "scale_score",
            "standard_error",
            "level",
            "is_vertical_scale",
            "score",
            "known_on",
            "loaded_at",
        )
    )


def with_priors(finals: pl.LazyFrame, school_year: str, earlier: Sequence[str], columns: Sequence[str]) -> pl.LazyFrame:
    """The finals of a year with those of the tested years before it.

    Parameters
    ----------
    finals : polars.LazyFrame
        Rows of :func:`final_scores`, the year and earlier ones.
    school_year : str
        The year.
    earlier : sequence of str
        Earlier years with tests, latest first: where spring tests were not given, the prior lies two years back.
    columns : sequence of str
        Columns taken from the earlier years.

    Returns
    -------
    polars.LazyFrame
        The year's rows; ``<column>_1``, ``<column>_2``, ... of the earlier years in the order of ``earlier``, null where the
        student has no score.
    """
    rows = finals.filter(pl.col("school_year") == school_year)
    for place, label in enumerate(earlier, start=1):
        prior = finals.filter(pl.col("school_year") == label).select(
            "student_key", "subject", *(pl.col(c).alias(f"{c}_{place}") for c in columns)
        )
        rows = rows.join(prior, on=["student_key", "subject"], how="left", maintain_order="left")
    return rows


def latest_tested_years(label_of: Sequence[str], without_tests: Sequence[str], how_many: int) -> list[str]:
    """The latest ``how_many`` of earlier years (given latest first) in which spring tests were held."""
    return [label for label in label_of if label not in without_tests][:how_many]
