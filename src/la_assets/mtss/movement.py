"""Movement between the tiers of two windows that follow each other: stayed, more or less support, entered, left."""

from __future__ import annotations

import polars as pl

from la_assets.mtss.schedule import window_pairs


def tier_movement(tiers: pl.LazyFrame, windows: pl.DataFrame) -> pl.LazyFrame:
    """The table ``mtss.tier_movement`` of one school year, without ``school_year``.

    A row per student, subject and pair of consecutive windows that both gave tiers, if the student has a tier after at least
    one of them. ``left`` says that there is no tier after the later window, whether not tested or gone from the district.

    Parameters
    ----------
    tiers : polars.LazyFrame
        ``mtss.tiers`` of the year.
    windows : polars.DataFrame
        From ``schedule.schedule``.
    """
    tiered = tiers.filter(pl.col("tier").is_not_null())
    held = tiered.select("subject", "window").unique()
    pairs = (
        window_pairs(windows.filter("gives_tiers"))
        .filter("is_consecutive")
        .select("from_window", "to_window")
        .lazy()
        .join(held, left_on="from_window", right_on="window")
        .join(held, left_on=["subject", "to_window"], right_on=["subject", "window"], how="semi")
    )
    key = ["student_key", "subject", "from_window", "to_window"]

    def end(which: str) -> pl.LazyFrame:
        return pairs.join(tiered, left_on=["subject", f"{which}_window"], right_on=["subject", "window"]).select(
            *key,
            *(pl.col(c).alias(f"{which}_{c}") for c in ("tier", "grade_level", "school_id", "known_on", "loaded_at")),
        )

    before, after = pl.col("from_tier"), pl.col("to_tier")
    closed = (
        pairs.join(tiered, left_on=["subject", "to_window"], right_on=["subject", "window"])
        .group_by("subject", "from_window", "to_window")
        .agg(pl.col("known_on").max().alias("closed_on"))
    )
    movement = (
        pl.when(before.is_null())
        .then(pl.lit("entered"))
        .when(after.is_null())
        .then(pl.lit("left"))
        .when(after > before)
        .then(pl.lit("more support"))
        .when(after < before)
        .then(pl.lit("less support"))
        .otherwise(pl.lit("stayed"))
    )
    return (
        end("from")
        .join(end("to"), on=key, how="full", coalesce=True)
        .join(closed, on=key[1:])
        .with_columns(
            movement.alias("movement"),
            pl.coalesce("to_grade_level", "from_grade_level").alias("grade_level"),
            pl.coalesce("to_school_id", "from_school_id").alias("school_id"),
            # that a student left is known only when the later window is over
            pl.when(after.is_null()).then("closed_on").otherwise(pl.max_horizontal("from_known_on", "to_known_on")).alias("known_on"),
            pl.max_horizontal("from_loaded_at", "to_loaded_at").alias("loaded_at"),
            pl.lit("mtss").alias("source"),
        )
    )
