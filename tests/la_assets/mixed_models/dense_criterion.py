"""The criterion of a mixed model written out with the whole covariance matrix of all rows: slow and short.

It has nothing in common with the library: a second witness for small data. Log-likelihood, generalised least squares, BLUPs and
conditional variances straight from their definitions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Dense:
    """Rows of a model: outcome, fixed columns, per term the indicator-times-effect matrix, weights (precision)."""

    outcome: np.ndarray
    fixed: np.ndarray
    random: list[np.ndarray]
    weights: np.ndarray

    def covariance(self, covariances: list[np.ndarray], residual: float) -> np.ndarray:
        """Of the outcome: Z Psi Z' summed over terms, plus the residual's diagonal."""
        total = np.diag(residual / self.weights)
        for matrix, covariance in zip(self.random, covariances, strict=True):
            levels = matrix.shape[1] // covariance.shape[0]
            total += matrix @ np.kron(np.eye(levels), covariance) @ matrix.T
        return total

    def fit(self, covariances: list[np.ndarray], residual: float, reml: bool) -> dict[str, np.ndarray | float]:
        """Everything at given variances."""
        v = self.covariance(covariances, residual)
        inverse = np.linalg.inv(v)
        information = self.fixed.T @ inverse @ self.fixed
        spread = np.linalg.inv(information)
        beta = spread @ self.fixed.T @ inverse @ self.outcome
        rest = self.outcome - self.fixed @ beta
        n, p = self.fixed.shape
        deviance = np.linalg.slogdet(v)[1] + rest @ inverse @ rest + (n - p * reml) * np.log(2 * np.pi)
        if reml:
            deviance += np.linalg.slogdet(information)[1]
        found: dict[str, np.ndarray | float] = {"log_likelihood": -deviance / 2, "beta": beta, "spread": spread}
        for k, (matrix, covariance) in enumerate(zip(self.random, covariances, strict=True)):
            whole = np.kron(np.eye(matrix.shape[1] // covariance.shape[0]), covariance)
            found[f"blups {k}"] = whole @ matrix.T @ inverse @ rest
            found[f"sds {k}"] = np.sqrt(np.maximum(np.diag(whole - whole @ matrix.T @ inverse @ matrix @ whole), 0))
        return found


def indicator(codes: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Z of a term: for each level its columns, zero in rows of other levels."""
    levels, q = int(codes.max()) + 1, columns.shape[1]
    matrix = np.zeros((codes.size, levels * q))
    for k in range(q):
        matrix[np.arange(codes.size), codes * q + k] = columns[:, k]
    return matrix
