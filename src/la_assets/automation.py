"""When things run: freshness policies, automation conditions, the nightly job and the sensor that evaluates them.

Policies and conditions are mapped over the whole graph here, in one place, so that no asset carries its own. Backfills of past
years are launched from the asset graph (or `python -m la_assets.backfill`), not from a job: only there does Dagster follow
the mappings between years.
"""

import datetime as dt
from collections.abc import Iterable

import dagster as dg

from la_assets.school_years import TIMEZONE, current_school_year
from la_assets.yearly_tables import CADENCE_TAG

SCHOOL_DAYS = "1-5"
SCHOOL_MONTHS = "1-5,8-12"
NIGHTLY = "0 2 * * *"
QUARTERLY = "0 4 15 1,4,7,10 *"

DAILY = dg.FreshnessPolicy.cron(
    deadline_cron=f"0 7 * {SCHOOL_MONTHS} {SCHOOL_DAYS}", lower_bound_delta=dt.timedelta(hours=24), timezone=TIMEZONE
)
"""Built in the 24 hours before 7:00 of every weekday in the months of school: a summer without runs is not a failure."""

WEEKLY = dg.FreshnessPolicy.cron(deadline_cron=f"0 7 * {SCHOOL_MONTHS} 1", lower_bound_delta=dt.timedelta(days=7), timezone=TIMEZONE)
"""Built in the week before Monday 7:00, in the months of school."""

QUARTERLY_MODELS = dg.FreshnessPolicy.cron(deadline_cron="0 7 16 1,4,7,10 *", lower_bound_delta=dt.timedelta(days=80), timezone=TIMEZONE)
"""Fitted in the 80 days before the morning after the quarterly run."""

DAILY_SCHEMAS = frozenset({"attendance", "engagement", "behavior", "roster", "directory", "access"})
"""Schemas whose sources deliver on school days; the others are held to the weekly policy."""


def policy_of(spec: dg.AssetSpec) -> dg.FreshnessPolicy:
    """The freshness policy of a table: quarterly for fitted models, daily where the source delivers daily, else weekly."""
    if _is_quarterly(spec):
        return QUARTERLY_MODELS
    return DAILY if spec.key.path[0] in DAILY_SCHEMAS else WEEKLY


def _an_input_changed() -> dg.AutomationCondition:
    """An input partition was updated since the last look, or is about to be.

    Dagster's ``any_deps_updated`` leaves out inputs whose run also had this table among its tables, whatever the years: after a
    run over everything in 2021-22 it would never tell the table of 2022-23 that its input changed. Here the order of the
    updates tells: what was built after its inputs is up to date.
    """
    changed = dg.AutomationCondition.newly_updated() | dg.AutomationCondition.will_be_requested()
    return dg.AutomationCondition.any_deps_match(changed).with_label("an_input_changed")


def keep_current() -> dg.AutomationCondition:
    """The default: rebuild the current year's partition when one of its inputs changed.

    It waits for inputs that are missing or being built. Only the newest partition is looked at: without that, opening the UI
    on a new machine would start every year at once.
    """
    changed = dg.AutomationCondition.any_deps_updated()
    rule: dg.AutomationCondition = dg.AutomationCondition.eager().with_label("keep_current")
    return rule.replace(changed, _an_input_changed())


def corrections() -> dg.AutomationCondition:
    """A fix to an old year is carried into exactly the years that depend on it.

    A partition of an earlier year that was built before is rebuilt when one of the input partitions it maps to was
    updated since; partitions never built stay untouched (they wait for a backfill), and the mapping decides how far
    the fix travels. The failure that taught it: a corrected grade file of 2021-22 whose three-year tables kept the old values.
    """
    return (
        _an_input_changed().since_last_handled()
        & ~dg.AutomationCondition.in_latest_time_window()
        & ~dg.AutomationCondition.missing()
        & ~dg.AutomationCondition.any_deps_in_progress()
        & ~dg.AutomationCondition.in_progress()
    ).with_label("corrections")


def _is_quarterly(spec: dg.AssetSpec) -> bool:
    return spec.tags.get(CADENCE_TAG) == "quarterly"


def automated(assets: Iterable[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """The assets with their freshness policy and automation condition.

    Landing tables react to files (the arrival sensor and the nightly schedule), not to other assets. Fitted models do not follow
    every change of the current year (a model that moves daily explains nothing): they are made anew by the quarterly job, and
    when a correction reaches a past year.
    """

    def with_rules(spec: dg.AssetSpec) -> dg.AssetSpec:
        condition = None if spec.metadata.get("landing") else corrections() if _is_quarterly(spec) else keep_current() | corrections()
        return spec.replace_attributes(freshness_policy=policy_of(spec), automation_condition=condition)

    return [asset.map_asset_specs(with_rules) for asset in assets]


AUTOMATION_SENSOR = dg.AutomationConditionSensorDefinition(
    "keep_current_and_corrections",
    target=dg.AssetSelection.all(),
    default_status=dg.DefaultSensorStatus.STOPPED,
    minimum_interval_seconds=120,
    description="Rebuilds what changed: the current year's tables, and the past years that a correction reaches.",
)

_MODELS = dg.AssetSelection.tag(CADENCE_TAG, "quarterly")

NIGHTLY_JOB = dg.define_asset_job(
    "nightly",
    selection=dg.AssetSelection.all() - _MODELS,
    description="Reads what landed and rebuilds every table of the current school year, with all checks; fitted models stay as they are.",
)

QUARTERLY_JOB = dg.define_asset_job(
    "quarterly_models",
    selection=_MODELS | _MODELS.downstream(),
    description="Fits the models of the current school year anew and makes what reads them, with all checks.",
)


@dg.schedule(job=NIGHTLY_JOB, cron_schedule=NIGHTLY, execution_timezone=TIMEZONE, name="nightly")
def nightly_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Every night at 2:00: the current school year, once.

    On 1 July the new year has no files yet; its tables come out empty, with their contracts, and block nothing.
    """
    year = current_school_year(context.scheduled_execution_time)
    night = context.scheduled_execution_time.date().isoformat()
    return dg.RunRequest(run_key=f"nightly:{night}", partition_key=year.key)


@dg.schedule(job=QUARTERLY_JOB, cron_schedule=QUARTERLY, execution_timezone=TIMEZONE, name="quarterly_models")
def quarterly_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """On the 15th of January, April, July and October at 4:00, after the nightly run: the current school year's models, once."""
    year = current_school_year(context.scheduled_execution_time)
    return dg.RunRequest(run_key=f"quarterly:{context.scheduled_execution_time.date().isoformat()}", partition_key=year.key)
