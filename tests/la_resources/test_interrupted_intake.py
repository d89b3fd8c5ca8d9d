"""An intake that is killed, or that runs twice at once, leaves the lake that one undisturbed run leaves: real processes, kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from landing_desk import ARRIVED, Desk, day_rows

INTAKE = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from landing_desk import SECRET, YEARS, Desk, LANDING_TABLES
from la_resources.lake import Lake
from la_resources.privacy import Hasher

root, where = Path(sys.argv[1]), sys.argv[2]

def stop():
    (root / "stopped").touch()
    time.sleep(120)

def hash_ids(kind, ids):
    if where == "reading" and "17" in ids:
        stop()
    return Hasher(SECRET)(kind, ids)

class StoppingLake(Lake):
    published = 0
    def publish_file(self, *arguments):
        written = super().publish_file(*arguments)
        self.published += 1
        if where == "publishing" and self.published == 1 or where == "published" and self.published == 2:
            stop()
        return written

desk = Desk(root)
if where == "waiting for the other":
    (root / f"ready{sys.argv[4]}").touch()
    while len(list(root.glob("ready*"))) < 2:
        time.sleep(0.01)
desk.intake(StoppingLake(root / "lake"), hash_ids).land(YEARS, set(LANDING_TABLES))
"""


def start(root: Path, where: str, *more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", INTAKE, str(root), where, str(Path(__file__).parent), *more])


def kill_when_stopped(process: subprocess.Popen[bytes], root: Path) -> None:
    deadline = time.monotonic() + 120
    while not (root / "stopped").exists():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def undisturbed(desk: Desk) -> dict[str, str]:
    fresh = desk.fresh("fresh")
    fresh.land()
    return fresh.state()


@pytest.mark.parametrize("where", ["reading", "publishing", "published"])
def test_a_killed_run_run_again_leaves_what_an_undisturbed_run_leaves(desk: Desk, where: str) -> None:
    desk.put("sis/attendance.csv", day_rows("2022-09-01", "2023-09-01", students=20_000))
    kill_when_stopped(start(desk.root, where), desk.root)
    assert not desk.intake().records(), "a file that did not get through has no receipt"
    desk.land()
    assert desk.state() == undisturbed(desk)
    assert not any((desk.lake.root / ".staging").iterdir()), "what the killed run left in staging is cleaned up"


@pytest.mark.parametrize("where", ["publishing", "published"])
def test_rows_of_a_killed_run_go_when_the_file_changed_before_the_next(desk: Desk, where: str) -> None:
    desk.put("sis/attendance.csv", day_rows("2022-09-01", "2023-09-01", students=20))
    kill_when_stopped(start(desk.root, where), desk.root)
    desk.put("sis/attendance.csv", day_rows("2024-09-02"), ARRIVED + timedelta(days=1))
    desk.land()
    assert desk.state() == undisturbed(desk)


def test_rows_of_a_killed_run_can_be_withdrawn_where_the_file_is_gone(desk: Desk) -> None:
    file = desk.put("sis/attendance.csv", day_rows("2022-09-01", "2023-09-01", students=20))
    kill_when_stopped(start(desk.root, "publishing"), desk.root)
    file.unlink()
    assert desk.intake().withdraw("sis/attendance.csv") == [("landing.attendance", "2022-23")]
    assert desk.rows().is_empty()


def test_two_runs_at_once_over_the_same_zone_leave_the_same_bytes(desk: Desk) -> None:
    for month in range(1, 10):
        desk.put(f"sis/attendance_{month}.csv", day_rows(f"2023-0{month}-15", students=300))
        desk.put(f"sis/copy/attendance_{month}.csv", day_rows(f"2023-0{month}-15", students=300))
    desk.put("sis/attendance_garbage.csv", bytes(range(256)) * 40)
    runs = [start(desk.root, "waiting for the other", name) for name in "ab"]
    assert [run.wait(120) for run in runs] == [0, 0]
    assert desk.state() == undisturbed(desk)
    assert desk.rows().height == 9 * 300
