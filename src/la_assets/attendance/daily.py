"""Every expected day of every student, with what the attendance files say of it.

Negative attendance names only the days that were not plainly present; presence on the other expected days is filled in.
Rows that fall on no expected day are left out here and listed by ``unmatched.py``. Expected days and landed rows are both
sorted by one integer per fact, so that their join is a merge of two sorted frames: no hash table of nine million rows.
"""

import datetime as dt

import polars as pl

from la_assets.attendance.numbering import fact, numbered
from la_assets.attendance.stays import (
    attending_without_enrollment,
    expected_days,
    expected_spans,
    instructional_days,
    merged_days,
    school_days,
    stays,
)
from la_assets.folding import ARRIVAL, last_arrived
from la_assets.roster.identity import resolve_keys, resolve_schools

OF_THE_DAY = ("absent", "excused", "tardy", "early_dismissal", "minutes")


def plausible(first_day: dt.date, last_day: dt.date) -> pl.Expr:
    """Whether an attendance row is dated within the year and not after its file arrived.

    One typing error in a date would otherwise fill in presence for months to come. A day of grace covers time zones east
    of Greenwich, where the school's day starts before that of ``landed_at`` (UTC).
    """
    return pl.col("date").is_between(first_day, last_day) & (pl.col("date") <= pl.col("landed_at").dt.date() + pl.duration(days=1))


def daily(
    landed: pl.LazyFrame,
    identifiers: pl.LazyFrame,
    school_identifiers: pl.LazyFrame,
    calendar: pl.LazyFrame,
    enrollments: pl.LazyFrame,
    *,
    first_day: dt.date,
    last_day: dt.date,
) -> pl.LazyFrame:
    """The table ``attendance.daily`` of one school year, sorted by its key.

    Parameters
    ----------
    landed : polars.LazyFrame
        ``landing.attendance`` of the year.
    identifiers, school_identifiers, calendar, enrollments : polars.LazyFrame
        The roster tables of the year.
    first_day, last_day : datetime.date
        The school year.

    Returns
    -------
    polars.LazyFrame
        The columns of ``attendance.daily`` but ``school_year``.
    """
    rows = landed.filter(plausible(first_day, last_day))
    spans = stays(enrollments, first_day, last_day)
    seen, days = once(rows.select("student_key", "school_id").unique(), school_days(rows))
    known = pl.concat([seen, spans.select("student_key", "school_id")])
    students = numbered(known, "student_key", "student", lambda found: resolve_keys(found, identifiers))
    schools = numbered(known, "school_id", "school", lambda found: resolve_schools(found, school_identifiers))
    days = merged_days(resolve_schools(days, school_identifiers))
    strangers = attending_without_enrollment(
        resolve_schools(resolve_keys(seen, identifiers), school_identifiers).unique(), spans, days
    )
    who = (
        expected_spans(spans, strangers, instructional_days(calendar, days))
        .join(students.select("student_key", "student").unique(), on="student_key")
        .join(schools.select("school_id", "school").unique(), on="school_id")
    )
    told = (
        rows.join(students.select("alias", "student"), left_on="student_key", right_on="alias")
        .join(schools.select("alias", "school"), left_on="school_id", right_on="alias")
        .select(fact(first_day).alias("fact"), *OF_THE_DAY, "source", *ARRIVAL)
    )
    return told_of_expected(expected_days(who).with_columns(fact(first_day).alias("fact")), last_told(told))


def once(*frames: pl.LazyFrame) -> list[pl.LazyFrame]:
    """Compute small frames now, in one pass, because several parts of the plan read them.

    Left lazy, the optimizer would scan millions of landed rows again for each part; these frames have a row per student
    and school, or per school and day.
    """
    return [frame.lazy() for frame in pl.collect_all(list(frames), engine="streaming")]


def last_told(told: pl.LazyFrame) -> pl.LazyFrame:
    """Sort rows by ``fact`` and keep the last arrived of each.

    Once sorted, rows of the same fact are neighbours; only those are compared by arrival.
    """
    return told.sort("fact").map_batches(
        _keep_last_of_neighbours, predicate_pushdown=False, projection_pushdown=False, slice_pushdown=False
    ).rename({"landed_at": "loaded_at"}).drop("source_file", "source_row")


def _keep_last_of_neighbours(rows: pl.DataFrame) -> pl.DataFrame:
    same = pl.col("fact") == pl.col("fact").shift(1)
    again = rows.select((same | same.shift(-1)).fill_null(False)).to_series()
    if not again.any():
        return rows
    numbered_rows = rows.select("fact", *ARRIVAL).with_row_index("row").filter(again)
    kept = last_arrived(numbered_rows.lazy(), ["fact"]).select("row").collect()
    losers = numbered_rows.join(kept, on="row", how="anti").get_column("row")
    return rows.with_row_index("row").filter(~pl.col("row").is_in(losers.implode())).drop("row")


def told_of_expected(expected: pl.LazyFrame, told: pl.LazyFrame) -> pl.LazyFrame:
    """Put into each expected day what is told of it; absence 0 where nothing is.

    Parameters
    ----------
    expected : polars.LazyFrame
        Sorted by a unique ``fact``, with ``student_key``, ``school_id``, ``date``, ``source``, ``loaded_at``, ``enrolled``.
    told : polars.LazyFrame
        Sorted by a unique ``fact``: the columns of a day, ``source``, ``loaded_at``.

    Returns
    -------
    polars.LazyFrame
        A row per expected day; days of students without an enrolment only where something is told.
    """
    matched = expected.with_columns(pl.col("fact").set_sorted()).join(
        told.with_columns(pl.col("fact").set_sorted(), told=True), on="fact", how="left", suffix="_told", maintain_order="left"
    )
    return matched.filter(pl.col("enrolled") | pl.col("told")).select(
        "student_key", "school_id", "date", pl.col("absent").fill_null(0.0), "excused", "tardy", "early_dismissal", "minutes",
        pl.col("told").is_null().alias("is_filled"), pl.col("date").alias("known_on"),
        pl.coalesce("source_told", "source").alias("source"), pl.coalesce("loaded_at_told", "loaded_at").alias("loaded_at"),
    )
