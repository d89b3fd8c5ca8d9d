"""The feature table: one row per enrolled student and snapshot, everything known by that day side by side.

The blocks come from the other modules of this folder; here they are joined, made rates, compared with the student's own year before
and multiplied where a product is worth naming. A missing value means that it was not known; zero is written only where no row
means none (incidents, programs, marks with a letter). What a model may read is ``FEATURES``; the other columns serve the audit.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from la_assets.early_warning.features import assessments, attendance, behavior, coursework, engagement, programs, students
from la_assets.early_warning.features.snapshots import Snapshot, share

UNIT = students.UNIT

FEATURES: Mapping[str, str] = {
    "grade": "Grade as a number, 6 to 12.",
    "years_over_age": "Years older than usual for the grade, by year of birth.",
    "days_since_entry": "Days since the first day of enrolment this school year.",
    "year_progress": "Days since 1 July: where in the year the snapshot stands.",
    "attendance_rate": "Share of enrolled days attended this year.",
    "recent_attendance_rate": "The same over the last weeks before the snapshot.",
    "excused_per_100_days": "Excused days missed, per 100 days enrolled.",
    "unexcused_per_100_days": "Days missed and said to be unexcused, per 100 days enrolled.",
    "tardies_per_100_days": "Days come late, per 100 days enrolled.",
    "early_dismissals_per_100_days": "Days left early, per 100 days enrolled.",
    "chronically_absent": "1 if at least 10 % (the district's rate) of the enrolled days were missed; missing below the minimum of days.",
    "prior_attendance_rate": "Share of enrolled days attended in the school year before.",
    "two_year_attendance_rate": "Share of the enrolled days of this year and the year before attended (of this year, if not here before).",
    "attendance_change": "attendance_rate minus last year's; missing where one of the years does not compare.",
    "gpa": "Mean grade points of this year's marks, unweighted.",
    "mean_percent": "Mean percent of this year's marks.",
    "d_share": "Share of this year's marks with a D.",
    "f_share": "Share of this year's marks with an F.",
    "core_f_share": "Share of this year's marks with an F in ELA, mathematics, science or social studies.",
    "courses_failing": "Courses whose marks so far are under passing.",
    "two_year_failures": "courses_failing plus the courses failed in the year before.",
    "credits_not_earned": "High-school credits attempted and not earned, this and up to four earlier years.",
    "prior_gpa": "Mean grade points of the year before.",
    "prior_courses_failed": "Courses under passing in the year before.",
    "gpa_change": "gpa minus the year before's.",
    "courses": "Courses begun this year.",
    "advanced_courses": "AP, IB and dual-enrolment courses begun this year.",
    "honors_courses": "Honors courses begun this year.",
    "incidents_per_100_days": "Behaviour incidents this year, per 100 days enrolled.",
    "recent_incidents": "Behaviour incidents in the last weeks.",
    "severe_per_100_days": "Incidents of severity 3 or 4 this year, per 100 days enrolled.",
    "suspensions": "Suspensions in and out of school, and expulsions, this year.",
    "suspended_per_100_days": "School days suspended this year, per 100 days enrolled.",
    "prior_incidents": "Behaviour incidents in the year before.",
    "prior_suspensions": "Suspensions in the year before.",
    "incidents_change": "Incidents per 100 days enrolled this year, minus last year's over 180 days.",
    "ela_standing": "Latest ELA test, in SD among those who took the same test.",
    "math_standing": "Latest mathematics test, in SD among those who took the same test.",
    "ela_level": "Latest ELA achievement level, 1 to 5.",
    "math_level": "Latest mathematics achievement level, 1 to 5.",
    "ela_change": "ELA standing this year minus the last of earlier years.",
    "math_change": "Mathematics standing this year minus the last of earlier years.",
    "tested_this_year": "1 if any test of this year is known.",
    "lms_minutes_per_day": "Minutes in the learning management system per day enrolled.",
    "lms_recent_minutes_per_day": "The same over the last weeks.",
    "lms_posts_per_100_days": "Discussion posts per 100 days enrolled.",
    "assignment_completion": "Submissions over submissions and missed assignments.",
    "late_share": "Late submissions over submissions.",
    "has_lms": "1 if the student has any activity there this year.",
    "schools_this_year": "Schools attended this year.",
    "moved_this_year": "1 if more than one.",
    "schools_in_four_years": "Schools attended this year and the three before.",
    "years_seen": "Earlier school years, of the last three, with a stay in the district.",
    "repeated_grade": "1 if in the same grade as the year before; missing for those who were not here.",
    "grades_repeated": "Grades repeated among the years seen.",
    "section_504": "1 with a 504 plan.",
    "gifted": "1 if gifted.",
    "homeless": "1 if homeless.",
    "programs_now": "Programs and interventions that last at the snapshot.",
    "program_tier": "Highest MTSS tier of these; 0 without one.",
    "absence_x_failing": "Share of days missed times courses failing.",
    "moved_x_failing": "moved_this_year times courses failing.",
    "absence_x_prior_failed": "Share of days missed times courses failed in the year before.",
}
"""What a model may read: column and meaning. What adds up over the year is a share or a rate, so that its snapshots compare.
Demographics of the audit are not among them."""

AUDIT = ("gender", "race_ethnicity", "frl", "ell", "ese")

_NONE_IS_ZERO = (
    "incidents", "recent_incidents", "severe_incidents", "suspensions", "days_suspended", "prior_incidents", "prior_suspensions",
    "programs_now", "program_tier",
)  # fmt: skip
_USUAL_DAYS = 180


@dataclass(frozen=True)
class FeatureSettings:
    """What the features depend on that differs between districts; see ``EarlyWarningSettings`` and ``District``."""

    grades: tuple[str, ...]
    chronic_rate: float = 0.10
    minimum_days: int = 10
    recent_days: int = 28
    passing_percent: float = 60.0
    incomparable_years: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sources:
    """Frames that features are made of: this year's, or this and earlier years' where said.

    Attributes
    ----------
    daily, seats, sections, lms_daily, participation : polars.LazyFrame
        ``attendance.daily``, ``roster.section_enrollments``, ``roster.sections``, ``engagement.lms_daily``, ``programs.participation``.
    stays, students, grades, scores : polars.LazyFrame
        ``roster.enrollments``, ``roster.students``, ``coursework.grades``, ``assessments.scores``, with earlier years.
    student_years, incidents : polars.LazyFrame
        ``attendance.student_year`` and ``behavior.incidents``, with the year before.
    """

    daily: pl.LazyFrame
    student_years: pl.LazyFrame
    stays: pl.LazyFrame
    students: pl.LazyFrame
    grades: pl.LazyFrame
    seats: pl.LazyFrame
    sections: pl.LazyFrame
    incidents: pl.LazyFrame
    scores: pl.LazyFrame
    lms_daily: pl.LazyFrame
    participation: pl.LazyFrame


def student_features(
    sources: Sources, snapshots: Sequence[Snapshot], school_year: str, last_instructional_day: dt.date | None, settings: FeatureSettings
) -> pl.LazyFrame:
    """The table ``early_warning.features`` of one school year.

    Parameters
    ----------
    snapshots : sequence of Snapshot
        Days at which features are taken.
    last_instructional_day : date or None
        Of the year's calendar.

    Returns
    -------
    polars.LazyFrame
        One row per student enrolled at a snapshot in one of the grades: keys, audit columns and ``FEATURES``.
    """
    at = students.enrolled(sources.stays, snapshots, school_year, settings.grades, last_instructional_day)
    keys = at.select("student_key").unique()

    def of_these(frame: pl.LazyFrame) -> pl.LazyFrame:
        return frame.join(keys, on="student_key", how="semi")

    own = pl.col("school_year") == school_year
    before = attendance.year_before(sources.student_years.filter(~own), school_year not in settings.incomparable_years)
    days = attendance.attendance(
        sources.daily,
        of_these(sources.stays.filter(own)),
        snapshots,
        chronic_rate=settings.chronic_rate,
        minimum_days=settings.minimum_days,
        recent_days=settings.recent_days,
    )
    grades = of_these(sources.grades)
    two_years = grades.filter(pl.col("school_year").str.head(4).cast(pl.Int32) >= int(school_year[:4]) - 1)
    courses = coursework.course_sums(two_years, snapshots)
    blocks = {
        "attendance": days,
        "marks": coursework.coursework(courses, school_year, settings.passing_percent),
        "credits": coursework.credits(grades, snapshots),
        "levels": coursework.course_levels(of_these(sources.seats), sources.sections, snapshots),
        "behavior": behavior.behavior(of_these(sources.incidents), snapshots, school_year, settings.recent_days),
        "tests": assessments.assessments(of_these(sources.scores), of_these(sources.students), snapshots, school_year),
        "lms": engagement.engagement(engagement.section_sums(of_these(sources.lms_daily), snapshots, settings.recent_days)),
        "programs": programs.programs(of_these(sources.participation), snapshots),
        "roster": students.demographics(of_these(sources.students), snapshots),
        "history": students.history(of_these(sources.stays), snapshots, school_year),
    }
    wide = at
    for name, block in blocks.items():
        wide = wide.join(block, on=UNIT, how="left", suffix=f"_{name}")
    wide = wide.join(of_these(before), on="student_key", how="left", suffix="_before")
    return _finished(wide, school_year)


def _finished(wide: pl.LazyFrame, school_year: str) -> pl.LazyFrame:
    known_before = pl.col("known_on") <= pl.col("as_of_date")
    start = int(school_year[:4])
    grade = pl.col("grade_level").cast(pl.Float64, strict=False)
    days = pl.col("days_enrolled")
    first = wide.with_columns(
        pl.when(known_before).then(pl.col("prior_attendance_rate", "comparable_prior_rate", "prior_days_attended", "prior_days_enrolled")),
        pl.col(_NONE_IS_ZERO).fill_null(0.0),
        pl.col("section_504", "gifted", "homeless").fill_null(False).cast(pl.Float64),
        pl.col("assignment_completion").is_not_null().cast(pl.Float64).alias("has_lms"),
        grade.alias("grade"),
        (start - pl.col("birth_year") - 5 - grade).cast(pl.Float64).alias("years_over_age"),
        (pl.col("as_of_date") - dt.date(start, 7, 1)).dt.total_days().cast(pl.Float64).alias("year_progress"),
        share(pl.col("lms_minutes"), days).alias("lms_minutes_per_day"),
        share(pl.col("lms_recent_minutes"), days.clip(upper_bound=20)).alias("lms_recent_minutes_per_day"),
        share(100 * pl.col("lms_posts"), days).alias("lms_posts_per_100_days"),
        share(100 * pl.col("incidents"), days).alias("incidents_per_100_days"),
        share(100 * pl.col("severe_incidents"), days).alias("severe_per_100_days"),
        share(100 * pl.col("days_suspended"), days).alias("suspended_per_100_days"),
    )
    missed = 1 - pl.col("attendance_rate")
    return first.with_columns(
        pl.lit(school_year).alias("school_year"),
        (pl.col("attendance_rate") - pl.col("comparable_prior_rate")).alias("attendance_change"),
        (pl.col("gpa") - pl.col("prior_gpa")).alias("gpa_change"),
        share(
            days * pl.col("attendance_rate") + pl.col("prior_days_attended").fill_null(0), days + pl.col("prior_days_enrolled").fill_null(0)
        ).alias("two_year_attendance_rate"),
        (pl.col("courses_failing") + pl.col("prior_courses_failed").fill_null(0)).alias("two_year_failures"),
        (pl.col("incidents_per_100_days") - 100 * pl.col("prior_incidents") / _USUAL_DAYS).alias("incidents_change"),
        (missed * pl.col("courses_failing")).alias("absence_x_failing"),
        (pl.col("moved_this_year") * pl.col("courses_failing")).alias("moved_x_failing"),
        (missed * pl.col("prior_courses_failed")).alias("absence_x_prior_failed"),
        pl.col("as_of_date").alias("known_on"),
        pl.lit("early_warning").alias("source"),
        pl.max_horizontal(pl.col("^loaded_at.*$")).alias("loaded_at"),
    )
