"""The consumer on a server with Kinesis's rules of shards: order, resharding, bounds, poison, and errors that say what to do."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.kinesis_server import KINESIS_LOCAL

from la_resources.streams import events
from la_resources.streams.checkpoints import Checkpoints
from la_resources.streams.consumer import Bounds, Consumer
from la_resources.streams.kinesis import IteratorExpiredError, Page, Stream, StreamError, ThrottledError

from .desk import Desk, event

pytestmark = pytest.mark.needs("node", str(KINESIS_LOCAL))
NewStream = Callable[..., Desk]


def ids(desk: Desk, table: str = "landing.lms_activity") -> list[str]:
    return desk.rows(table)["event_id"].to_list()


def test_events_become_rows_of_the_tables_that_the_rooms_read(desk: Desk) -> None:
    desk.put(event("l"), event("a", "attendance"), event("s", "assignment"), event("g", "grade"))
    consumed = desk.consume()
    [record] = desk.land()
    assert (consumed.records, len(consumed.files), consumed.idle) == (4, 1, True)
    assert (record.status, record.receipt.rows_loaded) == ("loaded", 4)
    assert ids(desk, "landing.attendance") == ["a"]
    assert sorted(ids(desk)) == ["l", "s"]
    assert desk.rows("landing.grades").select("letter", "percent", "grading_period").rows() == [("A", 95.0, "Q1")]


def test_nothing_new_lands_nothing(desk: Desk) -> None:
    assert (desk.consume().records, desk.files()) == (0, [])
    desk.put(event("1"))
    desk.consume()
    before = desk.files()
    assert (desk.consume().records, desk.files()) == (0, before)


def test_a_consumer_goes_on_where_the_one_before_it_was(desk: Desk) -> None:
    desk.put(event("1"), event("2"))
    desk.consume()
    desk.put(event("3"))
    desk.consume()
    desk.land()
    assert sorted(ids(desk)) == ["1", "2", "3"]


def test_a_batch_is_bounded_and_the_rest_follows(desk: Desk) -> None:
    desk.put(*(event(str(n)) for n in range(10)))
    assert [desk.consume(batch_records=4, records=4).records for _ in range(3)] == [4, 4, 2]
    assert len(desk.files()) == 3
    big = event("b", assignment_id="a" * 150)
    desk.put(*[big] * 10)
    assert desk.consume(batch_bytes=1, batch_records=3, records=1).records == 3


def test_poison_goes_to_quarantine_with_its_status_and_the_rest_goes_on(desk: Desk) -> None:
    desk.put(event("1"), b"\xff", b"not json", event("2", schema_version=9), b"x" * 1_000_000, event("3", minutes=2000), event("4"))
    consumed = desk.consume()
    assert dict(consumed.unfit) == {events.NOT_UTF8: 1, events.NOT_JSON: 1, events.FUTURE_VERSION: 1, events.TOO_LARGE: 1}
    [record] = desk.land()
    assert sorted(ids(desk)) == ["1", "4"]
    assert (record.receipt.rows_read, record.receipt.rows_loaded, record.receipt.rows_quarantined) == (7, 2, 5)
    found = desk.quarantined()
    assert len(found) == 5
    assert len(found.keys() - set(events.STATUSES)) == 1, "a value out of its range is the landing's to find"
    assert Path(desk.lake.root, "directory").stat().st_mode & 0o077 == 0, "payloads may name a child"


def test_events_of_two_school_years_land_in_a_file_each(desk: Desk) -> None:
    desk.put(event("1"), event("2", date="2025-09-02"))
    assert len(desk.consume().files) == 2
    desk.land()
    assert set(desk.rows("landing.lms_activity").select("event_id", "school_year").rows()) == {("1", "2026-27"), ("2", "2025-26")}


def test_a_parent_is_read_to_its_end_before_its_children(stream: NewStream) -> None:
    desk = stream(2)
    students = [str(n) for n in range(20)]
    desk.put(*(event(f"before-{s}", student_id=s) for s in students))
    desk.split("shardId-000000000000")
    desk.put(*(event(f"between-{s}", student_id=s) for s in students))
    desk.merge("shardId-000000000003", "shardId-000000000001")
    desk.put(*(event(f"after-{s}", student_id=s) for s in students))
    read: list[str] = []
    consumer = desk.consumer()
    consumer.log = lambda line: read.append(line.split(":")[0])
    assert consumer.run(Bounds(batch_records=4, poll=0.01)).records == 60
    desk.land()
    assert len(set(ids(desk))) == len(ids(desk)) == 60
    begins = {shard[-1]: read.index(shard) for shard in set(read)}
    ends = {shard[-1]: len(read) - read[::-1].index(shard) - 1 for shard in set(read)}
    assert ends["0"] < min(begins["2"], begins["3"])
    assert max(ends["1"], ends["3"]) < begins["4"]
    kept = Checkpoints(desk.lake.storage, _folder(desk)).all()
    assert sorted(name[-1] for name, checkpoint in kept.items() if checkpoint.drained) == ["0", "1", "3"]


def test_resharding_between_two_calls_is_followed(stream: NewStream) -> None:
    desk = stream()
    desk.put(event("1"))
    desk.consume()
    desk.split("shardId-000000000000")
    desk.put(event("2"), event("3", student_id="9"))
    assert desk.consume().records == 2
    desk.land()
    assert sorted(ids(desk)) == ["1", "2", "3"]


def _folder(desk: Desk) -> str:
    [folder] = Path(desk.lake.root, ".streams").iterdir()
    return folder.name


class Disturbed(Stream):
    """A stream whose pages fail now and then, as Kinesis's do; the records are real."""

    def __init__(self, desk: Desk, failure: StreamError, every: int) -> None:
        super().__init__(desk.settings)
        self.failure, self.every, self.asked = failure, every, 0

    def page(self, iterator: str, limit: int) -> Page:
        self.asked += 1
        if self.asked % self.every == 0:
            raise self.failure
        return super().page(iterator, min(limit, 3))


@pytest.mark.parametrize("failure", [IteratorExpiredError("expired"), ThrottledError("throttled")])
def test_expired_iterators_and_throttling_lose_and_repeat_nothing(desk: Desk, failure: StreamError) -> None:
    desk.put(*(event(str(n)) for n in range(10)))
    disturbed = Disturbed(desk, failure, every=2)
    consumer = Consumer(disturbed, desk.consumer().zone, desk.lake.storage, "2018-19")
    while not consumer.run(Bounds(seconds=5, poll=0.001)).idle:
        pass
    desk.land()
    assert sorted(ids(desk), key=int) == [str(n) for n in range(10)]
    assert disturbed.asked > 4


def test_an_iterator_that_always_expires_is_an_error_and_not_a_loop(desk: Desk) -> None:
    with pytest.raises(IteratorExpiredError, match="expired"):
        Consumer(Disturbed(desk, IteratorExpiredError("expired"), 1), desk.consumer().zone, desk.lake.storage, "2018-19").run()


def test_a_stream_that_is_not_there_is_named_with_the_next_step(desk: Desk) -> None:
    absent = Stream(replace(desk.settings, name="no-such-stream"))
    with pytest.raises(StreamError, match=r"no-such-stream .*there is none; create it, or correct LA_STREAM"):
        desk.consumer(absent).run()


def test_a_stream_that_cannot_be_reached_is_named_with_its_endpoint(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    unreachable = Stream(replace(desk.settings, endpoint="http://127.0.0.1:9"))
    with pytest.raises(StreamError, match=r"127\.0\.0\.1:9.*no answer"):
        desk.consumer(unreachable).run()


def test_a_lost_checkpoint_costs_reading_again_and_nothing_else(desk: Desk) -> None:
    desk.put(*(event(str(n)) for n in range(5)))
    desk.consume(batch_records=2)
    files = {path: path.stat().st_mtime_ns for path in desk.files()}
    for file in Path(desk.lake.root, ".streams").rglob("*.json"):
        file.unlink()
    desk.put(event("5"))
    desk.consume()
    assert {path: path.stat().st_mtime_ns for path in desk.files() if path in files} == files, "what stands is not written again"
    desk.land()
    assert sorted(ids(desk)) == [str(n) for n in range(6)], "batches are made again within the bounds that they had"


def test_a_stream_made_anew_under_its_name_is_read_from_its_beginning(desk: Desk) -> None:
    desk.put(event("1"))
    desk.consume()
    desk.client.delete_stream(StreamName=desk.name)
    until = time.monotonic() + 10
    while desk.name in desk.client.list_streams(Limit=100)["StreamNames"]:
        assert time.monotonic() < until
    born = time.time()
    while int(time.time()) == int(born):
        time.sleep(0.05)
    desk.client.create_stream(StreamName=desk.name, ShardCount=1)
    desk.active()
    desk.put(event("2"))
    assert desk.consume().records == 1
    desk.land()
    assert sorted(ids(desk)) == ["1", "2"]
