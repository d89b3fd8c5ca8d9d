"""A simulated school day as events: what a day in the simulated district's files says, told piece by piece as it happens.

Takes the newest day before the wanted one from the files of the student system and of the learning management system,
and tells it as the events of a day: absences from the first bell on, some of them corrected later, activity in pieces,
assignments handed in or missed. Deterministic by its seed; a few events come twice, as senders repeat themselves. Writes nothing.
"""

from __future__ import annotations

import csv
import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from la_resources import school_year
from la_resources.streams.events import SCHEMA_VERSION

FIRST_BELL = 7.75 * 3600
"""Seconds after midnight at which the day begins."""
LAST_LIGHT = 21 * 3600
_MARKED_BY = 75 * 60
_CORRECTED = 0.1
_SENT_TWICE = 0.01
_NUMBERS = "0123456789abcdef"


@dataclass(frozen=True)
class Planned:
    """An event and when of the day it happens, in seconds after midnight; its ``event_time`` is told when it is sent."""

    second: float
    event: dict[str, Any]


def last_school_day(landing: Path, until: dt.date) -> dt.date:
    """The last day with instruction, up to a day, by the calendar in the landing zone.

    Raises
    ------
    FileNotFoundError
        If there is no calendar of the simulated district.
    """
    label = school_year.of_date(until)
    days = {_day(row["CAL_DATE"]) for row in _rows(landing, f"sis/calendar/*{label}*.csv") if row["DAY_TYPE"] == "I"}
    past = [day for day in days if day is not None and day <= until]
    if not past:
        raise FileNotFoundError(
            f"no calendar of {label} with a school day up to {until} below {landing}; `make backfill` simulates a district"
        )
    return max(past)


def planned_day(landing: Path, day: dt.date, seed: int = 0) -> list[Planned]:
    """The events of a day in the order in which they are sent.

    Parameters
    ----------
    landing : Path
        The landing zone of a simulated district.
    day : datetime.date
        The day that the events are of.
    seed : int
        Another seed, another course of the same day.

    Raises
    ------
    FileNotFoundError
        If the landing zone has no day of activity before this one.
    """
    rng = random.Random(f"{seed} {day}")  # noqa: S311  (a simulation)
    events = [*_marks(landing, day, rng), *_activity(landing, day, rng)]
    if not events:
        raise FileNotFoundError(f"no attendance or activity before {day} below {landing}; `make backfill` simulates a district")
    named = [Planned(p.second, {"event_id": f"{day}-{seed}-{n:07d}", **p.event}) for n, p in enumerate(events)]
    again = [Planned(p.second + 5, p.event) for p in named if rng.random() < _SENT_TWICE]
    return sorted([*named, *again], key=lambda planned: planned.second)


def _marks(landing: Path, day: dt.date, rng: random.Random) -> Iterator[Planned]:
    """Marks of attendance; a part of the absences turns into coming late."""
    for row in _newest_before(landing, day, "sis/attendance/attendance_*.csv", "ATT_DATE"):
        mark = _event("attendance", row["STUDENT_NUMBER"], day, school_id=row["SCHOOL_NO"])
        told = {"absent": float(row["ABS_PORTION"] or 0), "excused": row["ABS_CODE"] == "E", "tardy": row["TARDY_FLG"] == "Y"}
        told["early_dismissal"] = row["EARLY_DISM_FLG"] == "Y"
        at = FIRST_BELL + rng.uniform(0, _MARKED_BY)
        yield Planned(at, mark | told)
        if told["absent"] == 1 and rng.random() < _CORRECTED:
            yield Planned(at + rng.uniform(600, 7200), mark | told | {"absent": 0.0, "excused": False, "tardy": True})


def _activity(landing: Path, day: dt.date, rng: random.Random) -> Iterator[Planned]:
    """Activity in as many pieces as there were logins, and the assignments of the day."""
    for row in _newest_before(landing, day, "lms/activity_*.csv", "activity_date"):
        of_section = {"section_id": row["section_id"]}
        logins = max(int(row["logins"]), 1)
        views, posts = int(row["page_views"]), int(row["posts"])
        for piece in range(logins):
            last = piece == logins - 1
            told = {
                "logins": 1,
                "minutes": round(float(row["minutes_active"]) / logins, 1),
                "page_views": views - views // logins * (logins - 1) if last else views // logins,
                "posts": posts if last else 0,
            }
            yield Planned(rng.uniform(FIRST_BELL, LAST_LIGHT), _event("lms_activity", row["student_number"], day, **of_section, **told))
        late = int(row["submitted_late"])
        actions = ["submitted_late"] * late + ["submitted"] * (int(row["submitted"]) - late) + ["missing"] * int(row["missing"])
        for action in actions:
            assignment = f"{row['section_id']}-{''.join(rng.choices(_NUMBERS, k=6))}"
            named = {"assignment_id": assignment, "action": action}
            yield Planned(rng.uniform(FIRST_BELL, LAST_LIGHT), _event("assignment", row["student_number"], day, **of_section, **named))


def _event(kind: str, student: str, day: dt.date, **told: Any) -> dict[str, Any]:
    return {"type": kind, "schema_version": SCHEMA_VERSION, "student_id": student, "date": day.isoformat(), **told}


def _newest_before(landing: Path, day: dt.date, pattern: str, column: str) -> list[dict[str, str]]:
    """Rows of the newest day before a day, students with a number only."""
    number = "STUDENT_NUMBER" if column == "ATT_DATE" else "student_number"
    found: dict[dt.date, list[dict[str, str]]] = {}
    for row in _rows(landing, pattern.replace("*", f"{school_year.of_date(day)}*")):
        at = _day(row[column])
        if at is not None and at < day and (row[number] or "").isdigit():
            found.setdefault(at, []).append(row)
    # Planted defects put a row or two on odd days: a school day has many.
    whole = [at for at, rows in found.items() if len(rows) >= max(map(len, found.values())) / 10]
    return [row for row in found[max(whole)] if _is_whole(row)] if whole else []


def _is_whole(row: dict[str, str]) -> bool:
    """Whether the numbers of a row can be read; the simulator plants some that cannot."""
    numbers = (
        ("ABS_PORTION",)
        if "ABS_PORTION" in row
        else ("logins", "minutes_active", "page_views", "submitted", "submitted_late", "missing", "posts")
    )
    try:
        return all(float(row[name] or 0) >= 0 for name in numbers) and all(row[name] for name in numbers if name != "ABS_PORTION")
    except (TypeError, ValueError):
        return False


def _rows(landing: Path, pattern: str) -> Iterator[dict[str, str]]:
    for file in sorted(landing.glob(pattern)):
        with file.open(encoding="utf-8", errors="replace", newline="") as text:
            yield from csv.DictReader(text)


def _day(text: str | None) -> dt.date | None:
    for spelling in ("%m/%d/%Y", "%Y-%m-%d"):
        try:
            return dt.datetime.strptime(text or "", spelling).date()
        except ValueError:
            continue
    return None
