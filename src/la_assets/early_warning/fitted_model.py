"""A fitted model as plain values: what is kept of it, its version, and its way to and from one row of a table.

XGBoost's own JSON, coefficients and knots as JSON, and a manifest; no library's object is pickled. The version is a hash of everything
that decides a score, so two models of one version give equal scores.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from la_assets.early_warning.baselines import Baselines
from la_assets.early_warning.calibration import Calibration
from la_assets.early_warning.design_matrix import Design
from la_assets.early_warning.logistic import Logistic

SCORING = ("fitted", "no_later_year")
MODEL_STATUSES = (*SCORING, "no_labelled_rows", "one_class", "too_few_positives", "no_usable_features")
"""``fitted`` and ``no_later_year`` give probabilities, the others none."""

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
    "held_out_years": pl.List(pl.String),  # years predicted by models of earlier years, on which candidates were compared
    "held_out_auc": pl.Float64,  # of the chosen candidate on them (mean over the years)
    "held_out_auc_xgboost": pl.Float64,
    "held_out_auc_logistic": pl.Float64,
    "calibration_method": pl.String,  # platt, isotonic, none
    "data_hash": pl.String,
    "manifest": pl.String,  # JSON: features, years, row account, data hash, settings, library versions, what decided the choice
    "booster": pl.String,  # XGBoost's own JSON; null where no trees were grown
    "logistic": pl.String,  # JSON
    "calibration": pl.String,  # JSON: a curve per candidate
    "baselines": pl.String,  # JSON: rates by school and by number of rule flags
    "reference": pl.String,  # JSON: per feature typical value and bins, for reasons and drift
}
"""Columns of a stored model and their polars types."""


@dataclass(frozen=True)
class FittedModel:
    """All that decides a score, and the manifest that says where it comes from.

    Attributes
    ----------
    target, scored_year, status : str
        Definition's name, the year the model is for, one of ``MODEL_STATUSES``.
    design : Design
        Features that are used; those without information are listed in the manifest.
    chosen : str or None
        Candidate behind the published probability.
    booster : str or None
        XGBoost's JSON.
    logistic, baselines : Logistic, Baselines or None
        None without a model.
    calibrations : mapping
        Candidate to its curve.
    reference : mapping
        Feature to its typical value and bins among the rows learned from.
    manifest : mapping
        JSON values.
    """

    target: str
    scored_year: str
    status: str
    manifest: Mapping[str, Any]
    design: Design = field(default=Design(()))
    chosen: str | None = None
    booster: str | None = None
    logistic: Logistic | None = None
    calibrations: Mapping[str, Calibration] = field(default_factory=dict)
    baselines: Baselines | None = None
    reference: Mapping[str, Any] = field(default_factory=dict)

    @property
    def scores(self) -> bool:
        """Whether it gives probabilities."""
        return self.status in SCORING

    @property
    def version(self) -> str:
        """Hash of everything that decides a score (16 hexadecimal digits)."""
        content = [self.target, self.status, self.chosen, list(self.design.features), self._stored_parts()]
        content.append({name: list(values) for name, values in self.design.categories.items()})
        return hashlib.sha256(_json(content).encode()).hexdigest()[:16]

    def to_row(self) -> dict[str, Any]:
        """One row of ``MODEL_ROW``."""
        m = self.manifest
        auc = m.get("held_out_auc", {})
        return {
            "target": self.target,
            "model_version": self.version,
            "scored_year": self.scored_year,
            "status": self.status,
            "chosen": self.chosen,
            "training_years": list(m["training_years"]),
            "features": list(self.design.features),
            "audit_features": list(m["audit_features"]),
            "n_rows": m["rows"]["used"],
            "n_positives": m["n_positives"],
            "held_out_years": list(m.get("held_out_years", [])),
            "held_out_auc": auc.get(self.chosen),
            "held_out_auc_xgboost": auc.get("xgboost"),
            "held_out_auc_logistic": auc.get("logistic"),
            "calibration_method": self.calibrations[self.chosen].method if self.chosen else None,
            "data_hash": m["data_hash"],
            "manifest": _json(m),
            **self._stored_parts(),
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> FittedModel:
        """The same model from a row of ``MODEL_ROW``; its scores are the same to the last bit.

        Raises
        ------
        ValueError
            If the row's content does not have the version that the row names: it was changed after it was written.
        """
        manifest = json.loads(row["manifest"])
        features = tuple(row["features"])
        logistic, baselines = json.loads(row["logistic"]), json.loads(row["baselines"])
        model = cls(
            row["target"],
            row["scored_year"],
            row["status"],
            manifest,
            Design(features, {f: tuple(v) for f, v in manifest["categories"].items() if f in features}),
            row["chosen"],
            row["booster"],
            Logistic.from_dict(logistic) if logistic else None,
            {name: Calibration.from_dict(curve) for name, curve in json.loads(row["calibration"]).items()},
            Baselines.from_dict(baselines) if baselines else None,
            json.loads(row["reference"]),
        )
        if model.version != row["model_version"]:
            raise ValueError(
                f"model {row['model_version']} of {row['target']} for {row['scored_year']} was changed after it was stored: "
                f"its content has the version {model.version}; build it again"
            )
        return model

    def _stored_parts(self) -> dict[str, Any]:
        return {
            "booster": self.booster,
            "logistic": _json(self.logistic.as_dict() if self.logistic else None),
            "calibration": _json({name: curve.as_dict() for name, curve in self.calibrations.items()}),
            "baselines": _json(self.baselines.as_dict() if self.baselines else None),
            "reference": _json(self.reference),
        }


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, allow_nan=False, ensure_ascii=False)
