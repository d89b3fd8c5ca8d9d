"""The landing zone: where a district's files arrive, ``<root>/<source>/<anything>``.

A folder here; a bucket answers the same questions (which files, how big and when, give me the bytes) in ``s3_landing_zone``. Files
are never changed or removed. Hidden and temporary files, and files still being written, are not listed; a zip stands for its members.
Links that lead out of the zone, and names that are not text, are refused: what is read lies in the zone and can be named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol

from la_resources.sources.archives import Refused, unpacked
from la_resources.sources.landed_file import LandedFile, local_file

_UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".filepart", ".swp")


@dataclass(frozen=True, order=True)
class Arrival:
    """A file as the arrival sensor sees it.

    Attributes
    ----------
    arrived : int
        Nanoseconds since the epoch at which the file came to stand where it is (status change time: a copy that keeps the
        original's modification time arrives now all the same).
    path : str
        Path below the root.
    """

    arrived: int
    path: str


class LandingZone(Protocol):
    """Where files arrive."""

    @property
    def root(self) -> Path | str:
        """The folder or URL that all files lie below."""

    def arrivals(self, after: Arrival | None = None) -> list[Arrival]:
        """Files that arrived after a position, oldest first."""

    def file(self, path: str) -> LandedFile:
        """One file (not a zip member) by its path below the root."""

    def files(self, paths: Iterable[str] | None = None) -> Iterator[LandedFile | Refused]:
        """The files (all, or those named), zips as their members; what cannot be trusted comes as refused."""


def is_finished(path: str) -> bool:
    """Whether a path below the root is neither hidden nor that of a file still being written."""
    told = PurePosixPath(path)
    return not any(part.startswith(".") for part in told.parts) and told.suffix.lower() not in _UNFINISHED


class FolderLandingZone:
    """The files below one folder; an absent folder is an empty landing zone."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).absolute()

    def _visible(self) -> Iterator[tuple[Path, str]]:
        """Everything that is neither hidden nor unfinished."""
        for file in sorted(self.root.rglob("*")):
            relative = file.relative_to(self.root)
            if is_finished(relative.as_posix()):
                yield file, relative.as_posix()

    def _paths(self) -> Iterator[tuple[Path, str]]:
        """Regular files that may be read."""
        for file, path in self._visible():
            if file.is_file() and not self._untrusted(file, path):
                yield file, path

    def _untrusted(self, file: Path, path: str) -> tuple[str, str] | None:
        """Why an entry is not read: a short rule, and what to do; None if it may be."""
        if file.is_symlink() and not (file.exists() and file.resolve().is_relative_to(self.root.resolve())):
            return (
                "link out of the landing zone",
                "it is a link to a place outside the landing zone (or to nothing); copy the file itself here",
            )
        try:
            path.encode()
        except UnicodeEncodeError:
            return "name is not text", "its name is not UTF-8 text; rename the file"
        return None

    def _refused(self) -> Iterator[Refused]:
        for file, path in self._visible():
            if problem := self._untrusted(file, path):
                shown = path.encode(errors="surrogateescape").decode(errors="replace")
                status = file.lstat()
                arrived = datetime.fromtimestamp(status.st_mtime, UTC)
                named = LandedFile(shown, shown.partition("/")[0], status.st_size, arrived, partial(_opened, file))
                yield Refused(named, problem[0], f"{shown}: {problem[1]}")

    def arrivals(self, after: Arrival | None = None) -> list[Arrival]:
        """Files that arrived after a position, oldest first."""
        found = sorted(Arrival(file.stat().st_ctime_ns, path) for file, path in self._paths())
        return found if after is None else [a for a in found if a > after]

    def file(self, path: str) -> LandedFile:
        """One file (not a zip member) by its path below the root."""
        return local_file(self.root, path)

    def files(self, paths: Iterable[str] | None = None) -> Iterator[LandedFile | Refused]:
        """The files (all, or those named), zips as their members; links and members that cannot be trusted come as refused."""
        if paths is None:
            yield from self._refused()
        for path in paths if paths is not None else (path for _, path in self._paths()):
            try:
                file = self.file(path)
            except FileNotFoundError:  # moved away since the folder was listed
                continue
            yield from unpacked(file)


def landing_zone_at(root: str | Path) -> LandingZone:
    """The landing zone of a folder or an ``s3://bucket/prefix`` URL."""
    if str(root).startswith("s3://"):
        from la_resources.s3_landing_zone import S3LandingZone

        return S3LandingZone(str(root))
    return FolderLandingZone(root)


def _opened(file: Path) -> BinaryIO:
    return file.open("rb")
