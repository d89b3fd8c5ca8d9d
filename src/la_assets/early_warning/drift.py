"""Have the features, or the model's quality, moved away from what the model learned from?

Feature drift is the population stability index over the deciles of the rows learned from, with a bin for what is missing
(and one per listed value of a text feature). Model drift compares published quality with the quality at the time of the choice.
Thresholds are settings; nothing is retrained here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from la_assets.early_warning.design_matrix import Design
from la_assets.early_warning.fitted_model import FittedModel
from la_assets.early_warning.learner_settings import DriftSettings

FEATURE_DRIFT_COLUMNS = {
    "feature": pl.String,
    "psi": pl.Float64,
    "missing_then": pl.Float64,  # share not on record among the rows learned from
    "missing_now": pl.Float64,
    "n": pl.Int64,
    "status": pl.String,
}
FEATURE_DRIFT_STATUSES = ("stable", "watch", "drift", "too_few_rows")
MODEL_DRIFT_COLUMNS = {
    "scored_year": pl.String,
    "reference_auc": pl.Float64,  # of the chosen candidate on held-out years when it was chosen
    "auc": pl.Float64,
    "calibration_slope": pl.Float64,
    "status": pl.String,
}
MODEL_DRIFT_STATUSES = ("stable", "auc_down", "slope_out", "auc_down_and_slope_out", "not_known")
"""``not_known``: no model, no reference, or too few outcomes to say."""

DECILES = tuple(i / 10 for i in range(1, 10))
EMPTY = 1e-4
"""Share that an empty bin counts with: the index would be infinite."""


def reference(rows: pl.DataFrame, design: Design) -> dict[str, Any]:
    """Per feature the typical value, the bins, their shares and the share missing, among rows learned from."""
    return {feature: _reference(rows[feature], design.categories.get(feature)) for feature in design.features}


def _reference(column: pl.Series, listed: tuple[str, ...] | None) -> dict[str, Any]:
    if listed is not None:
        typical = column.cast(pl.String).drop_nulls().mode().sort().first()
        return {"typical": None, "typical_text": typical, "listed": list(listed), "shares": _listed_shares(column, listed)}
    values = _numbers(column)
    present = values[~np.isnan(values)]
    edges = np.unique(np.quantile(present, DECILES)) if len(present) else np.empty(0)
    return {
        "typical": float(np.median(present)) if len(present) else None,
        "edges": [float(e) for e in edges],
        "shares": _shares(values, edges),
    }


def feature_drift(model: FittedModel, frame: pl.DataFrame, settings: DriftSettings) -> pl.DataFrame:
    """Population stability index of every feature that the model uses: ``FEATURE_DRIFT_COLUMNS``, no rows without a model.

    Parameters
    ----------
    frame : polars.DataFrame
        The rows scored now.
    """
    out = []
    for feature, then in model.reference.items():
        column = frame[feature]
        now = _listed_shares(column, tuple(then["listed"])) if "listed" in then else _shares(_numbers(column), np.array(then["edges"]))
        enough = frame.height >= settings.min_rows
        psi = stability_index(then["shares"], now) if enough else None
        out.append((feature, psi, then["shares"][-1], now[-1], frame.height, _feature_status(psi, settings)))
    return pl.DataFrame(out, schema=FEATURE_DRIFT_COLUMNS, orient="row")


def stability_index(then: list[float], now: list[float]) -> float:
    """Sum over bins of (now - then) log(now / then); empty bins count as one in ten thousand."""
    p, q = np.maximum(np.array(then), EMPTY), np.maximum(np.array(now), EMPTY)
    return float(((q - p) * np.log(q / p)).sum())


def model_drift(models: pl.DataFrame, evaluation: pl.DataFrame, settings: DriftSettings) -> pl.DataFrame:
    """``MODEL_DRIFT_COLUMNS`` per scored year.

    Parameters
    ----------
    models : polars.DataFrame
        Rows of ``MODEL_ROW``: ``scored_year`` and ``held_out_auc``.
    evaluation : polars.DataFrame
        Of :func:`la_assets.early_warning.evaluation.evaluate`; a measure that was not taken (status other than ``ok``) is not known.
    """
    taken = evaluation.filter((pl.col("model") == "published") & (pl.col("status") == "ok"))

    def measure(metric: str, name: str) -> pl.DataFrame:
        return taken.filter(pl.col("metric") == metric).group_by("scored_year").agg(pl.col("estimate").mean().alias(name))

    auc, slope, before = pl.col("auc"), pl.col("calibration_slope"), pl.col("reference_auc")
    down = auc < before * (1 - settings.auc_drop)
    out = ~slope.is_between(*settings.slope_bounds)
    known = auc.is_not_null() & slope.is_not_null() & before.is_not_null()
    status = (
        pl.when(down & out).then(pl.lit("auc_down_and_slope_out"))
        .when(down).then(pl.lit("auc_down"))
        .when(out).then(pl.lit("slope_out"))
        .when(known).then(pl.lit("stable"))
        .otherwise(pl.lit("not_known"))
    )  # fmt: skip
    return (
        models.select("scored_year", pl.col("held_out_auc").alias("reference_auc"))
        .join(measure("auc_roc", "auc"), on="scored_year", how="left")
        .join(measure("calibration_slope", "calibration_slope"), on="scored_year", how="left")
        .with_columns(status.alias("status"))
        .sort("scored_year")
        .select(list(MODEL_DRIFT_COLUMNS))
    )


def _feature_status(psi: float | None, settings: DriftSettings) -> str:
    if psi is None:
        return "too_few_rows"
    return "drift" if psi >= settings.psi_drift else "watch" if psi >= settings.psi_watch else "stable"


def _numbers(column: pl.Series) -> np.ndarray:
    values = column.cast(pl.Float64).to_numpy().astype(np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _shares(values: np.ndarray, edges: np.ndarray) -> list[float]:
    """Share of rows by bin (a value at an edge lies below it), and last the share missing."""
    present = values[~np.isnan(values)]
    counts = np.bincount(np.searchsorted(edges, present, "left"), minlength=len(edges) + 1)
    return [float(c / max(len(values), 1)) for c in (*counts, len(values) - len(present))]


def _listed_shares(column: pl.Series, listed: tuple[str, ...]) -> list[float]:
    """Share of rows by listed value, of other values, and last of missing ones."""
    text = column.cast(pl.String)
    counts = [int((text == value).sum()) for value in listed]
    missing = text.null_count()
    return [c / max(column.len(), 1) for c in (*counts, column.len() - missing - sum(counts), missing)]
