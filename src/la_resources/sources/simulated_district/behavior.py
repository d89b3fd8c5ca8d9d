"""Behaviour incidents and positive behaviour points of a year, as arrays.

Counts are Poisson with the student's own rate; a day falls anywhere in the enrolment. Columns are named when the files are written.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from la_resources.sources.simulated_district.population import Students
from la_resources.sources.simulated_district.stays import Mobility

TYPES = ("DISRUPT", "DEFIANCE", "TARDYEXC", "FIGHT", "BULLY", "TOBACCO", "THEFT", "DRUGS", "WEAPON")
SEVERITY = np.array([1, 1, 1, 3, 2, 2, 3, 4, 4])
ACTIONS = ("NONE", "CONF", "DET", "ISS", "OSS", "EXP")
POINT_REASONS = ("RESPECT", "EFFORT", "HELPING", "ATTENDANCE")
_RATE = np.array([0.10, 0.10, 0.12, 0.13, 0.15, 0.18, 0.45, 0.50, 0.50, 0.42, 0.36, 0.30, 0.22])


@dataclass
class Incidents:
    """One entry per incident: student row, day, and indices into ``TYPES`` and ``ACTIONS``; ``length`` in days."""

    rows: np.ndarray
    day: np.ndarray
    type: np.ndarray
    action: np.ndarray
    length: np.ndarray


def expected_incidents(students: Students, remote: bool) -> np.ndarray:
    """True yearly rate of incidents of each student."""
    return np.minimum(0.45 * _RATE[students.grade] * np.exp(students.behavior) * (0.6 if remote else 1.0), 12.0)


def draw_incidents(
    rng: np.random.Generator, students: Students, mobility: Mobility, exit_day: np.ndarray, last_day: int, *, remote: bool
) -> Incidents:
    """Draw the year's incidents with their actions; severe ones lead to suspension."""
    count = rng.poisson(expected_incidents(students, remote))
    rows = np.repeat(np.arange(len(students)), count)
    first, last = mobility.entry_day[rows], np.minimum(exit_day[rows], last_day - 1)
    day = first + np.floor(rng.random(rows.size) * (np.maximum(last - first, 0) + 1)).astype(np.int64)
    kind = rng.choice(len(TYPES), rows.size, p=[0.34, 0.22, 0.12, 0.12, 0.08, 0.06, 0.03, 0.022, 0.008])
    severity = SEVERITY[kind]
    u = rng.random(rows.size)
    light = np.searchsorted([0.15, 0.50, 0.88], u, side="right")
    grave = 3 + np.searchsorted([0.35], u, side="right")
    worst = np.where(u < 0.05, 5, 4)
    action = np.where(severity <= 1, light, np.where(severity <= 3, grave, worst))
    length = np.where(action == 3, 1 + (u * 2), np.where(action == 4, 1 + u * severity * 2, np.where(action == 5, 90, 0))).astype(np.int64)
    return Incidents(rows, day, kind, action, length)


def draw_points(
    rng: np.random.Generator, students: Students, mobility: Mobility, exit_day: np.ndarray, last_day: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Positive behaviour points: student rows, days, points and indices into ``POINT_REASONS``."""
    count = rng.poisson(2.0 * np.exp(-0.25 * students.behavior).clip(0.2, 4.0))
    rows = np.repeat(np.arange(len(students)), count)
    first, last = mobility.entry_day[rows], np.minimum(exit_day[rows], last_day - 1)
    day = first + np.floor(rng.random(rows.size) * (np.maximum(last - first, 0) + 1)).astype(np.int64)
    return rows, day, rng.integers(1, 11, rows.size), rng.integers(0, len(POINT_REASONS), rows.size)
