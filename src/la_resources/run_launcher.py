"""Dagster's own launcher of runs, whose runs begin at once, and that can tell whether the process of a run still lives.

Dagster's launcher asks the code server for a new process, which loads Python's libraries and the graph before its first step. Here a run
is a fork of a process that has them loaded (``la_resources.warm_process``), kept by whatever launches runs: the daemon.

A code server sees when a run's process dies and marks the run as failed. When the server dies too (kill -9, a lost machine), Dagster's
launcher has no way to ask: the run stays "started" for ever and keeps its place in the queue and in its pools. Here run
monitoring (``run_monitoring`` in ``dagster.yaml``) can ask: every run writes its process into its history, and a run lives as long as
that process. It is for an instance whose runs are processes of one machine. Runs are not started again: what they wrote is whole,
and who wants the rest starts it anew.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster import _check as check
from dagster._core.errors import DagsterLaunchFailedError
from dagster._core.events import EngineEventData
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, LaunchRunContext, WorkerStatus
from dagster._serdes import ConfigurableClassData, serialize_value

if TYPE_CHECKING:
    from la_resources.warm_process import WarmProcess

_CLOCKS_DIFFER_BY = 60.0
"""Seconds by which a process may seem younger than what it wrote: a clock that was set meanwhile."""


class WatchedRunLauncher(DefaultRunLauncher):
    """Launches runs as forks of a process that has loaded the code, and says of each whether its process lives.

    Parameters
    ----------
    preload : sequence of str
        Modules that the process imports beside the code of the runs (``run_launcher`` in ``dagster.yaml``).
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None, preload: Sequence[str] = ()) -> None:
        super().__init__(inst_data)
        self._preload, self._warm, self._asking = tuple(preload), dict[str, "WarmProcess"](), Lock()

    @classmethod
    def config_type(cls) -> Mapping[str, Any]:
        return {"preload": dg.Field([str], default_value=[], description="Modules to import before runs are forked.")}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> WatchedRunLauncher:
        return cls(inst_data, **config_value)

    def launch_run(self, context: LaunchRunContext) -> None:
        run = context.dagster_run
        pid = self._begin(run)
        self._instance.report_engine_event(f"The run begins in process {pid}.", run, EngineEventData.in_process(pid), cls=type(self))
        self._run_ids.add(run.run_id)

    def _begin(self, run: dg.DagsterRun) -> int:
        """Begin a run; where the process it is a fork of has old code, or is gone, a new one is started first."""
        from dagster._grpc.types import ExecuteRunArgs

        from la_resources.warm_process import StaleError, WarmProcess, WarmProcessError

        location = check.not_none(run.remote_job_origin).location_name
        origin, ref = check.not_none(run.job_code_origin), self._instance.get_ref()
        arguments = serialize_value(ExecuteRunArgs(origin, run.run_id, ref))
        with self._asking:
            try:
                if warm := self._warm.get(location):
                    with suppress(StaleError, WarmProcessError):
                        return warm.run(arguments)
                    self._warm.pop(location).stop()
                self._warm[location] = WarmProcess(origin.repository_origin, location, ref, self._preload)
                return self._warm[location].run(arguments)
            except (StaleError, WarmProcessError) as error:
                raise DagsterLaunchFailedError(str(error)) from error

    def terminate(self, run_id: str) -> bool:
        run = self._instance.get_run_by_id(run_id)
        if not run or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        named = self._processes(run)
        if not named or not lives(*named[-1]):
            self._instance.report_engine_event("The process of the run is gone: there is nothing to stop.", run, cls=type(self))
            return False
        os.kill(named[-1][0], signal.SIGINT)
        return True

    def dispose(self) -> None:
        """Let the processes end that runs are forks of; runs under way go on."""
        with self._asking:
            while self._warm:
                self._warm.popitem()[1].stop()

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Failed if the last process that the run's history names is gone; a run that has named none yet is given time."""
        named = self._processes(run)
        if named and not lives(*named[-1]):
            return CheckRunHealthResult(WorkerStatus.FAILED, f"the process of the run (pid {named[-1][0]}) is gone")
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def _processes(self, run: dg.DagsterRun) -> list[tuple[int, float]]:
        """Processes that a run's history names, with the times at which it did, oldest first."""
        return [
            (int(str(event.engine_event_data.metadata["pid"].value)), entry.timestamp)
            for entry in self._instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
            if (event := entry.dagster_event) and "pid" in event.engine_event_data.metadata
        ]


def lives(pid: int, since: float) -> bool:
    """Whether a process that was seen at a time (seconds since the epoch) still runs.

    One that ended and that nobody has asked for its exit code does not; nor does one that has been given its number since, which
    the process's own start tells where there is a ``/proc``.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's process has the number now
        return False
    with suppress(OSError):
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        booted = next(float(line.split()[1]) for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime "))
        started = booted + int(fields[18]) / os.sysconf("SC_CLK_TCK")
        return state not in "ZX" and started <= since + _CLOCKS_DIFFER_BY
    return True
