"""Events of a stream with the daemon running: seconds from the put to the student's row of the mart.

A simulated day is played into a stream of four shards while attendance marks of chosen students are put, one a second. Each is watched for
in ``marts.student_360``, where it adds a day missed. One mark goes ahead of all: the first run after Dagster's start also loads the code
that later runs are forks of, and is told apart. Server of the stream: kinesis-local (``tests/kinesis_server``), so this says nothing
of the network to AWS. Everything else is what a district runs: web server, daemon, the sensor ``stream_arrivals``, its runs.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from bench.places import Place
from la_resources.school_year import of_date

SHARDS = 4
_PATIENCE = 180.0
_KEYS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_REGION": "us-east-1", "LA_STREAM": "bench"}


@dataclass
class Latencies:
    """Seconds from put to mart by student, and what went on meanwhile."""

    put: dict[str, float] = field(default_factory=dict)
    seen: dict[str, float] = field(default_factory=dict)
    first: float | None = None
    runs: int = 0
    events: int = 0

    @property
    def seconds(self) -> pl.Series:
        return pl.Series([self.seen[key] - at for key, at in self.put.items() if key in self.seen], dtype=pl.Float64)

    @property
    def unseen(self) -> int:
        return len(self.put.keys() - self.seen.keys())


def stream_latencies(place: Place, probes: int) -> Latencies:
    """Measure a place whose tables and marts of the newest year stand.

    Parameters
    ----------
    place : Place
        A simulated district.
    probes : int
        Marks that are watched for, one a second.
    """
    from tests.kinesis_server import kinesis_local

    from la_assets.dagster_api import switch_on
    from la_assets.local_dagster import free_port, running_dagster
    from la_resources.streams.kinesis import StreamSettings
    from la_resources.streams.producer import Sender, play
    from la_resources.streams.school_day import FIRST_BELL, LAST_LIGHT, planned_day

    with kinesis_local() as url, _set(place.environment() | _KEYS | {"LA_KINESIS_ENDPOINT": url}):
        sender = Sender(StreamSettings.from_environment())
        sender.create(SHARDS)
        day = _newest_day(place)
        planned = planned_day(place.landing, day, seed=int(time.time()))
        told_of = {each.event["student_id"] for each in planned if each.event["type"] == "attendance"}
        students = _students(place, day, probes + 1, told_of)
        found = Latencies(events=len(planned) + probes)
        with running_dagster(free_port()) as dagster:
            dagster.start_daemon()
            switch_on(dagster.url, ["stream_arrivals"])
            ahead = Latencies()
            _probe(place, day, dict([students.popitem()]), sender, ahead)
            found.first = next(iter(ahead.seconds), None)
            speed = (LAST_LIGHT - FIRST_BELL) / probes
            player = threading.Thread(target=play, args=(planned, sender.send, speed, lambda _: None), daemon=True)
            player.start()
            _probe(place, day, students, sender, found)
            player.join()
    return found


def _probe(place: Place, day: dt.date, students: Mapping[str, Mapping[str, Any]], sender: Any, found: Latencies) -> None:
    """Put a mark a second, and look at the mart whenever it was written."""
    mart = place.lake / "marts" / "student_360" / f"school_year={of_date(day)}" / "part.parquet"
    before, written = _missed(mart, list(students)), mart.stat().st_mtime_ns
    waiting = list(students.items())
    began, last_put = time.monotonic(), 0.0
    while waiting or (found.unseen and time.monotonic() - last_put < _PATIENCE):
        now = time.monotonic()
        if waiting and now >= began + len(found.put):
            key, mark = waiting.pop(0)
            sender.send([dict(mark) | {"event_time": dt.datetime.now(dt.UTC).isoformat()}])
            found.put[key] = last_put = time.monotonic()
        if mart.stat().st_mtime_ns != written:
            at, written, found.runs = time.monotonic(), mart.stat().st_mtime_ns, found.runs + 1
            told = _missed(mart, [key for key in found.put if key not in found.seen])
            found.seen |= {key: at for key, days in told.items() if days != before[key]}
        time.sleep(0.05)


def _missed(mart: Path, keys: list[str]) -> dict[str, float]:
    rows = pl.scan_parquet(mart).filter(pl.col("student_key").is_in(keys)).select("student_key", "days_absent").collect()
    return dict(rows.iter_rows())


def _newest_day(place: Place) -> dt.date:
    from la_assets.attendance.schema import DAILY
    from la_resources.lake import Lake

    lake = Lake(place.lake)
    found: dt.date = lake.scan(DAILY, lake.school_years(DAILY)[-1:]).select(pl.col("date").max()).collect().item()
    return found


def _students(place: Place, day: dt.date, count: int, others: set[str]) -> dict[str, dict[str, Any]]:
    """By student's key, a mark of absence for students of one school who were present on a day of which nobody else tells of them."""
    from la_assets.attendance.schema import DAILY
    from la_resources.lake import Lake
    from la_resources.privacy import Hasher, secret_from_environment

    label = of_date(day)
    at = Lake(place.lake).scan(DAILY, [label])
    by_student = at.filter(pl.col("date") == day).group_by("student_key").agg(schools=pl.len(), absent=pl.col("absent").sum())
    present = by_student.filter((pl.col("schools") == 1) & (pl.col("absent") == 0)).collect()["student_key"]
    [file] = (place.landing / "sis" / "school_enrollments").glob(f"*{label}*.csv")
    rows = (
        pl.read_csv(file, infer_schema=False)
        .filter(pl.col("PRIMARY_FLG") == "Y")
        .unique("STUDENT_NUMBER", keep="none", maintain_order=True)
    )
    rows = rows.with_columns(key=pl.Series(Hasher(secret_from_environment())("student", rows["STUDENT_NUMBER"].to_list())))
    chosen = rows.filter(pl.col("key").is_in(present.implode()), ~pl.col("STUDENT_NUMBER").is_in(others)).head(count)
    common = {"type": "attendance", "schema_version": 1, "date": day.isoformat(), "absent": 1, "excused": False}
    name = f"probe-{time.time_ns()}"
    return {
        key: {"event_id": f"{name}-{key}", "student_id": number, "school_id": school, **common}
        for key, number, school in chosen.select("key", "STUDENT_NUMBER", "SCHOOL_NO").iter_rows()
    }


@contextmanager
def _set(settings: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def main() -> None:
    """Measure the place and as many marks as the arguments say; the figures as a line of JSON."""
    found = stream_latencies(Place(Path(sys.argv[1])), int(sys.argv[2]))
    seconds = found.seconds
    quantiles = {f"p{q}": round(float(seconds.quantile(q / 100, "linear") or 0), 2) for q in (50, 95, 99)}
    print(
        json.dumps(
            {
                **quantiles,
                "first": found.first and round(found.first, 2),
                "marks": len(found.put),
                "never_seen": found.unseen,
                "runs": found.runs,
                "events": found.events,
            }
        )
    )


if __name__ == "__main__":
    main()
