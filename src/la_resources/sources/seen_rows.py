"""Which rows of a file were read before: exact duplicates are dropped, the first is kept.

Hashes of all rows so far stand in sorted runs; a table of bytes, addressed by the hash's high bits
(so that sorted hashes walk through it in order), answers "certainly new" for
nearly all rows at once, so that the runs are searched only for the few others. A row counts as seen only if 64 bits of
one hash and 32 of another agree: two different rows are never taken for one in practice. It holds no rows, only hashes.
"""

from __future__ import annotations

import numpy as np

_RUNS = 24


class SeenRows:
    """Hashes of the rows read so far.

    Parameters
    ----------
    size : int
        Bytes of the file; sets the size of the first filter (memory: at most 128 MB).
    """

    def __init__(self, size: int) -> None:
        slots = 1 << min(27, max(16, int(size // 4).bit_length()))
        self._filter = np.zeros(slots, np.bool_)
        self._shift = np.uint64(64 - (slots.bit_length() - 1))
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
        maybe = np.flatnonzero(self._filter[slot] & fresh)
        if len(maybe):
            fresh[maybe[self._known(a[maybe], b[maybe])]] = False
        self._filter[slot] = True
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
        a = np.concatenate([run[0] for run in self._runs])
        b = np.concatenate([run[1] for run in self._runs])
        order = np.argsort(a, kind="stable")
        self._runs = [(a[order], b[order])]
