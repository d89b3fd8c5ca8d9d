"""Dropout, retention, graduation and leaving: true hazards, labels and dates.

The dropout hazard of grades 9 to 12 follows attendance, course failure, mobility and achievement; its intercept is set
so that each grade's mean hazard is the parameter's. Labels are drawn with exactly these probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from la_resources.sources.simulated_district.parameters import Parameters
from la_resources.sources.simulated_district.population import Students
from la_resources.sources.simulated_district.randomness import Streams, logistic, systematic, with_mean
from la_resources.sources.simulated_district.stays import Mobility

FIRST_DROP_DAY, LAST_DROP_DAY = 50, 178
RECORDING_LAG = {"W15": 15, "W05": 15, "W02": 3, "W03": 3, "W04": 3, "W06": 0}
"""Days from the last day to the day on which the district knew, by withdrawal code."""


@dataclass
class Outcomes:
    """How the year ends for each student.

    Attributes
    ----------
    hazard : numpy.ndarray
        True probability of dropping out this year (0 below grade 9).
    drop_day : numpy.ndarray of int
        Last day of those who drop out, 999 for the others.
    exit_day : numpy.ndarray of int
        Last day of enrolment, whatever the reason.
    """

    hazard: np.ndarray
    drop_day: np.ndarray
    exit_day: np.ndarray

    @property
    def dropped(self) -> np.ndarray:
        return self.drop_day < 999


def dropout(
    streams: Streams,
    year: int,
    students: Students,
    mobility: Mobility,
    absence: np.ndarray,
    *,
    failed_now: np.ndarray,
    theta: np.ndarray,
    last_day: int,
    parameters: Parameters,
) -> Outcomes:
    """Hazards and dropouts of the year.

    Parameters
    ----------
    absence : numpy.ndarray
        True probability of absence this year.
    failed_now : numpy.ndarray
        Courses below passing in the first quarter; last year's failures are added, at most 4 count.
    theta : numpy.ndarray, shape (students, 2)
        Achievement at the start of the year.
    last_day : int
        Last day with attendance (earlier in a year of closure).
    """
    p = parameters
    rng = streams.of("dropout", year)
    failed = np.minimum(students.failures + failed_now, 4)
    score = (
        p.hazard_absence * (absence - 0.07)
        + p.hazard_failures * failed
        + p.hazard_moved * mobility.moved
        + p.hazard_achievement * theta.mean(axis=1)
    )
    hazard = np.zeros(len(students))
    at_risk = ~mobility.left & (mobility.entry_day < FIRST_DROP_DAY)
    for grade, mean in zip(range(9, 13), p.dropout_by_grade, strict=True):
        rows = (students.grade == grade) & at_risk
        hazard[rows] = with_mean(score[rows], mean)
    dropped = systematic(rng, hazard)
    day = rng.integers(FIRST_DROP_DAY, min(LAST_DROP_DAY, last_day - 2) + 1, len(students))
    day = np.maximum(day, np.where(mobility.moved, mobility.move_day + 3, 0))
    drop_day = np.where(dropped, np.minimum(day, LAST_DROP_DAY), 999)
    return Outcomes(hazard, drop_day, np.minimum(mobility.exit_day, drop_day))


@dataclass
class YearEnd:
    """Who is retained, graduates, or leaves over the summer, by student."""

    retained: np.ndarray
    graduated: np.ndarray
    summer_leaver: np.ndarray
    no_show: np.ndarray


def year_end(
    streams: Streams,
    year: int,
    students: Students,
    outcomes: Outcomes,
    mobility: Mobility,
    *,
    failed: np.ndarray,
    theta: np.ndarray,
    parameters: Parameters,
) -> YearEnd:
    """Draw the end of the year for those still enrolled on its last day."""
    p = parameters
    rng = streams.of("year end", year)
    here = ~outcomes.dropped & ~mobility.left
    probability = np.zeros(len(students))
    probability[here] = with_mean(1.0 * np.minimum(failed[here], 4) - 0.4 * theta[here].mean(axis=1), p.retention_rate)
    retained = systematic(rng, probability)
    graduated = here & (students.grade == 12) & ~retained
    leaving = here & ~graduated & (rng.random(len(students)) < p.summer_leave_rate * np.where(students.frl, 1.25, 0.7))
    no_show = leaving & (rng.random(len(students)) < p.no_show_share)
    return YearEnd(retained, graduated, leaving, no_show)


def withdrawal_codes(rng: np.random.Generator, outcomes: Outcomes, mobility: Mobility, end: YearEnd) -> np.ndarray:
    """Florida-style withdrawal code of each student: W06 diploma, W02 W03 W04 transfer, W05 W15 dropout, blank if staying."""
    n = outcomes.hazard.size
    transfer = rng.choice(np.array(["W02", "W03", "W04"]), n, p=[0.5, 0.4, 0.1])
    drop = rng.choice(np.array(["W15", "W05"]), n, p=[0.6, 0.4])
    code = np.where(mobility.left | end.summer_leaver, transfer, "")
    code = np.where(outcomes.dropped, drop, code)
    return np.where(end.graduated, "W06", code)


@dataclass
class Graduates:
    """This year's graduates, carried into the next year for the post-secondary file."""

    person: np.ndarray
    enrolls: np.ndarray
    four_year: np.ndarray


def graduates(rng: np.random.Generator, students: Students, end: YearEnd, theta: np.ndarray) -> Graduates:
    """Who of the graduates enrols after high school, and where."""
    rows = np.flatnonzero(end.graduated)
    level = theta[rows].mean(axis=1)
    enrolls = rng.random(rows.size) < logistic(0.35 + 0.9 * level - 0.3 * students.frl[rows])
    four_year = level + rng.normal(0, 0.6, rows.size) > 0.15
    return Graduates(students.person[rows], enrolls, four_year)
