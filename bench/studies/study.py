"""A study: rows of a public data set, what to learn from them, which periods to score, and the AUC that others reached there.

Training, scoring and evaluation are the project's own; a study adds a definition and a loader and nothing else.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from la_assets.early_warning.evaluation import evaluate
from la_assets.early_warning.fitted_model import FittedModel
from la_assets.early_warning.learner_settings import EvaluationSettings, LearnerSettings
from la_assets.early_warning.metrics import auc_roc, curve, ranked
from la_assets.early_warning.model_definition import ModelDefinition
from la_assets.early_warning.scoring import score
from la_assets.early_warning.training import train


@dataclass(frozen=True)
class Study:
    """One question to one data set.

    Attributes
    ----------
    name, question, source : str
        Short name; what is predicted, when and for whom; who publishes the data.
    definition : ModelDefinition
        Label, features, time.
    load : callable
        Folder of the data set to its rows.
    folder : str
        Its name below the folder of public data.
    scored : tuple
        Periods that are predicted, each by a model of earlier ones (of the other folds where the data set has no time).
    goal : float
        AUC to reach.
    """

    name: str
    question: str
    source: str
    definition: ModelDefinition
    load: Callable[[Path], pl.DataFrame]
    folder: str
    scored: tuple[str | int, ...]
    goal: float


@dataclass(frozen=True)
class Answer:
    """What came out: a model per scored period, its scores, and the evaluation of all periods together."""

    study: Study
    models: tuple[FittedModel, ...]
    scored: pl.DataFrame
    evaluation: pl.DataFrame

    def measure(self, model: str, metric: str) -> dict[str, float]:
        """A row of the evaluation."""
        return self.evaluation.filter((pl.col("model") == model) & (pl.col("metric") == metric) & (pl.col("cut") == "")).row(0, named=True)

    def mean_auc(self) -> float:
        """AUC of the published probability, taken in each scored period and averaged: the convention of folds."""
        d = self.study.definition
        known = self.scored.filter(pl.col(d.label).is_not_null())
        return statistics.fmean(
            auc_roc(curve(ranked(rows["probability"].to_numpy()), rows[d.label].cast(pl.Float64).to_numpy()))
            for _, rows in known.group_by(d.time, maintain_order=True)
        )


def answered(
    study: Study, data: Path, settings: LearnerSettings | None = None, evaluation: EvaluationSettings | None = None
) -> Answer:  # fmt: skip
    """Run a study on the public data below ``data``."""
    settings, evaluation = settings or LearnerSettings(), evaluation or EvaluationSettings()
    d = study.definition
    rows = study.load(data / study.folder)
    models, scores = [], []
    for period in study.scored:
        model = train(rows, d, settings, before=period, as_of=None)
        models.append(model)
        scores.append(score(model, rows.filter(pl.col(d.time) == period), d, {}, most_reasons=0))
    scored = pl.concat(scores)
    together = scored.with_columns(pl.lit("all").alias(d.time)) if len(study.scored) > 1 else scored
    return Answer(study, tuple(models), scored, evaluate(together, d, evaluation))
