"""The room as a whole: student system and bundle together, empty years, reruns, restricted tables."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from la_assets.landing import schema as landing
from la_assets.roster.schema import (
    DIRECTORY_STUDENTS,
    ENROLLMENTS,
    INSTRUCTIONAL_LINKS,
    ROSTER_TABLES,
    SECTION_ENROLLMENTS,
    STAFF,
    STUDENTS,
)
from la_resources.contracts import Table
from la_resources.privacy import person_key, secret_from_environment

from .landed import d, landed
from .made import made


def student(identifier: str) -> str:
    return person_key(secret_from_environment(), "student", identifier)


def teacher(identifier: str) -> str:
    return person_key(secret_from_environment(), "staff", identifier)


FALL = {"begin_date": d("2023-08-10"), "end_date": d("2023-12-15")}
BUNDLE_AND_STUDENT_SYSTEM: dict[Table, pl.LazyFrame] = {
    landing.ONEROSTER_USERS: landed(
        landing.ONEROSTER_USERS,
        {"sourced_id": "g1", "identifier": "1001", "role": "student", "family_name": "Archer", "grades": "09", "user_ids": "{StateID:FL1}"},
        {"sourced_id": "g2", "identifier": "1002", "role": "student", "family_name": "Hughes", "grades": "10"},
        {"sourced_id": "g9", "identifier": "77", "role": "teacher", "family_name": "Preston"},
    ),
    landing.ONEROSTER_ORGS: landed(landing.ONEROSTER_ORGS, {"sourced_id": "org-1", "identifier": "0101", "type": "school"}),
    landing.ONEROSTER_ACADEMIC_SESSIONS: landed(
        landing.ONEROSTER_ACADEMIC_SESSIONS, {"sourced_id": "f", "title": "S1", "start_date": d("2023-08-10"), "end_date": d("2023-12-15")}
    ),
    landing.ONEROSTER_COURSES: landed(landing.ONEROSTER_COURSES, {"sourced_id": "c1", "course_code": "ALG1", "title": "Algebra I"}),
    landing.ONEROSTER_CLASSES: landed(
        landing.ONEROSTER_CLASSES, {"sourced_id": "s1", "course_sourced_id": "c1", "school_sourced_id": "org-1", "term_sourced_ids": "f"}
    ),
    landing.ONEROSTER_ENROLLMENTS: landed(
        landing.ONEROSTER_ENROLLMENTS,
        {"sourced_id": "e1", "class_sourced_id": "s1", "user_key": student("g1"), "role": "student", **FALL},
        {"sourced_id": "e2", "class_sourced_id": "s1", "user_key": student("g2"), "role": "student", **FALL},
        {"sourced_id": "e3", "class_sourced_id": "s1", "user_key": teacher("g9"), "role": "teacher", **FALL},
    ),
    landing.STUDENT_ATTRIBUTES: landed(
        landing.STUDENT_ATTRIBUTES,
        {"student_key": student("FL1"), "effective_on": d("2023-08-10"), "is_active": True, "grade_level": "09", "frl": True},
        source="sis",
    ),
    landing.SCHOOL_ENROLLMENTS: landed(
        landing.SCHOOL_ENROLLMENTS, {"student_key": student("1001"), "school_id": "0101", "entry_date": d("2023-08-10")}, source="sis"
    ),
    landing.STAFF: landed(landing.STAFF, {"staff_key": teacher("77"), "years_experience": 3.0, "school_id": "0101"}, source="hr"),
}


@pytest.fixture(scope="module")
def roster() -> dict[str, pl.DataFrame]:
    return made("2023-24", BUNDLE_AND_STUDENT_SYSTEM)


def test_whatever_number_a_file_uses_a_student_is_one_student(roster: dict[str, pl.DataFrame]) -> None:
    assert sorted(roster[STUDENTS.name]["student_key"]) == sorted([student("1001"), student("1002")])
    ann = roster[STUDENTS.name].row(by_predicate=pl.col("student_key") == student("1001"), named=True)
    assert (ann["frl"], ann["grade_level"]) == (True, "09")


def test_the_student_systems_stay_and_a_stay_from_classes_stand_side_by_side(roster: dict[str, pl.DataFrame]) -> None:
    stays = {row[0]: row[1:] for row in roster[ENROLLMENTS.name].select("student_key", "school_id", "exit_date", "source").iter_rows()}
    assert stays == {student("1001"): ("0101", None, "sis"), student("1002"): ("0101", d("2023-12-15"), "oneroster")}


def test_seats_links_and_staff_stand_under_the_same_keys(roster: dict[str, pl.DataFrame]) -> None:
    assert roster[SECTION_ENROLLMENTS.name]["student_key"].to_list() == sorted([student("1001"), student("1002")])
    assert set(roster[INSTRUCTIONAL_LINKS.name]["staff_key"]) == {teacher("77")}
    assert roster[STAFF.name].select("staff_key", "years_experience", "role").rows() == [(teacher("77"), 3.0, "teacher")]


def test_a_rerun_makes_the_same_rows(roster: dict[str, pl.DataFrame]) -> None:
    again = made("2023-24", BUNDLE_AND_STUDENT_SYSTEM)
    for name, rows in roster.items():
        assert_frame_equal(rows, again[name])


def test_a_year_without_files_is_empty_and_typed() -> None:
    for name, rows in made("2024-25", BUNDLE_AND_STUDENT_SYSTEM).items():
        assert rows.is_empty()
        assert rows.schema == ROSTER_TABLES[name].polars_schema()


def test_names_contact_and_birth_dates_are_in_restricted_tables_only() -> None:
    direct = {"given_name", "family_name", "birth_date", "email", "phone", "sms", "sourced_id", "user_ids"}
    for table in ROSTER_TABLES.values():
        assert table.restricted == (table.schema == "directory")
        assert table.restricted or not direct & set(table.names)
    assert direct <= set(DIRECTORY_STUDENTS.names)


def test_every_column_says_what_it_means() -> None:
    assert [(t.name, c.name) for t in ROSTER_TABLES.values() for c in t.columns if not c.description.endswith((".", ")."))] == []
