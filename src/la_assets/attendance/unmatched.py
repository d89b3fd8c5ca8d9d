"""Attendance rows that fall on no expected day of the student at the school, with the reason, so that nothing is lost.

The counterpart of ``daily.py``: a landed row is in one of the two tables, or was replaced by a later row of the same day.
"""

import datetime as dt

import polars as pl

from la_assets.attendance.daily import OF_THE_DAY, once, plausible
from la_assets.attendance.stays import (
    attending_without_enrollment,
    instructional_days,
    merged_days,
    school_days,
    stays,
)
from la_assets.folding import ARRIVAL, last_arrived
from la_assets.roster.identity import resolve_keys, resolve_schools

KEY = ["student_key", "school_id", "date"]
PAIR = ["student_key", "school_id"]


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
    rows = landed.filter(plausible(first_day, last_day))
    spans = stays(enrollments, first_day, last_day)
    pairs, days = once(rows.select(PAIR).unique(), school_days(rows))
    days = merged_days(resolve_schools(days, school_identifiers))
    whole_year = attending_without_enrollment(
        resolve_schools(resolve_keys(pairs, identifiers), school_identifiers).unique(), spans, days
    ).with_columns(pl.lit(first_day).alias("entry_date"), pl.lit(last_day).alias("last_date"))
    spans = pl.concat([spans, whole_year], how="diagonal")
    open_days = instructional_days(calendar, days).select("school_id", "date", is_open=pl.lit(True))
    resolved = resolve_schools(resolve_keys(landed, identifiers), school_identifiers)
    doubtful = last_arrived(_not_plainly_expected(resolved, spans, open_days, first_day, last_day), KEY)
    return _with_reason(doubtful, spans, open_days, first_day, last_day)


def _not_plainly_expected(
    rows: pl.LazyFrame, spans: pl.LazyFrame, open_days: pl.LazyFrame, first_day: dt.date, last_day: dt.date
) -> pl.LazyFrame:
    """Rows but those of students with a single span at the school, within it and on an open day: nearly all rows go here."""
    single = spans.group_by(PAIR).agg(pl.len().alias("spans"), pl.col("entry_date").min(), pl.col("last_date").max())
    within = (pl.col("spans") == 1) & pl.col("date").is_between("entry_date", "last_date")
    plain = within & pl.col("is_open") & plausible(first_day, last_day)
    return (
        rows.join(single, on=PAIR, how="left")
        .join(open_days, on=["school_id", "date"], how="left")
        .filter(~plain.fill_null(False))
        .select(*KEY, *OF_THE_DAY, "source", *ARRIVAL)
    )


def _with_reason(rows: pl.LazyFrame, spans: pl.LazyFrame, open_days: pl.LazyFrame, first_day: dt.date, last_day: dt.date) -> pl.LazyFrame:
    covered = rows.select(KEY).join(spans.select(*PAIR, "entry_date", "last_date"), on=PAIR)
    covered = covered.group_by(KEY).agg(pl.col("date").first().is_between(pl.col("entry_date"), pl.col("last_date")).any().alias("covered"))
    reason = (
        pl.when(~pl.col("date").is_between(first_day, last_day)).then(pl.lit("outside the school year"))
        .when(~plausible(first_day, last_day)).then(pl.lit("dated after the file arrived"))
        .when(pl.col("is_open").is_null()).then(pl.lit("not an instructional day"))
        .when(pl.col("covered").is_null()).then(pl.lit("no enrollment at the school"))
        .when(~pl.col("covered")).then(pl.lit("outside the enrollment"))
    )
    return (
        rows.join(covered, on=KEY, how="left")
        .join(open_days, on=["school_id", "date"], how="left")
        .with_columns(reason.alias("reason"))
        .drop_nulls("reason")
        .select(*KEY, "reason", *OF_THE_DAY, pl.col("date").alias("known_on"), "source", pl.col("landed_at").alias("loaded_at"))
    )
