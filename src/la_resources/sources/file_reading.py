"""One pass over a file: chunks are read ahead, freed of duplicates, typed, and written; every row is counted once.

The pass knows nothing of whether its result will stand: :mod:`landing_file` decides that when the counts are in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol, cast

import numpy as np
import polars as pl

from la_resources.contracts import Table
from la_resources.sources.column_typing import ColumnTyping
from la_resources.sources.content_hash import HashingStream, content_hash
from la_resources.sources.definitions import SourceDefinition
from la_resources.sources.indexed import Indexed
from la_resources.sources.landed_file import LandedFile
from la_resources.sources.landing_writer import ParquetParts
from la_resources.sources.oneroster import DELTA_SUFFIX
from la_resources.sources.parquet_rows import ParquetRecords
from la_resources.sources.person_keys import HashIds, PersonKeys
from la_resources.sources.quarantine_rows import quarantine_rows, unreadable_rows
from la_resources.sources.reader import CsvRecords
from la_resources.sources.record_plan import plan
from la_resources.sources.row_typing import TypedChunk, TypedRecord, type_chunk, years_in
from la_resources.sources.rows import RecordChunk
from la_resources.sources.seen_rows import SeenRows


class Records(Protocol):
    """What the readers of CSV and Parquet both offer."""

    header: tuple[str, ...]

    @property
    def encoding(self) -> str: ...

    def chunks(self, wanted: list[int], *, lines: bool = True) -> Iterator[RecordChunk]: ...


@dataclass
class Tally:
    """Counts of one pass, in source rows."""

    read: int = 0
    loaded: int = 0
    duplicate: int = 0
    skipped: int = 0
    quarantined: int = 0
    encoding: str = ""
    content_hash: str = ""
    reasons: Counter[str] = field(default_factory=Counter)
    years: Counter[str] = field(default_factory=Counter)


@dataclass
class FileReading:
    """A pass over one file.

    Attributes
    ----------
    file, definition, tables, hash_id
        As in :func:`la_resources.sources.landing_file.land_file`.
    parts : ParquetParts
        Where rows go.
    bundle_year : str, optional
        The year of all rows, where the bundle says it.
    expected_year : str, optional
        The year that rows are held to; found in the first chunk if not given and the file holds one year.
    delta : bool
        Whether the file is a OneRoster delta.
    chunk_bytes : int
        Bytes read at a time.
    tally : Tally
        The counts so far.
    """

    file: LandedFile
    definition: SourceDefinition
    tables: Mapping[str, Table]
    hash_id: HashIds
    parts: ParquetParts
    chunk_bytes: int
    bundle_year: str | None = None
    expected_year: str | None = None
    delta: bool = False
    tally: Tally = field(default_factory=Tally)
    _landed_once: set[tuple[object, ...]] = field(default_factory=set)

    @property
    def holds_one_year(self) -> bool:
        return not self.definition.multi_year and not self.definition.year.bundle

    def run(self) -> None:
        """Read the whole file.

        Raises
        ------
        UnreadableFileError
            If the file as a whole cannot be read.
        """
        typing = ColumnTyping(PersonKeys(self.hash_id), self.definition.null_tokens)
        with self.file.open() as stream:
            hashing = HashingStream(stream)
            records = open_records(
                cast(BinaryIO, hashing) if self.definition.format == "csv" else stream, self.definition, self.chunk_bytes
            )
            laid = plan(self.definition, self.tables, records.header, self.file.path)
            seen = SeenRows(self.file.size)
            chunks = records.chunks(laid.wanted)
            for chunk in _ahead(chunks) if self.file.size > self.chunk_bytes else chunks:
                self.tally.read += chunk.count
                self._reject(unreadable_rows(chunk.bad))
                fresh, hashes = self._without_duplicates(chunk, seen)
                if self.holds_one_year and self.expected_year is None:
                    found = years_in(fresh, laid)
                    self.expected_year = max(found, key=lambda year: found[year], default=None)
                held_to = self.expected_year if self.holds_one_year else None
                typed = type_chunk(fresh, laid, typing, bundle_year=self.bundle_year, expected_year=held_to)
                self.tally.years.update(typed.years_seen)
                self.tally.loaded += int(typed.loaded.sum())
                self.tally.skipped += int(typed.skipped.sum())
                self._reject(typed.rejected)
                self._write(typed, fresh, hashes)
            self.tally.encoding = records.encoding
            self.tally.content_hash = hashing.digest() if self.definition.format == "csv" else content_hash(self.file)

    def _reject(self, rejected: pl.DataFrame) -> None:
        if rejected.is_empty():
            return
        self.tally.quarantined += len(rejected)
        rules = rejected["rule"].str.split("; ").list.unique().explode().drop_nulls().alias("rule").value_counts()
        self.tally.reasons.update(dict(zip(rules["rule"].to_list(), rules["count"].to_list(), strict=True)))
        self.parts.reject(quarantine_rows(rejected, self.file, self.definition.lineage))

    def _without_duplicates(self, chunk: RecordChunk, seen: SeenRows) -> tuple[RecordChunk, pl.Series]:
        """The chunk without rows that were read before, and the hashes of the rows that are left."""
        import polars_hash  # noqa: F401  (registers the expression namespace)

        lines = cast(pl.Series, pl.from_arrow(chunk.raw)).alias("line").to_frame()
        other = (pl.col("line").hash(7) // 2**32).cast(pl.UInt32).alias("other")
        hashes = lines.select(pl.col("line").nchash.wyhash().alias("row_hash"), other)  # type: ignore[attr-defined]
        new = seen.new(hashes["row_hash"].to_numpy(), hashes["other"].to_numpy())
        if new.all():
            return chunk, hashes["row_hash"]
        import pyarrow as pa

        at = np.flatnonzero(new)
        self.tally.duplicate += len(new) - len(at)
        taken = pa.array(at)
        columns = {position: column.take(taken) for position, column in chunk.columns.items()}
        return RecordChunk(columns, chunk.source_row[at], chunk.raw.take(taken), chunk.count, []), hashes["row_hash"][at]

    def _write(self, typed: TypedChunk, chunk: RecordChunk, hashes: pl.Series) -> None:
        """Append the chunk's records to their tables and years."""
        fixed = np.zeros(len(chunk.source_row), np.int32)
        source = self.definition.lineage + (DELTA_SUFFIX if self.delta else "")
        lineage = {
            "school_year": typed.year,
            "source": Indexed(pl.Series([source]), fixed),
            "source_file": Indexed(pl.Series([self.file.path]), fixed),
            "source_row": Indexed(pl.Series(chunk.source_row), None),
            "row_hash": Indexed(hashes, None),
            "landed_at": Indexed(pl.Series([self.file.modified], dtype=pl.Datetime("us", "UTC")), fixed),
        }
        for year in sorted(typed.year.values.drop_nulls().unique()):
            of_year = typed.year.rows((typed.year.values == year).fill_null(False).to_numpy())
            for record in typed.records:
                rows = record.rows & of_year
                if record.planned.record.once:
                    rows = self._first_of_key(record, rows, year)
                if rows.any():
                    self.parts.add(record.planned.table, year, {**record.columns, **lineage}, None if rows.all() else np.flatnonzero(rows))

    def _first_of_key(self, record: TypedRecord, rows: np.ndarray, year: str) -> np.ndarray:
        """Of the rows, those whose key was not landed before in this file."""
        at = np.flatnonzero(rows)
        key = pl.DataFrame({name: record.columns[name].full()[at] for name in record.planned.record.key}).with_columns(at=at)
        first = np.zeros_like(rows)
        for *values, position in key.unique(list(record.planned.record.key), keep="first", maintain_order=True).iter_rows():
            name = (record.planned.table.name, year, *values)
            first[position] = name not in self._landed_once
            self._landed_once.add(name)
        return first


def open_records(stream: BinaryIO, definition: SourceDefinition, chunk_bytes: int) -> Records:
    """The reader of the definition's format."""
    if definition.format == "parquet":
        return ParquetRecords(stream)
    return CsvRecords(stream, definition.delimiter, definition.encoding, chunk_bytes)


def _ahead(chunks: Iterator[RecordChunk]) -> Iterator[RecordChunk]:
    """The same chunks, the next one being read while the caller works on this one."""
    with ThreadPoolExecutor(1, "read-ahead") as reader:
        coming = reader.submit(next, chunks, None)
        while (chunk := coming.result()) is not None:
            coming = reader.submit(next, chunks, None)
            yield chunk
