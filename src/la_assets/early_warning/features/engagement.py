"""Activity in the learning management system by a snapshot: minutes, submissions, late and missing work, the last weeks.

A student without any row has no features here: whether the school uses the system at all is not known.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from la_assets.early_warning.features.snapshots import Snapshot, share, sums_as_of, thousandths

_SUMS = ("minutes", "submissions", "late", "missing", "posts")


def section_sums(lms_daily: pl.LazyFrame, snapshots: Sequence[Snapshot], recent_days: int) -> pl.LazyFrame:
    """Sums of activity by student, section and snapshot; minutes in thousandths.

    Parameters
    ----------
    lms_daily : polars.LazyFrame
        ``engagement.lms_daily`` of the year.
    """
    sums = {name: thousandths(pl.col(name)) if name == "minutes" else pl.col(name).cast(pl.Int64) for name in _SUMS}
    return sums_as_of(
        lms_daily, snapshots, ["student_key", "section_id"], sums, dates=["date"], recent=["minutes"], recent_days=recent_days
    )


def rates() -> tuple[pl.Expr, ...]:
    """Completion and lateness of assignments from their sums."""
    due = pl.col("submissions") + pl.col("missing")
    return (
        share(pl.col("submissions"), due).alias("assignment_completion"),
        share(pl.col("late"), pl.col("submissions")).alias("late_share"),
    )


def engagement(sections: pl.LazyFrame) -> pl.LazyFrame:
    """Engagement features by student and snapshot, from :func:`section_sums`; minutes and posts are made rates later, per day enrolled."""
    sums = sections.group_by("student_key", "snapshot").agg(pl.col(*_SUMS, "recent_minutes").sum(), pl.col("loaded_at").max())
    return sums.select(
        "student_key",
        "snapshot",
        (pl.col("minutes") / 1000).alias("lms_minutes"),
        (pl.col("recent_minutes") / 1000).alias("lms_recent_minutes"),
        pl.col("posts").alias("lms_posts"),
        *rates(),
        "loaded_at",
    )
