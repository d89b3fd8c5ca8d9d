"""The intake's memory: what became of every file that was read, one small JSON file each, beside the lake.

A record is written when the file's rows stand in the lake. Before they are published they are announced, so that what a killed
run published of a file that has changed since is found and taken out again. Nothing here reads source files or tables.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from la_resources import school_year
from la_resources.sources.receipt import Receipt
from la_resources.storage import Storage


class LandingFile(NamedTuple):
    """One immutable file of a landing table: table, school year, and the name it has there (without suffix)."""

    table: str
    school_year: str
    name: str


class FileRecord(BaseModel):
    """What is known of one file of the landing zone after it was last looked at.

    Attributes
    ----------
    receipt : Receipt
        What became of its rows.
    status : str
        The receipt's status, or ``repeated`` (same content as another file), ``unclaimed`` (no definition), or ``gone`` (refused
        as a whole, and no longer in the landing zone).
    published : dict
        Landing table to the school years in which the file has rows.
    reading : str
        Fingerprint of how it was read: definition and key secret.
    modified_ns : int
        The file's modification time, nanoseconds.
    mark : str
        What every write to the file changes, and to the files of its bundle on which its rows depend.
    identity : str
        What makes another file the same as this one: the content's hash, for a file of a bundle with the bundle's year and
        delivery (the same list of schools, sent again the year after, is another year's list).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    receipt: Receipt
    status: str
    published: dict[str, tuple[str, ...]] = {}
    reading: str = ""
    modified_ns: int = 0
    mark: str = ""
    identity: str = ""

    @property
    def path(self) -> str:
        return self.receipt.source_file

    @property
    def own_mark(self) -> str:
        """The file's own mark, without those of its bundle."""
        return self.mark.partition(" ")[0]

    @property
    def content(self) -> tuple[str, str]:
        """Identity and definition: files that agree in both bring the same rows."""
        return self.identity, self.receipt.definition

    @property
    def landing_files(self) -> frozenset[LandingFile]:
        """The files of the landing tables that hold its rows."""
        name = landing_name(*self.content)
        return frozenset(LandingFile(table, year, name) for table, years in self.published.items() for year in years)

    @property
    def school_years(self) -> tuple[str, ...]:
        """Years in whose ledger the file stands; the year of its arrival where the content tells none."""
        years = {year for years in self.published.values() for year in years} | set(self.receipt.school_years)
        return tuple(sorted(years)) or (school_year.of_date(self.receipt.landed_at.date()),)

    def is_late(self, label: str, after_days: int) -> bool:
        """Whether the file arrived more than ``after_days`` days after that school year was over."""
        return self.receipt.landed_at.date() > school_year.last_day(label) + dt.timedelta(days=after_days)


def landing_name(identity: str, definition: str) -> str:
    """The name that a source file's rows have in the landing tables."""
    return f"{identity[:32]}-{definition}"


class Receipts:
    """Records and announcements in one folder of a storage, written atomically, named by a hash of the source file's path."""

    def __init__(self, storage: Storage, folder: str = ".receipts") -> None:
        self.storage = storage
        self.folder = folder

    def all(self) -> dict[str, FileRecord]:
        """The last record of every file that was ever read, by path.

        Raises
        ------
        ValueError
            If a record cannot be understood; the message names its file.
        """
        records: dict[str, FileRecord] = {}
        for name, content in self.storage.get_all(self.folder, ".json").items():
            try:
                record = FileRecord.model_validate_json(content)
            except ValidationError as error:
                raise ValueError(
                    f"{self.storage.location(f'{self.folder}/{name}')} is not a receipt of a landed file: {error}. "
                    "Remove it, and its source file is read anew"
                ) from error
            records[record.path] = record
        return records

    def without(self, paths: Iterable[str]) -> list[str]:
        """Of some files, those that have no record: they were never read to their end."""
        there = set(self.storage.names(self.folder))
        return [path for path in paths if f"{_name(path)}.json" not in there]

    def write(self, record: FileRecord) -> None:
        """Keep the last word on a file; what was announced of it is settled."""
        self.storage.put(record.model_dump_json().encode(), self._file(record.path))
        self.storage.remove(self._announcement(record.path))

    def forget(self, path: str) -> None:
        self.storage.remove(self._file(path))
        self.storage.remove(self._announcement(path))

    def announce(self, path: str, files: Iterable[LandingFile]) -> None:
        """Say which landing files are about to be published for a source file (besides those announced before)."""
        self.storage.put(json.dumps(sorted(self.announced(path) | set(files))).encode(), self._announcement(path))

    def announced(self, path: str) -> frozenset[LandingFile]:
        """What was announced for a source file and not settled: the run was killed, or is still at it."""
        try:
            return frozenset(LandingFile(*file) for file in json.loads(self.storage.get(self._announcement(path))))
        except FileNotFoundError:
            return frozenset()

    def _file(self, path: str) -> str:
        return f"{self.folder}/{_name(path)}.json"

    def _announcement(self, path: str) -> str:
        return f"{self.folder}/{_name(path)}.announced"


def _name(path: str) -> str:
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:32]
