"""How the levels of several grouping columns meet: which teachers have which students, and what that leaves of the system.

Counts and sums over rows are taken once; per evaluation of the criterion only the pairs of columns that meet in a level of the largest
term are touched. Nothing is factored or searched here.

Notation: the largest term is ``1``, all others together are ``2``, one column of ``2`` per level and effect.
"""

from __future__ import annotations

from typing import Any

import numpy as np

MOST_PAIRS = 150_000_000
"""More pairs than this would not fit in memory."""


class TooLarge(ValueError):
    """The levels meet in more ways than one machine can hold."""


class Coupling:
    """Products of the random-effect columns between levels.

    Parameters
    ----------
    codes : list of numpy.ndarray
        Levels of the rows, per term; the first term has most levels.
    columns : list of numpy.ndarray, each (n, q)
        Whitened columns of the effects, rows scaled.
    levels : list of int

    Attributes
    ----------
    starts : numpy.ndarray
        First column of each term of ``2``, and the end.
    between : scipy.sparse.csr_matrix, shape (levels of 1 * q, columns of 2)
        ``Z1'Z2``.
    rows, columns : numpy.ndarray
        Pattern of the system on ``2``, lower triangle.
    """

    def __init__(self, codes: list[np.ndarray], columns: list[np.ndarray], levels: list[int]) -> None:
        from scipy import sparse

        sizes = [column.shape[1] for column in columns]
        self.starts = np.cumsum([0, *(count * size for count, size in zip(levels[1:], sizes[1:], strict=True))])
        self.size = int(self.starts[-1])
        met = [_met(codes[0], codes[k], levels[k], columns[0], columns[k]) for k in range(1, len(codes))]
        level = np.concatenate([np.repeat(m[0], m[2].shape[2]) for m in met])
        column = np.concatenate(
            [(start + m[1][:, None] * m[2].shape[2] + np.arange(m[2].shape[2])).ravel() for start, m in zip(self.starts, met, strict=False)]
        )
        values = np.concatenate([np.swapaxes(m[2], 1, 2).reshape(-1, sizes[0]) for m in met])
        order = np.lexsort((column, level))
        level, column, values = level[order], column[order], values[order]
        wide = (level[:, None] * sizes[0] + np.arange(sizes[0])).ravel()
        self.between = sparse.csr_matrix((values.ravel(), (wide, np.repeat(column, sizes[0]))), shape=(levels[0] * sizes[0], self.size))
        first, second = _pairs(level)
        self._level = level[first]
        self._level_begins = np.flatnonzero(np.concatenate([[True], self._level[1:] != self._level[:-1]]))
        products = values[first][:, :, None] * values[second][:, None, :]
        self._off = first != second
        self._products = np.where(self._off[:, None, None], products + np.swapaxes(products, 1, 2), products)
        own_rows, own_columns, own = _within(codes[1:], columns[1:], levels[1:], self.starts)
        size = np.int64(self.size)
        keys, position = _distinct(np.concatenate([column[first] * size + column[second], own_rows * size + own_columns]), self.size**2)
        self.rows, self.columns = keys // size, keys % size
        self._position = position[: first.size]
        self._within = np.bincount(position[first.size :], weights=own, minlength=keys.size)
        self._mirror = _Mirror(self.rows, self.columns, self.size)

    def reduced(self, inner: np.ndarray) -> np.ndarray:
        """``Z2'Z2 - Z2'Z1 W Z1'Z2`` on the pattern, for a symmetric W per level of ``1``."""
        if inner.shape[1] == 1:
            taken = inner[self._level, 0, 0] * self._products[:, 0, 0]
        else:
            taken = np.einsum("ekl,ekl->e", inner[self._level], self._products)
        taken[self._off] *= 0.5
        return self._within - np.bincount(self._position, weights=taken, minlength=self._within.size)

    def by_level(self, values: np.ndarray) -> np.ndarray:
        """``Z1'Z2 P Z2'Z1`` for each level of ``1`` (levels, q, q), for a symmetric P given on the pattern."""
        return np.add.reduceat(values[self._position][:, None, None] * self._products, self._level_begins, axis=0)

    def symmetric(self, values: np.ndarray) -> Any:
        """The symmetric ``scipy.sparse.csr_matrix`` whose lower triangle is given on the pattern."""
        return self._mirror.matrix(values)


class _Mirror:
    """A lower triangle's pattern as that of the whole symmetric matrix, worked out once."""

    def __init__(self, rows: np.ndarray, columns: np.ndarray, size: int) -> None:
        from scipy import sparse

        off = np.flatnonzero(rows != columns)
        source = np.concatenate([np.arange(rows.size), off])
        both = (np.concatenate([rows, columns[off]]), np.concatenate([columns, rows[off]]))
        placed = sparse.csr_matrix((source + 1, both), shape=(size, size))
        placed.sort_indices()
        self._source, self._indices, self._starts, self._size = placed.data - 1, placed.indices, placed.indptr, size

    def matrix(self, values: np.ndarray) -> Any:
        from scipy import sparse

        return sparse.csr_matrix((values[self._source], self._indices, self._starts), shape=(self._size, self._size))


def _met(one: np.ndarray, two: np.ndarray, levels: int, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of levels that share rows, and for each the products of their columns (pairs, q of one, q of two)."""
    keys, position = np.unique(one * np.int64(levels) + two, return_inverse=True)
    products = np.empty((keys.size, first.shape[1], second.shape[1]))
    for a in range(first.shape[1]):
        for b in range(second.shape[1]):
            products[:, a, b] = np.bincount(position, weights=first[:, a] * second[:, b], minlength=keys.size)
    return keys // levels, keys % levels, products


def _pairs(level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of all pairs of entries of the same level (ascending), each entry with itself and with those before it."""
    begins = np.flatnonzero(np.concatenate([[True], level[1:] != level[:-1]]))
    counts = np.diff(np.concatenate([begins, [level.size]]))
    if (counts.astype(float) * (counts + 1) / 2).sum() > MOST_PAIRS:
        raise TooLarge("the levels of the grouping columns meet in too many ways for one machine; give fewer terms or fewer years at once")
    begin = np.repeat(begins, counts)
    many = np.arange(level.size) - begin + 1
    first = np.repeat(np.arange(level.size), many)
    offset = np.arange(first.size) - np.repeat(np.cumsum(many) - many, many)
    return first, begin[first] + offset


def _within(
    codes: list[np.ndarray], columns: list[np.ndarray], levels: list[int], starts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``Z2'Z2`` as rows, columns and values of its lower triangle."""
    rows, others, values = [], [], []
    for k in range(len(codes)):
        for j in range(k + 1):
            high, low, products = _met(codes[k], codes[j], levels[j], columns[k], columns[j])
            for a in range(products.shape[1]):
                for b in range(products.shape[2] if j < k else a + 1):
                    rows.append(starts[k] + high * products.shape[1] + a)
                    others.append(starts[j] + low * products.shape[2] + b)
                    values.append(products[:, a, b])
    return np.concatenate(rows), np.concatenate(others), np.concatenate(values)


def _distinct(keys: np.ndarray, bound: int) -> tuple[np.ndarray, np.ndarray]:
    """Ascending distinct keys, and the position of each key among them; without sorting where the keys are small."""
    if bound > max(20_000_000, 2 * keys.size):
        return np.unique(keys, return_inverse=True)
    seen = np.zeros(bound, dtype=bool)
    seen[keys] = True
    distinct = np.flatnonzero(seen)
    position = np.zeros(bound, dtype=np.intp)
    position[distinct] = np.arange(distinct.size)
    return distinct, position[keys]
