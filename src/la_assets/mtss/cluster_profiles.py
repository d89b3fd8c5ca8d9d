"""Who is in a cluster and what sets it apart, in numbers and in words, and the standards most worth re-teaching to it.

A feature sets a cluster apart when its mean lies far enough from that of the tier and subject, in the tier's own spread. A group
of few students has a size and no profile: a cluster is large enough when it is fitted, but can shrink until the next fit.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from la_assets import exact_sums
from la_assets.mtss.cluster_labels import Label

RETAUGHT = 3
FAR = 0.4
"""Standard deviations from the mean of the tier and subject from which a feature sets a cluster apart."""

_NUMERIC_WORDS = {
    "score": ("lower scores", "higher scores"),
    "growth_percentile": ("slow growth", "fast growth"),
    "attendance_rate": ("low attendance", "steady attendance"),
    "gpa": ("lower marks", "better marks"),
}
_SHARE_WORDS = {
    "ell": ("few English learners", "many English learners"),
    "ese": ("few students with an IEP", "many students with an IEP"),
    "frl": ("fewer with free or reduced-price lunch", "more with free or reduced-price lunch"),
    "female": ("more boys", "more girls"),
}
_NAMING = {*_NUMERIC_WORDS, "ell", "ese"}
MEASURES = (*_NUMERIC_WORDS, *_SHARE_WORDS)


def cluster_names(assigned: pl.DataFrame, labels: Mapping[tuple[str, int], list[Label]]) -> pl.DataFrame:
    """With ``cluster``, the letter of the centroid's number (null without a model), and from which year it continues.

    Parameters
    ----------
    assigned : polars.DataFrame
        From ``cluster_fits.assigned_clusters``.
    labels : mapping
        From ``cluster_labels.labels_of_last``.
    """
    rows = [
        (subject, tier, number, label.letter, label.continues_from, label.distance)
        for (subject, tier), found in labels.items()
        for number, label in enumerate(found)
    ]
    schema = {
        "subject": pl.String,
        "tier": pl.Int32,
        "number": pl.Int32,
        "cluster": pl.String,
        "continues_from": pl.String,
        "match_distance": pl.Float64,
    }
    return assigned.join(pl.DataFrame(rows, schema=schema, orient="row"), on=["subject", "tier", "number"], how="left")


def cluster_profiles(named: pl.DataFrame, not_proficient: pl.DataFrame, fewest: int = 10) -> pl.DataFrame:
    """The table ``mtss.cluster_profiles`` of one school year, without ``school_year``.

    Parameters
    ----------
    named : polars.DataFrame
        From :func:`cluster_names`.
    not_proficient : polars.DataFrame
        ``student_key``, ``subject``, ``not_proficient_standards`` of each student's newest window with a tier.
    fewest : int
        Students that a group needs for a profile: one of fewer would tell of single students.

    Returns
    -------
    polars.DataFrame
        A row per cluster, and one with cluster ``none`` for the students of a tier and subject without clusters.
    """
    group, key = ["subject", "tier"], ["subject", "tier", "cluster"]
    rows = named.with_columns(
        pl.col("cluster").fill_null("none"),
        *(_share(c, "yes").alias(c) for c in ("ell", "ese", "frl")),
        pl.when(pl.col("gender") != "not said").then((pl.col("gender") == "Female").cast(pl.Float64)).alias("female"),
    )
    apart = {m: (exact_sums.mean(pl.col(m)) - pl.col(f"{m} tier")) / pl.col(f"{m} spread") for m in MEASURES}
    whole = rows.with_columns(
        *(exact_sums.mean(pl.col(m), group).alias(f"{m} tier") for m in MEASURES),
        *(exact_sums.deviation(pl.col(m), group, ddof=0).alias(f"{m} spread") for m in MEASURES),
        pl.len().over(group).alias("in_tier"),
    )
    profiles = (
        whole.group_by(key)
        .agg(
            pl.col("status", "continues_from", "match_distance").first(),
            pl.len().cast(pl.Int32).alias("students"),
            (pl.len() / pl.col("in_tier").first()).alias("share"),
            *(exact_sums.mean(pl.col(m)).alias(m) for m in MEASURES),
            *(apart[m].first().alias(f"{m} apart") for m in MEASURES),
            pl.max_horizontal(pl.col("known_on").max(), pl.col("fit_known").max()).alias("known_on"),
            pl.max_horizontal(pl.col("loaded_at").max(), pl.col("fit_loaded").max()).alias("loaded_at"),
            pl.lit("mtss").alias("source"),
        )
        .with_columns(pl.when(pl.col("students") >= fewest).then(pl.col(*MEASURES, *(f"{m} apart" for m in MEASURES))))
        .sort(key)
    )
    words = [
        _words(row) if row["status"] == "clustered" and row["students"] >= fewest else (None, None)
        for row in profiles.iter_rows(named=True)
    ]
    return (
        profiles.with_columns(
            pl.Series("cluster_name", [name for name, _ in words], pl.String),
            pl.Series("profile", [sentence for _, sentence in words], pl.String),
        )
        .join(_worth_reteaching(rows, not_proficient, key), on=key, how="left")
        .with_columns(pl.when(pl.col("students") >= fewest).then(pl.col("reteach_standards", "reteach_students")).fill_null([]))
    )


def _share(column: str, value: str) -> pl.Expr:
    return pl.when(pl.col(column) != "not said").then((pl.col(column) == value).cast(pl.Float64))


def _words(row: Mapping[str, float]) -> tuple[str, str]:
    """A name of the two features that set the cluster apart most, and a sentence of all."""
    found = sorted(((abs(apart), m) for m in MEASURES if (apart := row[f"{m} apart"]) is not None and abs(apart) >= FAR), reverse=True)
    said = [(_NUMERIC_WORDS | _SHARE_WORDS)[m][row[f"{m} apart"] > 0] for _, m in found]
    if not said:
        return "near the middle of the tier", "Near the middle of the tier in everything looked at."
    # a group is called by what a teacher can work on, not by who its students are
    name = " and ".join([text for text, (_, m) in zip(said, found, strict=True) if m in _NAMING][:2]) or "near the middle of the tier"
    details = [f"{text} ({_figure(m, row[m])})" for text, (_, m) in zip(said, found, strict=True)]
    return name, f"Against the tier as a whole: {', '.join(details)}."


def _figure(measure: str, value: float) -> str:
    if measure == "score":
        return f"{value:+.1f} SD from the grade's mean"
    if measure == "growth_percentile":
        return f"mean percentile {value:.0f}"
    if measure == "female":
        return f"{value:.0%} girls"
    return f"{value:.2f}" if measure == "gpa" else f"{value:.0%}"


def _worth_reteaching(rows: pl.DataFrame, not_proficient: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """The standards with the most students of the cluster below mastery: what a lesson on it would reach."""
    return (
        rows.select("student_key", *key)
        .join(not_proficient, on=["student_key", "subject"])
        .explode("not_proficient_standards", empty_as_null=False)
        .drop_nulls("not_proficient_standards")
        .group_by(*key, "not_proficient_standards")
        .agg(pl.len().cast(pl.Int32).alias("below"))
        .sort(*key, "below", "not_proficient_standards", descending=[False] * 3 + [True, False])
        .group_by(key, maintain_order=True)
        .agg(
            pl.col("not_proficient_standards").head(RETAUGHT).alias("reteach_standards"),
            pl.col("below").head(RETAUGHT).alias("reteach_students"),
        )
    )
