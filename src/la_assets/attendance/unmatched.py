"""Attendance rows that fall on no expected day of the student at the school, with the reason, so that nothing is lost.

The counterpart of ``daily.py``: a landed row is in one of the two tables, or was replaced by a later row of the same day.
"""

import datetime as dt

import polars as pl

from la_assets.attendance.daily import OF_THE_DAY, once, plausible
from la_assets.attendance.pairs import ALIASES, PAIR, resolved_pairs
from la_assets.attendance.stays import (
    attending_without_enrollment,
    instructional_days,
    merged_days,
    school_days,
    stays,
)
from la_assets.folding import ARRIVAL, TOLD, last_arrived, told_at
from la_assets.roster.identity import resolve_schools

KEY = ["student_key", "school_id", "date"]


def unmatched(
    landed: pl.LazyFrame,
    identifiers: pl.LazyFrame,
    school_identifiers: pl.LazyFrame,
    calendar: pl.LazyFrame,
    enrollments: pl.LazyFrame,
    *,
    first_day: dt.date,
    last_day: dt.date,
) -> pl.LazyFrame:
    """The table ``attendance.unmatched`` of one school year; parameters as of :func:`la_assets.attendance.daily.daily`.

    Returns
    -------
    polars.LazyFrame
        The columns of ``attendance.unmatched`` but ``school_year``; one row per student, school and day (the last told).
    """
    spans = stays(enrollments, first_day, last_day)
    is_plausible = plausible(first_day, last_day)
    told_of_pair = landed.group_by(PAIR).agg(
        pl.col("date").min().alias("first"), pl.col("date").max().alias("last"), is_plausible.fill_null(False).all().alias("plausible")
    )
    pairs, told_days = once(told_of_pair, school_days(landed.filter(is_plausible)))
    days = merged_days(resolve_schools(told_days, school_identifiers))
    people = resolved_pairs(pairs, identifiers, school_identifiers)
    whole_year = attending_without_enrollment(people.select(PAIR).unique(), spans, days).with_columns(
        pl.lit(first_day).alias("entry_date"), pl.lit(last_day).alias("last_date")
    )
    spans, open_days, people = once(
        pl.concat([spans, whole_year], how="diagonal"),
        instructional_days(calendar, days).select("school_id", "date", is_open=pl.lit(True)),
        people,
    )
    looked_at = landed.filter(_may_be_unexpected(pairs, told_days, people, spans, open_days))
    doubtful = _not_plainly_expected(looked_at, people, spans, open_days).filter(~pl.col("plain") | ~is_plausible)
    return _with_reason(last_arrived(doubtful.drop("plain"), KEY, TOLD), spans, open_days, first_day, last_day)


def _may_be_unexpected(
    pairs: pl.LazyFrame, told_days: pl.LazyFrame, people: pl.LazyFrame, spans: pl.LazyFrame, open_days: pl.LazyFrame
) -> pl.Expr:
    """Which landed rows have to be looked at one by one: those of some students and of some days, more rather than fewer.

    Where all rows of a student at a school are plausible and lie in the one span there, and a school's day is open, nothing can
    be wrong with a row. A year of millions of rows is thereby judged by its students and its days.
    """
    at_school = people.join(pairs, left_on=ALIASES, right_on=PAIR).join(_single(spans), on=PAIR, how="left")
    inside = (pl.col("spans") == 1) & (pl.col("first") >= pl.col("entry_date")) & (pl.col("last") <= pl.col("last_date"))
    students = at_school.filter(~(inside & pl.col("plausible")).fill_null(False)).select("student_alias")
    told = told_days.select(pl.col("school_id").alias("school_alias"), "date")
    schools = people.select("school_alias", "school_id").unique()
    dates = told.join(schools, on="school_alias").join(open_days, on=["school_id", "date"], how="anti").select("date")
    some_students, some_dates = (frame.collect().to_series().unique().implode() for frame in (students, dates))
    return pl.col("student_key").is_in(some_students) | pl.col("date").is_in(some_dates)


def _single(spans: pl.LazyFrame) -> pl.LazyFrame:
    """Per student and school the number of spans, and the span where there is one."""
    return spans.group_by(PAIR).agg(pl.len().alias("spans"), pl.col("entry_date").min(), pl.col("last_date").max())


def _not_plainly_expected(landed: pl.LazyFrame, people: pl.LazyFrame, spans: pl.LazyFrame, open_days: pl.LazyFrame) -> pl.LazyFrame:
    """Every row with its own keys and ``plain``: the student has one span at the school, and the row is in it on an open day."""
    who = people.join(_single(spans), on=PAIR, how="left")
    when = people.select("school_alias", "school_id").unique().join(open_days, on="school_id").drop("school_id")
    plain = (pl.col("spans") == 1) & pl.col("date").is_between("entry_date", "last_date") & pl.col("is_open")
    return (
        landed.rename(dict(zip(PAIR, ALIASES, strict=True)))
        .join(who, on=ALIASES)
        .join(when, on=["school_alias", "date"], how="left")
        .select(*KEY, *OF_THE_DAY, "source", *ARRIVAL, told_at(), plain.fill_null(False).alias("plain"))
    )


def _with_reason(rows: pl.LazyFrame, spans: pl.LazyFrame, open_days: pl.LazyFrame, first_day: dt.date, last_day: dt.date) -> pl.LazyFrame:
    within = pl.col("date").is_between(pl.col("entry_date"), pl.col("last_date"))
    judged = (
        rows.join(spans.select(*PAIR, "entry_date", "last_date"), on=PAIR, how="left")
        .with_columns(within.alias("covered"))
        .group_by(KEY)
        .agg(pl.col("covered").any(ignore_nulls=False), pl.col(*OF_THE_DAY, "source", "landed_at").first())
    )
    reason = (
        pl.when(~pl.col("date").is_between(first_day, last_day))
        .then(pl.lit("outside the school year"))
        .when(~plausible(first_day, last_day))
        .then(pl.lit("dated after the file arrived"))
        .when(pl.col("is_open").is_null())
        .then(pl.lit("not an instructional day"))
        .when(pl.col("covered").is_null())
        .then(pl.lit("no enrollment at the school"))
        .when(~pl.col("covered"))
        .then(pl.lit("outside the enrollment"))
    )
    return (
        judged.join(open_days, on=["school_id", "date"], how="left")
        .with_columns(reason.alias("reason"))
        .drop_nulls("reason")
        .select(*KEY, "reason", *OF_THE_DAY, pl.col("date").alias("known_on"), "source", pl.col("landed_at").alias("loaded_at"))
    )
