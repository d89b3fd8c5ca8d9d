"""Backfill school years of the asset graph from the shell: `python -m la_assets.backfill --first 2021-22 --last 2022-23`.

It asks a running Dagster (`make ui`) for an asset-graph backfill, the same as the UI's button does, waits, and says what ran.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from la_assets.dagster_api import DagsterUnreachable, query
from la_resources import school_year

_LAUNCH = """mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } ... on UnauthorizedError { message }
  ... on PartitionKeysNotFoundError { message } ... on InvalidSubsetError { message } } }"""
_CANCEL = "mutation($id: String!) { cancelPartitionBackfill(backfillId: $id) { __typename } }"
_STATUS = """query($id: String!) { partitionBackfillOrError(backfillId: $id) { __typename
  ... on PartitionBackfill { status error { message } } ... on BackfillNotFoundError { message } ... on PythonError { message } } }"""
_RUNS = """query($id: String!) { runsOrError(filter: {tags: [{key: "dagster/backfill", value: $id}]}) { __typename
  ... on PythonError { message }
  ... on Runs { results { runId status tags { key value } assetSelection { path }
    stats { ... on RunStatsSnapshot { stepsSucceeded stepsFailed } } } } } }"""
_FAILURES = """query($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events { __typename
  ... on ExecutionStepFailureEvent { stepKey error { message cause { message } } }
  ... on RunFailureEvent { message } } } } }"""
_ASSETS = "query { assetNodes { assetKey { path } partitionKeys } }"
_FINISHED = {"COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED", "COMPLETED"}


@dataclass(frozen=True)
class BackfillResult:
    """How a backfill ended: its id, whether every run succeeded, seconds, and one line per failed step."""

    backfill_id: str
    succeeded: bool
    runs: int
    seconds: float
    failures: list[str] = field(default_factory=list)


def backfill(
    url: str,
    school_years: Sequence[str],
    tables: Sequence[str] = (),
    *,
    title: str = "",
    launched: Callable[[str], None] = lambda _: None,
    progress: Callable[[str], None] = lambda _: None,
) -> BackfillResult:
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
    launched : callable
        Told the backfill's id once it is there, before anything is waited for.
    progress : callable
        Told what is going on, whenever that changes.

    Raises
    ------
    ValueError
        If the graph has no such table or school year.
    RuntimeError
        If Dagster refuses the backfill.
    """
    started = time.monotonic()
    nodes = {".".join(node["assetKey"]["path"]): node["partitionKeys"] for node in query(url, _ASSETS)["assetNodes"]}
    chosen = _known(tables or sorted(nodes), nodes, "table")
    keys = [school_year.partition_key(year) for year in school_years]
    there = [school_year.of_partition_key(key) for key in nodes[chosen[0]]]
    _known(school_years, there, "school year")
    params = {
        "assetSelection": [{"path": name.split(".")} for name in chosen],
        "partitionNames": keys,
        "title": title or (school_years[0] if len(keys) == 1 else f"{school_years[0]} to {school_years[-1]}"),
    }
    answer = query(url, _LAUNCH, {"params": params})["launchPartitionBackfill"]
    if answer["__typename"] != "LaunchBackfillSuccess":
        raise RuntimeError(f"Dagster refused the backfill: {answer.get('message', answer['__typename'])}")
    backfill_id = answer["backfillId"]
    launched(backfill_id)
    said = ""
    while True:
        status = query(url, _STATUS, {"id": backfill_id})["partitionBackfillOrError"]
        if "status" not in status:
            raise RuntimeError(f"backfill {backfill_id} cannot be followed: {status.get('message', status['__typename'])}")
        runs = _runs(url, backfill_id)
        if (now := _state(runs)) != said:
            progress(said := now)
        complete = _built(runs) >= len(chosen) * len(keys)
        if complete or status["status"] in _FINISHED:
            break
        time.sleep(1)
    failures = [line for run in runs if run["status"] != "SUCCESS" for line in _step_failures(url, run["runId"])]
    if status.get("error"):
        failures.append(status["error"]["message"])
    succeeded = complete or (status["status"] in {"COMPLETED_SUCCESS", "COMPLETED"} and all(run["status"] == "SUCCESS" for run in runs))
    return BackfillResult(backfill_id, succeeded, len(runs), time.monotonic() - started, failures)


def cancel(url: str, backfill_id: str) -> None:
    """Ask Dagster to cancel a backfill, so that it does not go on when the daemon starts the next time."""
    query(url, _CANCEL, {"id": backfill_id})


def _known(names: Sequence[str], there: Any, what: str) -> list[str]:
    if unknown := [name for name in names if name not in there]:
        raise ValueError(f"no {what} {', '.join(unknown)} in the graph; it has {', '.join(sorted(there))}")
    return list(names)


def _runs(url: str, backfill_id: str) -> list[dict[str, Any]]:
    answer = query(url, _RUNS, {"id": backfill_id})["runsOrError"]
    if "results" not in answer:
        raise RuntimeError(f"the runs of backfill {backfill_id} cannot be listed: {answer.get('message', answer['__typename'])}")
    runs: list[dict[str, Any]] = answer["results"]
    return runs


def _built(runs: Sequence[dict[str, Any]]) -> int:
    """Partitions of tables that the successful runs cover; the daemon itself notices up to 30 seconds later that all are done."""
    return sum(len(run["assetSelection"] or ()) * _years_of_run(run) for run in runs if run["status"] == "SUCCESS")


def _years_of_run(run: dict[str, Any]) -> int:
    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    if "dagster/partition" in tags:
        return 1
    first, last = (school_year.of_partition_key(tags[f"dagster/asset_partition_range_{end}"]) for end in ("start", "end"))
    return len(years_between(first, last))


def _state(runs: Sequence[dict[str, Any]]) -> str:
    if not runs:
        return "waiting for Dagster's daemon to start the runs"
    stats = [run.get("stats") or {} for run in runs]
    done, failed = (sum(s.get(f"steps{end}") or 0 for s in stats) for end in ("Succeeded", "Failed"))
    going = sum(run["status"] in {"QUEUED", "NOT_STARTED", "STARTING", "STARTED"} for run in runs)
    return f"{len(runs)} run(s), {going} of them going on: {done} steps done" + (f", {failed} failed" if failed else "")


def _step_failures(url: str, run_id: str) -> list[str]:
    events = query(url, _FAILURES, {"id": run_id})["logsForRun"].get("events", [])
    failed = [e for e in events if e["__typename"] == "ExecutionStepFailureEvent"]
    steps = [f"{e['stepKey']}: {((e['error'] or {}).get('cause') or e['error'] or {}).get('message', 'failed').strip()}" for e in failed]
    return steps or [f"run {run_id}: {e['message']}" for e in events if e["__typename"] == "RunFailureEvent"]


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
    except KeyboardInterrupt:
        print("\nNo longer waiting; the backfill goes on in Dagster, where its page can cancel it.", file=sys.stderr)
        return 130
    except (DagsterUnreachable, RuntimeError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"backfill {result.backfill_id}: {result.runs} run(s) in {result.seconds:.0f} s, {'succeeded' if result.succeeded else 'FAILED'}")
    for line in result.failures:
        print("  " + line, file=sys.stderr)
    return 0 if result.succeeded else 1


if __name__ == "__main__":
    sys.exit(main())
