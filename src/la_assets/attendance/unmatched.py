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
from la_assets.folding import ARRIVAL, last_arrived
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
        The columns of ``attendance.unmatched`` but ``school_year``; one row per student, school and day (the last arrived).
    """
    spans = stays(enrollments, first_day, last_day)
    pairs, days = once(landed.select(PAIR).unique(), school_days(landed.filter(plausible(first_day, last_day))))
    days = merged_days(resolve_schools(days, school_identifiers))
    people = resolved_pairs(pairs, identifiers, school_identifiers)
    whole_year = attending_without_enrollment(people.select(PAIR).unique(), spans, days).with_columns(
        pl.lit(first_day).alias("entry_date"), pl.lit(last_day).alias("last_date")
    )
    spans = pl.concat([spans, whole_year], how="diagonal")
    open_days = instructional_days(calendar, days).select("school_id", "date", is_open=pl.lit(True))
    doubtful = _not_plainly_expected(landed, people, spans, open_days).filter(~pl.col("plain") | ~plausible(first_day, last_day))
    return _with_reason(last_arrived(doubtful.drop("plain"), KEY), spans, open_days, first_day, last_day)


def _not_plainly_expected(landed: pl.LazyFrame, people: pl.LazyFrame, spans: pl.LazyFrame, open_days: pl.LazyFrame) -> pl.LazyFrame:
    """Every row with its own keys and ``plain``: the student has one span at the school, and the row is in it on an open day.

    Nearly all rows are plain, and only the others are looked at closely. Two joins with small frames, on the names that
    the files use, tell them apart.
    """
    single = spans.group_by(PAIR).agg(pl.len().alias("spans"), pl.col("entry_date").min(), pl.col("last_date").max())
    who = people.join(single, on=PAIR, how="left")
    when = people.select("school_alias", "school_id").unique().join(open_days, on="school_id").drop("school_id")
    plain = (pl.col("spans") == 1) & pl.col("date").is_between("entry_date", "last_date") & pl.col("is_open")
    return (
        landed.rename(dict(zip(PAIR, ALIASES, strict=True)))
        .join(who, on=ALIASES)
        .join(when, on=["school_alias", "date"], how="left")
        .select(*KEY, *OF_THE_DAY, "source", *ARRIVAL, plain.fill_null(False).alias("plain"))
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
