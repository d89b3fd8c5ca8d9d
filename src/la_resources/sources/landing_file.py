"""One file of the landing zone through its definition: typed rows by table and year, quarantined rows, and a receipt.

Streams: memory is bounded by a chunk, whatever the file's size. Every row read is loaded, a duplicate, skipped or quarantined;
a file that cannot be read, or whose name and content disagree on the year, is quarantined whole and nothing of it is landed.
The caller decides where records go and publishes them; reading the same bytes again gives the same rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import BytesIO

from la_resources.contracts import Table
from la_resources.school_year import from_start
from la_resources.sources.archives import Refused
from la_resources.sources.content_hash import DAMAGED, content_hash
from la_resources.sources.definitions import SourceDefinition
from la_resources.sources.encodings import BLOCK
from la_resources.sources.file_reading import FileReading, open_records
from la_resources.sources.landed_file import LandedFile
from la_resources.sources.landing_writer import ParquetParts, Writer
from la_resources.sources.oneroster import bundle_of
from la_resources.sources.person_keys import HashIds
from la_resources.sources.quarantine_rows import quarantine_rows, whole_file
from la_resources.sources.receipt import Delivery, Receipt, Status
from la_resources.sources.record_plan import plan
from la_resources.sources.row_typing import years_in
from la_resources.sources.rows import UnreadableFileError

PEEK = 256 * 1024


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
    reading = FileReading(file, definition, tables, hash_id, ParquetParts(out), chunk_bytes)
    delivery: Delivery = "full"
    try:
        if definition.year.bundle:
            bundle = bundle_of(file)
            delivery = bundle.delivery
            reading.bundle_year, reading.delta = bundle.school_year, bundle.delivery == "delta"
        reading = _held_to_its_majority(reading, out)
        _refuse_other_name(reading)
    except (UnreadableFileError, *DAMAGED) as error:
        reading.parts.discard()
        return _set_aside(reading, error, delivery, out)
    except BaseException:
        reading.parts.discard()
        raise
    reading.parts.close()
    return _receipt(reading, delivery)


def refuse_file(refused: Refused, definition_name: str, out: Writer) -> Receipt:
    """The receipt and quarantine row of an archive member that is not read."""
    parts = ParquetParts(out)
    parts.reject(quarantine_rows(whole_file(refused.rule, refused.reason), refused.file, definition_name))
    parts.close()
    return Receipt(
        definition=definition_name,
        source_file=refused.file.path,
        content_hash=content_hash(refused.file),
        size=refused.file.size,
        landed_at=refused.file.modified,
        status="quarantined",
        reason=refused.reason,
        reasons={refused.rule: 1},
    )


def peek_years(file: LandedFile, definition: SourceDefinition, tables: Mapping[str, Table]) -> set[str] | None:
    """School years in the first 256 KB of a file (of the bundle, for OneRoster); None if they cannot be told."""
    try:
        if definition.year.bundle:
            return {bundle_of(file).school_year}
        with file.open() as stream:
            if definition.format == "csv":
                head = stream.read(PEEK)
                whole = head if len(head) < PEEK else head[: max(head.rfind(b"\n"), head.rfind(b"\r")) + 1] or head
                records = open_records(BytesIO(whole), definition, PEEK)
            else:
                records = open_records(stream, definition, PEEK)
            laid = plan(definition, tables, records.header, file.path)
            if laid.year_position is None:
                return None
            first = next(iter(records.chunks([laid.year_position], lines=False)), None)
            return (set(years_in(first, laid)) or None) if first is not None else None
    except (UnreadableFileError, *DAMAGED):
        return None


def _held_to_its_majority(reading: FileReading, out: Writer) -> FileReading:
    """Read the file; once more if most of its rows turn out to be of another year than its first rows."""
    reading.run()
    years = reading.tally.years
    majority = max(years, key=lambda year: (years[year], year == reading.expected_year), default=None)
    if not reading.holds_one_year or majority in (None, reading.expected_year):
        return reading
    reading.parts.discard()
    again = FileReading(reading.file, reading.definition, reading.tables, reading.hash_id, ParquetParts(out), reading.chunk_bytes)
    again.expected_year = majority
    again.run()
    return again


def _refuse_other_name(reading: FileReading) -> None:
    """Refuse a file whose name says another year than its content."""
    pattern, path = reading.definition.year_in_name, reading.file.path
    found = re.search(pattern, path, re.IGNORECASE) if pattern else None
    named = _named_year(found.group(1)) if found else None
    years = reading.tally.years
    content = max(years, key=lambda year: years[year], default=None)
    if named and content and named != content:
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
    return from_start(start)


def _receipt(reading: FileReading, delivery: Delivery) -> Receipt:
    tally, written = reading.tally, reading.parts.written
    outcome: Status = "loaded" if not tally.quarantined else "partly quarantined" if tally.loaded else "quarantined"
    return Receipt(
        definition=reading.definition.name,
        source_file=reading.file.path,
        content_hash=tally.content_hash,
        size=reading.file.size,
        landed_at=reading.file.modified,
        encoding=tally.encoding,
        school_years=tuple(sorted({year for by_year in written.values() for year in by_year})),
        rows_read=tally.read,
        rows_loaded=tally.loaded,
        rows_duplicate=tally.duplicate,
        rows_skipped=tally.skipped,
        rows_quarantined=tally.quarantined,
        written=written,
        status=outcome if tally.read else "empty",
        reason="" if tally.read else "the file holds a header and no rows",
        delivery=delivery,
        reasons=dict(sorted(tally.reasons.items())),
    )


def _set_aside(reading: FileReading, error: Exception, delivery: Delivery, out: Writer) -> Receipt:
    """Quarantine a whole file: one row in quarantine says why, and all rows read count as quarantined."""
    file, definition, read = reading.file, reading.definition, reading.tally.read
    rule = error.rule if isinstance(error, UnreadableFileError) else "damaged file"
    reason = (
        f"{file.path}: {error if isinstance(error, UnreadableFileError) else f'the archive is damaged: {error}. Ask for the file again'}"
    )
    empty = rule == "empty file"
    if not empty:
        parts = ParquetParts(out)
        parts.reject(quarantine_rows(whole_file(rule, reason), file, definition.lineage))
        parts.close()
    return Receipt(
        definition=definition.name,
        source_file=file.path,
        content_hash=content_hash(file),
        size=file.size,
        landed_at=file.modified,
        encoding=reading.tally.encoding,
        rows_read=read,
        rows_quarantined=read,
        status="empty" if empty else "quarantined",
        reason=reason,
        delivery=delivery,
        reasons={} if empty else {rule: max(read, 1)},
    )
