"""Landing rows written out by hand for the roster's tests, typed as their contracts say; no rules of the roster stand here."""

import datetime as dt
from typing import Any

import polars as pl

from la_resources.contracts import Table, validate
from la_resources.privacy import Hasher, person_key

SECRET = b"a secret for the tests of the roster"
HASH_IDS = Hasher(SECRET)
AUGUST = dt.datetime(2023, 8, 1, tzinfo=dt.UTC)
SEPTEMBER = dt.datetime(2023, 9, 1, tzinfo=dt.UTC)
OCTOBER = dt.datetime(2023, 10, 1, tzinfo=dt.UTC)


def student(identifier: str) -> str:
    return person_key(SECRET, "student", identifier)


def teacher(identifier: str) -> str:
    return person_key(SECRET, "staff", identifier)


def d(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def landed(
    table: Table, *rows: dict[str, Any], source: str = "oneroster", file: str = "a.csv", at: dt.datetime = AUGUST, year: str = "2023-24"
) -> pl.LazyFrame:
    """Rows of a landing table in the order of the file; columns not named are null."""
    lineage = {"school_year": year, "source": source, "source_file": file, "row_hash": 0, "landed_at": at}
    full = [dict.fromkeys(table.names) | lineage | {"source_row": n + 2} | row for n, row in enumerate(rows)]
    return pl.LazyFrame(full, schema=table.polars_schema(), orient="row")


def canonical(table: Table, *rows: dict[str, Any], year: str = "2023-24") -> pl.LazyFrame:
    """Rows of a canonical table; columns not named are null."""
    lineage = {"school_year": year, "source": "sis", "known_on": d("2023-08-10"), "loaded_at": AUGUST}
    return pl.LazyFrame([dict.fromkeys(table.names) | lineage | row for row in rows], schema=table.polars_schema(), orient="row")


def kept(table: Table, frame: pl.LazyFrame) -> pl.DataFrame:
    """The rows as they would be stored: in the contract's shape, sorted by its key, held to the contract and to a unique key."""
    rows = table.shape(frame).sort(table.key).collect(engine="streaming")
    validate(table, rows)
    assert not rows.select(table.key).is_duplicated().any()
    return rows
