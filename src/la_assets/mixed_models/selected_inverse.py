"""Entries of the inverse of a sparse symmetric matrix, only where its Cholesky factor has entries.

Traces and conditional variances need no more of the inverse. Takahashi, Fagan & Chen (1973); Erisman & Tinney (1975), Comm. ACM 18;
Rue & Held (2005), Gaussian Markov Random Fields, section 2.4. The factor comes from SciPy's SuperLU in symmetric mode.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np


@dataclass(frozen=True)
class SparseFactor:
    """``P S P' = L D L'`` of a positive definite sparse matrix.

    Attributes
    ----------
    lower : scipy.sparse.csc_matrix
        L with unit diagonal, row indices ascending in each column.
    diagonal : numpy.ndarray
        D.
    order : numpy.ndarray of int
        Position in the factor of each row of S.
    solver : scipy.sparse.linalg.SuperLU
    """

    lower: Any
    diagonal: np.ndarray
    order: np.ndarray
    solver: Any

    @property
    def log_determinant(self) -> float:
        return float(np.log(self.diagonal).sum())

    def solve(self, right: np.ndarray) -> np.ndarray:
        return self.solver.solve(np.ascontiguousarray(right))


def sparse_factor(matrix: Any) -> SparseFactor:
    """Factor a positive definite ``scipy.sparse.csc_matrix``.

    Raises
    ------
    numpy.linalg.LinAlgError
        If it is not positive definite.
    """
    from scipy.sparse.linalg import splu

    solver = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    diagonal = solver.U.diagonal()
    if not (solver.perm_r == solver.perm_c).all() or not (diagonal > 0).all():
        raise np.linalg.LinAlgError("the matrix is not positive definite")
    lower = solver.L.tocsc()
    lower.sort_indices()
    return SparseFactor(lower, diagonal, solver.perm_c, solver)


def selected_inverse(factor: SparseFactor) -> Any:
    """The inverse on the pattern of L + L', in the order of the factor; read it with ``entries``.

    Returns
    -------
    scipy.sparse.csc_matrix
        Its lower triangle.

    Notes
    -----
    With r the rows below the diagonal of column j of L, and l their values: ``Z[r, j] = -Z[r, r] l`` and
    ``Z[j, j] = 1 / d[j] - l' Z[r, j]``, from the last column to the first.
    """
    lower = factor.lower.copy()
    if lower.nnz == factor.diagonal.size:
        lower.data = 1 / factor.diagonal
    else:
        lower.data = _takahashi()(lower.indptr, lower.indices, lower.data, 1 / factor.diagonal)
    return lower


def entries(inverse: Any, order: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Entries of the selected inverse at pairs of rows and columns of S that lie on its pattern."""
    first, second = order[rows], order[columns]
    low, high = np.maximum(first, second), np.minimum(first, second)
    if inverse.nnz == order.size:
        return np.where(low == high, inverse.data[low], 0.0)
    size = order.size
    keys = np.repeat(np.arange(size, dtype=np.int64), np.diff(inverse.indptr)) * size + inverse.indices
    return inverse.data[np.searchsorted(keys, high.astype(np.int64) * size + low)]


@cache
def _takahashi() -> Any:
    """The recursion, compiled when first needed."""
    import numba

    @numba.njit(cache=True)
    def recursion(starts: np.ndarray, rows: np.ndarray, values: np.ndarray, inverse_diagonal: np.ndarray) -> np.ndarray:
        size = inverse_diagonal.size
        found = np.zeros_like(values)
        work = np.zeros(size)
        for j in range(size - 1, -1, -1):
            begin, end = starts[j] + 1, starts[j + 1]
            for a in range(begin, end):
                work[rows[a]] = 0.0
            for a in range(begin, end):
                column = rows[a]
                position = starts[column]
                work[column] += found[position] * values[a]
                for b in range(a + 1, end):
                    while rows[position] < rows[b]:
                        position += 1
                    work[rows[b]] += found[position] * values[a]
                    work[column] += found[position] * values[b]
            total = inverse_diagonal[j]
            for a in range(begin, end):
                found[a] = -work[rows[a]]
                total -= values[a] * found[a]
            found[starts[j]] = total
        return found

    return recursion
