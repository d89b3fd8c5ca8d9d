"""Dagster's queue of runs, past which some go: a run that somebody waits for begins when it is asked for.

The daemon looks into the queue every second or so, and a run behind others waits for them. A run with one of the named tags is launched
by who asks for it; what it shares with other runs is guarded by the pools of its steps, as always. All else is Dagster's queue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import dagster as dg
from dagster._core.run_coordinator import QueuedRunCoordinator, SubmitRunContext
from dagster._serdes import ConfigurableClassData

from la_resources import cron_intervals


class RunQueue(QueuedRunCoordinator):
    """A queue that runs of some tags do not wait in.

    Parameters
    ----------
    at_once : sequence of str
        Tags of runs that are launched at once (``run_coordinator`` in ``dagster.yaml``).
    settings
        Those of Dagster's ``QueuedRunCoordinator``.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None, at_once: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(inst_data=inst_data, **settings)
        self._at_once = frozenset(at_once)

    @classmethod
    def config_type(cls) -> Mapping[str, Any]:
        settings = cast("Mapping[str, Any]", super().config_type())
        return {**settings, "at_once": dg.Field([str], default_value=[], description="Tags of runs that are launched at once.")}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> RunQueue:
        cron_intervals.remember()
        return cls(inst_data, **config_value)

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        run = context.dagster_run
        if run.status is not dg.DagsterRunStatus.NOT_STARTED or self._at_once.isdisjoint(run.tags):
            return super().submit_run(context)
        return self._instance.launch_run(run.run_id, context.workspace)
