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
        Minus twice the profiled log-likelihood (restricted, under REML).
    beta : numpy.ndarray, shape (p,)
        Fixed effects given the variances (generalised least squares).
    residual_variance : float
    unscaled : numpy.ndarray, shape (p, p)
        ``(X' V^-1 X)^-1``; times the residual variance it is the covariance of ``beta``.
    slope : numpy.ndarray, shape (p + 1, p + 1)
        K such that a change dV of V changes the deviance by ``tr(V^-1 dV) - tr(V^-1 A K A' V^-1 dV)``, A = [X y].
    """

    deviance: float
    beta: np.ndarray
    residual_variance: float
    unscaled: np.ndarray
    slope: np.ndarray


def profile(cross: np.ndarray, log_determinant: float, observations: float, reml: bool) -> Profile:
    """Profile fixed effects and residual variance out.

    Parameters
    ----------
    cross : numpy.ndarray, shape (p + 1, p + 1)
        ``[X y]' V^-1 [X y]``.
    log_determinant : float
        ``log|V|``.
    observations : float
        Number of observations.
    reml : bool
        Restricted likelihood.
    """
    p = cross.shape[0] - 1
    root = np.linalg.cholesky(cross[:p, :p])
    inverse_root = np.linalg.solve(root, np.eye(p))
    unscaled = inverse_root.T @ inverse_root
    beta = unscaled @ cross[:p, p]
    rss = cross[p, p] - cross[:p, p] @ beta
    freedom = observations - p if reml else observations
    deviance = log_determinant + freedom * (1 + np.log(2 * np.pi * rss / freedom))
    residual = np.append(-beta, 1.0)
    slope = np.outer(residual, residual) * (freedom / rss)
    if reml:
        deviance += 2 * np.log(np.diag(root)).sum()
        slope[:p, :p] += unscaled
    return Profile(float(deviance), beta, float(rss / freedom), unscaled, slope)
