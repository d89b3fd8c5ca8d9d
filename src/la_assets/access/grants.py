"""Which students and classes lie in a scope, and on which days: by section, instructional link, school, grade or program.

A link counts only on days on which the student is enrolled in the district. What runs to a school's last day of instruction holds until
the school year is over (30 June), so that summer can be planned; what ended before then ends there. Who has which scope
is not known here.
"""

from __future__ import annotations

import polars as pl

from la_assets.roster.dating import year_end

LINKS = ("section", "instruction", "school", "grade", "program")
_DERIVED = "sections"
"""Instructional links that the roster made of sections: the sections themselves say the days."""
_ROW = ("scope", "student_key", "link", "valid_from")
_LINEAGE = ("school_year", "source", "loaded_at")


def last_days(calendar: pl.LazyFrame) -> pl.LazyFrame:
    """The last day of instruction of each school: ``school_id``, ``last_day``."""
    return calendar.filter("is_instructional").group_by("school_id").agg(last_day=pl.col("date").max())


def stays(enrollments: pl.LazyFrame, calendar: pl.LazyFrame) -> pl.LazyFrame:
    """Stays at schools with the days on which they count: ``stay_from``, ``stay_until`` beside the columns of ``roster.enrollments``."""
    until = pl.col("exit_date").fill_null(year_end())
    runs_on = (until >= pl.col("last_day")).fill_null(False)
    return (
        enrollments.join(last_days(calendar), on="school_id", how="left")
        .with_columns(stay_from="entry_date", stay_until=pl.when(runs_on).then(pl.max_horizontal(until, year_end())).otherwise(until))
        .drop("last_day")
    )


def student_grants(
    classes: pl.LazyFrame,
    links: pl.LazyFrame,
    staff: pl.LazyFrame,
    stays: pl.LazyFrame,
    *,
    calendar: pl.LazyFrame,
    participation: pl.LazyFrame,
) -> pl.LazyFrame:
    """Rows of ``access.student_grants``.

    Parameters
    ----------
    classes : polars.LazyFrame
        Who is in which class (:func:`la_assets.roster.sections.class_enrollments`).
    links, staff : polars.LazyFrame
        ``roster.instructional_links`` and ``roster.staff`` of the year.
    stays : polars.LazyFrame
        From :func:`stays`.
    calendar, participation : polars.LazyFrame
        ``roster.calendar`` and ``programs.participation`` of the year.
    """
    students = classes.drop_nulls("student_key").select(
        "section_id", "student_key", "begin_date", "end_date", "school_id", "school_year", "source", loaded_at="landed_at"
    )
    taught = students.join(_teachers(classes), on="section_id").with_columns(
        begin_date=pl.max_horizontal("begin_date", "teacher_begin"),
        end_date=pl.min_horizontal(pl.col("end_date").fill_null(year_end()), pl.col("teacher_end").fill_null(year_end())),
    )
    at_school = stays.select("student_key", "school_id", "stay_from", "stay_until")
    anywhere = at_school.drop("school_id")
    sent = links.filter(pl.col("link_source") != _DERIVED).join(staff.select("staff_key", "school_id"), on="staff_key")
    in_program = participation.with_columns(end_date=pl.col("end_date").fill_null(year_end()))
    staff_scope = pl.lit("staff:") + pl.col("staff_key")
    rows = [
        _grants("section", staff_scope, _during(_running_on(taught, calendar), anywhere)),
        _grants("instruction", staff_scope, sent.join(at_school, on=["student_key", "school_id"])),
        _grants("school", pl.lit("school:") + pl.col("school_id"), stays),
        _grants("grade", pl.format("grade:{}:{}", "school_id", "grade_level"), stays.drop_nulls("grade_level")),
        _grants("program", pl.format("program:{}:{}", "school_id", "program_id"), _during(in_program, at_school)),
    ]
    return (
        pl.concat(rows)
        .group_by(_ROW)
        .agg(pl.col("valid_until").max(), *(pl.col(name).max() for name in _LINEAGE))
        .with_columns(known_on="valid_from")
    )


def class_grants(classes: pl.LazyFrame, calendar: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of ``access.class_grants``: a teacher's sections."""
    taught = _teachers(classes).rename({"teacher_begin": "begin_date", "teacher_end": "end_date"})
    running = _running_on(taught.with_columns(pl.col("end_date").fill_null(year_end())), calendar)
    return (
        running.filter(pl.col("begin_date") <= pl.col("end_date"))
        .group_by(scope=pl.lit("staff:") + pl.col("staff_key"), section_id="section_id", valid_from="begin_date")
        .agg(pl.col("end_date").max().alias("valid_until"), *(pl.col(name).max() for name in _LINEAGE))
        .with_columns(known_on="valid_from")
    )


def _teachers(classes: pl.LazyFrame) -> pl.LazyFrame:
    """Teachers of sections; aides and others are not teachers."""
    return (
        classes.filter(pl.col("role") == "teacher")
        .drop_nulls("staff_key")
        .select(
            "section_id",
            "staff_key",
            "school_id",
            "school_year",
            "source",
            loaded_at="landed_at",
            teacher_begin="begin_date",
            teacher_end="end_date",
        )
    )


def _running_on(frame: pl.LazyFrame, calendar: pl.LazyFrame) -> pl.LazyFrame:
    """``end_date`` moved to the end of the school year where it reaches the school's last day of instruction."""
    runs_on = (pl.col("end_date") >= pl.col("last_day")).fill_null(False)
    end = pl.when(runs_on).then(pl.max_horizontal("end_date", year_end())).otherwise("end_date")
    return frame.join(last_days(calendar), on="school_id", how="left").with_columns(end_date=end)


def _during(frame: pl.LazyFrame, stays: pl.LazyFrame) -> pl.LazyFrame:
    """Rows cut to the days of each of the student's stays that they meet."""
    days = {"stay_from": pl.max_horizontal("begin_date", "stay_from"), "stay_until": pl.min_horizontal("end_date", "stay_until")}
    return frame.join(stays, on="student_key").with_columns(**days)


def _grants(link: str, scope: pl.Expr, rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.filter(pl.col("stay_from") <= pl.col("stay_until")).select(
        "student_key", *_LINEAGE, scope=scope, link=pl.lit(link), valid_from="stay_from", valid_until="stay_until"
    )
