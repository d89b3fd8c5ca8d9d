"""Runs that somebody waits for pass the queue; all others wait in it."""

from __future__ import annotations

import dagster as dg
import pytest
from tests.served_dagster import ServedDagster
from tests.waiting import wait_until

from la_assets.dagster_api import LOCATION, query
from la_resources.school_year import partition_key

_LAUNCH = """mutation($run: ExecutionParams!) { launchRun(executionParams: $run) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
_ENDS = 120.0
"""Most seconds until a run of one small table has ended."""


@pytest.mark.parametrize(("tag", "queued"), [("landing/stream", False), ("landing/files", True)])
def test_a_run_of_the_stream_begins_without_waiting_in_the_queue(served_dagster: ServedDagster, tag: str, queued: bool) -> None:
    tags = {tag: "1", "dagster/partition": partition_key(served_dagster.school_year)}
    run = {
        "selector": {
            "repositoryLocationName": LOCATION,
            "repositoryName": "__repository__",
            "jobName": "__ASSET_JOB",
            "assetSelection": [{"path": ["coursework", "student_year"]}],
            "assetCheckSelection": [],
        },
        "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
    }
    answer = query(served_dagster.url, _LAUNCH, {"run": run})["launchRun"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    run_id = answer["run"]["runId"]
    with dg.DagsterInstance.get() as instance:
        wait_until(lambda: instance.get_run_by_id(run_id).is_finished, _ENDS)
        assert instance.get_run_by_id(run_id).status is dg.DagsterRunStatus.SUCCESS
        assert bool(instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_ENQUEUED)) is queued
        assert len(instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_STARTING)) == 1
