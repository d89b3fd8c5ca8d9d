"""K-Prototypes (Huang 1998) on mixed features: starts by Cao (2009) and Huang, the compiled fit, and the kmodes package as alternative.

From the same initial centroids the compiled fit gives the labels and the cost of kmodes 0.12.2, cluster refills and ties
included; a test holds that on random data. What differs is speed, and that the starts here do not depend on an unstable sort.
Features arrive standardised and coded; how many clusters there should be is decided in ``cluster_choice.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_SWEEPS = 100
MOST_TRIES = 20


class NoStart(ValueError):
    """No start without an empty cluster was found: there are hardly more different rows than clusters."""


@dataclass(frozen=True)
class Prototypes:
    """A fit.

    Attributes
    ----------
    centres : ndarray of float64, shape (k, p)
        Numeric centroids.
    modes : ndarray of int32, shape (k, q)
        Categorical centroids.
    gamma : float
        Weight of a categorical mismatch.
    labels : ndarray of int32, shape (n,)
        Cluster of each row.
    cost : float
        Sum of the rows' dissimilarities to their centroids.
    sweeps : int
        Passes over the rows.
    """

    centres: NDArray[np.float64]
    modes: NDArray[np.int32]
    gamma: float
    labels: NDArray[np.int32]
    cost: float
    sweeps: int


def huang_gamma(numeric: NDArray[np.float64]) -> float:
    """Huang's rule: half the mean standard deviation of the numeric features."""
    return float(0.5 * np.mean(numeric.std(axis=0)))


def assigned(
    numeric: NDArray[np.float64],
    categories: NDArray[np.int32],
    centres: NDArray[np.float64],
    modes: NDArray[np.int32],
    *,
    gamma: float,
) -> tuple[NDArray[np.int32], NDArray[np.float64], float]:
    """The nearest centroid of each row, the dissimilarity to it, and the cost."""
    from la_assets.mtss.k_prototypes_kernel import compiled

    assign, _ = compiled()
    labels, distances = np.empty(len(numeric), np.int32), np.empty(len(numeric))
    cost = assign(*_typed(numeric, categories), *_typed(centres, modes), float(gamma), labels, distances)
    return labels, distances, float(cost)


@dataclass(frozen=True)
class Clusters:
    """What a fit keeps while it moves points; all arrays change in place.

    Attributes
    ----------
    centres, modes : ndarray, shapes (k, p) and (k, q)
        Centroids.
    members : ndarray of int32, shape (n,)
        Cluster of each row.
    sums : ndarray, shape (k, p)
        Sums of the numeric features.
    sizes : ndarray of int64, shape (k,)
        Rows.
    counts : ndarray of int64, shape (k, q, categories)
        How often each category occurs.
    """

    centres: NDArray[np.float64]
    modes: NDArray[np.int32]
    members: NDArray[np.int32]
    sums: NDArray[np.float64]
    sizes: NDArray[np.int64]
    counts: NDArray[np.int64]


def fit_from(
    numeric: NDArray[np.float64],
    categories: NDArray[np.int32],
    centres: NDArray[np.float64],
    modes: NDArray[np.int32],
    *,
    gamma: float,
    random: np.random.RandomState,
    most_sweeps: int = MOST_SWEEPS,
) -> Prototypes | None:
    """The fit from given initial centroids; None if one of them is nearest to no row.

    Parameters
    ----------
    numeric : ndarray, shape (n, p)
        Standardised numeric features without missing values.
    categories : ndarray, shape (n, q)
        Categories coded from 0.
    centres, modes : ndarray, shapes (k, p) and (k, q)
        Initial centroids.
    gamma : float
        Weight of a categorical mismatch.
    random : numpy.random.RandomState
        Draws the row that refills an emptied cluster, as kmodes does.
    most_sweeps : int
        Passes over the rows at most.
    """
    numeric, categories = _typed(numeric, categories)
    members, _, _ = assigned(numeric, categories, centres, modes, gamma=gamma)
    sizes = np.bincount(members, minlength=len(modes)).astype(np.int64)
    if not sizes.all():
        return None
    sums, counts = _totals(numeric, categories, members, len(modes))
    clusters = Clusters(sums / sizes[:, None], counts.argmax(axis=2).astype(np.int32), members, sums, sizes, counts)
    labels, _, cost = assigned(numeric, categories, clusters.centres, clusters.modes, gamma=gamma)
    sweeps = 0
    while sweeps < most_sweeps:
        sweeps += 1
        movable = labels != members  # the rows before the first of them stay where they are: nothing has changed when they are looked at
        first = int(movable.argmax())
        if not movable[first]:
            break
        pass_over(numeric, categories, clusters, gamma=gamma, random=random, first=first)
        before = cost
        labels, _, cost = assigned(numeric, categories, clusters.centres, clusters.modes, gamma=gamma)
        if cost >= before:
            break
    return Prototypes(clusters.centres, clusters.modes, gamma, labels, cost, sweeps)


def pass_over(
    numeric: NDArray[np.float64],
    categories: NDArray[np.int32],
    clusters: Clusters,
    *,
    gamma: float,
    random: np.random.RandomState,
    first: int = 0,
) -> int:
    """Move every row from ``first`` on that has a nearer centroid; returns the number of moves.

    A cluster that loses its last row gets, as in kmodes, a random row of the largest one; its numeric centroid follows at the
    next move only.
    """
    from la_assets.mtss.k_prototypes_kernel import compiled, move_categories

    _, sweep = compiled()
    c = clusters
    moves, point = 0, first - 1
    while True:
        moved, point, emptied = sweep(numeric, categories, c.centres, c.modes, gamma, c.members, c.sums, c.sizes, c.counts, point + 1)
        moves += moved
        if emptied < 0:
            return moves
        largest = int(c.sizes.argmax())
        row = int(random.choice(np.flatnonzero(c.members == largest)))
        c.members[row] = emptied
        c.sums[emptied] += numeric[row]
        c.sums[largest] -= numeric[row]
        c.sizes[emptied] += 1
        c.sizes[largest] -= 1
        move_categories(categories[row], emptied, largest, c.modes, c.counts)


def fit(
    numeric: NDArray[np.float64],
    categories: NDArray[np.int32],
    clusters: int,
    *,
    gamma: float,
    starts: int = 3,
    seed: int = 0,
    implementation: str = "compiled",
) -> Prototypes:
    """The best of several fits: the first start by Cao's method, the others by Huang's.

    Parameters
    ----------
    clusters : int
        Number of clusters k, at most the number of different rows.
    gamma : float
        Weight of a categorical mismatch (:func:`huang_gamma`).
    starts : int
        Number of starts.
    seed : int
        Of the starts; the same seed gives the same fit.
    implementation : "compiled" or "kmodes"
        ``kmodes`` fits with that package from the same initial centroids.

    Raises
    ------
    NoStart
        If no start without an empty cluster was found.

    References
    ----------
    F. Cao, J. Liang, L. Bai, "A new initialization method for categorical data clustering", Expert Systems with Applications
    36 (2009).
    """
    best: Prototypes | None = None
    different = _different_rows(categories)
    middle, spread, densest = numeric.mean(axis=0), numeric.std(axis=0), cao_modes(categories, clusters)
    random = np.random.RandomState(seed)
    for start in range(starts):
        found: Prototypes | None = None
        random.seed(seed + start)  # as a new one, without asking the system for a seed that is not wanted
        for _ in range(MOST_TRIES):
            modes = densest if start == 0 else huang_modes(categories, clusters, random, different)
            centres = middle + random.randn(clusters, numeric.shape[1]) * spread
            if implementation == "kmodes":
                found = _kmodes_fit(numeric, categories, centres, modes, gamma=gamma, seed=seed + start)
            else:
                found = fit_from(numeric, categories, centres, modes, gamma=gamma, random=random)
            if found is not None:
                break
        if found is not None and (best is None or found.cost < best.cost):
            best = found
    if best is None:
        raise NoStart(f"no start with {clusters} clusters that are all nearest to a row, among {len(numeric)} rows")
    return best


def cao_modes(categories: NDArray[np.int32], clusters: int) -> NDArray[np.int32]:
    """Initial modes by density and distance: the densest row, then rows that are dense and far from those taken."""
    points, kinds = categories.shape
    density = np.zeros(points)
    for kind in range(kinds):
        frequency = np.bincount(categories[:, kind])
        density += frequency[categories[:, kind]] / float(points) / float(kinds)
    modes = np.empty((clusters, kinds), np.int32)
    modes[0] = categories[density.argmax()]
    farthest = np.full(points, np.inf)
    for cluster in range(1, clusters):
        mismatches = (categories != modes[cluster - 1]).sum(axis=1)
        farthest = np.minimum(farthest, mismatches * density)
        modes[cluster] = categories[farthest.argmax()]
    return modes


def huang_modes(categories: NDArray[np.int32], clusters: int, random: np.random.RandomState, rows: NDArray[np.int32]) -> NDArray[np.int32]:
    """Initial modes drawn by the categories' frequencies, each moved to the nearest of the different ``rows`` that is no mode yet."""
    kinds = categories.shape[1]
    modes = np.empty((clusters, kinds), np.int32)
    for kind in range(kinds):
        modes[:, kind] = categories[random.randint(0, len(categories), clusters), kind]
    taken = np.zeros(len(rows), bool)
    for cluster in range(clusters):
        mismatches = (rows != modes[cluster]).sum(axis=1)
        nearest = int((mismatches + (kinds + 1) * taken).argmin())
        modes[cluster], taken[nearest] = rows[nearest], True
    return modes


def _different_rows(categories: NDArray[np.int32]) -> NDArray[np.int32]:
    """The different rows in ascending order, as ``np.unique`` by rows gives them, which compares bytes."""
    if not len(categories):
        return categories
    highest = categories.max(axis=0).astype(np.int64) + 1
    if np.prod(highest.astype(float)) > 2**62:
        return np.unique(categories, axis=0)
    first = np.unique(np.ravel_multi_index(tuple(categories.T), tuple(highest)), return_index=True)[1]
    return categories[first]


def _typed(numbers: NDArray[np.float64], codes: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    return np.ascontiguousarray(numbers, np.float64), np.ascontiguousarray(codes, np.int32)


def _totals(
    numeric: NDArray[np.float64], categories: NDArray[np.int32], members: NDArray[np.int32], clusters: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Numeric sums (added in row order) and category counts of each cluster."""
    members = members.astype(np.intp)
    sums = np.stack([np.bincount(members, weights=column, minlength=clusters) for column in numeric.T], axis=1).astype(
        np.float64, copy=False
    )
    codes = int(categories.max(initial=0)) + 1
    counts = [np.bincount(members * codes + kind, minlength=clusters * codes).reshape(clusters, codes) for kind in categories.T]
    return sums, np.stack(counts, axis=1)


def _kmodes_fit(
    numeric: NDArray[np.float64],
    categories: NDArray[np.int32],
    centres: NDArray[np.float64],
    modes: NDArray[np.int32],
    *,
    gamma: float,
    seed: int,
) -> Prototypes:
    """The same with kmodes; it codes categories by their order, so codes that do not occur in the data must not occur in the modes."""
    from kmodes.kprototypes import KPrototypes

    width = numeric.shape[1]
    codes = [np.unique(categories[:, kind]) for kind in range(categories.shape[1])]
    coded = np.column_stack([np.searchsorted(codes[kind], modes[:, kind]) for kind in range(len(codes))])
    model = KPrototypes(len(modes), init=[centres.copy(), coded], n_init=1, gamma=gamma, random_state=seed, max_iter=MOST_SWEEPS)
    rows = np.column_stack([numeric, categories]).astype(float)
    model.fit(rows, categorical=list(range(width, rows.shape[1])))
    fitted_centres, fitted_modes = model._enc_cluster_centroids
    decoded = np.column_stack([codes[kind][fitted_modes[:, kind].astype(int)] for kind in range(len(codes))])
    return Prototypes(
        np.asarray(fitted_centres, np.float64),
        decoded.astype(np.int32),
        gamma,
        np.asarray(model.labels_, np.int32),
        float(model.cost_),
        int(model.n_iter_),
    )
