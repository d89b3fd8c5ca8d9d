"""Writing the landing files: CSV with an arrival time, so that each file seems to have arrived when a real one would.

Arrival times become the landing zone's ``landed_at``; none is after the as-of date. Bytes depend on the content only.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import BinaryIO

import polars as pl


class LandingFolder:
    """A landing zone being filled.

    Parameters
    ----------
    root : Path
        The landing zone's folder.
    as_of : date
        Files arrive before 05:00 UTC of this day.
    """

    def __init__(self, root: Path, as_of: date) -> None:
        self.root = root
        self.now = datetime.combine(as_of, time(5), UTC)
        self.files: list[str] = []

    @contextmanager
    def stream(self, path: str, header: Sequence[str], arrival: date) -> Iterator[BinaryIO]:
        """Open a CSV with its header written; rows are added with :func:`append`."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as handle:
            handle.write((",".join(header) + "\n").encode())
            yield handle
        self.arrive(path, arrival)

    def write(self, path: str, frame: pl.DataFrame, arrival: date, header: Sequence[str] | None = None) -> None:
        """Write one CSV; ``header`` replaces the column names (vendors repeat names)."""
        with self.stream(path, header or frame.columns, arrival) as handle:
            append(handle, frame)

    def write_bytes(self, path: str, content: bytes, arrival: date) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        self.arrive(path, arrival)

    def arrive(self, path: str, arrival: date) -> None:
        """Set the file's modification time to the morning of its arrival, or of the as-of date if that is earlier."""
        at = min(datetime.combine(arrival, time(5), UTC), self.now).timestamp()
        os.utime(self.root / path, (at, at))
        self.files.append(path)


def append(handle: BinaryIO, frame: pl.DataFrame) -> None:
    frame.write_csv(handle, include_header=False)


def zipped(members: Mapping[str, pl.DataFrame], stamp: date) -> bytes:
    """The frames as a zip of CSV files whose bytes depend on content and stamp only."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, frame in members.items():
            info = zipfile.ZipInfo(name, (stamp.year, stamp.month, stamp.day, 5, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, frame.write_csv().encode())
    return buffer.getvalue()
