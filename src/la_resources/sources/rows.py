"""What passes between reading and typing: records as text, records that could not be read, and files that cannot be read at all.

Plain containers without behaviour beyond what their fields need.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

TEXT_LIMIT = 2_000
"""Characters of a raw row kept in quarantine."""

VALUE_LIMIT = 200
"""Characters of a broken value kept in quarantine."""


class UnreadableFileError(ValueError):
    """A whole file cannot be read; ``rule`` is the short reason that is counted, the message says what and what next."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


@dataclass(frozen=True)
class BadRecord:
    """A record that could not be split into fields.

    Attributes
    ----------
    source_row : int
        Its number as a person counts, the header being 1.
    rule : str
        Why.
    text : str
        Its beginning, at most ``TEXT_LIMIT`` characters.
    """

    source_row: int
    rule: str
    text: str


@dataclass(frozen=True)
class RecordChunk:
    """Consecutive records of a file, every field still text.

    Attributes
    ----------
    columns : mapping of int to pyarrow.Array
        Wanted columns by position in the header, string or dictionary-encoded string, all of one length.
    source_row : numpy.ndarray of int64
        Record numbers of the good records (the header is 1).
    raw : pyarrow.LargeStringArray
        The canonical CSV line of each good record: fields quoted only where they must be, ended by a line feed.
    bad : list of BadRecord
        Records that could not be split.
    count : int
        Records seen, counted from record ends and not from the two lists above.
    """

    columns: Mapping[int, pa.Array]
    source_row: np.ndarray
    raw: pa.Array
    count: int
    bad: list[BadRecord] = field(default_factory=list)
