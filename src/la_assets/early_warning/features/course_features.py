"""Features of a student in a course at a snapshot: the marks so far, the class's marks, the course's level, activity in its section.

They stand beside the student's own features (``student_features.py``), to which they are joined when a model of courses is trained
or scored. Only courses with a mark by the snapshot have a row: without any mark there is nothing of the course to go by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from la_assets.early_warning.features import coursework, engagement
from la_assets.early_warning.features.snapshots import Snapshot, thousandths

COURSE_FEATURES: Mapping[str, str] = {
    "course_percent": "Mean percent of the course's marks so far.",
    "course_points": "Mean grade points of the course's marks so far.",
    "course_marks": "Marks of the course so far.",
    "course_is_advanced": "1 for AP, IB and dual enrolment.",
    "course_is_honors": "1 for an honors course.",
    "course_is_core": "1 for ELA, mathematics, science and social studies.",
    "class_percent": "Mean percent of the classmates so far, the student left out.",
    "below_class": "course_percent minus class_percent.",
    "below_own_mean": "course_percent minus the mean of the student's courses.",
    "prior_percent_in_subject": "Mean percent in the subject in the year before.",
    "course_minutes": "Minutes in the section's learning management system this year.",
    "course_completion": "Submissions over submissions and missed assignments in the section.",
}
"""What a model of courses may read beside the student's features."""

UNIT = ["student_key", "section_id", "snapshot"]


def course_features(
    grades: pl.LazyFrame, lms_daily: pl.LazyFrame, snapshots: Sequence[Snapshot], school_year: str, recent_days: int
) -> pl.LazyFrame:
    """The table ``early_warning.course_features`` of one school year, for every student with a mark.

    Parameters
    ----------
    grades : polars.LazyFrame
        ``coursework.grades`` of the year and the year before.
    lms_daily : polars.LazyFrame
        ``engagement.lms_daily`` of the year.
    """
    own = pl.col("school_year") == school_year
    sums = coursework.course_sums(grades.filter(own), snapshots).drop("school_year")
    course = grades.filter(own).group_by("student_key", "section_id").agg(pl.col("subject", "course_level", "course_id").min())
    before = coursework_before(grades.filter(~own))
    activity = engagement.section_sums(lms_daily, snapshots, recent_days)
    percent = pl.when(pl.col("percents") > 0).then(pl.col("percent") / pl.col("percents") / 1000)
    thousandth, counted = thousandths(pl.col("course_percent")), pl.col("course_percent").is_not_null().cast(pl.Int64)
    classmates = ["section_id", "snapshot"]
    others = counted.sum().over(classmates) - counted
    class_percent = (thousandth.sum().over(classmates) - thousandth.fill_null(0)) / others / 1000
    own_mean = thousandth.sum().over("student_key", "snapshot") / counted.sum().over("student_key", "snapshot") / 1000
    return (
        sums.join(course, on=["student_key", "section_id"], how="left")
        .join(activity.drop("as_of_date", "loaded_at"), on=UNIT, how="left")
        .join(before, on=["student_key", "subject"], how="left")
        .with_columns(
            percent.alias("course_percent"),
            pl.when(pl.col("points_given") > 0).then(pl.col("points") / pl.col("points_given") / 1000).alias("course_points"),
            pl.col("marks").cast(pl.Float64).alias("course_marks"),
            pl.col("course_level").is_in(["AP", "IB", "dual"]).fill_null(False).cast(pl.Float64).alias("course_is_advanced"),
            (pl.col("course_level") == "honors").fill_null(False).cast(pl.Float64).alias("course_is_honors"),
            pl.col("subject").is_in(coursework.CORE).fill_null(False).cast(pl.Float64).alias("course_is_core"),
            (pl.col("minutes") / 1000).alias("course_minutes"),
            pl.when(pl.col("prior_known_on") <= pl.col("as_of_date")).then(pl.col("prior_percent_in_subject")),
            pl.when(pl.col("submissions") + pl.col("missing") > 0)
            .then(pl.col("submissions") / (pl.col("submissions") + pl.col("missing")))
            .alias("course_completion"),
        )
        .with_columns(pl.when(others > 0).then(class_percent).alias("class_percent"))
        .with_columns(
            (pl.col("course_percent") - pl.col("class_percent")).alias("below_class"),
            (pl.col("course_percent") - own_mean).alias("below_own_mean"),
            pl.lit(school_year).alias("school_year"),
            pl.col("as_of_date").alias("known_on"),
            pl.lit("early_warning").alias("source"),
        )
    )


def coursework_before(grades: pl.LazyFrame) -> pl.LazyFrame:
    """Mean percent by student and subject of the year before, with the day on which the last of its marks was known."""
    return (
        grades.filter(pl.col("subject").is_not_null())
        .group_by("student_key", "subject")
        .agg(
            (thousandths(pl.col("percent")).sum() / pl.col("percent").count() / 1000).alias("prior_percent_in_subject"),
            pl.col("known_on").max().alias("prior_known_on"),
        )
    )
