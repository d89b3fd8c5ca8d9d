"""What the generic checks say of a table, each statement on a few rows written out by hand."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from la_assets.data_checks import (
    columns_stay_filled,
    current_year_is_fresh,
    key_is_unique,
    orphans,
    references_exist,
    row_count_is_plausible,
    summary,
)

DAYS = pl.LazyFrame({"student": ["a", "a", "b"], "day": [1, 2, 1]})


# -- keys -----------------------------------------------------------------------------------------------------------------


def test_a_key_that_stands_once_is_unique() -> None:
    assert key_is_unique(DAYS, ("student", "day")) == (True, "3 rows, each with its own (student, day)", {"rows": 3, "repeated": 0})


def test_a_row_sent_twice_repeats_its_key_whatever_else_it_says() -> None:
    passed, text, counts = key_is_unique(DAYS, ("student",))
    assert (passed, counts) == (False, {"rows": 3, "repeated": 1})
    assert text.startswith("1 of 3 rows repeat a key (student); find the two files")


def test_two_blank_keys_are_the_same_key() -> None:
    assert not key_is_unique(pl.LazyFrame({"student": [None, None, "a"]}, schema={"student": pl.String}), ("student",))[0]


def test_no_rows_have_no_repeated_key() -> None:
    assert key_is_unique(DAYS.clear(), ("student",))[0]


# -- references -----------------------------------------------------------------------------------------------------------

SECTIONS = pl.LazyFrame({"school": ["1", "1", "2"], "section": ["x", "y", "x"]})


def test_a_reference_is_judged_by_all_its_columns_together() -> None:
    marks = pl.LazyFrame({"school_id": ["1", "2", "2"], "section_id": ["y", "x", "y"]})
    passed, text, counts = references_exist(marks, ("school_id", "section_id"), SECTIONS, ("school", "section"), "roster.sections")
    assert (passed, counts) == (False, {"orphans": 1, "distinct_orphans": 1})
    assert "e.g. {'school_id': '2', 'section_id': 'y'}" in text
    assert "roster.sections does not have" in text


def test_a_missing_parent_counts_rows_and_distinct_values() -> None:
    marks = pl.LazyFrame({"s": ["z", "z", "w", "1"]})
    assert references_exist(marks, ("s",), SECTIONS, ("school",), "roster.schools")[2] == {"orphans": 3, "distinct_orphans": 2}


def test_a_blank_reference_points_nowhere_and_is_no_orphan() -> None:
    marks = pl.LazyFrame({"s": [None, "1"]}, schema={"s": pl.String})
    assert references_exist(marks, ("s",), SECTIONS, ("school",), "roster.schools")[0]
    assert orphans(marks, ("s",), SECTIONS, ("school",)).collect().is_empty()


def test_nothing_is_judged_against_a_parent_that_has_not_come() -> None:
    passed, text, _ = references_exist(pl.LazyFrame({"s": ["z"]}), ("s",), SECTIONS.clear(), ("school",), "roster.schools")
    assert (passed, text) == (True, "not judged: roster.schools has no rows for this year")


# -- filled columns ---------------------------------------------------------------------------------------------------------


def year_of(rows: int, filled: int) -> pl.LazyFrame:
    return pl.LazyFrame(
        {"grade": ["05"] * filled + [None] * (rows - filled), "day": [1] * rows}, schema={"grade": pl.String, "day": pl.Int64}
    )


def test_a_column_that_lost_more_than_a_quarter_of_its_values_has_emptied() -> None:
    passed, text, counts = columns_stay_filled(year_of(200, 140), year_of(200, 196), ("grade", "day"))
    assert not passed
    assert "grade (98% -> 70%)" in text
    assert "day" not in text.split(";")[0]
    assert counts == {"filled: grade": 0.7, "filled: day": 1.0}


@pytest.mark.parametrize(
    ("now", "before"),
    [
        (year_of(200, 150), year_of(200, 200)),
        (year_of(200, 200), year_of(200, 20)),
        (year_of(200, 0), year_of(200, 0)),
        (year_of(99, 0), year_of(200, 200)),
        (year_of(200, 0), year_of(99, 99)),
        (year_of(0, 0), year_of(200, 200)),
        (year_of(200, 0), year_of(0, 0)),
    ],
    ids=["exactly a quarter", "filled up", "never filled", "few rows now", "few rows before", "no rows now", "first year"],
)
def test_a_column_has_not_emptied(now: pl.LazyFrame, before: pl.LazyFrame) -> None:
    assert columns_stay_filled(now, before, ("grade",))[0]


def test_a_table_without_optional_columns_has_nothing_to_empty() -> None:
    assert columns_stay_filled(year_of(200, 0), year_of(200, 200), ()) == (True, "every column is required by the contract", {})


# -- row counts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "before", "passed"),
    [
        (1250, 1000, True),
        (1251, 1000, False),
        (750, 1000, True),
        (749, 1000, False),
        (0, 1000, False),
        (0, 99, True),
        (5000, 99, True),
        (0, 100, False),
    ],
)
def test_a_finished_year_has_about_as_many_rows_as_the_one_before(rows: int, before: int, passed: bool) -> None:
    found, text, counts = row_count_is_plausible(rows, before, 0.25, complete=True)
    assert found == passed
    assert counts == {"rows": rows, "rows_before": before}
    assert passed or "look for a missing or doubled delivery in landing.files" in text


def test_a_year_in_progress_and_a_year_of_closed_schools_are_not_compared() -> None:
    assert row_count_is_plausible(10, 1000, 0.25, complete=False)[:2] == (True, "10 rows so far; the year is in progress")
    passed, text, _ = row_count_is_plausible(10, 1000, 0.25, complete=True, comparable=False)
    assert passed
    assert "schools were closed" in text


# -- freshness --------------------------------------------------------------------------------------------------------------

THANKSGIVING_WEEK = [dt.date(2026, 11, day) for day in (16, 17, 18, 19, 20, 23, 24, 30)]
"""School days around Thanksgiving: Wednesday to Friday of the second week are free."""


def at(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(12), dt.UTC)


@pytest.mark.parametrize(
    ("newest", "today", "missed"),
    [
        ((2026, 11, 20), (2026, 11, 20), 0),
        ((2026, 11, 20), (2026, 11, 23), 0),
        ((2026, 11, 20), (2026, 11, 24), 1),
        ((2026, 11, 24), (2026, 11, 30), 0),
        ((2026, 11, 20), (2026, 11, 30), 2),
        ((2026, 11, 19), (2026, 11, 30), 3),
        ((2026, 11, 18), (2026, 11, 21), 2),
    ],
)
def test_only_school_days_make_a_source_stale(newest: tuple[int, int, int], today: tuple[int, int, int], missed: int) -> None:
    passed, text, counts = current_year_is_fresh(at(dt.date(*newest)), at(dt.date(*today)), 2, THANKSGIVING_WEEK)
    assert counts == {"school_days_without": missed}
    assert passed == (missed <= 2)
    assert passed or f"{missed} school days ago; check that its source still delivers" in text


def test_before_the_first_school_day_nothing_is_stale() -> None:
    assert current_year_is_fresh(None, at(dt.date(2026, 11, 16)), 2, THANKSGIVING_WEEK)[:2] == (True, "the school year has not begun")


def test_a_source_that_never_delivered_is_stale_once_the_days_are_over() -> None:
    assert current_year_is_fresh(None, at(dt.date(2026, 11, 18)), 2, THANKSGIVING_WEEK)[0]
    passed, text, counts = current_year_is_fresh(None, at(dt.date(2026, 11, 19)), 2, THANKSGIVING_WEEK)
    assert (passed, counts) == (False, {"school_days_without": 3})
    assert "no rows for the current year after 3 school day(s)" in text


def test_without_a_calendar_freshness_says_that_it_was_not_judged() -> None:
    passed, text, _ = current_year_is_fresh(None, at(dt.date(2026, 11, 19)), 2, [])
    assert (passed, text) == (True, "not judged: roster.calendar has no school days of the current year; deliver a calendar")


# -- several findings ---------------------------------------------------------------------------------------------------------


def test_a_summary_fails_with_any_and_names_only_what_failed() -> None:
    passed, text, counts = summary({"school": (True, "fine", {"orphans": 0}), "section": (False, "2 rows", {"orphans": 2})})
    assert (passed, text) == (False, "section: 2 rows")
    assert counts == {"school: orphans": 0, "section: orphans": 2}
    assert summary({"school": (True, "fine", {}), "section": (True, "too", {})})[:2] == (True, "school: fine; section: too")
