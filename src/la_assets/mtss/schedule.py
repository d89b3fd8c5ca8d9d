"""The windows of the year's tests as a frame: their order, which is final, which fall away in a year without spring tests.

Only the calendar of tests; whether a window was held is a matter of the scores.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

SITTING = ["student_key", "assessment_id", "subject", "window"]
"""What a student has one official result of in a year."""

OF_TEST = ["assessment_id", "subject", "window"]

_SCHEMA = {
    "assessment_id": pl.String,
    "window": pl.String,
    "window_order": pl.Int32,
    "is_final": pl.Boolean,
    "is_spring": pl.Boolean,
    "gives_tiers": pl.Boolean,
}


def schedule(tests: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """A row per test and window.

    Parameters
    ----------
    tests : iterable of mapping
        ``assessment_id``, ``windows`` (first to last), ``final_window`` (or None), ``spring_windows``, ``gives_tiers``.

    Returns
    -------
    polars.DataFrame
        ``assessment_id``, ``window``, ``window_order`` (from 1), ``is_final``, ``is_spring``, ``gives_tiers``.
    """
    rows = [
        (
            test["assessment_id"],
            window,
            order,
            window == test["final_window"],
            window in test["spring_windows"],
            bool(test["gives_tiers"]),
        )
        for test in tests
        for order, window in enumerate(test["windows"], start=1)
    ]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def window_pairs(windows: pl.DataFrame) -> pl.DataFrame:
    """Every earlier and later window of the same test: ``from_window``, ``to_window``, ``is_consecutive``, and their orders."""
    later = windows.select("assessment_id", pl.col("window").alias("to_window"), pl.col("window_order").alias("to_order"))
    return (
        windows.select("assessment_id", pl.col("window").alias("from_window"), pl.col("window_order").alias("from_order"))
        .join(later, on="assessment_id")
        .filter(pl.col("from_order") < pl.col("to_order"))
        .with_columns((pl.col("to_order") - pl.col("from_order") == 1).alias("is_consecutive"))
        .sort("assessment_id", "from_order", "to_order")
    )
