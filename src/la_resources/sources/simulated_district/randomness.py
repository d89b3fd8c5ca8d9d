"""Random streams and draws: one independent generator per domain and year, so no table's draws move another's.

Also the two draws used all over: hazards whose mean is fixed by solving for the intercept, and systematic sampling of
events. It knows nothing of students or schools.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Streams:
    """Generators derived from one seed.

    Parameters
    ----------
    seed : int
        The district's seed.
    """

    seed: int

    def of(self, domain: str, year: int = 0, part: int = 0) -> np.random.Generator:
        """The generator of a domain (``attendance``), a starting year and a part (a month)."""
        return np.random.default_rng(np.random.SeedSequence([self.seed, zlib.crc32(domain.encode()), year, part]))


def logistic(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


def with_mean(score: np.ndarray, mean: float) -> np.ndarray:
    """Probabilities ``logistic(c + score)`` with ``c`` such that they average ``mean`` (bisection on c)."""
    if score.size == 0:
        return score.astype(float)
    low, high = -30.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        if logistic(score + middle).mean() < mean:
            low = middle
        else:
            high = middle
    return logistic(score + (low + high) / 2)


def systematic(rng: np.random.Generator, probability: np.ndarray) -> np.ndarray:
    """Events with exactly the given probabilities whose total stays within one of the expected total.

    Madow's systematic sampling over a random order: each element is drawn with its own probability, and small districts
    keep realistic totals.
    """
    order = rng.permutation(probability.size)
    points = np.floor(np.cumsum(probability[order]) + rng.random())
    events = np.zeros(probability.size, dtype=bool)
    events[order] = np.diff(points, prepend=0.0) > 0 if probability.size else False
    return events


def normal_cdf(z: np.ndarray) -> np.ndarray:
    """Standard normal distribution function (Abramowitz and Stegun 7.1.26, error below 2e-7)."""
    x = np.abs(z) / np.sqrt(2.0)
    t = 1.0 / (1.0 + 0.3275911 * x)
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erf = 1.0 - poly * np.exp(-x * x)
    return 0.5 * (1.0 + np.sign(z) * erf)
