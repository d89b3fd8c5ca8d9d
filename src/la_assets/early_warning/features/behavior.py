"""Incidents and suspensions by a snapshot, this year and the year before. No incident on record is none, a number like any other."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from la_assets.early_warning.features.snapshots import Snapshot, sums_as_of, thousandths

_SUSPENSIONS = ("ISS", "OSS", "expulsion")


def behavior(incidents: pl.LazyFrame, snapshots: Sequence[Snapshot], school_year: str, recent_days: int) -> pl.LazyFrame:
    """Behaviour features by student and snapshot; students without incidents have no row.

    Parameters
    ----------
    incidents : polars.LazyFrame
        ``behavior.incidents`` of the year and the year before.
    """
    suspended = pl.col("action").is_in(_SUSPENSIONS).fill_null(False)
    sums = {
        "incidents": pl.lit(1, pl.Int64),
        "severe_incidents": (pl.col("severity") >= 3).fill_null(False).cast(pl.Int64),
        "suspensions": suspended.cast(pl.Int64),
        "days_suspended": pl.when(suspended).then(thousandths(pl.col("days"))),
    }
    made = sums_as_of(
        incidents, snapshots, ["student_key", "school_year"], sums, dates=["date"], recent=["incidents"], recent_days=recent_days
    )
    own = pl.col("school_year") == school_year

    def added(column: str, where: pl.Expr) -> pl.Expr:
        return pl.col(column).filter(where).sum().cast(pl.Float64)

    return (
        made.group_by("student_key", "snapshot")
        .agg(
            *(added(name, own).alias(name) for name in (*sums, "recent_incidents")),
            added("incidents", ~own).alias("prior_incidents"),
            added("suspensions", ~own).alias("prior_suspensions"),
            pl.col("loaded_at").max(),
        )
        .with_columns(pl.col("days_suspended") / 1000)
    )
