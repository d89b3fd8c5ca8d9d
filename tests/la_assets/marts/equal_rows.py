"""Whether two engines made the same rows of a table: floats to 1e-9, everything else exactly."""

from __future__ import annotations

import polars as pl

from la_resources.contracts import Table

_NEAR = 1e-9


def different_columns(table: Table, one: pl.DataFrame, other: pl.DataFrame) -> dict[str, list[tuple]]:
    """Of each column that differs, the first pairs of values that do; ``rows`` where the tables have other keys."""
    one, other = (rows.select(table.names).sort(table.key) for rows in (one, other))
    keys = list(table.key)
    if one.schema != other.schema or not one.select(keys).equals(other.select(keys)):
        return {"rows": [(one.height, other.height)]}
    found = {}
    for column in table.names:
        a, b = one[column], other[column]
        differ = a.ne_missing(b)
        if a.dtype.is_float():
            differ &= ((a - b).abs() > _NEAR).fill_null(True)
        if differ.any():
            found[column] = list(zip(a.filter(differ)[:3], b.filter(differ)[:3], strict=True))
    return found
