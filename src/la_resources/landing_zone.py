"""The landing zone: where a district's files arrive, ``<root>/<source>/<anything>``.

A folder now; the same questions (which files, how big and when, give me the bytes) are what S3 answers next. Files are never
changed or removed here. Hidden and temporary files, and files still being written, are not listed; a zip stands for its members.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from la_resources.sources.archives import Refused, is_archive, members
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


class LandingZone:
    """The files below one folder; an absent folder is an empty landing zone."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).absolute()

    def _paths(self) -> Iterator[tuple[Path, str]]:
        for file in sorted(self.root.rglob("*")):
            relative = file.relative_to(self.root)
            if any(part.startswith(".") for part in relative.parts) or file.suffix.lower() in _UNFINISHED or not file.is_file():
                continue
            yield file, relative.as_posix()

    def arrivals(self, after: Arrival | None = None) -> list[Arrival]:
        """Files that arrived after a position, oldest first."""
        found = sorted(Arrival(file.stat().st_ctime_ns, path) for file, path in self._paths())
        return found if after is None else [a for a in found if a > after]

    def file(self, path: str) -> LandedFile:
        """One file (not a zip member) by its path below the root."""
        return local_file(self.root, path)

    def files(self, paths: Iterator[str] | list[str] | None = None) -> Iterator[LandedFile | Refused]:
        """The files (all, or those named), zips as their members; members that cannot be trusted come as refused."""
        for path in paths if paths is not None else (path for _, path in self._paths()):
            file = self.file(path)
            if is_archive(path):
                yield from members(file)
            else:
                yield file

