"""Backfill school years of the asset graph from the shell: `python -m la_assets.backfill --first 2021-22 --last 2022-23`.

It asks a running Dagster (`make ui`) for an asset-graph backfill, the same as the UI's button does, waits, and says what ran.
Without a running Dagster, :func:`running_dagster` starts one for as long as it is needed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from la_resources import school_year

_LAUNCH = """mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
_STATUS = """query($id: String!) { partitionBackfillOrError(backfillId: $id) { __typename
  ... on PartitionBackfill { status error { message } } ... on PythonError { message } } }"""
_RUNS = """query($id: String!) { runsOrError(filter: {tags: [{key: "dagster/backfill", value: $id}]}) { __typename
  ... on Runs { results { runId status startTime endTime stats { ... on RunStatsSnapshot { stepsFailed } } } } } }"""
_FAILURES = """query($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events { __typename
  ... on ExecutionStepFailureEvent { stepKey error { message cause { message } } } } } } }"""
_ASSETS = "query { assetNodes { assetKey { path } } }"
_FINISHED = {"COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED", "COMPLETED"}


class DagsterUnreachable(RuntimeError):
    """No Dagster answers at the address."""


@dataclass(frozen=True)
class BackfillResult:
    """How a backfill ended: its id, whether every run succeeded, seconds, and one line per failed step."""

    backfill_id: str
    succeeded: bool
    runs: int
    seconds: float
    failures: list[str] = field(default_factory=list)


def query(url: str, text: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
    """One GraphQL request to Dagster's web server.

    Raises
    ------
    DagsterUnreachable
        If nothing answers at ``url``.
    RuntimeError
        If the answer is an error; with its messages.
    """
    body = json.dumps({"query": text, "variables": variables or {}}).encode()
    request = urllib.request.Request(f"{url}/graphql", body, {"Content-Type": "application/json"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            content = json.load(answer)
    except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
        raise DagsterUnreachable(f"no Dagster answers at {url} ({error}); start one with `make ui`") from error
    if content.get("errors"):
        raise RuntimeError("; ".join(e["message"] for e in content["errors"]))
    data: dict[str, Any] = content["data"]
    return data


def backfill(url: str, school_years: Sequence[str], tables: Sequence[str] = (), *, title: str = "") -> BackfillResult:
    """Backfill some school years of some tables (all, if none is named) and wait for the end.

    Parameters
    ----------
    url : str
        Address of Dagster's web server.
    school_years : sequence of str
        ``2021-22`` and so on.
    tables : sequence of str
        ``schema.table`` names.
    title : str
        Shown on the backfill's page.
    """
    started = time.monotonic()
    paths = [t.split(".") for t in tables] or [node["assetKey"]["path"] for node in query(url, _ASSETS)["assetNodes"]]
    params = {
        "assetSelection": [{"path": path} for path in paths],
        "partitionNames": [school_year.partition_key(year) for year in school_years],
        "title": title or f"{school_years[0]} to {school_years[-1]}",
    }
    launched = query(url, _LAUNCH, {"params": params})["launchPartitionBackfill"]
    if launched["__typename"] != "LaunchBackfillSuccess":
        raise RuntimeError(f"Dagster refused the backfill: {launched.get('message', launched['__typename'])}")
    backfill_id = launched["backfillId"]
    while True:
        status = query(url, _STATUS, {"id": backfill_id})["partitionBackfillOrError"]
        if status.get("status") in _FINISHED:
            break
        time.sleep(1)
    runs = query(url, _RUNS, {"id": backfill_id})["runsOrError"]["results"]
    failures = [line for run in runs if run["status"] != "SUCCESS" for line in _step_failures(url, run["runId"])]
    if status.get("error"):
        failures.append(status["error"]["message"])
    succeeded = status["status"] in {"COMPLETED_SUCCESS", "COMPLETED"} and all(run["status"] == "SUCCESS" for run in runs)
    return BackfillResult(backfill_id, succeeded, len(runs), time.monotonic() - started, failures)


def _step_failures(url: str, run_id: str) -> list[str]:
    events = query(url, _FAILURES, {"id": run_id})["logsForRun"].get("events", [])
    failed = [e for e in events if e["__typename"] == "ExecutionStepFailureEvent"]
    return [f"{e['stepKey']}: {((e['error'] or {}).get('cause') or e['error'] or {}).get('message', 'failed').strip()}" for e in failed]


@contextmanager
def running_dagster(port: int, *, wait_seconds: float = 120) -> Iterator[str]:
    """A Dagster web server and daemon of our own at 127.0.0.1, stopped on leaving; its address.

    Raises
    ------
    RuntimeError
        If the port is taken or the server does not come up in time.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise RuntimeError(f"port {port} is taken ({error.strerror}); choose another, e.g. `make demo PORT={port + 1}`") from error
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "dagster", "dev", "--workspace", "workspace.yaml", "--host", "127.0.0.1", "--port", str(port)]
    environment = os.environ | {"DAGSTER_CLI_API_GRPC_CONTAINER": ""}
    process = subprocess.Popen([*command, "--log-level", "warning"], env=environment, start_new_session=True)  # noqa: S603
    try:
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                query(url, _ASSETS)
                break
            except DagsterUnreachable:
                if process.poll() is not None:
                    raise RuntimeError("Dagster stopped while starting; its messages stand above") from None
                if time.monotonic() > deadline:
                    raise RuntimeError(f"Dagster did not answer within {wait_seconds:.0f} s") from None
                time.sleep(0.5)
        yield url
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def years_between(first: str, last: str) -> list[str]:
    """The school years from ``first`` to ``last``, both included."""
    count = school_year.start_year(last) - school_year.start_year(first)
    if count < 0:
        raise ValueError(f"{first} is after {last}")
    return [school_year.shift(first, n) for n in range(count + 1)]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", required=True, help="first school year, e.g. 2021-22")
    parser.add_argument("--last", help="last school year (default: the first)")
    parser.add_argument("--tables", nargs="*", default=[], help="schema.table names (default: the whole graph)")
    parser.add_argument("--url", default="http://127.0.0.1:3000", help="address of a running Dagster (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        result = backfill(options.url, years_between(options.first, options.last or options.first), options.tables)
    except (DagsterUnreachable, RuntimeError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"backfill {result.backfill_id}: {result.runs} run(s) in {result.seconds:.0f} s, {'succeeded' if result.succeeded else 'FAILED'}")
    for line in result.failures:
        print("  " + line, file=sys.stderr)
    return 0 if result.succeeded else 1


if __name__ == "__main__":
    sys.exit(main())
