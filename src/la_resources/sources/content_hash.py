"""The SHA-256 of a file's bytes, taken while it is read."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from typing import BinaryIO

from la_resources.sources.encodings import BLOCK
from la_resources.sources.landed_file import LandedFile

DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError)
"""What reading a damaged zip member raises."""


class HashingStream:
    """A stream that hashes what is read through it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._hash = stream, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._hash.update(data)
        return data

    def digest(self) -> str:
        """The hash of the whole stream; what was not read yet is read now."""
        while self.read(BLOCK):
            pass
        return self._hash.hexdigest()


def content_hash(file: LandedFile) -> str:
    """SHA-256 of a file's bytes; of its path and size where the bytes cannot be read (an encrypted or damaged member)."""
    try:
        with file.open() as stream:
            return HashingStream(stream).digest()
    except (*DAMAGED, RuntimeError, NotImplementedError, KeyError):
        return hashlib.sha256(f"{file.path}:{file.size}".encode()).hexdigest()
