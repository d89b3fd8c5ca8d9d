"""The arrival sensor: new files in the landing zone start the landing of exactly their school years, and what hangs on it.

The cursor is the position in the landing zone (arrival time and path of the last file handled), so it survives restarts; a tick
looks at a bounded number of files; a run's key is made of paths and content hashes, so the same files never run twice.
"""

import hashlib
import json

import dagster as dg

from la_assets.landing.assets import intake
from la_assets.school_years import SCHOOL_YEARS, SchoolYear, current_school_year
from la_resources.environments import LakeResource, LandingZoneResource
from la_resources.intake import Intake
from la_resources.landing_zone import Arrival
from la_resources.sources.archives import Refused
from la_resources.sources.definitions import definition_of

FILES_PER_TICK = 200


@dg.sensor(
    name="landing_arrivals",
    target=dg.AssetSelection.all(),
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Starts a run per school year for the files that arrived since the last tick. Switch it on in production.",
)
def landing_arrivals(
    context: dg.SensorEvaluationContext, landing_zone: LandingZoneResource, lake: LakeResource
) -> dg.SensorResult | dg.SkipReason:
    """One tick: at most ``FILES_PER_TICK`` new files, grouped by the school years that their content tells."""
    desk = intake(landing_zone, lake)
    after = Arrival(**json.loads(context.cursor)) if context.cursor else None
    waiting = desk.zone.arrivals(after)
    if not waiting:
        return dg.SkipReason("no new file in the landing zone")
    arrivals = waiting[:FILES_PER_TICK]
    read_before = desk.unchanged_paths()
    by_year: dict[str, list[str]] = {}
    for arrival in arrivals:
        if arrival.path in read_before:
            continue
        print_of_file = f"{arrival.path}:{_content_hash(desk, arrival.path)}"
        for key in partition_keys(desk, arrival.path):
            by_year.setdefault(key, []).append(print_of_file)
    requests = [
        dg.RunRequest(
            run_key=_run_key(key, files),
            partition_key=key,
            tags={"landing/files": str(len(files)), "landing/school_year": SchoolYear.of_key(key).label},
        )
        for key, files in sorted(by_year.items())
    ]
    cursor = json.dumps({"arrived": arrivals[-1].arrived, "path": arrivals[-1].path})
    if not requests:
        return dg.SensorResult(cursor=cursor, skip_reason=dg.SkipReason("every new file was read already"))
    return dg.SensorResult(run_requests=requests, cursor=cursor)


def partition_keys(desk: Intake, path: str) -> list[str]:
    """The partitions a file belongs to.

    A file whose year cannot be told, or lies outside the partitions, goes to the current year: its run puts the file into
    quarantine, where it is seen. An unknown partition key would fail the whole tick.
    """
    labels: set[str] = set()
    for file in desk.zone.files([path]):
        definition = None if isinstance(file, Refused) else definition_of(file.path, desk.definitions)
        years = desk.years_told(file, definition) if definition and not isinstance(file, Refused) else None
        labels |= years or {current_school_year().label}
    keys = {SchoolYear(label).key for label in labels}
    known = {key for key in keys if SCHOOL_YEARS.has_partition_key(key)}
    return sorted(known or {current_school_year().key})


def _content_hash(desk: Intake, path: str) -> str:
    digest = hashlib.sha256()
    with desk.zone.file(path).open() as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _run_key(partition_key: str, files: list[str]) -> str:
    """The file's own path and hash where it is alone, else a digest of all of them."""
    if len(files) == 1:
        return f"{partition_key}:{files[0]}"
    return f"{partition_key}:{hashlib.sha256(chr(10).join(sorted(files)).encode()).hexdigest()}"
