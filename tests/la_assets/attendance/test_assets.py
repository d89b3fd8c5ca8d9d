"""The attendance assets, called for a year: from landed rows to the sums of a student's year."""

import pytest

from la_assets.attendance import assets, schema
from la_assets.landing.schema import ATTENDANCE
from la_assets.roster.schema import CALENDAR, ENROLLMENTS

from ..called_assets import called
from .week import ANN, BEN, FRIDAY, MONDAY, calendar, enrolled, row, stays, told

ORDER = ("daily", "unmatched", "student_school_year", "student_year")


def test_a_week_of_absences_becomes_the_sums_of_the_year() -> None:
    week = {ATTENDANCE: told(row(ANN, MONDAY), row(BEN, FRIDAY)), CALENDAR: calendar("1"), ENROLLMENTS: stays(enrolled(ANN), enrolled(BEN))}
    made = called(assets, schema, ORDER, "2023-24", week)
    assert (
        made["attendance.student_year"].select("days_enrolled", "days_absent", "rate", "chronic", "comparable").rows()
        == [(4, 1.0, 0.75, None, True)] * 2
    )
    assert made["attendance.student_school_year"].height == 2


@pytest.mark.parametrize("year", ["2018-19", "2026-27"])
def test_a_year_without_data_makes_empty_tables(year: str) -> None:
    assert all(rows.is_empty() for rows in called(assets, schema, ORDER, year, {}).values())
