"""The checks of the attendance room pass on sound data and name what is wrong."""

import polars as pl

from la_assets.attendance.checks import contradictory_days, students_without_days, unmatched_share

from .week import ANN, BEN, FRIDAY, MONDAY, WEDNESDAY, enrolled, row, stays, tables, told


def test_rows_on_no_expected_day_are_counted_by_reason() -> None:
    days, rest = tables(told(row(ANN, MONDAY), row(ANN, WEDNESDAY), row(BEN, FRIDAY)), stays(enrolled(ANN)))
    passed, words, counts = unmatched_share(rest.lazy(), days.lazy())
    assert not passed
    assert "2 of 3" in words
    assert counts["not an instructional day"] == counts["no enrollment at the school"] == 1


def test_no_rows_at_all_are_no_unmatched_rows() -> None:
    days, rest = tables(told(), stays())
    assert unmatched_share(rest.lazy(), days.lazy())[0]


def test_an_enrolled_student_without_any_day_is_found() -> None:
    enrollments = stays(enrolled(ANN), enrolled(BEN, school="2"))
    days, _ = tables(told(row(ANN, MONDAY)), enrollments)
    passed, words, counts = students_without_days(enrollments, days.lazy())
    assert not passed
    assert words.startswith("1 of 2 enrolled students have no attendance day")
    assert counts == {"students": 2, "without_days": 1}


def test_a_student_who_enrols_after_the_last_day_with_data_is_not_missing() -> None:
    enrollments = stays(enrolled(ANN), enrolled(BEN, entry="2023-10-02"))
    days, _ = tables(told(row(ANN, FRIDAY)), enrollments)
    assert students_without_days(enrollments, days.lazy())[0]


def test_a_day_missed_in_full_yet_attended_for_minutes_contradicts_itself() -> None:
    days, _ = tables(told(row(ANN, MONDAY, minutes=300), row(ANN, FRIDAY)), stays(enrolled(ANN)))
    passed, _, counts = contradictory_days(days.lazy())
    assert not passed
    assert counts == {"absent_with_minutes": 1, "excused_but_present": 0}
    assert contradictory_days(days.lazy().filter(pl.col("minutes").is_null()))[0]
