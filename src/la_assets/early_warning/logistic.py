"""Logistic regression with a ridge penalty: the simpler candidate, and a baseline where it is not chosen.

Medians for what is missing, indicators that it was, means, spreads and the range of each column are learned from training rows and
kept with the coefficients. Values outside the range learned from count as its end: a typing error does not become certainty.
No class weights: its probabilities need little calibration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from la_assets.early_warning.learner_settings import LearnerSettings
from la_assets.early_warning.repeatable import one_thread

MIN_MISSING = 10
"""Rows that must lack a column, and must have it, before an indicator for lacking it is fitted."""


@dataclass(frozen=True)
class Logistic:
    """Coefficients per column of the design, in its order; ``missing`` are coefficients of the indicators (0: none fitted)."""

    intercept: float
    coefficients: tuple[float, ...]
    missing: tuple[float, ...]
    median: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    mean: tuple[float, ...]
    spread: tuple[float, ...]

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        """Coefficient times standardised value, with that of the indicator; the last column is the intercept: shape (rows, columns + 1)."""
        absent = np.isnan(matrix)
        z = _standardised(
            matrix, absent, median=np.array(self.median), low=np.array(self.low), high=np.array(self.high), mean=np.array(self.mean),
            spread=np.array(self.spread),
        )  # fmt: skip
        z *= np.array(self.coefficients)
        z += np.where(absent, np.array(self.missing), 0.0)
        return np.column_stack([z, np.full(len(matrix), self.intercept)])

    def margins(self, matrix: np.ndarray) -> np.ndarray:
        """Log odds, shape (rows,). Columns are added one by one: a row's sum does not depend on the rows beside it."""
        parts = self.contributions(matrix)
        total = parts[:, -1].copy()
        for column in range(matrix.shape[1]):
            total += parts[:, column]
        return total

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Logistic:
        """The same regression."""
        return cls(values["intercept"], *(tuple(values[name]) for name in list(cls.__dataclass_fields__)[1:]))


def fit(matrix: np.ndarray, label: np.ndarray, settings: LearnerSettings) -> Logistic:
    """Fit on training rows.

    Parameters
    ----------
    matrix, label : numpy.ndarray
        Shape (n, p) with NaN for missing, and (n,) of 0 and 1 with both present.
    settings : LearnerSettings
        ``logistic_l2``: the penalty is half of it times the sum of squares of the coefficients of standardised columns.
    """
    from sklearn.linear_model import LogisticRegression

    absent = np.isnan(matrix)
    lacking = absent.sum(axis=0)
    median, low, high = np.zeros((3, matrix.shape[1]))
    for column in range(matrix.shape[1]):
        present = matrix[~absent[:, column], column].astype(np.float64)
        if len(present):
            median[column], low[column], high[column] = np.median(present), present.min(), present.max()
    z = _standardised(matrix, absent, median=median, low=low, high=high, mean=np.zeros(len(median)), spread=np.ones(len(median)))
    mean, spread = z.mean(axis=0), z.std(axis=0)
    spread[spread < 1e-9] = 1.0
    z -= mean
    z /= spread
    marked = np.flatnonzero((lacking >= MIN_MISSING) & (len(matrix) - lacking >= MIN_MISSING))
    with one_thread():
        regression = LogisticRegression(C=1 / settings.logistic_l2, solver="newton-cholesky", tol=1e-8, max_iter=100)
        regression.fit(np.column_stack([z, absent[:, marked].astype(np.float64)]), label)
    coefficients = regression.coef_[0]
    missing = np.zeros(matrix.shape[1])
    missing[marked] = coefficients[matrix.shape[1] :]
    plain = (tuple(map(float, v)) for v in (coefficients[: matrix.shape[1]], missing, median, low, high, mean, spread))
    return Logistic(float(regression.intercept_[0]), *plain)


def _standardised(
    matrix: np.ndarray, absent: np.ndarray, *, median: np.ndarray, low: np.ndarray, high: np.ndarray, mean: np.ndarray, spread: np.ndarray
) -> np.ndarray:
    values = np.where(absent, median, matrix.astype(np.float64))
    np.clip(values, low, high, out=values)
    return (values - mean) / spread
