"""Two real districts (SGPdata, 2022-23) without any roster bundle: scores rows and instructional links alone make a roster."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from la_assets.data_checks import orphans
from la_assets.landing import schema as landing
from la_assets.roster.schema import ENROLLMENTS, INSTRUCTIONAL_LINKS, ROSTER_TABLES, SCHOOLS, SECTIONS, STAFF, STUDENTS
from la_resources.contracts import Table
from la_resources.privacy import Hasher, secret_from_environment

from .made import made

YEAR = "2022-23"
RACES = {
    "Hispanic": "Hispanic or Latino",
    "African American": "Black or African American",
    "Native American": "American Indian or Alaska Native",
}
SUBJECTS = {"MATHEMATICS": "Math", "READING": "ELA"}


def typed(frame: pl.DataFrame, table: Table, file: str) -> pl.LazyFrame:
    landed = frame.with_row_index("source_row", 2).with_columns(
        source_row=pl.col("source_row").cast(pl.Int64),
        school_year=pl.lit(YEAR),
        source=pl.lit("sgp"),
        source_file=pl.lit(file),
        row_hash=pl.lit(0, dtype=pl.UInt64),
        landed_at=pl.lit(dt.datetime(2023, 7, 1, tzinfo=dt.UTC)),
    )
    return (
        table.empty()
        .collect()
        .pipe(lambda empty: pl.concat([empty, landed.select(c for c in table.names if c in landed.columns)], how="diagonal"))
        .lazy()
    )


def keyed(frame: pl.DataFrame, column: str, kind: str, name: str) -> pl.DataFrame:
    ids = frame.select(pl.col(column).cast(pl.String).unique().sort().alias(column))
    keys = ids.with_columns(pl.Series(name, Hasher(secret_from_environment())(kind, ids[column].to_list())))
    return frame.with_columns(pl.col(column).cast(pl.String)).join(keys, on=column)


@pytest.fixture(scope="module")
def sent(shared_data: Path) -> pl.DataFrame:
    links = pl.read_parquet(shared_data / "sgp" / "instructor_links.parquet").filter(pl.col("YEAR") == "2022_2023")
    return keyed(keyed(links, "ID", "student", "student_key"), "INSTRUCTOR_NUMBER", "staff", "staff_key").with_columns(
        subject=pl.col("CONTENT_AREA").replace_strict(SUBJECTS), weight=pl.col("INSTRUCTOR_WEIGHT")
    )


@pytest.fixture(scope="module")
def roster(shared_data: Path, sent: pl.DataFrame) -> dict[str, pl.DataFrame]:
    scores = pl.read_parquet(shared_data / "sgp" / "scores.parquet").filter(pl.col("YEAR") == "2022_2023")
    rows = keyed(scores, "ID", "student", "student_key").with_columns(
        effective_on=pl.date(2022, 8, 15),
        entry_date=pl.date(2022, 8, 15),
        is_active=True,
        grade_level=pl.col("GRADE").cast(pl.String).str.zfill(2),
        gender=pl.col("GENDER").str.extract(r": (\w+)"),
        race_ethnicity=pl.col("ETHNICITY").replace(RACES),
        ell=pl.col("ELL_STATUS") == "ELL: Yes",
        school_id=pl.col("SCHOOL_NUMBER").cast(pl.String),
        name=pl.col("SCHOOL_NAME"),
        level=pl.col("EMH_LEVEL"),
        district_id=pl.col("DISTRICT_NUMBER").cast(pl.String),
    )
    return made(
        YEAR,
        {
            landing.STUDENT_ATTRIBUTES: typed(rows, landing.STUDENT_ATTRIBUTES, "scores.parquet"),
            landing.SCHOOL_ENROLLMENTS: typed(rows.drop_nulls("school_id"), landing.SCHOOL_ENROLLMENTS, "scores.parquet"),
            landing.SCHOOLS: typed(rows.drop_nulls("school_id"), landing.SCHOOLS, "scores.parquet"),
            landing.INSTRUCTIONAL_LINKS: typed(sent, landing.INSTRUCTIONAL_LINKS, "links.parquet"),
        },
    )


def test_every_student_school_and_teacher_is_in_the_roster_once(
    roster: dict[str, pl.DataFrame], sent: pl.DataFrame, shared_data: Path
) -> None:
    scores = pl.read_parquet(shared_data / "sgp" / "scores.parquet").filter(pl.col("YEAR") == "2022_2023")
    assert roster[STUDENTS.name].height == scores["ID"].n_unique()
    assert roster[SCHOOLS.name].height == scores["SCHOOL_NUMBER"].drop_nulls().n_unique()
    assert roster[STAFF.name].height == sent["INSTRUCTOR_NUMBER"].n_unique()
    assert roster[SECTIONS.name].is_empty()


def test_dosage_weights_sum_to_1_as_the_districts_sent_them(roster: dict[str, pl.DataFrame], sent: pl.DataFrame) -> None:
    links = roster[INSTRUCTIONAL_LINKS.name]
    assert links.height == sent.select("student_key", "staff_key", "subject").n_unique()
    sums = links.group_by("student_key", "subject").agg(pl.col("weight").sum())["weight"]
    assert sums.max() == pytest.approx(1.0)


def test_students_tested_at_two_schools_are_doubly_enrolled_with_one_primary_school(roster: dict[str, pl.DataFrame]) -> None:
    stays = roster[ENROLLMENTS.name]
    assert stays.group_by("student_key").agg(pl.col("is_primary").sum())["is_primary"].unique().to_list() == [1]
    assert stays.height >= stays["student_key"].n_unique()


def test_links_point_at_students_and_staff_that_the_roster_knows(roster: dict[str, pl.DataFrame]) -> None:
    table = INSTRUCTIONAL_LINKS
    broken = {
        key.columns: orphans(roster[table.name].lazy(), key.columns, roster[key.table].lazy(), key.references).collect().height
        for key in ROSTER_TABLES[table.name].foreign_keys
    }
    assert broken[("staff_key",)] == 0
    assert broken[("student_key",)] <= 0.01 * roster[table.name].height
