"""The queue that tells of new files in the bucket: SQS, as S3's event notifications fill it.

Receives some messages and takes messages away when told to; says nothing of what is done with them. A message that is not taken away
comes back after the queue's visibility timeout, and ends in its dead-letter queue when it has come too often.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from la_resources import aws

_AT_ONCE = 10
"""SQS hands out and takes away so many at a time."""


class QueueError(OSError):
    """The queue cannot be used; the message says which, and what to do."""


@dataclass(frozen=True)
class Message:
    """A message: its text, and the handle by which it is taken away."""

    body: str
    handle: str


@dataclass(frozen=True)
class ArrivalQueue:
    """An SQS queue.

    Attributes
    ----------
    name : str
        Its name or URL.
    region, endpoint : str
        See :func:`la_resources.aws.region`; ``LA_SQS_ENDPOINT``: another place that speaks SQS.
    """

    name: str
    region: str = "us-east-1"
    endpoint: str = ""

    @classmethod
    def from_environment(cls) -> ArrivalQueue | None:
        """The queue ``LA_ARRIVAL_QUEUE`` (name or URL), if there is one."""
        if not (name := os.environ.get("LA_ARRIVAL_QUEUE", "")):
            return None
        return cls(name, aws.region(), os.environ.get("LA_SQS_ENDPOINT", ""))

    def receive(self, most: int, seconds: float = 20) -> Iterator[Message]:
        """Messages, until there are none for now, one comes again, ``most`` have come, or the time is over.

        Raises
        ------
        QueueError
            If there is no such queue, or it may not be read, or does not answer.
        """
        until, seen = time.monotonic() + seconds, set[str]()
        while len(seen) < most and time.monotonic() < until:
            with self._explained("receiving from"):
                answer = self._sqs.receive_message(QueueUrl=self._url(), MaxNumberOfMessages=min(_AT_ONCE, most - len(seen)))
            found = [each for each in answer.get("Messages", []) if each["MessageId"] not in seen]
            for each in found:
                seen.add(each["MessageId"])
                yield Message(each["Body"], each["ReceiptHandle"])
            if not found:
                return

    def take_away(self, handles: Sequence[str]) -> int:
        """Delete messages; how many are gone. A handle that is too old is left: its message comes back.

        Raises
        ------
        QueueError
            As for ``receive``.
        """
        gone = 0
        for first in range(0, len(handles), _AT_ONCE):
            entries = [{"Id": str(i), "ReceiptHandle": handle} for i, handle in enumerate(handles[first : first + _AT_ONCE])]
            with self._explained("deleting from"):
                answer = self._sqs.delete_message_batch(QueueUrl=self._url(), Entries=entries)
            gone += len(answer.get("Successful", []))
        return gone

    @property
    def _sqs(self) -> Any:
        return aws.client("sqs", self.region, self.endpoint)

    def _url(self) -> str:
        if "://" in self.name:
            return self.name
        return str(self._sqs.get_queue_url(QueueName=self.name)["QueueUrl"])

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        what = f"{doing} the arrivals queue {self.name}"
        try:
            yield
        except ClientError as error:
            code = aws.code(error)
            if "NonExistentQueue" in code or "QueueDoesNotExist" in code:
                raise QueueError(f"{what}: there is no such queue in {self.region}; create it, or correct LA_ARRIVAL_QUEUE") from error
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") in (401, 403):
                raise QueueError(
                    f"{what}: refused ({code}); the role needs sqs:ReceiveMessage, sqs:DeleteMessage and sqs:GetQueueUrl on it"
                ) from error
            raise QueueError(f"{what}: it answered {code}; messages stay in the queue, the next tick tries again") from error
        except BotoCoreError as error:
            raise QueueError(f"{what}: {aws.unanswered(error, 'messages stay in the queue, the next tick tries again')}") from error
