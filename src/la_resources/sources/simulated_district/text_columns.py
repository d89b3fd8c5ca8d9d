"""Arrays to columns of text: days as dates in several spellings, flags as letters, codes from lists.

Texts are made once for the few distinct values and gathered, which keeps tens of millions of rows cheap.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from la_resources.sources.simulated_district.calendar import SchoolCalendar

Rows = np.ndarray


def pick(texts: Sequence[str | None] | pl.Series, index: Rows) -> pl.Series:
    """The texts at the given positions; a negative position gives null."""
    series = texts if isinstance(texts, pl.Series) else pl.Series(list(texts), dtype=pl.String)
    position = pl.Series(index.astype(np.int64))
    if position.len() and index.min(initial=0) < 0:
        position = position.set(position < 0, None)
    return series.gather(position)


def flags(values: Rows, no: str = "N", yes: str = "Y") -> pl.Series:
    return pick([no, yes], values.astype(np.int64))


def days_text(calendar: SchoolCalendar, index: Rows, spelling: str) -> pl.Series:
    """Dates of instructional days; ``spelling`` is ``iso``, ``us`` (8/9/2023) or ``usd`` (08/09/2023); negative days give null."""
    return pick([spelled(d.item(), spelling) for d in calendar.days], index)


def dates_text(dates: Rows, spelling: str) -> pl.Series:
    """The same for an array of dates."""
    distinct, at = np.unique(dates, return_inverse=True)
    return pick([spelled(d.item(), spelling) for d in distinct], at)


def spelled(day: object, spelling: str) -> str:
    """One date in a spelling."""
    if not isinstance(day, date):
        raise TypeError(f"{day!r} is not a date")
    if spelling == "us":
        return f"{day.month}/{day.day}/{day.year}"
    return day.strftime({"iso": "%Y-%m-%d", "usd": "%m/%d/%Y", "packed": "%Y%m%d"}[spelling])


def constant(text: str | None, rows: int) -> pl.Series:
    """One text (or null) in every row."""
    return pl.Series([text], dtype=pl.String).new_from_index(0, rows)
