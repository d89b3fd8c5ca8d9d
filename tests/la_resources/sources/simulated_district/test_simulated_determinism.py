"""The same seed and as-of date give the same files, byte for byte and minute for minute; time only adds to finished years."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import pytest

from la_resources.sources.simulated_district import simulate

AS_OF = date(2026, 11, 21)


def fingerprints(folder: Path) -> dict[str, tuple[str, float]]:
    return {
        file.relative_to(folder).as_posix(): (hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_mtime)
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def make(folder: Path, **settings: object) -> Path:
    simulate(folder / "landing", **{"students": 300, "seed": 11, "first_year": "2024-25", "as_of": AS_OF, **settings})  # type: ignore[arg-type]
    return folder


def test_the_same_seed_gives_the_same_bytes_and_arrival_times(tmp_path: Path) -> None:
    one, two = make(tmp_path / "one"), make(tmp_path / "two")
    assert fingerprints(one / "landing") == fingerprints(two / "landing")
    contents = [{name: content for name, (content, _) in fingerprints(folder / "truth").items()} for folder in (one, two)]
    assert contents[0] == contents[1]


def test_another_seed_gives_another_district(tmp_path: Path) -> None:
    one, two = fingerprints(make(tmp_path / "one") / "landing"), fingerprints(make(tmp_path / "two", seed=12) / "landing")
    students = "sis/students/students_2024-25.csv"
    assert one[students] != two[students]


def test_two_weeks_later_the_files_of_finished_years_are_what_they_were(tmp_path: Path) -> None:
    before = fingerprints(make(tmp_path / "before") / "landing")
    after = fingerprints(make(tmp_path / "after", as_of=date(2026, 12, 5)) / "landing")
    finished = {name for name in before if "2026-27" not in name and not name.endswith("notes.pdf")}
    assert {name: before[name] for name in finished} == {name: after[name] for name in finished}
    october, december = (f"sis/attendance/attendance_2026-27_{month}.csv" for month in (10, 12))
    assert before[october] == after[october]
    assert december in after.keys() - before.keys()


def test_sixty_students_are_a_district(tmp_path: Path) -> None:
    made = simulate(tmp_path / "landing", students=60, first_year="2023-24", as_of=AS_OF)
    assert made.years == ("2023-24", "2024-25", "2025-26", "2026-27")
    assert made.defects["wrong_year_file"] == 40


def test_a_district_without_defects_plants_none(tmp_path: Path) -> None:
    made = simulate(tmp_path / "landing", students=60, first_year="2025-26", as_of=AS_OF, defects=False)
    assert made.defects == {}
    assert not list(tmp_path.rglob("notes.pdf"))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"students": 5}, "too few"),
        ({"first_year": "2024"}, "write it like 2018-19"),
        ({"first_year": "2027-28"}, "no school day"),
        ({"attendance": "weekly"}, "neither"),
    ],
)
def test_a_wrong_setting_is_refused_with_a_reason(tmp_path: Path, wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(tmp_path, **wrong)
