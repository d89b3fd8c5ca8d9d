"""The landing zone lists what has arrived and may be read, and leaves everything as it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from la_resources.landing_zone import Arrival, FolderLandingZone
from la_resources.sources.archives import Refused


def put(root: Path, path: str, text: str = "a,b\n1,2\n") -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def paths(zone: FolderLandingZone) -> list[str]:
    return [found.file.path if isinstance(found, Refused) else found.path for found in zone.files()]


def test_a_zone_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    zone = FolderLandingZone(tmp_path / "nowhere")
    assert list(zone.files()) == zone.arrivals() == []


def test_a_file_knows_its_source_size_and_bytes(tmp_path: Path) -> None:
    put(tmp_path, "sis/2024/attendance.csv")
    (file,) = FolderLandingZone(tmp_path).files()
    assert (file.path, file.source, file.name, file.size) == ("sis/2024/attendance.csv", "sis", "attendance.csv", 8)
    with file.open() as stream:
        assert stream.read() == b"a,b\n1,2\n"


@pytest.mark.parametrize(
    "path", ["sis/.hidden.csv", ".secret/a.csv", "sis/a.csv.tmp", "sis/a.csv.part", "sis/a.csv.FILEPART", "sis/.a.csv.swp"]
)
def test_hidden_and_unfinished_files_are_not_there_yet(tmp_path: Path, path: str) -> None:
    put(tmp_path, path)
    assert paths(FolderLandingZone(tmp_path)) == []


def test_a_link_within_the_zone_is_a_file_and_one_out_of_it_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "landing"
    put(root, "sis/a.csv")
    outside = put(tmp_path, "private/salaries.csv")
    (root / "sis" / "b.csv").symlink_to("a.csv")
    (root / "sis" / "c.csv").symlink_to(outside)
    (root / "sis" / "folder").symlink_to(outside.parent)
    zone = FolderLandingZone(root)
    refused = {f.file.path: f.rule for f in zone.files() if isinstance(f, Refused)}
    assert refused == dict.fromkeys(["sis/c.csv", "sis/folder"], "link out of the landing zone")
    assert sorted(f.path for f in zone.files() if not isinstance(f, Refused)) == ["sis/a.csv", "sis/b.csv"]
    assert [a.path for a in zone.arrivals()] == ["sis/a.csv", "sis/b.csv"]


def test_a_zone_that_is_itself_a_link_is_read(tmp_path: Path) -> None:
    put(tmp_path, "disk/sis/a.csv")
    (tmp_path / "landing").symlink_to(tmp_path / "disk")
    assert paths(FolderLandingZone(tmp_path / "landing")) == ["sis/a.csv"]


def test_arrivals_come_in_order_and_a_position_survives(tmp_path: Path) -> None:
    for name in "cab":
        put(tmp_path, f"sis/{name}.csv")
    zone = FolderLandingZone(tmp_path)
    arrivals = zone.arrivals()
    assert [a.path for a in arrivals] == ["sis/c.csv", "sis/a.csv", "sis/b.csv"]
    position = Arrival(arrivals[1].arrived, arrivals[1].path)
    assert [a.path for a in zone.arrivals(position)] == ["sis/b.csv"]
    old = put(tmp_path, "sis/copied.csv")
    os.utime(old, (0, 0))
    assert [a.path for a in zone.arrivals(arrivals[2])] == ["sis/copied.csv"], "an old file copied in today arrives today"


def test_a_file_that_is_moved_away_while_the_zone_is_listed_is_left_out(tmp_path: Path) -> None:
    gone = put(tmp_path, "sis/b.csv")
    put(tmp_path, "sis/a.csv")
    listed = FolderLandingZone(tmp_path).files(["sis/a.csv", "sis/b.csv"])
    next(listed)
    gone.unlink()
    assert list(listed) == []
