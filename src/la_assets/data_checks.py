"""What can be wrong with any table of any room: duplicate keys, broken references, columns that emptied, odd row counts, stale data.

Plain functions from lazy frames to an :class:`~la_resources.check_ledger.Outcome`-shaped tuple; ``checks.py`` turns them into Dagster asset
checks. Frames hold one school year unless the docstring says otherwise.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import polars as pl

Finding = tuple[bool, str, Mapping[str, int | float]]
"""Passed, a sentence for the asset's page, and the figures behind it."""

EMPTIED = 0.25
"""A column that lost this share of its filled values against the year before has emptied."""

FEW_ROWS = 100
"""A year before with fewer rows says nothing about how many there should be."""


def key_is_unique(frame: pl.LazyFrame, key: Sequence[str]) -> Finding:
    """Every key stands in one row only.

    Stored rows ascend by the key, and keys that strictly ascend are unique: that takes one comparison a row. Only where they do
    not are the distinct keys counted.
    """
    rows, ascending = frame.select(rows=pl.len(), ascending=_strictly_ascending(key)).collect().row(0) if key else (0, True)
    keys = rows if ascending else frame.select(pl.struct(key).n_unique()).collect(engine="streaming").item()
    repeated = rows - keys
    return (
        repeated == 0,
        f"{rows:,} rows, each with its own ({', '.join(key)})"
        if not repeated
        else f"{repeated:,} of {rows:,} rows repeat a key ({', '.join(key)}); find the two files behind one of them by its source columns",
        {"rows": rows, "repeated": repeated},
    )


def _strictly_ascending(key: Sequence[str]) -> pl.Expr:
    """Whether each row's key is greater than that of the row before, in the key's column order; a null is never greater."""
    ascending = pl.lit(False)
    for column in reversed(key):
        value, before = pl.col(column), pl.col(column).shift(1)
        ascending = (value > before).fill_null(False) | ((value == before).fill_null(False) & ascending)
    return ascending.slice(1).all()


def orphans(child: pl.LazyFrame, columns: Sequence[str], parent: pl.LazyFrame, references: Sequence[str]) -> pl.LazyFrame:
    """Rows of ``child`` whose (non-null) ``columns`` do not appear as ``references`` in ``parent``."""
    targets = parent.select(references).unique()
    return child.drop_nulls(list(columns)).join(targets, left_on=list(columns), right_on=list(references), how="anti")


def references_exist(
    child: pl.LazyFrame, columns: Sequence[str], parent: pl.LazyFrame, references: Sequence[str], parent_name: str
) -> Finding:
    """Every (non-null) reference of the child points at a row of the parent in the same school year."""
    if parent.select(pl.len()).collect(engine="streaming").item() == 0:
        return True, f"not judged: {parent_name} has no rows for this year", {"orphans": 0}
    if not orphans(_beginnings_of_runs(child, columns), columns, parent, references).head(1).collect(engine="streaming").height:
        return True, f"every ({', '.join(columns)}) is in {parent_name}", {"orphans": 0}
    missing = orphans(child, columns, parent, references)
    rows, distinct = missing.select(rows=pl.len(), distinct=pl.struct(columns).n_unique()).collect(engine="streaming").row(0)
    example = missing.select(columns).head(1).collect().row(0, named=True)
    return (
        False,
        f"{rows:,} row(s) with {distinct:,} value(s) of ({', '.join(columns)}) that {parent_name} does not have, e.g. {example}; "
        f"the file that should bring them has not arrived, or uses another kind of identifier",
        {"orphans": rows, "distinct_orphans": distinct},
    )


def _beginnings_of_runs(frame: pl.LazyFrame, columns: Sequence[str]) -> pl.LazyFrame:
    """The columns where they differ from the row before: every distinct value, and in sorted tables hardly more than those."""
    differs = pl.any_horizontal(pl.col(c).ne_missing(pl.col(c).shift(1)) for c in columns) | (pl.int_range(pl.len()) == 0)
    return frame.select(columns).filter(differs)


def columns_stay_filled(frame: pl.LazyFrame, previous: pl.LazyFrame, columns: Sequence[str]) -> Finding:
    """No column lost a quarter of its filled values against the year before; the figures are this year's filled shares."""
    if not columns:
        return True, "every column is required by the contract", {}
    filled = [pl.len().alias("rows"), *(pl.col(c).is_not_null().mean().alias(c) for c in columns)]
    now = frame.select(filled).collect(engine="streaming").row(0, named=True)
    before = previous.select(filled).collect(engine="streaming").row(0, named=True)
    few = min(now["rows"], before["rows"]) < FEW_ROWS
    shares = {f"filled: {c}": round(now[c], 4) for c in columns if now[c] is not None}
    if not shares:
        return True, "no rows in this year", {}
    emptied = [
        f"{c} ({before[c]:.0%} -> {now[c]:.0%})"
        for c in columns
        if now[c] is not None and before[c] is not None and before[c] - now[c] > EMPTIED
    ]
    if emptied and not few:
        return (
            False,
            f"columns that emptied against the year before: {', '.join(emptied)}; compare the headers of the two years' files",
            shares,
        )
    if few:
        return True, "too few rows to compare with the year before", shares
    return True, "every column is filled about as well as the year before", shares


def row_count_is_plausible(rows: int, rows_before: int, tolerance: float, *, complete: bool, comparable: bool = True) -> Finding:
    """A finished year has about as many rows as the one before it.

    Not judged: a year in progress, a year before with few rows, and years of closed schools (``comparable=False``).
    """
    counts = {"rows": rows, "rows_before": rows_before}
    if not comparable:
        return True, f"{rows:,} rows; not compared, schools were closed in this year or the one before", counts
    if not complete:
        return True, f"{rows:,} rows so far; the year is in progress", counts
    if rows_before < FEW_ROWS:
        return True, f"{rows:,} rows; the year before has {rows_before:,}, too few to compare with", counts
    change = rows / rows_before - 1
    if abs(change) > tolerance:
        return (
            False,
            f"{rows:,} rows against {rows_before:,} the year before ({change:+.0%}, tolerance {tolerance:.0%}); "
            "look for a missing or doubled delivery in landing.files",
            counts,
        )
    return True, f"{rows:,} rows against {rows_before:,} the year before ({change:+.0%})", counts


def current_year_is_fresh(newest: dt.datetime | None, now: dt.datetime, stale_after_days: int, school_days: Sequence[dt.date]) -> Finding:
    """The current year's newest arrival is at most ``stale_after_days`` school days old.

    Parameters
    ----------
    newest : datetime or None
        ``loaded_at`` of the newest row of the current year (UTC); None if the year has no rows.
    now : datetime
        The moment of judging (UTC).
    stale_after_days : int
        School days without an arrival that are still fresh.
    school_days : sequence of date
        Instructional days of the current year; weekends and holidays do not count against a source.
    """
    if not school_days:
        return True, "not judged: roster.calendar has no school days of the current year; deliver a calendar", {}
    past = [day for day in school_days if day < now.date()]
    if not past:
        return True, "the school year has not begun", {}
    if newest is None:
        missed = len(past)
        passed = missed <= stale_after_days
        return (
            passed,
            f"no rows for the current year after {missed} school day(s); check that its source still delivers",
            {"school_days_without": missed},
        )
    missed = sum(day > newest.date() for day in past)
    counts = {"school_days_without": missed}
    if missed > stale_after_days:
        return False, f"the newest row arrived {newest:%Y-%m-%d}, {missed} school days ago; check that its source still delivers", counts
    return True, f"the newest row arrived {newest:%Y-%m-%d}", counts


def summary(outcomes: Mapping[str, Finding]) -> Finding:
    """One finding from several named ones: fails if any fails, says which."""
    failed = {name: finding for name, finding in outcomes.items() if not finding[0]}
    counts = {f"{name}: {k}": v for name, (_, _, figures) in outcomes.items() for k, v in figures.items()}
    text = "; ".join(f"{name}: {finding[1]}" for name, finding in (failed or outcomes).items())
    return not failed, text, counts
