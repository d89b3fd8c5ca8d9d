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
_NEAR = 0.01
"""Deviance at which the first, coarse search leaves the rest to Newton steps."""
_GAIN = 1e-10
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
    near = {"ftol": _NEAR / max(1.0, abs(counter(start)[0])), "gtol": 1e-4, "maxiter": 300, "maxls": 40}
    for _ in range(3):
        point = minimize(counter, start, jac=True, method="L-BFGS-B", bounds=bounds, options=near).x
        inside = _off_a_false_border(counter, point, diagonal)
        if inside is None:
            break
        start = point = inside
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
    """Newton steps until none promises a gain; then the status. A Hessian serves until a step gains less than it should."""
    value, slope = function(point)
    curvature: _Curvature | None = None
    fresh = False
    status = "not_converged"
    for _ in range(20):
        free = ~(diagonal & (point < BORDER))
        if not free.any():
            status = "singular"
            break
        if curvature is None or not np.array_equal(curvature.free, free):
            curvature, fresh = _Curvature(function, point, slope, free), True
        step, gain = curvature.step(slope)
        if gain < _GAIN:
            status = "not_identified" if curvature.flat(point) else "converged" if free.all() else "singular"
            break
        trial, new_value, new_slope = _down(function, point, value, step, diagonal)
        if trial is None:
            if fresh:
                status = "not_identified" if curvature.flat(point) else "not_converged"
                break
            curvature = None
            continue
        point, value, slope = trial, new_value, new_slope
        curvature, fresh = (curvature, False) if curvature.step(slope)[1] < 0.01 * gain else (None, False)
    free = ~(diagonal & (point < BORDER))
    return Minimum(point, value, float(np.abs(slope[free]).max(initial=0.0)), status, function.calls)


def _down(
    function: Function, point: np.ndarray, value: float, step: np.ndarray, diagonal: np.ndarray
) -> tuple[np.ndarray | None, float, np.ndarray]:
    """The point after a step, shortened until it does not go up; None if every step does."""
    length = 1.0
    while length > 1e-4:
        trial = point + length * step
        trial[diagonal] = np.maximum(trial[diagonal], 0.0)
        new_value, slope = function(trial)
        if new_value <= value + 1e-12 * abs(value):
            return trial, new_value, slope
        length /= 4
    return None, value, step


class _Curvature:
    """Second derivatives along the free parameters, from differences of the gradient."""

    def __init__(self, function: Function, point: np.ndarray, slope: np.ndarray, free: np.ndarray) -> None:
        self.free = free
        rows = []
        for position in np.flatnonzero(free):
            aside = np.zeros_like(point)
            aside[position] = 1e-5 * max(0.05, abs(point[position]))
            rows.append((function(point + aside)[1] - slope)[free] / aside[position])
        self._hessian = (np.array(rows) + np.array(rows).T) / 2
        self._roots, self._axes = np.linalg.eigh(self._hessian)

    def step(self, slope: np.ndarray) -> tuple[np.ndarray, float]:
        """The Newton step (uphill curvature taken as downhill), and the deviance it promises to gain."""
        along = self._axes.T @ slope[self.free]
        floor = max(1e-8 * float(np.abs(self._roots).max()), 1e-300)
        step = np.zeros(self.free.size)
        step[self.free] = -self._axes @ (along / np.maximum(np.abs(self._roots), floor))
        return step, -0.5 * float(slope @ step)

    def flat(self, point: np.ndarray) -> bool:
        """Whether doubling some parameter, or a mixture of them, would cost next to nothing."""
        size = np.maximum(np.abs(point[self.free]), 0.05)
        return bool(np.linalg.eigvalsh(self._hessian * np.outer(size, size)).min() < _FLAT)
