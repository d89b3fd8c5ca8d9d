"""A bench for reading files: land bytes through a definition written in the test, and look at what came out.

Nothing is mocked: files are real, in a temporary landing zone, and rows are read back from the Parquet files.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from la_assets.landing.schema import LANDING_TABLES
from la_resources.contracts import validate
from la_resources.sources.archives import Refused, members
from la_resources.sources.definitions import SourceDefinition, parse_definitions
from la_resources.sources.encodings import BLOCK
from la_resources.sources.landed_file import LandedFile, local_file
from la_resources.sources.landing_file import land_file
from la_resources.sources.landing_writer import LandingFolder
from la_resources.sources.receipt import Receipt

ARRIVED = datetime(2023, 6, 30, 12, tzinfo=UTC)

ATTENDANCE = """
name: sis_attendance
source: sis
patterns: ["attendance*.csv"]
year: {date: DAY}
year_in_name: '(20\\d{2}-\\d{2})'
records:
  - table: landing.attendance
    key: [student_key, school_id, date]
    columns:
      student_key: {from: STUDENT, person: student}
      school_id: SCHOOL
      date: DAY
      absent: ABSENT
      minutes: MINUTES
"""


def key_of(kind: str, identifier: str) -> str:
    """A stand-in for the keyed hash: 32 hexadecimal characters, different by kind."""
    return hashlib.sha256(f"{kind}:{identifier}".encode()).hexdigest()[:32]


def keys_of(kind: str, identifiers: list[str]) -> list[str]:
    return [key_of(kind, identifier) for identifier in identifiers]


@dataclass
class Landed:
    """A receipt with what was written."""

    receipt: Receipt
    folder: Path

    def rows(self, table: str, year: str | None = None) -> pl.DataFrame:
        """Landed rows in source order, after checking them against the table's contract."""
        contract = LANDING_TABLES[table]
        parts = [pl.read_parquet(p) for p in sorted((self.folder / table).glob(f"{year or '*'}.parquet"))]
        for part in parts:
            validate(contract, part)
        return pl.concat(parts or [contract.empty().collect()]).sort("source_row")

    @property
    def quarantine(self) -> pl.DataFrame:
        file = self.folder / "quarantine.parquet"
        return pl.read_parquet(file) if file.exists() else pl.DataFrame({"rule": []}, schema={"rule": pl.String})


@dataclass
class Zone:
    """A temporary landing zone."""

    root: Path
    out: Path
    count: int = 0

    def put(self, path: str, content: str | bytes) -> LandedFile:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        os.utime(file, (ARRIVED.timestamp(), ARRIVED.timestamp()))
        return local_file(self.root, path)

    def put_zip(self, path: str, files: dict[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> list[LandedFile | Refused]:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", compression) as zipped:
            for name, content in files.items():
                zipped.writestr(name, content)
        return list(members(self.put(path, packed.getvalue())))

    def land(self, file: LandedFile, definition: str | SourceDefinition = ATTENDANCE, chunk_bytes: int = BLOCK) -> Landed:
        parsed = definition if isinstance(definition, SourceDefinition) else parse_definitions(definition, "test.yaml")[0]
        self.count += 1
        folder = self.out / str(self.count)
        receipt = land_file(file, parsed, LANDING_TABLES, keys_of, LandingFolder(folder), chunk_bytes=chunk_bytes)
        assert receipt.balanced, receipt
        return Landed(receipt, folder)
