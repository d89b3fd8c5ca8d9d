"""What to look at in behaviour beyond contracts: suspensions without a length, actions that cannot be.

Functions from frames of one year to a finding (whether the check passes, a sentence, counts), and at the end the list that
binds them to tables.
"""

import polars as pl

from la_assets.behavior.schema import INCIDENTS
from la_assets.checks import TableCheck
from la_assets.data_checks import Finding


def suspensions_have_days(incidents: pl.LazyFrame) -> Finding:
    """Every suspension (ISS, OSS) has a length in days, and no action that removes nobody has one."""
    suspension = pl.col("action").is_in(["ISS", "OSS"])
    counts = (
        incidents.select(
            suspension.sum().alias("suspensions"),
            (suspension & (pl.col("days").fill_null(0) == 0)).sum().alias("suspensions_without_days"),
            (pl.col("action").is_in(["none", "conference"]) & (pl.col("days") > 0)).sum().alias("days_without_suspension"),
        )
        .collect(engine="streaming")
        .row(0, named=True)
    )
    wrong = counts["suspensions_without_days"] + counts["days_without_suspension"]
    return wrong == 0, f"{wrong} incidents have an action that does not fit their days", dict(counts)


CHECKS = {
    INCIDENTS.name: (
        TableCheck(
            "suspensions_have_days",
            (INCIDENTS,),
            lambda year: suspensions_have_days(year[INCIDENTS]),
            "Every suspension has a length, and no mild action has one; ask the school to complete the incident.",
        ),
    ),
}
