"""A Kinesis stream as the consumer sees it: settings, shards, iterators, pages of records, and errors that say what to do.

Requests that fail or are throttled are repeated by the client with growing, random waits; what is throttled all the same is told
apart from what is wrong. boto3 is imported where it is used: the local environment does without.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from la_resources import aws
from la_resources.streams.events import Record

PAGE_RECORDS = 10_000
"""The most records that Kinesis gives in one answer; the most bytes are 10 MB."""
_THROTTLED = {"ProvisionedThroughputExceededException", "LimitExceededException", "ThrottlingException", "KMSThrottlingException"}
_REFUSED = {
    "AccessDeniedException",
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "ExpiredTokenException",
    "MissingAuthenticationTokenException",
    "KMSAccessDeniedException",
}


class StreamError(OSError):
    """The stream did not do what was asked; the text names it and the next step, and holds no credentials."""


class ThrottledError(StreamError):
    """The stream has no room for the request now; it is asked again later."""


class IteratorExpiredError(StreamError):
    """A shard iterator is older than five minutes."""


@dataclass(frozen=True)
class StreamSettings:
    """Which stream, and how it is reached; credentials come the ways boto3 knows.

    Attributes
    ----------
    name : str
        ``LA_STREAM``; empty: there is none.
    region : str
        See :func:`la_resources.aws.region`.
    endpoint : str
        ``LA_KINESIS_ENDPOINT``: another place that speaks Kinesis; empty: AWS.
    """

    name: str
    region: str = "us-east-1"
    endpoint: str = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> StreamSettings:
        told = os.environ if environ is None else environ
        return cls(told.get("LA_STREAM", ""), aws.region(told), told.get("LA_KINESIS_ENDPOINT", ""))


@dataclass(frozen=True)
class Shard:
    """A shard: its name, and the shards it was made of by a split or a merge."""

    name: str
    parents: tuple[str, ...] = ()


@dataclass(frozen=True)
class Described:
    """What the stream says of itself: when it was made, and how long it keeps records."""

    created: dt.datetime
    retention: dt.timedelta


@dataclass(frozen=True)
class Page:
    """One answer: records in order, where to go on (empty: the shard is closed and read to its end), and whether more is there now."""

    records: list[Record]
    next_iterator: str
    behind: bool


class Stream:
    """A stream of Kinesis."""

    def __init__(self, settings: StreamSettings) -> None:
        self.settings = settings

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def client(self) -> Any:
        return aws.client("kinesis", self.settings.region, self.settings.endpoint)

    def describe(self) -> Described:
        """When the stream was made, and how long it keeps records.

        Raises
        ------
        StreamError
            If it is not there, is being made or deleted, or may not be read.
        """
        with self._explained("looking at", "DescribeStreamSummary"):
            told = self.client.describe_stream_summary(StreamName=self.name)["StreamDescriptionSummary"]
        if told["StreamStatus"] in ("CREATING", "DELETING"):
            raise StreamError(f"the stream {self._where} is {told['StreamStatus'].lower()}; it is read when it is active")
        return Described(told["StreamCreationTimestamp"].astimezone(dt.UTC), dt.timedelta(hours=told["RetentionPeriodHours"]))

    def shards(self) -> list[Shard]:
        """Every shard there is, closed ones too, in order of name."""
        found: list[Shard] = []
        asked: dict[str, str] = {"StreamName": self.name}
        with self._explained("listing the shards of", "ListShards"):
            while asked:
                told = self.client.list_shards(**asked)
                for each in told["Shards"]:
                    parents = (each.get("ParentShardId"), each.get("AdjacentParentShardId"))
                    found.append(Shard(each["ShardId"], tuple(p for p in parents if p)))
                asked = {"NextToken": told["NextToken"]} if told.get("NextToken") else {}
        return sorted(found, key=lambda shard: shard.name)

    def iterator(self, shard: str, after: str) -> str:
        """Where to go on in a shard: after a sequence number, or (empty) at the oldest record kept."""
        start = (
            {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": after}
            if after
            else {"ShardIteratorType": "TRIM_HORIZON"}
        )
        with self._explained(f"finding a place in {shard} of", "GetShardIterator"):
            found: str = self.client.get_shard_iterator(StreamName=self.name, ShardId=shard, **start)["ShardIterator"]
        return found

    def page(self, iterator: str, limit: int) -> Page:
        """The next records.

        Raises
        ------
        IteratorExpiredError, ThrottledError, StreamError
        """
        limit = min(limit, PAGE_RECORDS)
        with self._explained("reading", "GetRecords"):
            told = self.client.get_records(ShardIterator=iterator, Limit=limit)
        records = [Record(r["SequenceNumber"], r["ApproximateArrivalTimestamp"], r["Data"]) for r in told["Records"]]
        behind = bool(told.get("MillisBehindLatest")) or len(records) == limit
        return Page(records, told.get("NextShardIterator") or "", behind)

    @property
    def _where(self) -> str:
        return f"{self.name} ({self.settings.region}{f', {self.settings.endpoint}' if self.settings.endpoint else ''})"

    @contextmanager
    def _explained(self, doing: str, action: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            raise self._told(aws.code(error), doing, action) from error
        except BotoCoreError as error:
            next_step = "see whether it can be reached; the next call goes on from here"
            raise StreamError(f"{doing} the stream {self._where}: {aws.unanswered(error, next_step)}") from error

    def _told(self, code: str, doing: str, action: str) -> StreamError:
        if code == "ExpiredIteratorException":
            return IteratorExpiredError(f"{doing} the stream {self._where}: the iterator has expired")
        if code in _THROTTLED:
            return ThrottledError(f"{doing} the stream {self._where}: throttled ({code}); if this lasts, add shards or end other readers")
        if code == "ResourceNotFoundException":
            return StreamError(
                f"{doing} the stream {self._where}: there is none; create it, or correct LA_STREAM, AWS_REGION or LA_KINESIS_ENDPOINT"
            )
        if code in _REFUSED:
            return StreamError(f"{doing} the stream {self._where}: not allowed ({code}); give the role kinesis:{action} on this stream")
        return StreamError(f"{doing} the stream {self._where}: {code}; the next call goes on from here")
