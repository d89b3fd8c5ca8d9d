"""Were students assigned to the teachers of a school and grade as if by chance, beyond what the value-added model knows of them?

Two statistics a subject, and what they would be by chance: students of a grade in a school change places with each other, all that is
known of a student moving together, so that subjects with the same classes and the same students are judged together without
counting the evidence twice. Freedman and Lane (1983, J. Bus. Econ. Stat. 1): residuals move, covariates stay, and what the
covariates explain of the moved residuals is taken away again. The draws are seeded. No verdict is spoken here.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from la_assets.mixed_models.blas import one_blas_thread
from la_assets.value_added.model import DOSAGE, SCHOOL_GRADE, TEACHER, ValueAdded

FEWEST_TEACHERS = 10
"""Teachers below which nothing can be told."""
_RATIO = 0.03
"""Placebo variance over residual variance that the statistic is made to find: about half the tolerance."""
_DRAWS, _FEWEST_DRAWS, _CELLS = 400, 100, 4_000_000
"""Draws, and how many fit a large district: students times draws."""


@dataclass(frozen=True)
class Slope:
    """Slope of teachers' mean residuals on prior-prior scores of their other students, its error by chance, and its p-value."""

    slope: float | None = None
    error: float | None = None
    p_value: float | None = None


class Assignment:
    """A subject's students of one year with their places.

    Parameters
    ----------
    test : ValueAdded
        The placebo model of the subject: last year's score, with this year's teachers.
    """

    def __init__(self, test: ValueAdded) -> None:
        units = test.rows.unique("unit", keep="first", maintain_order=True)
        self.students = units["student_key"].to_list()
        self.places = units[SCHOOL_GRADE].to_list()
        self._place = units[SCHOOL_GRADE].rank("dense").to_numpy().astype(int) - 1
        self._shares = _shares(test.rows, units)
        fixed = self._within(units.select(test.covariates).to_numpy())
        lengths = np.sqrt((fixed**2).sum(axis=0))
        with one_blas_thread():
            u, sizes, _ = np.linalg.svd(fixed[:, lengths > 1e-9] / lengths[lengths > 1e-9], full_matrices=False)
        self._basis = u[:, sizes > 1e-7 * sizes.max(initial=0.0)]
        self._residual = self._left(units["outcome"].to_numpy()[:, None])[:, 0]

    @cached_property
    def observed(self) -> float:
        """How much students of the same teacher resemble each other: the score statistic of a teacher variance."""
        return float(self._likeness(self._residual[:, None])[0])

    def by_chance(self, moved: np.ndarray) -> np.ndarray:
        """The same for moved students: ``moved`` (students, draws) are positions."""
        return self._likeness(self._left(self._residual[moved]))

    def _likeness(self, residuals: np.ndarray) -> np.ndarray:
        """Per column the products of the residuals of all pairs of students of a teacher, by their shares, summed over teachers.

        A teacher of many students has many pairs; weights are those that tell a variance of the size that matters best.
        """
        squares = self._shares.power(2)
        weight = 1 / (1 + _RATIO * np.asarray(squares.sum(axis=0)).ravel())
        sums = self._shares.T @ residuals
        return np.asarray(weight @ sums**2 - (squares @ weight) @ residuals**2)

    def _within(self, columns: np.ndarray) -> np.ndarray:
        counts = np.bincount(self._place)
        means = np.stack([np.bincount(self._place, weights=c) / counts for c in columns.T], axis=1)
        return np.asarray(columns - means[self._place])

    def _left(self, columns: np.ndarray) -> np.ndarray:
        within = self._within(columns)
        return np.asarray(within - self._basis @ (self._basis.T @ within))


def chance(assignments: Mapping[str, Assignment]) -> dict[str | None, tuple[float, float]]:
    """How clearly each subject's students, and all subjects' together (None), are not assigned by chance.

    Returns
    -------
    dict of subject to (standardised statistic, p-value)
        The p-value is that of a gamma distribution with the mean, variance and skewness of the draws (Winkler et al. 2016, NeuroImage
        141): it does not end at one over the number of draws. Together: the sum of the standardised statistics.
    """
    everyone = sorted({(key, place) for one in assignments.values() for key, place in zip(one.students, one.places, strict=True)})
    if not everyone:
        return {}
    draws = max(_FEWEST_DRAWS, min(_DRAWS, _CELLS // len(everyone)))
    luck = _luck(everyone, draws)
    row = {pair: i for i, pair in enumerate(everyone)}
    found: dict[str | None, tuple[float, float]] = {}
    total_observed, total_drawn = 0.0, np.zeros(draws)
    for subject, one in assignments.items():
        rows = np.array([row[pair] for pair in zip(one.students, one.places, strict=True)])
        drawn = one.by_chance(_moved(one.places, luck[rows]))
        mean, spread = float(drawn.mean()), float(drawn.std(ddof=1))
        if not spread > 0:
            continue
        total_observed += (one.observed - mean) / spread
        total_drawn += (drawn - mean) / spread
        found[subject] = ((one.observed - mean) / spread, _tail(one.observed, drawn))
    if found:
        found[None] = (total_observed / float(total_drawn.std(ddof=1)), _tail(total_observed, total_drawn))
    return found


def sorting_slope(rows: pl.DataFrame, found: ValueAdded) -> Slope:
    """Slope of teachers' mean residuals on the mean prior-prior score of their other students (after Chetty, Friedman and Rockoff 2014).

    The prior-prior score is taken beyond what the model knows (its residual on the covariates), since that is what could bias an effect,
    and both within grade and school. Two halves, because a student's own residual is correlated with the student's own prior-prior
    score where nobody was sorted. The error is the spread of the slope when students of a grade in a school change places: errors
    clustered by teacher are too small for twenty teachers whose classes are measured against each other.
    """
    ready = found.rows.join(
        rows.select("student_key", TEACHER, "school_year", "prior_prior"), on=["student_key", TEACHER, "school_year"], maintain_order="left"
    ).drop_nulls("prior_prior")
    units = ready.unique("unit", keep="first", maintain_order=True)
    if units.is_empty():
        return Slope()
    x = np.column_stack([np.ones(units.height), units.select(found.covariates).to_numpy()])
    before = units["prior_prior"].to_numpy()
    with one_blas_thread():
        beyond = before - x @ np.linalg.lstsq(x, before, rcond=None)[0]
    # Halves by the key, which is a keyed hash: as good as by chance, and the same in every run.
    half = units["student_key"].str.slice(-1).is_in(list("02468ace")).to_numpy().astype(int)
    place = (units[SCHOOL_GRADE] + pl.Series(half.astype(str))).to_list()
    draws = max(_FEWEST_DRAWS, min(_DRAWS, _CELLS // units.height))
    moved = _moved(place, _luck(list(zip(units["student_key"].to_list(), place, strict=True)), draws))
    shares = _shares(ready, units)
    effects = _teacher_means(units["residual"].to_numpy()[:, None], shares, half, place)
    scores = _teacher_means(np.column_stack([beyond, beyond[moved]]), shares, half, place)
    both = np.isfinite(effects[0][:, 0]) & np.isfinite(effects[1][:, 0])
    if both.sum() < FEWEST_TEACHERS:
        return Slope()
    y = np.concatenate([effects[0][both, 0], effects[1][both, 0]])
    other = np.vstack([scores[1][both], scores[0][both]])
    other = other - other.mean(axis=0)
    squares = (other**2).sum(axis=0)
    if not (squares > 0).all():
        return Slope()
    slopes = (other * (y - y.mean())[:, None]).sum(axis=0) / squares
    error = float(slopes[1:].std(ddof=1))
    if not error > 0:
        return Slope(float(slopes[0]))
    return Slope(float(slopes[0]), error, math.erfc(abs(float(slopes[0] - slopes[1:].mean())) / error / math.sqrt(2)))


def _teacher_means(columns: np.ndarray, shares: Any, half: np.ndarray, place: list[str]) -> list[np.ndarray]:
    """Teachers' means of both halves, within the place; NaN for a teacher without students in a half."""
    codes = np.unique(np.array(place), return_inverse=True)[1]
    counts = np.bincount(codes)
    means = np.stack([np.bincount(codes, weights=c) / counts for c in columns.T], axis=1)
    within = columns - means[codes]
    found = []
    for side in (0, 1):
        own = shares.multiply((half == side)[:, None]).tocsc()
        weight = np.asarray(own.sum(axis=0)).ravel()
        found.append(np.where(weight[:, None] > 0, np.asarray(own.T @ within) / np.maximum(weight, 1e-12)[:, None], np.nan))
    return found


def _shares(rows: pl.DataFrame, units: pl.DataFrame) -> Any:
    """Students by teachers: the share of instruction."""
    from scipy import sparse

    at = rows.select("unit").join(units.select("unit").with_row_index("at"), on="unit", how="left", maintain_order="left")["at"].to_numpy()
    teacher = rows[TEACHER].rank("dense").to_numpy().astype(int) - 1
    return sparse.csc_matrix((rows[DOSAGE].to_numpy(), (at, teacher)), shape=(units.height, int(teacher.max()) + 1))


def _luck(people: list[tuple[str, str]], draws: int) -> np.ndarray:
    """A number by chance for each person and draw, the same in every run on the same people."""
    seed = int.from_bytes(hashlib.sha256("".join(key for key, _ in people).encode()).digest()[:8], "big")
    return np.random.default_rng(seed).random((len(people), draws), dtype=np.float32)


def _moved(places: list[str], luck: np.ndarray) -> np.ndarray:
    """Positions of the students of each place in an order by chance, per draw."""
    codes = np.unique(np.array(places), return_inverse=True)[1]
    moved = np.empty(luck.shape, dtype=np.int64)
    for code in range(int(codes.max(initial=-1)) + 1):
        here = np.flatnonzero(codes == code)
        moved[here] = here[np.argsort(luck[here], axis=0)]
    return moved


def _tail(observed: float, drawn: np.ndarray) -> float:
    from scipy.stats import gamma, norm

    mean, spread = float(drawn.mean()), float(drawn.std(ddof=1))
    z = (observed - mean) / spread
    skew = float((((drawn - mean) / spread) ** 3).mean())
    if skew < 0.05:
        return float(norm.sf(z))
    return float(gamma.sf(z + 2 / skew, 4 / skew**2, scale=skew / 2))
