"""Steps of a run side by side in a few processes of one machine, each of which executes one step after the other.

Dagster's own executors give a run one process, which leaves all cores but one idle in what is Python, or every step a process of
its own, which makes instance, plan and resources anew for each: more than most steps take. Here a process is forked from the run's
when a step could begin and no process is free, makes those once, and takes further steps. Nothing is copied: a fork shares what the
run has loaded. The run's process executes nothing, so that it can fork again for a process that was killed.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import TYPE_CHECKING

import dagster as dg
from dagster import _check as check
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.events import DagsterEvent, EngineEventData
from dagster._core.execution.compute_logs import create_compute_log_file_key
from dagster._core.execution.plan.execute_plan import _trigger_hook, dagster_event_sequence_for_step
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.base import Executor
from dagster._core.executor.in_process import InProcessExecutor
from dagster._utils.error import SerializableErrorInfo, serializable_error_info_from_exc_info

from la_resources.child_processes import end_with_the_parent, processes, threads_lost_in_forks

if TYPE_CHECKING:
    from dagster._core.execution.context.system import PlanExecutionContext, PlanOrchestrationContext
    from dagster._core.execution.plan.active import ActiveExecution
    from dagster._core.execution.plan.plan import ExecutionPlan

    from la_resources.run_history import EventLog

_LOOKS_EVERY = 0.5
"""Seconds between two looks for a signal, and for a place in a pool."""
_ENDS_WITHIN = 20.0
"""Seconds for a process that has nothing to do to end, before it is killed."""
_END = {
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.STEP_UP_FOR_RETRY,
    dg.DagsterEventType.STEP_SKIPPED,
}


class StepProcessDied(RuntimeError):
    """A process is gone in the middle of a step: killed from outside, or out of memory."""


class StepProcesses(Executor):
    """Executes steps in processes forked from the run's; in the run's own where there is nothing to fork for or forking is not safe.

    Parameters
    ----------
    count : int
        Processes at most, each of which takes the memory of one step.
    retries : RetryMode
        Whether steps with a retry policy are tried again.
    """

    def __init__(self, count: int, retries: RetryMode = RetryMode.ENABLED) -> None:
        self._count, self._retries = count, retries

    @property
    def retries(self) -> RetryMode:
        return self._retries

    def execute(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> Iterator[DagsterEvent]:
        steps = execution_plan.step_keys_to_execute
        alone = self._count < 2 or len(steps) < 2 or not plan_context.instance.is_persistent
        if alone or (threads := threads_lost_in_forks()):
            if not alone:
                plan_context.log.info(
                    f"The steps are executed in one process: threads run in it that a fork would lose ({', '.join(threads)})."
                )
            yield from InProcessExecutor(self._retries).execute(plan_context, execution_plan)
            return
        yield _engine_event(
            plan_context, f"Executing steps in up to {self._count} processes forked from this one (pid: {os.getpid()})", steps
        )
        with InstanceConcurrencyContext(plan_context.instance, plan_context.dagster_run) as pools, ExitStack() as stack:
            yield _capture(plan_context, steps, stack)
            active = stack.enter_context(
                execution_plan.start(self._retries, max_concurrent=self._count, instance_concurrency_context=pools)
            )
            forks = stack.enter_context(_Forks(plan_context, execution_plan))
            interrupted = False
            while forks.busy or not (interrupted or active.is_complete):
                if not interrupted and active.check_for_interrupts():
                    interrupted = True
                    active.mark_interrupted()
                    yield DagsterEvent.engine_event(
                        plan_context, "Interrupted: steps under way are told", EngineEventData.interrupted(forks.steps)
                    )
                    forks.interrupt()
                if not interrupted:
                    for step in active.get_steps_to_execute(self._count - len(forks.busy)):
                        forks.begin(step.key, active)
                    yield from active.concurrency_event_iterator(plan_context)
                yield from self._heard(forks, active, plan_context)
                yield from active.plan_events_iterator(plan_context)
            yield from forks.let_go()
            if interrupted:
                raise DagsterExecutionInterruptedError
        yield _engine_event(plan_context, f"Finished steps in processes forked from this one (pid: {os.getpid()})", steps)

    def _heard(self, forks: _Forks, active: ActiveExecution, plan_context: PlanOrchestrationContext) -> Iterator[DagsterEvent]:
        """What the processes said meanwhile; the failure of a step whose process is gone is said for it."""
        for fork, said in forks.listen():
            key = fork.step
            if isinstance(said, DagsterEvent):
                yield said
                if key and said.step_key == key:
                    active.handle_event(said)
                    fork.ended = fork.ended or said.event_type in _END
                continue
            if said is not None and key and not fork.ended:
                event = self.log_failure_or_retry_event_after_error(
                    plan_context.for_step(active.get_step_by_key(key)), said, active.get_known_state()
                )
                yield event
                active.handle_event(event)
            fork.step, fork.ended = "", False
            if key:
                active.verify_complete(plan_context, key)


@dg.executor(
    name="step_processes", config_schema={"processes": dg.Field(int, default_value=0, description="At most; 0: one a core, at most 4.")}
)
def step_processes_executor(context: dg.InitExecutorContext) -> StepProcesses:
    """Steps side by side in processes that are forked from the run's and kept."""
    return StepProcesses(check.int_elem(context.executor_config, "processes") or processes())


@dataclass
class _Fork:
    """A process, the connection to it, the step it executes (none: it waits for one), and whether the step has said how it ended."""

    process: ForkProcess
    connection: Connection
    step: str = ""
    ended: bool = False


class _Forks:
    """The processes of one run."""

    def __init__(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> None:
        self._plan_context, self._execution_plan, self._all = plan_context, execution_plan, list[_Fork]()

    def __enter__(self) -> _Forks:
        gc.collect()
        gc.freeze()  # what forks share stays shared as long as nobody, the collector included, writes to it
        return self

    def __exit__(self, *_: object) -> None:
        for fork in self._all:
            fork.process.kill()
            fork.process.join()
        gc.unfreeze()

    @property
    def busy(self) -> list[_Fork]:
        return [fork for fork in self._all if fork.step]

    @property
    def steps(self) -> list[str]:
        """Steps under way."""
        return [fork.step for fork in self.busy]

    def begin(self, step: str, active: ActiveExecution) -> None:
        """Give a step to a process that waits, or to a new one."""
        fork = next((fork for fork in self._all if not fork.step and fork.process.is_alive()), None) or self._another()
        fork.step = step
        with suppress(BrokenPipeError):  # it is gone, which is heard next
            fork.connection.send((step, active.get_known_state()))

    def _another(self) -> _Fork:
        if history := _history_that_closes(self._plan_context.instance):
            history.close_files()  # SQLite in a fork would take locks for its own that this process holds
        context = get_context("fork")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_execute_steps, args=[theirs, [ours, *(f.connection for f in self._all)], self._plan_context, self._execution_plan]
        )
        process.start()
        theirs.close()
        self._all.append(_Fork(process, ours))
        return self._all[-1]

    def listen(self) -> Iterator[tuple[_Fork, DagsterEvent | SerializableErrorInfo | None]]:
        """What processes say: events, or that they are done with their step (None), or why they cannot go on."""
        for ready in wait([fork.connection for fork in self._all], _LOOKS_EVERY):
            fork = next(fork for fork in self._all if fork.connection is ready)
            try:
                said = fork.connection.recv()
            except (EOFError, ConnectionError):
                said = self._gone(fork)
            if isinstance(said, SerializableErrorInfo):
                self._all.remove(fork)
            yield fork, said

    def _gone(self, fork: _Fork) -> SerializableErrorInfo:
        fork.process.join()
        try:
            raise StepProcessDied(f"the process of step {fork.step} (pid {fork.process.pid}) is gone, exit code {fork.process.exitcode}")
        except StepProcessDied:
            return serializable_error_info_from_exc_info(sys.exc_info())

    def interrupt(self) -> None:
        """Interrupt what executes a step; the step says that it was."""
        for fork in self.busy:
            with suppress(ProcessLookupError):
                os.kill(fork.process.pid or 0, signal.SIGINT)

    def let_go(self) -> Iterator[DagsterEvent]:
        """Let all processes end; what they say of it."""
        for fork in self._all:
            with suppress(BrokenPipeError):
                fork.connection.send(None)
        until = time.monotonic() + _ENDS_WITHIN
        while self._all and time.monotonic() < until:
            for _, said in self.listen():
                if isinstance(said, DagsterEvent):
                    yield said


def _execute_steps(
    connection: Connection, of_the_run: list[Connection], plan_context: PlanOrchestrationContext, plan: ExecutionPlan
) -> None:
    """In a fork: execute steps that the run names until it names none."""
    for inherited in of_the_run:
        inherited.close()
    threading.Thread(target=end_with_the_parent, daemon=True).start()
    with suppress(ConnectionError), ExitStack() as stack:
        instance = plan_context.instance  # as it is, if it has nothing open
        if not _history_that_closes(instance):
            instance = stack.enter_context(dg.DagsterInstance.from_ref(instance.get_ref()))
        try:
            _serve(connection, plan_context, plan, instance)
        except (Exception, DagsterExecutionInterruptedError, KeyboardInterrupt):
            connection.send(serializable_error_info_from_exc_info(sys.exc_info()))


def _history_that_closes(instance: dg.DagsterInstance) -> EventLog | None:
    """The history whose files can be closed before a fork; imported here, it would be a fifth of the time to load the graph."""
    from la_resources.run_history import EventLog

    history = instance.event_log_storage
    return history if isinstance(history, EventLog) else None


def _serve(connection: Connection, plan_context: PlanOrchestrationContext, plan: ExecutionPlan, instance: dg.DagsterInstance) -> None:
    from dagster._core.execution.context_creation_job import PlanExecutionContextManager

    prepared = PlanExecutionContextManager(
        job=plan_context.job,
        execution_plan=plan,
        run_config=plan_context.run_config,
        dagster_run=plan_context.dagster_run,
        instance=instance,
        retry_mode=plan_context.retry_mode,
    )
    for event in prepared.prepare_context():
        connection.send(event)
        if event.is_resource_init_failure:
            connection.send(event.engine_event_data.error)
            return
    context: PlanExecutionContext = prepared.get_context()
    while (asked := connection.recv()) is not None:
        key, known = asked
        step = context.for_step(plan.get_executable_step_by_key(key), known)
        events: list[DagsterEvent] = []
        for event in dagster_event_sequence_for_step(step):
            events.append(event)
            connection.send(event)
        for event in _trigger_hook(step, events):
            connection.send(event)
        connection.send(None)
    for event in prepared.shutdown_context():
        connection.send(event)


def _engine_event(plan_context: PlanOrchestrationContext, message: str, steps: Sequence[str]) -> DagsterEvent:
    return DagsterEvent.engine_event(plan_context, message, EngineEventData.in_process(os.getpid(), list(steps)))


def _capture(plan_context: PlanOrchestrationContext, steps: Sequence[str], stack: ExitStack) -> DagsterEvent:
    """Let what this process and its forks print go into the run's log, where the page of a run shows it."""
    manager = plan_context.instance.compute_log_manager
    log_key = manager.build_log_key_for_run(plan_context.run_id, create_compute_log_file_key())
    try:
        return DagsterEvent.capture_logs(plan_context, list(steps), log_key, stack.enter_context(manager.capture_logs(log_key)))
    except Exception:
        error = serializable_error_info_from_exc_info(sys.exc_info())
        return DagsterEvent.engine_event(plan_context, "What the steps print could not be captured", EngineEventData(error=error))
