"""Tests by a snapshot: the latest standing in ELA and Math among those who took the same test, the level, and the change to a year before.

Scores of different tests do not compare, so a score is put in standard deviations among the district's scores of the same test, subject,
window and grade in the same year, as known by the snapshot. The average is zero by construction: a change is a change of place, not of
knowledge.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from la_assets.early_warning.features.snapshots import Snapshot, known_by

_FAMILY = {"ELA": "ela", "Math": "math", "Algebra 1": "math", "Geometry": "math"}
_SAME_TEST = ["snapshot", "school_year", "assessment_id", "subject", "window", "grade_level"]
_FEWEST_SCORES = 10


def assessments(scores: pl.LazyFrame, students: pl.LazyFrame, snapshots: Sequence[Snapshot], school_year: str) -> pl.LazyFrame:
    """Test features by student and snapshot: ``<family>_standing``, ``_level``, ``_change``, and ``tested_this_year``.

    Parameters
    ----------
    scores : polars.LazyFrame
        ``assessments.scores`` of the year and the two before. Only the official attempt with a score counts.
    students : polars.LazyFrame
        ``roster.students`` of the same years: the grade where the source names none.
    """
    grade = students.select("student_key", "school_year", pl.col("grade_level").alias("roster_grade"))
    columns = [
        "student_key",
        "school_year",
        "assessment_id",
        "subject",
        "window",
        "administered_on",
        "known_on",
        "scale_score",
        "level",
        "loaded_at",
    ]
    tested = (
        scores.filter("is_official", pl.col("scale_score").is_finite(), pl.col("subject").is_in(list(_FAMILY)))
        .join(grade, on=["student_key", "school_year"], how="left")
        .select(*columns, pl.coalesce("grade_level", "roster_grade").alias("grade_level"))
    )
    known = known_by(tested, snapshots, ["administered_on"])
    whole = (pl.col("scale_score") * 10).round().cast(pl.Int64)  # whole numbers add up to the same in any order
    n, total = pl.col("scores").cast(pl.Float64), pl.col("total").cast(pl.Float64)
    variance = (pl.col("squares").cast(pl.Float64) - total * total / n) / (n - 1)
    spread = (
        known.group_by(_SAME_TEST)
        .agg(pl.len().alias("scores"), whole.sum().alias("total"), (whole * whole).sum().alias("squares"))
        .with_columns((total / n / 10).alias("mean"), (variance.clip(lower_bound=0).sqrt() / 10).alias("sd"))
    )
    standing = pl.when((pl.col("scores") >= _FEWEST_SCORES) & (pl.col("sd") > 0)).then(
        (pl.col("scale_score") - pl.col("mean")) / pl.col("sd")
    )
    order: list[str | pl.Expr] = [pl.coalesce("administered_on", "known_on"), "assessment_id", "subject", "window"]
    place = ["student_key", "snapshot", "family", "school_year"]
    placed = (
        known.join(spread, on=_SAME_TEST, nulls_equal=True)
        .with_columns(standing.alias("standing"), pl.col("subject").replace_strict(_FAMILY).alias("family"))
        .sort(*order)
    )
    yearly = (
        placed.group_by(place, maintain_order=True)
        .agg(pl.col("standing").drop_nulls().last(), pl.col("level").drop_nulls().last().cast(pl.Float64), pl.col("loaded_at").max())
        .sort("school_year")
    )

    def latest(column: str, family: str) -> pl.Expr:
        return pl.col(column).filter(pl.col("family") == family).drop_nulls().last()

    def change(family: str) -> pl.Expr:
        mine = pl.col("family") == family
        now, past = mine & (pl.col("school_year") == school_year), mine & (pl.col("school_year") < school_year)
        earlier = pl.col("standing").filter(past).drop_nulls().last()
        return pl.col("standing").filter(now).drop_nulls().last() - earlier

    return yearly.group_by("student_key", "snapshot", maintain_order=True).agg(
        *(latest("standing", family).alias(f"{family}_standing") for family in ("ela", "math")),
        *(latest("level", family).alias(f"{family}_level") for family in ("ela", "math")),
        *(change(family).alias(f"{family}_change") for family in ("ela", "math")),
        (pl.col("school_year") == school_year).any().cast(pl.Float64).alias("tested_this_year"),
        pl.col("loaded_at").max(),
    )
