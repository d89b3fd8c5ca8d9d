"""The panel of standards: points on each standard in the official attempt, and what is filled in for students not tested."""

from __future__ import annotations

import polars as pl

from la_assets.mtss.imputation import impute
from la_assets.mtss.schedule import OF_TEST, SITTING


def standards_panel(points: pl.LazyFrame, panel: pl.LazyFrame, min_peers: int = 10) -> pl.LazyFrame:
    """The table ``mtss.standards_panel`` of one school year, without ``school_year``.

    A student who was not tested in a window that is not final gets, for each standard that the own grade was tested on in that
    window, the median share of the smallest peer group that has enough; a standard that nobody took is no row.

    Parameters
    ----------
    points : polars.LazyFrame
        ``assessments.standards`` of the year.
    panel : polars.LazyFrame
        ``mtss.assessment_panel`` of the year.
    min_peers : int
        Observed shares that a peer group needs.
    """
    place = ["grade_level", "school_id", "section_id", "staff_key"]
    tested = panel.filter(pl.col("status") == "tested").select(*SITTING, "administered_on", *place)
    share = pl.when(pl.col("points_possible") > 0).then((pl.col("points_earned") / pl.col("points_possible")).clip(0, 1))
    observed = (
        points.select(*SITTING, "administered_on", "standard_code", "points_earned", "points_possible", "known_on", "source", "loaded_at")
        .join(tested, on=[*SITTING, "administered_on"], nulls_equal=True)
        .with_columns(share.alias("mastery"), pl.lit(False).alias("missing"))
    )
    codes = observed.group_by(*OF_TEST, "grade_level", "standard_code").agg(
        pl.col("known_on").max().alias("closed_on"), pl.col("loaded_at").max().alias("last_loaded_at")
    )
    gaps = (
        panel.filter(pl.col("status").is_in(["imputed", "too few peers"]))
        .select(*SITTING, *place)
        .join(codes, on=[*OF_TEST, "grade_level"])
        .rename({"closed_on": "known_on", "last_loaded_at": "loaded_at"})
        .with_columns(pl.lit("mtss").alias("source"), pl.lit(True).alias("missing"))
    )
    return impute(
        pl.concat([observed, gaps], how="diagonal"),
        value="mastery",
        of=[*OF_TEST, "standard_code"],
        fillable=pl.col("missing"),
        min_peers=min_peers,
    )
