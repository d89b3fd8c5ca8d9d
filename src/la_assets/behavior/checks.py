"""What to look at in behaviour beyond contracts: suspensions without a length, actions that cannot be.

Plain functions that return whether the check passes, a sentence, and counts; they are wired to assets elsewhere.
"""

import polars as pl

Outcome = tuple[bool, str, dict[str, int | float]]


def suspensions_have_days(incidents: pl.LazyFrame) -> Outcome:
    """Every suspension (ISS, OSS) has a length in days, and no action that removes nobody has one."""
    suspension = pl.col("action").is_in(["ISS", "OSS"])
    counts = (
        incidents.select(
            suspension.sum().alias("suspensions"),
            (suspension & (pl.col("days").fill_null(0) == 0)).sum().alias("suspensions_without_days"),
            (pl.col("action").is_in(["none", "conference"]) & (pl.col("days") > 0)).sum().alias("days_without_suspension"),
        )
        .collect(engine="streaming").row(0, named=True)
    )
    wrong = counts["suspensions_without_days"] + counts["days_without_suspension"]
    return wrong == 0, f"{wrong} incidents have an action that does not fit their days", dict(counts)
