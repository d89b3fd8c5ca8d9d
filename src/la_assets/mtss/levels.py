"""Achievement levels from cut scores, where the source gives none, and the cut from which a score is proficient."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

_CUTS = ("level_2", "level_3", "level_4", "level_5")
_KEY = ["assessment_id", "subject"]
_SCHEMA = {"assessment_id": pl.String, "subject": pl.String, "grade_level": pl.String, "window": pl.String} | dict.fromkeys(
    _CUTS, pl.Float64
)


def cut_score_frame(cut_scores: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Cut scores as a frame.

    Parameters
    ----------
    cut_scores : iterable of mapping
        ``assessment_id``, ``subject``, ``grade_level`` and ``window`` (None: any), ``lowest`` (lowest scores of levels 2 to 5).
    """
    rows = [(c["assessment_id"], c["subject"], c["grade_level"], c["window"], *c["lowest"]) for c in cut_scores]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def with_levels(rows: pl.LazyFrame, cuts: pl.DataFrame) -> pl.LazyFrame:
    """With ``level`` (the source's own, else from the cuts), ``level_source``, ``level_from_cuts`` and ``proficiency_cut``.

    The cuts that name the window go first, then those that name the grade. A score at a cut reaches the level.

    Parameters
    ----------
    rows : polars.LazyFrame
        ``assessment_id``, ``subject``, ``grade_level``, ``window``, ``scale_score``, ``level``.
    cuts : polars.DataFrame
        From :func:`cut_score_frame`.
    """
    kinds = ((True, True), (True, False), (False, True), (False, False))
    joined = rows
    for number, (by_window, by_grade) in enumerate(kinds):
        some = cuts.filter(pl.col("window").is_not_null() == by_window, pl.col("grade_level").is_not_null() == by_grade)
        key = [*_KEY, *(["window"] if by_window else []), *(["grade_level"] if by_grade else [])]
        named = some.select(*key, *(pl.col(c).alias(f"__{c}_{number}") for c in _CUTS)).unique(key, keep="first", maintain_order=True)
        joined = joined.join(named.lazy(), on=key, how="left")
    cut = {c: pl.coalesce(*(f"__{c}_{number}" for number in range(len(kinds)))) for c in _CUTS}
    reached = pl.sum_horizontal((pl.col("scale_score") >= c).cast(pl.Int32) for c in cut.values()) + 1
    has_cuts = cut["level_2"].is_not_null() & pl.col("scale_score").is_not_null()
    return (
        joined.with_columns(
            pl.when(has_cuts).then(reached).cast(pl.Int32).alias("level_from_cuts"), cut["level_3"].alias("proficiency_cut")
        )
        .with_columns(
            pl.when(pl.col("level").is_not_null())
            .then(pl.lit("source"))
            .when(pl.col("level_from_cuts").is_not_null())
            .then(pl.lit("cut scores"))
            .alias("level_source"),
            pl.coalesce("level", "level_from_cuts").alias("level"),
        )
        .drop(pl.selectors.starts_with("__"))
    )
