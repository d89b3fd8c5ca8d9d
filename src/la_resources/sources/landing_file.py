"""One file of the landing zone through its definition: typed rows by table and year, quarantined rows, and a receipt.

Streams: memory is bounded by a chunk, whatever the file's size. Every row read is loaded, a duplicate, skipped or quarantined;
a file that cannot be read, or whose name and content disagree on the year, is quarantined whole and nothing of it is landed.
The caller decides where records go and publishes them; reading the same bytes again gives the same rows.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from typing import BinaryIO, Protocol, cast

import numpy as np
import polars as pl

from la_resources.contracts import Table
from la_resources.sources.archives import Refused
from la_resources.sources.definitions import SourceDefinition
from la_resources.sources.encodings import BLOCK
from la_resources.sources.landed_file import LandedFile
from la_resources.sources.landing_writer import QUARANTINE_SCHEMA, ParquetParts, Writer
from la_resources.sources.oneroster import DELTA_SUFFIX, bundle_of
from la_resources.sources.parquet_rows import ParquetRecords
from la_resources.sources.person_keys import HashIds, PersonKeys
from la_resources.sources.reader import CsvRecords
from la_resources.sources.receipt import Delivery, Receipt
from la_resources.sources.record_plan import Plan, plan
from la_resources.sources.row_typing import Indexed, TypedChunk, type_chunk, years_in
from la_resources.sources.rows import RecordChunk, UnreadableFileError
from la_resources.sources.seen_rows import SeenRows

PEEK = 256 * 1024
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError)


class _Records(Protocol):
    """What both readers offer."""

    header: tuple[str, ...]

    @property
    def encoding(self) -> str: ...

    def chunks(self, wanted: list[int]) -> Iterator[RecordChunk]: ...


@dataclass
class _Tally:
    """Counts of one reading of a file."""

    read: int = 0
    loaded: int = 0
    duplicate: int = 0
    skipped: int = 0
    quarantined: int = 0
    encoding: str = ""
    reasons: Counter[str] = field(default_factory=Counter)
    years: Counter[str] = field(default_factory=Counter)


class _HashingStream:
    """A stream that hashes what is read through it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._hash = stream, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._hash.update(data)
        return data

    def digest(self) -> str:
        """The hash of the whole stream; what was not read yet is read now."""
        while self.read(BLOCK):
            pass
        return self._hash.hexdigest()


def land_file(
    file: LandedFile,
    definition: SourceDefinition,
    tables: Mapping[str, Table],
    hash_id: HashIds,
    out: Writer,
    *,
    chunk_bytes: int = BLOCK,
) -> Receipt:
    """Land one file.

    Parameters
    ----------
    file : LandedFile
        The file (or zip member).
    definition : SourceDefinition
        The definition that claims it.
    tables : mapping of str to Table
        Contracts of the landing tables by name.
    hash_id : callable
        ``hash_id(kind, identifiers) -> keys`` with kind ``student`` or ``staff``.
    out : Writer
        Where the Parquet files go.
    chunk_bytes : int
        Bytes read at a time; bounds the memory.

    Returns
    -------
    Receipt
        Balanced: rows read = loaded + duplicates + skipped + quarantined.

    Raises
    ------
    DefinitionError
        If the definition does not fit the tables: that is a mistake of the configuration, not of the file.
    """
    tally = _Tally()
    delivery: Delivery = "full"
    bundle_year = None
    expected: str | None = None
    try:
        if definition.year.bundle:
            bundle = bundle_of(file)
            bundle_year, delivery = bundle.school_year, bundle.delivery
        while True:
            parts = ParquetParts(out)
            tally = _Tally()
            try:
                digest, expected = _read(file, definition, tables, PersonKeys(hash_id), parts, tally, bundle_year, expected, delivery, chunk_bytes)
            except BaseException:
                parts.discard()
                raise
            majority = max(tally.years, key=lambda y: (tally.years[y], y == expected), default=expected)
            if definition.multi_year or definition.year.bundle or majority == expected:
                break
            parts.discard()
            expected = majority
        _refuse_other_name(file, definition, majority, parts)
    except (UnreadableFileError, *_DAMAGED) as error:
        return _set_aside(file, definition, error, tally, delivery, out)
    parts.close()
    years = tuple(sorted({year for by_year in parts.written.values() for year in by_year}))
    status = "loaded" if not tally.quarantined else "partly quarantined" if tally.loaded else "quarantined"
    return Receipt(
        definition=definition.name, source_file=file.path, content_hash=digest, size=file.size, landed_at=file.modified,
        encoding=tally.encoding, school_years=years, rows_read=tally.read, rows_loaded=tally.loaded, rows_duplicate=tally.duplicate,
        rows_skipped=tally.skipped, rows_quarantined=tally.quarantined, written=parts.written, status=status if tally.read else "empty",
        reason="" if tally.read else "the file holds a header and no rows", delivery=delivery, reasons=dict(tally.reasons),
    )  # fmt: skip


def refuse_file(refused: Refused, definition_name: str, out: Writer) -> Receipt:
    """The receipt and quarantine row of an archive member that is not read."""
    return _whole_file_receipt(refused.file, definition_name, refused.rule, refused.reason, _Tally(), "full", out, "")


def peek_years(file: LandedFile, definition: SourceDefinition, tables: Mapping[str, Table]) -> set[str] | None:
    """School years in the first 256 KB of a file (of the bundle, for OneRoster); None if they cannot be told."""
    try:
        if definition.year.bundle:
            return {bundle_of(file).school_year}
        with file.open() as stream:
            if definition.format == "parquet":
                records: _Records = ParquetRecords(stream, 10_000)
            else:
                head = stream.read(PEEK)
                whole = head if len(head) < PEEK else head[: max(head.rfind(b"\n"), head.rfind(b"\r")) + 1] or head
                records = CsvRecords(BytesIO(whole), definition.delimiter, definition.encoding)
            laid = plan(definition, tables, records.header, file.path)
            first = next(iter(records.chunks(laid.wanted)), None)
            return (set(years_in(first, laid)) or None) if first is not None else None
    except (UnreadableFileError, *_DAMAGED):
        return None


def _read(
    file: LandedFile,
    definition: SourceDefinition,
    tables: Mapping[str, Table],
    keys: PersonKeys,
    parts: ParquetParts,
    tally: _Tally,
    bundle_year: str | None,
    expected: str | None,
    delivery: Delivery,
    chunk_bytes: int,
) -> tuple[str, str | None]:
    """Read a file once; its hash, and the year that its rows were held to."""
    with file.open() as stream:
        hashing = _HashingStream(stream)
        records = _records(stream, hashing, definition, chunk_bytes)
        laid = plan(definition, tables, records.header, file.path)
        seen = SeenRows(file.size)
        held_to_one = not definition.multi_year and not definition.year.bundle
        for chunk in _ahead(records.chunks(laid.wanted)):
            tally.read += chunk.count
            _reject_unreadable(chunk, file, definition, parts, tally)
            chunk, hashes = _without_duplicates(chunk, seen, tally)
            if held_to_one and expected is None:
                found = years_in(chunk, laid)
                expected = max(found, key=lambda y: found[y], default=None)
            typed = type_chunk(chunk, laid, keys, bundle_year, expected if held_to_one else None)
            tally.years.update(typed.years_seen)
            tally.loaded += int(typed.loaded.sum())
            tally.skipped += int(typed.skipped.sum())
            tally.quarantined += len(typed.rejected)
            _count_reasons(typed.rejected["rule"], tally)
            parts.reject(_with_lineage(typed.rejected, file, definition))
            _write(typed, chunk, hashes, file, definition, delivery, parts)
        tally.encoding = records.encoding
        return (hashing.digest() if definition.format == "csv" else _digest(file)), expected


def _records(stream: BinaryIO, hashing: _HashingStream, definition: SourceDefinition, chunk_bytes: int) -> _Records:
    if definition.format == "parquet":
        return ParquetRecords(stream)
    return CsvRecords(cast(BinaryIO, hashing), definition.delimiter, definition.encoding, chunk_bytes)


def _ahead(chunks: Iterator[RecordChunk]) -> Iterator[RecordChunk]:
    """The same chunks, the next one being read while the caller works on this one."""
    with ThreadPoolExecutor(1, "read-ahead") as reader:
        coming = reader.submit(next, chunks, None)
        while (chunk := coming.result()) is not None:
            coming = reader.submit(next, chunks, None)
            yield chunk


def _without_duplicates(chunk: RecordChunk, seen: SeenRows, tally: _Tally) -> tuple[RecordChunk, pl.Series]:
    """The chunk without rows that were read before, and the hashes of the rows that are left."""
    import polars_hash  # noqa: F401  (registers the expression namespace)

    lines = cast(pl.Series, pl.from_arrow(chunk.raw)).alias("line")
    hashes = lines.to_frame().select(pl.col("line").nchash.wyhash().alias("row_hash"), (pl.col("line").hash(7) // 2**32).cast(pl.UInt32).alias("other"))
    new = seen.new(hashes["row_hash"].to_numpy(), hashes["other"].to_numpy())
    if new.all():
        return chunk, hashes["row_hash"]
    import pyarrow as pa

    at = np.flatnonzero(new)
    tally.duplicate += len(new) - len(at)
    taken = pa.array(at)
    columns = {position: column.take(taken) for position, column in chunk.columns.items()}
    return RecordChunk(columns, chunk.source_row[at], chunk.raw.take(taken), chunk.count, []), hashes["row_hash"].gather(at)


def _write(
    typed: TypedChunk, chunk: RecordChunk, hashes: pl.Series, file: LandedFile, definition: SourceDefinition, delivery: Delivery, parts: ParquetParts
) -> None:
    """Append the chunk's records to their tables and years."""
    n = len(chunk.source_row)
    if not n:
        return
    source = definition.lineage + (DELTA_SUFFIX if delivery == "delta" else "")
    fixed = np.zeros(n, np.int32)
    lineage = {
        "school_year": typed.year,
        "source": Indexed(pl.Series([source]), fixed),
        "source_file": Indexed(pl.Series([file.path]), fixed),
        "source_row": Indexed(pl.Series(chunk.source_row), None),
        "row_hash": Indexed(hashes, None),
        "landed_at": Indexed(pl.Series([file.modified], dtype=pl.Datetime("us", "UTC")), fixed),
    }
    for year in sorted(typed.years_seen or set(typed.year.values.drop_nulls().unique())):
        of_year = typed.year.rows((typed.year.values == year).fill_null(False).to_numpy())
        for record in typed.records:
            rows = record.rows & of_year
            if rows.any():
                parts.add(record.planned.table, year, record.columns, lineage, None if rows.all() else np.flatnonzero(rows))


def _reject_unreadable(chunk: RecordChunk, file: LandedFile, definition: SourceDefinition, parts: ParquetParts, tally: _Tally) -> None:
    if not chunk.bad:
        return
    tally.quarantined += len(chunk.bad)
    tally.reasons.update(b.rule for b in chunk.bad)
    frame = pl.DataFrame(
        {"source_row": [b.source_row for b in chunk.bad], "rule": [b.rule for b in chunk.bad], "text": [b.text for b in chunk.bad]},
        schema={"source_row": pl.Int64, "rule": pl.String, "text": pl.String},
    )
    parts.reject(_with_lineage(frame, file, definition))


def _count_reasons(rules: pl.Series, tally: _Tally) -> None:
    counted = rules.str.split("; ").list.unique().explode().drop_nulls().alias("rule").value_counts()
    tally.reasons.update(dict(zip(counted["rule"].to_list(), counted["count"].to_list(), strict=True)))


def _with_lineage(frame: pl.DataFrame, file: LandedFile, definition: SourceDefinition) -> pl.DataFrame:
    """Rejected rows in the quarantine's columns."""
    known = {
        "source": pl.lit(definition.lineage),
        "source_file": pl.lit(file.path),
        "landed_at": pl.lit(file.modified).cast(pl.Datetime("us", "UTC")),
    }
    present = set(frame.columns)
    return frame.select(
        (pl.col(n) if n in present else known.get(n, pl.lit(None))).cast(t).alias(n) for n, t in QUARANTINE_SCHEMA.items()
    )


def _refuse_other_name(file: LandedFile, definition: SourceDefinition, majority: str | None, parts: ParquetParts) -> None:
    """Refuse a file whose name says another year than its content."""
    found = re.search(definition.year_in_name, file.path, re.IGNORECASE) if definition.year_in_name else None
    named = _named_year(found.group(1)) if found else None
    content = majority or (max(parts.written and next(iter(parts.written.values())), default=None) if definition.year.bundle else None)
    if named and content and named != content:
        parts.discard()
        raise UnreadableFileError(
            "name and content disagree on the school year",
            f"the name says {named}, the dates in it say {content}; rename the file or ask which year it is, then land it again",
        )


def _named_year(text: str) -> str | None:
    found = re.search(r"(\d{4})\D?(\d{2,4})?", text)
    if not found:
        return None
    start = int(found.group(1))
    if found.group(2) and int(found.group(2)) % 100 != (start + 1) % 100:
        return None
    return f"{start}-{(start + 1) % 100:02d}"


def _set_aside(
    file: LandedFile, definition: SourceDefinition, error: Exception, tally: _Tally, delivery: Delivery, out: Writer
) -> Receipt:
    """Quarantine a whole file; rows read so far all count as quarantined."""
    rule = error.rule if isinstance(error, UnreadableFileError) else "damaged file"
    reason = str(error) if isinstance(error, UnreadableFileError) else f"the archive is damaged: {error}. Ask for the file again"
    empty = rule == "empty file"
    counted = _Tally(read=tally.read, quarantined=tally.read, encoding=tally.encoding)
    return _whole_file_receipt(file, definition.name, rule, f"{file.path}: {reason}", counted, delivery, out, definition.lineage, empty=empty)


def _whole_file_receipt(
    file: LandedFile, name: str, rule: str, reason: str, tally: _Tally, delivery: Delivery, out: Writer, lineage: str, *, empty: bool = False
) -> Receipt:
    if not empty:
        parts = ParquetParts(out)
        row = pl.DataFrame({"rule": [rule], "text": [reason]})
        known = {"source": lineage or name, "source_file": file.path}
        parts.reject(
            row.select(
                (pl.col(n) if n in row.columns else pl.lit(file.modified if n == "landed_at" else known.get(n))).cast(t).alias(n)
                for n, t in QUARANTINE_SCHEMA.items()
            )
        )
        parts.close()
    return Receipt(
        definition=name, source_file=file.path, content_hash=_digest(file), size=file.size, landed_at=file.modified, encoding=tally.encoding,
        rows_read=tally.read, rows_quarantined=tally.quarantined, status="empty" if empty else "quarantined", reason=reason, delivery=delivery,
        reasons={} if empty else {rule: max(tally.quarantined, 1)},
    )  # fmt: skip


def _digest(file: LandedFile) -> str:
    """SHA-256 of a file's bytes; of its path and size where the bytes cannot be read (an encrypted or damaged member)."""
    try:
        with file.open() as stream:
            return _HashingStream(stream).digest()
    except (*_DAMAGED, RuntimeError, NotImplementedError, KeyError):
        return hashlib.sha256(f"{file.path}:{file.size}".encode()).hexdigest()
