"""The access log: who looked at what, when and why, refusals included; one file per event, never changed and never written over.

``<root>/school_year=2026-27/2026-11-25/<time>.<id>.json``. An event is on the disk (or acknowledged by the bucket) when ``record``
returns, so that rows can be held back until then. No names and no values of students stand in it: of filters only the columns, of
students only keys that were asked for.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from la_resources import school_year as arithmetic
from la_resources.storage import Storage

_SUFFIX = ".json"


class AccessLogError(RuntimeError):
    """The access log cannot be written, so nothing is handed out; the text names the log and the next step."""


@dataclass(frozen=True)
class AccessEvent:
    """What was asked and what became of it.

    Attributes
    ----------
    at : datetime
        When (UTC).
    action : str
        ``open`` (a session) or ``read`` (a table).
    user_name, view_as : str
        Who asked, and as whom; empty: as themselves.
    purpose, table : str
        For what, and which table; empty where a session was opened.
    as_of : date, optional
        The day whose rights and knowledge count.
    outcome : str
        ``open``, ``answered``, or why there was nothing.
    rows, students : int
        Rows handed out, and the distinct students in them.
    filters : tuple of str
        Columns that were filtered on.
    students_asked : tuple of str
        Keys of students that were asked for by key.
    school_years : tuple of str
        Years that were asked for; empty: all.
    """

    at: dt.datetime
    action: str
    user_name: str
    outcome: str
    purpose: str = ""
    table: str = ""
    view_as: str = ""
    as_of: dt.date | None = None
    rows: int = 0
    students: int = 0
    filters: tuple[str, ...] = ()
    students_asked: tuple[str, ...] = ()
    school_years: tuple[str, ...] = ()
    event_id: str = field(default_factory=lambda: uuid.uuid4().hex)


class AccessLog:
    """The log in one storage.

    Parameters
    ----------
    storage : Storage
        Where it lies. In a bucket, versioning and object lock keep it from being changed by those who may write.
    """

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def record(self, event: AccessEvent) -> None:
        """Write an event durably.

        Raises
        ------
        AccessLogError
            If it cannot be; the caller hands out nothing.
        """
        at = event.at.astimezone(dt.UTC)
        folder = f"school_year={arithmetic.of_date(at.date())}"
        path = f"{folder}/{at:%Y-%m-%d}/{at:%H%M%S.%f}.{event.event_id}{_SUFFIX}"
        content = json.dumps(asdict(event), default=_text, ensure_ascii=False).encode()
        try:
            self.storage.put(content, path, durable=True, closed=folder)
        except Exception as error:
            raise AccessLogError(
                f"the access log {self.storage.root} cannot be written ({type(error).__name__}): nothing is shown. See whether the place "
                "is there, has room and may be written, then ask again"
            ) from error

    def events(self, school_year: str) -> Iterator[dict]:
        """Events of a school year (by UTC day), in order of time."""
        folder = f"school_year={school_year}"
        for day in self.storage.folders(folder):
            found = self.storage.get_all(f"{folder}/{day}", _SUFFIX)
            yield from (json.loads(found[name]) for name in sorted(found))


def _text(value: object) -> str:
    if isinstance(value, dt.date | dt.datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in an access event")
