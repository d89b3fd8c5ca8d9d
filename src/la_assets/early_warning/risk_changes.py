"""Who crossed a threshold since the last scoring: the rows an alert is made of.

Scorings of a student (or of a student in a course) are compared in the order of their days, this year's and the last one of the year
before. A first scoring counts as a crossing only when it is above Low. Small moves within a level are no change.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

CHANGES = ("rose", "fell", "first scored above Low")
_UNIT = ["target", "student_key", "section_id"]


def risk_changes(scores: pl.LazyFrame, school_year: str, levels: Sequence[str]) -> pl.LazyFrame:
    """Rows of ``early_warning.risk_changes`` of one school year.

    Parameters
    ----------
    scores : polars.LazyFrame
        Of this year and the year before, all targets: ``target``, ``student_key``, ``section_id``, ``snapshot``, ``as_of_date``,
        ``school_year``, ``probability``, ``level``, ``model_version``, ``loaded_at``. Rows without a level are passed over.
    school_year : str
        The year whose changes are made.
    levels : sequence of str
        From the lowest to the highest.
    """
    place = pl.col("level").replace_strict({level: k for k, level in enumerate(levels)}, return_dtype=pl.Int32)
    in_order = scores.filter(pl.col("level").is_not_null()).with_columns(place.alias("place")).sort(*_UNIT, "as_of_date")
    same = pl.all_horizontal([pl.col(name) == pl.col(name).shift(1) for name in _UNIT]).fill_null(False)  # rows are in order: no grouping
    before = [
        pl.when(same).then(pl.col(name).shift(1)).alias(f"previous_{name}") for name in ("as_of_date", "probability", "level", "place")
    ]
    step = pl.col("place") - pl.col("previous_place")
    change = (
        pl.when(step > 0)
        .then(pl.lit("rose"))
        .when(step < 0)
        .then(pl.lit("fell"))
        .when(step.is_null() & (pl.col("place") > 0))
        .then(pl.lit("first scored above Low"))
    )
    return (
        in_order.with_columns(before)
        .with_columns(change.alias("change"))
        .filter(pl.col("change").is_not_null(), pl.col("school_year") == school_year)
        .drop("place", "previous_place")
    )
