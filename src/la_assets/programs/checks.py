"""What to look at in programs beyond contracts: stays that end before they begin.

Plain functions that return whether the check passes, a sentence, and counts; they are wired to assets elsewhere.
"""

import polars as pl

Outcome = tuple[bool, str, dict[str, int | float]]


def stays_end_after_they_begin(participation: pl.LazyFrame) -> Outcome:
    """No stay ends before its first day."""
    wrong = int(participation.select((pl.col("end_date") < pl.col("begin_date")).sum()).collect(engine="streaming").item())
    return wrong == 0, f"{wrong} stays end before they begin", {"ends_before_begin": wrong}
