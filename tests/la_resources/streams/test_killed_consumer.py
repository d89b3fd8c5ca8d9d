"""Exactly once: consumers and landings are killed at any point of their work, and every event is in the table once, by event time.

``LA_STREAM_EVENTS`` sets the number of events of the long test (100,000 by default).
"""

import datetime as dt
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.kinesis_server import KINESALITE, KINESIS_LOCAL, kinesalite

from la_assets.engagement.lms_daily import added_up
from la_resources.streams.consumer import Bounds, Consumer

from .desk import Desk, event, new_stream, now
from .killing import LANDED, POINTS, killed, killed_landing

EVENTS = int(os.environ.get("LA_STREAM_EVENTS", "100000"))
ROUNDS = 26
SHARDS = 4


@pytest.fixture(scope="module")
def load() -> Iterator[str]:
    with kinesalite() as url:
        yield url


def nth(point: str, n: int) -> Callable[[str], bool]:
    """Whether a point is reached for the n-th time."""
    seen: Counter[str] = Counter()

    def is_it(reached: str) -> bool:
        seen[reached] += 1
        return reached == point and seen[point] == n

    return is_it


@pytest.mark.needs("node", str(KINESIS_LOCAL))
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_point_a_consumer_leaves_nothing_out_and_nothing_twice(desk: Desk, point: str) -> None:
    desk.put(*(event(str(n)) for n in range(10)))
    assert killed(desk, nth(point, 2), batch_records=4) == point
    desk.put(event("10"), event("11"))
    assert desk.consume(batch_records=5).idle
    desk.land()
    assert sorted(desk.rows("landing.lms_activity")["event_id"], key=int) == [str(n) for n in range(12)], "no copy even before folding"


@pytest.mark.needs("node", str(KINESIS_LOCAL))
def test_between_landing_and_checkpoint_the_batch_that_stands_is_made_again_and_left_alone(desk: Desk) -> None:
    desk.put(event("1"), event("2"))
    assert killed(desk, nth(LANDED, 1)) == LANDED
    [file] = desk.files()
    before = file.stat()
    desk.put(event("3"))
    consumed = desk.consume()
    assert (consumed.records, len(consumed.files)) == (3, 1)
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert len(desk.files()) == 2


@pytest.mark.needs("node", str(KINESIS_LOCAL))
def test_two_consumers_at_once_land_events_twice_and_count_them_once(desk: Desk) -> None:
    desk.put(*(event(str(n)) for n in range(9)))
    other: list[int] = []

    class Overtaken(Consumer):
        """A consumer that another overtakes after its first batch."""

        def _land(self, *arguments: Any) -> Any:
            if not other:
                other.append(desk.consume(batch_records=2).records)
            return super()._land(*arguments)

    told = desk.consumer()
    Overtaken(told.stream, told.zone, told.memory, told.first_year).run(Bounds(batch_records=4))
    assert other == [9]
    desk.land()
    assert len(desk.rows("landing.lms_activity")) > 9
    assert sorted(desk.counted("landing.lms_activity")["event_id"], key=int) == [str(n) for n in range(9)]


def a_day(rng: random.Random) -> list[dict[str, Any]]:
    """Events of many students in no order of time, one in a hundred sent twice."""
    begins = now() - dt.timedelta(hours=20)
    made = []
    for n in range(EVENTS):
        at = begins + dt.timedelta(microseconds=rng.randrange(20 * 3600 * 10**6))
        made.append(event(f"e{n:06d}", at=at, student_id=str(n % 997), minutes=rng.randrange(8), date=begins.date().isoformat()))
        if n % 100 == 0:
            made.append(made[-1])
    return made


@pytest.mark.needs("node", str(KINESALITE))
def test_after_two_dozen_kills_over_four_shards_and_a_reshard_each_event_is_in_the_table_once(load: str, tmp_path: Path) -> None:
    rng = random.Random(20261125)
    desk = new_stream(load, tmp_path, SHARDS)
    sent = a_day(rng)
    ends: Counter[str] = Counter()
    share = len(sent) // ROUNDS + 1
    bounds = {"batch_records": share // 4}
    for round_ in range(ROUNDS):
        desk.put(*sent[round_ * share : (round_ + 1) * share])
        if round_ == ROUNDS // 2:
            desk.split("shardId-000000000001")
        point, n = rng.choice(POINTS), rng.randrange(1, 9)
        ends[killed(desk, nth(point, n), **bounds) or "its end"] += 1
    assert [killed_landing(desk, rng.randrange(1, 60)) for _ in range(3)] == [True] * 3
    last = desk.consume(**bounds)
    assert last.idle
    assert last.records < len(sent) / 2, "the killed ones did most of the work"
    desk.land()
    print(f"ends: {dict(ends)}; left for the last consumer: {last.records:,} of {len(sent):,}")
    assert sum(ends[point] for point in POINTS) >= 20, ends
    assert all(ends[point] for point in POINTS), ends
    landed, counted = desk.rows("landing.lms_activity"), desk.counted("landing.lms_activity")
    assert len(landed) == len(sent), "each record of the stream is landed once"
    assert counted["event_id"].n_unique() == len(counted) == EVENTS
    assert set(counted["event_id"]) == {e["event_id"] for e in sent}
    times = {e["event_id"]: dt.datetime.fromisoformat(e["event_time"]) for e in sent}
    assert counted["event_time"].is_sorted()
    assert counted.select("event_id", "event_time").rows() == sorted(times.items(), key=lambda each: each[::-1])
    whole = added_up(landed.lazy()).select(pl.col("minutes").sum(), pl.len()).collect().row(0)
    once = {e["event_id"]: e for e in sent}.values()
    assert whole == (sum(e["minutes"] for e in once), len({e["student_id"] for e in once}))
