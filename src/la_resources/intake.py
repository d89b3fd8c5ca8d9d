"""The intake: files of the landing zone become files of the landing tables, each content once.

Every source file leaves a receipt beside the lake. A file that did not change is not read again (size, times and inode say that it
may have changed, the content's hash whether it has); a file whose content, mapping or key secret changed, or whose bundle is now of
another year, is read anew and its old rows are withdrawn; a file with the same content under another name adds nothing.
Rows are announced, published, and receipted in this order, so a killed run is simply repeated. Landing files are immutable and
named by their content, so two runs that read the same file at once publish the same bytes. How a file is read is the business of
``sources``.
"""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import polars as pl

from la_resources import school_year
from la_resources.child_processes import processes
from la_resources.contracts import Table
from la_resources.lake import Lake
from la_resources.landing_zone import LandingZone
from la_resources.reading_processes import ReadingProcessDied, reading_processes
from la_resources.receipts import FileRecord, LandingFile, Receipts, landing_name
from la_resources.sources.archives import Refused
from la_resources.sources.content_hash import DAMAGED, content_hash
from la_resources.sources.definitions import DefinitionError, SourceDefinition, definition_of, is_companion
from la_resources.sources.landed_file import LandedFile
from la_resources.sources.landing_file import land_file, peek_years
from la_resources.sources.landing_writer import LandingFolder
from la_resources.sources.oneroster import COMPANIONS, bundle_of
from la_resources.sources.receipt import Receipt
from la_resources.sources.rows import UnreadableFileError

HashIds = Callable[[str, Sequence[str]], list[str]]
Log = Callable[[str], None]
_FILES_AT_ONCE = 2
_MANY_FILES, _MANY_BYTES = 400, 500 * 2**20
"""What is worth starting processes for: a file takes 40 ms at least, a process two seconds to start and some more to be as quick."""
_NOT_THE_FILE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
"""System errors that say nothing of the file being read: these stop the run."""


class Job(NamedTuple):
    """A file to read: how, and what it is."""

    file: LandedFile
    definition: SourceDefinition
    reading: str
    content_hash: str
    identity: str
    mark: str

    @property
    def content(self) -> tuple[str, str]:
        return self.identity, self.definition.name


class Looked(NamedTuple):
    """What a look at the landing zone found: files there, files settled without reading, files to read, repeats of others."""

    present: set[str]
    settled: dict[str, FileRecord]
    waiting: list[tuple[LandedFile, SourceDefinition]]
    repeats: list[tuple[LandedFile, SourceDefinition]]


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
    years : tuple of str
        Every school year there is, oldest first; files that tell no year, or none of these, stand in the ledger of the last
        one, where they are seen. Empty: any year goes.
    """

    zone: LandingZone
    lake: Lake
    definitions: Sequence[SourceDefinition]
    tables: Mapping[str, Table]
    quarantine: Table
    hash_ids: HashIds
    years: tuple[str, ...] = ()

    @property
    def receipts(self) -> Receipts:
        return Receipts(self.lake.storage)

    def land(self, school_years: Collection[str], tables: Collection[str], log: Log = lambda _: None) -> list[FileRecord]:
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
            The records of all files of these years, read now or before, ordered by path. Files that were read and have left
            the landing zone since are among them as long as their rows stand.

        Raises
        ------
        DefinitionError, OSError
            If a mapping does not fit its file's table, or the lake cannot be written; all other files are landed first.
        """
        known = self.receipts.all()
        looked = self._look(known, set(school_years), set(tables))
        jobs = self._jobs(known, looked, log)
        fresh, failures = self._read(jobs, known, looked.present, log)
        records = self._settle(known, looked, jobs, fresh)
        if failures:
            for other in failures[1:]:
                failures[0].add_note(f"and {other!r}")
            raise failures[0]
        return [r for _, r in sorted(records.items()) if set(self.years_of(r)) & set(school_years)]

    def records(self) -> dict[str, FileRecord]:
        """The last record of every file that was ever read, by path."""
        return self.receipts.all()

    def years_of(self, record: FileRecord) -> tuple[str, ...]:
        """The years in whose ledger a file stands: its own, or the last there is if it has none of those there are."""
        if not self.years:
            return record.school_years
        return tuple(y for y in record.school_years if y in self.years) or self.years[-1:]

    def years_told(self, file: LandedFile, definition: SourceDefinition) -> set[str] | None:
        """The school years that the beginning of a file tells of; None if it tells of none."""
        try:
            return peek_years(file, definition, self.tables)
        except OSError:  # the landing says why it cannot be read
            return None

    def withdraw(self, path: str) -> list[tuple[str, str]]:
        """Take a file's rows out of the landing tables again; the tables and school years that changed.

        A file that was left out because it repeats this one is read the next time; so is this one if it is still in the zone.

        Raises
        ------
        LookupError
            If the file was never read.
        """
        known, announced = self.receipts.all(), self.receipts.announced(path)
        record = known.pop(path, None)
        if record is None and not announced:
            raise LookupError(f"{path} has no receipt; landing.files lists the files that were read")
        own = record.landing_files if record else frozenset()
        changed = self._remove((own | announced) - _landing_files(known.values()))
        self.receipts.forget(path)
        return changed

    # -- what there is to do --------------------------------------------------------------------------------------------

    def _look(self, known: Mapping[str, FileRecord], school_years: set[str], tables: set[str]) -> Looked:
        """Go through the landing zone without reading more than beginnings."""
        looked = Looked(set(), {}, [], [])
        for file in self.zone.files():
            if isinstance(file, Refused):
                looked.present.add(file.file.path)
                looked.settled[file.file.path] = self._set_aside(file.file, file.reason, file.rule)
                continue
            looked.present.add(file.path)
            definition, before = definition_of(file.path, self.definitions), known.get(file.path)
            if definition is None:
                if not is_companion(file.path, self.definitions):
                    looked.settled[file.path] = self._unclaimed(file)
                continue
            if before:
                looked.settled[file.path] = before
            if not {record.table for record in definition.records} & tables:
                continue
            if before and self._unchanged(before, file, definition):
                if before.status == "repeated":
                    looked.repeats.append((file, definition))
            elif before or self._may_hold(file, definition, school_years, looked):
                looked.waiting.append((file, definition))
        for path, record in known.items():
            if path not in looked.present and record.published:
                looked.settled[path] = _gone(record) if record.status == "quarantined" else record
        return looked

    def _may_hold(self, file: LandedFile, definition: SourceDefinition, school_years: set[str], looked: Looked) -> bool:
        """Whether a new file may hold rows of these years; one that tells only of years that are none is set aside."""
        if definition.multi_year:  # its first rows say nothing of the others
            return True
        try:
            told = self.years_told(file, definition)
        except DefinitionError:  # raised again when the file is read, after the files before it
            return True
        if told and self.years and not told & set(self.years):
            reason = (
                f"its rows are of {', '.join(sorted(told))}, outside the school years {self.years[0]} to {self.years[-1]}; "
                "correct the dates or move it out of the landing zone"
            )
            looked.settled[file.path] = self._set_aside(file, reason, "no such school year")
            return False
        return told is None or bool(told & school_years)

    def _jobs(self, known: Mapping[str, FileRecord], looked: Looked, log: Log) -> list[Job]:
        """The files to read, with their content's hash; what cannot even be opened, or only looks changed, is settled.

        A repeat whose original has gone or changed since becomes a file to read.
        """
        jobs: list[Job] = []

        def open_all(waiting: Sequence[tuple[LandedFile, SourceDefinition]]) -> None:
            with ThreadPoolExecutor(_FILES_AT_ONCE) as threads:
                for job in threads.map(lambda file: self._job(*file), waiting):
                    if isinstance(job, Job) and (same := self._only_looks_changed(job, known.get(job.file.path))):
                        looked.settled[same.path] = same
                    elif isinstance(job, Job):
                        jobs.append(job)
                    else:
                        looked.settled[job.path] = _beside(job, known.get(job.path))
                        log(_line(job))

        open_all(looked.waiting)
        held = self._held(known, jobs, looked.present)
        open_all([(file, definition) for file, definition in looked.repeats if known[file.path].content not in held])
        return sorted(jobs, key=lambda job: job.file.path)

    def _held(self, known: Mapping[str, FileRecord], jobs: Sequence[Job], present: set[str]) -> dict[tuple[str, str], FileRecord]:
        """The contents that stand in the lake, read as files are read now, and whose file is not read again; with that file's record.

        A file that was refused as a whole and is gone holds nothing: its copy is refused in its own name.
        """
        again = {job.file.path for job in jobs}
        return {
            r.content: r
            for path, r in sorted(known.items(), reverse=True)
            if r.status != "repeated" and path not in again and r.reading == self._readings.get(r.receipt.definition)
            if r.status != "quarantined" or path in present
        }

    def _job(self, file: LandedFile, definition: SourceDefinition) -> Job | FileRecord:
        try:
            mark = _mark(file, definition)  # before the content: what is written from here on is noticed the next time
            digest = content_hash(file)
            return Job(file, definition, self._readings[definition.name], digest, _identity(file, definition, digest), mark)
        except OSError as error:
            if error.errno in _NOT_THE_FILE:
                raise
            return self._unreadable(file, error)

    def _only_looks_changed(self, job: Job, before: FileRecord | None) -> FileRecord | None:
        """The record of a file whose content, time and bundle are what they were when it was read; it is kept with the new mark."""
        if before is None or before.status == "repeated" or self.receipts.announced(job.file.path):
            return None
        if (before.content, before.reading, before.modified_ns) != (job.content, job.reading, _ns(job.file)):
            return None
        record = before.model_copy(update={"mark": job.mark})
        self.receipts.write(record)
        return record

    # -- reading --------------------------------------------------------------------------------------------------------

    def _read(
        self, jobs: Sequence[Job], known: Mapping[str, FileRecord], present: set[str], log: Log
    ) -> tuple[dict[str, FileRecord], list[Exception]]:
        """Read each content once, several files at a time; records by path, and what went wrong with us, not with a file."""
        originals = self._held(known, jobs, present)
        first = {job.content: job for job in reversed(jobs) if job.content not in originals}
        fresh: dict[str, FileRecord] = {}
        failures: list[Exception] = []
        unread: list[str] = []
        alone = [job for job in jobs if first.get(job.content) is job]
        with self._readers(alone) as read:
            for job, outcome in [(job, read(job, job.file.path not in known)) for job in alone]:
                try:
                    originals[job.content] = fresh[job.file.path] = outcome.result()
                    log(_line(fresh[job.file.path]))
                except BrokenProcessPool:
                    unread.append(job.file.path)
                except Exception as error:  # raised by ``land`` when the other files are in
                    failures.append(error)
        if unread:
            told = f"{len(unread):,} file(s) were not read, the first of them {unread[0]}"
            failures.append(ReadingProcessDied(f"a process that reads files is gone (out of memory?): {told}; run it again"))
        for job in jobs:
            if first.get(job.content) is not job and job.content in originals:
                fresh[job.file.path] = self._repeated(job, originals[job.content])
                log(_line(fresh[job.file.path]))
        return fresh, failures

    @contextmanager
    def _readers(self, jobs: Sequence[Job]) -> Iterator[Callable[[Job, bool], Future[FileRecord]]]:
        """What reads a job beside others: threads where there is little to read, else processes."""
        much = len(jobs) >= _MANY_FILES or sum(job.file.size for job in jobs) >= _MANY_BYTES
        if much and (count := min(processes(), len(jobs))) > 1:
            with reading_processes(self, count) as submit:
                yield lambda job, new: submit("land_sent", job, new=new)
        else:
            with ThreadPoolExecutor(_FILES_AT_ONCE) as threads:
                yield lambda job, new: threads.submit(self._land_one, job, new=new)

    def land_sent(self, job: Job, *, new: bool) -> FileRecord:
        """Read one file in the process it was sent to, with that process's own definition, for which much is prepared once."""
        own = next(definition for definition in self.definitions if definition.name == job.definition.name)
        return self._land_one(job._replace(definition=own), new=new)

    def _land_one(self, job: Job, *, new: bool) -> FileRecord:
        """Read one file and publish its rows; the record of a file that is new is final."""
        with self.lake.staging() as folder:
            try:
                receipt = land_file(job.file, job.definition, self.tables, self.hash_ids, LandingFolder(folder))
            except (DefinitionError, MemoryError):
                raise
            except Exception as error:
                if isinstance(error, OSError) and error.errno in _NOT_THE_FILE:
                    raise
                return self._unreadable(job.file, error)
            if receipt.content_hash != job.content_hash:
                return self._set_aside(job.file, "it changed while it was read; it is read again in the next run", "still being written")
            staged = self._staged(folder, receipt, landing_name(*job.content))
            new = new and not self.receipts.announced(job.file.path)
            self.receipts.announce(job.file.path, staged)
            published: dict[str, list[str]] = {}
            for (table, year, name), path in staged.items():
                self.lake.publish_file(self._contract(table), year, path, name)
                published.setdefault(table, []).append(year)
        record = FileRecord(
            receipt=receipt,
            status=receipt.status,
            published={table: tuple(sorted(years)) for table, years in published.items()},
            reading=job.reading,
            modified_ns=_ns(job.file),
            mark=job.mark,
            identity=job.identity,
        )
        if new:
            self.receipts.write(record)
        return record

    def _staged(self, folder: Path, receipt: Receipt, name: str) -> dict[LandingFile, Path]:
        """The staged landing files of a source file, those of the quarantine split by year, in order."""
        staged = {
            LandingFile(table, year, name): folder / table / f"{year}.parquet" for table, years in receipt.written.items() for year in years
        }
        rejected = folder / "quarantine.parquet"
        if rejected.exists():
            staged |= {LandingFile(self.quarantine.name, year, name): path for year, path in self._quarantine_years(rejected, receipt)}
        return dict(sorted(staged.items()))

    def _quarantine_years(self, rejected: Path, receipt: Receipt) -> Iterable[tuple[str, Path]]:
        """Rejected rows by school year; a row that tells none stands in the file's year, or in that of its arrival."""
        fallback = receipt.school_years[0] if receipt.school_years else school_year.of_date(receipt.landed_at.date())
        label = pl.col("school_year").fill_null(fallback)
        if self.years:
            label = pl.when(label.is_in(self.years)).then(label).otherwise(pl.lit(self.years[-1]))
        rows = pl.read_parquet(rejected).select(self.quarantine.names).with_columns(label.alias("school_year"))
        for year in rows["school_year"].unique().sort().to_list():
            staged = rejected.with_name(f"quarantine.{year}.parquet")
            rows.filter(pl.col("school_year") == year).sort(self.quarantine.key).write_parquet(staged)
            yield year, staged

    # -- afterwards -----------------------------------------------------------------------------------------------------

    def _settle(
        self, known: Mapping[str, FileRecord], looked: Looked, jobs: Sequence[Job], fresh: Mapping[str, FileRecord]
    ) -> dict[str, FileRecord]:
        """Withdraw what files held before and no file holds now, and write the records that were waiting for it."""
        read = {path: record for path, record in fresh.items() if record.identity}
        contents = {r.content for path, r in {**known, **read}.items() if path in looked.present and r.status != "repeated"}
        replaced = {path for path, r in known.items() if path not in looked.present and r.status != "repeated" and r.content in contents}
        final = {path: record for path, record in known.items() if path not in replaced} | read
        standing = _landing_files(final.values())
        for path, record in read.items():
            before = known[path].landing_files if path in known else frozenset()
            self._remove((before | self.receipts.announced(path)) - standing)
            self.receipts.write(record)
        for path in replaced:
            self._remove(known[path].landing_files - standing)
            self.receipts.forget(path)
        unread = {path: _beside(record, known.get(path)) for path, record in fresh.items() if path not in read}
        settled = {path: record for path, record in looked.settled.items() if path not in replaced}
        return settled | read | unread

    def _remove(self, files: Iterable[LandingFile]) -> list[tuple[str, str]]:
        """Remove landing files; tables and school years of those that were there."""
        return sorted({(f.table, f.school_year) for f in files if self.lake.withdraw_file(self._contract(f.table), f.school_year, f.name)})

    def _contract(self, table: str) -> Table:
        """The contract of a landing table; of one that exists no more, just its place."""
        return self.quarantine if table == self.quarantine.name else self.tables.get(table, Table(table, "", (), ()))

    # -- files that are not read ----------------------------------------------------------------------------------------

    def _set_aside(self, file: LandedFile, reason: str, rule: str) -> FileRecord:
        """A file that was not read; it leaves no receipt, so the next run looks at it again."""
        return FileRecord(receipt=_empty_receipt(file, reason, rule), status="quarantined", modified_ns=_ns(file))

    def _unreadable(self, file: LandedFile, error: Exception) -> FileRecord:
        return self._set_aside(
            file, f"{file.path} cannot be read: {error!r}; see to its permissions, or ask for the file again", "cannot be read"
        )

    def _unclaimed(self, file: LandedFile) -> FileRecord:
        reason = "no source definition claims this file; write a mapping for it, or move it out of the landing zone"
        return FileRecord(receipt=_empty_receipt(file, reason), status="unclaimed", modified_ns=_ns(file))

    @staticmethod
    def _repeated(job: Job, original: FileRecord) -> FileRecord:
        """A file that brings the same rows as one already read: all of them are duplicates."""
        file, read = job.file, original.receipt.rows_read
        if not original.identity:  # the original could not be read
            return FileRecord(
                receipt=_empty_receipt(file, original.receipt.reason, "cannot be read"), status="quarantined", modified_ns=_ns(file)
            )
        receipt = Receipt(
            definition=job.definition.name,
            source_file=file.path,
            content_hash=job.content_hash,
            size=file.size,
            landed_at=file.modified,
            school_years=original.receipt.school_years,
            rows_read=read,
            rows_duplicate=read,
            status="loaded",
            reason=f"the same content as {original.path}; nothing was added",
        )
        return FileRecord(
            receipt=receipt, status="repeated", reading=job.reading, modified_ns=_ns(file), mark=job.mark, identity=job.identity
        )

    # -- how files are read ---------------------------------------------------------------------------------------------

    @cached_property
    def _readings(self) -> dict[str, str]:
        """By definition, a fingerprint of how its files are read: another mapping, contract or secret reads them anew."""
        probe = self.hash_ids("student", ["how this file was read"])

        def reading(definition: SourceDefinition) -> str:
            contracts = [repr(self.tables[r.table].columns) for r in definition.records if r.table in self.tables]
            return hashlib.sha256(json.dumps([definition.model_dump(mode="json"), contracts, probe]).encode()).hexdigest()[:16]

        return {definition.name: reading(definition) for definition in self.definitions}

    def _unchanged(self, before: FileRecord, file: LandedFile, definition: SourceDefinition) -> bool:
        seen = (before.receipt.size, before.modified_ns, before.reading, before.mark)
        return seen == (file.size, _ns(file), self._readings[definition.name], _mark(file, definition))


def _beside(unread: FileRecord, before: FileRecord | None) -> FileRecord:
    """A file that cannot be read now, shown in the years in which its earlier rows stand."""
    if before is None:
        return unread
    receipt = unread.receipt.model_copy(update={"school_years": before.school_years})
    return unread.model_copy(update={"receipt": receipt})


def _gone(refused: FileRecord) -> FileRecord:
    """A file that was refused as a whole and has left the landing zone: none of its rows stand, and nobody has to see to it any more."""
    told = f": {refused.receipt.reason}" if refused.receipt.reason else ""
    reason = f"it is no longer in the landing zone; nothing of it was loaded, it had been refused as a whole{told}"
    return refused.model_copy(update={"status": "gone", "receipt": refused.receipt.model_copy(update={"reason": reason})})


def _landing_files(records: Iterable[FileRecord]) -> frozenset[LandingFile]:
    return frozenset(file for record in records for file in record.landing_files)


def _mark(file: LandedFile, definition: SourceDefinition) -> str:
    """What every write to the file changes; for a file of a bundle that is a folder, also one to the files that tell its year.

    A bundle in a zip changes as a whole.
    """
    if not definition.year.bundle or "!" in file.path:
        return file.mark
    others = [found for name in COMPANIONS if (found := file.beside(name)) and found.path != file.path]
    return " ".join([file.mark, *(f"{other.name}:{other.size}:{_ns(other)}:{other.mark}" for other in others)])


def _identity(file: LandedFile, definition: SourceDefinition, digest: str) -> str:
    """The content's hash; for a file of a bundle with the bundle's year and delivery, on which its rows depend."""
    if not definition.year.bundle:
        return digest
    try:
        bundle = bundle_of(file)
    except (UnreadableFileError, *DAMAGED):
        return digest
    return hashlib.sha256(f"{digest}:{bundle.school_year}:{bundle.delivery}".encode()).hexdigest()


def _empty_receipt(file: LandedFile, reason: str, rule: str = "") -> Receipt:
    return Receipt(
        definition="",
        source_file=file.path,
        content_hash="not read",
        size=file.size,
        landed_at=file.modified,
        status="quarantined",
        reason=reason,
        reasons={rule: 1} if rule else {},
    )


def _ns(file: LandedFile) -> int:
    return int((file.modified - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) / dt.timedelta(microseconds=1)) * 1000


def _line(record: FileRecord) -> str:
    r = record.receipt
    counts = f"{r.rows_read:,} rows read, {r.rows_loaded:,} loaded, {r.rows_duplicate:,} duplicate, {r.rows_quarantined:,} quarantined"
    return f"{r.source_file}: {record.status}; {counts}" + (f"; {r.reason}" if r.reason else "")
