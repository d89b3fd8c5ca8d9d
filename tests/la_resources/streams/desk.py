"""Streams for tests: made on a server that speaks Kinesis, filled with events, landed in folders and read by the real intake."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from tests.kinesis_server import client

from la_assets.folding import each_event_once
from la_assets.landing.schema import LANDING_TABLES, QUARANTINE
from la_resources.intake import Intake
from la_resources.lake import Lake
from la_resources.landing_zone import FolderLandingZone
from la_resources.privacy import Hasher
from la_resources.receipts import FileRecord
from la_resources.sources.definitions import load_definitions
from la_resources.storage import FolderStorage
from la_resources.streams.consumer import Bounds, Consumed, Consumer
from la_resources.streams.kinesis import Stream, StreamSettings

FIRST_YEAR = "2018-19"
FED = ("landing.attendance", "landing.lms_activity", "landing.grades")
_SECRET = b"a secret of the stream's tests, long enough"
_numbers = itertools.count()


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0)


def event(event_id: str, kind: str = "lms_activity", at: dt.datetime | None = None, **more: Any) -> dict[str, Any]:
    """An event of today that breaks no rule, unless it is told to."""
    told: dict[str, dict[str, Any]] = {
        "lms_activity": {"section_id": "s1", "minutes": 1, "logins": 1},
        "attendance": {"school_id": "0101", "absent": 1, "excused": False},
        "assignment": {"section_id": "s1", "assignment_id": "a1", "action": "submitted"},
        "grade": {"section_id": "s1", "grading_period": "Q1", "letter": "A", "percent": 95},
    }
    envelope = {"event_id": event_id, "type": kind, "schema_version": 1, "student_id": "1001", "event_time": (at or now()).isoformat()}
    return envelope | told.get(kind, {}) | more


@dataclass
class Desk:
    """A stream and the places it is landed in."""

    url: str
    name: str
    folder: Path

    @property
    def client(self):
        return client(self.url)

    @property
    def zone(self) -> Path:
        return self.folder / "landing"

    @property
    def lake(self) -> Lake:
        return Lake(self.folder / "lake")

    @property
    def settings(self) -> StreamSettings:
        return StreamSettings(self.name, "us-east-1", self.url)

    def put(self, *events: dict[str, Any] | bytes, key: str = "") -> None:
        """Put events (or bytes) into the stream, each student's in one shard."""
        entries = [
            {
                "Data": e if isinstance(e, bytes) else json.dumps(e).encode(),
                "PartitionKey": key or (e["student_id"] if isinstance(e, dict) else "x"),
            }
            for e in events
        ]
        for start in range(0, len(entries), 500):
            told = self.client.put_records(StreamName=self.name, Records=entries[start : start + 500])
            assert told["FailedRecordCount"] == 0

    def split(self, shard: str) -> None:
        there = {s["ShardId"]: s for s in self.client.list_shards(StreamName=self.name)["Shards"]}[shard]["HashKeyRange"]
        middle = (int(there["StartingHashKey"]) + int(there["EndingHashKey"])) // 2
        self.client.split_shard(StreamName=self.name, ShardToSplit=shard, NewStartingHashKey=str(middle))
        self.active()

    def merge(self, shard: str, other: str) -> None:
        self.client.merge_shards(StreamName=self.name, ShardToMerge=shard, AdjacentShardToMerge=other)
        self.active()

    def active(self) -> None:
        """Wait until the stream is."""
        ends = time.monotonic() + 10
        while self.client.describe_stream_summary(StreamName=self.name)["StreamDescriptionSummary"]["StreamStatus"] != "ACTIVE":
            assert time.monotonic() < ends

    def consumer(self, stream: Stream | None = None) -> Consumer:
        return Consumer(stream or Stream(self.settings), FolderStorage(self.zone), self.lake.storage, FIRST_YEAR)

    def consume(self, **bounds: Any) -> Consumed:
        return self.consumer().run(Bounds(**{"seconds": 30.0, "poll": 0.01, **bounds}))

    def land(self) -> list[FileRecord]:
        """Read the landing zone into the lake, as the landing does."""
        intake = Intake(FolderLandingZone(self.zone), self.lake, load_definitions(), LANDING_TABLES, QUARANTINE, Hasher(_SECRET))
        years = sorted({path.name.split("_")[1] for path in self.files()})
        return intake.land(years, FED)

    def files(self) -> list[Path]:
        return sorted(self.zone.rglob("*.csv"))

    def rows(self, table: str) -> pl.DataFrame:
        """Landed rows, as they stand."""
        return self.lake.scan(LANDING_TABLES[table]).collect()

    def counted(self, table: str) -> pl.DataFrame:
        """Landed rows, each event once, in the order of event time."""
        return each_event_once(self.lake.scan(LANDING_TABLES[table])).sort("event_time", "event_id").collect()

    def quarantined(self) -> dict[str, int]:
        """Rows in quarantine by rule."""
        counted = self.lake.scan(QUARANTINE).group_by("rule").len().collect()
        return dict(counted.sort("rule").iter_rows())


def new_stream(url: str, folder: Path, shards: int = 1) -> Desk:
    """A new stream on a server, with a name of its own."""
    desk = Desk(url, f"district-{next(_numbers)}", folder)
    desk.client.create_stream(StreamName=desk.name, ShardCount=shards)
    desk.active()
    return desk
