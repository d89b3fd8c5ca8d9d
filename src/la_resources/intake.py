"""The intake: files of the landing zone become files of the landing tables, each source file once.

Every source file leaves a receipt beside the lake. A file that did not change is not read again; a file whose content, mapping
or key secret changed is read anew and its old rows are withdrawn; a file with the same content under another name adds nothing.
Rows are published before the receipt is written, so a killed run is simply repeated. Landing files are immutable and named by
their content, so two runs that read the same file at once publish the same bytes.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict

from la_resources import school_year
from la_resources.contracts import Table
from la_resources.lake import Lake
from la_resources.landing_zone import LandingZone
from la_resources.sources.archives import Refused
from la_resources.sources.definitions import SourceDefinition, definition_of, is_companion
from la_resources.sources.landed_file import LandedFile
from la_resources.sources.landing_file import land_file, peek_years
from la_resources.sources.landing_writer import LandingFolder
from la_resources.sources.receipt import Receipt

HashIds = Callable[[str, Sequence[str]], list[str]]
_FILES_AT_ONCE = 2


class FileRecord(BaseModel):
    """What is known of one file of the landing zone after it was last looked at.

    Attributes
    ----------
    receipt : Receipt
        What became of its rows.
    status : str
        The receipt's status, or ``repeated`` (same content as another file) or ``unclaimed`` (no definition).
    published : dict
        Landing table to the school years in which the file has rows.
    reading : str
        Fingerprint of how it was read: definition and key secret.
    modified_ns : int
        The file's modification time, nanoseconds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    receipt: Receipt
    status: str
    published: dict[str, tuple[str, ...]] = {}
    reading: str = ""
    modified_ns: int = 0

    @property
    def school_years(self) -> tuple[str, ...]:
        """Years in whose ledger the file stands; the year of its arrival where the content tells none."""
        years = {year for years in self.published.values() for year in years} | set(self.receipt.school_years)
        return tuple(sorted(years)) or (school_year.of_date(self.receipt.landed_at.date()),)

    def is_late(self, label: str, after_days: int) -> bool:
        """Whether the file arrived more than ``after_days`` days after that school year was over."""
        return self.receipt.landed_at.date() > school_year.last_day(label) + dt.timedelta(days=after_days)


@dataclass(frozen=True)
class Intake:
    """Reads a landing zone into a lake.

    Parameters
    ----------
    zone : LandingZone
        Where files arrive.
    lake : Lake
        Where rows go.
    definitions : sequence of SourceDefinition
        Who reads what.
    tables : mapping of str to Table
        Landing tables by name.
    quarantine : Table
        The table of rejected rows.
    hash_ids : callable
        From kind and identifiers to person keys.
    """

    zone: LandingZone
    lake: Lake
    definitions: Sequence[SourceDefinition]
    tables: Mapping[str, Table]
    quarantine: Table
    hash_ids: HashIds

    def land(self, school_years: Collection[str], tables: Collection[str], log: Callable[[str], None] = lambda _: None) -> list[FileRecord]:
        """Read every new or changed file that may hold rows of these years and tables.

        Parameters
        ----------
        school_years : collection of str
            The years of the run; a file whose first rows tell of other years only is left for their runs.
        tables : collection of str
            Landing tables of the run; files that feed none of them are left alone.
        log : callable
            Told a line per file read.

        Returns
        -------
        list of FileRecord
            The records of all files of these years, read now or before, ordered by path.
        """
        known = self.records()
        todo: list[tuple[LandedFile, SourceDefinition]] = []
        done: dict[str, FileRecord] = {}
        for file in self.zone.files():
            if isinstance(file, Refused):
                done[file.file.path] = self._refused(file)
                continue
            definition = definition_of(file.path, self.definitions)
            if definition is None:
                if not is_companion(file.path, self.definitions):
                    done[file.path] = self._unclaimed(file)
                continue
            if not {record.table for record in definition.records} & set(tables):
                continue
            before = known.get(file.path)
            if before and self._unchanged(before, file, definition):
                done[file.path] = before
                continue
            years = self.years_told(file, definition)
            if years is None or years & set(school_years) or before:
                todo.append((file, definition))
        by_content = {r.receipt.content_hash: path for path, r in known.items() if r.published}
        with ThreadPoolExecutor(_FILES_AT_ONCE) as threads:
            for record in threads.map(lambda job: self._land_one(*job, known, by_content), todo):
                log(_line(record))
                done[record.receipt.source_file] = record
        return [done[path] for path in sorted(done) if set(done[path].school_years) & set(school_years)]

    def records(self) -> dict[str, FileRecord]:
        """The last record of every file that was ever read, by path."""
        records = (FileRecord.model_validate_json(file.read_text()) for file in self._folder.glob("*.json"))
        return {record.receipt.source_file: record for record in records}

    def years_told(self, file: LandedFile, definition: SourceDefinition) -> set[str] | None:
        """The school years that the beginning of a file tells of; None if it tells of none."""
        return peek_years(file, definition, self.tables)

    def unchanged_paths(self) -> set[str]:
        """Files of the landing zone (a zip: all its members) that were read as they are now."""
        known = self.records()
        fresh: dict[str, bool] = {}
        for found in self.zone.files():
            file = found.file if isinstance(found, Refused) else found
            definition = definition_of(file.path, self.definitions)
            before = known.get(file.path)
            read = is_companion(file.path, self.definitions) or bool(definition and before and self._unchanged(before, file, definition))
            path = file.path.partition("!")[0]
            fresh[path] = fresh.get(path, True) and read
        return {path for path, read in fresh.items() if read}

    def withdraw(self, path: str) -> list[str]:
        """Take a file's rows out of the landing tables again; the tables and years that changed.

        Raises
        ------
        KeyError
            If the file was never read.
        """
        records = self.records()
        if path not in records:
            raise KeyError(f"{path} has no receipt; landing.files lists the files that were read")
        changed = self._withdraw_rows(records[path], keep={})
        self._record_file(path).unlink()
        self._forget_repeats(records, records[path].receipt.content_hash)
        return changed

    # -- one file -------------------------------------------------------------------------------------------------------

    def _land_one(
        self, file: LandedFile, definition: SourceDefinition, known: Mapping[str, FileRecord], by_content: dict[str, str]
    ) -> FileRecord:
        before = known.get(file.path)
        reading = self._reading(definition)
        content_hash = _sha256(file)
        twin = by_content.setdefault(content_hash, file.path)
        if twin != file.path and definition_of(twin, self.definitions) == definition:
            record = self._repeated(file, definition, twin, content_hash, known.get(twin))
        else:
            with self.lake.staging() as folder:
                receipt = land_file(file, definition, self.tables, self.hash_ids, LandingFolder(folder))
                record = FileRecord(
                    receipt=receipt, status=receipt.status, published=self._publish(folder, receipt), reading=reading, modified_ns=_ns(file)
                )
        if before and before.receipt.content_hash != content_hash:
            self._withdraw_rows(before, keep={content_hash: record.published})
            self._forget_repeats(known, before.receipt.content_hash)
        self._write(record)
        return record

    def _publish(self, folder: Path, receipt: Receipt) -> dict[str, tuple[str, ...]]:
        """Put a file's landing files and its quarantine file in their places."""
        name = _file_name(receipt.content_hash, receipt.definition)
        published: dict[str, tuple[str, ...]] = {}
        for table, years in receipt.written.items():
            for year in years:
                self.lake.publish_file(self.tables[table], year, folder / table / f"{year}.parquet", name)
            published[table] = tuple(sorted(years))
        rejected = folder / "quarantine.parquet"
        if rejected.exists():
            published[self.quarantine.name] = self._publish_quarantine(rejected, receipt, name)
        return published

    def _publish_quarantine(self, rejected: Path, receipt: Receipt, name: str) -> tuple[str, ...]:
        fallback = receipt.school_years[0] if receipt.school_years else school_year.of_date(receipt.landed_at.date())
        rows = pl.read_parquet(rejected).select(self.quarantine.names).with_columns(pl.col("school_year").fill_null(fallback))
        years = rows["school_year"].unique().sort().to_list()
        for year in years:
            staged = rejected.with_name(f"quarantine.{year}.parquet")
            rows.filter(pl.col("school_year") == year).sort(self.quarantine.key).write_parquet(staged)
            self.lake.publish_file(self.quarantine, year, staged, name)
        return tuple(years)

    def _withdraw_rows(self, record: FileRecord, keep: Mapping[str, Mapping[str, Iterable[str]]]) -> list[str]:
        """Remove the landing files of a record, except those a new record of the same content needs."""
        kept = keep.get(record.receipt.content_hash, {})
        name = _file_name(record.receipt.content_hash, record.receipt.definition)
        changed = []
        for table, years in record.published.items():
            contract = self.quarantine if table == self.quarantine.name else self.tables[table]
            for year in years:
                if year not in kept.get(table, ()) and self.lake.withdraw_file(contract, year, name):
                    changed.append(f"{table} {year}")
        return changed

    def _forget_repeats(self, records: Mapping[str, FileRecord], content_hash: str) -> None:
        """Files that were left out because of a content now withdrawn are read the next time."""
        for path, record in records.items():
            if record.status == "repeated" and record.receipt.content_hash == content_hash:
                self._record_file(path).unlink(missing_ok=True)

    # -- files that are not read ----------------------------------------------------------------------------------------

    def _refused(self, refused: Refused) -> FileRecord:
        receipt = self._empty_receipt(refused.file, status="quarantined", reason=refused.reason, rule=refused.rule)
        return FileRecord(receipt=receipt, status="quarantined", modified_ns=_ns(refused.file))

    def _unclaimed(self, file: LandedFile) -> FileRecord:
        reason = "no source definition claims this file; write a mapping for it, or move it out of the landing zone"
        return FileRecord(receipt=self._empty_receipt(file, status="quarantined", reason=reason), status="unclaimed", modified_ns=_ns(file))

    def _empty_receipt(self, file: LandedFile, *, status: str, reason: str, rule: str = "") -> Receipt:
        return Receipt.model_validate(
            {
                "definition": "", "source_file": file.path, "content_hash": "not read", "size": file.size, "landed_at": file.modified,
                "status": status, "reason": reason, "reasons": {rule: 1} if rule else {},
            }
        )

    def _repeated(
        self, file: LandedFile, definition: SourceDefinition, twin: str, content_hash: str, record: FileRecord | None
    ) -> FileRecord:
        """A file with the same bytes as one already read: all its rows are duplicates."""
        read = record.receipt.rows_read if record else 0
        receipt = Receipt(
            definition=definition.name, source_file=file.path, content_hash=content_hash, size=file.size, landed_at=file.modified,
            school_years=record.receipt.school_years if record else (), rows_read=read, rows_duplicate=read, status="loaded",
            reason=f"the same content as {twin}; nothing was added",
        )
        return FileRecord(receipt=receipt, status="repeated", reading=self._reading(definition), modified_ns=_ns(file))

    # -- receipts -------------------------------------------------------------------------------------------------------

    @property
    def _folder(self) -> Path:
        folder = self.lake.root / ".receipts"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _record_file(self, path: str) -> Path:
        return self._folder / f"{hashlib.sha256(path.encode()).hexdigest()[:32]}.json"

    def _write(self, record: FileRecord) -> None:
        target = self._record_file(record.receipt.source_file)
        fresh = target.with_suffix(f".{uuid.uuid4().hex}.tmp")
        fresh.write_text(record.model_dump_json())
        os.replace(fresh, target)

    def _reading(self, definition: SourceDefinition) -> str:
        """Fingerprint of how a file is read: another mapping, contract or secret reads it anew."""
        contracts = [repr(self.tables[r.table].columns) for r in definition.records if r.table in self.tables]
        probe = self.hash_ids("student", ["how this file was read"])
        return hashlib.sha256(json.dumps([definition.model_dump(mode="json"), contracts, probe]).encode()).hexdigest()[:16]

    def _unchanged(self, before: FileRecord, file: LandedFile, definition: SourceDefinition) -> bool:
        return (before.receipt.size, before.modified_ns, before.reading) == (file.size, _ns(file), self._reading(definition))


def _ns(file: LandedFile) -> int:
    return int((file.modified - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) / dt.timedelta(microseconds=1)) * 1000


def _file_name(content_hash: str, definition: str) -> str:
    return f"{content_hash[:32]}-{definition}"


def _sha256(file: LandedFile) -> str:
    digest = hashlib.sha256()
    with file.open() as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _line(record: FileRecord) -> str:
    r = record.receipt
    counts = f"{r.rows_read:,} rows read, {r.rows_loaded:,} loaded, {r.rows_duplicate:,} duplicate, {r.rows_quarantined:,} quarantined"
    return f"{r.source_file}: {record.status}; {counts}" + (f"; {r.reason}" if r.reason else "")
