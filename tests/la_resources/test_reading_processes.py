"""Files read by several processes leave what threads leave, say what went wrong as threads do, and end with who started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from landing_desk import MAPPING, SECRET, Desk, day_rows

from la_resources import intake
from la_resources.privacy import Hasher
from la_resources.reading_processes import ReadingProcessDied
from la_resources.sources.definitions import DefinitionError

SEVERAL = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from landing_desk import YEARS, Desk, LANDING_TABLES
from la_resources import intake
from test_reading_processes import Waits

intake._MANY_FILES = 2
root = Path(sys.argv[1])
Desk(root).intake(hash_ids=Waits(str(root))).land(YEARS, set(LANDING_TABLES))
"""


class Waits:
    """Keys that are never ready once there are files to read; the process says who it is."""

    def __init__(self, root: str) -> None:
        self.root = root

    def __call__(self, kind: str, ids: list[str]) -> list[str]:
        if "17" in ids:
            (Path(self.root) / f"reads.{os.getpid()}").touch()
            time.sleep(120)
        return Hasher(SECRET)(kind, ids)


class Dies(Waits):
    """The process is gone in the middle of a file, once."""

    def __call__(self, kind: str, ids: list[str]) -> list[str]:
        gone = Path(self.root) / "gone"
        if "17" in ids and not gone.exists():
            gone.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return Hasher(SECRET)(kind, ids)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes for any number of files, also where there is one core."""
    monkeypatch.setattr(intake, "_MANY_FILES", 2)
    monkeypatch.setattr(intake, "processes", lambda: 2)


@pytest.mark.usefixtures("always")
def test_processes_leave_the_bytes_that_threads_leave(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for month in range(1, 10):
        desk.put(f"sis/attendance_{month}.csv", day_rows(f"2023-0{month}-15", students=30) + "3,0101,not a day,0\n")
        desk.put(f"sis/copy/attendance_{month}.csv", day_rows(f"2023-0{month}-15", students=30))
    desk.put("sis/attendance_garbage.csv", bytes(range(256)) * 40)
    desk.put_zip("sis/more.zip", {f"attendance_{day}.csv": day_rows(f"2022-11-{day}") for day in range(10, 20)})
    desk.land()
    monkeypatch.setattr(intake, "_MANY_FILES", 1000)
    threads = desk.fresh("threads")
    threads.land()
    assert desk.state() == threads.state()
    assert desk.rows()["source_file"].n_unique() == 9 + 9 + 10


@pytest.mark.usefixtures("always")
def test_a_mapping_that_does_not_fit_is_told_after_the_other_files_are_in(tmp_path: Path) -> None:
    wrong = MAPPING.replace("sis_attendance", "wrong").replace("attendance*", "wrong*").replace("absent:", "absend:")
    desk = Desk(tmp_path, MAPPING + "---" + wrong)
    for name in ("wrong", "attendance", "attendance_2"):
        desk.put(f"sis/{name}.csv", day_rows("2023-09-01", students=len(name)))
    with pytest.raises(DefinitionError, match="absend"):
        desk.land()
    assert sorted(desk.intake().records()) == ["sis/attendance.csv", "sis/attendance_2.csv"]


@pytest.mark.usefixtures("always")
def test_after_a_process_died_the_next_run_reads_the_rest(desk: Desk) -> None:
    for month in range(1, 6):
        desk.put(f"sis/attendance_{month}.csv", day_rows(f"2023-0{month}-15", students=20))
    years = ("2022-23",)
    with pytest.raises(ReadingProcessDied, match="memory"):
        desk.intake(hash_ids=Dies(str(desk.root))).land(years, {"landing.attendance"})
    desk.land()
    undisturbed = desk.fresh("fresh")
    undisturbed.land()
    assert desk.state() == undisturbed.state()


def test_processes_end_with_a_parent_that_is_killed(desk: Desk) -> None:
    for month in range(1, 4):
        desk.put(f"sis/attendance_{month}.csv", day_rows(f"2023-0{month}-15", students=20))
    parent = subprocess.Popen([sys.executable, "-c", SEVERAL, str(desk.root), str(Path(__file__).parent)])
    readers = _until(lambda: [int(f.suffix[1:]) for f in desk.root.glob("reads.*")])
    assert parent.pid not in readers
    parent.kill()
    parent.wait()
    assert _until(lambda: not any(_runs(pid) for pid in readers))


def test_a_hasher_shows_nothing_of_its_secret() -> None:
    assert SECRET.decode() not in f"{Hasher(SECRET)!r} {Hasher(SECRET)!s}"


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _until(ready):
    deadline = time.monotonic() + 60
    while not (found := ready()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found
