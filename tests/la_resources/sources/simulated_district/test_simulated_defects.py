"""The planted defects are in the files exactly as often as the truth says."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import polars as pl
import pytest

from la_resources.sources.simulated_district import SimulatedDistrict

Read = Callable[[str], pl.DataFrame]


@pytest.fixture(scope="module")
def planted(district: SimulatedDistrict) -> pl.DataFrame:
    return pl.DataFrame(json.loads((district.truth / "defects.json").read_text())["planted"])


def rows_of(planted: pl.DataFrame, kind: str) -> int:
    return int(planted.filter(pl.col("kind") == kind)["rows"].sum())


def surplus(district: SimulatedDistrict, name: str) -> int:
    """Rows of a file that repeat an earlier row exactly."""
    lines = (district.landing / name).read_bytes().splitlines()
    return len(lines) - len(set(lines))


def test_all_kinds_are_planted(planted: pl.DataFrame) -> None:
    assert set(planted["kind"]) == {
        "conflicting_demographics", "duplicate_rows", "impossible_gpa_points", "late_file", "missing_links", "unclaimed_file",
        "unknown_exit_code", "double_enrollment", "wrong_year_file",
    }  # fmt: skip


def test_exact_duplicates_stand_where_they_were_planted_and_nowhere_else(district: SimulatedDistrict, planted: pl.DataFrame) -> None:
    expected = dict(planted.filter(pl.col("kind") == "duplicate_rows").select("file", "rows").iter_rows())
    csv = [name for name in district.files if name.endswith(".csv")]
    assert {name: n for name in csv if (n := surplus(district, name))} == expected


def test_impossible_grade_points_are_counted(files: Read, planted: pl.DataFrame) -> None:
    points = files("sis/grades/*.csv")["GPA_PTS"].cast(pl.Float64)
    assert (~points.is_between(0, 5)).sum() == rows_of(planted, "impossible_gpa_points") == 10


def test_conflicting_records_share_the_day_and_are_both_active(files: Read, planted: pl.DataFrame) -> None:
    active = files("sis/students/*.csv").filter(pl.col("ACTIVE_FLG") == "Y")
    twins = active.group_by("school_year", "STUDENT_NUMBER", "EFF_DATE").agg(pl.len(), pl.col("SEX_CD", "RACE_ETH_CD").n_unique())
    conflicts = twins.filter(pl.col("len") > 1)
    assert conflicts.height == rows_of(planted, "conflicting_demographics") == 12
    assert ((conflicts["SEX_CD"] > 1) | (conflicts["RACE_ETH_CD"] > 1)).all()


def test_the_wrong_year_file_holds_the_year_before_its_name(files: Read, planted: pl.DataFrame) -> None:
    held = files("sis/attendance/*_resend.csv")
    days = held["ATT_DATE"].str.to_date("%m/%d/%Y")
    assert held["file"].unique().to_list() == ["attendance_2022-23_02_resend.csv"]
    assert held.height == rows_of(planted, "wrong_year_file")
    assert days.dt.year().unique().to_list() == [2022]
    assert days.dt.month().unique().to_list() == [2]


def test_late_files_bring_rows_that_the_first_delivery_lacked(district: SimulatedDistrict, files: Read, planted: pl.DataFrame) -> None:
    late = planted.filter(pl.col("kind") == "late_file")
    assert late.height == 2
    for name, rows in late.select("file", "rows").iter_rows():
        file = district.landing / name
        first = file.with_name(file.name.replace("_late", ""))
        lines, earlier = file.read_bytes().splitlines()[1:], set(first.read_bytes().splitlines())
        assert len(lines) == rows
        assert not set(lines) & earlier
        assert os.stat(file).st_mtime > os.stat(first).st_mtime + 300 * 86_400


def test_unknown_exit_codes_are_counted(files: Read, planted: pl.DataFrame) -> None:
    known = ["W02", "W03", "W04", "W05", "W06", "W15"]
    codes = files("sis/exits/*.csv")["WDRAW_CD"]
    assert (~codes.is_in(known)).sum() == rows_of(planted, "unknown_exit_code") == 5


def test_one_school_has_links_for_less_than_95_percent_of_its_students(files: Read, planted: pl.DataFrame) -> None:
    name = planted.filter(pl.col("kind") == "missing_links")["file"].item()
    links = files(name).filter(pl.col("SUBJ_CD") == "MA").select("STUDENT_NUMBER").unique()
    enrolled = files("sis/school_enrollments/enrollments_2024-25.csv").filter(pl.col("NOSHOW_FLG") == "N", pl.col("ENTRY_CD") == "E01")
    linked = pl.col("STUDENT_NUMBER").is_in(links["STUDENT_NUMBER"].implode())
    coverage = dict(enrolled.group_by("SCHOOL_NO").agg(linked.mean()).iter_rows())
    low = {school for school, share in coverage.items() if share < 0.95}
    assert low == {"0101"}


def test_double_enrolments_are_second_rows_that_are_not_primary(files: Read, planted: pl.DataFrame) -> None:
    stays = files("sis/school_enrollments/*.csv").filter(pl.col("NOSHOW_FLG") == "N")
    second = stays.filter(pl.col("PRIMARY_FLG") == "N")
    assert second.height == rows_of(planted, "double_enrollment") == 6
    both = second.join(stays.filter(pl.col("PRIMARY_FLG") == "Y"), on=["school_year", "STUDENT_NUMBER", "ENTRY_DATE"])
    assert both.height == 6
    assert (both["SCHOOL_NO"] != both["SCHOOL_NO_right"]).all()
