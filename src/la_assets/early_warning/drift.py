"""Have the features, or the model's quality, moved away from what the model learned from. Signatures first."""

from __future__ import annotations

import polars as pl

from la_assets.early_warning.fitted_model import FittedModel
from la_assets.early_warning.learner_settings import DriftSettings
from la_assets.early_warning.model_definition import ModelDefinition

FEATURE_DRIFT_COLUMNS = {
    "feature": pl.String,
    "psi": pl.Float64,
    "missing_then": pl.Float64,  # share of nulls among the rows learned from
    "missing_now": pl.Float64,
    "n": pl.Int64,
    "status": pl.String,  # stable, watch, drift, too_few_rows, no_model, constant
}
MODEL_DRIFT_COLUMNS = {
    "scored_year": pl.String,
    "reference_auc": pl.Float64,  # on the held-out year, when the model was chosen
    "auc": pl.Float64,
    "calibration_slope": pl.Float64,
    "status": pl.String,  # stable, auc_down, slope_out, auc_down_and_slope_out, no_outcomes, no_model
}


def feature_drift(model: FittedModel, frame: pl.DataFrame, definition: ModelDefinition, settings: DriftSettings) -> pl.DataFrame:
    """Population stability index of every feature of the frame against the rows that the model learned from."""
    raise NotImplementedError


def model_drift(models: pl.DataFrame, evaluation: pl.DataFrame, settings: DriftSettings) -> pl.DataFrame:
    """``MODEL_DRIFT_COLUMNS`` per scored year: published quality against the quality when the year's model was chosen.

    Parameters
    ----------
    models : polars.DataFrame
        Rows of ``MODEL_ROW``.
    evaluation : polars.DataFrame
        Of :func:`la_assets.early_warning.evaluation.evaluate`.
    """
    raise NotImplementedError
