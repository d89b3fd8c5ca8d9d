"""Students' parts in behaviour incidents."""

import polars as pl

from la_assets.folding import last_arrived
from la_assets.roster.identity import resolve_keys, resolve_schools


def incidents(landed: pl.LazyFrame, identifiers: pl.LazyFrame, school_identifiers: pl.LazyFrame) -> pl.LazyFrame:
    """The table ``behavior.incidents`` of one school year: the last word on each student's part in an incident.

    Parameters
    ----------
    landed : polars.LazyFrame
        ``landing.incidents`` of the year.
    identifiers, school_identifiers : polars.LazyFrame
        ``directory.identifiers`` and ``roster.school_identifiers`` of the year.
    """
    resolved = resolve_schools(resolve_keys(landed, identifiers), school_identifiers)
    return last_arrived(resolved, ["incident_id", "student_key"]).select(
        "incident_id",
        "student_key",
        "school_id",
        "date",
        "type",
        "severity",
        "action",
        "days",
        "school_year",
        pl.col("date").alias("known_on"),
        "source",
        pl.col("landed_at").alias("loaded_at"),
    )
