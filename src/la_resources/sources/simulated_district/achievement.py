"""True achievement over a year: where students stand at the start and the end, and what made the difference.

    end = ability + slope (grade - 6) + persistence * drift + teacher + school + program - cost of absence - pandemic + noise

in student SD within grade; ``drift`` is last year's deviation from the student's long-run level. Observed scores are made in
``assessments.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from la_resources.sources.simulated_district.calendar import INSTRUCTIONAL_DAYS
from la_resources.sources.simulated_district.parameters import Parameters
from la_resources.sources.simulated_district.population import Students
from la_resources.sources.simulated_district.schools import Schools
from la_resources.sources.simulated_district.sections import Sections
from la_resources.sources.simulated_district.stays import Stays
from la_resources.sources.simulated_district.teachers import Faculty

PROGRESS = {"PM1": 0.0, "fall": 0.0, "PM2": 0.55, "winter": 0.6, "SAT": 0.85, "PM3": 1.0, "spring": 1.0, "EOC": 1.0}
"""Share of the year's growth made by each test window."""


@dataclass
class Achievement:
    """Achievement of the year, arrays of shape (students, 2): ELA and mathematics."""

    start: np.ndarray
    end: np.ndarray
    teacher_effect: np.ndarray
    school_effect: np.ndarray

    def at(self, window: str) -> np.ndarray:
        return self.start + PROGRESS[window] * (self.end - self.start)


def starting_achievement(students: Students) -> np.ndarray:
    """Achievement with which the year begins: last grade's long-run level plus drift."""
    return students.level(students.grade - 1) + students.drift


def received_effects(
    students: Students, stays: Stays, sections: Sections, schools: Schools, faculty: Faculty, *, parameters: Parameters
) -> tuple[np.ndarray, np.ndarray]:
    """Teacher and school effects on each student, weighted by days and, with two teachers, by dosage; shapes (students, 2)."""
    share = ((stays.end - stays.begin + 1) / INSTRUCTIONAL_DAYS)[:, None]
    school = np.zeros((len(students), 2))
    np.add.at(school, stays.student, share * schools.effect[stays.school])
    teacher = np.zeros((len(students), 2))
    for subject in range(2):
        seat = sections.seat[:, subject]
        first, second = sections.teacher[seat], sections.second[seat]
        w = np.where(second >= 0, parameters.co_teacher_weight, 0.0)
        effect = (1 - w) * faculty.effect[first, subject] + w * faculty.effect[np.maximum(second, 0), subject]
        np.add.at(teacher[:, subject], stays.student, share[:, 0] * effect)
    return teacher, school


def year_of_growth(
    rng: np.random.Generator,
    students: Students,
    start: np.ndarray,
    teacher: np.ndarray,
    school: np.ndarray,
    *,
    program: np.ndarray,
    absence: np.ndarray,
    year: str,
    parameters: Parameters,
) -> Achievement:
    """The year's achievement; also moves each student's ``drift`` to the end of the year."""
    p = parameters
    shocks = np.sqrt(0.6) * rng.normal(size=(len(students), 1)) + np.sqrt(0.4) * rng.normal(size=(len(students), 2))
    growth = teacher + school + program + p.growth_noise_sd * shocks
    growth -= (p.absence_cost * (absence - 0.07) + p.pandemic_loss.get(year, 0.0))[:, None]
    students.drift = p.persistence * students.drift + growth
    return Achievement(start, students.level() + students.drift, teacher, school)
