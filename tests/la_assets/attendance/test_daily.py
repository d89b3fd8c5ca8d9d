"""Expected days and what files say of them: the rules of ``attendance.daily`` and ``attendance.unmatched`` as statements."""

import datetime as dt

import polars as pl
import pytest

from la_assets.attendance.schema import DAILY
from la_assets.roster.schema import CALENDAR, IDENTIFIERS, SCHOOL_IDENTIFIERS

from ..roster.landed import AUGUST, canonical, d, student
from .week import (
    ANN,
    BEN,
    FRIDAY,
    MONDAY,
    SATURDAY_MORNING,
    SUNDAY_MORNING,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    absences,
    calendar,
    enrolled,
    row,
    stays,
    tables,
    told,
)


def test_presence_is_filled_in_from_negative_attendance() -> None:
    days, rest = tables(told(row(ANN, TUESDAY), row(BEN, FRIDAY)), stays(enrolled(ANN), enrolled(BEN)))
    assert absences(days.filter(pl.col("student_key") == ANN)) == {
        ("1", "Mon"): 0.0,
        ("1", "Tue"): 1.0,
        ("1", "Thu"): 0.0,
        ("1", "Fri"): 0.0,
    }
    assert days.filter("is_filled").height == 6
    assert rest.is_empty()


def test_what_a_file_says_is_kept_as_it_says_it() -> None:
    days, _ = tables(told(row(ANN, MONDAY, 0.5, excused=True, tardy=True, early_dismissal=True, minutes=200)), stays(enrolled(ANN)))
    assert days.select("absent", "excused", "tardy", "early_dismissal", "minutes").row(0) == (0.5, True, True, True, 200)
    assert not days["is_filled"].item(0)


def test_days_without_instruction_are_not_expected() -> None:
    days, _ = tables(told(row(ANN, FRIDAY)), stays(enrolled(ANN)))
    assert d(WEDNESDAY) not in days["date"].to_list()


def test_entry_and_exit_days_both_count() -> None:
    days, _ = tables(told(row(BEN, FRIDAY)), stays(enrolled(ANN, entry=TUESDAY, leave=THURSDAY), enrolled(BEN)))
    assert days.filter(pl.col("student_key") == ANN)["date"].to_list() == [d(TUESDAY), d(THURSDAY)]


def test_presence_is_not_known_after_the_last_day_with_data_of_the_school() -> None:
    rows = told(row(ANN, TUESDAY), row(BEN, FRIDAY, school="2"))
    days, _ = tables(rows, stays(enrolled(ANN), enrolled(BEN, school="2")))
    assert days.filter(pl.col("school_id") == "1")["date"].max() == d(TUESDAY)
    assert days.filter(pl.col("school_id") == "2")["date"].max() == d(FRIDAY)


def test_a_school_that_sent_nothing_has_no_days() -> None:
    days, _ = tables(told(row(ANN, FRIDAY)), stays(enrolled(ANN), enrolled(BEN, school="2")))
    assert days["school_id"].unique().to_list() == ["1"]


def test_a_student_of_two_schools_has_a_row_at_each() -> None:
    rows = told(row(ANN, FRIDAY), row(ANN, FRIDAY, 0.5, school="2"))
    days, _ = tables(rows, stays(enrolled(ANN), enrolled(ANN, school="2", primary=False)))
    assert absences(days.filter(pl.col("date") == d(FRIDAY))) == {("1", "Fri"): 1.0, ("2", "Fri"): 0.5}


def test_overlapping_enrolments_at_one_school_expect_a_day_once() -> None:
    days, _ = tables(told(row(ANN, FRIDAY)), stays(enrolled(ANN, leave=THURSDAY), enrolled(ANN, entry=TUESDAY)))
    assert days.height == 4


def test_days_between_two_stays_are_not_expected() -> None:
    rows = told(row(ANN, FRIDAY), row(ANN, TUESDAY))
    days, rest = tables(rows, stays(enrolled(ANN, leave=MONDAY), enrolled(ANN, entry=THURSDAY)))
    assert days["date"].to_list() == [d(MONDAY), d(THURSDAY), d(FRIDAY)]
    assert rest.select("date", "reason").rows() == [(d(TUESDAY), "outside the enrollment")]


def test_the_row_that_arrived_last_wins() -> None:
    first = told(row(ANN, MONDAY, 1.0))
    corrected = told(row(ANN, MONDAY, 0.0, excused=None), at=SUNDAY_MORNING, file="a_correction.csv")
    for order in ([first, corrected], [corrected, first]):
        days, _ = tables(pl.concat(order), stays(enrolled(ANN)))
        assert days.select("absent", "excused", "loaded_at").row(0) == (0.0, None, SUNDAY_MORNING)


def at(hour: str, day: str = FRIDAY) -> dict[str, object]:
    """What makes a row an event of that hour."""
    return {"event_id": f"{day} {hour}", "event_time": dt.datetime.fromisoformat(f"{day}T{hour}:00+00:00")}


def test_of_the_events_of_a_day_the_last_that_happened_stands_however_late_the_others_came() -> None:
    corrected = told(row(ANN, FRIDAY, 0.5, **at("12:00")), file="a.csv")
    late = told(row(ANN, FRIDAY, 1.0, **at("08:00")), file="b.csv", at=SUNDAY_MORNING)
    days, _ = tables(pl.concat([late, corrected]), stays(enrolled(ANN)))
    assert absences(days)["1", "Fri"] == 0.5


def test_a_file_replaces_the_events_before_it_and_is_replaced_by_those_after_it() -> None:
    file = told(row(ANN, THURSDAY, 0.25), row(ANN, FRIDAY, 0.25), file="sis.csv", at=SATURDAY_MORNING)
    events = told(
        row(ANN, THURSDAY, 1.0, **at("12:00")), row(ANN, FRIDAY, 0.0, **at("12:00", "2023-09-17")), file="e.csv", at=SUNDAY_MORNING
    )
    days, _ = tables(pl.concat([file, events]), stays(enrolled(ANN)))
    assert [absences(days)["1", day] for day in ("Thu", "Fri")] == [0.25, 0.0]


def test_an_event_on_no_expected_day_is_listed_once_as_it_was_last_told() -> None:
    late = told(row(ANN, WEDNESDAY, 1.0, **at("08:00")), file="b.csv", at=SUNDAY_MORNING)
    last = told(row(ANN, WEDNESDAY, 0.5, **at("12:00")), file="a.csv")
    _, rest = tables(pl.concat([late, last, last]), stays(enrolled(ANN)))
    assert rest["absent"].to_list() == [0.5]


def test_of_two_rows_in_one_file_the_later_wins_and_others_stay() -> None:
    days, _ = tables(told(row(ANN, MONDAY, 0.25), row(BEN, MONDAY, 0.75), row(ANN, MONDAY, 0.5)), stays(enrolled(ANN), enrolled(BEN)))
    assert dict(days.select("student_key", "absent").iter_rows()) == {ANN: 0.5, BEN: 0.75}


def test_the_same_day_under_two_numbers_of_a_student_is_one_day() -> None:
    old_number = student("ann's state number")
    identifiers = canonical(IDENTIFIERS, {"kind": "student", "identifier_key": old_number, "person_key": ANN})
    rows = pl.concat([told(row(ANN, MONDAY, 1.0)), told(row(old_number, MONDAY, 0.5), at=SUNDAY_MORNING, file="b.csv")])
    days, rest = tables(rows, stays(enrolled(ANN)), identifiers=identifiers)
    assert days.select("student_key", "absent").rows() == [(ANN, 0.5)]
    assert rest.is_empty()


def test_a_school_under_another_number_is_the_same_school() -> None:
    aliases = canonical(SCHOOL_IDENTIFIERS, {"alias": "org-1", "school_id": "1"})
    days, rest = tables(told(row(ANN, MONDAY, school="org-1")), stays(enrolled(ANN)), school_identifiers=aliases)
    assert absences(days) == {("1", "Mon"): 1.0}
    assert rest.is_empty()


def test_without_a_calendar_the_days_that_rows_name_are_the_school_days() -> None:
    rows = told(row(ANN, MONDAY), row(BEN, WEDNESDAY), row(BEN, FRIDAY))
    days, _ = tables(rows, stays(enrolled(ANN), enrolled(BEN)), CALENDAR.empty())
    assert absences(days.filter(pl.col("student_key") == ANN)) == {("1", "Mon"): 1.0, ("1", "Wed"): 0.0, ("1", "Fri"): 0.0}


def test_without_enrolments_the_rows_themselves_count_where_presence_is_told() -> None:
    rows = told(row(ANN, MONDAY, 0.0), row(ANN, TUESDAY), row(BEN, FRIDAY, 0.0))
    days, rest = tables(rows, stays())
    assert absences(days.filter(pl.col("student_key") == ANN)) == {("1", "Mon"): 0.0, ("1", "Tue"): 1.0}
    assert not days["is_filled"].any()
    assert rest.is_empty()


def test_absences_without_an_enrolment_and_without_presence_count_nowhere() -> None:
    days, rest = tables(told(row(ANN, MONDAY), row(ANN, TUESDAY)), stays())
    assert days.is_empty()
    assert rest["reason"].to_list() == ["no enrollment at the school"] * 2


@pytest.mark.parametrize(
    ("day", "leave", "reason"),
    [
        (WEDNESDAY, None, "not an instructional day"),
        (FRIDAY, THURSDAY, "outside the enrollment"),
        ("2024-05-20", None, "dated after the file arrived"),
        ("2023-06-01", None, "outside the school year"),
    ],
)
def test_a_row_on_no_expected_day_is_listed_with_the_reason(day: str, leave: str | None, reason: str) -> None:
    rows = told(row(ANN, day), row(BEN, FRIDAY))
    days, rest = tables(rows, stays(enrolled(ANN, leave=leave), enrolled(BEN)))
    assert rest.select("student_key", "date", "reason").rows() == [(ANN, d(day), reason)]
    assert d(day) not in days.filter(pl.col("student_key") == ANN)["date"].to_list()


def test_a_typing_error_in_a_date_does_not_fill_in_months_of_presence() -> None:
    may = canonical(CALENDAR, *({"school_id": "1", "date": d(day), "is_instructional": True} for day in (MONDAY, "2024-05-20")))
    days, _ = tables(told(row(ANN, MONDAY), row(ANN, "2024-05-20")), stays(enrolled(ANN)), may)
    assert days["date"].to_list() == [d(MONDAY)]


def test_every_row_is_in_daily_or_unmatched() -> None:
    rows = told(*(row(who, day, school=school) for who in (ANN, BEN) for day in (MONDAY, WEDNESDAY, FRIDAY) for school in ("1", "2")))
    days, rest = tables(rows, stays(enrolled(ANN), enrolled(BEN, school="2", entry=TUESDAY)))
    assert days.filter(~pl.col("is_filled")).height + rest.height == rows.select(pl.len()).collect().item()
    assert days.join(rest, on=["student_key", "school_id", "date"], how="semi").is_empty()


def test_a_filled_day_is_known_on_the_day_and_loaded_with_the_enrolment() -> None:
    days, _ = tables(told(row(ANN, FRIDAY)), stays(enrolled(ANN)))
    filled = days.filter("is_filled")
    assert filled["known_on"].to_list() == filled["date"].to_list()
    assert filled["loaded_at"].unique().to_list() == [AUGUST]


def test_a_year_without_data_is_an_empty_table() -> None:
    days, rest = tables(told(), stays(), calendar())
    assert days.is_empty()
    assert rest.is_empty()
    assert days.schema == DAILY.polars_schema()


def test_many_students_come_out_sorted_whatever_the_order_of_the_files() -> None:
    students = sorted(student(str(n)) for n in range(300))
    present = [row(who, day, 0.0) for day in (FRIDAY, MONDAY) for who in reversed(students)]
    everyone_at_1_some_at_2 = [enrolled(who, school=str(1 + n % 2)) for n, who in enumerate(students)] + [enrolled(who) for who in students]
    days, _ = tables(told(*present, *(row(who, MONDAY) for who in students[:50])), stays(*everyone_at_1_some_at_2))
    at_first = days.filter(pl.col("school_id") == "1")
    assert at_first["student_key"].n_unique() == 300
    assert at_first["absent"].sum() == 50
    assert dt.date(2023, 9, 12) in at_first["date"].to_list()
