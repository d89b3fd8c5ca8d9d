"""Marks by a snapshot: mean percent, grade points, Ds and Fs, courses being failed, credits not earned, course levels, the year before.

A course is being failed when the mean of its marks so far is under the passing percent (grade points under 1 where no percent is
given). Grade points are the plain mean of the marks: first-quarter marks carry no credits yet.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from la_assets.early_warning.features.snapshots import Snapshot, known_by, sums_as_of, thousandths

CORE = ("ELA", "Math", "Algebra 1", "Geometry", "Science", "Biology", "Social Studies")
_ADVANCED = ("AP", "IB", "dual")
_COURSE = ["student_key", "section_id", "school_year"]


def letter() -> pl.Expr:
    """A to F of a mark, whatever its sign or case."""
    return pl.col("letter").str.strip_chars().str.to_uppercase().str.head(1)


def course_sums(grades: pl.LazyFrame, snapshots: Sequence[Snapshot]) -> pl.LazyFrame:
    """What a student's marks in a course add up to by each snapshot (and of earlier years, what was known of them by then).

    ``percent`` and ``points`` are sums in thousandths, over ``percents`` and ``points_given`` marks.

    Parameters
    ----------
    grades : polars.LazyFrame
        ``coursework.grades`` of one or several years.
    """
    is_f = letter() == "F"
    sums = {
        "marks": pl.lit(1, pl.Int64),
        "percents": pl.col("percent").is_not_null().cast(pl.Int64),
        "percent": thousandths(pl.col("percent")),
        "points_given": pl.col("gpa_points").is_not_null().cast(pl.Int64),
        "points": thousandths(pl.col("gpa_points")),
        "ds": (letter() == "D").cast(pl.Int64),
        "fs": is_f.cast(pl.Int64),
        "core_fs": (is_f & pl.col("subject").is_in(CORE)).cast(pl.Int64),
    }
    return sums_as_of(grades, snapshots, _COURSE, sums, dates=["posted_on"])


def fails(passing_percent: float) -> pl.Expr:
    """Whether a course's marks so far, summed in thousandths, are under passing; null without a percent and without points."""
    percent, points = pl.col("percent"), pl.col("points")
    under = pl.when(pl.col("percents") > 0).then(percent < pl.col("percents") * round(passing_percent * 1000))
    return under.when(pl.col("points_given") > 0).then(points < pl.col("points_given") * 1000)


def coursework(courses: pl.LazyFrame, school_year: str, passing_percent: float) -> pl.LazyFrame:
    """Coursework features by student and snapshot.

    Parameters
    ----------
    courses : polars.LazyFrame
        :func:`course_sums` of the year and the year before.
    school_year : str
        The year of the snapshots; the year before gives the prior features.
    """
    start = int(school_year[:4])
    own = pl.col("school_year") == school_year
    before = pl.col("school_year").str.head(4).cast(pl.Int32) == start - 1
    failing = fails(passing_percent)

    def mean(total: str, count: str, where: pl.Expr) -> pl.Expr:
        counted = pl.col(count).filter(where).sum()
        return pl.when(counted > 0).then(pl.col(total).filter(where).sum() / counted / 1000)

    def of_marks(column: str) -> pl.Expr:
        return pl.when(own.any()).then(pl.col(column).filter(own).sum() / pl.col("marks").filter(own).sum())

    return courses.group_by("student_key", "snapshot").agg(
        mean("percent", "percents", own).alias("mean_percent"),
        mean("points", "points_given", own).alias("gpa"),
        of_marks("ds").alias("d_share"),
        of_marks("fs").alias("f_share"),
        of_marks("core_fs").alias("core_f_share"),
        pl.when(own.any()).then(failing.filter(own).sum().cast(pl.Float64)).alias("courses_failing"),
        mean("points", "points_given", before).alias("prior_gpa"),
        pl.when(before.any()).then(failing.filter(before).sum().cast(pl.Float64)).alias("prior_courses_failed"),
        pl.col("loaded_at").max(),
    )


def credits(grades: pl.LazyFrame, snapshots: Sequence[Snapshot]) -> pl.LazyFrame:
    """``credits_not_earned``: attempted minus earned over all marks with credits known by each snapshot; no row without such a mark.

    Parameters
    ----------
    grades : polars.LazyFrame
        ``coursework.grades`` of the year and the (at most four) years before.
    """
    lost = thousandths((pl.col("credits_attempted") - pl.col("credits_earned").fill_null(0)).clip(lower_bound=0))
    with_credits = grades.filter(pl.col("credits_attempted") > 0)
    made = sums_as_of(with_credits, snapshots, ["student_key"], {"credits_not_earned": lost}, dates=["posted_on"])
    return made.drop("as_of_date").with_columns(pl.col("credits_not_earned") / 1000)


def course_levels(seats: pl.LazyFrame, sections: pl.LazyFrame, snapshots: Sequence[Snapshot]) -> pl.LazyFrame:
    """Courses begun by each snapshot, by level.

    Parameters
    ----------
    seats, sections : polars.LazyFrame
        ``roster.section_enrollments`` and ``roster.sections`` of the year.
    """
    listed = known_by(sections.select("section_id", "course_level", "known_on"), snapshots)
    level = listed.group_by("section_id", "snapshot").agg(pl.col("course_level").min())
    begun = known_by(seats.select("student_key", "section_id", "begin_date", "known_on"), snapshots, ["begin_date"])
    courses = begun.unique(["student_key", "snapshot", "section_id"]).join(level, on=["section_id", "snapshot"], how="left")
    return courses.group_by("student_key", "snapshot").agg(
        pl.len().cast(pl.Float64).alias("courses"),
        pl.col("course_level").is_in(_ADVANCED).sum().cast(pl.Float64).alias("advanced_courses"),
        (pl.col("course_level") == "honors").sum().cast(pl.Float64).alias("honors_courses"),
    )
