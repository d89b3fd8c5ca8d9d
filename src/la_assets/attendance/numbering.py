"""Dense numbers for students and schools, and one integer per fact, so that a year of attendance sorts as integers.

A student's day at a school is a *fact*: student, school and day of the year packed into one UInt64 whose order is the order
of the three columns. Sorting and matching nine million such integers takes a fraction of the time of three text columns.
The numbers mean nothing outside one computation and are never stored.
"""

import datetime as dt
from collections.abc import Callable

import polars as pl

_DAYS = 2**9
_SCHOOLS = 2**14


def numbered(identifiers: pl.LazyFrame, column: str, number: str, resolve: Callable[[pl.LazyFrame], pl.LazyFrame]) -> pl.LazyFrame:
    """Number the persons or schools behind identifiers in the order of their canonical identifier.

    Parameters
    ----------
    identifiers : polars.LazyFrame
        One column ``column``: identifiers as found, repeated or not.
    column, number : str
        The identifier's column, and the name of the number to add.
    resolve : function
        Replaces ``column`` by the canonical identifier (``roster/identity.py``).

    Returns
    -------
    polars.LazyFrame
        ``alias`` (the identifier as found), ``column`` (canonical) and ``number`` (UInt64 from 1, dense).
    """
    found = identifiers.select(column).unique().with_columns(pl.col(column).alias("alias"))
    return resolve(found).select("alias", column, pl.col(column).rank("dense").cast(pl.UInt64).alias(number))


def fact(first_day: dt.date) -> pl.Expr:
    """``student``, ``school`` and ``date`` as one integer, ordered as the three (up to 16,383 schools, 511 days)."""
    day = (pl.col("date") - pl.lit(first_day)).dt.total_days().cast(pl.UInt64)
    return (pl.col("student") * _SCHOOLS + pl.col("school")) * _DAYS + day
