"""Telling people that something failed: once an incident, and once more when it is over.

An incident is a small JSON file in the outbox, written before anybody is told and kept after: so nothing is told twice, what could
not be sent is sent the next time, and without any channel the outbox itself is the list of what is wrong. Channels: Amazon SNS, or a
webhook. What is told names tables, school years and the next step; keys, numbers and secrets that an error's text may quote are
blacked out. This module knows nothing of Dagster.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

from la_resources import aws
from la_resources.storage import Storage

MOST_WORDS = 300
_ATTEMPTS, _FIRST_WAIT, _TIMEOUT = 3, 0.2, 5.0
_BLACK = "[...]"
_QUOTED = re.compile(
    r"\b[0-9a-f]{16,}\b"  # a key or a hash
    r"|\b\d{5,}\b"  # an identifier of a source
    r"|[\w.+-]+@[\w-]+\.[\w.]+"  # an address
    r"|'[^']*'|\"[^\"]*\""  # a quoted value
    r"|\b(?:19|20)\d\d-\d\d-\d\d\b",  # a date, of birth perhaps
    re.IGNORECASE,
)
_SECRET_NAMES = re.compile(r"SECRET|PASSWORD|TOKEN|ACCESS_KEY", re.IGNORECASE)


class NotSentError(Exception):
    """A channel did not take a message."""


@dataclass(frozen=True)
class Incident:
    """Something that is wrong.

    Attributes
    ----------
    kind : str
        ``run failed`` or ``table is late``.
    about : tuple of str
        Tables, by name.
    school_years : tuple of str
        Which, where it is known.
    what : str
        One line of what happened, as it may be told.
    do : str
        The next step.
    link : str
        Where to look.
    opened, closed : str
        ISO times (UTC); empty while it is open.
    told : int
        Messages that were sent: 0 none, 1 that it began, 2 that it is over.
    """

    kind: str
    about: tuple[str, ...]
    school_years: tuple[str, ...] = ()
    what: str = ""
    do: str = ""
    link: str = ""
    opened: str = ""
    closed: str = ""
    told: int = 0

    @property
    def name(self) -> str:
        """The same for the same trouble with the same tables and years."""
        of = json.dumps([self.kind, sorted(self.about), sorted(self.school_years)])
        return hashlib.sha256(of.encode()).hexdigest()[:24]

    def message(self) -> tuple[str, str]:
        """Subject and text."""
        tables = ", ".join(self.about[:3]) + (f" and {len(self.about) - 3} more" if len(self.about) > 3 else "")
        years = f" ({', '.join(self.school_years)})" if self.school_years else ""
        if self.closed:
            return f"Over: {self.kind}: {tables}{years}"[
                :100
            ], f"{tables}{years} is well again since {self.closed}. It began {self.opened}."
        lines = [f"{self.kind}: {', '.join(self.about)}{years}", self.what, f"Next step: {self.do}", self.link, f"Since {self.opened}."]
        return f"{self.kind}: {tables}{years}"[:100], "\n".join(line for line in lines if line)


class Channel(Protocol):
    """A way to tell people."""

    def send(self, subject: str, text: str) -> None:
        """Send one message.

        Raises
        ------
        NotSentError
            If it was not taken.
        """


@dataclass(frozen=True)
class Topic:
    """An Amazon SNS topic."""

    arn: str
    region: str = "us-east-1"
    endpoint: str = ""

    def send(self, subject: str, text: str) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        sns = aws.client("sns", self.region, self.endpoint)
        try:
            sns.publish(TopicArn=self.arn, Subject=subject.encode("ascii", "replace").decode(), Message=text)
        except (BotoCoreError, ClientError) as error:
            raise NotSentError(f"SNS topic {self.arn}: {type(error).__name__}") from error


@dataclass(frozen=True)
class Webhook:
    """An address that takes ``{"subject": ..., "text": ...}`` by POST, as chat systems do."""

    url: str

    def send(self, subject: str, text: str) -> None:
        body = json.dumps({"subject": subject, "text": f"{subject}\n{text}"}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"}, method="POST")  # noqa: S310 - http(s), below
        for attempt in range(_ATTEMPTS):
            try:
                with urllib.request.urlopen(request, timeout=_TIMEOUT):  # noqa: S310
                    return
            except urllib.error.HTTPError as error:
                reason = f"status {error.code}"
                if error.code < 500:
                    break
            except OSError as error:
                reason = type(error).__name__
            time.sleep(_FIRST_WAIT * 2**attempt)
        raise NotSentError(f"webhook: {reason}")


@dataclass(frozen=True)
class Notifier:
    """Opens and closes incidents, and tells of each.

    Attributes
    ----------
    outbox : Storage
        Where incidents are kept, below ``incidents/``.
    channel : Channel, optional
        Who is told; None: the outbox is all there is.
    """

    outbox: Storage
    channel: Channel | None = None
    folder: str = field(default="incidents")

    def open(self, incident: Incident) -> bool:
        """Take note of an incident; whether it is a new one."""
        there = self._read(incident.name)
        if there is not None and not there.closed:
            return False
        self._write(replace(incident, opened=_now(), closed="", told=0))
        return True

    def close(self, incident: Incident) -> bool:
        """The trouble is over; whether there was any."""
        there = self._read(incident.name)
        if there is None or there.closed:
            return False
        self._write(replace(there, closed=_now()))
        return True

    def incidents(self) -> list[Incident]:
        """All that are kept, oldest first."""
        found = [_of_json(content) for content in self.outbox.get_all(self.folder, ".json").values()]
        return sorted(found, key=lambda incident: incident.opened)

    def send(self) -> list[str]:
        """Tell what has not been told; what could not be sent, and why.

        An incident that was over before anybody could be told of it is told of once.
        """
        failures = []
        for incident in self.incidents():
            wanted = 2 if incident.closed else 1
            if incident.told >= wanted:
                continue
            if self.channel is not None:
                try:
                    self.channel.send(*incident.message())
                except NotSentError as error:
                    failures.append(f"{incident.kind}: {error}")
                    continue
            self._write(replace(incident, told=wanted))
        return failures

    def _read(self, name: str) -> Incident | None:
        try:
            return _of_json(self.outbox.get(f"{self.folder}/{name}.json"))
        except FileNotFoundError:
            return None

    def _write(self, incident: Incident) -> None:
        self.outbox.put(json.dumps(asdict(incident), indent=1).encode(), f"{self.folder}/{incident.name}.json", durable=True)


def _of_json(content: bytes) -> Incident:
    told: dict[str, Any] = json.loads(content)
    return Incident(**told | {"about": tuple(told["about"]), "school_years": tuple(told["school_years"])})


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def as_told(error: str, environ: Mapping[str, str] | None = None) -> str:
    """The first line of an error without what it may quote: keys, identifiers, addresses, dates, quoted values, secrets.

    Parameters
    ----------
    error : str
        Its text.
    environ : mapping, optional
        Where secrets are looked for (the process's environment).
    """
    line = next((line.strip() for line in error.splitlines() if line.strip()), "")
    for name, value in (os.environ if environ is None else environ).items():
        if len(value) >= 8 and _SECRET_NAMES.search(name):
            line = line.replace(value, _BLACK)
    line = _QUOTED.sub(_BLACK, line)
    return line if len(line) <= MOST_WORDS else f"{line[: MOST_WORDS - 4]} ..."


def channel_from_environment(environ: Mapping[str, str] | None = None) -> Channel | None:
    """The channel that the settings name.

    ``LA_NOTIFY``: ``outbox`` (the default), ``sns`` with ``LA_NOTIFY_TOPIC``, or ``webhook`` with ``LA_NOTIFY_URL``.

    Raises
    ------
    ValueError
        If the channel is none of those there are, or its address is missing.
    """
    told = os.environ if environ is None else environ
    kind = told.get("LA_NOTIFY", "outbox")
    if kind == "outbox":
        return None
    if kind == "sns" and (topic := told.get("LA_NOTIFY_TOPIC")):
        return Topic(topic, aws.region(told), told.get("LA_SNS_ENDPOINT", ""))
    if kind == "webhook" and told.get("LA_NOTIFY_URL", "").startswith(("http://", "https://")):
        return Webhook(told["LA_NOTIFY_URL"])
    raise ValueError(
        f"LA_NOTIFY={kind!r}: choose outbox, sns (with LA_NOTIFY_TOPIC, the topic's ARN) or webhook (with LA_NOTIFY_URL, http or https)"
    )
