"""Coordinates in which a model is well conditioned: orthonormal fixed effects, and random effects of unit mean square, uncorrelated.

A model does not depend on the units or the origin of its columns; after this its computation does not either. Columns that others
determine are found here. Nothing is estimated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

COLLINEAR = 1e-7
"""A column whose part that earlier columns do not explain is shorter than this share of its length is determined by them (R's rule)."""
_SAFE = 1e3
"""Up to this condition number of unit columns the triangle of their Gram matrix is exact to ten digits; beyond, it is not asked."""


@dataclass(frozen=True)
class Orthonormal:
    """Fixed effects X, rows scaled, as an orthonormal basis.

    Attributes
    ----------
    basis : numpy.ndarray, shape (n, r)
        ``X[:, kept] @ back``.
    kept : numpy.ndarray of int, shape (r,)
        Columns of X that are estimated.
    back : numpy.ndarray, shape (r, r)
        Coefficients of X from coefficients of the basis.
    """

    basis: np.ndarray
    kept: np.ndarray
    back: np.ndarray


def orthonormal(columns: np.ndarray) -> Orthonormal:
    """Orthonormal basis by Cholesky QR, done twice; columns determined by earlier ones are left out.

    References
    ----------
    Yamamoto, Nakatsukasa, Yanagisawa & Fukaya (2015), Roundoff error analysis of the CholeskyQR2 algorithm, ETNA 44.
    """
    lengths = np.sqrt(np.einsum("ij,ij->j", columns, columns))
    kept = np.flatnonzero(lengths > 0)
    scale = 1 / lengths[kept]
    scaled = columns[:, kept] * scale
    triangle = _triangle(scaled)
    independent = np.abs(np.diag(triangle)) > COLLINEAR
    if not independent.all():
        kept, scale, scaled = kept[independent], scale[independent], scaled[:, independent]
        triangle = _triangle(scaled)
    first = np.linalg.inv(triangle)
    basis = scaled @ first
    second = np.linalg.inv(np.linalg.cholesky(basis.T @ basis).T)
    return Orthonormal(basis @ second, kept, scale[:, None] * (first @ second))


def _triangle(columns: np.ndarray) -> np.ndarray:
    """Upper factor R of unit columns: of their Gram matrix where that is safe, else by Householder QR."""
    size = columns.shape[1]
    gram = columns.T @ columns
    if size == 0 or np.linalg.cond(gram) < _SAFE**2:
        return np.linalg.cholesky(gram).T
    triangle = np.asarray(np.linalg.qr(columns, mode="r"))
    return np.vstack([triangle, np.zeros((size - triangle.shape[0], size))])


@dataclass(frozen=True)
class Whitened:
    """Random-effect columns Z in coordinates with mean square one and no correlation: ``(Z - shift) @ turn``.

    Attributes
    ----------
    shift : numpy.ndarray, shape (q,)
        Whole numbers for columns that spread over several (years, grades): they stay whole and their sums exact.
    turn : numpy.ndarray, shape (q, q)
    to_effects : numpy.ndarray, shape (q, q)
        Effects of Z from effects of the whitened columns.
    """

    shift: np.ndarray
    turn: np.ndarray
    to_effects: np.ndarray


def whitened(columns: np.ndarray, has_intercept: bool) -> Whitened | None:
    """Coordinates for the columns of a random term (intercept first, if there is one); None if some column determines another."""
    q = columns.shape[1]
    shift = np.zeros(q)
    if has_intercept:
        mean, spread = columns[:, 1:].mean(axis=0), columns[:, 1:].std(axis=0)
        shift[1:] = np.where(spread > 0.5, np.round(mean), mean)
    moved = columns - shift if shift.any() else columns
    lengths = np.sqrt(np.einsum("ij,ij->j", moved, moved))
    if not (lengths > COLLINEAR * np.sqrt(np.einsum("ij,ij->j", columns, columns))).all():
        return None
    triangle = _triangle(moved / lengths)
    if not (np.abs(np.diag(triangle)) > COLLINEAR).all():
        return None
    turn = np.linalg.inv(triangle * (lengths / np.sqrt(columns.shape[0])))
    origin = np.eye(q)
    if has_intercept:
        origin[0, 1:] = -shift[1:]
    return Whitened(shift, turn, origin @ turn)
