"""Bringing Redshift up to the lake: years of which it has other rows are loaded, as where it was added later or missed a load.

Rows are told apart by their number and by the newest arrival behind them; a year that differs in neither is left as it is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from la_resources.contracts import Table
from la_resources.lake import PARTITION_COLUMN
from la_resources.redshift import ddl
from la_resources.redshift.engine import Redshift

_ARRIVAL = "loaded_at"


def catch_up(redshift: Redshift, tables: Iterable[Table], school_years: Sequence[str]) -> list[tuple[str, str]]:
    """Load what Redshift is behind in; the names and school years that were loaded.

    Raises
    ------
    RedshiftError
        If Redshift refuses, or does not answer for as long as its settings wait.
    """
    tables = list(tables)
    there = redshift.asked(
        f"counting the rows of {len(tables)} tables in {redshift.settings.name}",
        lambda connection: {table: _of_redshift(connection.cursor(), table) for table in tables},
    )
    behind = [
        (table, year) for table in tables for year in school_years if there[table].get(year, (0, None)) != _of_lake(redshift, table, year)
    ]
    for table, year in behind:
        redshift.load(table, year)
    return [(table.name, year) for table, year in behind]


def _of_redshift(cursor: Any, table: Table) -> dict[str, tuple[int, dt.datetime | None]]:
    """Of each year the number of rows and the newest arrival, in UTC."""
    if not Redshift.columns(cursor, table):
        return {}
    rows = ddl.quoted(table.name)
    cursor.execute(f"SELECT {PARTITION_COLUMN}, COUNT(*), MAX({_ARRIVAL}) FROM {rows} GROUP BY {PARTITION_COLUMN}")  # noqa: S608
    return {year: (count, newest) for year, count, newest in cursor.fetchall()}


def _of_lake(redshift: Redshift, table: Table, school_year: str) -> tuple[int, dt.datetime | None]:
    rows = redshift.lake.scan(table, [school_year]).select(pl.len(), pl.col(_ARRIVAL).max().dt.replace_time_zone(None))
    count, newest = rows.collect().row(0)
    return count, newest
