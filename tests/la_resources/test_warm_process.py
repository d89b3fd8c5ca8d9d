"""Runs that are forks of a process which has the code loaded: as separate from it as any process, and never of old code."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import dagster as dg
import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import serialize_value

from la_resources.warm_process import StaleError, WarmProcess, WarmProcessError

CODE = """
import os
import dagster as dg

LOADED_BY = os.getpid()

@dg.asset
def told() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"loaded_by": LOADED_BY, "made_by": os.getpid(), "said": "SAID"})

defs = dg.Definitions([told], executor=dg.in_process_executor)
"""


class Desk:
    """A package of one asset, an instance, and runs of that asset."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self.folder, self.instance = folder, instance
        (folder / "told_code").mkdir()
        (folder / "told_code" / "__init__.py").touch()
        self.write("first")
        self.repository = RepositoryPythonOrigin(sys.executable, ModuleCodePointer("told_code.graph", "defs", str(folder)))

    def write(self, said: str) -> None:
        (self.folder / "told_code" / "graph.py").write_text(dedent(CODE).replace("SAID", said))

    def process(self, *preload: str) -> WarmProcess:
        return WarmProcess(self.repository, "told", self.instance.get_ref(), preload)

    def run(self, warm: WarmProcess) -> tuple[int, dict[str, object]]:
        """The process of a run of the asset, and what the asset tells."""
        job = JobPythonOrigin("__ASSET_JOB", self.repository)
        sys.path.insert(0, str(self.folder))
        try:
            from told_code.graph import defs  # type: ignore[import-not-found]
        finally:
            sys.path.remove(str(self.folder))
        run = self.instance.create_run_for_job(defs.resolve_implicit_global_asset_job_def(), job_code_origin=job)
        pid = warm.run(serialize_value(ExecuteRunArgs(job, run.run_id, self.instance.get_ref())))
        deadline = time.monotonic() + 60
        while not self.instance.get_run_by_id(run.run_id).is_finished:  # type: ignore[union-attr]
            assert time.monotonic() < deadline
            time.sleep(0.05)
        event = self.instance.get_latest_materialization_event(dg.AssetKey("told"))
        assert event is not None
        assert event.asset_materialization is not None
        return pid, {name: value.value for name, value in event.asset_materialization.metadata.items()}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    home = tmp_path / "home"
    home.mkdir()
    with dg.instance_for_test(temp_dir=str(home)) as instance:
        yield Desk(tmp_path, instance)
    sys.modules.pop("told_code.graph", None)
    sys.modules.pop("told_code", None)


def test_a_run_is_a_process_of_its_own_that_has_loaded_nothing(desk: Desk) -> None:
    warm = desk.process()
    try:
        (first, told), (second, again) = desk.run(warm), desk.run(warm)
        assert (told["made_by"], again["made_by"]) == (first, second)
        assert first != second
        assert told["loaded_by"] == again["loaded_by"] not in (first, second, os.getpid())
    finally:
        warm.stop()


def test_code_that_has_changed_since_is_not_run(desk: Desk) -> None:
    warm = desk.process()
    try:
        assert desk.run(warm)[1]["said"] == "first"
        desk.write("second")
        with pytest.raises(StaleError):
            desk.run(warm)
    finally:
        warm.stop()
    anew = desk.process()
    try:
        assert desk.run(anew)[1]["said"] == "second"
    finally:
        anew.stop()


def test_code_that_does_not_load_says_why(desk: Desk) -> None:
    with pytest.raises(WarmProcessError, match="no_such_module"):
        desk.process("no_such_module")


def test_a_process_that_is_gone_says_so(desk: Desk) -> None:
    warm = desk.process()
    warm.stop()
    with pytest.raises(WarmProcessError, match="is gone"):
        desk.run(warm)


def test_code_that_starts_threads_is_refused_for_a_fork_would_wait_for_them(desk: Desk) -> None:
    (desk.folder / "told_code" / "eager.py").write_text(
        "import time, polars\npolars.select(1)\ntime.sleep(1)  # until they have their names\n"
    )
    with pytest.raises(WarmProcessError, match="started threads"):
        desk.process("told_code.eager")


def test_the_graph_and_what_is_preloaded_with_it_can_be_forked(desk: Desk) -> None:
    graph = RepositoryPythonOrigin(sys.executable, ModuleCodePointer("la_assets.definitions", "defs", str(desk.folder)))
    WarmProcess(graph, "learning_analytics", desk.instance.get_ref(), ["la_assets.preloaded"]).stop()
