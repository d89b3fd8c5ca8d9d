"""The three tree candidates: random forest, histogram gradient boosting, XGBoost, with small grids and capped trees.

The forest is XGBoost's random-forest mode (one round of many trees on sampled rows and columns), a tenth of the time of an
exact forest. All run on one thread with a fixed seed, so that the number of cores changes no digit; the room fits several models
at a time instead. Artifacts are JSON: XGBoost's own, and the trees of scikit-learn node by node.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xgboost as xgb
    from threadpoolctl import ThreadpoolController

SEED = 20_180_701
ROUNDS = 40
_RATE = 0.2
FOREST_GRID = ({"max_depth": 7, "min_child_weight": 10}, {"max_depth": 7, "min_child_weight": 40})
XGBOOST_GRID = ({"max_depth": 2}, {"max_depth": 4})
HISTOGRAM_GRID = ({"max_leaf_nodes": 4}, {"max_leaf_nodes": 12})


@dataclass(frozen=True)
class Fold:
    """Rows to fit on or to score, binned once by each library for all fits on them.

    Attributes
    ----------
    x, y : numpy.ndarray
        Matrix of shape (n, p) and final scores, in points, of shape (n,).
    bins : dict
        What the first fit of scikit-learn's boosting puts here and the next ones take (``boosting.py``).
    """

    x: np.ndarray
    y: np.ndarray
    bins: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def dmatrix(self) -> xgb.DMatrix:
        """The same for XGBoost, which keeps the bins of the first fit in it as long as ``max_bin`` is the same."""
        import xgboost as xgb

        return xgb.DMatrix(self.x, self.y, nthread=1)


def _xgboost_parameters(chosen: Mapping[str, Any], forest: bool) -> dict[str, Any]:
    fixed: dict[str, Any] = {"tree_method": "hist", "max_bin": 64, "nthread": 1, "seed": SEED, "verbosity": 0}
    if forest:
        fixed |= {"eta": 1.0, "num_parallel_tree": 40, "subsample": 0.632, "colsample_bynode": 0.4, "reg_lambda": 0.0}
    else:
        fixed |= {"eta": _RATE, "min_child_weight": 10}
    return fixed | {name: value for name, value in chosen.items() if name != "rounds"}


def fit_xgboost(fold: Fold, chosen: Mapping[str, Any], *, forest: bool) -> xgb.Booster:
    """A booster (or, with ``forest``, a random forest) with the chosen hyper-parameters; ``rounds`` trees if given."""
    import xgboost as xgb

    rounds = 1 if forest else int(chosen.get("rounds", ROUNDS))
    parameters = _xgboost_parameters(chosen, forest) | {"base_score": float(fold.y.mean())}
    return xgb.train(parameters, fold.dmatrix, num_boost_round=rounds)


def xgboost_path(fold: Fold, later: Fold, chosen: Mapping[str, Any]) -> np.ndarray:
    """RMSE on later rows after each boosting round, in points, shape (rounds,)."""
    import xgboost as xgb

    seen: dict[str, dict[str, list[float]]] = {}
    xgb.train(
        _xgboost_parameters(chosen, False) | {"base_score": float(fold.y.mean()), "eval_metric": "rmse"},
        fold.dmatrix,
        num_boost_round=ROUNDS,
        evals=[(later.dmatrix, "later")],
        evals_result=seen,
        verbose_eval=False,
    )
    return np.array(seen["later"]["rmse"])


def forest_predictions(fold: Fold, later: Fold, chosen: Mapping[str, Any]) -> np.ndarray:
    """Predictions of a random forest for later rows, in points."""
    return np.asarray(fit_xgboost(fold, chosen, forest=True).predict(later.dmatrix), dtype=np.float64)


def xgboost_json(booster: xgb.Booster) -> str:
    return bytes(booster.save_raw("json")).decode()


def predict_xgboost(artifact: str, x: np.ndarray) -> np.ndarray:
    """Predictions of a stored booster, in points."""
    import xgboost as xgb

    booster = xgb.Booster({"nthread": 1})
    booster.load_model(bytearray(artifact.encode()))
    return np.asarray(booster.inplace_predict(x), dtype=np.float64)


@cache
def _openmp() -> ThreadpoolController:
    """The OpenMP library that scikit-learn has loaded; looking it up takes longer than a small fit."""
    import sklearn.ensemble  # noqa: F401 - loads it
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="openmp")


def _one_thread() -> AbstractContextManager[Any]:
    return _openmp().limit(limits=1)


def fit_histogram(fold: Fold, chosen: Mapping[str, Any]) -> Any:
    """scikit-learn's histogram gradient boosting with the chosen hyper-parameters."""
    from la_assets.forecasts.boosting import binned_once

    model = binned_once()(
        learning_rate=_RATE,
        max_iter=int(chosen.get("rounds", ROUNDS)),
        max_leaf_nodes=chosen["max_leaf_nodes"],
        min_samples_leaf=20,
        max_bins=64,
        early_stopping=False,
        random_state=SEED,
    )
    model.bins = fold.bins
    with _one_thread():
        return model.fit(fold.x, fold.y)


def histogram_path(fold: Fold, later: Fold, chosen: Mapping[str, Any]) -> np.ndarray:
    """RMSE on later rows after each boosting round, in points, shape (rounds,)."""
    model = fit_histogram(fold, chosen)
    with _one_thread():
        return np.array([np.sqrt(np.mean((later.y - predicted) ** 2)) for predicted in model.staged_predict(later.x)])


_NODE = {"feature": "feature_idx", "threshold": "num_threshold", "left": "left", "right": "right", "value": "value"}


def histogram_json(model: Any) -> str:
    """The trees of a histogram-boosting model as JSON: the same model gives the same bytes, which skops' archive does not."""
    trees = []
    for (tree,) in model._predictors:
        leaf = tree.nodes["is_leaf"].astype(bool)
        nodes = {name: tree.nodes[column].tolist() for name, column in _NODE.items()}
        nodes["feature"] = np.where(leaf, -1, tree.nodes["feature_idx"]).tolist()
        nodes["threshold"] = np.where(leaf, 0.0, tree.nodes["num_threshold"]).tolist()
        trees.append(nodes)
    return json.dumps({"baseline": float(model._baseline_prediction.item()), "trees": trees}, sort_keys=True, separators=(",", ":"))


def predict_histogram(artifact: str, x: np.ndarray) -> np.ndarray:
    """Predictions of a stored histogram-boosting model, in points; added up tree by tree as scikit-learn does, so to the same digit."""
    stored = json.loads(artifact)
    predicted = np.full(len(x), stored["baseline"])
    every = np.arange(len(x))
    for tree in stored["trees"]:
        feature, threshold, left, right, value = (np.array(tree[name]) for name in _NODE)
        node = np.zeros(len(x), dtype=int)
        while (inner := feature[node] >= 0).any():
            goes_left = x[every, np.where(inner, feature[node], 0)] <= threshold[node]
            node = np.where(inner, np.where(goes_left, left[node], right[node]), node)
        predicted += value[node]
    return predicted
