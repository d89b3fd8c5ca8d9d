"""The sample that the project ships: 60 students, one school year, from committed files to tables, twice."""

import datetime as dt
import os
import shutil
from pathlib import Path

import polars as pl
import pytest

from la_assets.attendance.schema import STUDENT_YEAR
from la_assets.landing.schema import FILES
from la_assets.roster.schema import STUDENTS

from .conftest import PROJECT, BuiltDistrict, build_years

YEAR, KEY = "2025-26", "2025-07-01"
ARRIVED = dt.datetime(2026, 6, 15, tzinfo=dt.UTC).timestamp()
SAMPLE = PROJECT / "data" / "sample"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> BuiltDistrict:
    folder = tmp_path_factory.mktemp("sample")
    shutil.copytree(SAMPLE, folder / "landing")
    for file in (folder / "landing").rglob("*"):  # a checkout has no arrival times of its own
        os.utime(file, (ARRIVED, ARRIVED))
    return build_years(folder, KEY, KEY)


def test_the_sample_is_small() -> None:
    assert sum(f.stat().st_size for f in SAMPLE.rglob("*") if f.is_file()) < 1_000_000


def test_the_sample_builds_without_a_failure(sample: BuiltDistrict) -> None:
    assert sample.failed_steps == []
    files = sample.lake.scan(FILES, [YEAR]).collect()
    assert files.filter(pl.col("status") == "unclaimed")["source_file"].to_list() == ["sis/notes.pdf"]
    assert files["rows_loaded"].sum() > 5_000


def test_every_student_has_attendance_for_the_year(sample: BuiltDistrict) -> None:
    students = sample.lake.scan(STUDENTS, [YEAR]).select("student_key")
    attendance = sample.lake.scan(STUDENT_YEAR, [YEAR])
    assert students.join(attendance, on="student_key", how="semi").collect().height >= 55
    rate = attendance.select(1 - pl.col("days_absent").sum() / pl.col("days_enrolled").sum()).collect().item()
    assert 0.85 < rate < 0.98


def _bytes(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*.parquet"))}


def test_building_again_leaves_every_file_as_it_was(sample: BuiltDistrict) -> None:
    before = _bytes(sample.folder / "lake")
    assert build_years(sample.folder, KEY, KEY).failed_steps == []
    after = _bytes(sample.folder / "lake")
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] != after[name]] == []


def test_building_from_nothing_gives_the_same_tables(sample: BuiltDistrict, tmp_path: Path) -> None:
    """Landing order, threads and processes leave no trace: a second lake from the same files has the same bytes."""
    shutil.copytree(sample.landing, tmp_path / "landing")
    again = build_years(tmp_path, KEY, KEY)
    assert again.failed_steps == []
    one, two = _bytes(sample.folder / "lake"), _bytes(again.folder / "lake")
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []
