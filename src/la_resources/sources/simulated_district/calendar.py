"""The school calendar of a year: instructional days, holidays, quarters, and the test windows as day numbers.

Every event of the simulation happens on an instructional day numbered from 0 to 179, and becomes a date here. The
calendar is the district's: all schools share it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from la_resources.school_year import from_start

INSTRUCTIONAL_DAYS = 180
QUARTERS = ("Q1", "Q2", "Q3", "Q4")
WINDOWS: dict[str, tuple[int, int]] = {
    "PM1": (6, 28),
    "PM2": (84, 104),
    "PM3": (156, 174),
    "EOC": (160, 174),
    "fall": (12, 32),
    "winter": (92, 108),
    "spring": (150, 170),
    "SAT": (137, 138),
}
"""First and last instructional day of each test window."""
SPRING_WINDOWS = ("PM3", "EOC", "spring", "SAT")


def _monday_on_or_after(day: date) -> date:
    return day + timedelta(days=-day.weekday() % 7)


def holidays(start: int) -> set[date]:
    """Days off of the year beginning in August ``start``."""
    following = start + 1
    labor = _monday_on_or_after(date(start, 9, 1))
    thanksgiving = date(start, 11, 1) + timedelta(days=(3 - date(start, 11, 1).weekday()) % 7 + 21)
    winter = date(start, 12, 22) - timedelta(days=date(start, 12, 22).weekday())
    martin_luther_king = _monday_on_or_after(date(following, 1, 15))
    presidents = _monday_on_or_after(date(following, 2, 15))
    spring = _monday_on_or_after(date(following, 3, 15))
    days = {labor, date(start, 11, 11), martin_luther_king, presidents, _monday_on_or_after(date(start, 10, 15))}
    days |= {thanksgiving + timedelta(days=d) for d in range(-3, 2)}
    days |= {winter + timedelta(days=d) for d in range(14)} | {date(following, 1, 1), date(following, 1, 2)}
    days |= {spring + timedelta(days=d) for d in range(5)}
    return days


@dataclass(frozen=True)
class SchoolCalendar:
    """The days of one school year.

    Parameters
    ----------
    start : int
        Calendar year in which the school year begins.
    days : numpy.ndarray of datetime64[D], shape (180,)
        Planned instructional days.
    open_days : int
        How many of them took place with attendance (180 but for a closure).
    known_days : int
        How many of the open days lie before the as-of date: day numbers from there on are the future.
    """

    start: int
    days: np.ndarray
    open_days: int
    known_days: int

    @property
    def label(self) -> str:
        return from_start(self.start)

    @property
    def complete(self) -> bool:
        """Whether the whole year lies before the as-of date."""
        return self.known_days == self.open_days

    def quarter_days(self, quarter: int) -> tuple[int, int]:
        """First and last instructional day of quarter 0..3."""
        return 45 * quarter, 45 * quarter + 44

    def months(self) -> list[tuple[str, int, int]]:
        """Known days by month: (``08``, first day number, number after the last)."""
        month = self.days.astype("datetime64[M]")[: self.known_days]
        starts = np.flatnonzero(np.r_[True, month[1:] != month[:-1]]) if month.size else np.array([], dtype=int)
        ends = np.r_[starts[1:], month.size].astype(int)
        return [(f"{month[a].item().month:02d}", int(a), int(b)) for a, b in zip(starts, ends, strict=True)]

    def date(self, number: int) -> date:
        return self.days[number].item()

    def weekdays(self) -> np.ndarray:
        """Monday 0 to Friday 4 of every instructional day."""
        return (self.days.astype("int64") + 3) % 7


def school_calendar(start: int, as_of: date, closure: str | None = None) -> SchoolCalendar:
    """Build the calendar of the year beginning in August ``start`` as it is known in the morning of ``as_of``."""
    first = _monday_on_or_after(date(start, 8, 8))
    off = holidays(start)
    every = (first + timedelta(days=n) for n in range(330))
    planned = [d for d in every if d.weekday() < 5 and d not in off][:INSTRUCTIONAL_DAYS]
    days = np.array(planned, dtype="datetime64[D]")
    open_days = int((days <= np.datetime64(closure)).sum()) if closure else INSTRUCTIONAL_DAYS
    known = min(open_days, int((days < np.datetime64(as_of)).sum()))
    return SchoolCalendar(start, days, open_days, known)
