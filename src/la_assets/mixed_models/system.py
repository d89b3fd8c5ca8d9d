"""The system that several grouping columns leave, ``S = I + L' R L``: factored dense, or sparse where groups are nested.

Both ways give the same: solutions, the determinant, and the inverse where R has entries (the sparse one by the selected inverse). The
matrices come from ``coupling.py``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from la_assets.mixed_models.coupling import Coupling, TooLarge
from la_assets.mixed_models.selected_inverse import entries, selected_inverse, sparse_factor

_DENSE_SIZE = 400
_MOST_DENSE = 16_000
_LITTLE_FILL = 0.05


def is_sparse(coupling: Coupling) -> bool:
    """Whether the sparse way pays: a diagonal system, or a large one whose factor stays thin."""
    size = coupling.size
    if coupling.rows.size == size:
        return True
    if size <= _DENSE_SIZE or 2 * coupling.rows.size > _LITTLE_FILL * size * size:
        return False
    values = np.where(coupling.rows == coupling.columns, float(size), 1.0)
    return bool(sparse_factor(coupling.symmetric(values).tocsc()).lower.nnz < _LITTLE_FILL * size * size)


class System(ABC):
    """S, factored.

    Parameters
    ----------
    coupling : Coupling
    reduced : numpy.ndarray
        R on the pattern of the coupling.
    factors : list of numpy.ndarray
        The relative factor of each term; L has it once per level.

    Attributes
    ----------
    log_determinant : float
        ``log|S|``.
    """

    log_determinant: float

    def __init__(self, coupling: Coupling, reduced: np.ndarray, factors: list[np.ndarray]) -> None:
        self._coupling, self._reduced, self._sizes = coupling, reduced, [factor.shape[0] for factor in factors]
        self._spread: np.ndarray | None = None
        if all(size == 1 for size in self._sizes):
            self._spread = np.repeat([factor[0, 0] for factor in factors], np.diff(coupling.starts))
        else:
            self._scale = _block_diagonal(factors, coupling.starts)

    @abstractmethod
    def solve(self, right: np.ndarray) -> np.ndarray:
        """``S^-1 right``."""

    @abstractmethod
    def _inverse(self) -> np.ndarray:
        """``S^-1`` on the pattern."""

    @cached_property
    def inverse(self) -> np.ndarray:
        """``S^-1`` on the pattern of R, lower triangle."""
        return self._inverse()

    def scaled(self, right: np.ndarray) -> np.ndarray:
        """``L right``."""
        return self._spread[:, None] * right if self._spread is not None else self._scale @ right

    def scaled_transposed(self, right: np.ndarray) -> np.ndarray:
        """``L' right``."""
        return self._spread[:, None] * right if self._spread is not None else self._scale.T @ right

    def times_reduced(self, right: np.ndarray) -> np.ndarray:
        """``R right``."""
        return self._coupling.symmetric(self._reduced) @ right

    def scaled_inverse(self) -> np.ndarray:
        """``L S^-1 L'`` on the pattern of R, lower triangle."""
        rows, columns = self._coupling.rows, self._coupling.columns
        if self._spread is not None:
            return self.inverse * self._spread[rows] * self._spread[columns]
        return _at((self._scale @ self._coupling.symmetric(self.inverse) @ self._scale.T).tocsr(), rows, columns)

    def traces(self) -> list[np.ndarray]:
        """Per term the sum over its levels of the diagonal blocks of ``S^-1 L' R`` (effects, effects)."""
        starts = self._coupling.starts
        if self._spread is not None:
            rows, columns, product = self._coupling.rows, self._coupling.columns, self.inverse * self._reduced
            each = np.bincount(rows, weights=product * self._spread[columns], minlength=self._coupling.size)
            mirrored = np.where(rows == columns, 0.0, product * self._spread[rows])
            each += np.bincount(columns, weights=mirrored, minlength=self._coupling.size)
            return [np.array([[each[begin:end].sum()]]) for begin, end in pairwise(starts)]
        half = (self._coupling.symmetric(self.inverse) @ self._scale.T).tocsr()
        reduced = self._coupling.symmetric(self._reduced)
        found = []
        for size, begin, end in zip(self._sizes, starts[:-1], starts[1:], strict=True):
            pairs = [
                [half[begin + a : end : size].multiply(reduced[begin + b : end : size]).sum() for b in range(size)] for a in range(size)
            ]
            found.append(np.array(pairs))
        return found

    def blocks(self) -> list[np.ndarray]:
        """Per term the diagonal blocks of ``S^-1`` (levels, effects, effects)."""
        matrix, starts, found = self._coupling.symmetric(self.inverse), self._coupling.starts, []
        for size, begin, end in zip(self._sizes, starts[:-1], starts[1:], strict=True):
            levels = np.arange(begin, end).reshape(-1, size)
            rows, columns = np.repeat(levels, size, axis=1).ravel(), np.tile(levels, size).ravel()
            found.append(_at(matrix, rows, columns).reshape(-1, size, size))
        return found

    def _matrix(self) -> np.ndarray:
        """S on the pattern of R, lower triangle."""
        rows, columns = self._coupling.rows, self._coupling.columns
        if self._spread is not None:
            values = self._reduced * self._spread[rows] * self._spread[columns]
        else:
            values = _at((self._scale.T @ self._coupling.symmetric(self._reduced) @ self._scale).tocsr(), rows, columns)
        return values + (rows == columns)


class DenseSystem(System):
    """S as an array, by Cholesky."""

    def __init__(self, coupling: Coupling, reduced: np.ndarray, factors: list[np.ndarray]) -> None:
        from scipy.linalg.lapack import dpotrf

        super().__init__(coupling, reduced, factors)
        if coupling.size > _MOST_DENSE:
            raise TooLarge(f"{coupling.size} effects outside the largest grouping column are too many for one dense system")
        matrix = np.zeros((coupling.size, coupling.size), order="F")
        matrix[coupling.rows, coupling.columns] = self._matrix()
        self._root, failed = dpotrf(matrix, lower=1, clean=0, overwrite_a=1)
        if failed:
            raise np.linalg.LinAlgError("the system of the smaller grouping columns is not positive definite")
        self.log_determinant = 2 * float(np.log(self._root.diagonal()).sum())

    def solve(self, right: np.ndarray) -> np.ndarray:
        from scipy.linalg import cho_solve

        return np.asarray(cho_solve((self._root, True), right, check_finite=False))

    def _inverse(self) -> np.ndarray:
        from scipy.linalg.lapack import dpotri

        return np.asarray(dpotri(self._root, lower=1)[0][self._coupling.rows, self._coupling.columns])


class SparseSystem(System):
    """S as a sparse matrix, by a sparse factor and its selected inverse."""

    def __init__(self, coupling: Coupling, reduced: np.ndarray, factors: list[np.ndarray]) -> None:
        super().__init__(coupling, reduced, factors)
        self._factor = sparse_factor(coupling.symmetric(self._matrix()).tocsc())
        self.log_determinant = self._factor.log_determinant

    def solve(self, right: np.ndarray) -> np.ndarray:
        return self._factor.solve(right)

    def _inverse(self) -> np.ndarray:
        return entries(selected_inverse(self._factor), self._factor.order, self._coupling.rows, self._coupling.columns)


def _block_diagonal(factors: list[np.ndarray], starts: np.ndarray) -> Any:
    """L: each term's factor once per level."""
    from scipy import sparse

    parts = [
        sparse.kron(sparse.identity((end - begin) // factor.shape[0]), factor, format="csr")
        for factor, begin, end in zip(factors, starts[:-1], starts[1:], strict=True)
    ]
    return sparse.block_diag(parts, format="csr")


def _at(matrix: Any, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Entries of a ``csr_matrix``; zero where it has none."""
    matrix.sort_indices()
    size = np.int64(matrix.shape[1])
    keys = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr)) * size + matrix.indices
    wanted = rows * size + columns
    place = np.searchsorted(keys, wanted)
    keys, data = np.append(keys, -1), np.append(matrix.data, 0.0)
    return np.where(keys[place] == wanted, data[place], 0.0)
