"""Micro-batches: consecutive records of a shard as CSV files of the landing zone, a file a school year.

A file is named by the stream, the shard, and the first and last sequence number of its batch. Records never change, so
a name stands for one content, and a file that is there is never written again. Good and unfit records go into the same file: the
landing loads the ones and puts the others into quarantine by their status. Written once, atomically and durably, below
``stream/<stream>/<day of arrival>/``; as all of the landing zone, these files are for those entitled: they hold student numbers.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from la_resources.storage import Storage
from la_resources.streams.events import COLUMNS, Record, Row, row_of

SOURCE = "stream"
"""First folder of the files below the landing zone."""
_NAME = re.compile(r"^events_(\d{4}-\d{2})_(.+)_(\d+)_(\d+)\.csv$")


@dataclass(frozen=True)
class Landed:
    """What landing a batch did: paths written now, paths that were there already, rows, and rows of each status."""

    written: tuple[str, ...]
    there: tuple[str, ...]
    rows: int
    unfit: dict[str, int]


class Batches:
    """The batch files of one stream.

    Parameters
    ----------
    zone : Storage
        The landing zone.
    stream : str
        The stream's name with its day of birth.
    first_year : str
        The oldest school year there is.
    """

    def __init__(self, zone: Storage, stream: str, first_year: str) -> None:
        self.zone, self.first_year = zone, first_year
        self.folder = f"{SOURCE}/{stream}"

    def land(self, shard: str, records: Sequence[Record]) -> Landed:
        """Write the files of a batch that are not there yet.

        Parameters
        ----------
        shard : str
            The shard of all records.
        records : sequence of Record
            Consecutive, at least one.
        """
        by_year: dict[str, list[Row]] = {}
        unfit: dict[str, int] = {}
        for record in records:
            year, row = row_of(record, self.first_year)
            by_year.setdefault(year, []).append(row)
            if status := row.get("status"):
                unfit[status] = unfit.get(status, 0) + 1
        folder = f"{self.folder}/{_day(records[0])}"
        standing = set(self.zone.names(folder))
        written, there = [], []
        for year, rows in sorted(by_year.items()):
            name = f"events_{year}_{shard}_{records[0].sequence}_{records[-1].sequence}.csv"
            if name in standing:
                there.append(f"{folder}/{name}")
            else:
                self.zone.put(content(rows), f"{folder}/{name}", durable=True)
                written.append(f"{folder}/{name}")
        return Landed(tuple(written), tuple(there), len(records), unfit)

    def landed_beyond(self, sequences: dict[str, str], since: str) -> dict[str, list[int]]:
        """Ends of batches that stand beyond the checkpoints, by shard, in order: their consumer ended before it could keep its own.

        Reading each shard up to exactly there makes the same files again, so what stands is not landed a second time under
        another name.

        Parameters
        ----------
        sequences : dict of str to str
            The last landed sequence number of each shard, as its checkpoint says.
        since : str
            Day from which on records can have arrived, ``2026-11-20``; empty: any.
        """
        found: dict[str, set[int]] = {}
        for day in self.zone.folders(self.folder):
            if day < since:
                continue
            for name in self.zone.names(f"{self.folder}/{day}"):
                if parts := _NAME.match(name):
                    shard, first, last = parts[2], int(parts[3]), int(parts[4])
                    if first > int(sequences.get(shard) or -1):
                        found.setdefault(shard, set()).add(last)
        return {shard: sorted(ends) for shard, ends in found.items()}


def year_of(name: str) -> str:
    """The school year of a batch file, by its name; empty if the name is no batch's."""
    found = _NAME.match(name)
    return found[1] if found else ""


def content(rows: Sequence[Row]) -> bytes:
    """Rows as the bytes of a batch file: the same rows, the same bytes."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _day(record: Record) -> str:
    return record.arrived.astimezone(dt.UTC).date().isoformat()
