"""One grouping column with correlated random effects (students' growth): all that a fit needs are sums by level.

With Z and A = [X y] the rows of a level, the sums ``Z'Z`` and ``Z'A`` carry everything the data say about it; levels with the same ``Z'Z``
(students tested in the same years) share their algebra, so that an evaluation of the criterion costs as much as there are
different designs, not levels. Lindstrom & Bates (1988), JASA 83; Bates et al. (2015), section 3. Nothing is searched here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from la_assets.mixed_models.criterion import Likelihood, Profile
from la_assets.mixed_models.design import TermRows
from la_assets.mixed_models.orthogonal import Whitened


@dataclass(frozen=True)
class GroupSums:
    """Sums by level of one random term, in whitened coordinates.

    Attributes
    ----------
    squares : numpy.ndarray, shape (levels, q, q)
        ``Z'Z``.
    products : numpy.ndarray, shape (levels, q, p + 1)
        ``Z'[X y]``.
    """

    squares: np.ndarray
    products: np.ndarray


def group_sums(rows: TermRows, table: np.ndarray, root: np.ndarray | None, white: Whitened) -> GroupSums:
    """Sum by level.

    Parameters
    ----------
    rows : TermRows
        Levels, and random-effect columns as given.
    table : numpy.ndarray, shape (n, p + 1)
        ``[X y]``, rows scaled.
    root : numpy.ndarray, shape (n,), optional
        Square roots of the weights.
    white : Whitened
    """
    codes, levels, columns = rows.codes, rows.levels.len(), rows.columns
    q, width = columns.shape[1], table.shape[1]
    moved = [columns[:, k] - white.shift[k] if white.shift[k] else columns[:, k] for k in range(q)]
    squares = np.empty((levels, q, q))
    for k in range(q):
        for j in range(k, q):
            product = moved[k] * moved[j] if root is None else moved[k] * moved[j] * root**2
            squares[:, k, j] = squares[:, j, k] = np.bincount(codes, weights=product, minlength=levels)
    products = np.empty((levels, q, width))
    for k in range(q):
        scaled = moved[k] if root is None else moved[k] * root
        ones = bool((scaled == 1.0).all())
        for a in range(width):
            products[:, k, a] = np.bincount(codes, weights=table[:, a] if ones else scaled * table[:, a], minlength=levels)
    return GroupSums(white.turn.T @ squares @ white.turn, white.turn.T @ products)


class OneGroup:
    """The criterion of a model with one grouping column, from its sums."""

    def __init__(self, sums: GroupSums, likelihood: Likelihood) -> None:
        self._sums, self._likelihood = sums, likelihood
        self._design_of, self._designs, self._count = _shared_designs(sums.squares)
        self._collapsed = self._designs.shape[0] < sums.squares.shape[0]
        if self._collapsed:
            self._moments = _moments_by_design(sums.products, self._design_of, self._count)

    @property
    def designs(self) -> int:
        """Number of different designs of levels."""
        return int(self._designs.shape[0])

    def evaluate(self, factors: list[np.ndarray], residual_variance: float | None = None) -> tuple[Profile, list[np.ndarray]]:
        """The criterion at a relative factor L (q x q), and its gradient with respect to L (lower triangle).

        ``V^-1 = I - Z W Z'`` with ``W = L (I + L'Z'Z L)^-1 L'`` for every level (Woodbury).
        """
        (factor,) = factors
        inner, log_determinant = self._inner(factor)
        if self._collapsed:
            reduced = np.einsum("gkl,gkalb->ab", inner, self._moments, optimize=True)
        else:
            reduced = np.tensordot(self._sums.products, inner @ self._sums.products, axes=([0, 1], [0, 1]))
        found = self._likelihood.profile(reduced, log_determinant, residual_variance)
        if self._collapsed:
            explained = np.einsum("gkalb,ab->gkl", self._moments, found.slope, optimize=True)
        else:
            explained = (self._sums.products @ found.slope) @ np.swapaxes(self._sums.products, 1, 2)
        shrink = np.eye(factor.shape[0]) - self._designs @ inner
        change = np.tensordot(self._count, shrink @ self._designs, 1) - (shrink @ explained @ np.swapaxes(shrink, 1, 2)).sum(axis=0)
        return found, [np.tril((change + change.T) @ factor)]

    def effects(self, factors: list[np.ndarray], found: Profile, with_covariances: bool) -> list[tuple[np.ndarray, np.ndarray | None]]:
        """BLUPs (levels, q) and conditional covariances (levels, q, q) in whitened coordinates."""
        inner, _ = self._inner(factors[0])
        by_level = inner[self._design_of] if self._collapsed else inner
        residual = self._sums.products[:, :, -1] - self._sums.products[:, :, :-1] @ found.beta
        blups = (by_level @ residual[:, :, None])[:, :, 0]
        return [(blups, found.residual_variance * by_level if with_covariances else None)]

    def _inner(self, factor: np.ndarray) -> tuple[np.ndarray, float]:
        """W of every design, and the log-determinant over all levels."""
        middle = np.eye(factor.shape[0]) + factor.T @ self._designs @ factor
        root = np.linalg.cholesky(middle)
        inner = factor @ np.linalg.solve(middle, np.broadcast_to(factor.T, middle.shape))
        log_determinant = 2 * np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1) @ self._count
        return (inner + np.swapaxes(inner, 1, 2)) / 2, float(log_determinant)


def _shared_designs(squares: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each level its design, the designs (Z'Z), and how many levels have each; one design a level where sharing does not pay."""
    levels, q = squares.shape[:2]
    lower = squares[:, *np.tril_indices(q)]
    mixed = np.round(lower / (np.abs(lower).max(axis=0) + 1e-300), 10) @ np.random.default_rng(0).random(lower.shape[1])
    _, first, design_of = np.unique(np.round(mixed, 10), return_index=True, return_inverse=True)
    if first.size * 4 < levels and np.allclose(squares[first][design_of], squares, rtol=1e-8, atol=1e-8 * np.abs(squares).max()):
        return design_of, squares[first], np.bincount(design_of).astype(float)
    return np.arange(levels), squares, np.ones(levels)


def _moments_by_design(products: np.ndarray, design_of: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Sum over the levels of a design of all products of the entries of Z'A: (designs, q, p + 1, q, p + 1)."""
    levels, q, width = products.shape
    order = np.argsort(design_of, kind="stable")
    flat = products.reshape(levels, q * width)[order]
    ends = np.cumsum(count).astype(int)
    moments = np.empty((count.size, q * width, q * width))
    for design, (begin, end) in enumerate(zip(np.concatenate([[0], ends[:-1]]), ends, strict=True)):
        rows = flat[begin:end]
        moments[design] = rows.T @ rows
    return moments.reshape(count.size, q, width, q, width)
