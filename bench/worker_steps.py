"""Steps by workers: the same run of many small steps in one process, and handed to two workers by a queue.

PostgreSQL holds the run history both times, and the lake is a folder, so what differs is who executes the steps. The tables are those of a
rosters' room of a small district: a step takes tenths of a second, and what a step costs beside its work shows.
"""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.measured import Measured, measured
from bench.places import PROJECT, Place, partition_keys
from bench.sizes import LAST_YEAR, SEED
from la_resources.school_year import from_start
from la_resources.sources.simulated_district import simulate

WORKERS = 2
STUDENTS = 60
_ROOMS = "group:landing or group:directory or group:roster"


@dataclass(frozen=True)
class Steps:
    """A run: steps that succeeded, seconds from its start to its end as the history tells them, and the command that ran it."""

    steps: int
    seconds: float
    command: Measured

    @property
    def per_second(self) -> float:
        return self.steps / self.seconds


def worker_steps(folder: Path) -> tuple[Steps, Steps]:
    """The run by workers, and the same run in one process.

    Parameters
    ----------
    folder : Path
        Where the district and the lakes are kept.
    """
    from tests.served_workers import served, worker_command

    place = Place(folder / "worker_steps")
    if not place.landing.exists():
        year, end = from_start(LAST_YEAR), dt.date(LAST_YEAR + 1, 6, 30)
        simulate(place.landing, students=STUDENTS, seed=SEED, first_year=year, as_of=end, truth=place.root / "truth")
    with tempfile.TemporaryDirectory() as servers, served(Path(servers)) as settings:
        environment = place.environment() | settings | {"POLARS_MAX_THREADS": "1"}
        one = _run(place, environment, "in_process")
        commands = {f"worker_{n}": worker_command(f"worker{n}") for n in range(WORKERS)}
        with _running(commands, place, environment | {"LA_LAKE_ROOT": str(place.root / "lake_celery")}):
            several = _run(place, environment, "celery")
    return several, one


def _run(place: Place, environment: Mapping[str, str], executor: str) -> Steps:
    import dagster as dg

    name = f"run_{executor}"
    command = [
        "dagster",
        "asset",
        "materialize",
        "--select",
        _ROOMS,
        "-m",
        "la_assets.definitions",
        "--partition",
        partition_keys(1, LAST_YEAR)[0],
    ]
    own = {"LA_EXECUTOR": executor, "LA_LAKE_ROOT": str(place.root / f"lake_{executor}")}
    taken = measured([sys.executable, "-m", *command], {**environment, **own}, PROJECT, place.log(name))
    with dg.DagsterInstance.from_config(environment["DAGSTER_HOME"]) as history:
        [run] = history.get_runs(limit=1)
        told = history.get_run_stats(run.run_id)
    assert told.start_time is not None
    assert told.end_time is not None
    return Steps(told.steps_succeeded, told.end_time - told.start_time, taken)


@contextmanager
def _running(commands: Mapping[str, list[str]], place: Place, environment: Mapping[str, str]) -> Iterator[None]:
    """Processes that are there for a time; ended with what they have started."""
    started = []
    try:
        for name, command in commands.items():
            with place.log(name).open("wb") as log:
                settings = {**os.environ, **environment, "LA_EXECUTOR": "celery"}
                started.append(subprocess.Popen(command, env=settings, cwd=place.root, stdout=log, stderr=log, start_new_session=True))  # noqa: S603
        yield
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
