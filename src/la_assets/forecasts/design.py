"""From feature rows to the matrix that models see: medians, missingness indicators and grade indicators of one training fold.

A ``Design`` is learned from the rows of a training fold and then applied to any rows, so that no median of a later year is ever
filled in. Columns that are all missing or constant in the fold are left out and named in the manifest.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from la_assets.forecasts.targets import FEATURES

_RARE = 20
"""Rows that an indicator (missing, a grade) needs on either side to be a column."""
_PEERS = 10
"""Observed values that a grade needs for a median of its own; else the median of all grades is filled in."""


@dataclass(frozen=True)
class Rows:
    """Feature rows as arrays.

    Attributes
    ----------
    values : numpy.ndarray
        Features in the order of ``FEATURES``, missing as NaN, shape (n, features).
    grade : numpy.ndarray
        Grade level as text, shape (n,); an unknown grade is the empty text.
    """

    values: np.ndarray
    grade: np.ndarray

    @classmethod
    def of(cls, frame: pl.DataFrame) -> Rows:
        values = frame.select(pl.col(name).cast(pl.Float64).fill_null(float("nan")) for name in FEATURES).to_numpy()
        return cls(np.ascontiguousarray(values), frame["grade_level"].fill_null("").to_numpy().astype(str))

    def __len__(self) -> int:
        return len(self.grade)

    def take(self, where: np.ndarray) -> Rows:
        return Rows(self.values[where], self.grade[where])

    def column(self, name: str) -> np.ndarray:
        return self.values[:, FEATURES.index(name)]


@dataclass(frozen=True)
class Design:
    """What a training fold taught of its columns.

    Attributes
    ----------
    columns : tuple of str
        Features kept.
    medians : dict of str to tuple of float
        Median of each kept feature by grade level; the empty grade stands for all grades together.
    indicators : tuple of str
        Features with a missingness indicator; of features that are missing together, one.
    grades : tuple of str
        Grade levels with an indicator.
    """

    columns: tuple[str, ...]
    medians: dict[str, tuple[float, ...]]
    indicators: tuple[str, ...]
    grades: tuple[str, ...]

    @classmethod
    def learn(cls, rows: Rows) -> Design:
        """Learn columns and medians from a training fold."""
        missing = np.isnan(rows.values)
        observed = (~missing).sum(axis=0)
        low = np.where(missing, np.inf, rows.values).min(axis=0, initial=np.inf)
        high = np.where(missing, -np.inf, rows.values).max(axis=0, initial=-np.inf)
        kept = [i for i in range(len(FEATURES)) if observed[i] > 0 and high[i] > low[i]]
        often: dict[bytes, str] = {}
        for i in range(len(FEATURES)):
            if min(observed[i], len(rows) - observed[i]) >= _RARE:
                often.setdefault(np.packbits(missing[:, i]).tobytes(), FEATURES[i])
        values, counts = np.unique(rows.grade, return_counts=True)
        grades = tuple(str(g) for g, n in zip(values, counts, strict=True) if g and n >= _RARE)
        overall = tuple(_median(rows.values[:, i]) for i in kept)
        medians = {"": overall}
        for grade in grades:
            of_grade = rows.values[rows.grade == grade][:, kept]
            enough = (~np.isnan(of_grade)).sum(axis=0) >= _PEERS
            medians[grade] = tuple(_median(of_grade[:, k]) if enough[k] else overall[k] for k in range(len(kept)))
        return cls(tuple(FEATURES[i] for i in kept), medians, tuple(often.values()), grades)

    @property
    def names(self) -> list[str]:
        """Columns of the matrix."""
        return [*self.columns, *(f"{name} missing" for name in self.indicators), *(f"grade {g}" for g in self.grades)]

    def matrix(self, rows: Rows) -> np.ndarray:
        """The matrix of any rows, shape (n, columns), float64, nothing missing."""
        of_grade = rows.grade[:, None] == np.array(self.grades, dtype=str)[None, :]
        fill = np.tile(np.array(self.medians[""]), (len(rows), 1))
        for k, grade in enumerate(self.grades):
            fill[of_grade[:, k]] = self.medians[grade]
        values = rows.values[:, [FEATURES.index(name) for name in self.columns]]
        missing = np.isnan(rows.values[:, [FEATURES.index(name) for name in self.indicators]])
        return np.hstack([np.where(np.isnan(values), fill, values), missing.astype(float), of_grade.astype(float)])

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_dict(cls, learned: dict[str, Any]) -> Design:
        medians = {grade: tuple(values) for grade, values in learned["medians"].items()}
        return cls(tuple(learned["columns"]), medians, tuple(learned["indicators"]), tuple(learned["grades"]))


def _median(values: np.ndarray) -> float:
    """What ``numpy.nanmedian`` gives, to the last bit; that looks twice at every one of many short columns."""
    known = values[~np.isnan(values)]
    low, high = (len(known) - 1) // 2, len(known) // 2
    ordered = np.partition(known, (low, high))
    return float((ordered[low] + ordered[high]) / 2)
