"""The landing zone in a bucket: the same questions as of a folder, answered by listings and by reading ranges.

A file is read as it was when it was listed: an object that is replaced meanwhile is noticed (its ETag no longer matches) and read
again in the next run. A connection that breaks is taken up where it broke. Nothing is changed or removed here.
"""

from __future__ import annotations

import datetime as dt
import io
import time
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from la_resources.landing_zone import Arrival, is_finished
from la_resources.s3 import ATTEMPTS, S3Settings, S3Storage, StorageError
from la_resources.sources.archives import Refused, unpacked
from la_resources.sources.landed_file import LandedFile, named

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BUFFER = 2**20
_SETTLED = dt.timedelta(seconds=2)
"""S3 tells the time of an object to the second: one that is younger waits, so that a second is over before a position passes it."""
_OVERLAP = dt.timedelta(minutes=15)
"""An upload in parts carries the time when it began. Files from before a position are offered again; the sensor passes over those
that were looked at."""


class S3LandingZone:
    """The files below ``s3://bucket/prefix``."""

    def __init__(self, url: str, settings: S3Settings | None = None) -> None:
        self.storage = S3Storage(url, settings)

    @property
    def root(self) -> str:
        return self.storage.root

    def arrivals(self, after: Arrival | None = None) -> list[Arrival]:
        """Files that arrived after a position, or shortly before it, oldest first."""
        until = dt.datetime.now(dt.UTC) - _SETTLED
        since = dt.datetime.fromtimestamp(after.arrived / 1e9, dt.UTC) - _OVERLAP if after else dt.datetime.min.replace(tzinfo=dt.UTC)
        return sorted(
            Arrival(int(file.modified.timestamp()) * 10**9, file.path) for file in self._listed() if since < file.modified <= until
        )

    def file(self, path: str) -> LandedFile:
        """One file (not a zip member) by its path below the root.

        Raises
        ------
        FileNotFoundError
            If it is not there (any more).
        """
        with self.storage.explained("looking at", path):
            found = self.storage.client.head_object(Bucket=self.storage.bucket, Key=self.storage.key(path))
        return self._file(path, found["ContentLength"], found["LastModified"], found["ETag"])

    def files(self, paths: Iterable[str] | None = None) -> Iterator[LandedFile | Refused]:
        """The files (all, or those named), zips as their members."""
        for file in self._listed() if paths is None else self._named(paths):
            yield from unpacked(file)

    def _named(self, paths: Iterable[str]) -> Iterator[LandedFile]:
        for path in paths:
            try:
                yield self.file(path)
            except FileNotFoundError:  # moved away since it was listed
                continue

    def _listed(self, folder: str = "") -> list[LandedFile]:
        """Everything below a folder that is neither hidden nor unfinished, in order of path."""
        storage, found = self.storage, []
        inside = len(storage.key("")) + 1 if storage.prefix else 0
        with storage.explained("listing", folder):
            pages = storage.client.get_paginator("list_objects_v2")
            below = f"{storage.key(folder)}/" if storage.key(folder) else ""
            for page in pages.paginate(Bucket=storage.bucket, Prefix=below):
                for each in page.get("Contents", []):
                    path = each["Key"][inside:]
                    if not path.endswith("/") and is_finished(path):
                        found.append(self._file(path, each["Size"], each["LastModified"], each["ETag"]))
        return sorted(found, key=lambda file: file.path)

    def _file(self, path: str, size: int, modified: dt.datetime, etag: str) -> LandedFile:
        return LandedFile(
            path=path,
            source=path.partition("/")[0],
            size=size,
            modified=modified.astimezone(dt.UTC),
            opener=partial(self._opened, path, size, etag),
            beside=partial(self._beside, path),
            mark=f"{etag.strip(chr(34))}:{int(modified.timestamp())}",
        )

    def _opened(self, path: str, size: int, etag: str) -> BinaryIO:
        return cast(BinaryIO, io.BufferedReader(S3Stream(self.storage, path, size, etag), _BUFFER))

    def _beside(self, path: str, name: str) -> LandedFile | None:
        folder = path.rpartition("/")[0]
        here = {file.name: file for file in self._listed(folder) if file.path.rpartition("/")[0] == folder}
        found = named(here, name)
        return here[found] if found else None


class S3Stream(io.RawIOBase):
    """An object as a seekable stream of the bytes it had when it was listed.

    Parameters
    ----------
    storage : S3Storage
        Where it is.
    path : str
        Below the storage's root.
    size : int
        Its bytes.
    etag : str
        What it must still be.

    Raises
    ------
    RewrittenError
        On reading, if the object was replaced since.
    """

    def __init__(self, storage: S3Storage, path: str, size: int, etag: str) -> None:
        self._storage, self._path, self._size, self._etag = storage, path, size, etag
        self._position = 0
        self._body: Any = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError(f"position {start + offset} lies before the beginning")
        if start + offset != self._position:
            self._leave()
        self._position = start + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self._size - self._position)
        if wanted <= 0:
            return 0
        content = self._read(wanted)
        view[: len(content)] = content
        self._position += len(content)
        return len(content)

    def _read(self, wanted: int) -> bytes:
        """Bytes at the position; a broken connection is taken up again."""
        from botocore.exceptions import BotoCoreError, IncompleteReadError
        from urllib3.exceptions import HTTPError

        for attempt in range(ATTEMPTS):
            try:
                self._body = self._body or self._from_here()
                if content := bytes(self._body.read(wanted)):
                    return content
                reason: object = "the connection ended early"
            except (IncompleteReadError, BotoCoreError, HTTPError, ConnectionError) as error:
                reason = type(error).__name__
            self._leave()
            time.sleep(min(0.05 * 2**attempt, 2))
        raise StorageError(
            f"reading {self._storage.location(self._path)}: broke off at byte {self._position:,} of {self._size:,} ({reason}) "
            f"in {ATTEMPTS} attempts; it is read again in the next run"
        )

    def _from_here(self) -> Any:
        with self._storage.explained("reading", self._path):
            return self._storage.client.get_object(
                Bucket=self._storage.bucket,
                Key=self._storage.key(self._path),
                Range=f"bytes={self._position}-",
                IfMatch=self._etag,
            )["Body"]

    def _leave(self) -> None:
        if self._body is not None:
            self._body.close()
        self._body = None

    def close(self) -> None:
        self._leave()
        super().close()
