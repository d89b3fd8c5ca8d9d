"""Rows of the quarantine: rejected rows of a file, and the one row that stands for a whole file set aside."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from la_resources.sources.landed_file import LandedFile
from la_resources.sources.rows import BadRecord

_TEXTS_BEFORE, _TEXTS_AFTER = ("source", "source_file"), ("table", "column", "rule", "value", "text", "school_year")
QUARANTINE_SCHEMA = pl.Schema(
    [
        *((name, pl.String()) for name in _TEXTS_BEFORE),
        ("source_row", pl.Int64()),
        *((name, pl.String()) for name in _TEXTS_AFTER),
        ("landed_at", pl.Datetime("us", "UTC")),
    ]
)
"""Columns of the quarantine file: one row a source row (``source_row`` null: the whole file), all its broken rules joined by ``; ``."""


def quarantine_rows(frame: pl.DataFrame, file: LandedFile, source: str) -> pl.DataFrame:
    """Rejected rows with the file's lineage, in the quarantine's columns."""
    known = {
        "source": pl.lit(source),
        "source_file": pl.lit(file.path),
        "landed_at": pl.lit(file.modified).cast(pl.Datetime("us", "UTC")),
    }
    present = set(frame.columns)
    return frame.select((pl.col(n) if n in present else known.get(n, pl.lit(None))).cast(t).alias(n) for n, t in QUARANTINE_SCHEMA.items())


def unreadable_rows(bad: Sequence[BadRecord]) -> pl.DataFrame:
    """Records that could not be split, as rejected rows."""
    rows = {"source_row": [b.source_row for b in bad], "rule": [b.rule for b in bad], "text": [b.text for b in bad]}
    return pl.DataFrame(rows, schema={"source_row": pl.Int64, "rule": pl.String, "text": pl.String})


def whole_file(rule: str, reason: str) -> pl.DataFrame:
    """The row that stands for a whole file."""
    return pl.DataFrame({"rule": [rule], "text": [reason]})
