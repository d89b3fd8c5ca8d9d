"""Fits with shared levels, and effects averaged over what the data leave open of the variances.

With eight schools the variance between them may be estimated as zero by chance; effects of teachers given that zero look surer than
they are. Estimates at one value of the variances are therefore averaged over the restricted likelihood, with a flat prior on the
standard deviations: mean of the effects, and mean of their variances plus the variance of their means (Kass & Steffey 1989, JASA 84).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from la_assets.mixed_models.blas import one_blas_thread
from la_assets.mixed_models.coordinates import CannotFit
from la_assets.mixed_models.design import Design, design
from la_assets.mixed_models.identification import obstacle
from la_assets.mixed_models.random_terms import RandomTerm
from la_assets.mixed_models.result import MixedModelFit
from la_assets.mixed_models.result_frames import Estimates, TermEstimates, filled, without_numbers
from la_assets.mixed_models.shared_levels import SharedLevels

_SINGULAR = 1e-4
"""A relative standard deviation below this is zero."""
_MOST = 30.0
"""Largest variance between levels, in residual variances, that is looked at."""
_DEPTH = 12.0
"""Rise of the deviance at which the average ends: what lies beyond weighs less than 0.3 %."""


@dataclass(frozen=True)
class AveragedEffects:
    """Effects of a grouping column.

    Attributes
    ----------
    levels : polars.DataFrame
        The grouping column, ``effect``, ``standard_error`` (of the estimate less the effect: parameters are not taken as known).
    variance : float
        Mean of the variance between levels.
    """

    levels: pl.DataFrame
    variance: float


@dataclass(frozen=True)
class SharedFit:
    """A fit by REML; with ``averaged`` where asked for; and the likelihood ratio of the first term's variance."""

    fitted: MixedModelFit
    averaged: Mapping[str, AveragedEffects] = field(default_factory=dict)
    likelihood_ratio: float | None = None


def fit_shared(
    formula: str, frame: pl.DataFrame, groups: Sequence[RandomTerm], *, unit: str, averaged: bool = True, nodes: int = 9
) -> SharedFit:
    """Fit a model whose observations may each belong to several levels of the first group.

    Parameters
    ----------
    formula : str
        As for ``fit``.
    frame : polars.DataFrame
        A row per observation and level of the first group. Rows of a unit agree in all else.
    groups : sequence of RandomTerm
        One or two terms of one effect each; the first one's effect is the share (``RandomTerm("staff_key", "0 + dosage")``).
    unit : str
        Column of whole numbers that name the observation.
    averaged : bool
        Also give effects averaged over the variances.
    nodes : int
        Values of each standard deviation in the average.

    Raises
    ------
    ValueError
        For more than two terms, or a term of several effects.
    """
    if not 1 <= len(groups) <= 2 or any(len(term.names) != 1 for term in groups):
        raise ValueError("give one or two terms of one effect each")
    made = design(formula, frame, groups)
    if found := obstacle(made):
        return SharedFit(without_numbers(made, "REML", "native", *found))
    if made.n != frame.height:
        raise ValueError("rows with missing values must be left out before")
    try:
        with one_blas_thread():
            return _fitted(made, frame[unit].to_numpy(), averaged, nodes)
    except CannotFit as error:
        return SharedFit(without_numbers(made, "REML", "native", error.status, error.reason))
    except np.linalg.LinAlgError as error:
        return SharedFit(without_numbers(made, "REML", "native", "not_converged", f"the search left the numbers a computer has: {error}"))


def _fitted(made: Design, unit: np.ndarray, averaged: bool, nodes: int) -> SharedFit:
    problem = SharedLevels(made, unit)
    if made.fixed.shape[1] >= problem.units:
        raise CannotFit("too_few_rows", f"{problem.units} observations for {made.fixed.shape[1]} fixed effects")
    ratios, least, evaluations = _minimum(problem, len(made.terms))
    without, _, _ = _minimum(problem, len(made.terms), first=0.0)
    found, effects = problem.estimates(ratios)
    residual = problem.residual_variance(found)
    ends = np.cumsum([0, *problem.sizes])
    terms = [
        TermEstimates(
            np.array([[ratio**2 * residual]]), np.array([[ratio]]),
            effects.blups[begin:end, None], effects.conditional[begin:end, None, None],
        )
        for ratio, begin, end in zip(ratios, ends[:-1], ends[1:], strict=True)
    ]  # fmt: skip
    beta, covariance = problem.fixed_effects(found)
    details = {"path": problem.path, "evaluations": evaluations, "units": problem.units}
    estimates = Estimates(problem.kept, beta, covariance, residual, problem.log_likelihood(found), terms, details)
    status = "singular" if (ratios == 0).any() else "converged"
    return SharedFit(
        filled(made, "REML", "native", status, estimates),
        _averaged(made, problem, ratios, nodes) if averaged else {},
        max(0.0, problem.deviance(without) - least),
    )


def _minimum(problem: SharedLevels, terms: int, first: float | None = None) -> tuple[np.ndarray, float, int]:
    """Relative standard deviations of the least deviance, the deviance, evaluations; ``first`` fixes the first one."""
    from scipy.optimize import minimize

    fixed = [] if first is None else [first]
    start = np.full(terms - len(fixed), 0.05)
    if not start.size:
        return np.array(fixed), problem.deviance(np.array(fixed)), 1

    def deviance(variances: np.ndarray) -> float:
        return problem.deviance(np.append(fixed, np.sqrt(np.maximum(variances, 0.0))))

    options = {"ftol": 1e-12, "gtol": 1e-6, "maxiter": 200}
    found = minimize(deviance, start, method="L-BFGS-B", jac="3-point", bounds=[(0.0, _MOST)] * start.size, options=options)
    ratios = np.sqrt(np.maximum(found.x, 0.0))
    ratios[ratios < _SINGULAR] = 0.0
    at = np.append(fixed, ratios)
    return at, problem.deviance(at), int(found.nfev)


def _averaged(made: Design, problem: SharedLevels, ratios: np.ndarray, nodes: int) -> dict[str, AveragedEffects]:
    grids = [_grid(problem, ratios, k, nodes) for k in range(ratios.size)]
    points = [np.array(point) for point in itertools.product(*grids)]
    found = [problem.estimates(point) for point in points]
    deviances = np.array([profile.deviance for profile, _ in found])
    weights = np.exp(-(deviances - deviances.min()) / 2)
    # The prior is flat in the standard deviations; those of the grid are in units of the residual's, which the data fix well.
    weights /= weights.sum()
    blups = np.array([effects.blups for _, effects in found])
    mean = weights @ blups
    variance = weights @ np.array([effects.prediction_error for _, effects in found]) + weights @ (blups - mean) ** 2
    between = weights @ np.array([point**2 * problem.residual_variance(profile) for point, (profile, _) in zip(points, found, strict=True)])
    ends = np.cumsum([0, *problem.sizes])
    return {
        term.term.group: AveragedEffects(
            term.levels.alias(term.term.group)
            .to_frame()
            .with_columns(effect=pl.Series(mean[begin:end]), standard_error=pl.Series(np.sqrt(variance[begin:end]))),
            float(between[k]),
        )
        for k, (term, begin, end) in enumerate(zip(made.terms, ends[:-1], ends[1:], strict=True))
    }


def _grid(problem: SharedLevels, ratios: np.ndarray, k: int, nodes: int) -> np.ndarray:
    """Equal steps of a standard deviation from where the likelihood is small to where it is small again, or from zero."""
    limit = problem.deviance(ratios) + _DEPTH

    def over(value: float) -> bool:
        return problem.deviance(np.where(np.arange(ratios.size) == k, value, ratios)) > limit

    high = max(2 * ratios[k], 0.1)
    while not over(high) and high**2 < _MOST:
        high *= 1.5
    low = 0.0
    ends = [_crossing(over, ratios[k], high)]
    if over(low):
        ends.insert(0, _crossing(over, ratios[k], low))
    bottom = ends[0] if len(ends) == 2 else 0.0
    step = (ends[-1] - bottom) / nodes
    return bottom + step * (np.arange(nodes) + 0.5)


def _crossing(over: Callable[[float], bool], inside: float, outside: float) -> float:
    """Where the deviance crosses the limit, to a sixtieth of the way."""
    for _ in range(6):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if over(middle) else (middle, outside)
    return outside
