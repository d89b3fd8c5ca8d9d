"""What a message of an arrivals queue says: which objects came or went, or why it says nothing to us.

Messages are S3's own event notifications, the same wrapped by SNS, or EventBridge's events. Any bytes give an answer; none is trusted:
what a file holds is read from the bucket. So neither the order of messages matters nor how often one comes: an object is
read as it is now. Keys are URL-encoded by S3 (``+`` is a blank) and are not by EventBridge.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote_plus

from la_resources.landing_zone import is_finished

Said = Literal["arrived", "removed", "elsewhere", "unfinished", "other event", "not understood"]
SAID: tuple[Said, ...] = ("arrived", "removed", "elsewhere", "unfinished", "other event", "not understood")
"""``elsewhere``: another bucket, or not below the landing zone; ``unfinished``: hidden, still being written, or a folder;
``other event``: S3's test event, a restored or a tagged object."""

_MOST_RECORDS = 1000


@dataclass(frozen=True)
class Notice:
    """One object in a message.

    Attributes
    ----------
    said : str
        One of ``SAID``.
    path : str
        Below the landing zone; empty unless ``arrived``, ``removed`` or ``unfinished``.
    """

    said: Said
    path: str = ""


def notices(body: str, bucket: str, prefix: str) -> list[Notice]:
    """What a message says, at least one notice.

    Parameters
    ----------
    body : str
        The message.
    bucket, prefix : str
        Where the landing zone is; the prefix without a slash at its end, empty for the whole bucket.
    """
    try:
        return [_notice(event, key, of, bucket, prefix) for event, key, of in _records(json.loads(body))] or [Notice("other event")]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return [Notice("not understood")]


def _records(told: Any) -> list[tuple[str, str, str]]:
    """Event, key and bucket of each object.

    Raises
    ------
    ValueError, TypeError, KeyError, AttributeError
        If it is none of the messages we know.
    """
    if told.get("Type") == "Notification" and "Message" in told:
        told = json.loads(told["Message"])
    if told.get("Event") == "s3:TestEvent":
        return []
    if told.get("source") == "aws.s3":
        detail = told["detail"]
        return [(str(told["detail-type"]), _text(detail["object"]["key"]), _text(detail["bucket"]["name"]))]
    records = told["Records"]
    if not isinstance(records, list) or len(records) > _MOST_RECORDS:
        raise ValueError("no list of records")
    return [
        (_text(each["eventName"]), unquote_plus(_text(each["s3"]["object"]["key"]), errors="strict"), _text(each["s3"]["bucket"]["name"]))
        for each in records
    ]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _notice(event: str, key: str, of: str, bucket: str, prefix: str) -> Notice:
    below = f"{prefix}/" if prefix else ""
    if of != bucket or not key.startswith(below):
        return Notice("elsewhere")
    path = key[len(below) :]
    what = event.removeprefix("s3:").replace(" ", "")
    if not path or path.endswith("/") or not is_finished(path):
        return Notice("unfinished", path)
    if what.startswith("ObjectCreated"):
        return Notice("arrived", path)
    if what.startswith(("ObjectRemoved", "ObjectDeleted", "LifecycleExpiration")):
        return Notice("removed", path)
    return Notice("other event")
