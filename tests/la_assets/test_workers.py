"""Steps of a run on two workers, one of which is killed: what the lake holds is what one process makes.

All real: PostgreSQL holds the run history, Redis the queue of steps, a server of S3 landing zone and lake; the run and both workers are
processes that share nothing else. What this cannot show: machines apart, a network that fails.
"""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import pytest

from la_resources.s3 import S3Storage
from la_resources.sources.simulated_district import simulate
from tests import served_s3, served_workers

from .conftest import PROJECT

YEARS = ("2022-07-01", "2023-07-01")
BUNDLES = "oneroster"
"""The rosters alone: a server of S3 in Python takes long for two hundred files."""
ROOMS = "group:landing or group:directory or group:roster"
LOST_AFTER = 30


@dataclass
class Machines:
    """PostgreSQL, Redis, S3 with a district's files, and the processes that a test starts."""

    folder: Path
    settings: dict[str, str]
    bucket: str
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, lake: str, executor: str) -> subprocess.Popen[bytes]:
        """A run of some rooms over all years, its lake below a name."""
        partitions = f"{YEARS[0]}...{YEARS[-1]}"
        command = ["dagster", "asset", "materialize", "--select", ROOMS, "--partition-range", partitions, "-m", "la_assets.definitions"]
        return self._start([sys.executable, "-m", *command], f"run_{executor}", lake, LA_EXECUTOR=executor)

    def worker(self, name: str, lake: str) -> subprocess.Popen[bytes]:
        return self._start(served_workers.worker_command(name), name, lake)

    def log(self, name: str) -> str:
        file = self.folder / f"{name}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def _start(self, command: list[str], name: str, lake: str, **more: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, **self.settings, **more, "LA_LAKE_ROOT": f"s3://{self.bucket}/{lake}"}
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=self.folder, start_new_session=True)
        self.started.append(process)
        return process

    def stop(self) -> None:
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def lake(self, name: str) -> dict[str, bytes]:
        """Bytes of every table's file; what Dagster's runs leave beside the tables differs in times."""
        storage, s3 = S3Storage(f"s3://{self.bucket}/{name}"), served_s3.client(self.settings["LA_S3_ENDPOINT"])
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{name}/")
        paths = [each["Key"].removeprefix(f"{name}/") for page in pages for each in page.get("Contents", [])]
        return {path: storage.get(path) for path in sorted(paths) if path.endswith(".parquet")}

    def begun(self, history: dg.DagsterInstance) -> list[tuple[str, str]]:
        """Worker and step, in order, of every step that a worker began in the last run, as the history tells it."""
        runs = history.get_runs(limit=1)
        entries = history.all_logs(runs[0].run_id, of_type=dg.DagsterEventType.ENGINE_EVENT) if runs else []
        told = [(e.dagster_event.engine_event_data.metadata.get("Celery worker"), e.step_key) for e in entries if e.dagster_event]
        return [(str(worker.value).removeprefix("celery@"), str(step)) for worker, step in told if worker is not None]

    def ended(self, worker: str) -> int:
        """How many steps a worker has ended."""
        return self.log(worker).count("succeeded in")


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    folder = tmp_path_factory.mktemp("machines")
    with served_s3.served() as endpoint, served_workers.served(folder) as servers, pytest.MonkeyPatch.context() as patch:
        bucket = served_s3.new_bucket(endpoint)
        settings = {
            **served_s3.ENVIRONMENT,
            **servers,
            "LA_ENVIRONMENT": "aws",
            "LA_BUCKET": bucket,
            "LA_S3_ENDPOINT": endpoint,
            "LA_STAGING_ROOT": str(folder / "staging"),
            "LA_MAPPINGS": str(PROJECT / "data" / "mappings"),
            "LA_CELERY_LOST_AFTER": str(LOST_AFTER),
            "PYTHONPATH": str(PROJECT / "src"),
            "PYTHONWARNINGS": "ignore",
            "POLARS_MAX_THREADS": "1",
        }
        for name, value in settings.items():
            if name.startswith(("AWS", "LA_S3", "LA_STAGING")):
                patch.setenv(name, value)
        simulate(folder / "files", students=40, seed=3, first_year="2022-23", as_of=dt.date(2024, 6, 30), truth=folder / "truth")
        landing = S3Storage(f"s3://{bucket}/landing")
        for file in sorted((folder / "files").rglob("*")):
            if file.is_file() and file.relative_to(folder / "files").parts[0] == BUNDLES:
                landing.put(file.read_bytes(), file.relative_to(folder / "files").as_posix())
        machines = Machines(folder, settings, bucket)
        yield machines
        machines.stop()


@pytest.mark.needs("redis-server", "/usr/lib/postgresql")
def test_a_killed_worker_loses_and_doubles_nothing(machines: Machines) -> None:
    with dg.DagsterInstance.from_config(str(machines.folder / "home")) as history:
        run = machines.run("several", "celery")
        first, second = (machines.worker(name, "several") for name in ("first", "second"))
        while not (machines.ended("second") and 0 < machines.ended("first") < _begun_by("first", machines.begun(history))):
            assert run.poll() is None, machines.log("run_celery")[-3000:]
        os.killpg(first.pid, signal.SIGKILL)
        ended = machines.ended("first")
        assert run.wait(180) == 0, machines.log("run_celery")[-3000:]
        assert second.poll() is None
        begun = machines.begun(history)
    by_first = [step for worker, step in begun if worker == "first"]
    assert len(by_first) == ended + 1, "it was killed in the middle of a step"
    assert [worker for worker, step in begun if step == by_first[-1]][-2:] == ["first", "second"], "the other began it again"
    assert machines.run("one", "in_process").wait(180) == 0, machines.log("run_in_process")[-3000:]
    one, several = machines.lake("one"), machines.lake("several")
    assert len(one) > 20
    assert one.keys() == several.keys()
    assert [name for name in one if one[name] != several[name]] == []


def _begun_by(worker: str, begun: list[tuple[str, str]]) -> int:
    return sum(name == worker for name, _ in begun)
