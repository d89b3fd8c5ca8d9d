"""Files for people: workbooks, PDFs and briefs, one folder per table and school year, beside a table that is their index.

``<root>/<schema>/<table>/school_year=2023-24/<file>``. A delivery writes every file whole; what an earlier
delivery left and this one did not write is removed only when the delivery ends well. So a reader never opens half a workbook,
and a killed run leaves old and new files, each whole, until it is run again. A file that would be made of the same things as the one
that stands there is not made again. It knows nothing of what is in the files.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from la_resources.contracts import Table
from la_resources.lake import PARTITION_COLUMN
from la_resources.storage import Storage, storage_at

_MADE = ".made.json"
"""What each file was made of, beside the files. It is there only while they stand as a delivery that ended well left them."""


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
        A folder, or a ``file://`` or ``s3://bucket/prefix`` URL.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.storage = storage_at(root, "deliverables")

    @property
    def root(self) -> Path | str:
        """The folder or URL that all files lie below."""
        return self.storage.root

    def delivery(self, table: Table, school_year: str) -> Delivery:
        """A delivery of the files that one year of ``table`` is the index of."""
        return Delivery(self.storage, f"{table.path}/{PARTITION_COLUMN}={school_year}", table.path if table.restricted else "")


@dataclass
class Delivery:
    """The files of one table and year, written anew; a context manager.

    Attributes
    ----------
    storage : Storage
        Where all deliverables lie.
    folder : str
        This delivery's folder there.
    closed : str
        The folder that is closed to other users of the machine, where files may name students; else empty.
    """

    storage: Storage
    folder: str
    closed: str = ""
    _written: set[str] = field(default_factory=set)
    _standing: dict[str, list[object]] = field(default_factory=dict)
    _made: dict[str, list[object]] = field(default_factory=dict)

    def __enter__(self) -> Delivery:
        with suppress(FileNotFoundError):
            told = json.loads(self.storage.get(f"{self.folder}/{_MADE}"))
            sizes = self.storage.sizes(self.folder)
            self._standing = {name: entry for name, entry in told.items() if sizes.get(name) == entry[1]}
            self.storage.remove(f"{self.folder}/{_MADE}")
        return self

    def make(self, name: str, of: str, content: Callable[[], bytes]) -> Delivered:
        """Make and write one file, unless the one that stands there was made of the same.

        Parameters
        ----------
        name : str
            Its name.
        of : str
            What it is made of and by what, as a fingerprint: the same means the same bytes.
        content : callable
            Makes the file.

        Raises
        ------
        ValueError
            As :meth:`put` does.
        """
        standing = self._standing.get(name)
        if standing and standing[0] == of and name not in self._written:
            self._written.add(name)
            self._made[name] = standing
            return Delivered(f"{self.folder}/{name}", *standing[1:])  # type: ignore[arg-type]  # as it was written below
        made = self.put(name, content())
        self._made[name] = [of, made.bytes, made.sha256]
        return made

    def put(self, name: str, content: bytes) -> Delivered:
        """Write one file.

        Raises
        ------
        ValueError
            If the name is not a plain file name, or was used before in this delivery.
        """
        if not name or name != Path(name).name or name.startswith("."):
            raise ValueError(f"{name!r} is not a plain file name")
        path = f"{self.folder}/{name}"
        if name in self._written:
            raise ValueError(f"{path} was written twice in one delivery: two rows of the index share a file name")
        self.storage.put(content, path, durable=True, closed=self.closed)
        self._written.add(name)
        return Delivered(path, len(content), hashlib.sha256(content).hexdigest())

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            return
        for name in self.storage.names(self.folder):
            if name not in self._written:
                self.storage.remove(f"{self.folder}/{name}")
        if self._made:
            self.storage.put(json.dumps(self._made).encode(), f"{self.folder}/{_MADE}", durable=True)
