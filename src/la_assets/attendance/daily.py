"""Every expected day of every student, with what the attendance files say of it.

Negative attendance names only the days that were not plainly present; presence on the other expected days is filled in.
Rows that fall on no expected day are left out here and listed by ``unmatched.py``. Expected days and landed rows are both
sorted by one integer per fact, so that their join is a merge of two sorted frames: no hash table of nine million rows.
"""

import datetime as dt

import polars as pl

from la_assets.attendance.pairs import ALIASES, PAIR, fact, numbered, resolved_pairs
from la_assets.attendance.stays import (
    attending_without_enrollment,
    expected_days,
    expected_spans,
    instructional_days,
    merged_days,
    school_days,
    stays,
)
from la_assets.folding import ARRIVAL, TOLD, last_arrived, told_at
from la_assets.roster.identity import resolve_schools

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
    seen, days = once(rows.select(PAIR).unique(), school_days(rows))
    days = merged_days(resolve_schools(days, school_identifiers))
    people = resolved_pairs(seen, identifiers, school_identifiers)
    strangers = attending_without_enrollment(people.select(PAIR).unique(), spans, days)
    numbers = numbered(pl.concat([people, spans.select(PAIR)], how="diagonal"))
    who = expected_spans(spans, strangers, instructional_days(calendar, days)).join(numbers.select(*PAIR, "pair").unique(), on=PAIR)
    told = rows.join(numbers.select(*ALIASES, "pair"), left_on=PAIR, right_on=ALIASES).select(
        fact(first_day).alias("fact"), *OF_THE_DAY, "source", *ARRIVAL, told_at()
    )
    return told_of_expected(expected_days(who).with_columns(fact(first_day).alias("fact")), last_told(told))


def once(*frames: pl.LazyFrame) -> list[pl.LazyFrame]:
    """Compute small frames now, in one pass, because several parts of the plan read them.

    Left lazy, the optimizer would scan millions of landed rows again for each part; these frames have a row per student
    and school, or per school and day.
    """
    return [frame.lazy() for frame in pl.collect_all(list(frames), engine="streaming")]


def last_told(told: pl.LazyFrame) -> pl.LazyFrame:
    """Sort rows by ``fact`` and keep the last told of each.

    Once sorted, rows of the same fact are neighbours; only those are compared.
    """
    marked = told.sort("fact").map_batches(
        _mark_replaced,
        predicate_pushdown=False,
        projection_pushdown=False,
        slice_pushdown=False,
        schema=told.with_columns(replaced=False).collect_schema(),
    )
    return marked.filter(~pl.col("replaced")).drop("replaced", "source_file", "source_row", "told_at").rename({"landed_at": "loaded_at"})


def _mark_replaced(rows: pl.DataFrame) -> pl.DataFrame:
    """Which of the sorted rows a later one of the same fact replaces."""
    fact = rows.get_column("fact")
    as_before = (fact == fact.shift(1)).fill_null(False)
    again = as_before | as_before.shift(-1, fill_value=False)
    alike = rows.select("fact", *TOLD).with_row_index("row").filter(again)
    kept = last_arrived(alike.lazy(), ["fact"], TOLD).select("row").collect()
    replaced = alike.join(kept, on="row", how="anti").get_column("row")
    return rows.with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).is_in(replaced.implode()).alias("replaced"))


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
        "student_key",
        "school_id",
        "date",
        pl.col("absent").fill_null(0.0),
        "excused",
        "tardy",
        "early_dismissal",
        "minutes",
        pl.col("told").is_null().alias("is_filled"),
        pl.col("date").alias("known_on"),
        pl.coalesce("source_told", "source").alias("source"),
        pl.coalesce("loaded_at_told", "loaded_at").alias("loaded_at"),
    )
