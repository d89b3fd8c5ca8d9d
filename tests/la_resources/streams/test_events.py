"""What becomes of the bytes of a record: rows of events, and a status with the payload for what is none."""

import base64
import csv
import datetime as dt
import hashlib
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from la_resources.streams import events
from la_resources.streams.batches import content
from la_resources.streams.events import COLUMNS, ENVELOPE, EVENT_TYPES, STATUSES, Record, Row, row_of

from .desk import FIRST_YEAR, event

ARRIVED = dt.datetime(2026, 11, 20, 15, 0, tzinfo=dt.UTC)
HAPPENED = dt.datetime(2026, 11, 20, 8, 5, tzinfo=dt.timezone(dt.timedelta(hours=-5)))


def read(data: bytes | dict[str, Any], arrived: dt.datetime = ARRIVED) -> tuple[str, Row]:
    return row_of(Record("7", arrived, data if isinstance(data, bytes) else json.dumps(data).encode()), FIRST_YEAR)


def status(data: bytes | dict[str, Any]) -> str:
    return read(data)[1].get("status", "")


def test_an_attendance_mark_becomes_a_row_of_its_day_and_year() -> None:
    year, row = read(event("e1", "attendance", HAPPENED, absent=0.5, excused=True, tardy=None))
    assert year == "2026-27"
    assert row == {
        "sequence": "7", "arrived": "2026-11-20T15:00:00.000000Z", "event_id": "e1", "type": "attendance", "student_id": "1001",
        "event_time": "2026-11-20T13:05:00.000000Z", "date": "2026-11-20", "school_id": "0101", "absent": "0.5", "excused": "true",
    }  # fmt: skip


def test_the_day_of_an_event_in_the_evening_is_that_of_the_school_not_of_greenwich() -> None:
    evening = dt.datetime(2026, 11, 19, 21, 0, tzinfo=dt.timezone(dt.timedelta(hours=-5)))
    assert read(event("e1", at=evening))[1]["date"] == "2026-11-19"


def test_a_correction_names_the_day_it_corrects() -> None:
    assert read(event("e1", "attendance", HAPPENED, date="2026-06-03"))[0] == "2025-26"


@pytest.mark.parametrize(
    ("action", "counted"),
    [("submitted", {"submissions"}), ("submitted_late", {"submissions", "late"}), ("missing", {"missing"})],
)
def test_an_assignment_counts_as_what_became_of_it(action: str, counted: set[str]) -> None:
    row = read(event("e1", "assignment", HAPPENED, action=action))[1]
    assert {name for name in events.COUNTED if row.get(name) == "1"} == counted


def test_a_field_that_is_not_known_yet_is_passed_over() -> None:
    assert status(event("e1", at=HAPPENED, mood="fine")) == ""


UNFIT = {
    events.TOO_LARGE: [b"x" * 1_000_000],
    events.AGGREGATED: [b"\xf3\x89\x9a\xc2\x0a\x01"],
    events.NOT_UTF8: [b'{"event_id": "\xff\xfe"}'],
    events.NOT_JSON: [b"", b"hello", b'{"a": NaN}', b"[" * 60_000, b"{'a': 1}"],
    events.NOT_AN_EVENT: [
        b"[1, 2]", b"null", b"{}",
        {**event("e1", at=HAPPENED), "event_id": None},
        {**event("e1", at=HAPPENED), "schema_version": "1"},
        {**event("e1", at=HAPPENED), "schema_version": True},
        {**event("e1", at=HAPPENED), "event_time": "2026-11-20T08:05:00"},
        {**event("e1", at=HAPPENED), "event_time": "yesterday"},
        {**event("e1", at=HAPPENED), "event_time": "0001-01-01T00:00:00+10:00"},
        event("e1", at=HAPPENED, section_id={"id": 1}),
        event("e1", at=HAPPENED, section_id="s" * 201),
        event("e1", at=HAPPENED, section_id="a\nb"),
        event("e1", at=HAPPENED, minutes="12"),
        event("e1", at=HAPPENED, minutes=True),
        event("e1", at=HAPPENED, date="20.11.2026"),
        event("e1", "attendance", HAPPENED, absent=None),
        event("e1", "attendance", HAPPENED, excused="yes"),
        event("e1", "assignment", HAPPENED, action="eaten by the dog"),
    ],
    events.UNKNOWN_TYPE: [event("e1", "lunch", HAPPENED), {**event("e1", at=HAPPENED), "type": ["a"]}],
    events.FUTURE_VERSION: [event("e1", at=HAPPENED, schema_version=2)],
    events.CLOCK_IS_AHEAD: [event("e1", at=ARRIVED + dt.timedelta(days=1))],
    events.UNKNOWN_YEAR: [event("e1", at=HAPPENED, date="2018-06-30"), event("e1", at=HAPPENED, date="2027-07-01")],
}  # fmt: skip


@pytest.mark.parametrize(("wanted", "data"), [(name, data) for name, every in UNFIT.items() for data in every])
def test_what_is_no_event_has_a_status_a_reason_and_its_payload(wanted: str, data: bytes | dict[str, Any]) -> None:
    year, row = read(data)
    sent = data if isinstance(data, bytes) else json.dumps(data).encode()
    assert (year, row["status"], row["date"]) == ("2026-27", wanted, "2026-11-20")
    assert row["reason"]
    assert (row["payload_bytes"], row["payload_sha256"]) == (str(len(sent)), hashlib.sha256(sent).hexdigest())
    kept = row["payload"]
    kept_bytes = base64.b64decode(kept.removeprefix("base64:")) if kept.startswith("base64:") else kept.encode()
    assert kept_bytes == sent[: events.PAYLOAD_KEPT]


def test_every_status_is_tried() -> None:
    assert set(UNFIT) == set(STATUSES)


def test_a_clock_that_is_a_little_ahead_is_forgiven() -> None:
    assert status(event("e1", at=ARRIVED + events.CLOCK_AHEAD)) == ""
    assert status(event("e1", at=ARRIVED + events.CLOCK_AHEAD + dt.timedelta(seconds=1))) == events.CLOCK_IS_AHEAD


@given(
    st.binary(max_size=300)
    | st.recursive(st.none() | st.text() | st.floats() | st.integers(), st.lists).map(lambda x: json.dumps(x).encode())
)
def test_no_bytes_are_too_much(data: bytes) -> None:
    row = read(data)[1]
    assert row["status"] in STATUSES
    [again] = csv.DictReader(StringIO(content([row]).decode(), newline=""))
    assert {name: text for name, text in again.items() if text} == {name: text for name, text in row.items() if text}
    assert content([row]).count(b"\n") == 2, "a record is a line"


@given(
    st.dictionaries(
        st.sampled_from([f.name for f in ENVELOPE] + list(COLUMNS)), st.none() | st.text(max_size=5) | st.integers() | st.booleans()
    )
)
def test_no_mixture_of_fields_is_too_much(fields: dict[str, Any]) -> None:
    row = read({**event("e1", at=HAPPENED), **fields})[1]
    assert set(row) <= set(COLUMNS)


def test_the_page_for_those_who_send_tells_every_field_and_status() -> None:
    page = (Path(__file__).parents[3] / "docs" / "streams.md").read_text()
    missing = [name for name in STATUSES if f"| {name} |" not in page]
    missing += [f.name for f in ENVELOPE if f"| `{f.name}` |" not in page]
    missing += [
        f"{kind.name}.{f.name}" for kind in EVENT_TYPES.values() for f in kind.fields if f"| `{kind.name}` | `{f.name}` |" not in page
    ]
    assert missing == []
