"""One simulated school year: everything that happens to the students, in the order in which it can depend on what came before.

Mobility, absence, sections, fall tests, programs, growth, marks, dropout, the end of the year. Nothing is written here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from la_resources.sources.simulated_district.absence import absence_probability
from la_resources.sources.simulated_district.achievement import Achievement, received_effects, starting_achievement, year_of_growth
from la_resources.sources.simulated_district.assessments import FAST_GRADES, Sitting, Testing, fast_truth
from la_resources.sources.simulated_district.calendar import SchoolCalendar
from la_resources.sources.simulated_district.courses import CATALOG, INDEX
from la_resources.sources.simulated_district.coursework import failures, quarter_percents
from la_resources.sources.simulated_district.identifiers import sourced_ids, state_numbers, student_numbers
from la_resources.sources.simulated_district.outcomes import RECORDING_LAG, Outcomes, YearEnd, dropout, withdrawal_codes, year_end
from la_resources.sources.simulated_district.parameters import Parameters
from la_resources.sources.simulated_district.population import Students
from la_resources.sources.simulated_district.programs import Program, program_effects, reading_block, tutoring
from la_resources.sources.simulated_district.randomness import Streams
from la_resources.sources.simulated_district.schools import Schools
from la_resources.sources.simulated_district.sections import Sections, make_sections
from la_resources.sources.simulated_district.status_changes import StatusChanges, draw_status_changes
from la_resources.sources.simulated_district.stays import Mobility, Stays, draw_mobility, make_stays
from la_resources.sources.simulated_district.teachers import Faculty


@dataclass
class SchoolYear:
    """All that happened in one year, by student row unless said otherwise.

    Attributes
    ----------
    stays : Stays
        Stays cut at dropouts and departures.
    percent : numpy.ndarray, shape (stays, 6, 4)
        Marks by stay, course slot and quarter.
    absence : numpy.ndarray
        True probability of absence.
    failed : numpy.ndarray of int
        Courses failed over the year.
    code : numpy.ndarray of str
        Withdrawal code; blank for those who stay.
    """

    seed: int
    calendar: SchoolCalendar
    schools: Schools
    faculty: Faculty
    students: Students
    mobility: Mobility
    stays: Stays
    sections: Sections
    absence: np.ndarray
    achievement: Achievement
    percent: np.ndarray
    failed: np.ndarray
    outcomes: Outcomes
    end: YearEnd
    code: np.ndarray
    programs: list[Program]
    fall_tests: dict[str, Sitting]
    testing: Testing
    changes: StatusChanges
    as_of: np.datetime64

    @cached_property
    def numbers(self) -> pl.Series:
        """Local student numbers."""
        return student_numbers(self.students.person)

    @cached_property
    def states(self) -> pl.Series:
        return state_numbers(self.students.person)

    @cached_property
    def sourced(self) -> pl.Series:
        return sourced_ids(self.seed, 1, self.students.person)

    @cached_property
    def section_codes(self) -> pl.Series:
        return self.sections.codes(self.schools, self.calendar.label)

    @cached_property
    def exit_date(self) -> np.ndarray:
        return self.calendar.days[self.outcomes.exit_day]

    @cached_property
    def recorded_on(self) -> np.ndarray:
        """The day on which the district knows of the exit; summer leavers are missed in August."""
        lag = np.zeros(self.code.size, dtype=np.int64)
        for code, days in RECORDING_LAG.items():
            lag[self.code == code] = days
        recorded = self.exit_date + lag.astype("timedelta64[D]")
        return np.where(self.end.summer_leaver, np.datetime64(f"{self.calendar.start + 1}-08-15"), recorded)

    @cached_property
    def exit_known(self) -> np.ndarray:
        """Whether the exit is on record before the as-of date."""
        return (self.code != "") & (self.recorded_on < self.as_of) & (self.exit_date < self.as_of)

    @cached_property
    def known_stays(self) -> Stays:
        """The stays that have begun; one whose end is not on record yet runs to the last day of the year."""
        begun = self.stays.begin < self.calendar.known_days
        stays = self.stays.take(begun)
        moved_on = (stays.end < self.calendar.known_days) & (stays.end < self.outcomes.exit_day[stays.student])
        ended = moved_on | self.exit_known[stays.student] & ~self.end.summer_leaver[stays.student]
        return Stays(stays.student, stays.school, stays.begin, np.where(ended, stays.end, 179), stays.second)


def live_year(
    streams: Streams,
    calendar: SchoolCalendar,
    as_of: np.datetime64,
    students: Students,
    schools: Schools,
    *,
    faculty: Faculty,
    parameters: Parameters,
) -> SchoolYear:
    """Simulate one year; ``students`` and ``faculty`` are moved to its end."""
    start, label, n = calendar.start, calendar.label, len(students)
    mobility = draw_mobility(streams.of("mobility", start), students, calendar, schools, parameters)
    absence = absence_probability(streams.of("absence", start), students, label, parameters)
    prior = starting_achievement(students)
    planned = make_stays(students, mobility)
    sections = make_sections(streams, start, students, planned, schools, faculty=faculty, prior=prior, parameters=parameters)
    testing = Testing(streams, calendar, mobility, mobility.exit_day, absence, parameters=parameters)
    tests = {
        subject: testing.sit(
            f"FAST {subject}",
            "PM1",
            rows,
            fast_truth(prior[rows, s], students.grade[rows], subject, "PM1"),
            parameters.fast_se,
            low=140,
            high=303,
        )
        for s, subject in enumerate(FAST_GRADES)
        for rows in [fast_takers(students, sections, planned, subject)]
    }
    programs = [
        tutoring(streams.of("tutoring", start), students, tests["Math"], parameters),
        reading_block(students, tests["ELA"], parameters),
    ]
    teacher, school = received_effects(students, planned, sections, schools, faculty, parameters=parameters)
    achievement = year_of_growth(
        streams.of("growth", start),
        students,
        prior,
        teacher,
        school,
        program=program_effects(n, programs),
        absence=absence,
        year=label,
        parameters=parameters,
    )
    percent = quarter_percents(streams.of("marks", start), n, planned, sections, achievement, absence=absence)
    first_quarter = failures(percent, planned, sections.seat, n, slice(0, 1))
    outcomes = dropout(
        streams,
        start,
        students,
        mobility,
        absence,
        failed_now=first_quarter,
        theta=prior,
        last_day=calendar.open_days - 1,
        parameters=parameters,
    )
    testing.exit = outcomes.exit_day
    failed = failures(percent, planned, sections.seat, n, slice(0, 4))
    end = year_end(streams, start, students, outcomes, mobility, failed=failed, theta=achievement.end, parameters=parameters)
    code = withdrawal_codes(streams.of("codes", start), outcomes, mobility, end)
    changes = draw_status_changes(streams.of("status changes", start), students, mobility, calendar, parameters)
    live = planned.begin <= outcomes.exit_day[planned.student]
    sections.seat = sections.seat[live]
    return SchoolYear(
        streams.seed,
        calendar,
        schools,
        faculty,
        students,
        mobility,
        planned.until(outcomes.exit_day),
        sections,
        absence,
        achievement,
        percent[live],
        failed,
        outcomes,
        end,
        code,
        programs,
        tests,
        testing,
        changes,
        as_of,
    )


def fast_takers(students: Students, sections: Sections, stays: Stays, subject: str) -> np.ndarray:
    """Students due for the state test: by grade, and in mathematics not those who take Algebra 1 instead."""
    grades = FAST_GRADES[subject]
    due = (students.grade >= grades.start) & (students.grade < grades.stop)
    if subject == "Math":
        algebra = sections.course[sections.seat[:, 1]] == INDEX["ALG1"]
        due[stays.student[algebra & (sections.seat[:, 1] >= 0)]] = False
    return np.flatnonzero(due)


def course_indices(year: SchoolYear) -> np.ndarray:
    """Catalogue index of each student's first stay by slot (-1 none), shape (students, 6)."""
    first = ~year.stays.second
    taken = np.full((len(year.students), year.sections.seat.shape[1]), -1)
    seat = year.sections.seat[first]
    taken[year.stays.student[first]] = np.where(seat >= 0, year.sections.course[seat], -1)
    assert taken.max(initial=-1) < len(CATALOG)
    return taken
