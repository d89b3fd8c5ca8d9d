"""The inner loops of K-Prototypes, in the subset of Python that numba compiles; nothing here is called uncompiled but by tests.

After Z. Huang, "Extensions to the k-means algorithm for clustering large data sets with categorical values", Data Mining and
Knowledge Discovery 2 (1998): squared Euclidean distance on numeric features plus gamma times the number of categorical features
that differ; points are moved one at a time, and both centroids of a move are updated at once. Sums are added up in the order
in which NumPy adds them, so that ties break as they do in the kmodes package. Indices are unsigned: for signed ones numba looks
at every access whether they count from the end, which takes four fifths of the time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np


@cache
def compiled() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """``assign`` and ``sweep`` compiled; the machine code is kept beside this file (or in ``NUMBA_CACHE_DIR``) for later processes."""
    import numba
    from numba.extending import register_jitable

    for inner in (square, wide_part, nearest_centroid, move_categories):
        register_jitable(inner)
    return numba.njit(cache=True)(assign), numba.njit(cache=True)(sweep)


def square(centres, cluster, numeric, point, column):
    """The squared difference of a point and a centroid in one numeric feature."""
    difference = centres[cluster, column] - numeric[point, column]
    return difference * difference


def wide_part(centres, cluster, numeric, point):
    """The squared Euclidean distance over eight features and more: eight running sums, then pairs of them, then what is left over."""
    width = numeric.shape[1]
    s0, s1 = square(centres, cluster, numeric, point, 0), square(centres, cluster, numeric, point, 1)
    s2, s3 = square(centres, cluster, numeric, point, 2), square(centres, cluster, numeric, point, 3)
    s4, s5 = square(centres, cluster, numeric, point, 4), square(centres, cluster, numeric, point, 5)
    s6, s7 = square(centres, cluster, numeric, point, 6), square(centres, cluster, numeric, point, 7)
    column = 8
    while column + 8 <= width:
        s0 += square(centres, cluster, numeric, point, column)
        s1 += square(centres, cluster, numeric, point, column + 1)
        s2 += square(centres, cluster, numeric, point, column + 2)
        s3 += square(centres, cluster, numeric, point, column + 3)
        s4 += square(centres, cluster, numeric, point, column + 4)
        s5 += square(centres, cluster, numeric, point, column + 5)
        s6 += square(centres, cluster, numeric, point, column + 6)
        s7 += square(centres, cluster, numeric, point, column + 7)
        column += 8
    distance = ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))
    while column < width:
        distance += square(centres, cluster, numeric, point, column)
        column += 1
    return distance


def nearest_centroid(numeric, categories, point, centres, modes, gamma):  # noqa: PLR0917
    """The first of the nearest centroids of a point, and the dissimilarity.

    Every centroid is looked at whole, and the nearer of two is taken without a jump: which one it is cannot be foretold, and a processor
    that guessed wrong loses more than the mismatches take.
    """
    width, kinds, wide = np.uint64(numeric.shape[1]), np.uint64(categories.shape[1]), numeric.shape[1] >= 8
    best, nearest = np.uint64(0), np.inf
    for cluster in range(np.uint64(modes.shape[0])):
        distance = 0.0
        if wide:
            distance = wide_part(centres, cluster, numeric, point)
        else:
            for column in range(width):
                difference = centres[cluster, column] - numeric[point, column]
                distance += difference * difference
        different = 0
        for kind in range(kinds):
            different += modes[cluster, kind] != categories[point, kind]
        distance += gamma * different
        nearer = distance < nearest
        best = np.uint64(cluster) if nearer else best
        nearest = distance if nearer else nearest
    return best, nearest


def assign(numeric, categories, centres, modes, gamma, labels, distances):  # noqa: PLR0917
    """Put each point to its nearest centroid, the first of equals; returns the cost.

    ``numeric`` (n, p) float64, ``categories`` (n, q) int32, ``centres`` (k, p) float64, ``modes`` (k, q) int32; writes ``labels``
    (n,) int32 and ``distances`` (n,) float64.
    """
    cost = 0.0
    for point in range(np.uint64(numeric.shape[0])):
        best, nearest = nearest_centroid(numeric, categories, point, centres, modes, gamma)
        labels[point] = best
        distances[point] = nearest
        cost += nearest
    return cost


def sweep(numeric, categories, centres, modes, gamma, members, sums, sizes, counts, start):  # noqa: PLR0917
    """Look at every point from ``start`` on and move it if another centroid is nearer, updating both clusters at once.

    ``members`` (n,) int32 is each point's cluster, ``sums`` (k, p) and ``sizes`` (k,) are the clusters' numeric sums and numbers of
    points, ``counts`` (k, q, categories) how often each category occurs. All are updated in place. Returns the number of moves
    and, if a move emptied a cluster, the point and the emptied cluster (else -1, -1): the caller refills it and goes on.
    """
    points, width = numeric.shape
    moves = 0
    for point in range(np.uint64(start), np.uint64(points)):
        old = np.uint64(members[point])
        best, _ = nearest_centroid(numeric, categories, point, centres, modes, gamma)
        if best == old:
            continue
        moves += 1
        members[point] = best
        sizes[best] += 1
        sizes[old] -= 1
        for column in range(width):
            sums[best, column] += numeric[point, column]
            sums[old, column] -= numeric[point, column]
            centres[best, column] = sums[best, column] / sizes[best]
            centres[old, column] = sums[old, column] / sizes[old] if sizes[old] else 0.0
        move_categories(categories[point], best, old, modes, counts)
        if not sizes[old]:
            return moves, np.int64(point), np.int64(old)
    return moves, -1, -1


def move_categories(categories, to, old, modes, counts):
    """Count a point's categories in another cluster; a mode changes when another category is more frequent, ties to the present one.

    In the cluster that lost the point the smallest of the most frequent categories becomes the mode, if the mode lost one.
    """
    for kind in range(categories.shape[0]):
        value = categories[kind]
        counts[to, kind, value] += 1
        if counts[to, kind, modes[to, kind]] < counts[to, kind, value]:
            modes[to, kind] = value
        counts[old, kind, value] -= 1
        if modes[old, kind] == value:
            most = 0
            for candidate in range(1, counts.shape[2]):
                if counts[old, kind, candidate] > counts[old, kind, most]:
                    most = candidate
            modes[old, kind] = most
