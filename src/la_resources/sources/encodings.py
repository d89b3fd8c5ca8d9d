"""Bytes of any encoding to UTF-8 text with line-feed line ends, block by block.

A byte-order mark decides; without one a stream is taken as UTF-8, and records that are not valid UTF-8 are read as Windows-1252
one by one (a file appended to by two systems is common). Nothing is dropped: what neither encoding explains keeps a
replacement character, which the reader turns into a quarantined record.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from la_resources.sources.rows import UnreadableFileError

BLOCK = 8 * 1024 * 1024
REPLACEMENT = "\ufffd".encode()
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Utf8Stream:
    """A byte stream as UTF-8 blocks with line-feed line ends.

    Parameters
    ----------
    stream : BinaryIO
        The file.
    encoding : str
        ``auto`` or a Python codec name.
    block : int
        Bytes asked for at a time.

    Attributes
    ----------
    encoding : str
        What was found; ``utf-8 with windows-1252 records`` once such a record was seen.
    """

    def __init__(self, stream: BinaryIO, encoding: str = "auto", block: int = BLOCK) -> None:
        self._stream, self._block = stream, block
        self._auto = encoding.lower() == "auto"
        self.encoding = "utf-8" if self._auto else encoding.lower()
        if not self._auto:
            try:
                codecs.lookup(encoding)
            except LookupError:
                raise UnreadableFileError("unknown encoding", f"the definition's encoding {encoding!r} is not known to Python") from None

    def blocks(self) -> Iterator[bytes]:
        """Blocks whose concatenation is the text; a block may end inside a line."""
        first = self._stream.read(self._block)
        decoder: codecs.IncrementalDecoder | None = None
        if self._auto:
            for mark, name in _MARKS:
                if first.startswith(mark):
                    self.encoding, first = name, first[len(mark) :]
                    decoder = None if name == "utf-8-sig" else codecs.getincrementaldecoder(name)("replace")
                    break
        elif self.encoding.replace("_", "-") in ("utf-8", "utf8", "utf-8-sig"):
            first = first.removeprefix(codecs.BOM_UTF8)
        else:
            decoder = codecs.getincrementaldecoder(self.encoding)("replace")
        block, held = first or self._stream.read(self._block), b""
        while block:
            text = decoder.decode(block).encode("utf-8", "replace") if decoder else block
            if held:
                text, held = held + text, b""
            if text.endswith(b"\r"):
                text, held = text[:-1], b"\r"
            yield _line_feeds(text)
            block = self._stream.read(self._block)
        tail = held + (decoder.decode(b"", final=True).encode("utf-8", "replace") if decoder else b"")
        if tail:
            yield _line_feeds(tail)

    def repaired(self, chunk: bytes) -> tuple[bytes, bool]:
        """A chunk of whole lines as valid UTF-8, and whether any byte could not be explained."""
        if chunk.isascii():
            return chunk, False
        try:
            chunk.decode("utf-8")
        except UnicodeDecodeError:
            self.encoding = f"{self.encoding.split(' ')[0]} with windows-1252 records"
            repaired = b"\n".join(_windows_1252(line) for line in chunk.split(b"\n"))
            return repaired, REPLACEMENT in repaired
        return chunk, self.encoding.startswith("utf-16") and REPLACEMENT in chunk


def _line_feeds(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text


def _windows_1252(line: bytes) -> bytes:
    """The line in UTF-8, read as Windows-1252 if it is not valid UTF-8."""
    if line.isascii():
        return line
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace").encode()
    return line
