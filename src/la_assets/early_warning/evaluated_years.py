"""What an evaluation adds to the learner's figures: counts of outcomes, years in which nothing was due, and whether the model drifted."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from la_assets.early_warning.drift import model_drift
from la_assets.early_warning.evaluation import EVALUATION_COLUMNS, evaluate
from la_assets.early_warning.learner_settings import DriftSettings, EvaluationSettings
from la_assets.early_warning.targets import Target

_SMALL = 10
_DRIFT = {"reference_auc": pl.Float64, "drift": pl.String}


def evaluation_rows(
    due: pl.DataFrame, models: pl.DataFrame, target: Target, school_year: str, *, evaluation: EvaluationSettings, drift: DriftSettings
) -> pl.DataFrame:
    """Rows of ``<family>_evaluation`` for one target and the year in which the outcomes became known.

    Parameters
    ----------
    due : polars.DataFrame
        Scores that came due, with ``label``, ``outcome``, ``event_on``.
    models : polars.DataFrame
        Rows of the model table of the scored years.
    """
    if due.is_empty():
        return pl.DataFrame([_nothing_due(target.name, school_year)], schema={**_schema(), **_DRIFT})
    figures = evaluate(due, target.definition, evaluation, by=["snapshot"]).with_columns(pl.lit(target.name).alias("target"))
    counts = outcome_counts(due, target.name)
    drifted = _drift(figures, models, target.name, drift)
    rows = pl.concat([figures.select(_schema().names()), counts.select(_schema().names())], how="vertical_relaxed")
    published = (pl.col("model") == "published") & (pl.col("metric") == "auc_roc")
    return rows.join(drifted, on=["scored_year", "snapshot"], how="left").with_columns(
        pl.when(published).then(pl.col("reference_auc", "drift"))
    )


def outcome_counts(due: pl.DataFrame, target: str) -> pl.DataFrame:
    """How many rows had which outcome, labelled or not: nothing is dropped without a count. Counts under ten are withheld."""
    counts = due.group_by("school_year", "snapshot", "outcome").agg(
        pl.len().cast(pl.Int64).alias("n"), pl.col("label").sum().cast(pl.Int64).alias("positives")
    )
    small = pl.col("n") < _SMALL
    return counts.select(
        pl.lit(target).alias("target"),
        pl.col("school_year").alias("scored_year"),
        "snapshot",
        pl.lit("outcomes").alias("model"),
        pl.lit("outcome").alias("metric"),
        pl.col("outcome").alias("cut"),
        pl.lit(None, pl.Float64).alias("predicted"),
        pl.when(~small).then(pl.col("n").cast(pl.Float64)).alias("estimate"),
        pl.lit(None, pl.Float64).alias("low"),
        pl.lit(None, pl.Float64).alias("high"),
        pl.when(~small).then("n"),
        pl.when(~small).then("positives"),
        pl.when(small).then(pl.lit("suppressed")).otherwise(pl.lit("ok")).alias("status"),
    )


def published(evaluation: pl.DataFrame, metric: str, snapshot: str, cut: str = "") -> float | None:
    """A figure of the published scores of the newest scored year at a snapshot, for the asset's page; None where there is none."""
    found = evaluation.filter(
        pl.col("model") == "published",
        pl.col("metric") == metric,
        pl.col("snapshot") == snapshot,
        pl.col("cut") == cut,
        pl.col("status") == "ok",
    ).sort("scored_year")
    value = found["estimate"].to_list()[-1:] if found.height else []
    return None if not value or value[0] is None else float(value[0])


def _drift(figures: pl.DataFrame, models: pl.DataFrame, target: str, settings: DriftSettings) -> pl.DataFrame:
    parts = [
        model_drift(models.filter(pl.col("target") == target), figures.filter(pl.col("snapshot") == snapshot), settings)
        .select("scored_year", "reference_auc", pl.col("status").alias("drift"))
        .with_columns(pl.lit(snapshot).alias("snapshot"))
        for snapshot in _in_order(figures["snapshot"])
    ]
    return pl.concat(parts)


def _in_order(values: pl.Series) -> Sequence[str]:
    return values.unique().sort().to_list()


def _schema() -> pl.Schema:
    return pl.Schema(
        {"target": pl.String, "scored_year": pl.String, "snapshot": pl.String}
        | {name: dtype for name, dtype in EVALUATION_COLUMNS.items() if name != "scored_year"}
    )


def _nothing_due(target: str, school_year: str) -> dict[str, object]:
    return {
        "target": target, "scored_year": school_year, "snapshot": "", "model": "published", "metric": "none", "cut": "",
        "status": "nothing_due",
    }  # fmt: skip
