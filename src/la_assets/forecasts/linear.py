"""The two simple candidates: the last score carried forward, and ridge regression. Their artifacts are coefficients as JSON.

The baseline says: the student ends where the last score stands, moved from the last score's distribution to the final's (linear
equating: same distance from the mean in SD). Ridge is solved once by eigenvalues for all penalties (Hoerl and Kennard 1970).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from la_assets.forecasts.design import Rows

_GRADE_ROWS = 20
"""Rows that a grade needs for an equating of its own."""

PENALTIES = (1.0, 10.0, 100.0, 1000.0, 3000.0)
"""Ridge penalties in the grid, on standardised columns."""


def fit_last_score(rows: Rows, final: np.ndarray, columns: Sequence[str]) -> dict[str, Any]:
    """Means and SDs that carry the last score forward, by column and grade.

    Parameters
    ----------
    rows : Rows
        Training rows.
    final : numpy.ndarray
        Final scores, in points, shape (n,).
    columns : sequence of str
        Features with a score, most recent first; the first that is observed is the last score.
    """
    groups = ["", *(str(g) for g, n in zip(*np.unique(rows.grade, return_counts=True), strict=True) if g and n >= _GRADE_ROWS)]
    means: dict[str, float] = {}
    lines: dict[str, dict[str, tuple[float, float]]] = {}
    for grade in groups:
        of_grade = rows.grade == grade if grade else np.ones(len(rows), dtype=bool)
        means[grade] = float(final[of_grade].mean())
        lines[grade] = {}
        for column in columns:
            x = rows.column(column)
            both = of_grade & ~np.isnan(x)
            if both.sum() >= _GRADE_ROWS and (spread := x[both].std()) > 0:
                slope = float(final[both].std() / spread)
                lines[grade][column] = (slope, float(final[both].mean() - slope * x[both].mean()))
    return {"columns": list(columns), "means": means, "lines": lines}


def predict_last_score(model: Mapping[str, Any], rows: Rows) -> np.ndarray:
    """Predictions of :func:`fit_last_score`'s model, in points; a student without any score gets the grade's mean."""
    predicted = np.full(len(rows), np.nan)
    for grade in [g for g in model["means"] if g] + [""]:
        of_grade = rows.grade == grade if grade else np.ones(len(rows), dtype=bool)
        for column in model["columns"]:
            if column in model["lines"][grade]:
                slope, intercept = model["lines"][grade][column]
                x = rows.column(column)
                here = of_grade & np.isnan(predicted) & ~np.isnan(x)
                predicted[here] = intercept + slope * x[here]
        if grade:
            predicted[of_grade & np.isnan(predicted) & _without_score(model, rows)] = model["means"][grade]
    return np.where(np.isnan(predicted), model["means"][""], predicted)


def _without_score(model: Mapping[str, Any], rows: Rows) -> np.ndarray:
    return np.all([np.isnan(rows.column(column)) for column in model["columns"]], axis=0)


def ridge_path(x: np.ndarray, y: np.ndarray, penalties: Sequence[float]) -> list[dict[str, Any]]:
    """Ridge fits for several penalties, on columns standardised within the fold.

    Parameters
    ----------
    x, y : numpy.ndarray
        Matrix of shape (n, p) and final scores of shape (n,).
    penalties : sequence of float
        Penalties on the squared standardised coefficients.

    Returns
    -------
    list of dict
        ``intercept`` and ``coefficients`` (raw columns), one per penalty.
    """
    mean, spread = x.mean(axis=0), x.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    z = (x - mean) / scale
    values, vectors = np.linalg.eigh(z.T @ z)
    values = np.clip(values, 0.0, None)
    projected = vectors.T @ (z.T @ (y - y.mean()))
    fits = []
    for penalty in penalties:
        raw = (vectors @ (projected / (values + penalty))) / scale
        fits.append({"intercept": float(y.mean() - raw @ mean), "coefficients": raw.tolist()})
    return fits


def predict_ridge(model: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """Predictions in points; the sum runs column by column, so that a student's prediction depends on no other row."""
    predicted = np.full(len(x), model["intercept"])
    for column, coefficient in enumerate(model["coefficients"]):
        predicted += coefficient * x[:, column]
    return predicted
