"""Columns whose values repeat: the distinct values, and for each row the place of its value.

Whatever is a function of the text alone (a date, a translation, a broken rule) is worked out once per distinct value; rows are
index work. A column without repetition has no index and one value a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import polars as pl

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Indexed:
    """A column as values and, where values repeat, the index of each row's value (None: one value a row)."""

    values: pl.Series
    index: np.ndarray | None

    def rows(self, per_value: np.ndarray) -> np.ndarray:
        """Spread something known of each value to the rows."""
        return per_value if self.index is None else per_value[self.index]

    def full(self) -> pl.Series:
        """One value a row."""
        return self.values if self.index is None else self.values.gather(self.index)

    def gather(self, at: np.ndarray) -> pl.Series:
        """The values of some rows."""
        return self.values.gather(at if self.index is None else self.index[at])


def indexed(array: pa.Array) -> Indexed:
    """An Arrow column of texts."""
    import pyarrow as pa

    if pa.types.is_dictionary(array.type):
        return Indexed(series(array.dictionary), array.indices.to_numpy(zero_copy_only=False))
    return Indexed(series(array), None)


def series(array: pa.Array) -> pl.Series:
    """An Arrow array of texts as a polars series."""
    return cast(pl.Series, pl.from_arrow(array)).cast(pl.String)


def constant(value: str | None, n: int) -> Indexed:
    """One text for all of n rows."""
    return Indexed(pl.Series([value], dtype=pl.String), np.zeros(n, np.int32))
