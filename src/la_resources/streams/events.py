"""The events of a stream: the JSON schema with its version, and how the bytes of one record become a row of a batch file.

A record is one JSON object in UTF-8. What can be read becomes a row of texts, which the landing types and holds against the contracts
of its tables as it does with any file. What cannot be read becomes a row too, with a status that says why and the payload
as it came (its beginning), so that nothing is lost and nothing else has to wait. The outcome depends on the record alone, its time of
arrival in the stream included, never on the clock of this process: read again, a record gives the same row. ``docs/streams.md``
tells the same schema to those who send.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from la_resources import school_year

SCHEMA_VERSION = 1
"""The newest version that is understood. A field may be added within a version; a meaning changes only with a new one."""
LARGEST_EVENT = 64 * 1024
"""Bytes of a record from which on it is not read: an event has a few hundred."""
PAYLOAD_KEPT = 16 * 1024
"""Bytes kept of a payload that cannot be read."""
CLOCK_AHEAD = dt.timedelta(hours=1)
"""How far an event's time may lie after its arrival in the stream: clocks differ, time zones set wrong are found."""
LONGEST_TEXT = 200
_KPL_MAGIC = b"\xf3\x89\x9a\xc2"

Kind = Literal["text", "number", "whole", "flag", "day"]
Row = dict[str, str]

TOO_LARGE = "record too large"
AGGREGATED = "aggregated record"
NOT_UTF8 = "invalid UTF-8"
NOT_JSON = "not JSON"
NOT_AN_EVENT = "not an event"
UNKNOWN_TYPE = "unknown event type"
FUTURE_VERSION = "schema version from the future"
CLOCK_IS_AHEAD = "event time in the future"
UNKNOWN_YEAR = "unknown school year"
STATUSES = (TOO_LARGE, AGGREGATED, NOT_UTF8, NOT_JSON, NOT_AN_EVENT, UNKNOWN_TYPE, FUTURE_VERSION, CLOCK_IS_AHEAD, UNKNOWN_YEAR)
"""Why a record cannot be read; a row that can be has a blank status."""


@dataclass(frozen=True)
class Field:
    """A field of an event.

    Attributes
    ----------
    name : str
        Its name in the JSON object, and in the batch file.
    kind : str
        ``text``, ``number``, ``whole`` (number), ``flag`` (true or false) or ``day`` (``2026-11-20``).
    description : str
        For those who send it.
    required : bool
        Whether an event without it is no event.
    """

    name: str
    kind: Kind
    description: str
    required: bool = False


@dataclass(frozen=True)
class EventType:
    """A kind of event: what it says, and its fields besides those of the envelope."""

    name: str
    description: str
    fields: tuple[Field, ...]
    actions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


ENVELOPE = (
    Field("event_id", "text", "Names the event for ever; a copy has the same, a correction a new one. A UUID does.", required=True),
    Field("type", "text", "attendance, lms_activity, assignment or grade.", required=True),
    Field("schema_version", "whole", "The version of this schema that the event was written for: 1.", required=True),
    Field("event_time", "text", "When it happened, RFC 3339 with the offset from UTC: 2026-11-20T08:05:00-05:00.", required=True),
    Field("student_id", "text", "The student's number in the student system; the lake keeps a key in its place.", required=True),
    Field("date", "day", "The school day it belongs to; left out: the day of event_time at its own offset."),
)
EVENT_TYPES = {
    each.name: each
    for each in (
        EventType(
            "attendance",
            "The mark of a student for a day at a school, whole: the mark with the latest event_time is the day's.",
            (
                Field("school_id", "text", "School.", required=True),
                Field("absent", "number", "Share of the day missed, 0 to 1.", required=True),
                Field("excused", "flag", "The absence is excused."),
                Field("tardy", "flag", "Came late."),
                Field("early_dismissal", "flag", "Left early."),
                Field("minutes", "whole", "Minutes attended."),
            ),
        ),
        EventType(
            "lms_activity",
            "What a student did in a section since the last such event; the events of a day add up.",
            (
                Field("section_id", "text", "Section.", required=True),
                Field("logins", "whole", "Logins."),
                Field("minutes", "number", "Minutes active."),
                Field("page_views", "whole", "Page views."),
                Field("posts", "whole", "Discussion posts."),
            ),
        ),
        EventType(
            "assignment",
            "An assignment was handed in, or fell due without: counts in the day's activity of the section.",
            (
                Field("section_id", "text", "Section.", required=True),
                Field("assignment_id", "text", "Assignment.", required=True),
                Field("action", "text", "submitted, submitted_late or missing.", required=True),
            ),
            {"submitted": ("submissions",), "submitted_late": ("submissions", "late"), "missing": ("missing",)},
        ),
        EventType(
            "grade",
            "The mark of a student in a section for a grading period, whole: the one with the latest event_time stands.",
            (
                Field("section_id", "text", "Section.", required=True),
                Field("grading_period", "text", "Grading period, as in the mark files.", required=True),
                Field("letter", "text", "Letter grade."),
                Field("percent", "number", "Percent."),
                Field("gpa_points", "number", "Grade points, 0 to 5."),
                Field("credits_attempted", "number", "Credits attempted."),
                Field("credits_earned", "number", "Credits earned."),
            ),
        ),
    )
}
COUNTED = ("submissions", "late", "missing")
"""Columns that an assignment's action fills with 1."""

_OF_TYPES = dict.fromkeys(f.name for kind in EVENT_TYPES.values() for f in kind.fields)
_BEFORE = ("sequence", "arrived", "status", "reason", "event_id", "type", "event_time", "date", "student_id")
COLUMNS = (*_BEFORE, *_OF_TYPES, *COUNTED, "payload", "payload_bytes", "payload_sha256")
"""The header of a batch file."""


@dataclass(frozen=True)
class Record:
    """A record of a shard.

    Attributes
    ----------
    sequence : str
        Its sequence number: digits, growing within a shard.
    arrived : datetime.datetime
        When the stream took it in (aware).
    data : bytes
        Its payload.
    """

    sequence: str
    arrived: dt.datetime
    data: bytes


class _Unfit(ValueError):
    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


def row_of(record: Record, first_year: str) -> tuple[str, Row]:
    """The school year and the row of a record.

    Parameters
    ----------
    record : Record
        As fetched.
    first_year : str
        The oldest school year there is; the newest is that of the record's arrival.

    Returns
    -------
    str
        The school year of the event; of the arrival, if the record cannot be read.
    dict of str to str
        Texts by column; columns without a value are left out.
    """
    at = {"sequence": record.sequence, "arrived": _utc(record.arrived)}
    newest = school_year.of_date(record.arrived.date())
    try:
        event = _event(record.data)
        row = at | _fields(event, record.arrived)
        year = school_year.of_date(dt.date.fromisoformat(row["date"]))
        if not first_year <= year <= newest:
            raise _Unfit(UNKNOWN_YEAR, f"{row['date']} is of {year}; there are {first_year} to {newest}")
    except _Unfit as unfit:
        return newest, at | {"date": record.arrived.date().isoformat(), "status": unfit.status, "reason": unfit.reason} | _kept(record.data)
    return year, row


def _event(data: bytes) -> dict[str, Any]:
    """The JSON object of a record."""
    if len(data) > LARGEST_EVENT:
        raise _Unfit(TOO_LARGE, f"{len(data):,} bytes; an event has at most {LARGEST_EVENT:,}")
    if data.startswith(_KPL_MAGIC):
        raise _Unfit(AGGREGATED, "several events in one record (KPL aggregation); set AggregationEnabled=false at the producer")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _Unfit(NOT_UTF8, f"byte {error.start} is not UTF-8") from error
    try:
        event = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise _Unfit(NOT_JSON, str(error)[:LONGEST_TEXT]) from error
    if not isinstance(event, dict):
        raise _Unfit(NOT_AN_EVENT, f"a JSON {type(event).__name__}, not an object")
    return event


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number in JSON")


def _fields(event: Mapping[str, Any], arrived: dt.datetime) -> Row:
    """The columns of an event, every value as text."""
    version = event.get("schema_version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise _Unfit(NOT_AN_EVENT, "schema_version is not a whole number from 1")
    if version > SCHEMA_VERSION:
        raise _Unfit(
            FUTURE_VERSION, f"version {version}; the newest understood is {SCHEMA_VERSION}: update the platform, then send it again"
        )
    kind = EVENT_TYPES.get(str(event.get("type")))
    if kind is None:
        raise _Unfit(UNKNOWN_TYPE, f"{str(event.get('type'))[:LONGEST_TEXT]!r}; there are {', '.join(EVENT_TYPES)}")
    row = {f.name: value for f in (*ENVELOPE, *kind.fields) if (value := _text(event, f))}
    del row["schema_version"]
    happened = _time(row["event_time"])
    if happened > arrived + CLOCK_AHEAD:
        raise _Unfit(CLOCK_IS_AHEAD, f"{row['event_time']} lies after its arrival at {_utc(arrived)}; set the sender's clock and time zone")
    row.setdefault("date", happened.date().isoformat())
    row["event_time"] = _utc(happened)
    if kind.actions:
        if row["action"] not in kind.actions:
            raise _Unfit(NOT_AN_EVENT, f"action {row['action']!r}; there are {', '.join(kind.actions)}")
        row |= dict.fromkeys(kind.actions[row["action"]], "1")
    return row


def _text(event: Mapping[str, Any], field: Field) -> str:
    """A field's value as text; blank if there is none and none is needed."""
    value = event.get(field.name)
    if value is None or value == "":
        if field.required:
            raise _Unfit(NOT_AN_EVENT, f"{field.name} is missing")
        return ""
    if isinstance(value, bool):
        fits, text = field.kind == "flag", "true" if value else "false"
    elif isinstance(value, int | float):
        fits, text = field.kind in ("number", "whole", "text"), repr(value)
    else:
        fits, text = isinstance(value, str) and field.kind in ("text", "day"), str(value)
    if field.kind == "day" and fits:
        fits = _is_day(text)
    if not fits or len(text) > LONGEST_TEXT or not text.isprintable():
        raise _Unfit(NOT_AN_EVENT, f"{field.name} is not a {field.kind}: {text[:LONGEST_TEXT]!r}")
    return text.strip()


def _is_day(text: str) -> bool:
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _time(text: str) -> dt.datetime:
    """A time with its offset, if it can also be told in UTC (one at the very beginning of the calendar cannot)."""
    try:
        happened = dt.datetime.fromisoformat(text)
        told = happened.tzinfo is not None and bool(happened.astimezone(dt.UTC))
    except (ValueError, OverflowError):
        told = False
    if not told:
        raise _Unfit(NOT_AN_EVENT, f"event_time {text!r} is not a time with an offset from UTC")
    return happened


def _utc(time: dt.datetime) -> str:
    return time.astimezone(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _kept(data: bytes) -> Row:
    """The payload's beginning, as text if it is text, with the size and hash of the whole."""
    start = data[:PAYLOAD_KEPT]
    try:
        text = start.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if not text.isprintable() or not text:
        text = "base64:" + base64.b64encode(start).decode()
    return {"payload": text, "payload_bytes": str(len(data)), "payload_sha256": hashlib.sha256(data).hexdigest()}
