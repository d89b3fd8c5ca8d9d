"""A student's year against the years before."""

import polars as pl
import pytest

from la_assets.roster.progression import progression
from la_assets.roster.schema import ENROLLMENTS, PROGRESSION, STUDENTS

from .landed import canonical, d, kept, student

ANN = student("1001")


def years(*grades: tuple[str, str | None], **other: object) -> pl.LazyFrame:
    return pl.concat([canonical(STUDENTS, {"student_key": ANN, "grade_level": grade} | other, year=year) for year, grade in grades])


def stays(*schools: tuple[str, str]) -> pl.LazyFrame:
    rows = [
        canonical(
            ENROLLMENTS, {"student_key": ANN, "school_id": school, "entry_date": d(f"{year[:4]}-08-10"), "is_primary": True}, year=year
        )
        for year, school in schools
    ]
    return pl.concat([ENROLLMENTS.empty(), *rows])


@pytest.mark.parametrize(
    ("before", "now", "progress", "repeating"),
    [
        ("05", "06", "promoted", False),
        ("05", "05", "repeated", True),
        ("05", "07", "skipped", False),
        ("07", "05", "moved down", None),
        ("KG", "01", "promoted", False),
        ("UG", "05", "unknown", None),
        (None, "05", "unknown", None),
    ],
)
def test_repeated_and_skipped_grades_are_data(before: str | None, now: str, progress: str, repeating: bool | None) -> None:
    row = kept(PROGRESSION, progression(years(("2022-23", before), ("2023-24", now)), stays(), "2023-24")).row(0, named=True)
    assert (row["progress"], row["is_repeating"]) == (progress, repeating)


def test_a_student_without_an_earlier_year_is_new() -> None:
    row = kept(PROGRESSION, progression(years(("2023-24", "05")), stays(), "2023-24")).row(0, named=True)
    assert (row["progress"], row["prior_school_year"], row["is_repeating"]) == ("new", None, None)


def test_a_student_who_was_away_for_a_year_returned() -> None:
    row = kept(PROGRESSION, progression(years(("2021-22", "04"), ("2023-24", "05")), stays(), "2023-24")).row(0, named=True)
    assert (row["progress"], row["prior_school_year"]) == ("returned", "2021-22")


def test_what_the_source_says_of_repeating_wins() -> None:
    frame = progression(years(("2022-23", "05"), ("2023-24", "06"), is_repeating=True), stays(), "2023-24")
    assert kept(PROGRESSION, frame)["is_repeating"].to_list() == [True]


def test_schools_are_counted_over_four_years_and_once_each() -> None:
    attended = stays(("2021-22", "0101"), ("2022-23", "0101"), ("2022-23", "0202"), ("2023-24", "0202"), ("2023-24", "0303"))
    row = kept(PROGRESSION, progression(years(("2022-23", "05"), ("2023-24", "06")), attended, "2023-24")).row(0, named=True)
    assert (row["schools_this_year"], row["schools_in_four_years"]) == (2, 3)


def test_a_later_year_never_changes_an_earlier_row() -> None:
    past = years(("2022-23", "05"), ("2023-24", "06"))
    future = pl.concat([past, years(("2024-25", "06"))])
    moved = pl.concat([stays(("2023-24", "0101")), stays(("2024-25", "0909"))])
    then = kept(PROGRESSION, progression(past, stays(("2023-24", "0101")), "2023-24"))
    assert kept(PROGRESSION, progression(future, moved, "2023-24")).equals(then)
