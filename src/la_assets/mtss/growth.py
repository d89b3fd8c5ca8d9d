"""Change between two windows of a test: points, points per 30 days, and the percentile among peers who started alike.

Only observed scores count, and only where they compare: on a vertical scale, or on the test of the same grade. Peers are the
students of the district and grade whose starting score fell into the same decile; where the grade has too few of them, and the
scale is vertical, the same decile over all grades.
"""

from __future__ import annotations

import polars as pl

from la_assets.mtss.schedule import OF_TEST, window_pairs

_PAIR = ["assessment_id", "subject", "from_window", "to_window"]


def growth(panel: pl.LazyFrame, windows: pl.DataFrame, min_peers: int = 10) -> pl.LazyFrame:
    """The table ``mtss.growth`` of one school year, without ``school_year``.

    A row per student and pair of windows that were both held, if the student has a result in at least one of the two.

    Parameters
    ----------
    panel : polars.LazyFrame
        ``mtss.assessment_panel`` of the year.
    windows : polars.DataFrame
        From ``schedule.schedule``.
    min_peers : int
        Students that a peer group needs for a percentile.
    """
    observed = panel.filter(pl.col("status") == "tested", pl.col("scale_score").is_not_null()).with_columns(
        _decile("scale_score", [*OF_TEST, "grade_level"]).alias("start_decile")
    )
    held = observed.select(OF_TEST).unique()
    pairs = (
        window_pairs(windows)
        .lazy()
        .join(held, left_on=["assessment_id", "from_window"], right_on=["assessment_id", "window"])
        .join(held, left_on=["assessment_id", "subject", "to_window"], right_on=OF_TEST, how="semi")
    )
    start, end = _end_of_pair(observed, pairs, "from"), _end_of_pair(observed, pairs, "to")
    both = start.join(end, on=["student_key", *_PAIR], how="full", coalesce=True).join(pairs.select(*_PAIR, "is_consecutive"), on=_PAIR)
    comparable = pl.col("from_vertical") & pl.col("to_vertical") | (pl.col("from_grade") == pl.col("to_grade"))
    status = (
        pl.when(pl.col("from_score").is_null())
        .then(pl.lit("start not tested"))
        .when(pl.col("to_score").is_null())
        .then(pl.lit("end not tested"))
        .when(~comparable.fill_null(False))
        .then(pl.lit("scales differ"))
        .otherwise(pl.lit("grown"))
    )
    days = (pl.col("to_date") - pl.col("from_date")).dt.total_days().cast(pl.Int32)
    rows = both.with_columns(
        status.alias("status"),
        pl.when(days >= 0).then(days).alias("days"),
        pl.coalesce("to_grade", "from_grade").alias("grade_level"),
        pl.coalesce("to_school", "from_school").alias("school_id"),
    ).with_columns(pl.when(pl.col("status") == "grown").then(pl.col("to_score") - pl.col("from_score")).alias("points"))
    return _with_percentiles(rows, min_peers).with_columns(
        pl.when(pl.col("days") > 0).then(pl.col("points") / pl.col("days") * 30).alias("points_per_30_days"),
        pl.when((pl.col("status") == "grown") & pl.col("growth_percentile").is_null())
        .then(pl.lit("too few peers"))
        .otherwise("status")
        .alias("status"),
        pl.lit("mtss").alias("source"),
    )


def _end_of_pair(observed: pl.LazyFrame, pairs: pl.LazyFrame, which: str) -> pl.LazyFrame:
    columns = [
        pl.col("scale_score").alias(f"{which}_score"),
        pl.col("administered_on").alias(f"{which}_date"),
        pl.col("grade_level").alias(f"{which}_grade"),
        pl.col("school_id").alias(f"{which}_school"),
        pl.col("is_vertical_scale").alias(f"{which}_vertical"),
        pl.col("known_on").alias(f"{which}_known"),
        pl.col("loaded_at").alias(f"{which}_loaded"),
        *([pl.col("start_decile")] if which == "from" else []),
    ]
    return pairs.join(observed, left_on=["assessment_id", "subject", f"{which}_window"], right_on=OF_TEST).select(
        "student_key", *_PAIR, *columns
    )


def _with_percentiles(rows: pl.LazyFrame, min_peers: int) -> pl.LazyFrame:
    """With percentile, peer group, its size, and the date and arrival from which the row is known (the last of its peers)."""
    grown = pl.col("points").is_not_null()
    in_grade, in_district = [*_PAIR, "from_grade", "start_decile"], [*_PAIR, "start_decile"]
    vertical = pl.col("from_vertical") & pl.col("to_vertical")
    known, loaded = pl.max_horizontal("from_known", "to_known"), pl.max_horizontal("from_loaded", "to_loaded")
    grade = grown & (grown.sum().over(in_grade) >= min_peers)
    district = grown & ~grade & vertical & (grown.sum().over(in_district) >= min_peers)

    def chosen(of_group: pl.Expr, otherwise: pl.Expr) -> pl.Expr:
        return pl.when(grade).then(of_group.over(in_grade)).when(district).then(of_group.over(in_district)).otherwise(otherwise)

    mid_rank = (pl.col("points").rank("average") - 0.5) / pl.col("points").count() * 100
    return rows.with_columns(
        chosen(mid_rank, pl.lit(None, pl.Float64)).alias("growth_percentile"),
        pl.when(grade).then(pl.lit("decile in grade")).when(district).then(pl.lit("decile in district")).alias("peer_group"),
        chosen(pl.col("points").count().cast(pl.Int32), pl.lit(None, pl.Int32)).alias("peers"),
        chosen(known.filter(grown).max(), known).alias("known_on"),
        chosen(loaded.filter(grown).max(), loaded).alias("loaded_at"),
    )


def _decile(value: str, over: list[str]) -> pl.Expr:
    """Decile by mid-rank, 1 lowest; students with the same score are in the same one."""
    rank = (pl.col(value).rank("average") - 0.5) / pl.len()
    return (rank * 10).floor().clip(0, 9).cast(pl.Int32).over(over) + 1
