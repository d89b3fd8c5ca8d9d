"""Final scale scores (PM3, end of course) by student, subject and year, and where level 3 begins.

They are what is predicted; nothing here is a feature of the same year. A retest never replaces the official attempt.
"""

from __future__ import annotations

import polars as pl

from la_assets.forecasts.targets import COURSE_WINDOW, FINAL_WINDOW, PROGRESS_SUBJECTS, SUBJECTS


def final_scores(scores: pl.LazyFrame, *, progress_assessment: str = "FAST", course_assessment: str = "EOC") -> pl.LazyFrame:
    """Official final scores, one row per student, subject and school year.

    Parameters
    ----------
    scores : polars.LazyFrame
        ``assessments.scores`` of any years.
    progress_assessment, course_assessment : str
        ``assessment_id`` of the state test with progress windows and of the end-of-course exam.

    Returns
    -------
    polars.LazyFrame
        ``student_key, subject, school_year, final_score, level, final_grade, final_known_on, final_loaded_at``.
    """
    progress = pl.col("subject").is_in(list(PROGRESS_SUBJECTS))
    is_final = pl.when(progress).then(
        (pl.col("assessment_id") == progress_assessment) & (pl.col("window") == FINAL_WINDOW)
    ).otherwise((pl.col("assessment_id") == course_assessment) & (pl.col("window") == COURSE_WINDOW))  # fmt: skip
    return scores.filter(
        pl.col("subject").is_in(list(SUBJECTS)), is_final, pl.col("is_official"), pl.col("scale_score").is_finite()
    ).select(
        "student_key",
        "subject",
        "school_year",
        pl.col("scale_score").alias("final_score"),
        "level",
        pl.col("grade_level").alias("final_grade"),
        pl.col("known_on").alias("final_known_on"),
        pl.col("loaded_at").alias("final_loaded_at"),
    )


def scored_years(finals: pl.LazyFrame, minimum_students: int) -> pl.LazyFrame:
    """School years of each subject with final scores of at least ``minimum_students`` students."""
    return finals.group_by("subject", "school_year").agg(pl.len().alias("students")).filter(pl.col("students") >= minimum_students)


def proficiency_cuts(finals: pl.LazyFrame) -> pl.LazyFrame:
    """Lowest final score of level 3 by subject and grade, as earlier years' scores show it.

    The cut of a grade is its lowest score at level 3 or above, if no score below level 3 reaches it: where the two overlap, the
    cut moved between years or levels are not of one scale, and a wrong cut would be worse than none. Course exams have one scale
    for all grades, so their cut is that of all grades together (``final_grade`` is null there).

    Parameters
    ----------
    finals : polars.LazyFrame
        As of :func:`final_scores`, of earlier years.

    Returns
    -------
    polars.LazyFrame
        ``subject, final_grade, proficiency_cut``.
    """
    grade = pl.when(pl.col("subject").is_in(list(PROGRESS_SUBJECTS))).then(pl.col("final_grade")).alias("final_grade")
    proficient = pl.col("level") >= 3
    return (
        finals.filter(pl.col("level").is_not_null())
        .group_by("subject", grade)
        .agg(
            pl.col("final_score").filter(proficient).min().alias("proficiency_cut"),
            pl.col("final_score").filter(~proficient).max().alias("highest_below"),
        )
        .filter(pl.col("proficiency_cut") > pl.col("highest_below"))
        .select("subject", "final_grade", "proficiency_cut")
    )
