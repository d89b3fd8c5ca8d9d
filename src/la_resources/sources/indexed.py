"""Columns whose values repeat: the distinct values, and for each row the place of its value.

Whatever is a function of the text alone (a date, a translation, a broken rule) is worked out once per distinct value; rows are
index work. A column without repetition has no index and one value a row.

Rows are taken by ``series[rows]``: polars' ``gather`` makes a query of it, three times the work for a short column.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
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
        return self.values if self.index is None else self.values[self.index]

    def gather(self, at: np.ndarray) -> pl.Series:
        """The values of some rows."""
        return self.values[at if self.index is None else self.index[at]]

    @cached_property
    def entries(self) -> Entries:
        """A column of texts' values as entries, made once for all tables and years that take rows of it."""
        return Entries.of(self.values)


@dataclass(frozen=True)
class Entries:
    """Texts as the entries of a dictionary array: null texts have none, equal ones share one."""

    entries: pa.Array
    places: pa.Array | None
    """Of each text its entry; None: its own place."""

    @classmethod
    def of(cls, texts: pl.Series) -> Entries:
        import pyarrow as pa

        array = texts.to_arrow().cast(pa.string())
        if not texts.null_count() and texts.n_unique() == len(texts):
            return cls(array, None)
        encoded = array.dictionary_encode()
        return cls(encoded.dictionary, encoded.indices)

    def array(self, index: np.ndarray) -> pa.Array:
        """The texts at some places, as a dictionary array."""
        import pyarrow as pa

        places = pa.array(index, pa.int32())
        return pa.DictionaryArray.from_arrays(places if self.places is None else self.places.take(places), self.entries)


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
