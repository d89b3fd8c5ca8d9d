"""Gradient-boosted trees by XGBoost's histogram method, so that neither threads nor machines change the result.

Gradients are rounded to multiples of a power of two: their sums are then exact in double precision in any order, and histograms
built by one thread or by ten are equal to the last bit. Rounds are stopped on rows of a later year. Class weights make positives
weigh as much as negatives together; the probabilities that come out are therefore distorted and only their order is used until
:mod:`la_assets.early_warning.calibration` has mapped them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from la_assets.early_warning.learner_settings import LearnerSettings

if TYPE_CHECKING:
    import xgboost as xgb

WORTH_THREADS = 2_000_000
"""Cells from which several threads are faster than one that waits for nobody."""
_SINGLE_BITS = 24  # of a float32's significand


@dataclass(frozen=True)
class RoundedGradients:
    """Weighted logistic gradients, rounded so that any sum of them is exact in double precision: XGBoost's objective.

    Attributes
    ----------
    positive, negative : float
        Weights of rows of the two classes.
    unit : float
        What gradients are rounded to multiples of: a power of two, the same for all who hold a share of the rows.
    """

    positive: float
    negative: float
    unit: float

    @classmethod
    def of(cls, label: np.ndarray, weight: np.ndarray) -> RoundedGradients:
        """The gradients of rows whose weights are those of :func:`class_weights`."""
        positive, negative = (float(weight[label == side][0]) if (label == side).any() else 1.0 for side in (1, 0))
        return cls(positive, negative, float(2.0 ** (np.ceil(np.log2(weight.max())) - _SINGLE_BITS)))

    def __call__(self, margin: np.ndarray, rows: Any) -> tuple[np.ndarray, np.ndarray]:
        label = rows.get_label()
        weight = np.where(label == 1, self.positive, self.negative)
        p = 1 / (1 + np.exp(-margin.astype(np.float64)))
        return self._rounded((p - label) * weight), self._rounded(np.maximum(p * (1 - p), 1e-6) * weight)

    def _rounded(self, values: np.ndarray) -> np.ndarray:
        return (np.rint(values / self.unit) * self.unit).astype(np.float32)


@dataclass(frozen=True)
class Boosted:
    """Grown trees and how many of them the later year asked for."""

    booster: xgb.Booster
    rounds: int

    def margins(self, matrix: np.ndarray, rounds: int | None = None) -> np.ndarray:
        """Log odds of the first ``rounds`` trees (all that count if None), shape (rows,)."""
        return margins(self.booster, matrix, min(rounds or self.rounds, self.booster.num_boosted_rounds()))


def grow(
    matrix: np.ndarray, label: np.ndarray, settings: LearnerSettings, *, rounds: int, later: tuple[np.ndarray, np.ndarray] | None = None
) -> Boosted:
    """Grow trees.

    Parameters
    ----------
    matrix, label : numpy.ndarray
        Rows to grow on, shape (n, p) float32 with NaN for missing, and (n,) of 0 and 1.
    settings : LearnerSettings
        Depth, learning rate and so on.
    rounds : int
        Trees at most.
    later : (matrix, label), optional
        Rows of a later year: growing stops when log loss on them has not improved for ``early_stopping_rounds``.
    """
    import xgboost as xgb

    threads = settings.threads if matrix.size >= WORTH_THREADS else 1
    gradients = RoundedGradients.of(label, class_weights(label, settings))
    params: dict[str, Any] = {
        "objective": "binary:logistic",
        "base_score": 0.5,
        "tree_method": "hist",
        "max_depth": settings.max_depth,
        "max_bin": settings.bins,
        "eta": settings.learning_rate if len(label) < settings.many_rows else settings.learning_rate_of_many,
        "min_child_weight": settings.min_child_weight,
        "lambda": settings.l2,
        "colsample_bytree": settings.column_share,
        "seed": settings.seed,
        "nthread": threads,
        "disable_default_eval_metric": 1,
        "verbosity": 0,
    }
    if settings.worth_workers(len(label)):
        from la_assets.early_warning.boosting_on_workers import train_on_workers

        watched_rows = (*later, class_weights(later[1], settings)) if later else None
        return Boosted(*train_on_workers(params, matrix, label, gradients, settings, rounds=rounds, later=watched_rows))
    train = xgb.QuantileDMatrix(matrix, label=label, nthread=threads, max_bin=settings.bins)
    if later is None:
        booster = xgb.train(params, train, num_boost_round=rounds, obj=gradients)
        return Boosted(booster, rounds)
    watched = xgb.QuantileDMatrix(later[0], label=later[1], ref=train, nthread=threads, max_bin=settings.bins)
    stop = xgb.callback.EarlyStopping(rounds=settings.early_stopping_rounds, metric_name="log_loss", data_name="later", maximize=False)
    booster = xgb.train(
        params,
        train,
        num_boost_round=rounds,
        evals=[(watched, "later")],
        obj=gradients,
        custom_metric=_log_loss(later[1], class_weights(later[1], settings)),
        callbacks=[stop],
        verbose_eval=False,
    )
    return Boosted(booster, booster.best_iteration + 1)


def class_weights(label: np.ndarray, settings: LearnerSettings) -> np.ndarray:
    """Weights that sum to the rows, with equal sums for both classes; ones if the settings say so or a class is absent."""
    positives = int(label.sum())
    if not settings.class_weight or positives in (0, len(label)):
        return np.ones(len(label))
    return np.where(label == 1, len(label) / (2 * positives), len(label) / (2 * (len(label) - positives)))


def margins(booster: xgb.Booster, matrix: np.ndarray, rounds: int = 0) -> np.ndarray:
    """Log odds before calibration, float64 of XGBoost's float32, shape (rows,); ``rounds`` 0 takes all trees."""
    if not len(matrix):
        return np.empty(0)
    return booster.inplace_predict(matrix, predict_type="margin", iteration_range=(0, rounds)).astype(np.float64)


def contributions(booster: xgb.Booster, matrix: np.ndarray) -> np.ndarray:
    """Exact tree SHAP values on the log odds, shape (rows, columns + 1); the last column is the base, and rows add up to the margin."""
    import xgboost as xgb

    if not len(matrix):
        return np.empty((0, matrix.shape[1] + 1))
    return booster.predict(xgb.DMatrix(matrix), pred_contribs=True).astype(np.float64)


def as_text(booster: xgb.Booster, rounds: int) -> str:
    """XGBoost's own JSON of the first ``rounds`` trees."""
    return bytes(booster[:rounds].save_raw("json")).decode()


def from_text(text: str, threads: int = 1) -> xgb.Booster:
    """The trees again; predictions are the same to the last bit."""
    import xgboost as xgb

    booster = xgb.Booster({"nthread": threads})
    booster.load_model(bytearray(text.encode()))
    return booster


def _log_loss(label: np.ndarray, weight: np.ndarray) -> Any:
    def metric(margin: np.ndarray, _: Any) -> tuple[str, float]:
        m = margin.astype(np.float64)
        return "log_loss", float(np.average(np.logaddexp(0, m) - label * m, weights=weight))

    return metric
