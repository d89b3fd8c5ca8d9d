"""Several grouping columns, crossed or nested (teachers and schools, students and schools): the criterion from counts and sums.

The term with most levels is solved level by level; what is left of the others is one symmetric system, sparse where groups are
nested, else dense. Bates et al. (2015), section 3. The gradient needs the inverse of the system only where the system has entries.
Nothing is searched here.

Notation: V = I + Z L L' Z' in units of the residual variance, L one factor per level, A = [X y], M = I + L'Z'Z L, u = M^-1 L'Z'A;
``1`` is the term with most levels, ``2`` all others; W = L1 M11^-1 L1' per level of ``1``, R = Z2'Z2 - Z2'Z1 W Z1'Z2, S = I + L2' R L2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from la_assets.mixed_models.coupling import Coupling
from la_assets.mixed_models.criterion import Likelihood, Profile
from la_assets.mixed_models.one_group import GroupSums
from la_assets.mixed_models.system import DenseSystem, SparseSystem, System, is_sparse


@dataclass(frozen=True)
class _Solution:
    """What an evaluation knows: W, M11^-1 L1', S, the solution u, and Z'V^-1 A, of both parts."""

    inner: np.ndarray
    solved: np.ndarray
    system: System
    u_first: np.ndarray
    u_second: np.ndarray
    left_first: np.ndarray
    left_second: np.ndarray


class SeveralGroups:
    """The criterion of a model with two or more grouping columns.

    Parameters
    ----------
    sums : list of GroupSums
        Per term; the first has most levels.
    coupling : Coupling
    likelihood : Likelihood
    """

    def __init__(self, sums: list[GroupSums], coupling: Coupling, likelihood: Likelihood) -> None:
        self._first, self._coupling, self._likelihood = sums[0], coupling, likelihood
        self._products = np.vstack([part.products.reshape(-1, likelihood.total.shape[0]) for part in sums[1:]])
        self.sparse = is_sparse(coupling)

    def evaluate(self, factors: list[np.ndarray], residual_variance: float | None = None) -> tuple[Profile, list[np.ndarray]]:
        """The criterion at one relative factor per term, and its gradients with respect to them (lower triangles).

        With G the slope of the criterion in a term's covariance, the slope in its factor is ``2 G L``; ``L'G`` is the sum over its
        levels of the diagonal blocks of ``M^-1 L'Z'Z`` less ``u K (Z'V^-1 A)'``, which needs no division by L.
        """
        found, at = self._solve(factors, residual_variance)
        quadratic = self._coupling.by_level(at.system.scaled_inverse())
        shrink = np.eye(factors[0].shape[0]) - at.inner @ self._first.squares
        traces = [(at.solved @ (self._first.squares - quadratic @ shrink)).sum(axis=0), *at.system.traces()]
        solutions, lefts = [at.u_first], [at.left_first]
        for factor, begin, end in self._spans(factors):
            shape = (-1, factor.shape[0], found.slope.shape[0])
            solutions.append(at.u_second[begin:end].reshape(shape))
            lefts.append(at.left_second[begin:end].reshape(shape))
        return found, [
            2 * np.tril((trace - np.tensordot(solution @ found.slope, left, axes=([0, 2], [0, 2]))).T)
            for trace, solution, left in zip(traces, solutions, lefts, strict=True)
        ]

    def effects(self, factors: list[np.ndarray], found: Profile, with_covariances: bool) -> list[tuple[np.ndarray, np.ndarray | None]]:
        """Per term BLUPs (levels, q) and conditional covariances (levels, q, q), in whitened coordinates.

        Conditional covariances are the residual variance times diagonal blocks of ``L M^-1 L'``: ``L2 S^-1 L2'`` for the terms of ``2``,
        ``W + W Z1'Z2 (L2 S^-1 L2') Z2'Z1 W`` for the levels of ``1``.
        """
        _, at = self._solve(factors)
        residual = np.append(-found.beta, 1.0)
        blups = [(at.u_first @ residual) @ factors[0].T]
        loads = at.u_second @ residual
        blups += [loads[begin:end].reshape(-1, factor.shape[0]) @ factor.T for factor, begin, end in self._spans(factors)]
        if not with_covariances:
            return [(blup, None) for blup in blups]
        covariances = [at.inner + at.inner @ self._coupling.by_level(at.system.scaled_inverse()) @ at.inner]
        covariances += [factor @ blocks @ factor.T for factor, blocks in zip(factors[1:], at.system.blocks(), strict=True)]
        return [(blup, found.residual_variance * covariance) for blup, covariance in zip(blups, covariances, strict=True)]

    def _spans(self, factors: list[np.ndarray]) -> list[tuple[np.ndarray, int, int]]:
        """The factors of ``2`` with their first and last column."""
        starts = [int(start) for start in self._coupling.starts]
        return list(zip(factors[1:], starts[:-1], starts[1:], strict=True))

    def _solve(self, factors: list[np.ndarray], residual_variance: float | None = None) -> tuple[Profile, _Solution]:
        first, squares, products = factors[0], self._first.squares, self._first.products
        q, width = first.shape[0], products.shape[2]
        middle = np.eye(q) + first.T @ squares @ first
        solved = np.linalg.solve(middle, np.broadcast_to(first.T, middle.shape))
        inner = first @ solved
        inner = (inner + np.swapaxes(inner, 1, 2)) / 2
        between = self._coupling.between
        reduced = self._coupling.reduced(inner)
        system: System = (SparseSystem if self.sparse else DenseSystem)(self._coupling, reduced, factors[1:])
        right = self._products - between.T @ (inner @ products).reshape(-1, width)
        u_second = system.solve(system.scaled_transposed(right))
        loads = system.scaled(u_second)
        rest = products - (between @ loads).reshape(-1, q, width)
        explained = np.tensordot(products, inner @ products, axes=([0, 1], [0, 1])) + right.T @ loads
        log_determinant = float(np.log(np.linalg.det(middle)).sum()) + system.log_determinant
        found = self._likelihood.profile(explained, log_determinant, residual_variance)
        return found, _Solution(
            inner, solved, system, solved @ rest, u_second, rest - squares @ (inner @ rest), right - system.times_reduced(loads)
        )
