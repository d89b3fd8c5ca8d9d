"""Stays of students at schools within a year: entries, moves between schools, and departures, as day numbers.

A stay is a student at one school from one instructional day to another, both inclusive. Most students have one stay a
year; those who move within the district have two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from la_resources.sources.simulated_district.calendar import SchoolCalendar
from la_resources.sources.simulated_district.parameters import Parameters
from la_resources.sources.simulated_district.population import Students
from la_resources.sources.simulated_district.schools import Schools

LAST = 179


@dataclass
class Mobility:
    """What happens to each student's enrolment in the year, by student row.

    Attributes
    ----------
    entry_day, exit_day : numpy.ndarray of int
        First and last day in the district.
    move_day : numpy.ndarray of int
        First day at ``new_school``; 999 where there is no move.
    left : numpy.ndarray of bool
        Transferred out of the district during the year.
    """

    entry_day: np.ndarray
    exit_day: np.ndarray
    move_day: np.ndarray
    new_school: np.ndarray
    new_zone: np.ndarray
    left: np.ndarray

    @property
    def moved(self) -> np.ndarray:
        return self.move_day < 999


@dataclass
class Stays:
    """Stays of the year: first stays in student order, then second stays.

    Attributes
    ----------
    student : numpy.ndarray of int
        Row of the student.
    school, begin, end : numpy.ndarray of int
        School index, first and last day.
    """

    student: np.ndarray
    school: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    second: np.ndarray

    def __len__(self) -> int:
        return self.student.size

    def take(self, rows: np.ndarray) -> Stays:
        return Stays(self.student[rows], self.school[rows], self.begin[rows], self.end[rows], self.second[rows])

    def until(self, exit_day: np.ndarray) -> Stays:
        """The stays cut at each student's last day; stays that would begin after it vanish."""
        end = np.minimum(self.end, exit_day[self.student])
        return Stays(self.student, self.school, self.begin, end, self.second).take(self.begin <= end)


def draw_mobility(
    rng: np.random.Generator, students: Students, calendar: SchoolCalendar, schools: Schools, parameters: Parameters
) -> Mobility:
    """Draw who enters late, moves, or leaves the district during the year; poorer students move more."""
    n = len(students)
    last_event = min(calendar.open_days, 175)
    weight = np.where(students.frl, 1.25, 0.7)
    entry = np.where((students.entered == calendar.start) & (students.grade > 0), rng.random(n), 1.0)
    newcomers = int((entry < 1.0).sum())
    late = entry < min(0.9, parameters.arrive_rate * n / max(newcomers, 1))
    entry_day = np.where(late, rng.integers(12, last_event - 30, n), 0)
    left = rng.random(n) < parameters.leave_rate * weight
    exit_day = np.where(left, np.minimum(entry_day + 15 + rng.integers(0, 150, n), last_event), LAST)
    level = schools.level[students.school]
    choices = np.array(schools.count)[level]
    offset = 1 + rng.integers(0, 1_000_000, n) % np.maximum(choices - 1, 1)
    first = np.array(schools.first)[level]
    new_school = first + (students.school - first + offset) % choices
    moves = (rng.random(n) < parameters.move_rate * weight * 1.05) & ~left & ~late & (choices > 1)
    move_day = np.where(moves, rng.integers(10, last_event - 5, n), 999)
    new_zone = -((schools.first[0] - (new_school - first) * schools.zones) // choices)
    return Mobility(
        entry_day, exit_day, move_day, np.where(moves, new_school, students.school), np.where(moves, new_zone, students.zone), left
    )


def make_stays(students: Students, mobility: Mobility) -> Stays:
    """The year's stays before any dropout is known."""
    rows = np.arange(len(students))
    again = np.flatnonzero(mobility.moved)
    return Stays(
        student=np.r_[rows, again],
        school=np.r_[students.school, mobility.new_school[again]],
        begin=np.r_[mobility.entry_day, mobility.move_day[again]],
        end=np.r_[np.minimum(mobility.exit_day, mobility.move_day - 1), mobility.exit_day[again]],
        second=np.r_[np.zeros(rows.size, dtype=bool), np.ones(again.size, dtype=bool)],
    )
