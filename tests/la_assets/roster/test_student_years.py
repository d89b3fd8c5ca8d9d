"""One record per student and year: the last active record wins, and every demographic conflict is listed."""

from typing import Any

import polars as pl

from la_assets.landing.schema import STUDENT_ATTRIBUTES
from la_assets.roster.schema import (
    DEMOGRAPHIC_CONFLICTS,
    DIRECTORY_STUDENTS,
    ENROLLMENTS,
    IDENTIFIERS,
    SECTION_ENROLLMENTS,
    STUDENTS,
)
from la_assets.roster.student_years import demographic_conflicts, students

from .landed import AUGUST, SEPTEMBER, canonical, d, kept, landed, student

ANN = student("1001")


def record(effective_on: str, **said: Any) -> dict[str, Any]:
    return {"student_key": ANN, "effective_on": d(effective_on), "is_active": True, **said}


def year(
    *records: dict[str, Any],
    directory: pl.LazyFrame | None = None,
    identifiers: pl.LazyFrame | None = None,
    enrollments: pl.LazyFrame | None = None,
    section_enrollments: pl.LazyFrame | None = None,
) -> tuple[list[dict[str, Any]], list[tuple[Any, ...]]]:
    """The students of the year and the conflicts: (attribute, kept, other, rows)."""
    attributes = landed(STUDENT_ATTRIBUTES, *records, source="sis")
    directory = DIRECTORY_STUDENTS.empty() if directory is None else directory
    identifiers = IDENTIFIERS.empty() if identifiers is None else identifiers
    enrollments = ENROLLMENTS.empty() if enrollments is None else enrollments
    section_enrollments = SECTION_ENROLLMENTS.empty() if section_enrollments is None else section_enrollments
    rows = kept(STUDENTS, students(attributes, directory, identifiers, enrollments, section_enrollments))
    conflicts = kept(DEMOGRAPHIC_CONFLICTS, demographic_conflicts(attributes, directory, identifiers, rows.lazy()))
    return rows.to_dicts(), conflicts.select("attribute", "kept_value", "other_value", "rows").rows()


def test_the_last_active_record_wins() -> None:
    rows, _ = year(record("2024-01-08", grade_level="04", frl=True), record("2023-08-10", grade_level="03", frl=False))
    assert (rows[0]["grade_level"], rows[0]["frl"]) == ("04", True)
    assert rows[0]["known_on"] == d("2024-01-08")


def test_an_inactive_record_does_not_win_over_an_earlier_active_one() -> None:
    rows, _ = year(record("2023-08-10", grade_level="03"), record("2024-01-08", grade_level="04", is_active=False))
    assert rows[0]["grade_level"] == "03"


def test_a_student_with_inactive_records_only_still_appears() -> None:
    rows, _ = year(record("2023-08-10", grade_level="03", is_active=False))
    assert rows[0]["grade_level"] == "03"


def test_of_two_records_of_a_day_the_one_that_arrived_last_wins_and_the_other_is_listed() -> None:
    rows, conflicts = year(record("2023-08-10", gender="Female"), record("2023-08-10", gender="Male"))
    assert rows[0]["gender"] == "Male"
    assert conflicts == [("gender", "Male", "Female", 1)]


def test_a_later_file_wins_over_an_earlier_one_of_the_same_day() -> None:
    late = record("2023-08-10", gender="Female", landed_at=SEPTEMBER)
    rows, conflicts = year(late, record("2023-08-10", gender="Male", landed_at=AUGUST))
    assert (rows[0]["gender"], conflicts) == ("Female", [("gender", "Female", "Male", 1)])


def test_every_conflicting_value_is_listed_with_its_rows() -> None:
    _, conflicts = year(
        record("2023-08-10", race_ethnicity="White", birth_year=2012),
        record("2023-09-10", race_ethnicity="White", birth_year=2011),
        record("2023-10-10", race_ethnicity="Asian", birth_year=2010),
    )
    assert conflicts == [("birth_year", "2010", "2011", 1), ("birth_year", "2010", "2012", 1), ("race_ethnicity", "Asian", "White", 2)]


def test_a_change_of_grade_or_program_is_not_a_conflict() -> None:
    _, conflicts = year(record("2023-08-10", grade_level="03", ell=True), record("2024-01-08", grade_level="04", ell=False))
    assert conflicts == []


def test_a_blank_or_unknown_in_a_later_record_erases_nothing_and_contradicts_nothing() -> None:
    rows, conflicts = year(record("2023-08-10", gender="Female", gifted=True), record("2024-01-08", gender="Unknown"))
    assert (rows[0]["gender"], rows[0]["gifted"], conflicts) == ("Female", True, [])


def test_unknown_is_kept_where_nobody_knows() -> None:
    rows, _ = year(record("2023-08-10", race_ethnicity="Unknown"))
    assert (rows[0]["race_ethnicity"], rows[0]["gender"]) == ("Unknown", None)


def test_race_flags_roll_up_where_the_category_was_not_sent() -> None:
    rows, _ = year(record("2023-08-10", asian=True, white=True, hispanic_or_latino=False))
    assert rows[0]["race_ethnicity"] == "Two or More Races"


def test_the_bundle_fills_what_the_student_system_does_not_say() -> None:
    directory = canonical(
        DIRECTORY_STUDENTS,
        {
            "student_key": ANN,
            "birth_date": d("2012-05-30"),
            "grades": "3",
            "gender": "Female",
            "white": True,
            "hispanic_or_latino": False,
        },
    )
    rows, conflicts = year(record("2023-08-10", ell=True), directory=directory)
    assert (rows[0]["birth_year"], rows[0]["grade_level"], rows[0]["gender"], rows[0]["race_ethnicity"]) == (2012, "03", "Female", "White")
    assert (rows[0]["ell"], conflicts) == (True, [])


def test_the_student_system_goes_before_the_bundle_and_the_contradiction_is_listed() -> None:
    directory = canonical(DIRECTORY_STUDENTS, {"student_key": ANN, "gender": "Male", "grades": "05"})
    rows, conflicts = year(record("2023-08-10", gender="Female", grade_level="04"), directory=directory)
    assert (rows[0]["gender"], rows[0]["grade_level"]) == ("Female", "04")
    assert conflicts == [("gender", "Female", "Male", 1)]


def test_an_impossible_birth_date_gives_no_birth_year() -> None:
    rows, _ = year(directory=canonical(DIRECTORY_STUDENTS, {"student_key": ANN, "birth_date": d("1900-01-01")}))
    assert rows[0]["birth_year"] is None


def test_a_student_listed_in_the_bundle_only_is_known_from_the_first_day_of_the_year() -> None:
    rows, _ = year(directory=canonical(DIRECTORY_STUDENTS, {"student_key": ANN}))
    assert (rows[0]["known_on"], rows[0]["school_year"]) == (d("2023-07-01"), "2023-24")


def test_every_enrolled_student_appears_even_without_a_record() -> None:
    stay = canonical(
        ENROLLMENTS, {"student_key": ANN, "school_id": "1", "entry_date": d("2023-08-10"), "is_primary": True, "grade_level": "07"}
    )
    seat = canonical(SECTION_ENROLLMENTS, {"student_key": student("1002"), "section_id": "s", "begin_date": d("2023-09-01")})
    rows, _ = year(enrollments=stay, section_enrollments=seat)
    assert {(r["student_key"], r["grade_level"], r["known_on"]) for r in rows} == {
        (ANN, "07", d("2023-08-10")),
        (student("1002"), None, d("2023-09-01")),
    }


def test_records_under_different_identifiers_are_one_student() -> None:
    people = canonical(IDENTIFIERS, {"kind": "student", "identifier_key": student("FL1"), "person_key": ANN})
    rows, _ = year(record("2023-08-10", frl=True), record("2023-09-10", student_key=student("FL1"), ell=True), identifiers=people)
    assert [(r["student_key"], r["frl"], r["ell"]) for r in rows] == [(ANN, True, True)]


def test_repeating_is_as_sent_and_otherwise_missing() -> None:
    rows, _ = year(record("2023-08-10", is_repeating=True))
    assert rows[0]["is_repeating"] is True
    rows, _ = year(record("2023-08-10"))
    assert rows[0]["is_repeating"] is None


def test_the_row_carries_the_arrival_of_the_newest_file_behind_it() -> None:
    rows, _ = year(record("2023-08-10", landed_at=SEPTEMBER), record("2023-08-11"))
    assert rows[0]["loaded_at"] == SEPTEMBER
