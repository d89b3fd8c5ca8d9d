"""Reading a chunk whose quotes are out of order, line by line.

The fast parser would swallow everything up to the next quote. Here each line stands alone unless it opens a quoted
field that a following line closes properly; what does not come out with the header's number of fields is set aside.
This is the one place where records are looped over, and only in a damaged chunk.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field

from la_resources.sources.record_ends import RECORD_LIMIT
from la_resources.sources.rows import TEXT_LIMIT, BadRecord

MOST_LINES = 20
"""Lines that one quoted record may span in a damaged chunk."""

_UNCLOSED = "unexpected end of data"


@dataclass
class Salvaged:
    """Fields of the records that could be read, their numbers, the others, and how many there were."""

    fields: list[list[str]] = field(default_factory=list)
    source_row: list[int] = field(default_factory=list)
    bad: list[BadRecord] = field(default_factory=list)
    count: int = 0
    lines: int = 0


def salvage(data: bytes, delimiter: str, width: int, first_row: int, *, unexplained: bool = False) -> Salvaged:
    """Split a damaged chunk.

    Parameters
    ----------
    data : bytes
        UTF-8 text ended by a line feed.
    delimiter : str
        Field delimiter.
    width : int
        Number of fields of the header.
    first_row : int
        Record number of the first line.
    unexplained : bool
        Whether replacement characters in the chunk stand for bytes that no encoding explains.
    """
    out = Salvaged()
    lines = data.decode("utf-8", "replace").removesuffix("\n").split("\n")
    csv.field_size_limit(max(csv.field_size_limit(), 4 * RECORD_LIMIT))
    at, row = 0, first_row
    while at < len(lines):
        taken, fields, rule = _record(lines, at, delimiter, width)
        if lines[at] or taken > 1:
            out.count += 1
            if unexplained and any("\ufffd" in line for line in lines[at : at + taken]):
                fields, rule = None, "undecodable bytes"
            if fields is None:
                out.bad.append(BadRecord(row, rule, "\n".join(lines[at : at + taken])[:TEXT_LIMIT]))
            else:
                out.fields.append(fields)
                out.source_row.append(row)
        row += 1
        at += taken
    out.lines = row - first_row
    return out


def _record(lines: list[str], at: int, delimiter: str, width: int) -> tuple[int, list[str] | None, str]:
    """How many lines the record takes, its fields (None: unreadable) and the rule it breaks."""
    line = lines[at]
    if len(line) > RECORD_LIMIT:
        return 1, None, "record too long"
    if "\0" in line:
        return 1, None, "NUL byte"
    if '"' not in line:
        fields = without_surplus(line.split(delimiter), width)
        return 1, fields if len(fields) == width else None, ragged(len(fields), width)
    unclosed = False
    for taken in range(1, min(MOST_LINES, len(lines) - at) + 1):
        text = "\n".join(lines[at : at + taken])
        if taken > 1 and len(text) > RECORD_LIMIT:
            break
        try:
            parsed = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
        except csv.Error as error:
            if str(error) == _UNCLOSED:
                unclosed = True
                continue
            break
        if len(parsed) == 1 and len(fields := without_surplus(parsed[0], width)) == width:
            return taken, fields, ""
        if not unclosed:
            return 1, None, ragged(len(parsed[0]) if parsed else 0, width)
        break
    return 1, None, "unbalanced quotes"


def without_surplus(fields: list[str], width: int) -> list[str]:
    """The record without empty fields behind the last column."""
    return fields if any(fields[width:]) else fields[:width]


def ragged(fields: int, width: int) -> str:
    """The rule of a record with the wrong number of fields."""
    return "too many fields" if fields > width else "too few fields"
