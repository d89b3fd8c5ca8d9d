"""Positive behaviour points, added up by student, day and reason."""

import polars as pl

from la_assets.roster.identity import resolve_keys

KEY = ["student_key", "date", "reason"]


def points(landed: pl.LazyFrame, identifiers: pl.LazyFrame) -> pl.LazyFrame:
    """The table ``behavior.points`` of one school year.

    Several awards on a day are data and are added up. A file that tells of a student's day and reason again replaces what
    earlier files told of it; the awards of two files are never added.

    Parameters
    ----------
    landed : polars.LazyFrame
        ``landing.behavior_points`` of the year.
    identifiers : polars.LazyFrame
        ``directory.identifiers`` of the year.
    """
    file = pl.struct("landed_at", "source_file")
    by_file = (
        resolve_keys(landed, identifiers)
        .with_columns(pl.col("reason").fill_null("unspecified"))
        .group_by(*KEY, "landed_at", "source_file")
        .agg(pl.col("points").sum(), pl.len().cast(pl.Int32).alias("awards"), pl.col("source", "school_year").first())
    )
    return (
        by_file.with_columns((file.rank("ordinal", descending=True).over(KEY) == 1).alias("last"))
        .filter("last")
        .select(*KEY, "points", "awards", "school_year", pl.col("date").alias("known_on"), "source", pl.col("landed_at").alias("loaded_at"))
    )
