"""The player of a school day: its events say what the files of the day before say, obey the schema, and arrive."""

import datetime as dt
import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from tests.kinesis_server import KINESIS_LOCAL

from la_assets.engagement.lms_daily import added_up
from la_assets.landing.schema import LMS_ACTIVITY
from la_resources.streams import producer
from la_resources.streams.events import Record, row_of
from la_resources.streams.school_day import Planned, last_school_day, planned_day

from .desk import Desk, event

DAY = dt.date(2026, 11, 20)
CALENDAR = "SCHOOL_NO,CAL_DATE,DAY_TYPE,TERM_CD\n0101,11/19/2026,I,S1\n0101,11/20/2026,I,S1\n0101,11/23/2026,H,S1\n0101,11/30/2026,I,S1\n"
MARKS = "STUDENT_NUMBER,SCHOOL_NO,ATT_DATE,ABS_CODE,ABS_PORTION,TARDY_FLG,EARLY_DISM_FLG,MIN_ATT\n"
MARKS += (
    "1,0101,11/18/2026,U,1,N,N,0\n" + "".join(f"{n},0101,11/19/2026,U,1,N,N,0\n" for n in range(1, 61)) + "61,0101,11/19/2026,T,0,Y,N,370\n"
)
ACTIVITY = "student_number,section_id,activity_date,logins,minutes_active,page_views,submitted,submitted_late,missing,posts\n"
ACTIVITY += (
    "".join(f"{n},s{n % 4},2026-11-19,{n % 3 + 1},{n}.5,{n},2,1,1,1\n" for n in range(1, 41)) + "nobody,s1,2026-11-19,1,x,1,1,0,0,0\n"
)


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    files = {
        "sis/calendar/c_2026-27.csv": CALENDAR,
        "sis/attendance/attendance_2026-27_11.csv": MARKS,
        "lms/activity_2026-27_11.csv": ACTIVITY,
    }
    for path, content in files.items():
        file = tmp_path / "files" / path
        file.parent.mkdir(parents=True)
        file.write_text(content)
    return tmp_path / "files"


def test_the_last_school_day_is_one_with_instruction_that_has_come(landing: Path) -> None:
    assert last_school_day(landing, dt.date(2026, 11, 25)) == DAY
    with pytest.raises(FileNotFoundError, match="make backfill"):
        last_school_day(landing, dt.date(2025, 11, 25))


def test_a_day_says_what_the_day_before_said(landing: Path) -> None:
    events = {p.event["event_id"]: p.event for p in planned_day(landing, DAY)}
    assert {e["date"] for e in events.values()} == {"2026-11-20"}
    marks = [e for e in events.values() if e["type"] == "attendance"]
    corrections = [e for e in marks if e["tardy"] and e["student_id"] != "61"]
    assert len(marks) - len(corrections) == 61
    assert corrections
    activity = [e for e in events.values() if e["type"] == "lms_activity"]
    assert sum(e["logins"] for e in activity) == sum(n % 3 + 1 for n in range(1, 41))
    assert sum(e["page_views"] for e in activity) == sum(range(1, 41))
    assert sum(e["posts"] for e in activity) == 40
    actions = Counter(e["action"] for e in events.values() if e["type"] == "assignment")
    assert actions == {"submitted": 40, "submitted_late": 40, "missing": 40}


def test_a_day_is_the_same_day_again_and_another_seed_another(landing: Path) -> None:
    assert planned_day(landing, DAY) == planned_day(landing, DAY)
    one, other = ({p.event["event_id"] for p in planned_day(landing, DAY, seed)} for seed in (0, 1))
    assert one.isdisjoint(other)


def test_every_event_obeys_the_schema_and_some_come_twice(landing: Path) -> None:
    planned = planned_day(landing, DAY)
    now = dt.datetime.now(dt.UTC)
    unfit = [
        row["reason"]
        for p in planned
        if (row := row_of(Record("1", now, json.dumps(p.event | {"event_time": now.isoformat()}).encode()), "2018-19")[1]).get("status")
    ]
    assert unfit == []
    copies = [p.event for p in planned if Counter(q.event["event_id"] for q in planned)[p.event["event_id"]] == 2]
    assert copies
    assert len({json.dumps(copy, sort_keys=True) for copy in copies}) == len(copies) / 2, "a copy says the same"


def test_each_event_is_sent_when_its_moment_comes_and_in_order() -> None:
    sent: list[dict] = []
    planned = [Planned(producer.FIRST_BELL + n, event(str(n))) for n in range(10)]
    assert producer.play(planned, sent.extend, speed=100) == 10
    times = [dt.datetime.fromisoformat(e["event_time"]) for e in sent]
    assert [e["event_id"] for e in sent] == [str(n) for n in range(10)]
    assert times == sorted(times)
    assert dt.timedelta(seconds=0.08) <= times[-1] - times[0], "nine seconds of the day at a hundred times their speed"


def test_without_a_stream_the_player_says_what_to_set(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("LA_STREAM", raising=False)
    assert producer.main([]) == 2
    assert "LA_STREAM is not set" in capsys.readouterr().err


@pytest.mark.needs("node", str(KINESIS_LOCAL))
def test_a_day_that_was_played_is_in_the_tables(desk: Desk, landing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"LA_STREAM": f"{desk.name}-played", "LA_KINESIS_ENDPOINT": desk.url, "AWS_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    assert producer.main(["--speed", "0", "--day", str(DAY), "--landing", str(landing), "--create", "2"]) == 0
    played = Desk(desk.url, f"{desk.name}-played", desk.folder)
    played.consume()
    records = played.land()
    assert {record.status for record in records} == {"loaded"}
    days = added_up(played.lake.scan(LMS_ACTIVITY)).collect()
    assert days.select(pl.col("submissions", "late", "missing", "logins", "page_views").sum()).row(0) == (80, 40, 40, 80, 820)
    assert days.height == 40
