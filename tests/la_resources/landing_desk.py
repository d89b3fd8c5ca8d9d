"""A landing zone, a lake and an intake between them, for tests: files are real, nothing is mocked; what the lake holds is comparable."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path

import polars as pl

from la_assets.landing.schema import LANDING_TABLES, QUARANTINE
from la_resources.contracts import Table
from la_resources.intake import Intake
from la_resources.lake import Lake
from la_resources.landing_zone import FolderLandingZone
from la_resources.privacy import Hasher
from la_resources.receipts import FileRecord
from la_resources.sources.definitions import SourceDefinition, load_definitions, parse_definitions

ARRIVED = datetime(2024, 6, 30, 12, tzinfo=UTC)
SECRET = b"a secret of the intake's tests, long enough"
YEARS = ("2021-22", "2022-23", "2023-24", "2024-25")
ATTENDANCE = LANDING_TABLES["landing.attendance"]

MAPPING = """
name: sis_attendance
source: sis
patterns: ["**/attendance*.csv"]
year: {date: DAY}
multi_year: true
records:
  - table: landing.attendance
    key: [student_key, school_id, date]
    columns:
      student_key: {from: STUDENT, person: student}
      school_id: SCHOOL
      date: DAY
      absent: ABSENT
"""
"""Attendance of any years in one file."""

HEAD = "STUDENT,SCHOOL,DAY,ABSENT\n"


@cache
def shipped() -> tuple[SourceDefinition, ...]:
    return load_definitions()


def day_rows(*days: str, students: int = 2) -> str:
    """A file with a row for each student and day."""
    return HEAD + "".join(f"{student},0101,{day},0\n" for day in days for student in range(1, students + 1))


@dataclass
class Desk:
    """Where files arrive and where rows go; ``land`` runs the intake over every year and table unless told otherwise."""

    root: Path
    mapping: str = MAPPING
    secret: bytes = SECRET

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    @property
    def lake(self) -> Lake:
        return Lake(self.root / "lake")

    def intake(self, lake: Lake | None = None, hash_ids: Callable | None = None) -> Intake:
        definitions = (*shipped(), *parse_definitions(self.mapping, "test.yaml"))
        return Intake(
            FolderLandingZone(self.landing),
            lake or self.lake,
            definitions,
            LANDING_TABLES,
            QUARANTINE,
            hash_ids or Hasher(self.secret),
            YEARS,
        )

    def put(self, path: str, content: str | bytes, arrived: datetime = ARRIVED) -> Path:
        file = self.landing / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        os.utime(file, (arrived.timestamp(), arrived.timestamp()))
        return file

    def put_zip(self, path: str, files: dict[str, str], arrived: datetime = ARRIVED) -> Path:
        packed = BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as zipped:
            for name, content in files.items():
                zipped.writestr(name, content)
        return self.put(path, packed.getvalue(), arrived)

    def land(self, *years: str, tables: set[str] | None = None) -> dict[str, FileRecord]:
        records = self.intake().land(years or YEARS, tables or set(LANDING_TABLES))
        return {record.path: record for record in records}

    def rows(self, table: Table = ATTENDANCE) -> pl.DataFrame:
        return self.lake.scan(table).collect().sort("source_file", "source_row")

    def state(self) -> dict[str, str]:
        """Every file of the lake's tables and of the receipts, with the hash of its bytes."""
        files = [f for f in self.lake.root.rglob("*") if f.is_file() and ".staging" not in f.parts]
        return {f.relative_to(self.lake.root).as_posix(): hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(files)}

    def touched(self) -> dict[str, tuple[int, int]]:
        """Inode and modification time of every file of the lake: equal only if nothing was written."""
        return {str(f): (f.stat().st_ino, f.stat().st_mtime_ns) for f in self.lake.root.rglob("*") if f.is_file()}

    def fresh(self, folder: str) -> Desk:
        """The same landing zone read into a lake of its own, as if nothing had been read before."""
        other = replace(self, root=self.root / folder)
        other.root.mkdir()
        (other.root / "landing").symlink_to(self.landing)
        return other
