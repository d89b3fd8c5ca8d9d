"""Sums of a student's year and chronic absence: each rule of the data model as a statement."""

import datetime as dt

import polars as pl
import pytest

from la_assets.attendance.schema import DAILY, STUDENT_SCHOOL_YEAR, STUDENT_YEAR
from la_assets.attendance.student_years import student_school_year, student_year

from ..roster.landed import canonical, d, kept, student
from .week import ANN, enrolled, stays

START = dt.date(2023, 8, 14)


def days(who: str, *absent: float, school: str = "1", first: int = 0, excused: bool | None = False) -> pl.LazyFrame:
    """Consecutive days from the ``first``, with the share missed on each."""
    return canonical(
        DAILY,
        *(
            {
                "student_key": who,
                "school_id": school,
                "date": START + dt.timedelta(first + n),
                "absent": share,
                "tardy": False,
                "excused": excused if share else None,
                "early_dismissal": False,
                "is_filled": False,
            }
            for n, share in enumerate(absent)
        ),
    )


def year(daily: pl.LazyFrame, *enrollments: dict[str, object], minimum: int = 10, comparable: bool = True) -> pl.DataFrame:
    sums = student_year(daily, stays(*enrollments), 0.10, minimum, comparable)
    return kept(STUDENT_YEAR, sums.with_columns(school_year=pl.lit("2023-24")))


def by_school(daily: pl.LazyFrame, minimum: int = 10) -> pl.DataFrame:
    return kept(STUDENT_SCHOOL_YEAR, student_school_year(daily, 0.10, minimum, True).with_columns(school_year=pl.lit("2023-24")))


def test_missing_exactly_a_tenth_of_the_days_is_chronic() -> None:
    assert year(days(ANN, *[1.0] * 2, *[0.0] * 18)).select("rate", "chronic").row(0) == (0.9, True)


def test_missing_a_little_less_is_not() -> None:
    assert not year(days(ANN, *[1.0] * 2, *[0.0] * 19))["chronic"].item()


def test_floating_point_does_not_decide_the_boundary() -> None:
    whole_days = [days(student(f"whole {tens}"), *[1.0] * tens, *[0.0] * (9 * tens)) for tens in range(1, 19)]
    tenths = [days(student(f"tenths {tens}"), *[0.1] * (10 * tens)) for tens in range(1, 19)]
    assert year(pl.concat([*whole_days, *tenths]))["chronic"].to_list() == [True] * 36


def test_part_days_add_up() -> None:
    row = year(days(ANN, 0.5, 0.25, 0.25, *[0.0] * 7))
    assert row.select("days_absent", "chronic").row(0) == (1.0, True)


def test_a_transfer_never_resets_chronic_absence() -> None:
    moved = pl.concat([days(ANN, 1.0, 1.0, *[0.0] * 10), days(ANN, *[0.0] * 8, school="2", first=12)])
    row = year(moved, enrolled(ANN), enrolled(ANN, school="2"))
    assert row.select("days_enrolled", "days_absent", "chronic", "schools").row(0) == (20, 2.0, True, 2)
    assert by_school(moved, minimum=5).select("school_id", "chronic").rows() == [("1", True), ("2", False)]


def test_under_the_minimum_of_enrolled_days_chronic_absence_is_not_judged() -> None:
    assert year(days(ANN, *[1.0] * 9))["chronic"].item() is None
    assert year(days(ANN, *[1.0] * 10))["chronic"].item() is True


def test_a_day_at_two_schools_counts_once_as_at_the_primary_school() -> None:
    both = pl.concat([days(ANN, 0.0, 0.0), days(ANN, 1.0, 1.0, school="2")])
    row = year(both, enrolled(ANN), enrolled(ANN, school="2", primary=False))
    assert row.select("days_enrolled", "days_absent", "schools").row(0) == (2, 0.0, 2)


def test_a_day_at_two_schools_without_a_primary_one_is_missed_if_missed_at_either() -> None:
    both = pl.concat([days(ANN, 0.0, 0.5), days(ANN, 1.0, 0.25, school="2")])
    for primary in (True, False):
        row = year(both, enrolled(ANN, primary=primary), enrolled(ANN, school="2", primary=primary))
        assert row.select("days_enrolled", "days_absent").row(0) == (2, 1.5)


def test_the_primary_school_is_that_of_the_day() -> None:
    both = pl.concat([days(ANN, 0.0, 0.0), days(ANN, 1.0, 1.0, school="2")])
    row = year(both, enrolled(ANN, leave="2023-08-14"), enrolled(ANN, school="2", entry="2023-08-15"))
    assert row["days_absent"].item() == 1.0


def test_excused_and_unexcused_are_what_files_say() -> None:
    daily = pl.concat([days(ANN, 1.0, excused=True), days(ANN, 1.0, first=1), days(ANN, 1.0, first=2, excused=None)])
    assert year(daily).select("days_absent", "excused", "unexcused").row(0) == (3.0, 1.0, 1.0)


@pytest.mark.parametrize("comparable", [True, False])
def test_the_years_of_school_closures_are_flagged(comparable: bool) -> None:
    assert year(days(ANN, 0.0), comparable=comparable)["comparable"].item() is comparable


def test_the_sums_are_known_on_the_last_day_counted() -> None:
    row = year(days(ANN, 0.0, 1.0, 0.0))
    assert row.select("first_date", "last_date", "known_on").row(0) == (d("2023-08-14"), d("2023-08-16"), d("2023-08-16"))


def test_a_year_without_days_is_an_empty_table() -> None:
    assert year(DAILY.empty()).is_empty()
    assert by_school(DAILY.empty()).is_empty()
