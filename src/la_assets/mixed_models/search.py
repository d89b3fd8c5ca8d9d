"""The search for the minimum of the criterion over the relative Cholesky factors, whose diagonals are not negative.

Analytic gradients, L-BFGS-B, then Newton steps with a Hessian from differences of the gradient; that Hessian also says whether the
minimum is one. It knows nothing of the model behind the function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

BORDER = 1e-4
"""A diagonal below this is on the border (lme4's tolerance for singular fits)."""
_GAIN = 1e-7
"""Deviance that a further Newton step may promise at a minimum."""
_FLAT = 1e-3
"""Least deviance that doubling an identified parameter costs."""

Function = Callable[[np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True)
class Minimum:
    """Where the search ended.

    Attributes
    ----------
    point : numpy.ndarray
    deviance, gradient : float
        There; the gradient is the largest absolute slope along free parameters.
    status : str
        ``converged``, ``singular`` (a diagonal is zero), ``not_identified`` (flat along some direction) or ``not_converged``.
    evaluations : int
    """

    point: np.ndarray
    deviance: float
    gradient: float
    status: str
    evaluations: int


def minimum(function: Function, start: np.ndarray, diagonal: np.ndarray) -> Minimum:
    """Minimise from ``start``; ``diagonal`` marks the parameters that may not be negative."""
    from scipy.optimize import minimize

    counter = _Counted(function)
    bounds = [(0.0, None) if is_diagonal else (None, None) for is_diagonal in diagonal]
    point = start
    for _ in range(3):
        found = minimize(
            counter, point, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-13, "gtol": 1e-5, "maxiter": 300, "maxls": 40}
        )
        point = _off_a_false_border(counter, found.x, diagonal)
        if point is None:
            point = found.x
            break
    return _polished(counter, point, diagonal)


class _Counted:
    """The function, its number of calls counted."""

    def __init__(self, function: Function) -> None:
        self._function, self.calls = function, 0

    def __call__(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        self.calls += 1
        return self._function(point)


def _off_a_false_border(function: Function, point: np.ndarray, diagonal: np.ndarray) -> np.ndarray | None:
    """A better point inside, if the search stopped on a border where the deviance falls inward; else None.

    The slope along a diagonal element is zero on the border whatever the data (the criterion is even in it), so the slope is
    taken a little inside.
    """
    low = diagonal & (point < BORDER)
    if not low.any():
        return None
    inside = np.where(low, 0.02, point)
    here, there = function(point)[0], function(inside)[0]
    return inside if there < here - 1e-9 * abs(here) else None


def _polished(function: _Counted, point: np.ndarray, diagonal: np.ndarray) -> Minimum:
    """Newton steps until none promises a gain; then the status."""
    status = "not_converged"
    value, slope = function(point)
    for _ in range(8):
        free = ~(diagonal & (point < BORDER))
        if not free.any():
            status = "singular"
            break
        hessian = _hessian(function, point, slope, free)
        roots, axes = np.linalg.eigh(hessian)
        along = axes.T @ slope[free]
        floor = max(1e-8 * float(np.abs(roots).max()), 1e-300)
        step = -axes @ (along / np.maximum(np.abs(roots), floor))
        size = np.maximum(np.abs(point[free]), 0.05)
        flat = np.linalg.eigvalsh(hessian * np.outer(size, size)).min() < _FLAT
        if -(slope[free] @ step) < _GAIN * max(1.0, abs(value) * 1e-7):
            status = "not_identified" if flat else "converged" if free.all() else "singular"
            break
        shorter = 1.0
        while shorter > 1e-4:
            trial = point.copy()
            trial[free] += shorter * step
            trial[diagonal] = np.maximum(trial[diagonal], 0.0)
            new_value, new_slope = function(trial)
            if new_value <= value + 1e-12 * abs(value):
                break
            shorter /= 4
        else:
            status = "not_identified" if flat else "not_converged"
            break
        point, value, slope = trial, new_value, new_slope
    free = ~(diagonal & (point < BORDER))
    return Minimum(point, value, float(np.abs(slope[free]).max(initial=0.0)), status, function.calls)


def _hessian(function: Function, point: np.ndarray, slope: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Second derivatives along the free parameters, from central differences of the gradient."""
    rows = []
    for position in np.flatnonzero(free):
        step = np.zeros_like(point)
        step[position] = 1e-4 * max(0.05, abs(point[position]))
        rows.append((function(point + step)[1] - function(point - step)[1])[free] / (2 * step[position]))
    hessian = np.array(rows)
    return (hessian + hessian.T) / 2
