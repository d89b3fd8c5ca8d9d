"""The profiled criterion of a linear mixed model: minus twice the (restricted) log-likelihood with fixed effects and sigma solved out.

Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1), sections 2.3 and 3.4. What is needed of the data is one matrix of
cross-products, ``[X y]' V^-1 [X y]`` with V in units of the residual variance, and ``log|V|``. No data are touched here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Profile:
    """The criterion at one set of relative variances.

    Attributes
    ----------
    deviance : float
        Minus twice the log-likelihood (restricted, under REML).
    beta : numpy.ndarray, shape (p,)
        Fixed effects given the variances (generalised least squares).
    residual_variance : float
    rss : float
        Weighted residual sum of squares, ``(y - X b)' V^-1 (y - X b)``.
    unscaled : numpy.ndarray, shape (p, p)
        ``(X' V^-1 X)^-1``; times the residual variance it is the covariance of ``beta``.
    slope : numpy.ndarray, shape (p + 1, p + 1)
        K such that a change dV of V changes the deviance by ``tr(V^-1 dV) - tr(V^-1 A K A' V^-1 dV)``, A = [X y].
    """

    deviance: float
    beta: np.ndarray
    residual_variance: float
    rss: float
    unscaled: np.ndarray
    slope: np.ndarray


@dataclass(frozen=True)
class Likelihood:
    """What a likelihood needs of the data beside the sums by level.

    Attributes
    ----------
    total : numpy.ndarray, shape (p + 1, p + 1)
        ``[X y]'[X y]``, rows scaled by the square roots of the weights.
    observations : float
        Rows, or the sum of frequency weights.
    log_weights : float
        Sum of the logarithms of precision weights, else 0.
    reml : bool
        Restricted likelihood.
    """

    total: np.ndarray
    observations: float
    log_weights: float
    reml: bool

    @property
    def freedom(self) -> float:
        """Observations, less the fixed effects under REML."""
        return self.observations - (self.total.shape[0] - 1 if self.reml else 0)

    def profile(self, explained: np.ndarray, log_determinant: float, residual_variance: float | None = None) -> Profile:
        """The criterion where the random effects take ``explained`` from the total.

        Parameters
        ----------
        explained : numpy.ndarray, shape (p + 1, p + 1)
            ``[X y]'[X y] - [X y]' V^-1 [X y]``.
        log_determinant : float
            ``log|V|`` without the weights.
        residual_variance : float, optional
            Where to take the criterion; without it, at the residual variance that minimises it.

        Raises
        ------
        numpy.linalg.LinAlgError
            If the cross-products are no longer positive definite.
        """
        cross = self.total - explained
        cross = (cross + cross.T) / 2
        p = cross.shape[0] - 1
        root = np.linalg.cholesky(cross[:p, :p])
        inverse_root = np.linalg.solve(root, np.eye(p))
        unscaled = inverse_root.T @ inverse_root
        beta = unscaled @ cross[:p, p]
        rss = float(cross[p, p] - cross[:p, p] @ beta)
        if rss <= 0:
            raise np.linalg.LinAlgError("no residual variance is left")
        variance = rss / self.freedom if residual_variance is None else residual_variance
        deviance = log_determinant - self.log_weights + self.freedom * np.log(2 * np.pi * variance) + rss / variance
        residual = np.append(-beta, 1.0)
        slope = np.outer(residual, residual) / variance
        if self.reml:
            deviance += 2 * np.log(np.diag(root)).sum()
            slope[:p, :p] += unscaled
        return Profile(float(deviance), beta, variance, rss, unscaled, slope)
