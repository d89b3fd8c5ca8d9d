"""What to look at in programs beyond contracts: stays that end before they begin.

Functions from frames of one year to a finding (whether the check passes, a sentence, counts), and at the end the list that
binds them to tables.
"""

import polars as pl

from la_assets.checks import TableCheck
from la_assets.data_checks import Finding
from la_assets.programs.schema import PARTICIPATION


def stays_end_after_they_begin(participation: pl.LazyFrame) -> Finding:
    """No stay ends before its first day."""
    wrong = int(participation.select((pl.col("end_date") < pl.col("begin_date")).sum()).collect(engine="streaming").item())
    return wrong == 0, f"{wrong} stays end before they begin", {"ends_before_begin": wrong}


CHECKS = {
    PARTICIPATION.name: (
        TableCheck(
            "stays_end_after_they_begin",
            (PARTICIPATION,),
            lambda year: stays_end_after_they_begin(year[PARTICIPATION]),
            "No stay ends before its first day; correct the program's file.",
        ),
    ),
}
