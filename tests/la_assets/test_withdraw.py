"""Withdrawing a file from the shell: its rows go, and what to rebuild is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from la_assets.landing.assets import intake
from la_assets.landing.schema import ATTENDANCE, LANDING_TABLES
from la_assets.withdraw import main
from la_resources.environments import LakeResource, LandingZoneResource
from la_resources.lake import Lake

MAPPING = """
name: sis_attendance
source: sis
patterns: ["attendance*.csv"]
year: {date: DAY}
multi_year: true
records:
  - table: landing.attendance
    columns: {student_key: {from: STUDENT, person: student}, school_id: SCHOOL, date: DAY, absent: ABSENT}
"""
PATH = "sis/attendance.csv"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A landed file with rows of two school years."""
    for name in ("LA_LANDING_ROOT", "LA_LAKE_ROOT", "LA_MAPPINGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LA_DATA_ROOT", str(tmp_path))
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "sis.yaml").write_text(MAPPING)
    file = tmp_path / "landing" / PATH
    file.parent.mkdir(parents=True)
    file.write_text("STUDENT,SCHOOL,DAY,ABSENT\n1,0101,2021-09-01,0\n1,0101,2023-09-01,1\n")
    zone = LandingZoneResource(root=str(tmp_path / "landing"), mappings=[str(tmp_path / "mappings")])
    intake(zone, LakeResource(root=str(tmp_path / "lake"))).land({"2021-22", "2023-24"}, set(LANDING_TABLES))
    return file


def rows(file: Path) -> int:
    return Lake(file.parents[2] / "lake").scan(ATTENDANCE).collect().height


def test_a_withdrawn_file_names_the_tables_and_years_to_rebuild(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert rows(file) == 2
    file.unlink()
    assert main([PATH]) == 0
    told = capsys.readouterr().out
    assert [line.split() for line in told.splitlines()[1:3]] == [["landing.attendance", "2021-22"], ["landing.attendance", "2023-24"]]
    assert "python -m la_assets.backfill --first 2021-22 --last 2023-24" in told
    assert rows(file) == 0


def test_a_file_that_the_next_run_would_read_again_is_not_withdrawn_unasked(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([PATH]) == 2
    assert "still in the landing zone; move it away first" in capsys.readouterr().err
    assert rows(file) == 2
    assert main([PATH, "--read-again"]) == 0
    assert rows(file) == 0


def test_a_file_that_was_never_read_is_an_error(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sis/other.csv"]) == 2
    assert capsys.readouterr().err == "sis/other.csv has no receipt; landing.files lists the files that were read\n"


def test_without_the_secret_the_error_says_what_to_set(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LA_STUDENT_KEY_SECRET")
    assert main([PATH]) == 2
    assert "LA_STUDENT_KEY_SECRET" in capsys.readouterr().err
    assert rows(file) == 2
