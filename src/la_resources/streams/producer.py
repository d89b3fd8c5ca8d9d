"""Plays a simulated school day into a stream at any speed: ``make stream``, or ``python -m la_resources.streams.producer``.

The day's clock starts when the player does and runs as many times faster as one likes; each event is sent when its moment comes, and
happened then. Meant for trying the stream on a simulated district; what it sends obeys the schema in ``docs/streams.md``.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from la_resources import aws
from la_resources.streams.kinesis import StreamError, StreamSettings
from la_resources.streams.school_day import FIRST_BELL, Planned, last_school_day, planned_day

AT_ONCE = 500
"""Records of one request: the most that Kinesis takes."""
_GATHERED = 0.2
"""Seconds for which events that fall due are gathered into one request, as Amazon's own library for senders does (half as long)."""
_SPOKEN_EVERY = 10.0
_ATTEMPTS = 8


class Sender:
    """Puts events into a stream, each student's into one shard."""

    def __init__(self, settings: StreamSettings) -> None:
        self.settings = settings
        self.client: Any = aws.client("kinesis", settings.region, settings.endpoint)

    def create(self, shards: int) -> None:
        """Make the stream if it is not there, and wait until it takes events."""
        names = self.client.list_streams(Limit=1000)["StreamNames"]
        if self.settings.name not in names:
            self.client.create_stream(StreamName=self.settings.name, ShardCount=shards)
        while self.client.describe_stream_summary(StreamName=self.settings.name)["StreamDescriptionSummary"]["StreamStatus"] != "ACTIVE":
            time.sleep(0.2)

    def send(self, events: Sequence[dict[str, Any]]) -> None:
        """Put events; those that the stream had no room for are put again.

        Raises
        ------
        StreamError
            If the stream is not there, or has no room for long.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        records = [{"Data": json.dumps(event, separators=(",", ":")).encode(), "PartitionKey": event["student_id"]} for event in events]
        for attempt in range(_ATTEMPTS):
            refused = []
            for start in range(0, len(records), AT_ONCE):
                batch = records[start : start + AT_ONCE]
                try:
                    told = self.client.put_records(StreamName=self.settings.name, Records=batch)["Records"]
                except (BotoCoreError, ClientError) as error:
                    raise StreamError(
                        f"putting events into the stream {self.settings.name}: {error}; see LA_STREAM and the role"
                    ) from error
                refused += [record for record, answer in zip(batch, told, strict=True) if answer.get("ErrorCode")]
            if not refused:
                return
            records = refused
            time.sleep(min(0.1 * 2**attempt, 3))
        raise StreamError(f"the stream {self.settings.name} has no room for {len(records):,} events in {_ATTEMPTS} attempts; add shards")


def play(planned: Sequence[Planned], send: Callable[[list[dict[str, Any]]], None], speed: float, say: Callable[[str], None] = print) -> int:
    """Send each event when its moment of the day comes, or a moment later with its neighbours; how many were sent.

    Parameters
    ----------
    planned : sequence of Planned
        In order.
    send : callable
        Takes events with their ``event_time``.
    speed : float
        Seconds of the day in a second; 0: as fast as they are taken.
    say : callable
        Told now and then how far the day is.
    """
    started, spoken, sent = time.monotonic(), time.monotonic(), 0
    while sent < len(planned):
        now = time.monotonic()
        second = FIRST_BELL + (now - started) * speed
        due = sent
        while due < len(planned) and due < sent + AT_ONCE and (not speed or planned[due].second <= second):
            due += 1
        if due > sent:
            at = dt.datetime.now(dt.UTC)
            send([each.event | {"event_time": (at + dt.timedelta(microseconds=n)).isoformat()} for n, each in enumerate(planned[sent:due])])
            sent = due
        else:
            time.sleep(min(max((planned[sent].second - second) / speed, _GATHERED), 1.0))
        if now - spoken > _SPOKEN_EVERY:
            spoken = now
            clock = dt.timedelta(seconds=int(planned[sent - 1].second if sent else FIRST_BELL))
            say(f"{clock} of the day: {sent:,} of {len(planned):,} events sent")
    return sent


def main(arguments: Sequence[str] | None = None) -> int:
    """Play a day; the process's exit code."""
    parser = argparse.ArgumentParser(prog="make stream", description="Play a simulated school day into the stream LA_STREAM.")
    parser.add_argument("--speed", type=float, default=600.0, help="seconds of the day in a second (600: the day in 80 s); 0: at once")
    parser.add_argument("--day", type=dt.date.fromisoformat, help="the day that is played (default: the last school day up to today)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, another course of the day, with events of its own")
    parser.add_argument("--create", type=int, default=0, metavar="SHARDS", help="make the stream first if it is not there")
    default = Path(os.environ.get("LA_LANDING_ROOT") or Path(os.environ.get("LA_DATA_ROOT", "data")) / "landing")
    parser.add_argument("--landing", type=Path, default=default, help="landing zone of a simulated district")
    told = parser.parse_args(arguments)
    settings = StreamSettings.from_environment()
    if not settings.name:
        print("LA_STREAM is not set: name the stream to play into (docs/streams.md)", file=sys.stderr)
        return 2
    try:
        day = told.day or last_school_day(told.landing, dt.date.today())
        planned = planned_day(told.landing, day, told.seed)
        sender = Sender(settings)
        if told.create:
            sender.create(told.create)
        print(f"{len(planned):,} events of {day} into {settings.name}", flush=True)
        play(planned, sender.send, told.speed)
    except (StreamError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
