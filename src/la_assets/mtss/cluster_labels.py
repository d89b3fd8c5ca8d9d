"""Labels that mean the same from year to year: centroids of a year are matched with those of the years before (Hungarian method).

The labels of a year follow from the models of that year and all years before it, so a rebuilt year gives the same labels and
no year reads a later one. A centroid that is farther from every earlier one than its students are from it is a new kind.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

import numpy as np
import polars as pl


@dataclass(frozen=True)
class Centroid:
    """A centroid by feature names: standardised numbers, and categories as text."""

    numeric: Mapping[str, float]
    categorical: Mapping[str, str]

    def dissimilarity(self, other: Centroid, gamma: float) -> float:
        """As K-Prototypes measures it, over the features that both have."""
        squares = sum((self.numeric[n] - other.numeric[n]) ** 2 for n in self.numeric.keys() & other.numeric.keys())
        shared = self.categorical.keys() & other.categorical.keys()
        return squares + gamma * sum(self.categorical[n] != other.categorical[n] for n in shared)


@dataclass(frozen=True)
class Label:
    """The label of a centroid: its letter, the year of the cluster it continues (None: a new kind), and how far that one is."""

    letter: str
    continues_from: str | None
    distance: float | None


def centroids_of(model: str) -> list[Centroid]:
    """The centroids of a stored model."""
    read: dict[str, Any] = json.loads(model)
    names = [f["name"] for f in read["numeric"]]
    kinds = [(f["name"], f["categories"]) for f in read["categorical"]]
    return [
        Centroid(
            dict(zip(names, centre, strict=True)), {name: categories[code] for (name, categories), code in zip(kinds, mode, strict=True)}
        )
        for centre, mode in zip(read["centres"], read["modes"], strict=True)
    ]


def labels_of_last(fits: pl.DataFrame, last: str) -> dict[tuple[str, int], list[Label]]:
    """Labels of the centroids of one year, per subject and tier.

    Parameters
    ----------
    fits : polars.DataFrame
        ``mtss.cluster_fits`` of that year and all years before.
    last : str
        That year.
    """
    fitted = fits.filter(pl.col("model").is_not_null()).sort("school_year")
    labels: dict[tuple[str, int], list[Label]] = {}
    for (subject, tier), history in fitted.group_by("subject", "tier", maintain_order=True):
        if history["school_year"].max() == last:
            labels[(str(subject), int(tier))] = follow(history.iter_rows(named=True))
    return labels


def follow(models: Iterable[Mapping[str, Any]]) -> list[Label]:
    """Labels of the last model's centroids, following the models of one subject and tier from the first year on.

    The first year's are lettered by rising score. A letter once given is never given to another kind; one that is absent for a
    year can come back.
    """
    known: dict[str, tuple[Centroid, str]] = {}
    labels: list[Label] = []
    for model in models:
        centroids = centroids_of(model["model"])
        radius = model["cost"] / max(model["students"], 1)
        labels = _label(centroids, known, model["gamma"], radius)
        known |= {label.letter: (centroid, model["school_year"]) for label, centroid in zip(labels, centroids, strict=True)}
    return labels


def _label(centroids: list[Centroid], known: Mapping[str, tuple[Centroid, str]], gamma: float, radius: float) -> list[Label]:
    from scipy.optimize import linear_sum_assignment

    matched: dict[int, Label] = {}
    letters = sorted(known, key=lambda letter: (len(letter), letter))
    if letters:
        distances = np.array([[c.dissimilarity(known[letter][0], gamma) for letter in letters] for c in centroids])
        for row, column in zip(*linear_sum_assignment(distances), strict=True):
            if distances[row, column] <= radius:
                matched[int(row)] = Label(letters[column], known[letters[column]][1], float(distances[row, column]))
    new = sorted((i for i in range(len(centroids)) if i not in matched), key=lambda i: (centroids[i].numeric.get("score", 0.0), i))
    for number, index in enumerate(new, start=len(letters)):
        matched[index] = Label(_letter(number), None, None)
    return [matched[i] for i in range(len(centroids))]


def _letter(number: int) -> str:
    """A to Z, then AA, AB, ..."""
    tens, ones = divmod(number, 26)
    return (_letter(tens - 1) if tens else "") + ascii_uppercase[ones]
