"""Dagster's own run history in SQLite, without a disk flush and a new connection for every event.

A run of the whole graph writes thousands of small events. Dagster's storage opens and closes a connection for each, and
each close and commit waits for the disk: most of the time of a daily run. Here one connection per file stays open, and the
write-ahead log is flushed when it is folded in, not at every commit. A killed process loses nothing; after a power failure the
last events of a run may be missing, the file is whole. A run's file is a copy of an empty one, and what a query of runs and ticks is in
SQL is worked out once, not anew at every look of the daemon. Files and tables are Dagster's own: either storage reads what the other
wrote.
"""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar, cast
from urllib.parse import quote

from dagster import _check as check
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite import create_db_conn_string
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, NullPool, StaticPool, create_engine, event

from la_resources import cron_intervals

_KEPT_OPEN = 4
"""Files kept open at a time: the index of all runs and those of the latest runs."""
_BUSY_SECONDS = 30


class EventLog(SqliteEventLogStorage):
    """Dagster's event log with connections that stay open."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._open: OrderedDict[str, tuple[Engine, int]] = OrderedDict()
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table; asked before every event of an asset or check, looked up until it has."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        """A transaction on the file of a run (or the index of all); callers wait for each other, as in Dagster's own."""
        with self._db_lock, self._engine(shard).connect() as connection, connection.begin():
            yield connection

    def _engine(self, shard: str) -> Engine:
        path = self.path_for_shard(shard)
        engine, inode = self._open.pop(shard, (None, None))
        if engine is not None and inode != _inode(path):  # the run was deleted, or the history wiped
            engine.dispose()
            engine = None
        if engine is None:
            url, waiting = self.conn_string_for_shard(shard), {"timeout": _BUSY_SECONDS, "check_same_thread": False}
            made = inode is None and (shard in self._initialized_dbs or _is_complete(path))
            if not made and (os.path.exists(path) or not _is_put(self._empty, path)):
                self._initdb(create_engine(url, poolclass=NullPool, connect_args=waiting))
            self._initialized_dbs.add(shard)
            engine = create_engine(url, poolclass=StaticPool, connect_args=waiting)
            event.listen(engine, "connect", _flush_at_checkpoints)
            with engine.connect():
                inode = _inode(path)
        self._open[shard] = engine, check.not_none(inode)
        while len(self._open) > _KEPT_OPEN:
            self._open.popitem(last=False)[1][0].dispose()
        return engine

    @cached_property
    def _empty(self) -> bytes:
        """A file of a run as Dagster makes it, without an event."""
        with TemporaryDirectory() as folder:
            file = Path(folder) / "empty.db"
            self._initdb(create_engine(f"sqlite:///{file}", poolclass=NullPool))
            return file.read_bytes()

    def close_files(self) -> None:
        """Close all files; they are opened again when they are needed."""
        with self._db_lock:
            while self._open:
                self._open.popitem()[1][0].dispose()

    def dispose(self) -> None:
        """Close all files, for good."""
        self.close_files()
        super().dispose()


class Connecting:
    """One engine for all connections to a file: it keeps what queries are in SQL; a connection is as short as the transaction."""

    _conn_string: str

    @cached_property
    def _engine(self) -> Engine:
        return create_engine(self._conn_string, poolclass=NullPool, connect_args={"timeout": _BUSY_SECONDS})

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A transaction."""
        with self._engine.connect() as connection, connection.begin():
            yield connection


class Runs(Connecting, SqliteRunStorage):
    """Dagster's runs."""


class Ticks(Connecting, SqliteScheduleStorage):
    """Dagster's ticks of sensors and schedules."""


Storage = TypeVar("Storage", Runs, Ticks)


class RunHistory(DagsterSqliteStorage):
    """Runs, events and schedules of a local instance; named in ``dagster.yaml`` under ``storage: custom``."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super(DagsterSqliteStorage, self).__init__()  # which would open the same files by Dagster's own
        self.base_dir, self._inst_data = base_dir, inst_data
        self._run_storage = _opened(Runs, os.path.join(base_dir, "history"), "runs", "instance_info")
        self._event_log_storage = EventLog(os.path.join(base_dir, "history", "runs", ""))
        self._schedule_storage = _opened(Ticks, os.path.join(base_dir, "schedules"), "schedules", "secondary_indexes")

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> RunHistory:
        cron_intervals.remember()
        return cls(inst_data=inst_data, **config_value)


def _flush_at_checkpoints(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous = NORMAL")


def _is_put(content: bytes, path: str) -> bool:
    """Put a whole file where there is none, with one link; whether there was none."""
    beside = Path(f"{path}.{uuid.uuid4().hex}")
    beside.parent.mkdir(parents=True, exist_ok=True)
    beside.write_bytes(content)
    try:
        os.link(beside, path)
    except FileExistsError:
        return False
    finally:
        beside.unlink()
    return True


def _opened(kind: type[Storage], folder: str, name: str, newest: str) -> Storage:
    """Runs or ticks of a file that is complete and has Dagster's newest table; else as Dagster makes or completes it."""
    if _is_complete(os.path.join(folder, f"{name}.db"), newest):
        return kind(create_db_conn_string(folder, name))
    return cast("Storage", kind.from_local(folder))


def _is_complete(path: str, newest: str = "alembic_version") -> bool:
    """Whether a file has been made by Dagster to the end: marking it with its version comes last.

    Dagster looks whether the version is the newest, for which it reads all its migrations, a twentieth of a short run.
    """
    if not os.path.exists(path):
        return False
    with closing(sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=_BUSY_SECONDS)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"alembic_version", newest} <= names:
            return False
        return connection.execute("SELECT 1 FROM alembic_version").fetchone() is not None


def _inode(path: str) -> int | None:
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return None
