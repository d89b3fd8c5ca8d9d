"""Typed records of one file to Parquet, one file per landing table and school year, streamed chunk by chunk.

Columns are exactly the contract's. Paths come from the caller, who publishes them; if the file is set aside in the end,
what was written is deleted again.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import polars as pl

from la_resources.contracts import Table
from la_resources.sources.indexed import Indexed
from la_resources.sources.quarantine_rows import QUARANTINE_SCHEMA
from la_resources.sources.record_plan import LINEAGE

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


class Writer(Protocol):
    """Where a file's records go: local paths that the caller publishes or throws away."""

    def table_path(self, table: str, school_year: str) -> Path:
        """Path of the Parquet file for a table and year; its folder exists."""
        ...

    def quarantine_path(self) -> Path:
        """Path of the Parquet file for rejected rows; its folder exists."""
        ...


class LandingFolder:
    """The plain :class:`Writer`: ``<root>/<table>/<year>.parquet`` and ``<root>/quarantine.parquet``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def table_path(self, table: str, school_year: str) -> Path:
        folder = self.root / table
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{school_year}.parquet"

    def quarantine_path(self) -> Path:
        self.root.mkdir(parents=True, exist_ok=True)
        return self.root / "quarantine.parquet"


class ParquetParts:
    """The Parquet files of one landed file, open while it is read."""

    def __init__(self, out: Writer) -> None:
        self._out = out
        self._writers: dict[Path, pq.ParquetWriter] = {}
        self.written: dict[str, dict[str, int]] = {}

    def add(self, table: Table, year: str, columns: Mapping[str, Indexed], rows: np.ndarray | None) -> None:
        """Append records.

        Parameters
        ----------
        table : Table
            Contract of the landing table.
        year : str
            School year of all rows.
        columns : mapping of str to Indexed
            Typed columns and lineage; nullable ones may be missing.
        rows : numpy.ndarray of int, optional
            Which rows of the columns; None: all.
        """
        import pyarrow as pa

        count = len(rows) if rows is not None else _length(columns["source_row"])
        schema = _arrow_schema(table)
        arrays = [_array(columns.get(field.name), rows, count, field.type) for field in schema]
        self._writer(self._out.table_path(table.name, year), schema).write_table(pa.table(arrays, schema=schema))
        years = self.written.setdefault(table.name, {})
        years[year] = years.get(year, 0) + count

    def reject(self, frame: pl.DataFrame) -> None:
        """Append rejected rows in the quarantine's columns."""
        import pyarrow as pa

        if frame.is_empty():
            return
        shaped = frame.select(pl.col(n).cast(t) for n, t in QUARANTINE_SCHEMA.items()).to_arrow()
        schema = pa.schema([f.with_type(pa.string()) if QUARANTINE_SCHEMA[f.name] == pl.String else f for f in shaped.schema])
        self._writer(self._out.quarantine_path(), schema).write_table(shaped.cast(schema))

    def close(self) -> None:
        """Finish all files."""
        for writer in self._writers.values():
            writer.close()

    def discard(self) -> None:
        """Close and delete everything written so far."""
        for path, writer in self._writers.items():
            writer.close()
            path.unlink(missing_ok=True)
        self._writers, self.written = {}, {}

    def _writer(self, path: Path, schema: pa.Schema) -> pq.ParquetWriter:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if path not in self._writers:
            texts = [f.name for f in schema if pa.types.is_dictionary(f.type) or pa.types.is_string(f.type)]
            self._writers[path] = pq.ParquetWriter(
                path,
                schema,
                compression={n: "none" if n == "row_hash" else "zstd" for n in schema.names},
                use_dictionary=texts,
                store_schema=False,
                column_encoding={"source_row": "DELTA_BINARY_PACKED"} if "row_hash" in schema.names else None,
            )
        return self._writers[path]


def _length(column: Indexed) -> int:
    return len(column.values) if column.index is None else len(column.index)


@cache
def _arrow_schema(table: Table) -> pa.Schema:
    """Arrow types of the contract; texts are dictionary-encoded, which Parquet stores as plain text."""
    import pyarrow as pa

    schema = table.empty().collect().to_arrow().schema
    fields = [
        pa.field(f.name, pa.dictionary(pa.int32(), pa.string()) if t == pl.String else f.type, nullable=c.nullable or c.name not in LINEAGE)
        for f, t, c in zip(schema, table.polars_schema().values(), table.columns, strict=True)
    ]
    return pa.schema(fields)


def _array(column: Indexed | None, rows: np.ndarray | None, count: int, kind: pa.DataType) -> pa.Array:
    import pyarrow as pa

    if column is None:
        return pa.nulls(count, kind)
    is_text = pa.types.is_dictionary(kind)
    if column.index is None:
        values = column.values if rows is None else column.values[rows]
        return values.to_arrow().cast(pa.string()).dictionary_encode() if is_text else values.to_arrow().cast(kind)
    index = column.index if rows is None else column.index[rows]
    return column.entries.array(index) if is_text else column.values[index].to_arrow().cast(kind)
