"""Schools and their calendars, from the district's own list and the roster bundle's orgs."""

import polars as pl

from la_assets.folding import ARRIVAL, last_arrived
from la_assets.roster.bundles import current_rows
from la_assets.roster.dating import year_start
from la_assets.roster.identifiers import filled, is_school
from la_assets.roster.identity import resolve_schools


def schools(orgs: pl.LazyFrame, listed: pl.LazyFrame, school_identifiers: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of ``roster.schools``: every school the district lists or the bundle names.

    Parameters
    ----------
    orgs, listed : polars.LazyFrame
        ``landing.oneroster_orgs`` and ``landing.schools`` of the year. What the district's list says goes first, attribute by attribute.
    school_identifiers : polars.LazyFrame
        ``roster.school_identifiers`` of the year.
    """
    current = current_rows(orgs)
    districts = current.select(
        pl.col("sourced_id").alias("parent_sourced_id"), pl.coalesce(filled("identifier"), "sourced_id").alias("district_id")
    )
    lineage = ("school_year", "source", "source_file", "source_row", "landed_at")
    named = (
        current.filter(is_school())
        .join(districts, on="parent_sourced_id", how="left")
        .select("name", "district_id", *lineage, school_id=pl.col("sourced_id"), turn=pl.lit(0))
    )
    own = listed.select("school_id", "name", "level", "type", "locale", "district_id", "title1", *lineage, turn=pl.lit(1))
    told = resolve_schools(pl.concat([named, own], how="diagonal"), school_identifiers)
    return (
        told.sort("turn", *ARRIVAL)
        .group_by("school_id")
        .agg(
            pl.col("name", "level", "type", "locale", "district_id", "title1").drop_nulls().last(),
            pl.col("school_year", "source").last(),
            loaded_at=pl.col("landed_at").max(),
        )
        .with_columns(known_on=year_start())
    )


def calendar(days: pl.LazyFrame, school_identifiers: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of ``roster.calendar`` from ``landing.calendar``; a day sent again replaces the day."""
    return last_arrived(resolve_schools(days, school_identifiers), ["school_id", "date"]).with_columns(
        known_on=pl.col("date"), loaded_at=pl.col("landed_at")
    )
