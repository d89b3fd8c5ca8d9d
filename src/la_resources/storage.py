"""Where a tree of files lies: a folder of this machine, or a bucket of S3. The lake, its ledgers and the files for people stand on it.

Paths are relative, with forward slashes. A file is put whole or not at all, and replaces what stood there; there is nothing else to
a storage. What the files mean is the business of those who put them there.
"""

from __future__ import annotations

import os
import tempfile
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlparse


class Storage(Protocol):
    """A tree of files below one root."""

    @property
    def root(self) -> Path | str:
        """The folder, or the URL, that everything lies below."""

    @property
    def working_folder(self) -> Path:
        """A folder of this machine for files in the making; what is put from there is put at the least cost."""

    @property
    def reading(self) -> dict[str, Any]:
        """Arguments with which polars opens a :meth:`location`."""

    def location(self, path: str) -> str:
        """What polars, and people, call a file."""

    def folders(self, path: str) -> list[str]:
        """Names of the folders in a folder, in order; none if it is not there."""

    def names(self, path: str) -> list[str]:
        """Names of the files in a folder, in order; none if it is not there."""

    def sizes(self, path: str) -> dict[str, int]:
        """Names of the files in a folder with their bytes; none if it is not there."""

    def size(self, path: str) -> int:
        """Bytes of a file."""

    def get(self, path: str) -> bytes:
        """A small file's content.

        Raises
        ------
        FileNotFoundError
            If it is not there.
        """

    def fetch(self, path: str, folder: Path) -> Path:
        """A file as one of this machine, to be read only: itself, or a copy of it in ``folder``."""

    def put(self, content: bytes, path: str, *, durable: bool = False, closed: str = "") -> None:
        """Write a small file, atomically; ``durable``: it is on the disk when this returns. ``closed`` as in :meth:`put_file`."""

    def get_all(self, folder: str, suffix: str) -> dict[str, bytes]:
        """Content of the small files in a folder whose names end so, by name; one that goes away meanwhile is left out."""

    def put_file(self, staged: Path, path: str, *, closed: str = "") -> None:
        """Give a finished file its place, atomically and durably; the staged one is gone or of no more use.

        ``closed``: a folder of its path that other users of the machine may not open, where the storage knows users.
        """

    def remove(self, path: str) -> bool:
        """Remove a file; whether it was there."""

    def tidy(self) -> list[str]:
        """Remove what killed writers left in the storage and nobody sees; what it was for."""


class FolderStorage:
    """A folder of this machine."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root).absolute()

    @property
    def working_folder(self) -> Path:
        return self.root / ".staging"

    @property
    def reading(self) -> dict[str, Any]:
        return {}

    def location(self, path: str) -> str:
        return str(self.root / path)

    def folders(self, path: str) -> list[str]:
        return self._entries(path, folders=True)

    def names(self, path: str) -> list[str]:
        return self._entries(path, folders=False)

    def _entries(self, path: str, *, folders: bool) -> list[str]:
        try:
            with os.scandir(self.root / path) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir() == folders)
        except (FileNotFoundError, NotADirectoryError):
            return []

    def sizes(self, path: str) -> dict[str, int]:
        try:
            with os.scandir(self.root / path) as entries:
                return {entry.name: entry.stat().st_size for entry in entries if entry.is_file()}
        except (FileNotFoundError, NotADirectoryError):
            return {}

    def size(self, path: str) -> int:
        return (self.root / path).stat().st_size

    def get(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def fetch(self, path: str, folder: Path) -> Path:
        return self.root / path

    def put(self, content: bytes, path: str, *, durable: bool = False, closed: str = "") -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if closed:
            (self.root / closed).chmod(0o700)
        fresh = target.with_name(f".{uuid.uuid4().hex}.tmp")
        try:
            with fresh.open("wb") as handle:
                handle.write(content)
                if durable:
                    handle.flush()
                    os.fsync(handle.fileno())
            os.replace(fresh, target)
        finally:
            fresh.unlink(missing_ok=True)
        if durable:
            _remember(target.parent)

    def get_all(self, folder: str, suffix: str) -> dict[str, bytes]:
        found = {}
        for name in self.names(folder):
            if name.endswith(suffix):
                with suppress(FileNotFoundError):
                    found[name] = self.get(f"{folder}/{name}")
        return found

    def put_file(self, staged: Path, path: str, *, closed: str = "") -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if closed:
            (self.root / closed).chmod(0o700)
        with staged.open("rb") as handle:
            os.fsync(handle.fileno())
        os.replace(staged, target)
        _remember(target.parent)

    def remove(self, path: str) -> bool:
        try:
            (self.root / path).unlink()
        except FileNotFoundError:
            return False
        return True

    def tidy(self) -> list[str]:
        """Nothing lies here but in the working folder, which every writer tidies."""
        return []


def _remember(folder: Path) -> None:
    """See that the names in a folder are on the disk."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def storage_at(root: str | os.PathLike[str], what: str) -> Storage:
    """The storage of a folder, a ``file://`` URL or an ``s3://bucket/prefix`` URL.

    Parameters
    ----------
    root : str
        Where it is.
    what : str
        What it is the root of, for the error's text.

    Raises
    ------
    ValueError
        If there is no storage for the URL; the message says what there is.
    """
    url = urlparse(str(root))
    if url.scheme == "s3":
        from la_resources.s3 import S3Storage

        return S3Storage(str(root))
    if url.scheme not in ("", "file"):
        raise ValueError(f"{what} root {root!s}: there is no storage for {url.scheme}://; use a folder, a file:// or an s3:// URL")
    return FolderStorage(unquote(url.path) if url.scheme == "file" else root)


def local_working_folder() -> Path:
    """Where files in the making lie if their place is not of this machine: ``LA_STAGING_ROOT``, or a folder for temporary files."""
    return Path(os.environ.get("LA_STAGING_ROOT", Path(tempfile.gettempdir()) / "la-staging")).absolute()
