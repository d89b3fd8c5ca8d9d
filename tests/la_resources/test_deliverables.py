"""Files for people are whole, current and closed to others, also when a delivery is killed or run again."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from la_resources.contracts import Column, Table
from la_resources.deliverables import Deliverables, Delivered

INDEX = Table("reports.briefs", "A brief.", (Column("path", pl.String, "File."),), ("path",))
NAMED = Table("reports.workbooks", "A workbook.", (Column("path", pl.String, "File."),), ("path",), restricted=True)


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_file_is_where_its_index_row_says_and_what_it_says(tmp_path: Path) -> None:
    with Deliverables(tmp_path).delivery(INDEX, "2023-24") as delivery:
        delivered = delivery.put("North.pdf", b"a brief")
    assert delivered.path == "reports/briefs/school_year=2023-24/North.pdf"
    assert (tmp_path / delivered.path).read_bytes() == b"a brief"
    assert (delivered.bytes, delivered.sha256) == (7, hashlib.sha256(b"a brief").hexdigest())


def test_a_file_of_an_earlier_delivery_goes_with_the_next_one_of_its_year_only(tmp_path: Path) -> None:
    place = Deliverables(tmp_path)
    for year in ("2022-23", "2023-24"):
        with place.delivery(INDEX, year) as delivery:
            delivery.put("North.pdf", b"old")
            delivery.put("Closed school.pdf", b"old")
    with place.delivery(INDEX, "2023-24") as delivery:
        delivery.put("North.pdf", b"new")
    assert names(tmp_path / "reports/briefs/school_year=2023-24") == ["North.pdf"]
    assert names(tmp_path / "reports/briefs/school_year=2022-23") == ["Closed school.pdf", "North.pdf"]


def test_a_delivery_that_fails_removes_nothing(tmp_path: Path) -> None:
    place = Deliverables(tmp_path)
    with place.delivery(INDEX, "2023-24") as delivery:
        delivery.put("North.pdf", b"old")
        delivery.put("South.pdf", b"old")
    with pytest.raises(ValueError, match="written twice"), place.delivery(INDEX, "2023-24") as delivery:  # noqa: PT012
        delivery.put("North.pdf", b"new")
        delivery.put("North.pdf", b"newer")
    assert names(tmp_path / "reports/briefs/school_year=2023-24") == ["North.pdf", "South.pdf"]


@pytest.mark.parametrize("name", ["../North.pdf", "a/b.pdf", ".hidden", ""])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with Deliverables(tmp_path).delivery(INDEX, "2023-24") as delivery, pytest.raises(ValueError, match="not a plain file name"):
        delivery.put(name, b"")


def test_two_rows_never_share_a_file(tmp_path: Path) -> None:
    with Deliverables(tmp_path).delivery(INDEX, "2023-24") as delivery:
        delivery.put("North.pdf", b"1")
        with pytest.raises(ValueError, match="written twice"):
            delivery.put("North.pdf", b"2")


def test_files_that_may_name_students_are_closed_to_other_users(tmp_path: Path) -> None:
    for table, mode in ((NAMED, 0o700), (INDEX, 0o755)):
        with Deliverables(tmp_path).delivery(table, "2023-24") as delivery:
            delivery.put("a.xlsx", b"")
        assert (tmp_path / table.path).stat().st_mode & 0o777 == mode


def test_a_storage_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="gopher://"):
        Deliverables("gopher://reports")


_ENDLESS = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.la_resources.test_deliverables import INDEX
from la_resources.deliverables import Deliverables, Delivered
while True:
    with Deliverables(sys.argv[1]).delivery(INDEX, "2023-24") as delivery:
        for name in "abcdef":
            delivery.put(f"{name}.pdf", name.encode() * 3_000_000)
"""


def test_after_kill_9_every_file_is_whole_and_the_next_delivery_cleans_up(tmp_path: Path) -> None:
    project = Path(__file__).resolve().parents[2]
    folder = tmp_path / "reports/briefs/school_year=2023-24"
    for pause in (0.03, 0.11, 0.23):
        process = subprocess.Popen([sys.executable, "-c", _ENDLESS, str(tmp_path), str(project)], cwd=project)
        while not (folder / "b.pdf").exists():
            time.sleep(0.01)
        time.sleep(pause)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        for file in folder.glob("[a-f].pdf"):
            assert file.read_bytes() == file.stem.encode() * 3_000_000
    with Deliverables(tmp_path).delivery(INDEX, "2023-24") as delivery:
        delivery.put("a.pdf", b"a")
    assert names(folder) == ["a.pdf"]


def _made(place: Deliverables, of: str, made: list[str], name: str = "North.pdf", table: Table = INDEX) -> Delivered:
    """A delivery of one file; what is made is noted."""

    def content() -> bytes:
        made.append(of)
        return of.encode()

    with place.delivery(table, "2023-24") as delivery:
        return delivery.make(name, of, content)


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Deliverables:
    return Deliverables(str(tmp_path / "d") if request.param == "folder" else f"{request.getfixturevalue('bucket')}/d")


def test_a_file_made_of_the_same_is_made_once(place: Deliverables) -> None:
    made: list[str] = []
    first = _made(place, "one", made)
    assert _made(place, "one", made) == first
    assert _made(place, "two", made).sha256 == hashlib.sha256(b"two").hexdigest()
    assert _made(place, "two", made).bytes == 3
    assert made == ["one", "two"]
    assert place.storage.get(first.path) == b"two"


def test_a_file_that_is_gone_or_was_changed_is_made_again(place: Deliverables) -> None:
    made: list[str] = []
    path = _made(place, "one", made).path
    place.storage.remove(path)
    _made(place, "one", made)
    place.storage.put(b"somebody edited it", path)
    _made(place, "one", made)
    assert made == ["one"] * 3
    assert place.storage.get(path) == b"one"


def test_a_file_that_a_later_delivery_left_out_is_gone(place: Deliverables) -> None:
    made: list[str] = []
    _made(place, "one", made)
    _made(place, "one", made, "South.pdf")
    assert [name for name in place.storage.names("reports/briefs/school_year=2023-24") if not name.startswith(".")] == ["South.pdf"]
    _made(place, "one", made)
    assert made == ["one"] * 3


def test_after_a_delivery_that_failed_everything_is_made_again(place: Deliverables) -> None:
    """What stands is whole, but nobody knows any more what of it is old."""
    made: list[str] = []
    _made(place, "one", made)
    with pytest.raises(RuntimeError), place.delivery(INDEX, "2023-24") as delivery:  # noqa: PT012
        delivery.make("North.pdf", "two", lambda: b"two")
        raise RuntimeError
    _made(place, "one", made)
    assert made == ["one", "one"]
    assert place.storage.get("reports/briefs/school_year=2023-24/North.pdf") == b"one"
