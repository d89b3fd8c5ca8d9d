"""From a fitted model and rows to probabilities, levels and reasons. Signatures first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from la_assets.early_warning.fitted_model import FittedModel
from la_assets.early_warning.model_definition import ModelDefinition
from la_assets.early_warning.reasons import REASON, Phrase

SCORE_COLUMNS: Mapping[str, Any] = {
    "probability": pl.Float64,  # published; null without a model
    "level": pl.String,
    "margin": pl.Float64,  # log odds before calibration, of the chosen candidate; reasons and base_margin add up to it
    "base_margin": pl.Float64,
    "probability_xgboost": pl.Float64,
    "probability_logistic": pl.Float64,
    "probability_rules": pl.Float64,
    "probability_school": pl.Float64,
    "rule_flags": pl.Int32,
    "reasons": pl.List(pl.Struct(REASON)),
    "model_version": pl.String,
    "status": pl.String,  # scored, no_model
}


def score(
    model: FittedModel, frame: pl.DataFrame, definition: ModelDefinition, phrases: Mapping[str, Phrase], *, reasons: int = 5
) -> pl.DataFrame:
    """Keys, cluster, time and ``SCORE_COLUMNS`` of every row of the frame, in its order."""
    raise NotImplementedError


class RowScorer:
    """One row at a time, fast: the probability that ``score`` gives, to the last bit."""

    def __init__(self, model: FittedModel, definition: ModelDefinition) -> None:
        raise NotImplementedError

    def __call__(self, row: Mapping[str, Any]) -> float:
        raise NotImplementedError
