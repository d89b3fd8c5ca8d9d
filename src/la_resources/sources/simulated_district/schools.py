"""The schools of the district: numbers, names, levels, attendance zones, and their true effects on growth.

Every student lives in a zone; a zone has one elementary school, which feeds one middle and one high school. Poverty
differs between zones, so gaps have a part between schools. Schools are the same in all years.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from la_resources.sources.simulated_district.names import FEATURES, PLACES
from la_resources.sources.simulated_district.parameters import Parameters
from la_resources.sources.simulated_district.randomness import Streams

LEVELS = ("Elementary", "Middle", "High")
LEVEL_OF_GRADE = np.array([0] * 6 + [1] * 3 + [2] * 4)
"""Level index of grade index 0 (KG) to 12."""
_FIRST_NUMBER = (101, 2001, 3001)


@dataclass(frozen=True)
class Schools:
    """Arrays by school index, elementary schools first.

    Attributes
    ----------
    level : numpy.ndarray of int
        0 elementary, 1 middle, 2 high.
    number, name : polars.Series of str
        Local number (``0101``) and name.
    effect : numpy.ndarray, shape (schools, 2)
        True effect on a year's growth in ELA and mathematics, in student SD.
    first, count : tuple of int
        First index and number of schools of each level.
    zone_poverty : numpy.ndarray
        Shift of the log odds of poverty by zone.
    """

    level: np.ndarray
    number: pl.Series
    name: pl.Series
    locale: pl.Series
    title1: np.ndarray
    effect: np.ndarray
    first: tuple[int, int, int]
    count: tuple[int, int, int]
    zone_poverty: np.ndarray

    @property
    def zones(self) -> int:
        return self.count[0]

    def of(self, zone: np.ndarray, grade: np.ndarray) -> np.ndarray:
        """The school that serves a zone for a grade index."""
        level = LEVEL_OF_GRADE[grade]
        first, count = np.array(self.first)[level], np.array(self.count)[level]
        return first + zone * count // self.zones


def make_schools(students: int, parameters: Parameters, streams: Streams) -> Schools:
    """Draw the district's schools, about one per ``students_per_school`` students and at least one a level."""
    total = max(3, round(students / parameters.students_per_school))
    middle, high = max(1, round(total * 3 / 13)), max(1, round(total * 4 / 13))
    count = (max(1, total - middle - high), middle, high)
    first = (0, count[0], count[0] + count[1])
    level = np.repeat(np.arange(3), count)
    rng = streams.of("schools")
    n = level.size
    within = np.arange(n) - np.array(first)[level]
    numbers = (np.array(_FIRST_NUMBER)[level] + within).tolist()
    order = rng.permutation(len(PLACES) * len(FEATURES))
    pick = order[np.arange(n) % order.size]
    lap = np.arange(n) // order.size
    names = [
        f"{PLACES[p // len(FEATURES)]} {FEATURES[p % len(FEATURES)]} {LEVELS[lev]}{'' if turn == 0 else f' {turn + 1}'}"
        for p, lev, turn in zip(pick.tolist(), level.tolist(), lap.tolist(), strict=True)
    ]
    poverty = rng.normal(0.0, 0.6, count[0])
    shared, own = rng.normal(size=(n, 1)), rng.normal(size=(n, 2))
    effect = parameters.school_effect_sd * (np.sqrt(0.5) * shared + np.sqrt(0.5) * own)
    zone_of = np.minimum(within * count[0] // np.array(count)[level], count[0] - 1)
    locale = np.array(["City", "Suburb", "Town", "Rural"])[rng.choice(4, n, p=[0.35, 0.40, 0.10, 0.15])]
    return Schools(
        level,
        pl.Series("number", [f"{x:04d}" for x in numbers]),
        pl.Series("name", names),
        pl.Series("locale", locale.tolist()),
        poverty[zone_of] > 0.0,
        effect,
        first,
        count,
        poverty,
    )
