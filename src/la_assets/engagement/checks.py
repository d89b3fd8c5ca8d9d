"""What to look at in engagement beyond contracts: activity that contradicts itself.

Plain functions that return whether the check passes, a sentence, and counts; they are wired to assets elsewhere.
"""

import polars as pl

Outcome = tuple[bool, str, dict[str, int | float]]


def activity_adds_up(lms_daily: pl.LazyFrame) -> Outcome:
    """No day has more late submissions than submissions, or minutes without a login."""
    counts = (
        lms_daily.select(
            (pl.col("late") > pl.col("submissions")).sum().alias("more_late_than_submitted"),
            ((pl.col("logins") == 0) & (pl.col("minutes") > 0)).sum().alias("minutes_without_login"),
        )
        .collect(engine="streaming").row(0, named=True)
    )
    return sum(counts.values()) == 0, f"{sum(counts.values())} student-section-days contradict themselves", dict(counts)
