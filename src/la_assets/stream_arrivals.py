"""The stream's sensor: a tick lands what is new in the stream as files, and asks for the run that carries them to the marts.

Which files wait for a run is told by the landing zone and the receipts alone, not by a cursor: a tick, a run or a daemon that was killed
leaves files without a receipt, and the next tick finds them. While a run of the stream is under way none is asked for; the next one reads
all that came meanwhile. A run that failed after it had read its files is asked for again, a few times: else the marts would wait for the
next event. The sensor of other arrivals passes over these files. What a run of the stream rebuilds is what can be had within
seconds (``TODAY``); scores, forecasts and workbooks follow in the night. Contracts and the tests of marts hold in every run. What only
reports (the checks, a fifth of a run's time) and what is not of a student, class or school (``WHOLE``) is done by a run in ``WHOLE_EVERY``.
"""

import datetime as dt
import hashlib
import logging
import time
from collections import defaultdict
from typing import TYPE_CHECKING

import dagster as dg

from la_assets.attendance.schema import UNMATCHED
from la_assets.landing.schema import ATTENDANCE, FILES, GRADES_POSTED, LMS_ACTIVITY, QUARANTINE
from la_assets.marts.schema import DISTRICT_OVERVIEW, EQUITY_GAPS
from la_assets.school_years import FIRST_SCHOOL_YEAR, SCHOOL_YEARS, SchoolYear, current_school_year
from la_assets.yearly_tables import asset_key
from la_resources.environments import LakeResource, LandingZoneResource
from la_resources.receipts import Receipts
from la_resources.storage import storage_at
from la_resources.streams.batches import SOURCE, year_of
from la_resources.streams.consumer import Bounds, Consumer
from la_resources.streams.kinesis import Stream, StreamError, StreamSettings

if TYPE_CHECKING:
    from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph

FED = (ATTENDANCE, LMS_ACTIVITY, GRADES_POSTED)
"""Landing tables that events feed."""

TODAY = frozenset({"attendance", "engagement", "coursework", "marts"})
"""Schemas through which a run of the stream follows the graph: today's attendance, activity and marks, and the marts of them."""

STREAM_TAG = "landing/stream"
BOUNDS = Bounds(seconds=15.0, records=100_000)
"""Of a tick; Dagster gives it a minute. 100,000 events are the hour of a district of 100,000 students."""

PATIENCE = 20.0
"""Seconds that a tick waits for events, or for the run under way to end: the next run begins at once, not with the next tick."""

ATTEMPT_TAG, MOST_ATTEMPTS = "landing/attempt", 3
"""The how-manieth run of the same files it is; what fails so often is left to people (a failed run is told of) and to the night."""

WHOLE_TAG, WHOLE_EVERY = "landing/whole", dt.timedelta(minutes=10)
"""A run that makes ``WHOLE`` and evaluates the checks of its tables too; one follows the last events. The night's run makes all."""

WHOLE = (UNMATCHED, DISTRICT_OVERVIEW, EQUITY_GAPS)
"""Tables in which a single mark cannot be seen, or that nobody waits for."""

_POLL = 0.25
_DAYS_BACK = 2
_LAST_RUNS = 20
_ENDED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE}
_UNDER_WAY = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


@dg.sensor(
    name="stream_arrivals",
    target=dg.AssetSelection.all(),
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Events of the stream LA_STREAM: landed as files, and a run that carries them to today's marts.",
)
def stream_arrivals(
    context: dg.SensorEvaluationContext, landing_zone: LandingZoneResource, lake: LakeResource
) -> dg.SensorResult | dg.SkipReason:
    """One tick: land what is new, and ask for a run as soon as files wait for one and none is under way."""
    settings = StreamSettings.from_environment()
    if not settings.name:
        return dg.SkipReason("LA_STREAM is not set: there is no stream to read; name one, or switch this sensor off")
    zone, memory = storage_at(landing_zone.root, "landing zone"), lake.lake().storage
    consumer = Consumer(Stream(settings), zone, memory, FIRST_SCHOOL_YEAR, context.log.info)
    until, events = time.monotonic() + PATIENCE, 0
    while True:
        busy, last = _is_under_way(context.instance, settings.name), time.monotonic() >= until
        if not busy or last:  # until the run ends the events are as safe in the stream, and make fewer and larger files
            events += _landed(consumer, context.log)
        waiting = unread(landing_zone, lake) if not busy or last else []
        if not busy and (requests := _requests(context, settings.name, waiting)):
            return dg.SensorResult(run_requests=requests)
        if last:
            wait = "wait for the run that is under way to end" if busy else "waits for a run"
            return dg.SkipReason(f"{events:,} events landed; {len(waiting) or 'no'} file(s) {wait}")
        time.sleep(_POLL)


def _landed(consumer: Consumer, log: logging.Logger) -> int:
    """Land what is new; how many events."""
    try:
        consumed = consumer.run(BOUNDS)
    except StreamError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    for warning in consumed.warnings:
        log.warning(warning)
    return consumed.records


def _is_under_way(instance: dg.DagsterInstance, stream: str) -> bool:
    return bool(instance.get_runs(dg.RunsFilter(tags={STREAM_TAG: stream}, statuses=_UNDER_WAY), limit=1))


def unread(landing_zone: LandingZoneResource, lake: LakeResource) -> list[str]:
    """Batch files of today and the days before that no run has read; older ones are left to the night's run."""
    zone = storage_at(landing_zone.root, "landing zone")
    since = (dt.datetime.now(dt.UTC).date() - dt.timedelta(days=_DAYS_BACK)).isoformat()
    folders = [f"{SOURCE}/{stream}/{day}" for stream in zone.folders(SOURCE) for day in zone.folders(f"{SOURCE}/{stream}") if day >= since]
    paths = [f"{folder}/{name}" for folder in folders for name in zone.names(folder) if year_of(name)]
    return Receipts(lake.lake().storage).without(paths)


def followed(graph: "BaseAssetGraph", *, whole: bool) -> list[dg.AssetKey]:
    """The tables of a run of the stream: what events feed, the ledgers of the landing, and what hangs on them within ``TODAY``.

    Parameters
    ----------
    graph : BaseAssetGraph
        The code location's.
    whole : bool
        With those of ``WHOLE``.
    """
    fed = {asset_key(table) for table in FED}
    reached, waiting = set(fed), list(fed)
    while waiting:
        near = {key for key in graph.get(waiting.pop()).child_keys if key.path[0] in TODAY} - reached
        reached |= near
        waiting += near
    left_out = set() if whole else {asset_key(table) for table in WHOLE}
    return sorted((reached | {asset_key(FILES), asset_key(QUARANTINE)}) - left_out)


def _by_year(paths: list[str]) -> dict[str, list[str]]:
    """Files by partition key; of a year that is no partition (yet), by that of the current year."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        key = SchoolYear(year_of(path.rpartition("/")[2])).key
        found[key if SCHOOL_YEARS.has_partition_key(key) else current_school_year().key].append(path)
    return found


def _requests(context: dg.SensorEvaluationContext, stream: str, waiting: list[str]) -> list[dg.RunRequest]:
    """A run for each year with files that wait, whose last run failed, or whose last runs were none of all there is."""
    graph = context.repository_def.asset_graph if context.repository_def else None

    def request(year: str, run_key: str, tags: dict[str, str]) -> dg.RunRequest:
        whole = _whole_is_due(context.instance, stream, year)
        tags |= {STREAM_TAG: stream, "landing/school_year": SchoolYear.of_key(year).label} | ({WHOLE_TAG: "yes"} if whole else {})
        assets, checks = followed(graph, whole=whole) if graph else None, None if whole else list[dg.AssetCheckKey]()
        return dg.RunRequest(run_key=f"{year}:{run_key}", partition_key=year, asset_selection=assets, asset_check_keys=checks, tags=tags)

    made = {}
    for year, paths in _by_year(waiting).items():
        digest = hashlib.sha256("\n".join(sorted(paths)).encode()).hexdigest()
        made[year] = request(year, digest, {"landing/files": str(len(paths))})
    for year, run in _last_runs(context.instance, stream).items():
        if year in made:
            continue
        if run.status is dg.DagsterRunStatus.FAILURE:
            attempt = int(run.tags.get(ATTEMPT_TAG, "1")) + 1
            if attempt <= MOST_ATTEMPTS:
                made[year] = request(year, f"after {run.run_id}", {ATTEMPT_TAG: str(attempt)})
        elif WHOLE_TAG not in run.tags and _whole_is_due(context.instance, stream, year):
            made[year] = request(year, f"all after {run.run_id}", {})
    return [made[year] for year in sorted(made)]


def _whole_is_due(instance: dg.DagsterInstance, stream: str, year: str) -> bool:
    since = dt.datetime.now(dt.UTC) - WHOLE_EVERY
    tags = {STREAM_TAG: stream, WHOLE_TAG: "yes", "dagster/partition": year}
    return not instance.get_runs(dg.RunsFilter(tags=tags, created_after=since), limit=1)


def _last_runs(instance: dg.DagsterInstance, stream: str) -> dict[str, dg.DagsterRun]:
    """By partition key, the last run of the stream in the last days that has ended well or failed."""
    since = dt.datetime.now(dt.UTC) - dt.timedelta(days=_DAYS_BACK)
    last: dict[str, dg.DagsterRun] = {}
    for run in instance.get_runs(dg.RunsFilter(tags={STREAM_TAG: stream}, created_after=since), limit=_LAST_RUNS):
        last.setdefault(run.tags.get("dagster/partition", ""), run)  # newest first
    return {year: run for year, run in last.items() if year and run.status in _ENDED}
