"""The system that several grouping columns leave, ``S = I + L' R L``: factored dense, or sparse where groups are nested.

Both ways give the same: solutions, the determinant, and the inverse where R has entries (the sparse one by the selected inverse). The
matrices come from ``coupling.py``.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from la_assets.mixed_models.coupling import Coupling, TooLarge
from la_assets.mixed_models.selected_inverse import entries, selected_inverse, sparse_factor

_DENSE_SIZE = 400
_MOST_DENSE = 16_000
_LITTLE_FILL = 0.05


class System(Protocol):
    """S factored. ``scale`` is the sparse block-diagonal L."""

    log_determinant: float
    scale: Any

    def solve(self, right: np.ndarray) -> np.ndarray:
        """``S^-1 right``."""

    def times_reduced(self, right: np.ndarray) -> np.ndarray:
        """``R right``."""

    def scaled_inverse(self) -> np.ndarray:
        """``L S^-1 L'`` on the pattern of R (lower triangle)."""

    def traces(self, begin: int, end: int, effects: int) -> np.ndarray:
        """Sum over the levels of a term (columns ``begin`` to ``end``) of their diagonal blocks of ``S^-1 L' R`` (effects, effects)."""

    def blocks(self, begin: int, end: int, effects: int) -> np.ndarray:
        """Diagonal blocks of ``S^-1`` of a term: (levels, effects, effects)."""


def is_sparse(coupling: Coupling) -> bool:
    """Whether the sparse way pays: a large system whose factor stays thin."""
    from scipy import sparse

    size = coupling.size
    if coupling.rows.size == size:
        return True
    if size <= _DENSE_SIZE or 2 * coupling.rows.size > _LITTLE_FILL * size * size:
        return False
    values = np.where(coupling.rows == coupling.columns, float(size), 1.0)
    return sparse_factor(_symmetric(coupling, values, sparse.csc_matrix)).lower.nnz < _LITTLE_FILL * size * size


def block_diagonal(factors: list[np.ndarray], starts: np.ndarray) -> Any:
    """L as a sparse matrix: each term's factor once per level."""
    from scipy import sparse

    parts = [
        sparse.kron(sparse.identity((end - begin) // factor.shape[0]), factor, format="csr")
        for factor, begin, end in zip(factors, starts[:-1], starts[1:], strict=True)
    ]
    return sparse.block_diag(parts, format="csr")


class DenseSystem:
    """S as an array, by Cholesky."""

    def __init__(self, coupling: Coupling, reduced: np.ndarray, scale: Any) -> None:
        from scipy.linalg.lapack import dpotrf, dpotri

        if coupling.size > _MOST_DENSE:
            raise TooLarge(f"{coupling.size} effects outside the largest grouping column are too many for one dense system")
        self._coupling, self.scale = coupling, scale
        self._reduced = np.zeros((coupling.size, coupling.size))
        self._reduced[coupling.rows, coupling.columns] = reduced
        self._reduced[coupling.columns, coupling.rows] = reduced
        matrix = scale.T @ (scale.T @ self._reduced).T
        matrix[np.diag_indices_from(matrix)] += 1.0
        root, failed = dpotrf(matrix.T, lower=1, overwrite_a=1)
        if failed:
            raise np.linalg.LinAlgError("the system of the smaller grouping columns is not positive definite")
        self.log_determinant = 2 * float(np.log(np.diag(root)).sum())
        self._root = root
        self._invert = dpotri
        self._inverse: np.ndarray | None = None

    def solve(self, right: np.ndarray) -> np.ndarray:
        from scipy.linalg import cho_solve

        return cho_solve((self._root, True), right, check_finite=False)

    def times_reduced(self, right: np.ndarray) -> np.ndarray:
        return self._reduced @ right

    def scaled_inverse(self) -> np.ndarray:
        scaled = self.scale @ (self.scale @ self._whole_inverse()).T
        return scaled[self._coupling.rows, self._coupling.columns]

    def traces(self, begin: int, end: int, effects: int) -> np.ndarray:
        half = (self.scale @ self._whole_inverse()[:, begin:end]).T
        found = np.empty((effects, effects))
        for a in range(effects):
            for b in range(effects):
                found[a, b] = np.einsum("ij,ij->", half[a::effects], self._reduced[begin + b : end : effects])
        return found

    def blocks(self, begin: int, end: int, effects: int) -> np.ndarray:
        levels = np.arange(begin, end).reshape(-1, effects)
        return self._whole_inverse()[levels[:, :, None], levels[:, None, :]]

    def _whole_inverse(self) -> np.ndarray:
        if self._inverse is None:
            inverse = self._invert(self._root, lower=1)[0]
            lower = np.tril(inverse, -1)
            self._inverse = lower + lower.T + np.diag(np.diag(inverse))
        return self._inverse


class SparseSystem:
    """S as a sparse matrix, by a sparse factor and its selected inverse."""

    def __init__(self, coupling: Coupling, reduced: np.ndarray, scale: Any) -> None:
        from scipy import sparse

        self._coupling, self.scale = coupling, scale
        self._reduced = _symmetric(coupling, reduced, sparse.csr_matrix)
        self._factor = sparse_factor((sparse.identity(coupling.size) + scale.T @ self._reduced @ scale).tocsc())
        self.log_determinant = self._factor.log_determinant
        self._inverse: Any = None

    def solve(self, right: np.ndarray) -> np.ndarray:
        return self._factor.solve(right)

    def times_reduced(self, right: np.ndarray) -> np.ndarray:
        return self._reduced @ right

    def scaled_inverse(self) -> np.ndarray:
        scaled = (self.scale @ self._on_pattern() @ self.scale.T).tocsr()
        scaled.sort_indices()
        return _at(scaled, self._coupling.rows, self._coupling.columns)

    def traces(self, begin: int, end: int, effects: int) -> np.ndarray:
        half = (self._on_pattern()[begin:end] @ self.scale.T).tocsr()
        found = np.empty((effects, effects))
        for a in range(effects):
            for b in range(effects):
                found[a, b] = half[a::effects].multiply(self._reduced[begin + b : end : effects]).sum()
        return found

    def blocks(self, begin: int, end: int, effects: int) -> np.ndarray:
        levels = np.arange(begin, end).reshape(-1, effects)
        rows = np.broadcast_to(levels[:, :, None], (*levels.shape, effects))
        columns = np.broadcast_to(levels[:, None, :], (*levels.shape, effects))
        return _at(self._on_pattern(), rows.ravel(), columns.ravel()).reshape(rows.shape)

    def _on_pattern(self) -> Any:
        """``S^-1`` where R has entries."""
        if self._inverse is None:
            from scipy import sparse

            values = entries(selected_inverse(self._factor), self._factor.order, self._coupling.rows, self._coupling.columns)
            self._inverse = _symmetric(self._coupling, values, sparse.csr_matrix)
            self._inverse.sort_indices()
        return self._inverse


def _symmetric(coupling: Coupling, values: np.ndarray, kind: Any) -> Any:
    """A symmetric sparse matrix from its lower triangle on the pattern."""
    off = coupling.rows != coupling.columns
    rows = np.concatenate([coupling.rows, coupling.columns[off]])
    columns = np.concatenate([coupling.columns, coupling.rows[off]])
    return kind((np.concatenate([values, values[off]]), (rows, columns)), shape=(coupling.size, coupling.size))


def _at(matrix: Any, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Entries of a sparse matrix with ascending indices; zero where it has none."""
    size = np.int64(matrix.shape[1])
    keys = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr)) * size + matrix.indices
    wanted = rows * size + columns
    place = np.searchsorted(keys, wanted)
    keys, data = np.append(keys, -1), np.append(matrix.data, 0.0)
    return np.where(keys[place] == wanted, data[place], 0.0)
