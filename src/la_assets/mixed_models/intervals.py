"""Intervals for standard deviations and correlations of random effects: by likelihood, or by parametric bootstrap.

A variance near zero has no symmetric error; these intervals do not pretend so. They cost tens to hundreds of fits and are therefore
not part of a fit. Only for fits of the native engine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
import polars as pl

from la_assets.mixed_models.blas import one_blas_thread
from la_assets.mixed_models.coordinates import CannotFit
from la_assets.mixed_models.design import Design, design
from la_assets.mixed_models.problem import Problem
from la_assets.mixed_models.result import RESIDUAL, MixedModelFit

SCHEMA = {
    "group": pl.String, "effect": pl.String, "with_effect": pl.String, "estimate": pl.Float64, "low": pl.Float64, "high": pl.Float64,
}  # fmt: skip
_REACHED = 0.01
"""How far from its level of deviance an end of a likelihood interval may be."""


def variance_intervals(
    fitted: MixedModelFit,
    frame: pl.DataFrame | pl.LazyFrame,
    *,
    kind: Literal["profile", "bootstrap"] = "profile",
    level: float = 0.95,
    samples: int = 500,
    seed: int = 20261121,
) -> pl.DataFrame:
    """Intervals for the standard deviations and correlations of a fitted model.

    Parameters
    ----------
    fitted : MixedModelFit
        Of the native engine.
    frame : polars.DataFrame or polars.LazyFrame
        The rows it was fitted to.
    kind : {"profile", "bootstrap"}
        ``profile``: all values whose profiled deviance is within the chi-squared quantile (one degree of freedom) of the least. It
        uses the fit's own criterion; R's ``confint(method = "profile")`` does so after a refit by ML, so compare with a fit by ML.
        ``bootstrap``: quantiles over refits to outcomes drawn from the fitted model.
    level : float
        Coverage aimed at.
    samples, seed : int
        Of the bootstrap.

    Returns
    -------
    polars.DataFrame
        ``group``, ``effect``, ``with_effect`` (null for a standard deviation, else the value is a correlation), ``estimate``, ``low``,
        ``high``; null where no end was found. No rows for a fit without numbers.

    Raises
    ------
    ValueError
        For a fit of another engine, other rows than those fitted, a level outside (0, 1), or a bootstrap with frequency weights.

    References
    ----------
    Venzon & Moolgavkar (1988), A method for computing profile-likelihood-based confidence intervals, Appl. Statist. 37; Bates et al.
    (2015), section 5.1; Davison & Hinkley (1997), Bootstrap Methods, section 5.3.
    """
    if fitted.engine != "native":
        raise ValueError(f"intervals are of native fits; this one is of {fitted.engine}")
    if not 0 < level < 1:
        raise ValueError(f"level {level} is not between 0 and 1")
    if kind == "bootstrap" and fitted.weight_meaning == "frequency" and fitted.weights is not None:
        raise ValueError("a row that stands for several observations cannot be drawn; use kind='profile'")
    if not fitted.usable:
        return pl.DataFrame(schema=SCHEMA)
    rows = design(fitted.formula, frame, fitted.terms, fitted.weights, fitted.weight_meaning)
    if rows.n != fitted.n:
        raise ValueError(f"the frame has {rows.n} usable rows, the model was fitted to {fitted.n}")
    with one_blas_thread():
        ends = _profile(fitted, rows, level) if kind == "profile" else _bootstrap(fitted, rows, level, samples, seed)
    labels = _labels(fitted)
    estimates = _spread([term_covariance(fitted, term.group) for term in fitted.terms], fitted.residual_variance)
    table = [(*label, estimate, *end) for label, estimate, end in zip(labels, estimates, ends, strict=True)]
    return pl.DataFrame(table, schema=SCHEMA, orient="row").with_columns(pl.col("estimate", "low", "high").fill_nan(None))


def term_covariance(fitted: MixedModelFit, group: str) -> np.ndarray:
    """Covariance of the effects of a grouping column (q, q)."""
    factor = fitted.theta[group]
    return factor @ factor.T * fitted.residual_variance


def _labels(fitted: MixedModelFit) -> list[tuple[str, str, str | None]]:
    """What each interval is of, in the order of :func:`_spread`."""
    found: list[tuple[str, str, str | None]] = []
    for term in fitted.terms:
        found += [(term.group, name, None) for name in term.names]
        found += [(term.group, other, name) for k, name in enumerate(term.names) for other in term.names[:k]]
    return [*found, (RESIDUAL, RESIDUAL, None)]


def _spread(covariances: list[np.ndarray], residual_variance: float) -> np.ndarray:
    """Standard deviations and correlations of each term, and the residual standard deviation."""
    found: list[float] = []
    for covariance in covariances:
        sds = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        found += [*sds]
        for k in range(sds.size):
            found += [covariance[k, j] / (sds[k] * sds[j]) if sds[k] * sds[j] > 0 else np.nan for j in range(k)]
    return np.array([*found, np.sqrt(residual_variance)])


def _profile(fitted: MixedModelFit, rows: Design, level: float) -> list[tuple[float, float]]:
    """Ends of the likelihood intervals: the least and the greatest value within the region of near deviance."""
    from scipy.stats import chi2

    problem = Problem(rows, fitted.method == "REML")
    point = np.asarray(fitted.details["point"])
    best = np.append(point, np.log(problem.profile(point).residual_variance))
    limit = problem.deviance_with_residual(best)[0] + float(chi2.ppf(level, 1))

    def values(at: np.ndarray) -> np.ndarray:
        variance = float(np.exp(at[-1]))
        return _spread(problem.covariances(at[:-1], variance), problem.residual_variance(variance))

    search = _Region(problem.deviance_with_residual, limit, best, np.append(problem.diagonal, False))

    def ends(k: int) -> tuple[float, float]:
        return search.end(lambda at: float(values(at)[k]), -1), search.end(lambda at: float(values(at)[k]), +1)

    return [ends(k) for k in range(values(best).size)]


class _Region:
    """All parameters whose deviance is under a limit."""

    def __init__(
        self, deviance: Callable[[np.ndarray], tuple[float, np.ndarray]], limit: float, best: np.ndarray, diagonal: np.ndarray
    ) -> None:
        self._deviance, self._limit, self._best, self._diagonal = deviance, limit, best, diagonal
        self._bounds = [(0.0, None) if lower else (None, None) for lower in diagonal]
        inside = np.where(diagonal, np.maximum(best, 0.05), best)
        step = 1e-4
        slopes = [deviance(inside + step * unit)[1] - deviance(inside - step * unit)[1] for unit in np.eye(best.size)]
        hessian = np.array(slopes) / (2 * step)
        values, axes = np.linalg.eigh((hessian + hessian.T) / 2)
        self._inverse = (axes / np.maximum(values, 1e-4 * values.max())) @ axes.T
        self._inside = inside

    def end(self, value: Callable[[np.ndarray], float], direction: int) -> float:
        """Least (-1) or greatest (+1) value of a function of the parameters within the region; NaN if the search finds none."""
        from scipy.optimize import approx_fprime, minimize

        slope = approx_fprime(self._inside, value, 1e-6)
        along = self._inverse @ slope
        room = 2 * max(self._limit - self._deviance(self._inside)[0], 0.1)
        start = self._inside + direction * 0.8 * along * np.sqrt(room / max(float(slope @ along), 1e-12))
        start = np.where(self._diagonal, np.maximum(start, 1e-3), start)
        size = abs(value(self._inside))
        found = minimize(
            lambda at: -direction * value(at) / size,
            start,
            jac=lambda at: -direction * approx_fprime(at, value, 1e-7) / size,
            method="SLSQP",
            bounds=self._bounds,
            constraints={"type": "ineq", "fun": lambda at: self._limit - self._deviance(at)[0], "jac": lambda at: -self._deviance(at)[1]},
            options={"ftol": 1e-10, "maxiter": 200},
        )
        deviance, reached = self._deviance(found.x)[0], float(value(found.x))
        on_border = direction < 0 and reached < 1e-3 * size
        return reached if deviance < self._limit + _REACHED and (on_border or deviance > self._limit - _REACHED) else float("nan")


def _bootstrap(fitted: MixedModelFit, rows: Design, level: float, samples: int, seed: int) -> list[tuple[float, float]]:
    """Quantiles of refits to drawn outcomes; draws that cannot be fitted are left out, and all are if that is one in ten."""
    random = np.random.default_rng(seed)
    mean = rows.fixed @ fitted.fixed["estimate"].fill_null(0.0).to_numpy()
    deviation = np.sqrt(fitted.residual_variance / (1.0 if rows.weights is None else rows.weights))
    found = []
    for _ in range(samples):
        drawn = mean + deviation * random.normal(size=rows.n)
        for term in rows.terms:
            root = fitted.theta[term.term.group] * np.sqrt(fitted.residual_variance)
            effects = random.normal(size=(term.levels.len(), root.shape[0])) @ root.T
            drawn += np.einsum("ij,ij->i", effects[term.codes], term.columns)
        try:
            problem = Problem(replace(rows, outcome=drawn), fitted.method == "REML")
            least = problem.minimum()
            variance = problem.profile(least.point).residual_variance
        except (CannotFit, np.linalg.LinAlgError):
            continue
        if least.status in ("converged", "singular"):
            found.append(_spread(problem.covariances(least.point, variance), problem.residual_variance(variance)))
    if len(found) < 0.9 * samples:
        return [(float("nan"), float("nan"))] * len(_labels(fitted))
    low, high = np.nanquantile(np.array(found), [(1 - level) / 2, (1 + level) / 2], axis=0)
    return list(zip(low.tolist(), high.tolist(), strict=True))
