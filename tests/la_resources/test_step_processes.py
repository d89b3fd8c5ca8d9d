"""Steps side by side in processes that are forked from the run's and kept: as separate, and as well looked after, as any process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.compute_log_manager import ComputeIOType
from tests.served_dagster import PROJECT
from tests.waiting import wait_until

from la_resources.run_launcher import lives

SETTINGS = """
storage:
  custom:
    module: la_resources.run_history
    class: RunHistory
    config: {base_dir: "%s"}
telemetry: {enabled: false}
"""
RUN_TAKES, ENDS = 120.0, 40.0
"""Most seconds until a run has begun its steps, and until a run that is told to end has ended."""
ONCE = ["STEP_START", "STEP_SUCCESS"]


class Runs:
    """An instance with the history of the project, and runs of ``step_graphs``."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self.folder, self.instance = folder, instance

    def begin(self, select: str, **settings: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dagster", "asset", "materialize", "--select", select, "-m", "tests.la_resources.step_graphs"]
        told = {"DAGSTER_HOME": self.instance.root_directory, "LA_TEST_FOLDER": str(self.folder), **settings}
        with (self.folder / "said.log").open("wb") as said:
            return subprocess.Popen(command, cwd=PROJECT, env=os.environ | told, stdout=said, stderr=subprocess.STDOUT)

    def processes(self, step: str) -> list[int]:
        """The processes that began a step, in order."""
        marks = self.folder / step
        return [int(line) for line in marks.read_text().split()] if marks.exists() else []

    @property
    def run(self) -> dg.DagsterRun:
        (run,) = self.instance.get_runs()
        return run

    def events(self, step: str) -> list[str]:
        """How a step began and ended."""
        logged = [entry.dagster_event for entry in self.instance.all_logs(self.run.run_id)]
        names = [e.event_type_value for e in logged if e and e.step_key == step]
        return [
            name
            for name in names
            if name.startswith("STEP_") and name.split("_")[1] in {"START", "RESTARTED", "SUCCESS", "FAILURE", "UP", "SKIPPED"}
        ]

    def failure(self, step: str) -> str:
        """Why a step failed."""
        (event,) = [
            e.dagster_event
            for e in self.instance.all_logs(self.run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
            if e.dagster_event and e.dagster_event.step_key == step
        ]
        return event.step_failure_data.error_display_string


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(SETTINGS % (home / "storage"))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield Runs(tmp_path, instance)


def test_two_processes_take_the_steps_of_a_run_and_one_that_dies_is_replaced(runs: Runs) -> None:
    process = runs.begin("group:sound or group:unsound")
    assert process.wait(RUN_TAKES) == 1, "a step that raises and one that kills its process are failures"
    left, right, both = (runs.processes(step)[0] for step in ("left", "right", "both"))
    assert len({left, right, process.pid}) == 3, "side by side, and not in the run's process"
    assert both in {left, right}, "a process that is free takes the next step"
    assert all(runs.events(step) == ONCE for step in ("left", "right", "both", "last"))

    first, second = runs.processes("dies_once")
    assert second not in {first, process.pid}
    assert runs.events("dies_once") == ["STEP_START", "STEP_UP_FOR_RETRY", "STEP_RESTARTED", "STEP_SUCCESS"]

    (pid,) = runs.processes("dies")
    assert runs.events("dies") == ["STEP_START", "STEP_FAILURE"]
    assert f"the process of step dies (pid {pid}) is gone, exit code -9" in runs.failure("dies")
    assert runs.processes("after_dies") == []
    assert runs.events("raises") == ["STEP_START", "STEP_FAILURE"]
    assert "no such year" in runs.failure("raises")
    assert runs.run.status == dg.DagsterRunStatus.FAILURE

    (captured,) = runs.instance.all_logs(runs.run.run_id, of_type=dg.DagsterEventType.LOGS_CAPTURED)
    key = captured.dagster_event.logs_captured_data.file_key  # type: ignore[union-attr]
    path = runs.instance.compute_log_manager.get_captured_local_path(
        [runs.run.run_id, "compute_logs", key], ComputeIOType.STDOUT.value.replace("stdout", "out")
    )
    said = Counter(Path(path).read_text().splitlines())
    assert said["left was here"] == said["last was here"] == 1
    assert said["dies_once was here"] == 2


@pytest.mark.parametrize("asked", [False, True], ids=["interrupted", "asked to stop in the UI"])
def test_an_interrupted_run_interrupts_its_steps(runs: Runs, asked: bool) -> None:
    process = runs.begin("group:endless")
    wait_until(lambda: runs.processes("one") and runs.processes("two"), RUN_TAKES)
    if asked:
        runs.instance.report_run_canceling(runs.run)
    process.send_signal(signal.SIGINT)
    process.wait(ENDS)
    assert runs.run.status == (dg.DagsterRunStatus.CANCELED if asked else dg.DagsterRunStatus.FAILURE)
    assert all(runs.events(step) == ["STEP_START", "STEP_FAILURE"] for step in ("one", "two"))
    assert "DagsterExecutionInterruptedError" in runs.failure("one")
    assert not any(lives(pid, time.time()) for step in ("one", "two") for pid in runs.processes(step))


def test_the_steps_of_a_run_that_is_killed_end_with_it(runs: Runs) -> None:
    process = runs.begin("group:endless")
    wait_until(lambda: runs.processes("one") and runs.processes("two"), RUN_TAKES)
    process.kill()
    process.wait()
    wait_until(lambda: not any(lives(pid, time.time()) for step in ("one", "two") for pid in runs.processes(step)), ENDS)


def test_a_resource_that_cannot_be_made_fails_the_steps_by_its_own_error(runs: Runs) -> None:
    assert runs.begin("group:without_resource").wait(RUN_TAKES) == 1
    assert "no such warehouse" in runs.failure("this")
    assert "no such warehouse" in runs.failure("that")
    assert runs.processes("this") == []


def test_a_run_with_threads_or_with_one_step_is_executed_in_its_own_process(runs: Runs) -> None:
    process = runs.begin("left,right,both", LA_TEST_THREAD="yes")
    (runs.folder / "right").touch()  # they cannot wait for each other
    assert process.wait(RUN_TAKES) == 0
    assert {pid for step in ("left", "right", "both") for pid in runs.processes(step)} == {process.pid}
    messages = [entry.user_message for entry in runs.instance.all_logs(runs.run.run_id)]
    assert any("threads run in it that a fork would lose" in message for message in messages)
    runs.instance.delete_run(runs.run.run_id)
    alone = runs.begin("both")
    assert alone.wait(RUN_TAKES) == 0
    assert runs.processes("both") == [process.pid, alone.pid]
