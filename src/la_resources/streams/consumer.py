"""The consumer: reads a stream shard by shard and lands what it reads as files, a bounded amount at a time.

Per shard: gather records up to a batch's bounds, land the batch, then keep the checkpoint. Killed anywhere, it goes on from the
checkpoint: a batch that stood already is made again under its own name and left as it is. A shard is read only when its parents
(before a split or merge) are landed to their end. No more than one batch a shard is ever held, and nothing is fetched
ahead of what is landed: a slow landing slows the reading. Rows that come twice all the same (a sender's retry, two consumers at
once) are folded by their event's id when they are counted.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from la_resources.storage import Storage
from la_resources.streams.batches import Batches
from la_resources.streams.checkpoints import Checkpoint, Checkpoints
from la_resources.streams.events import Record
from la_resources.streams.kinesis import Described, IteratorExpiredError, Page, Shard, Stream, ThrottledError

Log = Callable[[str], None]
_RENEWALS = 5


@dataclass(frozen=True)
class Bounds:
    """How much one call of the consumer does.

    Attributes
    ----------
    seconds : float
        No batch is begun later than this.
    records : int
        Records in all; a batch that is begun is landed.
    batch_records, batch_bytes : int
        Of one batch of one shard; the bytes may be passed by one answer of Kinesis (10 MB).
    poll : float
        Seconds between looks at shards that have nothing new.
    until_idle : bool
        Whether to return as soon as every shard is read to its end.
    """

    seconds: float = 20.0
    records: int = 200_000
    batch_records: int = 20_000
    batch_bytes: int = 8 * 2**20
    poll: float = 0.25
    until_idle: bool = True


@dataclass
class Consumed:
    """What one call did.

    Attributes
    ----------
    files : list of str
        Batch files written, below the landing zone's root.
    records : int
        Records landed.
    unfit : Counter of str
        Of them, how many could not be read, by status.
    warnings : list of str
        What a person has to see to.
    idle : bool
        Whether every shard was read to its end.
    """

    files: list[str] = field(default_factory=list)
    records: int = 0
    unfit: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)
    idle: bool = False


@dataclass
class _Reading:
    """A shard that is being read: its checkpoint, where to go on, and where batches end that stand already."""

    shard: Shard
    checkpoint: Checkpoint
    iterator: str = ""
    after: str = ""
    ends: list[int] = field(default_factory=list)
    idle: bool = False
    closed: bool = False


class Consumer:
    """Lands one stream.

    Parameters
    ----------
    stream : Stream
        The stream.
    zone : Storage
        The landing zone.
    memory : Storage
        Where checkpoints are kept: the lake's storage.
    first_year : str
        The oldest school year there is, ``2018-19``.
    log : callable
        Told a line per batch.
    """

    def __init__(self, stream: Stream, zone: Storage, memory: Storage, first_year: str, log: Log = lambda _: None) -> None:
        self.stream, self.zone, self.memory, self.first_year, self.log = stream, zone, memory, first_year, log

    def run(self, bounds: Bounds = Bounds()) -> Consumed:
        """Read and land until the bounds are reached, or nothing is left to read.

        Raises
        ------
        StreamError
            If the stream is not there or may not be read; what was landed before stands.
        """
        until = time.monotonic() + bounds.seconds
        described = self.stream.describe()
        born = f"{self.stream.name}.{described.created:%Y%m%dT%H%M%SZ}"
        batches, checkpoints = Batches(self.zone, born, self.first_year), Checkpoints(self.memory, born)
        kept = checkpoints.all()
        pending = batches.landed_beyond({name: c.sequence for name, c in kept.items()}, _oldest(kept))
        consumed = Consumed()
        readings: dict[str, _Reading] = {}
        shards = self.stream.shards()
        while True:
            for shard in _readable(shards, kept):
                if shard.name not in readings:
                    checkpoint = kept.get(shard.name, Checkpoint(shard=shard.name))
                    readings[shard.name] = _Reading(shard, checkpoint, after=checkpoint.sequence, ends=pending.get(shard.name, []))
                    self._look_for_loss(checkpoint, described, consumed)
            drained = False
            for reading in readings.values():
                if time.monotonic() >= until or consumed.records >= bounds.records:
                    return consumed
                if records := self._gather(reading, bounds, until):
                    reading.checkpoint = self._land(reading, records, batches, consumed)
                    checkpoints.write(reading.checkpoint)
                if reading.closed:
                    reading.checkpoint = reading.checkpoint.model_copy(update={"drained": True})
                    checkpoints.write(reading.checkpoint)
                    drained = True
                kept[reading.shard.name] = reading.checkpoint
            readings = {name: reading for name, reading in readings.items() if not reading.closed}
            if drained:
                shards = self.stream.shards()
                continue
            parents = {parent for shard in shards for parent in shard.parents}
            if any(not reading.idle or name in parents for name, reading in readings.items()):
                continue  # a shard that has children is closed: its end is near, and is waited for
            before, shards = shards, self.stream.shards()
            if shards == before:
                consumed.idle = True
                if bounds.until_idle or time.monotonic() + bounds.poll >= until:
                    return consumed
                time.sleep(bounds.poll)
                consumed.idle = False

    def _gather(self, reading: _Reading, bounds: Bounds, until: float) -> list[Record]:
        """The records of the next batch; none if there is nothing new."""
        gathered: list[Record] = []
        size = renewals = 0
        wait = bounds.poll
        reading.idle = False
        while reading.ends or (len(gathered) < bounds.batch_records and size < bounds.batch_bytes):
            try:
                reading.iterator = reading.iterator or self.stream.iterator(reading.shard.name, reading.after)
                page = self.stream.page(reading.iterator, max(bounds.batch_records - len(gathered), 0) or bounds.batch_records)
            except IteratorExpiredError:
                reading.iterator, renewals = "", renewals + 1
                if renewals > _RENEWALS:
                    raise
                continue
            except ThrottledError:
                if gathered or time.monotonic() + wait >= until:
                    break
                time.sleep(wait)
                wait *= 2
                continue
            records = self._up_to_its_end(reading, page)
            gathered += records
            size += sum(len(record.data) for record in records)
            if records:
                reading.after = records[-1].sequence
            if reading.ends and int(reading.after or -1) >= reading.ends[0]:
                # The batch that stands ends here. What the page holds beyond is read again, as another batch.
                reading.ends, reading.iterator = [end for end in reading.ends if end > int(reading.after)], ""
                break
            reading.iterator, reading.closed = page.next_iterator, not page.next_iterator
            if reading.closed or not page.behind:
                reading.idle = True
                break
            if not records and time.monotonic() >= until:
                break
        return gathered

    @staticmethod
    def _up_to_its_end(reading: _Reading, page: Page) -> list[Record]:
        if not reading.ends:
            return page.records
        return [record for record in page.records if int(record.sequence) <= reading.ends[0]]

    def _land(self, reading: _Reading, records: list[Record], batches: Batches, consumed: Consumed) -> Checkpoint:
        landed = batches.land(reading.shard.name, records)
        consumed.files += landed.written
        consumed.records += landed.rows
        consumed.unfit.update(landed.unfit)
        told = ", ".join(f"{count:,} {status}" for status, count in sorted(landed.unfit.items()))
        again = f", {len(landed.there)} file(s) stood already" if landed.there else ""
        self.log(f"{reading.shard.name}: {landed.rows:,} records landed{again}{f'; unfit: {told}' if told else ''}")
        last = records[-1]
        return reading.checkpoint.model_copy(update={"sequence": last.sequence, "arrived": last.arrived.astimezone(dt.UTC).isoformat()})

    @staticmethod
    def _look_for_loss(checkpoint: Checkpoint, described: Described, consumed: Consumed) -> None:
        """Warn if the stream may have let go of records before they were read."""
        if not checkpoint.arrived or checkpoint.drained:
            return
        read = dt.datetime.fromisoformat(checkpoint.arrived)
        if dt.datetime.now(dt.UTC) - read > described.retention:
            consumed.warnings.append(
                f"{checkpoint.shard} was last read at {read:%Y-%m-%d %H:%M} UTC and the stream keeps {described.retention}: events that "
                "arrived since may be gone; load the files of those days"
            )


def _readable(shards: list[Shard], kept: dict[str, Checkpoint]) -> list[Shard]:
    """Shards that are not drained and whose parents are; a parent that the stream has forgotten has nothing left to read."""
    there = {shard.name for shard in shards}
    drained = {name for name, checkpoint in kept.items() if checkpoint.drained}
    return [shard for shard in shards if shard.name not in drained and not (set(shard.parents) & there) - drained]


def _oldest(kept: dict[str, Checkpoint]) -> str:
    """The day before which no batch beyond a checkpoint can lie; empty where a shard may have begun at any time."""
    days = [checkpoint.arrived[:10] for checkpoint in kept.values() if checkpoint.arrived and not checkpoint.drained]
    return min(days, default="")
