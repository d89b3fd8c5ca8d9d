"""Days of activity in the learning management system."""

import polars as pl

from la_assets.folding import last_arrived
from la_assets.roster.identity import resolve_keys

KEY = ["student_key", "section_id", "date"]


def lms_daily(landed: pl.LazyFrame, identifiers: pl.LazyFrame) -> pl.LazyFrame:
    """The table ``engagement.lms_daily`` of one school year: the last word on each student's day in a section.

    Parameters
    ----------
    landed : polars.LazyFrame
        ``landing.lms_activity`` of the year.
    identifiers : polars.LazyFrame
        ``directory.identifiers`` of the year.
    """
    return last_arrived(resolve_keys(landed, identifiers), KEY).select(
        *KEY,
        "logins",
        "minutes",
        "page_views",
        "submissions",
        "late",
        "missing",
        "posts",
        "school_year",
        pl.col("date").alias("known_on"),
        "source",
        pl.col("landed_at").alias("loaded_at"),
    )
