"""Changes of a student's status during the year: lunch eligibility that comes or goes, a first individual education plan.

They give some students a second record in the year's register and hold from then on. Movers and leavers are left alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from la_resources.sources.simulated_district.calendar import SchoolCalendar
from la_resources.sources.simulated_district.parameters import Parameters
from la_resources.sources.simulated_district.population import Students
from la_resources.sources.simulated_district.stays import Mobility


@dataclass
class StatusChanges:
    """Student rows, first day of the new status, and which status changes: lunch (else the education plan begins)."""

    rows: np.ndarray
    day: np.ndarray
    lunch: np.ndarray

    def apply(self, students: Students) -> None:
        """Make the changes; called when the year is over."""
        students.frl[self.rows[self.lunch]] ^= True
        begins = self.rows[~self.lunch]
        students.ese[begins] = True
        students.section_504[begins] = False
        students.gifted[begins] = False


def draw_status_changes(
    rng: np.random.Generator, students: Students, mobility: Mobility, calendar: SchoolCalendar, parameters: Parameters
) -> StatusChanges:
    """Draw the year's changes among those who stay at one school all year."""
    n = len(students)
    settled = ~mobility.moved & ~mobility.left & (mobility.entry_day == 0)
    u = rng.random(n)
    lunch = settled & (u < parameters.lunch_change_rate)
    plan = settled & ~students.ese & (students.grade < 9) & (u > 1 - parameters.new_ese_rate)
    rows = np.flatnonzero(lunch | plan)
    return StatusChanges(rows, rng.integers(15, min(150, calendar.open_days - 5), n)[rows], lunch[rows])
