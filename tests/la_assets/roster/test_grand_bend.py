"""The real Grand Bend bundle (OneRoster 1.1, Ed-Fi LMS Toolkit) alone makes a whole roster."""

import datetime as dt
import re
from pathlib import Path

import polars as pl
import pytest

from la_assets.data_checks import orphans
from la_assets.landing import schema as landing
from la_assets.roster.schema import (
    DIRECTORY_STUDENTS,
    ENROLLMENTS,
    INSTRUCTIONAL_LINKS,
    ROSTER_TABLES,
    SCHOOLS,
    SECTION_ENROLLMENTS,
    SECTIONS,
    STAFF,
    STUDENTS,
)
from la_resources.contracts import Column, Table
from la_resources.privacy import person_key, secret_from_environment

from .made import made

YEAR = "2020-21"
ENGLISH, ALGEBRA = "25590100101Trad120ENG112011", "25590100102Trad220ALG112011"


def snake(name: str) -> str:
    return "session_school_year" if name == "schoolYear" else re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def student(number: str) -> str:
    return person_key(secret_from_environment(), "student", number)


def teacher(number: str) -> str:
    return person_key(secret_from_environment(), "staff", number)


def read(file: Path, table: Table) -> pl.LazyFrame:
    """A bundle's file in the shape of its landing table."""
    # The teachers' rows of users.csv and the classes end with a comma too many.
    raw = pl.read_csv(file, infer_schema=False, truncate_ragged_lines=True).rename(snake)
    if "user_sourced_id" in raw.columns:
        keys = [student(u) if r == "student" else teacher(u) for u, r in raw.select("user_sourced_id", "role").iter_rows()]
        raw = raw.with_columns(user_key=pl.Series(keys))
    lineage = {"school_year": YEAR, "source": "oneroster", "source_file": f"oneroster/{file.name}", "row_hash": "0"}
    raw = raw.with_columns(pl.lit(value).alias(name) for name, value in lineage.items()).with_row_index("source_row", 2)
    raw = raw.with_columns(landed_at=pl.lit("2020-08-01 00:00:00")).cast(pl.String)

    def typed(column: Column) -> pl.Expr:
        value = pl.col(column.name) if column.name in raw.columns else pl.lit(None, dtype=pl.String)
        if column.dtype == pl.Boolean:
            return value == "true"
        if column.dtype == pl.Date:
            return value.str.to_date("%Y-%m-%d")
        if column.name == "landed_at":
            return value.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", time_zone="UTC")
        return value.cast(column.dtype)

    return raw.lazy().select(typed(column).alias(column.name) for column in table.columns)


@pytest.fixture(scope="module")
def roster(shared_data: Path) -> dict[str, pl.DataFrame]:
    bundle = shared_data / "vendor" / "OneRoster" / "v1p1"
    files = {
        landing.ONEROSTER_USERS: "users",
        landing.ONEROSTER_DEMOGRAPHICS: "demographics",
        landing.ONEROSTER_ORGS: "orgs",
        landing.ONEROSTER_ACADEMIC_SESSIONS: "academicSessions",
        landing.ONEROSTER_COURSES: "courses",
        landing.ONEROSTER_CLASSES: "classes",
        landing.ONEROSTER_ENROLLMENTS: "enrollments",
    }
    return made(YEAR, {table: read(bundle / f"{file}.csv", table) for table, file in files.items()})


def test_eight_students_one_school_and_two_teachers(roster: dict[str, pl.DataFrame]) -> None:
    assert roster[STUDENTS.name].height == 8
    assert roster[SCHOOLS.name].select("school_id", "name", "district_id").rows() == [("255901001", "Grand Bend High School", "255901")]
    assert roster[STAFF.name].select("staff_key", "school_id", "role").sort("staff_key").rows() == sorted(
        (teacher(number), "255901001", "teacher") for number in ("207268", "207270")
    )


def test_demographics_come_from_the_bundle_alone(roster: dict[str, pl.DataFrame]) -> None:
    mary = roster[STUDENTS.name].row(by_predicate=pl.col("student_key") == student("604863"), named=True)
    assert (mary["grade_level"], mary["birth_year"], mary["gender"]) == ("09", 1997, "Female")
    assert (mary["asian"], mary["hispanic_or_latino"], mary["race_ethnicity"]) == (True, True, "Hispanic or Latino")
    assert mary["is_repeating"] is None


def test_class_enrolments_of_two_terms_are_one_stay_at_the_school(roster: dict[str, pl.DataFrame]) -> None:
    stays = roster[ENROLLMENTS.name]
    assert stays.height == 8
    assert stays.select("entry_date", "exit_date", "is_primary", "grade_level").unique().rows() == [
        (dt.date(2020, 8, 17), dt.date(2021, 5, 28), True, "09")
    ]


def test_a_section_of_two_terms_has_a_row_and_a_size_for_each(roster: dict[str, pl.DataFrame]) -> None:
    sections = roster[SECTIONS.name].select("section_id", "term", "course_id", "subject", "course_level", "class_size")
    assert sections.rows() == [
        (ENGLISH, "2020-2021 Fall Semester", "ENG-1", "ELA", "regular", 5),
        (ENGLISH, "2020-2021 Spring Semester", "ENG-1", "ELA", "regular", 5),
        (ALGEBRA, "2020-2021 Fall Semester", "ALG-1", "Algebra 1", "regular", 5),
        (ALGEBRA, "2020-2021 Spring Semester", "ALG-1", "Algebra 1", "regular", 5),
    ]
    assert roster[SECTION_ENROLLMENTS.name].height == 20


def test_a_student_of_both_semesters_was_taught_wholly_by_the_teacher_of_record(roster: dict[str, pl.DataFrame]) -> None:
    links = roster[INSTRUCTIONAL_LINKS.name].filter(pl.col("student_key") == student("604863")).sort("subject")
    assert links.select("staff_key", "subject", "weight", "link_source").rows() == [
        (teacher("207270"), "Algebra 1", 1.0, "sections"),
        (teacher("207268"), "ELA", 1.0, "sections"),
    ]


def test_the_local_number_leads_to_the_student(roster: dict[str, pl.DataFrame]) -> None:
    people = dict(roster["directory.identifiers"].select("identifier_key", "person_key").iter_rows())
    assert people[student("863")] == student("604863")


def test_every_reference_finds_its_row(roster: dict[str, pl.DataFrame]) -> None:
    broken = {
        (table.name, key.columns): orphans(roster[name].lazy(), key.columns, roster[key.table].lazy(), key.references).collect().height
        for name, table in ROSTER_TABLES.items()
        for key in table.foreign_keys
    }
    assert {found for found, rows in broken.items() if rows} == set()


def test_names_stand_in_the_restricted_directory_and_nowhere_else(roster: dict[str, pl.DataFrame]) -> None:
    names = set(roster[DIRECTORY_STUDENTS.name]["family_name"])
    open_tables = [rows for name, rows in roster.items() if not ROSTER_TABLES[name].restricted]
    texts = {v for rows in open_tables for column in rows.select(pl.col(pl.String)) for v in column.drop_nulls()}
    assert len(names) == 8
    assert not any(name in text for name in names for text in texts)
