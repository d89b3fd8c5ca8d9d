"""The daemon and its runs are killed (SIGKILL) while events come: when all is over, every event is in the tables once."""

import datetime as dt
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from la_assets.dagster_api import switch_on
from la_assets.engagement.schema import LMS_DAILY
from la_assets.landing.schema import LMS_ACTIVITY
from la_assets.local_dagster import free_port, running_dagster
from la_assets.stream_arrivals import STREAM_TAG
from la_resources.lake import Lake
from la_resources.run_launcher import lives
from tests.kinesis_server import KINESIS_LOCAL, kinesis_local
from tests.la_resources.streams.desk import Desk, event, new_stream, now

PROJECT = Path(__file__).parents[2]
SHARDS, EVENTS, KILLS = 4, 6_000, 4
"""Events are put while the kills go on; most of a run's time is after its landing, so a kill at random is in any of its steps."""


class Daemon:
    """The daemon with its code server and its runs, in a process group of its own."""

    def __init__(self, log: Path) -> None:
        self.log, self.process = log, None
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "dagster._daemon", "run", "--workspace", str(PROJECT / "workspace.yaml")]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)

    def kill(self) -> None:
        """As when the machine is lost: the daemon, the code server and what they have started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def daemon(log: Path) -> Iterator[Daemon]:
    made = Daemon(log)
    try:
        yield made
    finally:
        made.kill()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A stream, an empty district, and a Dagster home over them."""
    home = tmp_path / "dagster"
    (home / "storage").mkdir(parents=True)
    shutil.copy(PROJECT / "dagster.yaml", home)
    with kinesis_local() as url:
        made = new_stream(url, tmp_path, SHARDS)
        settings = {"LA_DATA_ROOT": tmp_path, "LA_MAPPINGS": PROJECT / "data" / "mappings", "DAGSTER_HOME": home, "LA_STREAM": made.name}
        settings |= {"LA_DAGSTER_STORAGE": home / "storage", "PYTHONPATH": PROJECT / "src", "PYTHONWARNINGS": "ignore"}
        settings |= {"LA_KINESIS_ENDPOINT": url, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        for name in [name for name in os.environ if name.startswith("LA_") and name != "LA_STUDENT_KEY_SECRET"]:
            monkeypatch.delenv(name)
        for name, value in settings.items():
            monkeypatch.setenv(name, str(value))
        yield made


def until(found: Callable[[], Any], seconds: float = 300) -> Any:
    ends = time.monotonic() + seconds
    while not (what := found()):
        assert time.monotonic() < ends, "waited too long"
        time.sleep(0.2)
    return what


def process(instance: dg.DagsterInstance) -> int | None:
    """The process of a run of the stream that is under way."""
    started = dg.RunsFilter(tags={STREAM_TAG: os.environ["LA_STREAM"]}, statuses=[dg.DagsterRunStatus.STARTED])
    for run in instance.get_runs(started, limit=1):
        for entry in reversed(instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)):
            named = entry.dagster_event.engine_event_data.metadata.get("pid")
            if named and lives(int(str(named.value)), entry.timestamp):
                return int(str(named.value))
    return None


def some_day(rng: random.Random) -> list[dict]:
    """Events of many students in no order of time, one in fifty sent twice."""
    begins = now() - dt.timedelta(hours=3)
    made = []
    for n in range(EVENTS):
        at = begins + dt.timedelta(seconds=rng.randrange(3 * 3600))
        made.append(event(f"e{n:05d}", at=at, student_id=str(n % 97), minutes=rng.randrange(8), date=begins.date().isoformat()))
        made += made[-1:] if n % 50 == 0 else []
    return made


@pytest.mark.needs("node", str(KINESIS_LOCAL))
@pytest.mark.timeout(1800)
def test_killed_runs_and_daemons_leave_every_event_once(desk: Desk, tmp_path: Path) -> None:
    rng = random.Random(20261130)
    sent = some_day(rng)
    over = threading.Event()

    def play() -> None:
        """A batch now and then until the kills are over; what is left then, at once."""
        at = 0
        while at < len(sent):
            desk.put(*sent[at : at + 60])
            at += 60
            over.wait(4)

    ends: Counter[str] = Counter()
    with running_dagster(free_port()) as dagster, daemon(tmp_path / "daemon.log") as killed, dg.DagsterInstance.get() as instance:
        switch_on(dagster.url, ["stream_arrivals"])
        player = threading.Thread(target=play, daemon=True)
        player.start()
        for n in range(KILLS):
            pid = until(lambda: process(instance))
            time.sleep(rng.uniform(0, 6))
            if n % 2:
                killed.kill()
                ends["daemon"] += 1
                killed.start()
            else:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    ends["run"] += 1
        over.set()
        player.join()
        lake = Lake(tmp_path / "lake")
        until(lambda: lake.scan(LMS_ACTIVITY).select(pl.col("event_id").n_unique()).collect().item() == EVENTS)
        until(lambda: not process(instance) and lake.scan(LMS_DAILY).select(pl.col("minutes").sum()).collect().item() == total(sent))
        statuses = Counter(run.status.value for run in instance.get_runs(dg.RunsFilter(tags={STREAM_TAG: desk.name})))
    print(f"killed: {dict(ends)}; runs: {dict(statuses)}")
    assert ends["daemon"] == KILLS // 2
    assert statuses["FAILURE"] >= KILLS // 2
    landed = desk.rows("landing.lms_activity")
    assert len(landed) == len(sent), "each record of the stream is landed once"
    assert set(landed["event_id"]) == {each["event_id"] for each in sent}
    told = lake.scan(LMS_DAILY).select(pl.len(), pl.col("student_key").n_unique(), pl.col("minutes").sum()).collect().row(0)
    assert told == (97, 97, total(sent))


def total(sent: list[dict]) -> int:
    return sum({each["event_id"]: each["minutes"] for each in sent}.values())
