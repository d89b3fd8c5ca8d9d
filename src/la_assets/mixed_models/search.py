"""The search for the minimum of the criterion over the relative Cholesky factors.

A factor L and the same factor with the sign of a column changed are one covariance ``L L'``, so nothing bounds the search: a variance of
zero is a column of zeros, not a wall. Analytic gradients, L-BFGS from the best of a few sizes, a look around where a covariance
lost a direction, then Newton steps with a Hessian from differences of the gradient; that Hessian also says whether the minimum is
one. It knows nothing of the model behind the function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

BORDER = 1e-4
"""A relative standard deviation below this is zero (lme4's tolerance for singular fits)."""
_NEAR = 0.01
"""Deviance at which the first, coarse search leaves the rest to Newton steps."""
_GAIN = 1e-12
"""Deviance that a further Newton step may promise at a minimum."""
_ROUNDING = 1e-6
"""The same where no step goes down any more: what is left is rounding."""
_FLAT = 1e-3
"""Least deviance that doubling an identified standard deviation costs; of one near zero, that a variance of the residual's size does."""
_ASIDE = 0.02
"""How far into a direction of no variance to look."""
SCALES = (0.1, 0.5, 2.0)
"""Relative standard deviations among which the search begins."""
_FAR = 5.0
"""Where it begins again if it ended on the border: small data can have two minima."""

Function = Callable[[np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True)
class Layout:
    """How factors of some sizes lie in one vector: their lower triangles, row by row, one after the other."""

    sizes: tuple[int, ...]

    @cached_property
    def diagonal(self) -> np.ndarray:
        """Which parameters are diagonal elements."""
        return np.concatenate([np.eye(q, dtype=bool)[np.tril_indices(q)] for q in self.sizes])

    def factors(self, point: np.ndarray) -> list[np.ndarray]:
        found, begin = [], 0
        for q in self.sizes:
            factor, end = np.zeros((q, q)), begin + q * (q + 1) // 2
            factor[np.tril_indices(q)] = point[begin:end]
            found.append(factor)
            begin = end
        return found

    def point(self, factors: list[np.ndarray]) -> np.ndarray:
        """The vector of given roots of the covariances (q, any): each is turned into its lower triangle."""
        return np.concatenate([lower_root(factor)[np.tril_indices(factor.shape[0])] for factor in factors])

    def far_starts(self) -> list[np.ndarray]:
        """Large effects in all terms; then in one term at a time, small ones in the others."""
        alone = [[_FAR if k == j else SCALES[0] for j in range(len(self.sizes))] for k in range(len(self.sizes))]
        starts = [[_FAR] * len(self.sizes), *(alone if len(alone) > 1 else [])]
        return [self.point([scale * np.eye(q) for scale, q in zip(scales, self.sizes, strict=True)]) for scales in starts]

    def free(self, point: np.ndarray) -> np.ndarray:
        """Which parameters move: those of columns that are not zero."""
        marks = []
        for factor in self.factors(point):
            some = np.broadcast_to(np.abs(factor).max(axis=0) >= BORDER, factor.shape)
            marks.append(some[np.tril_indices(factor.shape[0])])
        return np.concatenate(marks)

    def sizes_of(self, point: np.ndarray) -> np.ndarray:
        """For each parameter the length of the column of its factor."""
        lengths = [np.broadcast_to(np.linalg.norm(factor, axis=0), factor.shape) for factor in self.factors(point)]
        return np.concatenate([length[np.tril_indices(length.shape[0])] for length in lengths])

    def singular(self, point: np.ndarray) -> bool:
        """Whether some covariance lacks a direction."""
        return any(np.linalg.svd(factor, compute_uv=False).min() < BORDER for factor in self.factors(point))


def lower_root(root: np.ndarray) -> np.ndarray:
    """The lower triangle with the same square ``L L'`` as a root (q, any), its diagonal not negative."""
    triangle = np.asarray(np.linalg.qr(root.T, mode="r")).T
    return triangle * np.where(np.diag(triangle) < 0, -1.0, 1.0)


@dataclass(frozen=True)
class Minimum:
    """Where the search ended.

    Attributes
    ----------
    point : numpy.ndarray
    deviance, gradient : float
        There; the gradient is the largest absolute slope along free parameters.
    status : str
        ``converged``, ``singular`` (on the border), ``not_identified`` (flat along some direction) or ``not_converged``.
    evaluations : int
    """

    point: np.ndarray
    deviance: float
    gradient: float
    status: str
    evaluations: int


def minimum(function: Function, layout: Layout) -> Minimum:
    """Minimise over all factors of a layout."""
    counter = _Counted(function)
    start = min((np.where(layout.diagonal, scale, 0.0) for scale in SCALES), key=lambda point: counter(point)[0])
    point = _searched(counter, start, layout)
    if layout.singular(point):
        again = [_searched(counter, start, layout) for start in layout.far_starts()]
        point = min(point, *again, key=lambda found: counter(found)[0])
    return _polished(counter, np.where(layout.free(point), point, 0.0), layout)


def _searched(function: Function, start: np.ndarray, layout: Layout) -> np.ndarray:
    """The coarse search, begun again as long as it stops on a border that is no minimum."""
    from scipy.optimize import minimize

    near = {"ftol": _NEAR / max(1.0, abs(function(start)[0])), "gtol": 1e-4, "maxiter": 300, "maxls": 40}
    for _ in range(4):
        point = layout.point(layout.factors(minimize(function, start, jac=True, method="L-BFGS-B", options=near).x))
        inside = _around_the_border(function, point, layout)
        if inside is None:
            break
        start = inside
    return point


class _Counted:
    """The function, its number of calls counted."""

    def __init__(self, function: Function) -> None:
        self._function, self.calls = function, 0

    def __call__(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        self.calls += 1
        return self._function(point)


def _around_the_border(function: Function, point: np.ndarray, layout: Layout) -> np.ndarray | None:
    """A better point near, if the search stopped where a covariance lacks a direction in which the deviance falls; else None.

    There the slope along the Cholesky factor vanishes whatever the data. What decides is the slope G in the covariance: the point
    is a minimum if ``v'Gv`` is not negative for every direction v that the covariance lacks. G is found from small steps.
    """
    here = function(point)[0]
    factors = layout.factors(point)
    for k, factor in enumerate(factors):
        values, axes = np.linalg.eigh(factor @ factor.T)
        none = axes[:, values < BORDER**2]
        m = none.shape[1]

        def with_column(weights: np.ndarray, k: int = k, factor: np.ndarray = factor, none: np.ndarray = none) -> np.ndarray:
            column = _ASIDE * none @ weights
            return layout.point([*factors[:k], np.column_stack([factor, column]), *factors[k + 1 :]])

        gain = np.zeros((m, m))
        for a in range(m):
            gain[a, a] = function(with_column(np.eye(m)[a]))[0] - here
        for a in range(m):
            for b in range(a):
                both = function(with_column(np.eye(m)[a] + np.eye(m)[b]))[0] - here
                gain[a, b] = gain[b, a] = (both - gain[a, a] - gain[b, b]) / 2
        if m == 0:
            continue
        slopes, directions = np.linalg.eigh(gain)
        if slopes[0] < -max(1e-7, 1e-12 * abs(here)):
            return min((with_column(size / _ASIDE * directions[:, 0]) for size in (_ASIDE, *SCALES)), key=lambda near: function(near)[0])
    return None


def _polished(function: _Counted, point: np.ndarray, layout: Layout) -> Minimum:
    """Newton steps until none promises a gain; then the status. A Hessian serves until a step gains less than it should."""
    value, slope = function(point)
    curvature: _Curvature | None = None
    fresh = reached = False
    for _ in range(30):
        free = layout.free(point)
        if not np.array_equal(point, np.where(free, point, 0.0)):
            point = np.where(free, point, 0.0)
            value, slope = function(point)
        if curvature is None or not np.array_equal(curvature.free, free):
            curvature, fresh = _Curvature(function, point, slope, free), True
        step, gain = curvature.step(slope)
        if reached := gain < _GAIN:
            break
        trial, new_value, new_slope = _down(function, point, value, step)
        if trial is None:
            if fresh:
                reached = gain < _ROUNDING
                break
            curvature = None
            continue
        point, value, slope = trial, new_value, new_slope
        curvature, fresh = (curvature, False) if curvature.step(slope)[1] < 0.01 * gain else (None, False)
    flat = curvature is not None and curvature.flat(layout.sizes_of(point))
    reached_status = "singular" if layout.singular(point) else "converged"
    status = "not_identified" if flat else reached_status if reached else "not_converged"
    return Minimum(point, value, float(np.abs(slope[layout.free(point)]).max(initial=0.0)), status, function.calls)


def _down(function: Function, point: np.ndarray, value: float, step: np.ndarray) -> tuple[np.ndarray | None, float, np.ndarray]:
    """The point after a step, shortened until it does not go up; None if every step does."""
    length = 1.0
    while length > 1e-4:
        trial = point + length * step
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
        differences = np.array(rows).reshape(len(rows), len(rows))
        self._hessian = (differences + differences.T) / 2
        self._roots, self._axes = np.linalg.eigh(self._hessian)

    def step(self, slope: np.ndarray) -> tuple[np.ndarray, float]:
        """The Newton step (uphill curvature taken as downhill), and the deviance it promises to gain."""
        along = self._axes.T @ slope[self.free]
        floor = max(1e-8 * float(np.abs(self._roots).max(initial=0.0)), 1e-300)
        step = np.zeros(self.free.size)
        step[self.free] = -self._axes @ (along / np.maximum(np.abs(self._roots), floor))
        return step, -0.5 * float(slope @ step)

    def flat(self, sizes: np.ndarray) -> bool:
        """Whether doubling some parameter, or a mixture of them, would cost next to nothing.

        Near zero the deviance is flat in a standard deviation and not in its square: there a step of the variance is taken.
        """
        size = sizes[self.free]
        stretch = np.maximum(size, 0.5 / np.maximum(size, BORDER))
        return bool(np.linalg.eigvalsh(self._hessian * np.outer(stretch, stretch)).min(initial=np.inf) < _FLAT)
