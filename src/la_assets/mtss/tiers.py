"""Tiers of support after each window, with every rule that holds as a reason.

Only a student's own results decide: a score filled in from peers gives no tier, the student is listed as not tested instead. The
rules stand in :func:`tiers`; levels come from the source or the district's cut scores (``levels.py``).
"""

from __future__ import annotations

import polars as pl

from la_assets.mtss.levels import with_levels
from la_assets.mtss.schedule import OF_TEST, SITTING


def tiers(
    panel: pl.LazyFrame,
    growth: pl.LazyFrame,
    standards: pl.LazyFrame,
    *,
    windows: pl.DataFrame,
    cuts: pl.DataFrame,
    spring_tests: bool = True,
    low_growth_percentile: float = 20.0,
    mastery: float = 0.5,
    standards_below: int = 2,
) -> pl.LazyFrame:
    """The table ``mtss.tiers`` of one school year, without ``school_year``.

    Tier 3: level 1, or level 2 with low growth. Tier 2: level 2 otherwise, level 3 with low growth, or several standards below
    mastery. Tier 1: everyone else. Growth is that from the student's last earlier observed window; in a first window there is
    none, and rules of growth do not hold.

    Parameters
    ----------
    panel, growth, standards : polars.LazyFrame
        ``mtss.assessment_panel``, ``mtss.growth`` and ``mtss.standards_panel`` of the year.
    windows : polars.DataFrame
        From ``schedule.schedule``.
    cuts : polars.DataFrame
        From ``levels.cut_score_frame``.
    spring_tests : bool
        Whether the year has spring tests; without, a spring window is cancelled.
    low_growth_percentile, mastery : float
        Growth below it is low; a share of points below it is not mastery.
    standards_below : int
        Standards below mastery that make tier 2.
    """
    tiering = windows.filter("gives_tiers").lazy()
    rows = panel.join(tiering.select("assessment_id", "window"), on=["assessment_id", "window"], how="semi").select(
        *SITTING,
        "window_order",
        "grade_level",
        "school_id",
        "staff_key",
        "scale_score",
        "level",
        "known_on",
        "source",
        "loaded_at",
        (pl.col("status") == "tested").alias("tested"),
    )
    observed = rows.with_columns(pl.when("tested").then("scale_score").alias("scale_score"))
    levelled = with_levels(observed, cuts)
    joined = levelled.join(_growth_so_far(growth, windows), on=SITTING, how="left").join(
        below_mastery(standards, mastery), on=SITTING, how="left"
    )
    ruled = _with_tier(joined, low_growth_percentile, standards_below)
    return pl.concat([ruled, _windows_without_results(rows, tiering, spring_tests)], how="diagonal").with_columns(
        pl.col("standards_tested", "standards_below").fill_null(0),
        pl.col("reasons", "not_proficient_standards").fill_null([]),
        _is_latest().alias("is_latest"),
        pl.lit("mtss").alias("source"),
    )


def below_mastery(standards: pl.LazyFrame, mastery: float) -> pl.LazyFrame:
    """Per sitting the observed standards, and those below mastery, worst first: lowest share, then most points lost."""
    below = pl.col("mastery") < mastery
    lost = pl.col("points_possible") - pl.col("points_earned")
    return (
        standards.filter(~pl.col("is_imputed"), pl.col("mastery").is_not_null())
        .with_columns(lost.alias("lost"))
        .sort(*SITTING, "mastery", "lost", "standard_code", descending=[False] * 5 + [True, False])
        .group_by(SITTING, maintain_order=True)
        .agg(
            pl.len().cast(pl.Int32).alias("standards_tested"),
            below.sum().cast(pl.Int32).alias("standards_below"),
            pl.col("standard_code").filter(below).alias("not_proficient_standards"),
            pl.col("known_on").max().alias("standards_known"),
        )
    )


def _growth_so_far(growth: pl.LazyFrame, windows: pl.DataFrame) -> pl.LazyFrame:
    """Per sitting the growth percentile from the last earlier window that has one."""
    order = windows.lazy().select("assessment_id", pl.col("window").alias("from_window"), "window_order")
    return (
        growth.filter(pl.col("growth_percentile").is_not_null())
        .join(order, on=["assessment_id", "from_window"])
        .sort(*SITTING[:3], "to_window", "window_order")
        .group_by(*SITTING[:3], "to_window")
        .agg(
            pl.col("growth_percentile").last(),
            pl.col("from_window").last().alias("growth_from_window"),
            pl.col("known_on").last().alias("growth_known"),
        )
        .rename({"to_window": "window"})
    )


def _with_tier(rows: pl.LazyFrame, low_growth_percentile: float, standards_below: int) -> pl.LazyFrame:
    level, low = pl.col("level"), (pl.col("growth_percentile") < low_growth_percentile).fill_null(False)
    tiered = pl.col("tested") & level.is_not_null()
    rules = {
        "level_1": level == 1,
        "level_2_low_growth": (level == 2) & low,
        "level_2": (level == 2) & ~low,
        "level_3_low_growth": (level == 3) & low,
        "standards_below_mastery": (pl.col("standards_below") >= standards_below).fill_null(False),
    }
    tier_3 = rules["level_1"] | rules["level_2_low_growth"]
    tier_2 = rules["level_2"] | rules["level_3_low_growth"] | rules["standards_below_mastery"]
    tier = pl.when(tier_3).then(3).when(tier_2).then(2).otherwise(1)
    return rows.with_columns(
        pl.when(~pl.col("tested"))
        .then(pl.lit("not tested"))
        .when(level.is_null())
        .then(pl.lit("no achievement level"))
        .otherwise(pl.lit("tiered"))
        .alias("status"),
        pl.when(tiered).then(tier).cast(pl.Int32).alias("tier"),
        pl.concat_list(pl.when(tiered & rule).then(pl.lit(code)) for code, rule in rules.items()).list.drop_nulls().alias("reasons"),
        pl.max_horizontal("known_on", "growth_known", "standards_known").alias("known_on"),
    )


def _windows_without_results(rows: pl.LazyFrame, tiering: pl.LazyFrame, spring_tests: bool) -> pl.LazyFrame:
    """A row for each window of the test that nobody in the subject was tested in, for every student who took another."""
    tested = rows.filter("tested")
    held = tested.select(OF_TEST).unique()
    open_windows = (
        held.select("assessment_id", "subject")
        .unique()
        .join(tiering, on="assessment_id")
        .join(held, on=OF_TEST, how="anti")
        .select(*OF_TEST, "window_order", "is_spring")
    )
    takers = (
        tested.sort("window_order")
        .group_by("student_key", "assessment_id", "subject")
        .agg(
            pl.col("grade_level", "school_id", "staff_key").last(),
            pl.col("known_on", "loaded_at").max(),
        )
    )
    cancelled = pl.col("is_spring") & (not spring_tests)
    return takers.join(open_windows, on=["assessment_id", "subject"]).with_columns(
        pl.when(cancelled).then(pl.lit("window cancelled")).otherwise(pl.lit("no results yet")).alias("status")
    )


def _is_latest() -> pl.Expr:
    order = pl.when(pl.col("status") == "tiered").then(pl.col("window_order"))
    return (order == order.max().over("student_key", "subject")).fill_null(False)
