"""What time does to a stream, on a server with Kinesis's rules of expiry and retention whose clock the test sets."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.kinesis_server import KINESALITE, kinesalite

from la_resources.streams.consumer import Bounds, Consumer
from la_resources.streams.kinesis import IteratorExpiredError, Page, Stream

from .desk import Desk, event, new_stream, now

pytestmark = pytest.mark.needs("node", str(KINESALITE))
HOUR = dt.timedelta(hours=1)


@dataclass
class Clock:
    """The server's clock: how far it is ahead."""

    file: Path

    def set(self, ahead: dt.timedelta) -> None:
        self.file.write_text(str(int(ahead.total_seconds() * 1000)))


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    made = Clock(tmp_path / "clock")
    made.set(dt.timedelta(0))
    return made


@pytest.fixture
def server(clock: Clock) -> Iterator[str]:
    with kinesalite(clock.file) as url:
        yield url


class Slow(Stream):
    """A stream whose reader lets six minutes pass after its second page."""

    def __init__(self, desk: Desk, clock: Clock) -> None:
        super().__init__(desk.settings)
        self.clock, self.asked, self.expired = clock, 0, 0

    def page(self, iterator: str, limit: int) -> Page:
        self.asked += 1
        if self.asked == 3:
            self.clock.set(dt.timedelta(minutes=6))
        try:
            return super().page(iterator, min(limit, 4))
        except IteratorExpiredError:
            self.expired += 1
            raise


def test_an_iterator_that_expired_is_renewed_after_the_last_record_fetched(server: str, clock: Clock, tmp_path: Path) -> None:
    desk = new_stream(server, tmp_path)
    desk.put(*(event(str(n)) for n in range(20)))
    slow = Slow(desk, clock)
    consumed = Consumer(slow, desk.consumer().zone, desk.lake.storage, "2018-19").run(Bounds(poll=0.01))
    desk.land()
    assert (slow.expired, consumed.records, len(consumed.files)) == (1, 20, 1)
    assert sorted(desk.rows("landing.lms_activity")["event_id"], key=int) == [str(n) for n in range(20)]


def test_records_that_the_stream_let_go_of_unread_are_told_of_and_the_rest_is_read(server: str, clock: Clock, tmp_path: Path) -> None:
    clock.set(-30 * HOUR)
    desk = new_stream(server, tmp_path)
    desk.put(event("read", at=now() - 31 * HOUR))
    assert desk.consume().warnings == []
    desk.put(event("gone", at=now() - 31 * HOUR))
    clock.set(dt.timedelta(0))
    desk.put(event("new"))
    consumed = desk.consume()
    [warning] = consumed.warnings
    assert "keeps 1 day" in warning
    assert "load the files of those days" in warning
    desk.land()
    assert sorted(desk.rows("landing.lms_activity")["event_id"]) == ["new", "read"]
