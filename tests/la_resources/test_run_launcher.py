"""Runs whose process was killed: the Dagster that comes after them says so and gives their places to others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
from dagster._core.events import EngineEventData
from tests.la_resources.stuck_run import defs as stuck
from tests.served_dagster import PROJECT, ServedDagster
from tests.waiting import wait_until

from la_resources.run_launcher import lives

_START, _NOTICED = 40.0, 15.0
"""Most seconds until a run holds its place in the pool, and until Dagster has noticed that it is gone."""


def test_a_run_killed_with_all_that_watched_it_fails_and_gives_up_its_places(served_dagster: ServedDagster) -> None:
    """The run has no code server that would see it die: for the Dagster that is there, it is a run of a Dagster that was killed."""
    with dg.DagsterInstance.get() as instance:
        places = instance.event_log_storage
        command = [sys.executable, "-m", "dagster", "asset", "materialize", "--select", "*", "-m", "tests.la_resources.stuck_run"]
        killed = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: places.get_concurrency_info("landing").claimed_slots, _START)
            (run,) = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
            assert [slot.run_id for slot in places.get_concurrency_info("landing").claimed_slots] == [run.run_id]
        finally:
            killed.kill()

        wait_until(lambda: instance.get_run_by_id(run.run_id).is_finished, _NOTICED)
        assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE
        (failure,) = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
        assert f"pid {killed.pid}" in failure.dagster_event.message
        assert instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])) == []
        wait_until(lambda: not places.get_concurrency_info("landing").claimed_slots, _NOTICED)
        killed.wait()


def test_a_process_lives_until_it_has_ended_even_if_nobody_asked_how() -> None:
    assert lives(os.getpid(), time.time())
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    now = time.time()
    assert lives(child.pid, now)
    child.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not lives(child.pid, now), "a zombie"
    child.wait()
    assert not lives(child.pid, now)


def test_a_number_given_to_another_process_since_is_not_the_run() -> None:
    assert not lives(os.getpid(), time.time() - 10 * 365 * 86400)


def test_a_run_that_is_stopped_is_interrupted_and_one_whose_process_is_gone_is_not(tmp_path: Path) -> None:
    launcher = {"run_launcher": {"module": "la_resources.run_launcher", "class": "WatchedRunLauncher"}}
    with dg.instance_for_test(temp_dir=str(tmp_path), overrides=launcher) as instance:
        run = instance.create_run_for_job(stuck.resolve_implicit_global_asset_job_def(), status=dg.DagsterRunStatus.STARTED)
        child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], stderr=subprocess.DEVNULL)
        instance.report_engine_event("begins", run, EngineEventData.in_process(child.pid))
        assert instance.run_launcher.terminate(run.run_id)
        assert child.wait(20) in (-signal.SIGINT, 1, 130)
        assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.CANCELING
        assert not instance.run_launcher.terminate(run.run_id)
