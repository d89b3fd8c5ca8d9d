"""The calendar of a simulated year: its length, its ends, and what the closure of 2020 takes away."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from la_resources.school_year import from_start
from la_resources.sources.simulated_district.calendar import school_calendar

LATER = date(2030, 1, 1)


@pytest.mark.parametrize("start", range(2018, 2029))
def test_a_year_has_180_weekdays_from_about_10_august_to_about_25_may(start: int) -> None:
    calendar = school_calendar(start, LATER)
    assert calendar.days.size == 180
    assert (calendar.weekdays() < 5).all()
    assert date(start, 8, 8) <= calendar.date(0) <= date(start, 8, 14)
    assert date(start + 1, 5, 18) <= calendar.date(179) <= date(start + 1, 5, 31)


def test_no_instruction_on_thanksgiving_at_new_year_or_on_labor_day() -> None:
    days = set(school_calendar(2023, LATER).days.astype("datetime64[D]").tolist())
    assert not days & {date(2023, 9, 4), date(2023, 11, 23), date(2023, 12, 25), date(2024, 1, 1), date(2024, 1, 15)}


def test_attendance_stops_at_the_closure_but_the_planned_year_does_not() -> None:
    calendar = school_calendar(2019, LATER, "2020-03-13")
    assert calendar.days.size == 180
    assert 110 < calendar.open_days < 150
    assert calendar.days[calendar.open_days - 1] <= np.datetime64("2020-03-13") < calendar.days[calendar.open_days]


def test_days_from_the_as_of_date_on_are_not_known() -> None:
    calendar = school_calendar(2026, date(2026, 11, 20))
    assert calendar.date(calendar.known_days - 1) == date(2026, 11, 19)
    assert [month for month, _, _ in calendar.months()] == ["08", "09", "10", "11"]


def test_a_school_year_is_named_by_both_calendar_years() -> None:
    assert from_start(2023) == "2023-24"
    assert from_start(1999) == "1999-00"
