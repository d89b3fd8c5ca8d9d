"""Files for people: workbooks, PDFs and briefs, one folder per table and school year, beside a table that is their index.

``<root>/<schema>/<table>/school_year=2023-24/<file>``. A delivery writes every file whole by one rename; what an earlier
delivery left and this one did not write is removed only when the delivery ends well. So a reader never opens half a workbook,
and a killed run leaves old and new files, each whole, until it is run again. It knows nothing of what is in the files.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote, urlparse

from la_resources.contracts import Table
from la_resources.lake import PARTITION_COLUMN

_UNFINISHED = ".unfinished"


@dataclass(frozen=True)
class Delivered:
    """One file: its path below the root of all deliverables, its size and its SHA-256 (hexadecimal)."""

    path: str
    bytes: int
    sha256: str


class Deliverables:
    """All files for people, below one root.

    Parameters
    ----------
    root : str
        A folder or a ``file://`` URL.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        url = urlparse(str(root))
        if url.scheme not in ("", "file"):
            raise ValueError(f"deliverables root {root!s}: no storage is installed for {url.scheme}://; use a folder or a file:// URL")
        self.root = Path(unquote(url.path) if url.scheme == "file" else root).absolute()

    def delivery(self, table: Table, school_year: str) -> Delivery:
        """A delivery of the files that one year of ``table`` is the index of."""
        return Delivery(self.root, Path(table.path) / f"{PARTITION_COLUMN}={school_year}", table.restricted)


@dataclass
class Delivery:
    """The files of one table and year, written anew; a context manager.

    Attributes
    ----------
    root, folder : Path
        Root of all deliverables, and this delivery's folder below it.
    restricted : bool
        Whether the files may name students; their folders are then closed to other users of the machine.
    """

    root: Path
    folder: Path
    restricted: bool
    _written: set[str] = field(default_factory=set)

    def __enter__(self) -> Delivery:
        (self.root / self.folder).mkdir(parents=True, exist_ok=True)
        if self.restricted:
            (self.root / self.folder.parts[0] / self.folder.parts[1]).chmod(0o700)
        return self

    def put(self, name: str, content: bytes) -> Delivered:
        """Write one file.

        Raises
        ------
        ValueError
            If the name is not a plain file name, or was used before in this delivery.
        """
        if not name or name != Path(name).name or name.startswith("."):
            raise ValueError(f"{name!r} is not a plain file name")
        if name in self._written:
            raise ValueError(f"{self.folder / name} was written twice in one delivery: two rows of the index share a file name")
        target = self.root / self.folder / name
        staged = target.with_name(f"{_UNFINISHED}.{os.getpid()}.{name}")
        try:
            with staged.open("wb") as handle:
                handle.write(content)
                handle.flush()
                os.fsync(handle.fileno())
            os.replace(staged, target)
        finally:
            staged.unlink(missing_ok=True)
        self._written.add(name)
        return Delivered((self.folder / name).as_posix(), len(content), hashlib.sha256(content).hexdigest())

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            return
        for file in (self.root / self.folder).iterdir():
            if file.name not in self._written:
                file.unlink()
