"""School-year arithmetic: the one place that turns dates into ``2023-24`` and back.

A school year runs from 1 July to 30 June and is named after both calendar years it touches. The Dagster partition key of
a year is its first day. Everything else in the project calls these functions; nothing parses a year out of a file name.
"""

from __future__ import annotations

import datetime as dt
import re

import polars as pl

FIRST_MONTH = 7
_LABEL = re.compile(r"^(\d{4})-(\d{2})$")


def from_start(year: int) -> str:
    """The school year that starts in July of ``year``: ``from_start(2023) == "2023-24"``."""
    return f"{year:04d}-{(year + 1) % 100:02d}"


def start_year(school_year: str) -> int:
    """The calendar year in which a school year starts.

    Raises
    ------
    ValueError
        If the text is not a school year such as ``2023-24`` (``2023-25`` is not one).
    """
    match = _LABEL.match(school_year)
    if not match or (int(match[1]) + 1) % 100 != int(match[2]):
        raise ValueError(f"{school_year!r} is not a school year; write it as 2023-24")
    return int(match[1])


def of_date(day: dt.date) -> str:
    """The school year of a day: ``of_date(date(2024, 6, 30)) == "2023-24"``."""
    return from_start(day.year if day.month >= FIRST_MONTH else day.year - 1)


def of_dates(day: pl.Expr) -> pl.Expr:
    """The school year of each day of a Date expression, as text; null stays null."""
    return from_starts(day.dt.year() - (day.dt.month() < FIRST_MONTH).cast(pl.Int32))


def from_starts(start: pl.Expr) -> pl.Expr:
    """The school year that starts in July of each year of an integer expression; null stays null."""
    return start.cast(pl.String) + "-" + ((start + 1) % 100).cast(pl.String).str.zfill(2)


def first_day(school_year: str) -> dt.date:
    return dt.date(start_year(school_year), FIRST_MONTH, 1)


def last_day(school_year: str) -> dt.date:
    return dt.date(start_year(school_year) + 1, FIRST_MONTH, 1) - dt.timedelta(days=1)


def shift(school_year: str, years: int) -> str:
    """The school year ``years`` later (earlier, if negative)."""
    return from_start(start_year(school_year) + years)


def partition_key(school_year: str) -> str:
    """The Dagster partition key: the first day of the year, ``2023-07-01``."""
    return first_day(school_year).isoformat()


def of_partition_key(key: str) -> str:
    """The school year of a Dagster partition key."""
    return of_date(dt.date.fromisoformat(key))
