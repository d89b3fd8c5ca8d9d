"""Which rows of a file were read before: exact duplicates are dropped, the first is kept.

Hashes of all rows so far stand in sorted runs; a table of bits, addressed by the hash's high bits
(so that sorted hashes walk through it in order), answers "certainly new" for
nearly all rows at once, so that the runs are searched only for the few others. A row counts as seen only if 64 bits of
one hash and 32 of another agree: two different rows are never taken for one in practice. It holds no rows, only
hashes: twelve bytes a row, the one part of reading whose memory grows with the file.
"""

from __future__ import annotations

import numpy as np

_RUNS = 48
"""Runs searched one by one; beyond, the newest half is merged into one."""


class SeenRows:
    """Hashes of the rows read so far.

    Parameters
    ----------
    size : int
        Bytes of the file; sets the size of the first filter (at most 32 MB).
    """

    def __init__(self, size: int) -> None:
        address = min(28, max(16, size.bit_length()))
        self._filter = np.zeros((1 << address) // 8, np.uint8)
        self._shift = np.uint64(64 - address)
        self._runs: list[tuple[np.ndarray, np.ndarray]] = []

    def new(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Which rows of a chunk are new, and remember them.

        Parameters
        ----------
        first : numpy.ndarray of uint64
            A hash of each row.
        second : numpy.ndarray of uint32
            Another, independent one.

        Returns
        -------
        numpy.ndarray of bool
            False for a row that stands earlier in the chunk or in a chunk before.
        """
        order = np.argsort(first)
        if (first[order][1:] == first[order][:-1]).any():
            order = np.argsort(first, kind="stable")
        a, b = first[order], second[order]
        fresh = np.ones(len(a), bool)
        fresh[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
        slot = (a >> self._shift).astype(np.int64)
        place, bit = slot >> 3, np.left_shift(1, slot & 7).astype(np.uint8)
        maybe = np.flatnonzero((self._filter[place] & bit != 0) & fresh)
        if len(maybe):
            fresh[maybe[self._known(a[maybe], b[maybe])]] = False
        if len(place):
            starts = np.flatnonzero(np.append(True, place[1:] != place[:-1]))
            self._filter[place[starts]] |= np.bitwise_or.reduceat(bit, starts)
        self._runs.append((a[fresh], b[fresh]))
        if len(self._runs) > _RUNS:
            self._merge()
        new = np.empty(len(a), bool)
        new[order] = fresh
        return new

    def _known(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        known = np.zeros(len(a), bool)
        for run_a, run_b in self._runs:
            if not len(run_a):
                continue
            at = np.minimum(np.searchsorted(run_a, a), len(run_a) - 1)
            known |= (run_a[at] == a) & (run_b[at] == b)
        return known

    def _merge(self) -> None:
        kept, newest = self._runs[: -_RUNS // 2], self._runs[-_RUNS // 2 :]
        a = np.concatenate([run[0] for run in newest])
        b = np.concatenate([run[1] for run in newest])
        order = np.argsort(a)
        self._runs = [*kept, (a[order], b[order])]
