"""The executor: two steps run at once, none before its inputs, and a failing, retried or interrupted one ends as Dagster says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import dagster as dg
import pytest
from dagster._core.errors import DagsterExecutionInterruptedError

from la_resources import two_lanes
from la_resources.two_lanes import two_lanes_executor

ORDER: list[str] = []
MEETING = threading.Barrier(2)


@dg.asset
def first() -> None:
    ORDER.append("first")


@dg.asset(deps=[first])
def left() -> None:
    MEETING.wait(60)
    ORDER.append("side")


@dg.asset(deps=[first])
def right() -> None:
    MEETING.wait(60)
    ORDER.append("side")


@dg.asset(deps=[left, right])
def last() -> None:
    ORDER.append("last")


@dg.asset_check(asset=last, blocking=True)
def last_is_last() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=ORDER[-1] == "last")


@dg.asset
def broken() -> None:
    raise ValueError("no such file")


@dg.asset(deps=[broken])
def behind() -> None:
    ORDER.append("behind")


ATTEMPTS: list[int] = []


@dg.asset(retry_policy=dg.RetryPolicy(max_retries=1))
def second_time_lucky() -> None:
    ATTEMPTS.append(1)
    if len(ATTEMPTS) == 1:
        raise OSError("the disk was full")


STARTED = threading.Event()
INTERRUPTED = threading.Event()


@dg.asset
def long_one() -> None:
    STARTED.set()
    assert INTERRUPTED.wait(60)


@dg.asset(deps=[long_one])
def never() -> None:
    ORDER.append("never")


defs = dg.Definitions(
    assets=[first, left, right, last, broken, behind, second_time_lucky, long_one, never],
    asset_checks=[last_is_last],
    jobs=[
        dg.define_asset_job("diamond", [first, left, right, last]),
        dg.define_asset_job("failing", [broken, behind, first]),
        dg.define_asset_job("retried", [second_time_lucky]),
        dg.define_asset_job("interrupted", [long_one, never]),
    ],
    executor=two_lanes_executor,
)


def diamond() -> dg.JobDefinition:
    return defs.resolve_job_def("diamond")


def failing() -> dg.JobDefinition:
    return defs.resolve_job_def("failing")


def retried() -> dg.JobDefinition:
    return defs.resolve_job_def("retried")


def interrupted() -> dg.JobDefinition:
    return defs.resolve_job_def("interrupted")


@pytest.fixture(autouse=True)
def instance() -> Iterator[dg.DagsterInstance]:
    ORDER.clear()
    ATTEMPTS.clear()
    with dg.instance_for_test() as instance:
        yield instance


def run(job: Callable[[], dg.JobDefinition], instance: dg.DagsterInstance, *, raising: bool = False) -> dg.JobExecutionResult:
    return dg.execute_job(dg.reconstructable(job), instance, raise_on_error=raising)


def test_two_steps_run_at_once_and_none_before_its_inputs(instance: dg.DagsterInstance) -> None:
    with run(diamond, instance) as result:
        assert result.success
        assert [e.passed for e in result.get_asset_check_evaluations()] == [True]
    assert ORDER == ["first", "side", "side", "last"]


def test_what_stands_behind_a_failed_step_does_not_run_and_the_rest_does(instance: dg.DagsterInstance) -> None:
    with run(failing, instance) as result:
        assert not result.success
        assert {e.step_key for e in result.get_step_failure_events()} == {"broken"}
        assert "no such file" in str(result.get_step_failure_events()[0].event_specific_data)
    assert ORDER == ["first"]


def test_an_error_is_raised_where_it_is_asked_for(instance: dg.DagsterInstance) -> None:
    with pytest.raises(Exception, match="no such file"):
        run(failing, instance, raising=True)
    assert "behind" not in ORDER


def test_a_step_is_tried_again_by_its_policy(instance: dg.DagsterInstance) -> None:
    with run(retried, instance) as result:
        assert result.success
    assert len(ATTEMPTS) == 2


def test_an_interrupted_run_ends_its_steps_at_their_next_event(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    take = two_lanes._Lanes.take

    def take_until_started(lanes: two_lanes._Lanes) -> tuple:
        if STARTED.is_set() and not INTERRUPTED.is_set():
            INTERRUPTED.set()
            raise DagsterExecutionInterruptedError
        key, sent = take(lanes)
        if getattr(sent, "is_step_start", False):
            assert STARTED.wait(60)
        return key, sent

    monkeypatch.setattr(two_lanes._Lanes, "take", take_until_started)
    with run(interrupted, instance) as result:
        assert not result.success
    (of,) = instance.get_runs()
    assert of.status == dg.DagsterRunStatus.FAILURE
    assert "never" not in ORDER
    failed = [e for e in instance.all_logs(of.run_id) if e.dagster_event_type == dg.DagsterEventType.STEP_FAILURE]
    assert [e.step_key for e in failed] == ["long_one"]
    assert not [t for t in threading.enumerate() if t.name.startswith("step ")]
