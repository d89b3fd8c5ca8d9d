"""The arrival sensor: new files in the landing zone start the landing of exactly their school years and tables, and what hangs on them.

The cursor is the position in the landing zone (arrival time and path of the last file handled), so it survives restarts; a tick
opens a bounded number of files and bytes; a run's key is made of paths and content hashes, so the same files never run twice.
Files that stand in ``landing.files`` as they are (read by a backfill or the nightly run) are passed over. What files hold is the
intake's business.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dagster as dg

from la_assets.landing.assets import intake
from la_assets.landing.schema import FILES, QUARANTINE, TABLES
from la_assets.school_years import SCHOOL_YEARS, SchoolYear, current_school_year
from la_assets.yearly_tables import CADENCE_TAG, asset_key
from la_resources.contracts import Table
from la_resources.environments import LakeResource, LandingZoneResource
from la_resources.intake import Intake
from la_resources.lake import Lake
from la_resources.landing_zone import Arrival
from la_resources.receipts import FileRecord
from la_resources.sources.archives import Refused
from la_resources.sources.content_hash import content_hash
from la_resources.sources.definitions import definition_of, is_companion

if TYPE_CHECKING:
    from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph

FILES_PER_TICK = 200
BYTES_PER_TICK = 256 * 2**20
"""A tick hashes what arrived; Dagster gives it a minute."""

EVERY_YEAR = "every year"
"""Where a file belongs whose rows may be of any year (an export of the latest test of each student)."""


@dataclass
class Delivery:
    """New files of one school year: each as path and content hash, and the landing tables they feed."""

    files: list[str] = field(default_factory=list)
    tables: set[str] = field(default_factory=set)


@dg.sensor(
    name="landing_arrivals",
    target=dg.AssetSelection.all(),
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="New files in the landing zone: a run per school year that reads them and rebuilds what hangs on them.",
)
def landing_arrivals(
    context: dg.SensorEvaluationContext, landing_zone: LandingZoneResource, lake: LakeResource
) -> dg.SensorResult | dg.SkipReason:
    """One tick: the files that arrived since the last one, grouped by the school years that their content tells."""
    desk = intake(landing_zone, lake)
    waiting = desk.zone.arrivals(Arrival(**json.loads(context.cursor)) if context.cursor else None)
    if not waiting:
        return dg.SkipReason("no new file in the landing zone")
    ledger, read = _ledger(desk), desk.records()
    deliveries: dict[str, Delivery] = {}
    last, opened, size = waiting[0], 0, 0
    for arrival in waiting:
        if not _looked_at(desk, arrival.path, ledger, read):
            size += desk.zone.file(arrival.path).size
            if opened and (opened == FILES_PER_TICK or size > BYTES_PER_TICK):
                break
            opened += 1
            _sort_in(desk, arrival.path, deliveries)
        last = arrival
    cursor = json.dumps({"arrived": last.arrived, "path": last.path})
    if not deliveries:
        return dg.SensorResult(cursor=cursor, skip_reason=dg.SkipReason(f"{len(waiting)} file(s) found, all of them read before"))
    requests = [_request(context, desk.lake, year, new) for year, new in sorted(deliveries.items())]
    return dg.SensorResult(run_requests=requests, cursor=cursor)


def _sort_in(desk: Intake, path: str, deliveries: dict[str, Delivery]) -> None:
    """Add a file to the deliveries of its school years."""
    told, tables = destination(desk, path)
    for year in told:
        delivery = deliveries.setdefault(year, Delivery())
        delivery.files.append(f"{path}:{_content_hash(desk, path)}")
        delivery.tables |= tables


def destination(desk: Intake, path: str) -> tuple[list[str], set[str]]:
    """Partitions and landing tables of a file.

    A file whose year cannot be told, or lies outside the partitions, goes to the current year: its run puts the file into
    quarantine, where it is seen. An unknown partition key would fail the whole tick. A file that replaces one of other years
    goes to those years too: they lose its rows.

    Returns
    -------
    list of str
        Partition keys, or ``EVERY_YEAR``.
    set of str
        Names of landing tables; empty where nobody claims the file.
    """
    known = desk.records()
    labels: set[str] = set()
    tables: set[str] = set()
    for file in desk.zone.files([path]):
        if isinstance(file, Refused) or (definition := definition_of(file.path, desk.definitions)) is None:
            continue
        tables |= {record.table for record in definition.records}
        if definition.multi_year:
            return [EVERY_YEAR], tables
        labels |= desk.years_told(file, definition) or set()
        if before := known.get(file.path):
            labels |= set(before.school_years) if before.published else set()
    keys = {SchoolYear(label).key for label in labels}
    there = {key for key in keys if SCHOOL_YEARS.has_partition_key(key)}
    return sorted(there or {current_school_year().key}), tables


def _request(context: dg.SensorEvaluationContext, lake: Lake, year: str, delivery: Delivery) -> dg.RunRequest:
    """A run over the tables that the files feed, the two ledgers of the landing, and everything downstream of them."""
    keys = SCHOOL_YEARS.get_partition_keys() if year == EVERY_YEAR else [year]
    graph = context.repository_def.asset_graph if context.repository_def else None
    tags = {"landing/files": str(len(delivery.files))}
    if year == EVERY_YEAR:
        tags |= {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]}
    else:
        tags |= {"landing/school_year": SchoolYear.of_key(year).label}
    return dg.RunRequest(
        run_key=_run_key(year, delivery.files),
        partition_key=None if year == EVERY_YEAR else year,
        asset_selection=rebuilt_by(delivery.tables, keys, lake, graph) if graph else None,
        tags=tags,
    )


def rebuilt_by(tables: Collection[str], keys: Sequence[str], lake: Lake, graph: "BaseAssetGraph") -> list[dg.AssetKey]:
    """Every table that new files of some landing tables rebuild: those, the ledgers of the landing, and what hangs on them.

    Fitted models stay as they are, as in the night: the quarterly job fits them anew. A year that has none yet gets its models.
    """
    fed = [asset_key(table) for table in TABLES if table.name in tables or table in (FILES, QUARANTINE)]
    models = dg.AssetSelection.tag(CADENCE_TAG, "quarterly").resolve(graph)
    fitted = {key for key in models if all(lake.paths(Table(".".join(key.path), "", (), ()), [SchoolYear.of_key(k).label]) for k in keys)}
    return sorted(dg.AssetSelection.assets(*fed).downstream().resolve(graph) - fitted)


def _ledger(desk: Intake) -> set[tuple[str, int, dt.datetime]]:
    """Every file that a run has looked at, read or not, as the ledger of files has it: path, size, time of arrival."""
    return set(desk.lake.scan(FILES).select("source_file", "bytes", "landed_at").collect().iter_rows())


def _looked_at(desk: Intake, path: str, ledger: set[tuple[str, int, dt.datetime]], read: Mapping[str, FileRecord]) -> bool:
    """Whether a file (a zip: every member) stands in the ledger as it is now, and was not written to since it was read."""
    found = (file.file if isinstance(file, Refused) else file for file in desk.zone.files([path]))
    return all(
        ((f.path, f.size, f.modified) in ledger and (f.path not in read or read[f.path].own_mark in {"", f.mark}))
        or is_companion(f.path, desk.definitions)
        for f in found
    )


def _content_hash(desk: Intake, path: str) -> str:
    try:
        return content_hash(desk.zone.file(path))
    except OSError:  # the landing puts the file into quarantine and says why it cannot be read
        return "unreadable"


def _run_key(year: str, files: list[str]) -> str:
    """The file's own path and hash where it is alone, else a digest of all of them."""
    if len(files) == 1:
        return f"{year}:{files[0]}"
    return f"{year}:{hashlib.sha256(chr(10).join(sorted(files)).encode()).hexdigest()}"
