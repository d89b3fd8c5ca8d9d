"""The files hold what was known before the as-of date, and identity only where it belongs."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from la_resources.sources.simulated_district import SimulatedDistrict
from la_resources.sources.simulated_district.names import FAMILY_NAMES, GIVEN_NAMES

Read = Callable[[str], pl.DataFrame]
AS_OF = date(2026, 11, 21)
ISO = re.compile(rb"(?<!\d)(20\d\d)-(\d\d)-(\d\d)(?!\d)")
US = re.compile(rb"(?<!\d)(\d{1,2})/(\d{1,2})/(20\d\d)(?!\d)")


def dates_in(content: bytes) -> Iterator[date]:
    for y, m, d in set(ISO.findall(content)):
        yield date(int(y), int(m), int(d))
    for m, d, y in set(US.findall(content)):
        yield date(int(y), int(m), int(d))


def texts(district: SimulatedDistrict) -> Iterator[tuple[str, bytes]]:
    """Every file's content, zips as their members."""
    for name in district.files:
        file = district.landing / name
        if name.endswith(".zip"):
            with zipfile.ZipFile(file) as archive:
                yield from ((f"{name}!{member}", archive.read(member)) for member in archive.namelist())
        else:
            yield name, file.read_bytes()


def test_no_file_of_the_current_year_holds_a_date_after_the_as_of_date(district: SimulatedDistrict) -> None:
    """Except what is published in advance: the calendar and the sessions of the year."""
    published = ("sis/calendar/", "academicSessions")
    late = {
        name: latest
        for name, content in texts(district)
        if "2026-27" in name and not any(p in name for p in published) and (latest := max(dates_in(content), default=AS_OF)) > AS_OF
    }
    assert late == {}


def test_no_file_arrives_after_the_as_of_date(district: SimulatedDistrict) -> None:
    end = datetime(2026, 11, 21, 6, tzinfo=UTC).timestamp()
    assert max((district.landing / name).stat().st_mtime for name in district.files) < end


def test_attendance_reaches_to_the_last_school_day_before_the_as_of_date(files: Read) -> None:
    days = files("sis/attendance/attendance_2026-27_11.csv")["ATT_DATE"].str.to_date("%m/%d/%Y")
    assert days.max() == date(2026, 11, 20)


def test_the_current_year_has_fall_tests_and_first_quarter_marks_only(district: SimulatedDistrict) -> None:
    current = [Path(name).name for name in district.files if "2026-27" in name]
    assert {name.split("_")[2] for name in current if name.startswith("FAST")} == {"PM1"}
    assert [name for name in current if name.startswith("MAP")] == ["MAP_2026-27_fall.csv"]
    assert [name for name in current if name.startswith("grades")] == ["grades_2026-27_Q1.csv"]
    assert not [name for name in current if name.startswith(("EOC", "SAT", "spending"))]


def test_spring_2020_has_no_tests_and_no_attendance(district: SimulatedDistrict) -> None:
    names = [Path(name).name for name in district.files if "2019-20" in name]
    assert not [name for name in names if re.match(r"FAST_.*PM3|EOC|SAT|MAP_.*spring", name)]
    assert [name for name in names if re.match(r"FAST_.*PM2|MAP_.*winter", name)]
    assert not [name for name in names if re.match(r"attendance_2019-20_(04|05)", name)]


def test_no_school_year_lies_in_the_future(district: SimulatedDistrict) -> None:
    assert district.years[0] == "2018-19"
    assert district.years[-1] == "2026-27"


def test_past_bundles_are_zips_and_the_current_one_is_a_folder(district: SimulatedDistrict) -> None:
    bundles = {name for name in district.files if name.startswith("oneroster/")}
    assert {name for name in bundles if name.endswith(".zip")} == {f"oneroster/{year}.zip" for year in district.years[:-1]}
    assert {name.rsplit("/", 1)[0] for name in bundles if name.endswith(".csv")} == {"oneroster/2026-27"}


def test_names_addresses_and_birth_dates_stand_in_the_roster_bundles_only(district: SimulatedDistrict) -> None:
    people = {name.encode() for name in (*GIVEN_NAMES, *FAMILY_NAMES)}
    found = {
        name
        for name, content in texts(district)
        if not name.startswith("oneroster/") and (people & set(re.findall(rb"[A-Z][a-z]+", content)) or b"@" in content)
    }
    assert found == set()
    register = district.landing / "sis/students/students_2025-26.csv"
    assert b"BIRTH_YR" in register.read_bytes()


def test_every_identifier_of_the_extracts_is_in_the_roster_bundle(district: SimulatedDistrict, files: Read) -> None:
    users = files("oneroster/2026-27/users.csv")
    local = set(users.filter(pl.col("role") == "student")["identifier"])
    state = set(users["userIds"].drop_nulls().str.extract(r"\{StateID:(.*)\}"))
    staff = set(users.filter(pl.col("role") == "teacher")["identifier"])
    assert set(files("sis/attendance/attendance_2026-27_09.csv")["STUDENT_NUMBER"]) <= local
    assert set(files("hr/staff_2026-27.csv")["EMPLOYEE_NO"]) == staff
    tested = pl.read_csv(
        district.landing / "fast/FAST_2026-27_PM1_Grade5_Math.csv", has_header=False, skip_rows=1, columns=[0], infer_schema=False
    )
    assert set(tested.to_series()) <= state
    sections = set(files("oneroster/2026-27/classes.csv")["sourcedId"])
    assert set(files("sis/grades/grades_2026-27_Q1.csv")["SECTION_ID"]) <= sections


@pytest.mark.parametrize("name", ["users", "classes", "courses", "enrollments", "orgs", "academicSessions", "demographics"])
def test_sourced_ids_are_unique_in_each_roster_file(files: Read, name: str) -> None:
    assert files(f"oneroster/2026-27/{name}.csv")["sourcedId"].is_unique().all()
