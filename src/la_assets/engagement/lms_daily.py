"""Days of activity in the learning management system, from its files and from the events of a stream.

A file tells a student's whole day in a section; events tell pieces of it, which add up. Where a file has told a day, it stands, for it
counts what the events counted; until then the events of the day do, each once.
"""

import polars as pl

from la_assets.folding import each_event_once, last_arrived
from la_assets.roster.identity import resolve_keys

KEY = ["student_key", "section_id", "date"]
COUNTS = ["logins", "minutes", "page_views", "submissions", "late", "missing", "posts"]
_MINUTES_OF_A_DAY = 1440


def lms_daily(landed: pl.LazyFrame, identifiers: pl.LazyFrame) -> pl.LazyFrame:
    """The table ``engagement.lms_daily`` of one school year: the last word on each student's day in a section.

    Parameters
    ----------
    landed : polars.LazyFrame
        ``landing.lms_activity`` of the year.
    identifiers : polars.LazyFrame
        ``directory.identifiers`` of the year.
    """
    rows = resolve_keys(landed, identifiers)
    told = last_arrived(rows.filter(pl.col("event_id").is_null()), KEY)
    added = added_up(rows.filter(pl.col("event_id").is_not_null())).join(told.select(KEY), on=KEY, how="anti")
    columns = [*KEY, *COUNTS, "school_year", "source", "landed_at"]
    return pl.concat([told.select(columns), added.select(columns)]).select(
        *KEY, *COUNTS, "school_year", pl.col("date").alias("known_on"), "source", pl.col("landed_at").alias("loaded_at")
    )


def added_up(events: pl.LazyFrame) -> pl.LazyFrame:
    """Days as their events add up, each event once; what no event of a day counts is 0.

    Minutes of a day end at 1,440, though several devices may count more.
    """
    return (
        each_event_once(events)
        .sort("event_time", "event_id")  # sums of minutes do not depend on the order of arrival
        .group_by(KEY, maintain_order=True)
        .agg(pl.col(COUNTS).sum(), pl.col("school_year", "source").first(), pl.col("landed_at").max())
        .with_columns(pl.col("minutes").clip(upper_bound=_MINUTES_OF_A_DAY))
    )
