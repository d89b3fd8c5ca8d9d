"""Programs that a student is in at a snapshot.

Minutes received and costs are not features: the row says what they were when it arrived, later than the snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from la_assets.early_warning.features.snapshots import Snapshot, known_by


def programs(participation: pl.LazyFrame, snapshots: Sequence[Snapshot]) -> pl.LazyFrame:
    """``programs_now`` and the highest MTSS ``tier`` of them, by student and snapshot; students in none have no row.

    Parameters
    ----------
    participation : polars.LazyFrame
        ``programs.participation`` of the year.
    """
    begun = known_by(
        participation.select("student_key", "program_id", "begin_date", "end_date", "tier", "known_on"), snapshots, ["begin_date"]
    )
    lasting = begun.filter(pl.col("end_date").is_null() | (pl.col("end_date") >= pl.col("as_of_date")))
    return lasting.group_by("student_key", "snapshot").agg(
        pl.col("program_id").n_unique().cast(pl.Float64).alias("programs_now"),
        pl.col("tier").max().cast(pl.Float64).alias("program_tier"),
    )
