"""What to look at in engagement beyond contracts: activity that contradicts itself.

Functions from frames of one year to a finding (whether the check passes, a sentence, counts), and at the end the list that
binds them to tables.
"""

import polars as pl

from la_assets.checks import TableCheck
from la_assets.data_checks import Finding
from la_assets.engagement.schema import LMS_DAILY


def activity_adds_up(lms_daily: pl.LazyFrame) -> Finding:
    """No day has more late submissions than submissions, or minutes without a login."""
    counts = (
        lms_daily.select(
            (pl.col("late") > pl.col("submissions")).sum().alias("more_late_than_submitted"),
            ((pl.col("logins") == 0) & (pl.col("minutes") > 0)).sum().alias("minutes_without_login"),
        )
        .collect(engine="streaming")
        .row(0, named=True)
    )
    return sum(counts.values()) == 0, f"{sum(counts.values())} student-section-days contradict themselves", dict(counts)


CHECKS = {
    LMS_DAILY.name: (
        TableCheck(
            "activity_adds_up",
            (LMS_DAILY,),
            lambda year: activity_adds_up(year[LMS_DAILY]),
            "No day has more late submissions than submissions, or minutes without a login.",
        ),
    ),
}
