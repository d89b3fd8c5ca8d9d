"""Attendance: the true daily probability of absence, and the days drawn from it month by month.

Memory holds one month of one slice of students at a time. In negative mode only days with an absence, a late arrival or an early
dismissal come out; in daily mode every enrolled day does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from la_resources.sources.simulated_district.calendar import SchoolCalendar
from la_resources.sources.simulated_district.parameters import Parameters
from la_resources.sources.simulated_district.population import Students
from la_resources.sources.simulated_district.randomness import Streams, logistic
from la_resources.sources.simulated_district.stays import Stays

CODES = ("P", "E", "EH", "U", "UH", "T", "D")
"""Present; excused and unexcused absence (H: half a day); tardy; early dismissal."""
ABSENT = np.array([0.0, 1.0, 0.5, 1.0, 0.5, 0.0, 0.0])
MINUTES = np.array([390, 0, 195, 0, 195, 370, 330])
_SHARES = np.array([0.44, 0.50, 0.94, 1.00])
"""Cumulative shares of E, EH, U, UH among absences."""
SLICE = 100_000
"""Stays drawn at a time."""
_GRADE_SHIFT = np.array([0.22, 0.08, 0.0, -0.05, -0.05, -0.05, 0.0, 0.05, 0.10, 0.18, 0.20, 0.22, 0.25])


def absence_probability(rng: np.random.Generator, students: Students, year: str, parameters: Parameters) -> np.ndarray:
    """The true probability that each student misses a day of this year."""
    shift = parameters.absence_by_year.get(year, 0.0) + _GRADE_SHIFT[students.grade]
    return logistic(parameters.absence_intercept + shift + students.absence + rng.normal(0, 0.25, len(students))).clip(0.002, 0.75)


@dataclass(frozen=True)
class Marks:
    """Attendance marks: stay rows, day numbers and indices into ``CODES``, ordered by stay and day."""

    stay: np.ndarray
    day: np.ndarray
    code: np.ndarray


def month_marks(
    streams: Streams,
    calendar: SchoolCalendar,
    month: int,
    first: int,
    after: int,
    *,
    stays: Stays,
    probability: np.ndarray,
    parameters: Parameters,
    daily: bool,
) -> Iterator[Marks]:
    """Draw the marks of the days ``first`` to ``after - 1``, a slice of stays at a time.

    Parameters
    ----------
    month : int
        Number of the month, part of the random stream.
    probability : numpy.ndarray
        True probability of absence by student row.
    daily : bool
        Whether plainly present days come out as well.
    """
    days = np.arange(first, after)
    friday = np.where(calendar.weekdays()[days] == 4, 1.15, np.where(calendar.weekdays()[days] == 0, 1.05, 0.95)).astype(np.float32)
    for part, at in enumerate(range(0, len(stays), SLICE)):
        rng = streams.of("attendance", calendar.start, month * 1000 + part)
        rows = np.arange(at, min(at + SLICE, len(stays)))
        p = probability[stays.student[rows]].astype(np.float32)
        late = np.float32(parameters.tardy_rate) * np.sqrt(p / np.float32(0.06))
        begin, end = stays.begin[rows], stays.end[rows]
        u = rng.random((rows.size, days.size), dtype=np.float32)
        cut = np.minimum(p[:, None] * friday, np.float32(0.9))
        enrolled = (begin[:, None] <= days) & (end[:, None] >= days)
        marked = enrolled if daily else enrolled & (u < cut + late[:, None] + np.float32(parameters.early_dismissal_rate))
        r, c = np.nonzero(marked)
        uu, cc, ll = u[r, c], cut[r, c], late[r]
        share = uu / cc
        code = 1 + np.searchsorted(_SHARES.astype(np.float32), share, side="right")
        code = np.where(
            uu < cc, np.minimum(code, 4), np.where(uu < cc + ll, 5, np.where(uu < cc + ll + parameters.early_dismissal_rate, 6, 0))
        )
        yield Marks(rows[r], days[c], code.astype(np.int8))
