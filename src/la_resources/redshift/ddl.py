"""Tables of Redshift from contracts: types, where rows lie, and what changes when a contract grows.

Types: Amazon Redshift Database Developer Guide, "Data types" and "COPY from columnar data formats". Times are UTC in a TIMESTAMP.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import polars as pl

from la_resources.contracts import Column, Table

if TYPE_CHECKING:
    from polars.datatypes import DataTypeClass

_OF_KEYS, _OF_TEXTS = 128, 4096
"""Bytes of a text: of one with a pattern (a key, a school year), and of any other."""


LOOKED_UP = frozenset({"access.policies"})
"""Restricted tables that row-level security looks into; nobody but the loader may read them."""


def is_offered(table: Table) -> bool:
    """Whether a table is for SQL: not what is restricted, not raw landing rows, not fitted models (half a megabyte in a cell)."""
    unrestricted = not table.restricted or table.name in LOOKED_UP
    return unrestricted and table.schema != "landing" and "manifest" not in table.by_name


def column_type(dtype: DataTypeClass | pl.DataType, column: Column | None = None) -> str:
    """Redshift's type of a column, as COPY takes it from the lake's Parquet."""
    if dtype == pl.String:
        if column is not None and column.options:
            return f"VARCHAR({max(len(option.encode()) for option in column.options)})"
        return f"VARCHAR({_OF_KEYS if column is not None and column.pattern else _OF_TEXTS})"
    if isinstance(dtype, (pl.List, pl.Struct, pl.Array)):
        return "SUPER"
    if isinstance(dtype, pl.Datetime):
        return "TIMESTAMP"
    return {
        "Boolean": "BOOLEAN",
        "Date": "DATE",
        "Int16": "SMALLINT",
        "Int32": "INTEGER",
        "Int64": "BIGINT",
        "UInt64": "NUMERIC(20,0)",
        "Float32": "REAL",
        "Float64": "DOUBLE PRECISION",
    }[str(dtype)]


def create_schema(table: Table) -> str:
    return f'CREATE SCHEMA IF NOT EXISTS "{table.schema}"'


def create_table(table: Table) -> str:
    """The table, spread by student where it has students, sorted by year and key."""
    columns = ", ".join(f'"{c.name}" {column_type(c.dtype, c)}{"" if c.nullable else " NOT NULL"}' for c in table.columns)
    spread = 'DISTSTYLE KEY DISTKEY("student_key")' if "student_key" in table.by_name else "DISTSTYLE AUTO"
    first = next((c for c in table.key if c != "school_year"), None)
    order = ", ".join(f'"{c}"' for c in ("school_year", first) if c)
    return f"CREATE TABLE IF NOT EXISTS {quoted(table.name)} ({columns}) {spread} SORTKEY({order})"


def add_columns(table: Table, there: Iterable[str]) -> list[str]:
    """A statement for each column that the contract has and the table has not: Redshift adds one at a time."""
    present = set(there)
    return [
        f'ALTER TABLE {quoted(table.name)} ADD COLUMN "{c.name}" {column_type(c.dtype, c)}' for c in table.columns if c.name not in present
    ]


def create_staging(name: str, schema: Mapping[str, pl.DataType], table: Table) -> str:
    """A table of this session with the columns of a file, in the file's order: COPY of Parquet goes by position."""
    columns = ", ".join(f'"{column}" {column_type(dtype, table.by_name.get(column))}' for column, dtype in schema.items())
    return f'CREATE TEMP TABLE "{name}" ({columns})'


def is_nested(schema: Mapping[str, pl.DataType]) -> bool:
    """Whether COPY has to turn a column into JSON."""
    return any(column_type(dtype) == "SUPER" for dtype in schema.values())


def quoted(name: str) -> str:
    """``"schema"."table"``."""
    return ".".join(f'"{part}"' for part in name.split(".", 1))
