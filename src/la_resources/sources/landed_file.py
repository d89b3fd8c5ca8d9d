"""A file of the landing zone as the readers see it: a path people know, bytes, an arrival time, and the files beside it.

Where the bytes live (folder, zip member, object store) is the opener's business. Nothing is read here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO


@dataclass(frozen=True)
class LandedFile:
    """One file.

    Attributes
    ----------
    path : str
        Path below the landing zone's root with forward slashes; ``archive.zip!folder/member.csv`` inside a zip.
    source : str
        First folder of the path.
    size : int
        Bytes.
    modified : datetime
        When it arrived (UTC); becomes ``landed_at`` of its rows.
    opener : callable
        Gives a new binary stream, seekable.
    beside : callable
        From a file name to the file of that name (case-insensitive) in the same folder or zip folder, or None.
    mark : str
        Changes with every write to the file, also one that keeps size and modification time; may change without one (a copy,
        a change of permissions): then the content's hash tells.
    """

    path: str
    source: str
    size: int
    modified: datetime
    opener: Callable[[], BinaryIO] = field(repr=False, compare=False)
    beside: Callable[[str], LandedFile | None] = field(default=lambda name: None, repr=False, compare=False)
    mark: str = ""

    def open(self) -> BinaryIO:
        """A new stream at the file's beginning; the caller closes it."""
        return self.opener()

    @property
    def name(self) -> str:
        """The file's own name, without folders and archive."""
        return self.path.rsplit("!", 1)[-1].rsplit("/", 1)[-1]


def local_file(root: Path, path: str) -> LandedFile:
    """A file of a landing zone that is a folder."""
    file = root / path
    status = file.stat()
    return LandedFile(
        path=path,
        source=path.partition("/")[0],
        size=status.st_size,
        modified=datetime.fromtimestamp(status.st_mtime, UTC),
        opener=partial(_opened, file),
        beside=partial(_local_beside, root, path),
        mark=f"{status.st_ctime_ns}:{status.st_ino}",
    )


def named(files: Iterable[str], name: str) -> str | None:
    """The file of that name, case-insensitive."""
    return next((f for f in files if f.lower() == name.lower()), None)


def _opened(file: Path) -> BinaryIO:
    return file.open("rb")


def _local_beside(root: Path, path: str, name: str) -> LandedFile | None:
    folder = (root / path).parent
    found = named((f.name for f in folder.iterdir() if f.is_file()), name)
    return local_file(root, (folder / found).relative_to(root).as_posix()) if found else None
