"""Per-pupil spending of schools by category."""

import datetime as dt

import polars as pl

from la_assets.folding import last_arrived
from la_assets.roster.identity import resolve_schools


def school_year(landed: pl.LazyFrame, school_identifiers: pl.LazyFrame, last_day: dt.date) -> pl.LazyFrame:
    """The table ``finance.school_year`` of one school year: the last word on each school and category.

    The rows bear no date: they count as known when the year closes, or earlier if the file arrived earlier (a budget).

    Parameters
    ----------
    landed : polars.LazyFrame
        ``landing.finance`` of the year.
    school_identifiers : polars.LazyFrame
        ``roster.school_identifiers`` of the year.
    last_day : datetime.date
        Last day of the school year.
    """
    return last_arrived(resolve_schools(landed, school_identifiers), ["school_id", "category"]).select(
        "school_id",
        "category",
        "per_pupil_spending",
        "school_year",
        pl.min_horizontal(pl.col("landed_at").dt.date(), pl.lit(last_day)).alias("known_on"),
        "source",
        pl.col("landed_at").alias("loaded_at"),
    )
