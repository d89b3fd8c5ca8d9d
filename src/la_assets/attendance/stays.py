"""Stays and expected days: who should be at which school on which days.

A stay is a span of days of a student at a school, both ends inclusive; overlapping enrolments of a student at one school
are one stay, so that no day is expected twice there. Expected days are the stay's instructional days up to the school's
as-of date. What really happened on those days is put in by ``daily.py``.
"""

import datetime as dt

import polars as pl


def school_days(rows: pl.LazyFrame) -> pl.LazyFrame:
    """What attendance rows say of each school's days.

    Parameters
    ----------
    rows : polars.LazyFrame
        Attendance rows: ``school_id``, ``date``, ``absent``, ``tardy``, ``early_dismissal``, ``landed_at``.

    Returns
    -------
    polars.LazyFrame
        A row per ``school_id`` and ``date``: ``presence`` (some row says plainly present) and ``loaded_at``.
    """
    plain = (pl.col("absent") == 0) & ~pl.col("tardy").fill_null(False) & ~pl.col("early_dismissal").fill_null(False)
    return rows.group_by("school_id", "date").agg(plain.any().alias("presence"), pl.col("landed_at").max().alias("loaded_at"))


def merged_days(days: pl.LazyFrame) -> pl.LazyFrame:
    """The same after ``school_id`` was resolved: several names of one school become one."""
    return days.group_by("school_id", "date").agg(pl.col("presence").any(), pl.col("loaded_at").max())


def instructional_days(calendar: pl.LazyFrame, days: pl.LazyFrame) -> pl.LazyFrame:
    """The days on which students are expected, per school, up to the school's as-of date.

    The as-of date is the last day for which any attendance row of the school exists: later presence is not known yet. A
    school without a calendar is taken to teach on the days its attendance rows name.

    Parameters
    ----------
    calendar : polars.LazyFrame
        ``roster.calendar`` of the year.
    days : polars.LazyFrame
        As :func:`school_days` returns.

    Returns
    -------
    polars.LazyFrame
        ``school_id``, ``date``, ``loaded_at``; a school without attendance rows has none.
    """
    until = days.group_by("school_id").agg(pl.col("date").max().alias("as_of"))
    planned = calendar.filter("is_instructional").select("school_id", "date", "loaded_at")
    named = days.select("school_id", "date", "loaded_at").join(calendar, on="school_id", how="anti")
    return pl.concat([planned, named]).join(until, on="school_id").filter(pl.col("date") <= pl.col("as_of")).drop("as_of")


def stays(enrollments: pl.LazyFrame, first_day: dt.date, last_day: dt.date) -> pl.LazyFrame:
    """Enrolments as spans of days within the year, overlapping or touching ones of a student at a school made one.

    Parameters
    ----------
    enrollments : polars.LazyFrame
        ``roster.enrollments`` of the year; ``exit_date`` is inclusive, null while the student is enrolled.
    first_day, last_day : datetime.date
        The school year.

    Returns
    -------
    polars.LazyFrame
        ``student_key``, ``school_id``, ``entry_date``, ``last_date``, ``source``, ``loaded_at``.
    """
    pair = ["student_key", "school_id"]
    spans = (
        enrollments.with_columns(
            pl.max_horizontal("entry_date", pl.lit(first_day)).alias("entry_date"),
            pl.min_horizontal(pl.col("exit_date").fill_null(last_day), pl.lit(last_day)).alias("last_date"),
        )
        .filter(pl.col("entry_date") <= pl.col("last_date"))
        .sort(*pair, "entry_date", "last_date", "source")
    )
    reached = pl.col("last_date").cum_max().shift(1).over(pair)
    begins = (pl.col("entry_date") > reached + pl.duration(days=1)).fill_null(True)
    return (
        spans.with_columns(begins.cum_sum().over(pair).alias("stay"))
        .group_by(*pair, "stay")
        .agg(pl.col("entry_date").min(), pl.col("last_date").max(), pl.col("source").last(), pl.col("loaded_at").max())
        .drop("stay")
    )


def attending_without_enrollment(pairs: pl.LazyFrame, stays: pl.LazyFrame, days: pl.LazyFrame) -> pl.LazyFrame:
    """Students with attendance rows at a school where they have no enrolment, if the school's rows tell presence as well.

    Where a school reports only absences, a student without an enrolment has no known number of days, and nothing is
    counted (the rows appear in ``attendance.unmatched``).

    Parameters
    ----------
    pairs : polars.LazyFrame
        Distinct ``student_key``, ``school_id`` of the attendance rows.
    stays : polars.LazyFrame
        As :func:`stays` returns.
    days : polars.LazyFrame
        As :func:`school_days` returns.

    Returns
    -------
    polars.LazyFrame
        ``student_key``, ``school_id``.
    """
    telling = days.group_by("school_id").agg(pl.col("presence").any()).filter("presence")
    return pairs.join(stays, on=["student_key", "school_id"], how="anti").join(telling, on="school_id", how="semi")


def expected_spans(stays: pl.LazyFrame, unenrolled: pl.LazyFrame, instructional: pl.LazyFrame) -> pl.LazyFrame:
    """One row per span in which a student may be expected, with the school's instructional days as a list.

    Parameters
    ----------
    stays : polars.LazyFrame
        As :func:`stays` returns.
    unenrolled : polars.LazyFrame
        As :func:`attending_without_enrollment` returns: their days count only where a row exists.
    instructional : polars.LazyFrame
        As :func:`instructional_days` returns.

    Returns
    -------
    polars.LazyFrame
        ``student_key``, ``school_id``, ``entry_date``, ``last_date``, ``source``, ``loaded_at`` (the newer of enrolment and
        calendar), ``enrolled``, ``date`` (list, sorted).
    """
    lists = instructional.group_by("school_id").agg(pl.col("date").unique().sort(), pl.col("loaded_at").max().alias("day_loaded_at"))
    spans = pl.concat([stays.with_columns(enrolled=True), unenrolled.with_columns(enrolled=False)], how="diagonal")
    return (
        spans.join(lists, on="school_id")
        .with_columns(pl.max_horizontal("loaded_at", "day_loaded_at").alias("loaded_at"))
        .drop("day_loaded_at")
    )


def expected_days(spans: pl.LazyFrame) -> pl.LazyFrame:
    """One row per student, school and expected day, sorted by them; all other columns are repeated.

    Parameters
    ----------
    spans : polars.LazyFrame
        As :func:`expected_spans` returns.
    """
    return (
        spans.sort("student_key", "school_id", "entry_date")
        .explode("date")
        .filter(~pl.col("enrolled") | pl.col("date").is_between("entry_date", "last_date"))
    )
