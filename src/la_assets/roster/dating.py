"""Dates that the roster falls back on: the first and the last day of the school year that a row stands in.

A school year is the text ``2023-24`` and runs from 1 July to 30 June. Only expressions over the column ``school_year``.
"""

import polars as pl


def year_start(school_year: str = "school_year") -> pl.Expr:
    """1 July of the school year, as a Date."""
    return pl.date(pl.col(school_year).str.slice(0, 4).cast(pl.Int32), 7, 1)


def year_end(school_year: str = "school_year") -> pl.Expr:
    """30 June that ends the school year, as a Date."""
    return pl.date(pl.col(school_year).str.slice(0, 4).cast(pl.Int32) + 1, 6, 30)
