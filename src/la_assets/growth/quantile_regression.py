"""Linear quantile regression at many quantiles at once: an interior-point method and the preprocessing that makes it fast.

The problem of one quantile is a linear program; its dual asks for weights ``a`` in [0, 1] with ``X'a = (1 - tau) X'1``. The
method is Mehrotra's predictor-corrector (Frisch-Newton) of Portnoy and Koenker (1997, The Gaussian Hare and the Laplacian
Tortoise, Statistical Science 12), with their preprocessing: rows that lie far from the quantile, by a pilot fit, act only through
their sum. All quantiles of a chunk go through each step together. It knows nothing of students.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

GAP = 1e-8
"""Duality gap, as a share of the spread of ``y`` summed over rows, at which a quantile is solved."""

MOST_STEPS = 120
_TO_THE_WALL = 0.99995
_WHOLE_BELOW = 6_000
_CHUNK = 10
_MARGIN = 0.08
_PILOT_ROWS = 3_000


class NotSolved(ArithmeticError):
    """The interior-point method did not reach the gap; the message says how many quantiles are open."""


def quantile_coefficients(design: np.ndarray, y: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Coefficients of the linear conditional quantiles.

    Parameters
    ----------
    design : numpy.ndarray, shape (rows, p)
        Of full column rank.
    y : numpy.ndarray, shape (rows,)
        Outcome.
    quantiles : numpy.ndarray, shape (k,)
        Between 0 and 1, ascending.

    Returns
    -------
    numpy.ndarray, shape (k, p)

    Raises
    ------
    NotSolved
        If a quantile was not solved, which a design of full rank does not bring about.
    numpy.linalg.LinAlgError
        If the design is not of full column rank.
    """
    from threadpoolctl import threadpool_limits

    design, y, quantiles = np.asarray(design, float), np.asarray(y, float), np.asarray(quantiles, float)
    # Matrices of a hundred columns gain nothing from more BLAS threads, which wait for each other; and one thread repeats itself.
    with threadpool_limits(1, "blas"):
        return _all_quantiles(design, y, quantiles)


def _all_quantiles(design: np.ndarray, y: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    if design.shape[0] < _WHOLE_BELOW:
        return _in_scale(design, y, quantiles)
    pilot = _pilot(design, y, quantiles)
    chunks = [slice(first, first + _CHUNK) for first in range(0, quantiles.size, _CHUNK)]
    return np.vstack([_preprocessed(design, y, quantiles[chunk], pilot[i]) for i, chunk in enumerate(chunks)])


def _pilot(design: np.ndarray, y: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Rough coefficients in the middle of each chunk, from a sample of the rows."""
    rows = np.sort(np.random.default_rng(20_000).permutation(y.size)[:_PILOT_ROWS])
    middles = np.array([quantiles[first : first + _CHUNK].mean() for first in range(0, quantiles.size, _CHUNK)])
    return _in_scale(design[rows], y[rows], middles)


def _preprocessed(design: np.ndarray, y: np.ndarray, quantiles: np.ndarray, pilot: np.ndarray) -> np.ndarray:
    """Solve neighbouring quantiles on the rows near them; rows on the wrong side of a solution are taken in, and it is solved again."""
    residual = y - design @ pilot
    margin = _MARGIN
    while True:
        low, high = np.quantile(residual, [max(quantiles[0] - margin, 0.0), min(quantiles[-1] + margin, 1.0)])
        below, above = residual < low, residual > high
        coefficients = _with_sums(design, y, quantiles, below, above)
        for _ in range(3):
            sides = y[:, None] - design @ coefficients.T
            wrong = (below & (sides > 0).any(axis=1)) | (above & (sides < 0).any(axis=1))
            if not wrong.any():
                return coefficients
            if wrong.mean() > margin:
                break
            below &= ~wrong
            above &= ~wrong
            coefficients = _with_sums(design, y, quantiles, below, above)
        margin = min(2 * margin, 1.0)


def _with_sums(design: np.ndarray, y: np.ndarray, quantiles: np.ndarray, below: np.ndarray, above: np.ndarray) -> np.ndarray:
    near = ~(below | above)
    sums = [rows for rows in (below, above) if rows.any()]
    x = np.vstack([design[near], *(design[rows].sum(axis=0)[None] for rows in sums)])
    return _in_scale(x, np.r_[y[near], [y[rows].sum() for rows in sums]], quantiles)


def _in_scale(design: np.ndarray, y: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Solve in an orthonormal basis of the columns, which spline bases are far from."""
    q, r = np.linalg.qr(design)
    diagonal = np.abs(np.diag(r))
    if design.shape[0] < design.shape[1] or diagonal.min() <= 1e-10 * diagonal.max():
        raise np.linalg.LinAlgError("the design of the quantile regression is not of full column rank")
    return np.linalg.solve(r, _interior_point(q, y, quantiles).T).T


@dataclass
class _Point:
    """Where the method stands: dual weights and slacks, shape (k, rows), and minus the coefficients, shape (k, p)."""

    a: np.ndarray
    s: np.ndarray
    z: np.ndarray
    w: np.ndarray
    beta: np.ndarray

    def gap(self) -> np.ndarray:
        return np.einsum("kn,kn->k", self.a, self.z) + np.einsum("kn,kn->k", self.s, self.w)


def _interior_point(x: np.ndarray, y: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Coefficients, shape (k, p), for a design with orthonormal columns.

    Primal-dual pair: minimise ``-y'a`` subject to ``x'a = (1 - tau) x'1`` and ``0 <= a <= 1``, with ``s = 1 - a``; multipliers
    ``z`` of ``a >= 0`` and ``w`` of ``s >= 0``; residuals are ``w - z``. Quantiles that are solved leave the batch.
    """
    n, p = x.shape
    products = (x[:, :, None] * x[:, None, :]).reshape(n, p * p)
    least_squares = x.T @ y
    residual = y - x @ least_squares
    spread = max(float(np.abs(residual).mean()), np.finfo(float).tiny)
    solution = np.tile(least_squares, (quantiles.size, 1))
    if np.abs(residual).max() <= 1e-12 * max(float(np.abs(y).max()), np.finfo(float).tiny):
        return solution  # every row lies on one plane: it is every quantile
    open_ = np.arange(quantiles.size)
    a = np.repeat(1 - quantiles[:, None], n, axis=1)
    z = np.tile(np.maximum(-residual, 0) + 0.05 * spread, (quantiles.size, 1))
    point = _Point(a, 1 - a, z, z + residual, solution.copy())
    for _ in range(MOST_STEPS):
        solved = point.gap() <= GAP * spread * n
        if solved.any():
            solution[open_[solved]] = point.beta[solved]
            open_ = open_[~solved]
            if not open_.size:
                return solution
            point = _Point(*(part[~solved] for part in (point.a, point.s, point.z, point.w, point.beta)))
        _step(point, x, products)
    raise NotSolved(f"{open_.size} of {quantiles.size} quantiles were not solved in {MOST_STEPS} steps")


def _step(point: _Point, x: np.ndarray, products: np.ndarray) -> None:
    """One predictor and corrector step of every quantile in the batch."""
    n, p = x.shape
    a, s, z, w = point.a, point.s, point.z, point.w
    by_a, by_s = 1 / a, 1 / s
    q = 1 / (z * by_a + w * by_s)
    weighted = (q @ products).reshape(-1, p, p)
    difference = z - w
    right = (q * difference) @ x
    d_beta = np.linalg.solve(weighted, right[:, :, None])[:, :, 0]
    d_a = q * (d_beta @ x.T - difference)
    d_z = -z * (1 + d_a * by_a)
    d_w = -w * (1 - d_a * by_s)
    primal, dual = _length(a, d_a, s, -d_a), _length(z, d_z, w, d_w)
    gap = point.gap()
    ahead = (
        gap
        + primal * (np.einsum("kn,kn->k", d_a, z) - np.einsum("kn,kn->k", d_a, w))
        + dual * (np.einsum("kn,kn->k", a, d_z) + np.einsum("kn,kn->k", s, d_w))
        + primal * dual * (np.einsum("kn,kn->k", d_a, d_z) - np.einsum("kn,kn->k", d_a, d_w))
    )
    mu = (gap * (np.maximum(ahead, 0) / gap) ** 3 / (2 * n))[:, None]
    to_z, to_w = (mu - d_a * d_z) * by_a, (mu + d_a * d_w) * by_s
    corrected = difference + to_w - to_z
    d_beta = np.linalg.solve(weighted, ((q * corrected) @ x)[:, :, None])[:, :, 0]
    d_a = q * (d_beta @ x.T - corrected)
    d_z = to_z - z - z * d_a * by_a
    d_w = to_w - w + w * d_a * by_s
    primal, dual = _length(a, d_a, s, -d_a)[:, None], _length(z, d_z, w, d_w)[:, None]
    point.a, point.s = a + primal * d_a, s - primal * d_a
    point.z, point.w = z + dual * d_z, w + dual * d_w
    point.beta = point.beta - dual * d_beta


def _length(u: np.ndarray, d_u: np.ndarray, v: np.ndarray, d_v: np.ndarray) -> np.ndarray:
    """The longest step, at most 1, that keeps both positive; shape (k,)."""
    shrink = np.maximum((-d_u / u).max(axis=1), (-d_v / v).max(axis=1))
    return np.minimum(_TO_THE_WALL / np.maximum(shrink, 1e-300), 1.0)
