"""Loading a partition: COPY of exactly its files into a table of the session, a count, and the swap of the year in one transaction.

So a reader sees the year as it was or as it is; a load that fails, or is killed, leaves the old rows; the same load twice leaves the
same rows. Different years of a table are copied at the same time and wait for each other only for the swap (a lock, because Redshift
would else abort one of two writers). A Redshift that does not answer is waited for.
"""

from __future__ import annotations

import json
import logging
import re
import struct
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import polars as pl

from la_resources.contracts import Table
from la_resources.lake import PARTITION_COLUMN, Lake, Written
from la_resources.redshift import ddl
from la_resources.redshift.settings import RedshiftSettings

_MANIFESTS = ".manifests"
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 15.0
_LOG = logging.getLogger(__name__)

NEXT_STEP = "See whether the workgroup runs and can be reached, then run this again"
Answer = TypeVar("Answer")


class RedshiftError(RuntimeError):
    """Redshift did not take a load; the text names the table, the year and the next step, and holds no credentials."""


class Redshift:
    """The SQL engine of the environment ``aws``.

    Parameters
    ----------
    settings : RedshiftSettings
        Where it is.
    lake : Lake
        The lake in S3 that it loads from.
    """

    def __init__(self, settings: RedshiftSettings, lake: Lake) -> None:
        self.settings = settings
        self.lake = lake

    def published(self, table: Table, written: Sequence[Written], tables: Collection[Table]) -> None:
        """Load what was just written.

        Raises
        ------
        RedshiftError
            If it cannot be; the rows of before stand.
        """
        if ddl.is_offered(table):
            for partition in written:
                self.load(table, partition.school_year)

    def load(self, table: Table, school_year: str) -> int:
        """Give Redshift the rows that one partition has in the lake; how many.

        Raises
        ------
        RedshiftError
            If Redshift refuses, or does not answer for as long as the settings wait.
        """
        return self.asked(
            f"loading {table.name} of {school_year} into {self.settings.name}",
            lambda connection: self._load(connection, table, school_year),
        )

    def asked(self, doing: str, work: Callable[[Any], Answer], standing: str = "the rows of before stand") -> Answer:
        """What some work on a connection of its own gives; a Redshift that does not answer is waited for, and the work begun again.

        Parameters
        ----------
        doing : str
            What people are told is being done.
        work : callable
            From a connection to an answer; done twice it does what it does once.
        standing : str
            What is so if it cannot be done.

        Raises
        ------
        RedshiftError
            If Redshift refuses, or does not answer for as long as the settings wait.
        """
        until, wait = time.monotonic() + self.settings.patience, _FIRST_WAIT
        while True:
            try:
                with self.connection() as connection:
                    return work(connection)
            except cut_off() as error:
                if time.monotonic() + wait > until:
                    raise RedshiftError(
                        f"{doing}: no answer for {self.settings.patience:.0f} s ({type(error).__name__}); {standing}. {NEXT_STEP}"
                    ) from None
                _LOG.warning("%s: no answer (%s); trying again in %.1f s", doing, type(error).__name__, wait)
                time.sleep(wait)
                wait = min(wait * 2, _LONGEST_WAIT)
            except refused() as error:
                raise RedshiftError(f"{doing}: {_said(error)}; {standing}") from None

    @contextmanager
    def connection(self) -> Iterator[Any]:
        """A new connection; statements take effect one by one until ``autocommit`` is turned off."""
        import redshift_connector

        made = redshift_connector.connect(
            host=self.settings.host,
            port=self.settings.port,
            database=self.settings.database,
            ssl=self.settings.encrypted,
            timeout=None,
            **self.settings.credentials(),
        )
        try:
            made.autocommit = True
            yield made
        finally:
            _close(made)

    def _load(self, connection: Any, table: Table, school_year: str) -> int:
        """Copy, count, swap."""
        paths = self.lake.paths(table, [school_year])
        cursor = connection.cursor()
        self._bring_up_to(cursor, table)
        if not paths:
            cursor.execute(f"DELETE FROM {ddl.quoted(table.name)} WHERE {PARTITION_COLUMN} = %s", (school_year,))  # noqa: S608
            return 0
        staging, expected = f"staging_{uuid.uuid4().hex[:16]}", 0
        columns: list[str] = []
        for place, path in enumerate(paths):
            frame = pl.scan_parquet(self.lake.storage.location(path), glob=False, **self.lake.storage.reading)
            schema = dict(frame.collect_schema())
            expected += frame.select(pl.len()).collect().item()
            if place == 0:
                columns = [name for name in schema if name in table.by_name]
                cursor.execute(ddl.create_staging(staging, schema, table))
        with self._manifest(table, school_year, paths) as manifest:
            nested = " SERIALIZETOJSON" if ddl.is_nested(schema) else ""
            cursor.execute(f"COPY \"{staging}\" FROM '{manifest}' {self.settings.by_role} FORMAT AS PARQUET MANIFEST{nested}")
        cursor.execute(f'SELECT COUNT(*) FROM "{staging}"')  # noqa: S608 - our own name
        (copied,) = cursor.fetchone()
        if copied != expected:
            raise RedshiftError(
                f"loading {table.name} of {school_year} into {self.settings.name}: COPY brought {copied:,} rows, the lake has "
                f"{expected:,}; the rows of before stand, run this again"
            )
        self._swap(connection, table, school_year, staging, columns)
        return int(copied)

    @staticmethod
    def _swap(connection: Any, table: Table, school_year: str, staging: str, columns: Sequence[str]) -> None:
        names, target = ", ".join(f'"{name}"' for name in columns), ddl.quoted(table.name)
        connection.autocommit = False
        cursor = connection.cursor()
        try:
            cursor.execute(f"LOCK TABLE {target}")
            cursor.execute(f"DELETE FROM {target} WHERE {PARTITION_COLUMN} = %s", (school_year,))  # noqa: S608 - names of contracts
            cursor.execute(f'INSERT INTO {target} ({names}) SELECT {names} FROM "{staging}"')  # noqa: S608
            connection.commit()
        except Exception:
            connection.rollback()
            raise
        finally:
            connection.autocommit = True

    def _bring_up_to(self, cursor: Any, table: Table) -> None:
        """Make the table, or the columns it lacks."""
        there = self.columns(cursor, table)
        if not there:
            cursor.execute(ddl.create_schema(table))
            cursor.execute(ddl.create_table(table))
            there = self.columns(cursor, table)
        for statement in ddl.add_columns(table, there):
            cursor.execute(statement)

    @staticmethod
    def columns(cursor: Any, table: Table) -> list[str]:
        """Columns that the table has in Redshift; none if it is not there."""
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s",
            (table.schema, table.name.partition(".")[2]),
        )
        return [name for (name,) in cursor.fetchall()]

    @contextmanager
    def _manifest(self, table: Table, school_year: str, paths: Sequence[str]) -> Iterator[str]:
        """A file that names the partition's files and sizes: COPY takes these and no others."""
        storage = self.lake.storage
        path = f"{_MANIFESTS}/{table.name}/{school_year}.{uuid.uuid4().hex}.json"
        entries = [{"url": storage.location(p), "mandatory": True, "meta": {"content_length": storage.size(p)}} for p in paths]
        storage.put(json.dumps({"entries": entries}).encode(), path)
        try:
            yield storage.location(path)
        finally:
            storage.remove(path)


def cut_off() -> tuple[type[Exception], ...]:
    """What the driver raises when the other side is not there (any more)."""
    import redshift_connector

    return redshift_connector.InterfaceError, redshift_connector.OperationalError, ConnectionError, TimeoutError, struct.error


def says_cut_off(text: str) -> bool:
    """Whether the driver's words in a text of another process say that the other side is not there (any more)."""
    return re.search(r"communication error|BrokenPipe|connection is closed|connection time out|Unable to determine ip", text) is not None


def refused() -> type[Exception]:
    """What the driver raises when Redshift says no."""
    import redshift_connector

    error: type[Exception] = redshift_connector.Error
    return error


def _said(error: Exception) -> str:
    """Redshift's own first line."""
    told = error.args[0] if error.args else ""
    text = told.get("M", "") if isinstance(told, dict) else str(told)
    return " ".join(text.split())[:400] or type(error).__name__


def _close(connection: Any) -> None:
    """Close; a connection that is gone cannot say goodbye."""
    try:
        connection.close()
    except cut_off():
        _LOG.debug("the connection was gone before it was closed")
