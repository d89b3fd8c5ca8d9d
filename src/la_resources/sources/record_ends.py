"""Where records end: a block of CSV text is cut into chunks of whole records, quotes respected, before any parsing.

Works on positions of quotes and line feeds in numpy, so it is fast and counts records independently of the parser. A
quote is well placed if it opens at the start of a field, closes at its end, or is doubled inside (RFC 4180). A
chunk whose quotes are not well placed is handed on as ``sound=False``, to be read line by line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

RECORD_LIMIT = 1024 * 1024
"""Bytes above which a record is set aside: no real record is that long, an unclosed quote makes one easily."""


@dataclass(frozen=True)
class TextChunk:
    """Whole records of a file.

    Attributes
    ----------
    data : bytes
        The text, ended by a line feed.
    ends : numpy.ndarray of int64
        Positions of the line feeds that end records (of all line feeds if not sound).
    quoted : bool
        Whether a quote occurs.
    sound : bool
        Whether all quotes are well placed.
    giant : bool
        The chunk is the beginning of one record without an end in sight; the rest was not kept.
    """

    data: bytes
    ends: np.ndarray
    quoted: bool = False
    sound: bool = True
    giant: bool = False


def text_chunks(blocks: Iterator[bytes], delimiter: str, limit: int = RECORD_LIMIT) -> Iterator[TextChunk]:
    """Cut blocks into chunks of whole records; memory is bounded by the block plus ``limit``."""
    carry, skipping = b"", False
    for arrived in blocks:
        block = arrived
        if skipping:
            at = arrived.find(b"\n")
            if at < 0:
                continue
            block, skipping = arrived[at + 1 :], False
        data = carry + block if carry else block
        chunk = whole_records(data, delimiter, limit)
        if chunk is None and len(data) > limit:
            yield TextChunk(data[:limit], np.empty(0, np.int64), giant=True)
            carry, skipping = b"", True
        elif chunk is None:
            carry = data
        else:
            carry = data[len(chunk.data) :]
            yield chunk
    if carry:
        chunk = whole_records(carry + b"\n", delimiter, limit, final=True)
        if chunk is not None:
            yield chunk


def whole_records(data: bytes, delimiter: str, limit: int = RECORD_LIMIT, *, final: bool = False) -> TextChunk | None:
    """The leading whole records of ``data``, or None if no record ends in it."""
    last = data.rfind(b"\n")
    if last < 0:
        return None
    view = np.frombuffer(data, np.uint8)
    if b'"' not in data:
        head = data if last + 1 == len(data) else data[: last + 1]
        return TextChunk(head, np.flatnonzero(view[: last + 1] == 10))
    quotes = np.flatnonzero(view == 34)
    feeds = np.flatnonzero(view == 10)
    outside = np.searchsorted(quotes, feeds) % 2 == 0
    ends = feeds[outside]
    cut = int(ends[-1]) + 1 if len(ends) else 0
    open_tail = len(data) - cut
    if _well_placed(view, quotes, ord(delimiter), cut):
        if cut == len(data) or (not final and open_tail <= limit and cut):
            return TextChunk(data[:cut], ends, quoted=True)
        if not final and open_tail <= limit:
            return None
    return TextChunk(data[: last + 1], feeds, quoted=True, sound=False)


def _well_placed(view: np.ndarray, quotes: np.ndarray, delimiter: int, cut: int) -> bool:
    """Whether every quote before ``cut`` opens a field, closes one, or is doubled."""
    inside = quotes[: np.searchsorted(quotes, cut)]
    opening, closing = inside[0::2], inside[1::2]
    before = view[np.maximum(opening - 1, 0)]
    opens = (opening == 0) | (before == delimiter) | (before == 10) | (before == 34)
    after = view[np.minimum(closing + 1, len(view) - 1)]
    closes = (after == delimiter) | (after == 10) | (after == 34)
    return bool(opens.all() and closes.all())
