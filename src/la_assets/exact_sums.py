"""Sums, means and standard deviations that do not depend on the order of the rows, to the last bit.

Threads add floats in whatever order they come, and the last bit of the sum differs from run to run: of a large district's means, and of
every model, tier and file made of them. Here each value is rounded to twelve decimals and summed as a whole number, which is exact
in any order; a rerun gives the same bytes. Values are finite and below 1e20. Nothing here knows a table.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

_UNIT = 1e12


def total(values: pl.Expr, over: Sequence[str] = ()) -> pl.Expr:
    """The sum of the values that are there; 0 where there are none.

    Parameters
    ----------
    values : polars.Expr
        Numbers.
    over : sequence of str
        Columns of the groups to sum within, a value a row; empty: one sum (of all, or of a group of ``group_by``).
    """
    return _within((values.cast(pl.Float64) * _UNIT).round().cast(pl.Int128).sum(), over).cast(pl.Float64) / _UNIT


def mean(values: pl.Expr, over: Sequence[str] = ()) -> pl.Expr:
    """The mean of the values that are there; null where there are none. ``over`` as in :func:`total`."""
    known = _within(values.count(), over)
    return pl.when(known > 0).then(total(values, over) / known)


def deviation(values: pl.Expr, over: Sequence[str] = (), *, ddof: int = 1) -> pl.Expr:
    """The standard deviation of the values that are there, from their distances to the mean; exactly 0 where all are equal.

    Parameters
    ----------
    values, over
        As in :func:`total`.
    ddof : int
        What is subtracted from the number of values; null where there are no more values than that.
    """
    known = _within(values.count(), over)
    differ = _within(values.min(), over) < _within(values.max(), over)
    squares = total((values - mean(values, over)) ** 2, over)
    return pl.when(known > ddof).then(pl.when(differ).then((squares / (known - ddof)).sqrt()).otherwise(0.0))


def _within(expression: pl.Expr, over: Sequence[str]) -> pl.Expr:
    return expression.over(list(over)) if over else expression
