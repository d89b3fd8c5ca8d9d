"""Rejected rows of a chunk: every broken rule of a row is gathered, and one row with all of them comes out."""

from __future__ import annotations

import numpy as np
import polars as pl

from la_resources.sources.column_typing import TypedColumn
from la_resources.sources.indexed import Indexed, series
from la_resources.sources.rows import TEXT_LIMIT, VALUE_LIMIT, RecordChunk

REJECTED_SCHEMA = {
    "source_row": pl.Int64,
    "table": pl.String,
    "column": pl.String,
    "rule": pl.String,
    "value": pl.String,
    "text": pl.String,
    "school_year": pl.String,
}


class RejectedRows:
    """Broken rules of a chunk, gathered column by column and folded into one rejected row each."""

    def __init__(self, chunk: RecordChunk, year: pl.Series) -> None:
        self._chunk, self._year = chunk, year
        self._parts: list[pl.DataFrame] = []
        self.rejected_rows = np.zeros(len(chunk.source_row), bool)

    def add(self, hit: np.ndarray, table: str, column: str, rule: str, texts: Indexed | None) -> None:
        """The rows ``hit`` break one rule."""
        at = np.flatnonzero(hit)
        if len(at):
            self._append(at, table, column, pl.Series([rule]).new_from_index(0, len(at)), texts)

    def add_told(self, hit: np.ndarray, rules: Indexed, texts: Indexed) -> None:
        """The rows ``hit`` break the rule that stands in them."""
        at = np.flatnonzero(hit)
        if len(at):
            self._append(at, "", "", rules.gather(at), texts)

    def add_rules(self, hit: np.ndarray, table: str, column: TypedColumn) -> None:
        """The rows ``hit`` break the rule that each value of the column breaks."""
        at = np.flatnonzero(hit)
        if column.rule is not None:
            rules = Indexed(column.rule, column.typed.index)
            self._append(at, table, column.name, rules.gather(at), column.texts)

    def _append(self, at: np.ndarray, table: str, column: str, rule: pl.Series, texts: Indexed | None) -> None:
        self.rejected_rows[at] = True
        value = texts.gather(at).str.slice(0, VALUE_LIMIT) if texts is not None else pl.Series([""]).new_from_index(0, len(at))
        self._parts.append(
            pl.DataFrame({"at": at.astype(np.int64), "rule": rule, "value": value.fill_null("")}).with_columns(
                table=pl.lit(table), column=pl.lit(column)
            )
        )

    def frame(self) -> pl.DataFrame:
        """One rejected row a source row, all its broken rules joined."""
        if not self._parts:
            return pl.DataFrame(schema=REJECTED_SCHEMA)
        joined = (
            pl.concat(self._parts, how="diagonal")
            .unique(["at", "table", "column", "rule"], keep="first", maintain_order=True)
            .group_by("at", maintain_order=True)
            .agg(
                pl.col("table").filter(pl.col("table") != "").unique(maintain_order=True).str.join("; "),
                pl.col("column", "rule", "value").str.join("; "),
            )
            .sort("at")
        )
        at = joined["at"].to_numpy()
        raw = series(self._chunk.raw.take(at)).str.strip_chars_end("\n").str.slice(0, TEXT_LIMIT)
        return joined.select(
            pl.Series("source_row", self._chunk.source_row[at]),
            "table",
            "column",
            "rule",
            "value",
            raw.alias("text"),
            self._year[at].alias("school_year"),
        )
