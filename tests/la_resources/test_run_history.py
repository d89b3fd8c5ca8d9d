"""Dagster's history with open connections: what Dagster wrote is read, what is written Dagster reads, and nothing written is lost."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest
import yaml

STORED = {"custom": {"module": "la_resources.run_history", "class": "RunHistory"}}


@dg.asset
def counted() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"rows": 3})


def instance(home: Path, *, ours: bool) -> dg.DagsterInstance:
    config = {"base_dir": str(home / "storage")}
    storage = {"custom": {**STORED["custom"], "config": config}} if ours else {"sqlite": config}
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text(yaml.safe_dump({"storage": storage, "telemetry": {"enabled": False}}))
    return dg.DagsterInstance.from_config(str(home))


def rows(of: dg.DagsterInstance) -> int:
    materialization = of.get_latest_materialization_event(dg.AssetKey("counted"))
    assert materialization is not None
    assert materialization.asset_materialization is not None
    value = materialization.asset_materialization.metadata["rows"].value
    assert isinstance(value, int)
    return value


@pytest.mark.parametrize("ours_first", [True, False])
def test_either_storage_reads_what_the_other_wrote(tmp_path: Path, ours_first: bool) -> None:
    with instance(tmp_path, ours=ours_first) as first:
        run = dg.materialize([counted], instance=first).dagster_run.run_id
        written = len(first.all_logs(run))
    with instance(tmp_path, ours=not ours_first) as second:
        assert rows(second) == 3
        assert len(second.all_logs(run)) == written
        assert dg.materialize([counted], instance=second).success
    with instance(tmp_path, ours=ours_first) as again:
        assert again.get_runs_count() == 2


def test_two_instances_see_each_others_events_at_once(tmp_path: Path) -> None:
    with instance(tmp_path, ours=True) as writer, instance(tmp_path, ours=True) as reader:
        run = dg.materialize([counted], instance=writer).dagster_run.run_id
        assert rows(reader) == 3
        assert len(reader.all_logs(run)) == len(writer.all_logs(run))


def test_more_runs_than_are_kept_open(tmp_path: Path) -> None:
    with instance(tmp_path, ours=True) as history:
        runs = [dg.materialize([counted], instance=history).dagster_run.run_id for _ in range(6)]
        assert len({len(history.all_logs(run)) for run in runs}) == 1
        open_files = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")]
        assert 0 < len({name for name in open_files if name.startswith(str(tmp_path)) and name.endswith(".db")} - {""}) <= 6


def test_a_history_that_is_wiped_while_open_is_written_anew(tmp_path: Path) -> None:
    with instance(tmp_path, ours=True) as history:
        run = dg.materialize([counted], instance=history).dagster_run.run_id
        history.delete_run(run)
        history.wipe()
        assert history.get_latest_materialization_event(dg.AssetKey("counted")) is None
        assert dg.materialize([counted], instance=history).success
        assert rows(history) == 3


def test_a_file_whose_making_was_broken_off_is_made_to_the_end(tmp_path: Path) -> None:
    with instance(tmp_path, ours=True) as history:
        assert dg.materialize([counted], instance=history).success
    with closing(sqlite3.connect(tmp_path / "storage" / "history" / "runs" / "index.db")) as index:
        index.executescript("DROP TABLE alembic_version; DROP TABLE asset_event_tags;")
    with instance(tmp_path, ours=True) as history:
        assert dg.materialize([counted], instance=history).success
        assert rows(history) == 3
    with closing(sqlite3.connect(tmp_path / "storage" / "history" / "runs" / "index.db")) as index:
        assert index.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)


KILLED = """
import os, signal, sys
from pathlib import Path
import dagster as dg
from tests.la_resources.test_run_history import counted, instance

@dg.asset(deps=[counted])
def killed(context) -> None:
    os.kill(os.getpid(), signal.SIGKILL)

dg.materialize([counted, killed], instance=instance(Path(sys.argv[1]), ours=True))
"""


def test_what_was_written_before_a_kill_is_there_after_it(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), str(root / "src")]), "PYTHONWARNINGS": "ignore"}
    process = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], env=environment, cwd=root, capture_output=True, timeout=120)
    assert process.returncode == -signal.SIGKILL, process.stderr
    with instance(tmp_path, ours=True) as after:
        assert rows(after) == 3
        (run,) = after.get_runs()
        kinds = [event.dagster_event_type for event in after.all_logs(run.run_id)]
        assert dg.DagsterEventType.STEP_SUCCESS in kinds
        assert kinds[-1] == dg.DagsterEventType.STEP_START


def test_a_run_s_file_is_the_one_that_dagster_makes_and_holds_nothing_of_another_run(tmp_path: Path) -> None:
    with instance(tmp_path / "ours", ours=True) as ours, instance(tmp_path / "theirs", ours=False) as theirs:
        runs = [dg.materialize([counted], instance=ours).dagster_run.run_id for _ in range(3)]
        their = dg.materialize([counted], instance=theirs).dagster_run.run_id
        assert {len(ours.all_logs(run)) for run in runs} == {len(theirs.all_logs(their))}

        def made(home: str, run: str) -> list[tuple]:
            with closing(sqlite3.connect(tmp_path / home / "storage" / "history" / "runs" / f"{run}.db")) as file:
                return [
                    *file.execute("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2").fetchall(),
                    file.execute("PRAGMA journal_mode").fetchone(),
                    *file.execute("SELECT version_num FROM alembic_version").fetchall(),
                ]

        assert {tuple(made("ours", run)) for run in runs} == {tuple(made("theirs", their))}


def test_a_file_that_somebody_else_makes_meanwhile_is_left_as_it_is(tmp_path: Path) -> None:
    from la_resources.run_history import _is_put

    assert _is_put(b"first", str(tmp_path / "runs" / "a.db"))
    assert not _is_put(b"second", str(tmp_path / "runs" / "a.db"))
    assert [file.read_bytes() for file in (tmp_path / "runs").iterdir()] == [b"first"]


def test_runs_of_a_dagster_before_there_were_all_tables_are_brought_up_to_date(tmp_path: Path) -> None:
    with instance(tmp_path, ours=False) as theirs:
        dg.materialize([counted], instance=theirs)
    file = tmp_path / "storage" / "history" / "runs.db"
    with closing(sqlite3.connect(file)) as runs:
        runs.execute("DROP TABLE instance_info")
    with instance(tmp_path, ours=True) as ours:
        assert ours.get_runs_count() == 1
    with closing(sqlite3.connect(file)) as runs:
        assert runs.execute("SELECT count(*) FROM sqlite_master WHERE name = 'instance_info'").fetchone() == (1,)
