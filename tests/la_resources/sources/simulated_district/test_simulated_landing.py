"""The simulated files land: shipped vendor definitions and this district's mappings claim every file and load every sound row."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import pytest

from la_assets.landing.schema import LANDING_TABLES
from la_resources.landing_zone import FolderLandingZone
from la_resources.sources.archives import Refused
from la_resources.sources.definitions import definition_of, is_companion, load_definitions
from la_resources.sources.landing_file import land_file
from la_resources.sources.landing_writer import LandingFolder
from la_resources.sources.receipt import Receipt
from la_resources.sources.simulated_district import simulate

MAPPINGS = Path(__file__).parents[4] / "data" / "mappings" / "simulated_district"


def keys(kind: str, identifiers: list[str]) -> list[str]:
    return [hashlib.sha256(f"{kind}:{i}".encode()).hexdigest()[:32] for i in identifiers]


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Receipt], list[str]]:
    """Receipts by path of one file of every kind and of all files with defects; and the paths nobody claims."""
    folder = tmp_path_factory.mktemp("small")
    made = simulate(folder / "landing", students=150, seed=3, first_year="2024-25", as_of=date(2026, 11, 21))
    definitions = load_definitions([MAPPINGS])
    receipts: dict[str, Receipt] = {}
    unclaimed = []
    for number, file in enumerate(FolderLandingZone(made.landing).files()):
        assert not isinstance(file, Refused)
        if (file.source == "fast" and "Grade4" not in file.path) or "_12." in file.path or "_09." in file.path:
            continue
        definition = definition_of(file.path, definitions)
        if definition:
            receipts[file.path] = land_file(file, definition, LANDING_TABLES, keys, LandingFolder(folder / "out" / str(number)))
        elif not is_companion(file.path, definitions):
            unclaimed.append(file.path)
    return receipts, unclaimed


def test_every_file_but_the_planted_one_is_claimed(landed: tuple[dict[str, Receipt], list[str]]) -> None:
    assert landed[1] == ["sis/notes.pdf"]


def test_every_row_is_loaded_but_the_planted_defects(landed: tuple[dict[str, Receipt], list[str]]) -> None:
    receipts = landed[0].values()
    assert all(r.balanced for r in receipts)
    quarantined = {r.source_file: r.rows_quarantined for r in receipts if r.rows_quarantined}
    assert quarantined == {
        "sis/attendance/attendance_2025-26_02_resend.csv": 40,
        "sis/grades/grades_2024-25_Q3.csv": 4,
        "sis/grades/grades_2025-26_Q1.csv": 6,
    }
    duplicates = {r.source_file: r.rows_duplicate for r in receipts if r.rows_duplicate}
    assert duplicates == {
        "sis/attendance/attendance_2024-25_10.csv": 10,
        "sis/attendance/attendance_2025-26_10.csv": 10,
        "sis/grades/grades_2024-25_Q4.csv": 8,
        "sis/grades/grades_2025-26_Q2.csv": 12,
    }


def test_the_years_of_the_rows_are_the_years_of_the_files(landed: tuple[dict[str, Receipt], list[str]]) -> None:
    loaded = {path: r.school_years for path, r in landed[0].items() if r.rows_loaded}
    wrong = {path: years for path, years in loaded.items() if len(years) != 1 or years[0] not in path}
    assert wrong == {}


def test_the_district_fills_every_landing_table_it_has_data_for(landed: tuple[dict[str, Receipt], list[str]]) -> None:
    filled = {table for r in landed[0].values() for table in r.written}
    not_simulated = {"directory.access_users", "directory.oneroster_roles", "landing.oneroster_line_items", "landing.oneroster_results"}
    assert set(LANDING_TABLES) - filled == not_simulated
