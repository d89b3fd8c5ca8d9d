"""A fitted model as plain values, to and from one row of a table. Signatures first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

MODEL_STATUSES = ("fitted", "single_year", "no_labelled_years", "one_class", "too_few_positives", "no_usable_features")
"""``fitted`` and ``single_year`` score; the others give no probability."""

CANDIDATES = ("logistic", "xgboost")
"""Simplest first."""

MODEL_ROW: Mapping[str, Any] = {
    "target": pl.String,  # the definition's name
    "model_version": pl.String,  # hash of everything that decides a score
    "scored_year": pl.String,  # the year it was trained for: it knows only years before
    "status": pl.String,
    "chosen": pl.String,  # candidate behind the published probability; null without a model
    "training_years": pl.List(pl.String),
    "features": pl.List(pl.String),
    "audit_features": pl.List(pl.String),  # audit columns that are features: empty by default
    "n_rows": pl.Int64,
    "n_positives": pl.Int64,
    "held_out_year": pl.String,  # latest labelled year: candidates were compared on it
    "held_out_auc": pl.Float64,  # of the chosen candidate on it
    "held_out_auc_xgboost": pl.Float64,
    "held_out_auc_logistic": pl.Float64,
    "calibration_method": pl.String,  # platt, isotonic, none
    "data_hash": pl.String,
    "manifest": pl.String,  # JSON: features, years, row account, data hash, settings, library versions
    "booster": pl.String,  # XGBoost's own JSON
    "logistic": pl.String,  # JSON
    "calibration": pl.String,  # JSON: per candidate
    "baselines": pl.String,  # JSON: school rates, rates by number of rule flags
    "reference": pl.String,  # JSON: per feature typical value and bins, for reasons and drift
}
"""Columns of a stored model and their polars types."""


@dataclass(frozen=True)
class FittedModel:
    """All that decides a score. Values only; no library's object."""

    status: str
    manifest: Mapping[str, Any]

    @property
    def version(self) -> str:
        """Hash of the content."""
        raise NotImplementedError

    @property
    def scores(self) -> bool:
        """Whether it gives probabilities."""
        return self.status in MODEL_STATUSES[:2]

    def to_row(self) -> dict[str, Any]:
        """One row of ``MODEL_ROW``."""
        raise NotImplementedError

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> FittedModel:
        """The same model; scores are the same to the last bit."""
        raise NotImplementedError
