"""Where students enrolled after high school."""

import polars as pl

from la_assets.folding import last_arrived
from la_assets.roster.identity import resolve_keys


def postsecondary(landed: pl.LazyFrame, identifiers: pl.LazyFrame) -> pl.LazyFrame:
    """The table ``outcomes.postsecondary`` of one school year: the last word on each enrolment.

    Parameters
    ----------
    landed : polars.LazyFrame
        ``landing.postsecondary`` of the year.
    identifiers : polars.LazyFrame
        ``directory.identifiers`` of the year.
    """
    return last_arrived(resolve_keys(landed, identifiers), ["student_key", "enrolled_on"]).select(
        "student_key",
        "enrolled_on",
        "institution_type",
        "observed_on",
        "school_year",
        pl.coalesce("observed_on", "enrolled_on").alias("known_on"),
        "source",
        pl.col("landed_at").alias("loaded_at"),
    )
