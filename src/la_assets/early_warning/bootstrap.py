"""Resampling of students: how often each one is drawn, resample by resample, with a fixed seed.

All rows of a student are drawn together, so that ten snapshots of one student are not ten pieces of evidence.
Measures that are ratios of sums are got from sums per student by one product of matrices; rankings are walked through per resample.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

BATCH = 25


def draws(students: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Counts of draws, shape (up to ``BATCH``, students), until there were ``resamples`` of them; each adds up to ``students``."""
    random = np.random.Generator(np.random.PCG64(seed))
    for start in range(0, resamples, BATCH):
        batch = np.empty((min(BATCH, resamples - start), students))
        for one in batch:
            one[:] = np.bincount(random.integers(0, students, students, dtype=np.int32), minlength=students)
        yield batch


def sums_by_student(values: np.ndarray, student: np.ndarray, students: int) -> np.ndarray:
    """Columns added up by student, shape (students, columns); ``student`` numbers the rows' students from 0."""
    if len(values) == students and np.array_equal(student, np.arange(students)):
        return values
    return np.column_stack([np.bincount(student, column, minlength=students) for column in values.T])


def interval(values: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Percentile interval over resamples (axis 0); NaN where more than half of the resamples give no value."""
    tail = (1 - confidence) / 2
    few = np.isfinite(values).mean(axis=0) < 0.5
    with np.errstate(invalid="ignore"):
        held = np.where(np.isfinite(values), values, np.nan)
        held = np.where(few, 0.0, held)
        low, high = np.nanquantile(held, [tail, 1 - tail], axis=0)
    return np.where(few, np.nan, low), np.where(few, np.nan, high)
