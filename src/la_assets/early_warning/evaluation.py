"""How good predictions were, once the outcome is known, for the model and every baseline. Signatures first."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from la_assets.early_warning.learner_settings import EvaluationSettings
from la_assets.early_warning.model_definition import ModelDefinition

EVALUATION_COLUMNS = {
    "scored_year": pl.String,
    "model": pl.String,  # published, xgboost, logistic, rules, school
    "metric": pl.String,  # auc_roc, auc_pr, brier, calibration_slope, calibration_intercept, calibration_bin,
    # precision / recall / flagged / lead_time_days
    "cut": pl.String,  # threshold_0.30, top_5_percent, top_10_percent, bin_01..bin_10; empty for metrics of all rows
    "predicted": pl.Float64,  # mean probability: of a bin, or of all rows
    "estimate": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "n": pl.Int64,
    "positives": pl.Int64,
    "status": pl.String,  # ok, no_outcomes, one_class, too_few_positives, too_few_rows, no_predictions
}


def evaluate(scored: pl.DataFrame, definition: ModelDefinition, settings: EvaluationSettings, *, by: Sequence[str] = ()) -> pl.DataFrame:
    """``EVALUATION_COLUMNS`` (after the ``by`` columns) of every scored year, model and metric.

    Parameters
    ----------
    scored : polars.DataFrame
        Time, cluster, label (null: outcome not known), the ``probability*`` columns of ``scoring.score``; ``as_of`` and ``event_on`` for
        the lead time.
    by : sequence of str
        Further columns that split the rows, such as the snapshot.
    """
    raise NotImplementedError
