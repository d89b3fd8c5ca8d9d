"""Quarter marks: percent by seat and quarter, letters, grade points, credits and course failures.

A mark follows achievement in the subject, absence, the student's effort and the section's strictness.
"""

from __future__ import annotations

import numpy as np

from la_resources.sources.simulated_district.achievement import Achievement
from la_resources.sources.simulated_district.sections import Sections
from la_resources.sources.simulated_district.stays import Stays

PASSING = 60.0
LETTERS = ("F", "D", "C", "B", "A")
_BOUNDS = np.array([60.0, 70.0, 80.0, 90.0])


def quarter_percents(
    rng: np.random.Generator, students: int, stays: Stays, sections: Sections, achievement: Achievement, *, absence: np.ndarray
) -> np.ndarray:
    """Percent of every seat in every quarter, whole numbers 0 to 100; shape (stays, 6, 4); seats without a section mean nothing."""
    middle = (achievement.start + achievement.end) / 2
    theta = np.stack([middle[:, 0], middle[:, 1], *[middle.mean(axis=1)] * 4], axis=1)
    weight = np.array([7.0, 7.0, 6.0, 6.0, 2.0, 2.0])
    effort = rng.normal(0.0, 4.0, students)
    strictness = rng.normal(0.0, 2.5, sections.school.size)
    base = 77.0 + weight * theta[stays.student] + np.where(np.arange(6) < 4, 0.0, 6.0)
    base += (effort - 70.0 * (absence - 0.07))[stays.student][:, None] - strictness[sections.seat]
    percent = base[:, :, None] + rng.normal(0.0, 5.0, (len(stays), 6, 4))
    return np.round(percent).clip(0, 100)


def letter_index(percent: np.ndarray) -> np.ndarray:
    """Index into ``LETTERS``, which is also the unweighted grade points."""
    return np.searchsorted(_BOUNDS, percent, side="right")


def failures(percent: np.ndarray, stays: Stays, seats: np.ndarray, students: int, quarters: slice) -> np.ndarray:
    """Courses whose mean over the quarters is below passing, by student; of two stays the worse one counts."""
    failed = ((percent[:, :, quarters].mean(axis=2) < PASSING) & (seats >= 0)).sum(axis=1)
    worst = np.zeros(students, dtype=np.int64)
    np.maximum.at(worst, stays.student, failed)
    return worst
