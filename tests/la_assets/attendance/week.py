"""One school week written out by hand: two schools, a few students, and the attendance rows that a test adds to it.

Monday 2023-09-11 to Friday 2023-09-15, Wednesday without instruction. Nothing of the rules under test stands here.
"""

import datetime as dt
from typing import Any

import polars as pl

from la_assets.attendance.daily import daily
from la_assets.attendance.schema import DAILY, UNMATCHED
from la_assets.attendance.unmatched import unmatched
from la_assets.landing.schema import ATTENDANCE
from la_assets.roster.schema import CALENDAR, ENROLLMENTS, IDENTIFIERS, SCHOOL_IDENTIFIERS

from ..roster.landed import canonical, d, kept, landed, student

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (f"2023-09-{day}" for day in range(11, 16))
FIRST, LAST = dt.date(2023, 7, 1), dt.date(2024, 6, 30)
SATURDAY_MORNING = dt.datetime(2023, 9, 16, 6, tzinfo=dt.UTC)
SUNDAY_MORNING = dt.datetime(2023, 9, 17, 6, tzinfo=dt.UTC)
ANN, BEN = student("ann"), student("ben")


def row(who: str, day: str, absent: float = 1.0, *, school: str = "1", **more: Any) -> dict[str, Any]:
    return {
        "student_key": who,
        "school_id": school,
        "date": d(day),
        "absent": absent,
        "excused": False,
        "tardy": False,
        "early_dismissal": False,
    } | more


def told(*rows: dict[str, Any], at: dt.datetime = SATURDAY_MORNING, file: str = "attendance.csv") -> pl.LazyFrame:
    return landed(ATTENDANCE, *rows, source="sis", file=file, at=at)


def enrolled(who: str, *, school: str = "1", entry: str = "2023-08-10", leave: str | None = None, primary: bool = True) -> dict[str, Any]:
    return {"student_key": who, "school_id": school, "entry_date": d(entry), "exit_date": leave and d(leave), "is_primary": primary}


def stays(*rows: dict[str, Any]) -> pl.LazyFrame:
    return canonical(ENROLLMENTS, *rows)


def calendar(*schools: str) -> pl.LazyFrame:
    days = (MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY)
    return canonical(
        CALENDAR, *({"school_id": school, "date": d(day), "is_instructional": day != WEDNESDAY} for school in schools for day in days)
    )


def tables(
    rows: pl.LazyFrame,
    enrollments: pl.LazyFrame,
    planned: pl.LazyFrame | None = None,
    identifiers: pl.LazyFrame | None = None,
    school_identifiers: pl.LazyFrame | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """``attendance.daily`` and ``attendance.unmatched`` as they would be stored."""
    inputs = (
        rows,
        IDENTIFIERS.empty() if identifiers is None else identifiers,
        SCHOOL_IDENTIFIERS.empty() if school_identifiers is None else school_identifiers,
        calendar("1", "2") if planned is None else planned,
        enrollments,
    )
    year = pl.lit("2023-24").alias("school_year")
    days = daily(*inputs, first_day=FIRST, last_day=LAST).with_columns(year)
    rest = unmatched(*inputs, first_day=FIRST, last_day=LAST).with_columns(year)
    return kept(DAILY, days), kept(UNMATCHED, rest)


def absences(days: pl.DataFrame) -> dict[tuple[str, str], float]:
    """School and weekday to the share missed, for a single student's days."""
    return {(school, f"{day:%a}"): absent for school, day, absent in days.select("school_id", "date", "absent").iter_rows()}
