"""Staff of a school year, from the personnel system and the roster bundle's directory."""

import polars as pl

from la_assets.folding import ARRIVAL
from la_assets.roster.dating import year_start
from la_assets.roster.identity import resolve_keys, resolve_schools


def staff(
    personnel: pl.LazyFrame,
    directory: pl.LazyFrame,
    class_enrollments: pl.LazyFrame,
    links: pl.LazyFrame,
    *,
    identifiers: pl.LazyFrame,
    school_identifiers: pl.LazyFrame,
) -> pl.LazyFrame:
    """Rows of ``roster.staff``: everyone the personnel system, the directory, a class or an instructional link names.

    Parameters
    ----------
    personnel, directory : polars.LazyFrame
        ``landing.staff`` and ``directory.staff`` of the year. What the personnel system says goes first, attribute by attribute.
    class_enrollments : polars.LazyFrame
        Dated class enrolments of the year; the school taught at last stands in where neither names one.
    links : polars.LazyFrame
        ``landing.instructional_links`` of the year.
    identifiers, school_identifiers : polars.LazyFrame
        ``directory.identifiers`` and ``roster.school_identifiers`` of the year.
    """
    taught = (
        class_enrollments.filter(pl.col("role") != "student")
        .select("staff_key", "school_id", "role", "school_year", "source", "landed_at", "source_file", "source_row", turn=pl.lit(0))
        .drop_nulls("staff_key")
    )
    listed = (
        resolve_schools(directory.rename({"org_sourced_id": "school_id"}), school_identifiers)
        .join(
            # People may be listed at the district; only a school is a school.
            school_identifiers.select("school_id").unique(),
            on="school_id",
            how="left",
            coalesce=False,
            suffix="_known",
        )
        .select("staff_key", "role", "school_year", "source", landed_at="loaded_at", school_id="school_id_known", turn=pl.lit(1))
    )
    employed = resolve_schools(resolve_keys(personnel, identifiers, "staff_key", "staff"), school_identifiers).select(
        "staff_key",
        "years_experience",
        "education_level",
        "school_id",
        "school_year",
        "source",
        "landed_at",
        "source_file",
        "source_row",
        turn=pl.lit(2),
    )
    linked = resolve_keys(links, identifiers, "staff_key", "staff").select(
        "staff_key", "school_year", "source", "landed_at", "source_file", "source_row", turn=pl.lit(-1)
    )
    return (
        pl.concat([linked, taught, listed, employed], how="diagonal")
        .sort("turn", *ARRIVAL)
        .group_by("staff_key")
        .agg(
            pl.col("years_experience", "education_level", "school_id", "role").drop_nulls().last(),
            pl.col("school_year", "source").last(),
            loaded_at=pl.col("landed_at").max(),
        )
        .with_columns(known_on=year_start())
    )
