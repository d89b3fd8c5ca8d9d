"""The bench runs at a tiny size and writes figures of a known shape; what it reads from logs and measures is right."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bench.figure import Figure, Goal
from bench.measured import CommandFailed, measured
from bench.report import table, write_results
from bench.sizes import FIGURES, Sizes
from bench.steps import slowest_steps

PROJECT = Path(__file__).resolve().parents[2]
MEGABYTE = 1024**2


def figure(seconds: float = 10.0, **changes: object) -> Figure:
    given = {"yardstick": "a plain copy", "yardstick_seconds": 4.0} | changes
    return Figure("historical_load", "files to tables", seconds, 2 * seconds, 100 * MEGABYTE, Goal(20, 3, 200 * MEGABYTE), **given)  # type: ignore[arg-type]


def test_a_figure_is_held_against_seconds_ratio_and_memory():
    assert figure().ratio == 2.5
    assert figure().missed == []
    assert figure(30.0).missed == ["seconds", "ratio"]
    assert figure(30.0, yardstick_seconds=None).missed == ["seconds"]


def test_goals_are_judged_at_full_size_only():
    assert "not judged at this size" in table([figure()], Sizes(students=200))
    assert "no: seconds, ratio" in table([figure(30.0)], Sizes())


def test_a_second_run_of_the_day_keeps_the_figures_it_did_not_take(tmp_path: Path):
    day = dt.date(2026, 11, 21)
    write_results(tmp_path, [figure()], Sizes(), day)
    other = Figure("code_location_load", "an import", 1.0, 1.0, MEGABYTE, Goal(2.5))
    file = write_results(tmp_path, [other], Sizes(), day)
    assert [row["name"] for row in json.loads(file.read_text())["figures"]] == ["historical_load", "code_location_load"]
    file = write_results(tmp_path, [other], Sizes(students=200), day)
    assert [row["name"] for row in json.loads(file.read_text())["figures"]] == ["code_location_load"]


def test_memory_of_child_processes_counts(tmp_path: Path):
    child = "import time; held = bytearray(150 * 1024**2); time.sleep(0.6)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    found = measured([sys.executable, "-c", parent], {}, tmp_path, tmp_path / "log")
    assert found.peak_bytes > 150 * MEGABYTE
    assert found.seconds > 0.6


def test_processor_seconds_are_those_of_the_work_not_of_waiting(tmp_path: Path):
    waiting = measured([sys.executable, "-c", "import time; time.sleep(1)"], {}, tmp_path, tmp_path / "log")
    working = measured([sys.executable, "-c", "sum(range(20_000_000))"], {}, tmp_path, tmp_path / "log")
    assert waiting.cpu_seconds < 0.8 < waiting.seconds
    assert working.cpu_seconds > waiting.cpu_seconds


def test_a_command_that_fails_is_no_figure(tmp_path: Path):
    with pytest.raises(CommandFailed, match="no such year"):
        measured([sys.executable, "-c", "raise SystemExit('no such year')"], {}, tmp_path, tmp_path / "log")


def test_the_longest_steps_are_read_from_the_log_of_a_run(tmp_path: Path):
    log = tmp_path / "run.log"
    log.write_text(
        'x - STEP_SUCCESS - Finished execution of step "landing" in 1m3s.\n'
        'x - STEP_SUCCESS - Finished execution of step "roster__students" in 850ms.\n'
        'x - STEP_SUCCESS - Finished execution of step "attendance__daily" in 12.5s.\n'
    )
    assert slowest_steps(log) == {"landing": 63.0, "attendance__daily": 12.5, "roster__students": 0.85}


@pytest.mark.timeout(1800)
def test_the_bench_runs_at_a_tiny_size(tmp_path: Path):
    sizes = ["--students", "200", "--years", "1", "--graph-students", "200", "--graph-years", "1", "--repeats", "1"]
    sizes += ["--model-students", "800", "--model-years", "5", "--grown-students", "2000", "--taught-rows", "6000"]
    served = {"stream_latency", "steps_by_workers"}  # minutes of a daemon, of workers: what they run has tests of its own
    wanted = [name for name in FIGURES if name not in served]
    command = [
        sys.executable,
        "-m",
        "bench",
        *wanted,
        *sizes,
        "--folder",
        str(tmp_path / "districts"),
        "--results",
        str(tmp_path / "results"),
    ]
    done = subprocess.run(command, cwd=PROJECT, env=os.environ | {"PYTHONPATH": str(PROJECT / "src")}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    content = json.loads(next((tmp_path / "results").glob("*.json")).read_text())
    figures = {row["name"]: row for row in content["figures"]}
    assert list(figures) == wanted
    assert content["sizes"]["students"] == 200
    assert {"cores", "memory_gib", "python", "packages"} <= set(content["machine"])
    for row in figures.values():
        assert row["seconds"] > 0
        assert row["yardstick_seconds"] > 0
        assert row["cpu_seconds"] > 0
        assert row["ratio"] == pytest.approx(row["seconds"] / row["yardstick_seconds"], rel=0.05)
        assert row["peak_bytes"] > 10 * MEGABYTE
        assert set(row["goal"]) == {"seconds", "ratio", "peak_bytes"}
    for name in ("historical_load", "daily_increment", "whole_graph"):
        counts = figures[name]["details"]
        assert counts["rows_read"] == sum(counts[f"rows_{what}"] for what in ("loaded", "duplicate", "skipped", "quarantined"))
        assert counts["attendance_days"] > 30_000
    assert figures["daily_increment"]["details"]["rows_delivered"] > 100
    assert figures["historical_load"]["details"]["rows_read"] > 30_000
    assert set(figures["dropout_model"]["details"]["steps"]) == {"train_and_calibrate", "score_with_reasons", "validate_and_audit"}
    assert figures["dropout_model"]["details"]["rows"] == 4000
    for name, rows in (("growth_model", 12_000), ("value_added_model", 6_000)):
        details = figures[name]["details"]
        assert (details["status"], details["rows"]) == ("converged", rows)
        assert details["log_likelihood_less_lme4s"] == pytest.approx(0, abs=0.01)
    assert figures["scoring_one_row"]["details"]["rows_a_second"] > 0
    assert "historical_load" in done.stdout
