"""Fit a candidate with its grid searched in a time-ordered inner split, and predict from what was stored of it.

The inner split fits on all training years but the last and scores the last; nothing outside of the training years is seen. A model is
an artifact (text) and a manifest (JSON); ``predict`` needs nothing else, and gives the same digits as the fit did.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np

from la_assets.forecasts import linear, trees
from la_assets.forecasts.design import Design, Rows
from la_assets.forecasts.targets import CANDIDATES, LAST_SCORES

_SEARCH_ROWS = 3_000
"""Rows that a grid is searched on at most; the chosen model is fitted on all."""
_INNER_ROWS = 10
"""Rows that either side of the inner split needs; else the first values of the grid are taken."""

FORMATS = {
    "last score": "coefficients JSON",
    "ridge": "coefficients JSON",
    "random forest": "XGBoost JSON",
    "histogram boosting": "trees JSON",
    "XGBoost": "XGBoost JSON",
}
_LIBRARIES = ("numpy", "scikit-learn", "xgboost-cpu")


@dataclass(frozen=True)
class Training:
    """The rows a model is trained on, in a fixed order.

    Attributes
    ----------
    rows : Rows
        Features.
    final : numpy.ndarray
        Final scores, in points, shape (n,).
    year : numpy.ndarray
        School year of each row, as text, shape (n,).
    """

    rows: Rows
    final: np.ndarray
    year: np.ndarray

    def take(self, where: np.ndarray) -> Training:
        return Training(self.rows.take(where), self.final[where], self.year[where])

    @property
    def data_hash(self) -> str:
        digest = hashlib.sha256()
        for array in (self.rows.values, self.final, self.rows.grade.astype("U8"), self.year.astype("U8")):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Model:
    """A fitted candidate as it is stored."""

    candidate: str
    artifact: str
    manifest: str
    hyperparameters: str
    inner_rmse: float | None

    @property
    def model_id(self) -> str:
        return hashlib.sha256(f"{self.artifact}\n{self.manifest}".encode()).hexdigest()[:16]


def fit_candidates(training: Training, subject: str, candidates: Iterable[str] = CANDIDATES) -> list[Model]:
    """Fit candidates on the same training rows.

    Parameters
    ----------
    training : Training
        Rows of years before the one to predict.
    subject : str
        Names the scores that the baseline may carry forward.
    candidates : iterable of str
        Of ``CANDIDATES``.
    """
    standing = linear.fit_last_score(training.rows, training.final, LAST_SCORES[subject])
    design = Design.learn(training.rows)
    fold = trees.Fold(_matrix(design, standing, training.rows), training.final)
    inner = _inner_split(training, subject)
    of_all = {
        "subject": subject,
        "design": design.as_dict(),
        "last_score": standing,
        "training_years": sorted(set(training.year.tolist())),
        "training_rows": len(training.final),
        "data_sha256": training.data_hash,
        "seed": trees.SEED,
        "libraries": _versions(),
    }
    models = []
    for name in candidates:
        chosen, inner_rmse = _search(name, inner)
        artifact = _json(standing) if name == "last score" else _fit(name, fold, chosen)
        manifest = of_all | {"candidate": name, "hyperparameters": chosen}
        models.append(Model(name, artifact, _json(manifest), _json(chosen), inner_rmse))
    return models


def predict(models: Iterable[tuple[str, str]], rows: Rows) -> dict[str, np.ndarray]:
    """Final scores predicted by stored models, in points, shape (n,), by candidate.

    Parameters
    ----------
    models : iterable of (str, str)
        Columns ``artifact`` and ``manifest`` of rows of ``forecasts.models``. Those fitted on the same rows share their matrix.
    rows : Rows
        Features of the students to predict.
    """
    says: dict[str, np.ndarray] = {}
    made: tuple[dict[str, Any], np.ndarray] | None = None
    for artifact, manifest in models:
        told = json.loads(manifest)
        learned = {part: told[part] for part in ("design", "last_score")}
        if made is None or made[0] != learned:
            made = learned, _matrix(Design.of_dict(told["design"]), told["last_score"], rows)
        says[told["candidate"]] = _predicted(told["candidate"], artifact, rows, made[1])
    return says


def _predicted(candidate: str, artifact: str, rows: Rows, x: np.ndarray) -> np.ndarray:
    if candidate == "last score":
        return linear.predict_last_score(json.loads(artifact), rows)
    if candidate == "ridge":
        return linear.predict_ridge(json.loads(artifact), x)
    return trees.predict_histogram(artifact, x) if candidate == "histogram boosting" else trees.predict_xgboost(artifact, x)


def _matrix(design: Design, standing: Mapping[str, Any], rows: Rows) -> np.ndarray:
    """The design's columns, and the last score carried forward as one more: it is on the final's scale whatever is missing."""
    return np.column_stack([design.matrix(rows), linear.predict_last_score(standing, rows)])


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


@cache
def _versions() -> dict[str, str]:
    return {library: version(library) for library in _LIBRARIES}


@dataclass(frozen=True)
class _Inner:
    """The inner split: rows to fit on, and those of a later year to score."""

    fold: trees.Fold
    later: trees.Fold


def _inner_split(training: Training, subject: str) -> _Inner | None:
    """All training years but the last, and the last; None where there is nothing to split."""
    is_last = training.year == max(training.year.tolist())
    earlier, last = np.flatnonzero(~is_last), np.flatnonzero(is_last)
    if min(len(earlier), len(last)) < _INNER_ROWS or np.ptp(training.final[earlier]) == 0:
        return None
    earlier, last = (_evenly(rows) for rows in (earlier, last))
    fold, later = training.take(earlier), training.take(last)
    design = Design.learn(fold.rows)
    standing = linear.fit_last_score(fold.rows, fold.final, LAST_SCORES[subject])
    return _Inner(*(trees.Fold(_matrix(design, standing, part.rows), part.final) for part in (fold, later)))


def _evenly(rows: np.ndarray) -> np.ndarray:
    """At most ``_SEARCH_ROWS`` rows, taken at even steps."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _SEARCH_ROWS)).astype(int))]


def _search(candidate: str, inner: _Inner | None) -> tuple[dict[str, Any], float | None]:
    """Hyper-parameters of the lowest RMSE in the inner split and that RMSE; boosting rounds are searched along each fit."""
    tried: list[tuple[dict[str, Any], float]]
    if candidate == "last score":
        return {}, None
    if candidate == "ridge":
        if inner is None:
            return {"penalty": 100.0}, None
        fits = linear.ridge_path(inner.fold.x, inner.fold.y, linear.PENALTIES)
        tried = [
            ({"penalty": p}, _rmse(inner, linear.predict_ridge(f, inner.later.x))) for p, f in zip(linear.PENALTIES, fits, strict=True)
        ]
    elif candidate == "random forest":
        if inner is None:
            return dict(trees.FOREST_GRID[0]), None
        tried = [(dict(grid), _rmse(inner, trees.forest_predictions(inner.fold, inner.later, grid))) for grid in trees.FOREST_GRID]
    else:
        boosted = candidate == "XGBoost"
        grids = trees.XGBOOST_GRID if boosted else trees.HISTOGRAM_GRID
        if inner is None:
            return dict(grids[0]) | {"rounds": trees.ROUNDS}, None
        path = trees.xgboost_path if boosted else trees.histogram_path
        tried = []
        for grid in grids:
            rmse = path(inner.fold, inner.later, grid)
            best = int(np.argmin(rmse))
            tried.append((dict(grid) | {"rounds": best + 1}, float(rmse[best])))
    return min(tried, key=lambda choice: choice[1])


def _rmse(inner: _Inner, predicted: np.ndarray) -> float:
    return float(np.sqrt(np.mean((inner.later.y - predicted) ** 2)))


def _fit(candidate: str, fold: trees.Fold, chosen: Mapping[str, Any]) -> str:
    if candidate == "ridge":
        return _json(linear.ridge_path(fold.x, fold.y, [chosen["penalty"]])[0])
    if candidate == "histogram boosting":
        return trees.histogram_json(trees.fit_histogram(fold, chosen))
    return trees.xgboost_json(trees.fit_xgboost(fold, chosen, forest=candidate == "random forest"))
