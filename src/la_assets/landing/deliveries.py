"""New files of a tick become runs: which school years and tables they feed, and whether a run has them already.

A file that stands in ``landing.files`` as it is has been read; one whose content a recorded run was asked for is on its way. Neither is
asked for again, whichever sensor sees it. A tick opens a bounded number of files and bytes; a run's key is made of paths and
content hashes. How a sensor learns of files is its own business; what files hold is the intake's.
"""

import datetime as dt
import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import dagster as dg

from la_assets.landing.schema import FILES, QUARANTINE, TABLES
from la_assets.school_years import SCHOOL_YEARS, SchoolYear, current_school_year
from la_assets.yearly_tables import CADENCE_TAG, asset_key
from la_resources.contracts import Table
from la_resources.intake import Intake
from la_resources.lake import Lake
from la_resources.sources.archives import Refused, unpacked
from la_resources.sources.content_hash import content_hash
from la_resources.sources.definitions import definition_of, is_companion
from la_resources.sources.landed_file import LandedFile
from la_resources.streams.batches import SOURCE as STREAM

if TYPE_CHECKING:
    from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph

FILES_PER_TICK = 200
BYTES_PER_TICK = 256 * 2**20
"""A tick hashes what arrived; Dagster gives it a minute."""

EVERY_YEAR = "every year"
"""Where a file belongs whose rows may be of any year (an export of the latest test of each student)."""

ARRIVALS_TAG, CONTENTS_TAG = "landing/arrivals", "landing/contents"
_REMEMBERED = dt.timedelta(days=7)
_MOST_RUNS = 2000

Found = Literal["new", "read before", "run recorded", "gone", "later", "of the stream"]
"""``later``: the tick has opened as much as it may; ``of the stream``: a batch, which ``stream_arrivals`` asks a run for."""


@dataclass
class Delivery:
    """New files of one school year: each as path and content hash, and the landing tables they feed."""

    files: list[str] = field(default_factory=list)
    tables: set[str] = field(default_factory=set)


class NewFiles:
    """The files of a tick that no run has, by school year.

    Parameters
    ----------
    desk : Intake
        The intake that will read them.
    recorded : collection of str
        What runs were asked for, as :func:`recorded_contents` gives it.

    Attributes
    ----------
    deliveries : dict of str to Delivery
        By partition key, or ``EVERY_YEAR``.
    """

    def __init__(self, desk: Intake, recorded: Collection[str]) -> None:
        self.deliveries: dict[str, Delivery] = {}
        self._desk, self._recorded = desk, recorded
        self._ledger, self._read = _ledger(desk), desk.records()
        self._opened, self._bytes = 0, 0

    def add(self, path: str) -> tuple[Found, list[str]]:
        """Look at a file; what was found, and with ``new`` or ``run recorded`` the contents of the runs that it needs."""
        if path.partition("/")[0] == STREAM:
            return "of the stream", []
        try:
            arrived = self._desk.zone.file(path)
        except FileNotFoundError:
            return "gone", []
        inside = list(unpacked(arrived))
        if self._were_looked_at(inside):
            return "read before", []
        if self._opened and (self._opened >= FILES_PER_TICK or self._bytes + arrived.size > BYTES_PER_TICK):
            return "later", []
        self._opened, self._bytes = self._opened + 1, self._bytes + arrived.size
        told, tables = self._destination(inside)
        file = f"{path}:{_content_hash(arrived)}"
        contents = [_content(year, file) for year in told]
        if all(content in self._recorded for content in contents):
            return "run recorded", contents
        for year in told:
            delivery = self.deliveries.setdefault(year, Delivery())
            if file not in delivery.files:
                delivery.files.append(file)
            delivery.tables |= tables
        return "new", contents

    def run_requests(self, context: dg.SensorEvaluationContext) -> list[dg.RunRequest]:
        """A run for each school year."""
        graph = context.repository_def.asset_graph if context.repository_def else None
        return [_request(graph, self._desk.lake, year, new) for year, new in sorted(self.deliveries.items())]

    def _were_looked_at(self, inside: Sequence[LandedFile | Refused]) -> bool:
        """Whether all that a file holds stands in the ledger as it is now, and was not written to since it was read."""
        return all(
            ((f.path, f.size, f.modified) in self._ledger and (f.path not in self._read or self._read[f.path].own_mark in {"", f.mark}))
            or is_companion(f.path, self._desk.definitions)
            for f in (each.file if isinstance(each, Refused) else each for each in inside)
        )

    def _destination(self, inside: Sequence[LandedFile | Refused]) -> tuple[list[str], set[str]]:
        """Partition keys (or ``EVERY_YEAR``) of what a file holds, and the names of its landing tables; no table: nobody claims it.

        What tells no year, or one outside the partitions, goes to the current year: its run puts the file into quarantine, where it
        is seen. An unknown partition key would fail the whole tick. A file that replaces one of other years goes to those years too:
        they lose its rows.
        """
        labels: set[str] = set()
        tables: set[str] = set()
        for file in inside:
            if isinstance(file, Refused) or (definition := definition_of(file.path, self._desk.definitions)) is None:
                continue
            tables |= {record.table for record in definition.records}
            if definition.multi_year:
                return [EVERY_YEAR], tables
            labels |= self._desk.years_told(file, definition) or set()
            if before := self._read.get(file.path):
                labels |= set(before.school_years) if before.published else set()
        keys = {SchoolYear(label).key for label in labels}
        there = {key for key in keys if SCHOOL_YEARS.has_partition_key(key)}
        return sorted(there or {current_school_year().key}), tables


def recorded_contents(instance: dg.DagsterInstance) -> set[str]:
    """What the sensors' runs of the last days were asked for: a mark for each file's content in each school year."""
    since = dt.datetime.now(dt.UTC) - _REMEMBERED
    runs = instance.get_runs(dg.RunsFilter(tags={ARRIVALS_TAG: "yes"}, created_after=since), limit=_MOST_RUNS)
    return {content for run in runs for content in run.tags.get(CONTENTS_TAG, "").split()}


def rebuilt_by(tables: Collection[str], keys: Sequence[str], lake: Lake, graph: "BaseAssetGraph") -> list[dg.AssetKey]:
    """Every table that new files of some landing tables rebuild: those, the ledgers of the landing, and what hangs on them.

    Fitted models stay as they are, as in the night: the quarterly job fits them anew. A year that has none yet gets its models.
    """
    fed = [asset_key(table) for table in TABLES if table.name in tables or table in (FILES, QUARANTINE)]
    models = dg.AssetSelection.tag(CADENCE_TAG, "quarterly").resolve(graph)
    fitted = {key for key in models if all(lake.paths(Table(".".join(key.path), "", (), ()), [SchoolYear.of_key(k).label]) for k in keys)}
    return sorted(dg.AssetSelection.assets(*fed).downstream().resolve(graph) - fitted)


def _request(graph: "BaseAssetGraph | None", lake: Lake, year: str, delivery: Delivery) -> dg.RunRequest:
    """A run over the tables that the files feed, the two ledgers of the landing, and everything downstream of them."""
    keys = SCHOOL_YEARS.get_partition_keys() if year == EVERY_YEAR else [year]
    contents = " ".join(sorted(_content(year, file) for file in delivery.files))
    tags = {"landing/files": str(len(delivery.files)), ARRIVALS_TAG: "yes", CONTENTS_TAG: contents}
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


def _ledger(desk: Intake) -> set[tuple[str, int, dt.datetime]]:
    """Every file that a run has looked at, read or not, as the ledger of files has it: path, size, time of arrival."""
    return set(desk.lake.scan(FILES).select("source_file", "bytes", "landed_at").collect().iter_rows())


def _content_hash(file: LandedFile) -> str:
    try:
        return content_hash(file)
    except OSError:  # the landing puts the file into quarantine and says why it cannot be read
        return "unreadable"


def _content(year: str, file: str) -> str:
    """A short mark of a file's content in a school year: what a run's tag holds of it."""
    return hashlib.sha256(f"{year}:{file}".encode()).hexdigest()[:16]


def _run_key(year: str, files: list[str]) -> str:
    """The file's own path and hash where it is alone, else a digest of all of them."""
    if len(files) == 1:
        return f"{year}:{files[0]}"
    return f"{year}:{hashlib.sha256(chr(10).join(sorted(files)).encode()).hexdigest()}"
