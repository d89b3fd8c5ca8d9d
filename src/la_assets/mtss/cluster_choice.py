"""How many clusters: the elbow of the cost curve, taken only where refits on resamples find the same clusters again.

Candidates go from the sharpest elbow to the flattest; the first whose clusters are large enough and stable is chosen. Where none
is, there is no grouping to tell teachers of, and that is the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from la_assets.mtss.k_prototypes import NoStart, Prototypes, fit, huang_gamma

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Choice:
    """What was chosen, and the curve it was chosen from.

    Attributes
    ----------
    status : str
        ``fitted``, ``too few students``, ``nothing varies`` or ``no stable grouping``.
    prototypes : Prototypes or None
        The fit of the chosen number of clusters.
    stability : float or None
        Mean adjusted Rand index of the chosen number; without one, the highest found.
    curve : list of dict
        Per number of clusters: ``clusters``, ``cost``, ``smallest`` (students), ``elbow`` (distance of the curve from its chord,
        both axes scaled to 1), ``stability`` (None: not looked at).
    """

    status: str
    prototypes: Prototypes | None
    stability: float | None
    curve: list[dict[str, Any]]


def choose(
    numeric: NDArray[np.float64],
    categories: NDArray[np.int32],
    *,
    min_cluster_size: int = 10,
    fewest: int = 2,
    most: int = 8,
    stability: float = 0.7,
    resamples: int = 10,
    resample_share: float = 0.8,
    resample_size: int = 2000,
    starts: int = 3,
    implementation: str = "compiled",
    seed: int = 0,
) -> Choice:
    """Choose the number of clusters and fit it.

    Parameters
    ----------
    numeric, categories : ndarray, shapes (n, p) and (n, q)
        Standardised features and codes of one tier and subject.
    min_cluster_size : int
        Fewer rows are not clustered, and a number of clusters that makes a smaller one is not chosen.
    fewest, most : int
        Numbers of clusters tried.
    stability : float
        Mean adjusted Rand index to reach.
    resamples, resample_share, resample_size : int, float, int
        Refits, each on this share of the rows, at most this many.
    starts, implementation, seed
        Of every fit.
    """
    rows = len(numeric)
    if rows < min_cluster_size:
        return Choice("too few students", None, None, [])
    different = len(np.unique(np.column_stack([numeric, categories]), axis=0))
    if not numeric.shape[1] or different <= fewest:
        return Choice("nothing varies", None, None, [])
    gamma = huang_gamma(numeric)
    how: dict[str, Any] = {"gamma": gamma, "starts": starts, "implementation": implementation, "seed": seed}
    fits = {1: _single(numeric, categories, gamma)}
    for clusters in range(fewest, max(fewest, min(most, rows // min_cluster_size, different - 1)) + 1):
        try:
            fits[clusters] = fit(numeric, categories, clusters, **how)
        except NoStart:
            break
    curve = {k: _point(k, prototypes) for k, prototypes in fits.items()}
    for k, bend in zip(curve, elbows(list(curve), [p["cost"] for p in curve.values()]), strict=True):
        curve[k]["elbow"] = bend
    candidates = [k for k in curve if k > 1 and curve[k]["smallest"] >= min_cluster_size]
    for k in sorted(candidates, key=lambda k: (-curve[k]["elbow"], k)):
        reached = _stability(
            numeric,
            categories,
            fits[k],
            resamples=resamples,
            size=max(k + 1, min(resample_size, int(rows * resample_share))),
            how=how,
            needed=stability,
        )
        curve[k]["stability"] = reached
        if reached >= stability:
            return Choice("fitted", fits[k], reached, list(curve.values()))
    seen = [p["stability"] for p in curve.values() if p["stability"] is not None]
    return Choice("no stable grouping", None, max(seen, default=None), list(curve.values()))


def elbows(numbers: list[int], costs: list[float]) -> list[float]:
    """How far the cost curve lies under the chord from its first to its last point, both axes scaled to 0..1."""
    if len(numbers) < 3 or costs[0] <= costs[-1]:
        return [0.0] * len(numbers)
    x = (np.array(numbers) - numbers[0]) / (numbers[-1] - numbers[0])
    y = (np.array(costs) - costs[-1]) / (costs[0] - costs[-1])
    return [float(v) for v in (1 - x) - y]


def adjusted_rand_index(one: NDArray[np.int32], other: NDArray[np.int32]) -> float:
    """Agreement of two labellings of the same rows, 1 for the same, 0 for chance (Hubert and Arabie 1985)."""
    table = np.zeros((int(one.max()) + 1, int(other.max()) + 1))
    np.add.at(table, (one, other), 1)

    def pairs(counts: NDArray[np.float64]) -> float:
        return float((counts * (counts - 1) / 2).sum())

    both, rows, columns, total = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0)), pairs(np.array([float(len(one))]))
    expected, largest = rows * columns / total if total else 0.0, (rows + columns) / 2
    return 1.0 if largest == expected else (both - expected) / (largest - expected)


def _single(numeric: NDArray[np.float64], categories: NDArray[np.int32], gamma: float) -> Prototypes:
    centre = numeric.mean(axis=0)
    mode = np.array([np.bincount(categories[:, kind]).argmax() for kind in range(categories.shape[1])], np.int32)
    cost = float(((numeric - centre) ** 2).sum() + gamma * (categories != mode).sum())
    return Prototypes(centre[None], mode[None], gamma, np.zeros(len(numeric), np.int32), cost, 0)


def _point(clusters: int, prototypes: Prototypes) -> dict[str, Any]:
    smallest = int(np.bincount(prototypes.labels, minlength=clusters).min())
    return {"clusters": clusters, "cost": prototypes.cost, "smallest": smallest, "elbow": 0.0, "stability": None}


def _stability(
    numeric: NDArray[np.float64],
    categories: NDArray[np.int32],
    found: Prototypes,
    *,
    resamples: int,
    size: int,
    how: dict[str, Any],
    needed: float,
) -> float:
    """Mean agreement of refits with the fit; stops as soon as the mean can no longer reach what is needed."""
    random = np.random.RandomState(how["seed"])
    agreement: list[float] = []
    for resample in range(resamples):
        rows = np.sort(random.choice(len(numeric), size, replace=False))
        try:
            refit = fit(numeric[rows], categories[rows], len(found.modes), **(how | {"seed": how["seed"] + 1000 + 100 * resample}))
        except NoStart:
            agreement.append(0.0)
            continue
        agreement.append(adjusted_rand_index(found.labels[rows], refit.labels))
        if sum(agreement) + (resamples - len(agreement)) < needed * resamples:
            break
    return float(np.mean(agreement))
