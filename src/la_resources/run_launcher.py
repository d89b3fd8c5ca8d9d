"""Dagster's own launcher of runs, that can also tell whether the process of a run still lives.

A code server sees when a run's process dies and marks the run as failed. When the server dies too (kill -9, a lost machine), Dagster's
launcher has no way to ask: the run stays "started" for ever and keeps its place in the queue and in its pools. Here run
monitoring (``run_monitoring`` in ``dagster.yaml``) can ask: every run writes its process into its history, and a run lives as long as
that process. It is for an instance whose runs are processes of one machine. Runs are not started again: what they wrote is whole,
and who wants the rest starts it anew.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus

_CLOCKS_DIFFER_BY = 60.0
"""Seconds by which a process may seem younger than what it wrote: a clock that was set meanwhile."""


class WatchedRunLauncher(DefaultRunLauncher):
    """Launches runs as Dagster does and says of each whether its process lives."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Failed if the last process that the run's history names is gone; a run that has named none yet is given time."""
        named = [
            (int(str(event.engine_event_data.metadata["pid"].value)), entry.timestamp)
            for entry in self._instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
            if (event := entry.dagster_event) and "pid" in event.engine_event_data.metadata
        ]
        if named and not lives(*named[-1]):
            return CheckRunHealthResult(WorkerStatus.FAILED, f"the process of the run (pid {named[-1][0]}) is gone")
        return CheckRunHealthResult(WorkerStatus.RUNNING)


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
