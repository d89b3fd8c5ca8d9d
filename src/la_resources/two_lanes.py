"""The executor of every run: the steps of a run in one process, two at a time.

Dagster's in-process executor runs one step after another. While one step sorts or joins on one thread, or waits for a disk, the
other core idles; a process for each step would cost seconds a step. Here each lane is a thread: polars, Arrow and DuckDB let
go of Python's lock while they work. What a step does, the order that its inputs demand, retries, pools and skips are as in
Dagster's own executor: the plan is asked what may run, two threads run it, and one thread hands all events on. How much is
held in memory at once is bounded by the IO manager, which writes two partitions at a time however many steps run.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from queue import SimpleQueue
from typing import cast

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.events import DagsterEvent, EngineEventData
from dagster._core.execution.api import ExecuteRunWithPlanIterable
from dagster._core.execution.compute_logs import create_compute_log_file_key
from dagster._core.execution.context.system import IStepContext, PlanExecutionContext, PlanOrchestrationContext, StepExecutionContext
from dagster._core.execution.context_creation_job import PlanExecutionContextManager
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.plan.execute_plan import dagster_event_sequence_for_step
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._utils.error import serializable_error_info_from_exc_info
from dagster._utils.interrupts import raise_interrupts_as

LANES = 2


class _Ended:
    """A lane's last word on its step: what it raised, if it did."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class _Lanes:
    """Steps that run now, each in a thread of its own, and the events that they have sent."""

    def __init__(self) -> None:
        self._sent: SimpleQueue[tuple[str, DagsterEvent | _Ended]] = SimpleQueue()
        self._running: dict[str, threading.Thread] = {}
        self._ending: set[str] = set()
        self._stop = threading.Event()

    @property
    def free(self) -> int:
        """How many steps may start; none while a lane has yet to leave a step that has ended, which may be the one to be tried again."""
        return 0 if self._ending else LANES - len(self._running)

    @property
    def busy(self) -> bool:
        return bool(self._running)

    def start(self, context: StepExecutionContext) -> None:
        key = context.step.key
        self._running[key] = threading.Thread(target=self._run, args=(context,), name=f"step {key}")
        self._running[key].start()

    def _run(self, context: StepExecutionContext) -> None:
        key, events = context.step.key, dagster_event_sequence_for_step(context)
        try:
            for event in events:
                self._sent.put((key, event))
                if self._stop.is_set() and not event.is_step_success and not event.is_step_failure:
                    self._sent.put((key, events.throw(DagsterExecutionInterruptedError())))  # type: ignore[attr-defined]
        except BaseException as error:  # raised again by the thread that waits
            self._sent.put((key, _Ended(error)))
        else:
            self._sent.put((key, _Ended(None)))

    def take(self) -> tuple[str, DagsterEvent | _Ended]:
        """Wait for the next event of any step."""
        key, sent = self._sent.get()
        if isinstance(sent, _Ended):
            self._running.pop(key).join()
            self._ending.discard(key)
        elif sent.is_step_success or sent.is_step_failure or sent.is_step_up_for_retry:
            self._ending.add(key)
        return key, sent

    def stop(self) -> Iterator[DagsterEvent]:
        """Let every running step come to its next event and end there; what they still send."""
        self._stop.set()
        while self._running:
            _, sent = self.take()
            if isinstance(sent, DagsterEvent):
                yield sent


class TwoLanes(dg.Executor):
    """Runs the steps of a plan in this process, two at a time."""

    @property
    def retries(self) -> RetryMode:
        return RetryMode.ENABLED

    def execute(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> Iterator[DagsterEvent]:
        def engine(message: str) -> DagsterEvent:
            data = EngineEventData.in_process(os.getpid(), execution_plan.step_keys_to_execute)
            return DagsterEvent.engine_event(plan_context, message, event_specific_data=data)

        yield engine(f"Executing steps in process (pid: {os.getpid()}), {LANES} at a time")
        with _nothing_loaded_is_garbage():
            yield from ExecuteRunWithPlanIterable(
                execution_plan=plan_context.execution_plan,
                iterator=_events,
                execution_context_manager=PlanExecutionContextManager(
                    job=plan_context.job,
                    retry_mode=plan_context.retry_mode,
                    execution_plan=plan_context.execution_plan,
                    run_config=plan_context.run_config,
                    dagster_run=plan_context.dagster_run,
                    instance=plan_context.instance,
                    raise_on_error=plan_context.raise_on_error,
                    output_capture=plan_context.output_capture,
                ),
            )
        yield engine(f"Finished steps in process (pid: {os.getpid()})")


@dg.executor(name="two_lanes", requirements=[])
def two_lanes_executor(_: dg.InitExecutorContext) -> dg.Executor:
    """Steps of a run in one process, two at a time."""
    return TwoLanes()


def _events(job_context: PlanExecutionContext, execution_plan: ExecutionPlan) -> Iterator[DagsterEvent]:
    """The events of all steps, in the order in which they happen."""
    context, plan = job_context, execution_plan
    with (
        InstanceConcurrencyContext(context.instance, context.dagster_run) as pools,
        plan.start(retry_mode=context.retry_mode, max_concurrent=LANES, instance_concurrency_context=pools) as active,
        ExitStack() as captured,
    ):
        yield _captured_output(context, plan, captured)
        lanes = _Lanes()
        try:
            while not active.is_complete:
                for step in active.get_steps_to_execute(limit=lanes.free):
                    lanes.start(cast(StepExecutionContext, context.for_step(step, active.get_known_state())))
                yield from active.concurrency_event_iterator(context)
                if lanes.busy:
                    with raise_interrupts_as(DagsterExecutionInterruptedError):
                        key, sent = lanes.take()
                    yield from _handled(key, sent, active, context)
                else:
                    active.sleep_til_ready()
                yield from active.plan_events_iterator(context)
        except GeneratorExit:
            for _ in lanes.stop():
                pass
            raise
        except BaseException:
            active.mark_interrupted()
            yield from lanes.stop()
            raise


@contextmanager
def _nothing_loaded_is_garbage() -> Iterator[None]:
    """Leave the million objects of loaded modules and definitions out of every garbage collection of the run."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _handled(
    key: str, sent: DagsterEvent | _Ended, active: ActiveExecution, context: IStepContext | PlanExecutionContext
) -> Iterator[DagsterEvent]:
    if isinstance(sent, DagsterEvent):
        yield sent
        active.handle_event(sent)
    elif sent.error:
        raise sent.error
    else:
        active.verify_complete(context, key)


def _captured_output(context: PlanExecutionContext, plan: ExecutionPlan, captured: ExitStack) -> DagsterEvent:
    """Capture what the process prints, as the page of the run shows it."""
    manager = context.instance.compute_log_manager
    log_key = manager.build_log_key_for_run(context.run_id, create_compute_log_file_key())
    try:
        log = captured.enter_context(manager.capture_logs(log_key))
    except Exception:  # a run whose output cannot be kept goes on all the same
        error = serializable_error_info_from_exc_info(sys.exc_info())
        return DagsterEvent.engine_event(context, "Exception while setting up compute log capture", EngineEventData(error=error))
    return DagsterEvent.capture_logs(context, [step.key for step in plan.get_steps_to_execute_in_topo_order()], log_key, log)
