"""The days at which features are taken, and sums over what was known by each of them.

A fact counts from the day on which it had happened **and** was known, whichever is later; before that day it does not exist. All
additive features come from one pass over their table: rows are grouped by the interval between two snapshot days in which they
begin to count, and the intervals are added up. So a daily table is read once whatever the number of snapshots.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

LATEST = "latest"


@dataclass(frozen=True)
class Snapshot:
    """A named day of a school year."""

    name: str
    day: dt.date


def snapshots_of(
    first_day: dt.date, schedule: Mapping[str, str], last_day_with_data: dt.date | None, complete: bool
) -> tuple[Snapshot, ...]:
    """The snapshots that a school year has by now.

    Parameters
    ----------
    first_day : date
        First day of the school year (1 July).
    schedule : mapping of str to str
        Name to month and day, ``10-31``.
    last_day_with_data : date or None
        Newest day of attendance; without any day there is no snapshot.
    complete : bool
        Whether the year has ended: then every scheduled snapshot exists, and none is called ``latest``.

    Returns
    -------
    tuple of Snapshot
        Oldest first. In a year in progress the last day with data is a snapshot of its own, ``latest``.
    """
    if last_day_with_data is None:
        return ()
    scheduled = [Snapshot(name, _in_year(first_day, day)) for name, day in schedule.items()]
    if complete:
        return tuple(scheduled)
    reached = [s for s in scheduled if s.day <= last_day_with_data]
    if not reached or reached[-1].day < last_day_with_data:
        reached.append(Snapshot(LATEST, last_day_with_data))
    return tuple(reached)


def _in_year(first_day: dt.date, month_day: str) -> dt.date:
    month, _, day = month_day.partition("-")
    return dt.date(first_day.year + (int(month) < first_day.month), int(month), int(day))


def is_complete(last_day_with_data: dt.date | None, last_instructional_day: dt.date | None, schedule_end: dt.date) -> bool:
    """Whether attendance reaches the end of the calendar (within a week), or, without a calendar, the last scheduled snapshot."""
    if last_day_with_data is None:
        return False
    if last_instructional_day is None:
        return last_day_with_data >= schedule_end
    return last_day_with_data >= last_instructional_day - dt.timedelta(days=7)


def snapshot_frame(snapshots: Sequence[Snapshot]) -> pl.LazyFrame:
    """One row per snapshot: ``snapshot``, ``as_of_date``."""
    return pl.LazyFrame(
        {"snapshot": [s.name for s in snapshots], "as_of_date": [s.day for s in snapshots]},
        schema={"snapshot": pl.String, "as_of_date": pl.Date},
    )


def known_by(frame: pl.LazyFrame, snapshots: Sequence[Snapshot], dates: Sequence[str] = ()) -> pl.LazyFrame:
    """Each row once per snapshot by which it was known and had happened, with ``snapshot`` and ``as_of_date``.

    For tables of a few rows a student; daily tables go through :func:`sums_as_of`. A null date says nothing of when, so only
    ``known_on`` decides.
    """
    as_of = pl.col("as_of_date")
    happened = [pl.col(date).is_null() | (pl.col(date) <= as_of) for date in dates]
    return frame.join(snapshot_frame(snapshots), how="cross").filter(pl.col("known_on") <= as_of, *happened)


def sums_as_of(
    frame: pl.LazyFrame,
    snapshots: Sequence[Snapshot],
    keys: Sequence[str],
    sums: Mapping[str, pl.Expr],
    *,
    dates: Sequence[str] = (),
    recent: Sequence[str] = (),
    recent_days: int = 28,
) -> pl.LazyFrame:
    """Sums over the rows that count by each snapshot.

    Parameters
    ----------
    frame : polars.LazyFrame
        With ``known_on``, ``loaded_at`` and the columns named.
    keys : sequence of str
        Grouping columns, such as ``student_key``.
    sums : mapping of str to expression
        Name to the value of a row that is added up, whole numbers (:func:`thousandths` of fractions); nulls add nothing.
    dates : sequence of str
        Columns with the day on which the fact happened, beside ``known_on``.
    recent : sequence of str
        Names in ``sums`` that are also added up over the last ``recent_days`` before each snapshot, as ``recent_<name>``.

    Returns
    -------
    polars.LazyFrame
        ``keys``, ``snapshot``, ``as_of_date``, the sums, ``loaded_at`` (newest). A key without any row by a snapshot has none.
    """
    days = sorted({s.day for s in snapshots} | {s.day - dt.timedelta(days=recent_days) for s in snapshots})
    counts_from = pl.max_horizontal("known_on", *dates)
    place = pl.sum_horizontal([(counts_from > day).cast(pl.UInt8) for day in days])
    edges = pl.LazyFrame({"upper": days, "lower": [None, *days[:-1]]}, schema={"upper": pl.Date, "lower": pl.Date}).with_row_index("place")
    intervals = (
        frame.select(*keys, "loaded_at", place.cast(pl.UInt32).alias("place"), *(value.alias(name) for name, value in sums.items()))
        .filter(pl.col("place") < len(days))
        .group_by(*keys, "place")
        .agg(*(pl.col(name).sum() for name in sums), pl.col("loaded_at").max())
    )
    is_recent = pl.col("lower") >= pl.col("as_of_date") - pl.duration(days=recent_days)
    return (
        intervals.join(edges, on="place")
        .join(snapshot_frame(snapshots), how="cross")
        .filter(pl.col("upper") <= pl.col("as_of_date"))
        .group_by(*keys, "snapshot", "as_of_date")
        .agg(
            *(pl.col(name).sum() for name in sums),
            *(pl.col(name).filter(is_recent).sum().alias(f"recent_{name}") for name in recent),
            pl.col("loaded_at").max(),
        )
    )


def thousandths(value: pl.Expr) -> pl.Expr:
    """A fractional value as whole thousandths, so that a sum is the same whatever the order in which rows are added."""
    return (value.fill_nan(None) * 1000).round().cast(pl.Int64)


def share(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """``part / whole``; null where there is nothing to divide by."""
    return pl.when(whole > 0).then(part / whole)
