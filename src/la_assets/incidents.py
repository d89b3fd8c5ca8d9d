"""Sensors that see what went wrong, and that it is well again: a failed run, a table that is late.

A run that Dagster is about to repeat by itself is not an incident yet. A table built with success for the same years closes what a
failed run of it had opened. Who is told, and how, is ``la_resources.notifications``' business.
"""

import os

import dagster as dg
from dagster._core.definitions.freshness import FreshnessState

from la_assets.school_years import SCHOOL_YEARS, SchoolYear
from la_resources.environments import NotifierResource
from la_resources.notifications import Incident, Notifier, as_told

RUN_FAILED, LATE = "run failed", "table is late"
_RANGE = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
_EVERY = 60


@dg.run_failure_sensor(
    name="run_failures",
    minimum_interval_seconds=_EVERY,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Opens an incident for each table that a failed run should have built, and tells of it once.",
)
def run_failures(context: dg.RunFailureSensorContext, notifier: NotifierResource) -> dg.SkipReason | None:
    """One failed run."""
    run = context.dagster_run
    if run.tags.get("dagster/will_retry") == "true":
        return dg.SkipReason("Dagster repeats this run by itself")
    steps = {event.step_key or "": event for event in context.get_step_failure_events()}
    told = notifier.notifier()
    if not steps:
        what = context.failure_event.message or "the run ended before its first step did"
        told.open(
            _failed(tuple(sorted(k.to_user_string().replace("/", ".") for k in run.asset_selection or ())) or (run.job_name,), run, what)
        )
    for step, event in sorted(steps.items()):
        error = event.step_failure_data.error
        while error is not None and error.cause is not None:
            error = error.cause
        told.open(_failed((step.replace("__checks", "").replace("__", "."),), run, error.message if error else ""))
    return _sent(told, context)


@dg.run_status_sensor(
    name="run_recoveries",
    run_status=dg.DagsterRunStatus.SUCCESS,
    minimum_interval_seconds=_EVERY,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Closes the incidents of tables that a run has built since, and tells of it once.",
)
def run_recoveries(context: dg.RunStatusSensorContext, notifier: NotifierResource) -> dg.SkipReason | None:
    """One run that succeeded."""
    run, told = context.dagster_run, notifier.notifier()
    built = {key.to_user_string().replace("/", ".") for key in run.asset_selection or ()}
    years = set(_years(run))
    for incident in told.incidents():
        of_this_run = not run.asset_selection or set(incident.about) <= built or incident.about == (run.job_name,)
        if incident.kind == RUN_FAILED and of_this_run and set(incident.school_years) <= years:
            told.close(incident)
    return _sent(told, context)


@dg.sensor(
    name="late_tables",
    target=dg.AssetSelection.all(),
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Opens an incident for each table whose freshness policy fails, closes it when the policy passes, and tells of both once.",
)
def late_tables(context: dg.SensorEvaluationContext, notifier: NotifierResource) -> dg.SkipReason | None:
    """One look at what Dagster says of every table's freshness."""
    told = notifier.notifier()
    graph = context.repository_def.asset_graph if context.repository_def else None
    keys = sorted(graph.get_all_asset_keys()) if graph else []
    states = context.instance.get_freshness_state_records(keys)
    for key, state in sorted(states.items()):
        late = Incident(
            LATE,
            (key.to_user_string().replace("/", "."),),
            what="its freshness policy fails: it was not built in time",
            do="look at the table's page for the run that should have built it, and at landing.files for files that did not arrive",
            link=_link(f"assets/{key.to_user_string()}"),
        )
        if state.freshness_state == FreshnessState.FAIL:
            told.open(late)
        elif state.freshness_state == FreshnessState.PASS:
            told.close(late)
    return _sent(told, context)


def _failed(about: tuple[str, ...], run: dg.DagsterRun, error: str) -> Incident:
    return Incident(
        RUN_FAILED,
        about,
        tuple(_years(run)),
        what=as_told(error),
        do="open the run, read the error of the failed step, put right what it names, and re-execute the run from failure",
        link=_link(f"runs/{run.run_id}"),
    )


def _years(run: dg.DagsterRun) -> list[str]:
    """School years of a run."""
    first, last = (run.tags.get(tag, run.tags.get("dagster/partition")) for tag in _RANGE)
    if not first or not last:
        return []
    keys = [key for key in SCHOOL_YEARS.get_partition_keys() if first <= key <= last]
    return [SchoolYear.of_key(key).label for key in keys]


def _link(path: str) -> str:
    """Where people see it: ``LA_PUBLIC_URL`` is the UI's address."""
    base = os.environ.get("LA_PUBLIC_URL", "").rstrip("/")
    return f"{base}/{path}" if base else ""


def _sent(notifier: Notifier, context: dg.SensorEvaluationContext | dg.RunStatusSensorContext) -> dg.SkipReason | None:
    """Tell; what could not be sent stays in the outbox for the next look."""
    failures = notifier.send()
    for failure in failures:
        context.log.warning(f"not sent, kept for the next time: {failure}")
    return dg.SkipReason(f"{len(failures)} message(s) could not be sent and are kept") if failures else None


SENSORS = [run_failures, run_recoveries, late_tables]
