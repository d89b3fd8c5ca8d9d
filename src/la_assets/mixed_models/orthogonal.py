"""Coordinates in which a model is well conditioned: orthonormal fixed effects, and random effects of unit mean square, uncorrelated.

A model does not depend on the units or the origin of its columns; after this its computation does not either. Columns that others
determine are found here. Nothing is estimated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

COLLINEAR = 1e-7
"""A column whose part that earlier columns do not explain is shorter than this share of its length is determined by them (R's rule)."""
_SAFE_PIVOT = 1e-4


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
    triangle = _triangle(scaled.T @ scaled)
    if triangle is None:
        part = np.abs(np.diag(np.asarray(np.linalg.qr(scaled, mode="r"))))
        part = np.concatenate([part, np.zeros(kept.size - part.size)])
        kept, scale, scaled = kept[part > COLLINEAR], scale[part > COLLINEAR], scaled[:, part > COLLINEAR]
        triangle = np.asarray(np.linalg.qr(scaled, mode="r"))
    first = np.linalg.inv(triangle)
    basis = scaled @ first
    second = np.linalg.inv(np.linalg.cholesky(basis.T @ basis).T)
    return Orthonormal(basis @ second, kept, scale[:, None] * (first @ second))


def _triangle(gram: np.ndarray) -> np.ndarray | None:
    """Upper Cholesky factor of a Gram matrix of unit columns; None where a pivot is too small to be trusted."""
    try:
        triangle = np.linalg.cholesky(gram).T
    except np.linalg.LinAlgError:
        return None
    return triangle if gram.size == 0 or np.diag(triangle).min() > _SAFE_PIVOT else None


@dataclass(frozen=True)
class Whitened:
    """Random-effect columns Z in coordinates with mean square one and no correlation: ``(Z - shift) @ turn``.

    Attributes
    ----------
    shift : numpy.ndarray, shape (q,)
        Whole numbers, so that whole columns (years, grades) stay whole and their sums exact.
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
        shift[1:] = np.round(columns[:, 1:].mean(axis=0))
    moved = columns - shift if shift.any() else columns
    square = moved.T @ moved / columns.shape[0]
    lengths = np.sqrt(np.diag(square))
    if not (lengths > 0).all():
        return None
    triangle = _triangle(square / np.outer(lengths, lengths))
    if triangle is None:
        return None
    turn = np.linalg.inv(triangle * lengths)
    origin = np.eye(q)
    if has_intercept:
        origin[0, 1:] = -shift[1:]
    return Whitened(shift, turn, origin @ turn)
