"""The local SQL engine: one DuckDB file with a view per table of the lake, which any client can open.

The file holds views only, so it never needs a write while somebody reads. A new file is built beside it and renamed into
place: an open client keeps the file it opened, a run never waits for a client. What a client writes into the file is gone with
the next build; its tables belong into a file of its own. Restricted tables have no view.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from la_resources.contracts import Table
from la_resources.lake import Lake, Written

if TYPE_CHECKING:
    import polars as pl
    from duckdb import DuckDBPyConnection
    from polars.datatypes import DataTypeClass


class Warehouse:
    """A ``.duckdb`` file of views over a lake.

    Parameters
    ----------
    path : str
        The file; its folder is made if needed.
    lake : Lake
        The lake the views read.
    """

    def __init__(self, path: str | os.PathLike[str], lake: Lake) -> None:
        self.path = Path(path).absolute()
        self.lake = lake
        self._settled: tuple[object, dict[str, str]] | None = None

    @property
    def _note(self) -> Path:
        """Which views the file has, for other processes, so that they need not open it; of another file than the present, it is void."""
        return self.path.with_name(f".{self.path.name}.views.json")

    def _known(self) -> tuple[object, dict[str, str]]:
        """The identity of the file as it was last seen, by this object or in the note, and the views it has."""
        if self._settled is None:
            try:
                noted = json.loads(self._note.read_text())
                self._settled = noted["identity"], noted["views"]
            except (FileNotFoundError, ValueError, KeyError, TypeError):
                return None, {}
        return self._settled

    def _settle(self, identity: object, views: dict[str, str], folder: Path) -> None:
        """Remember, here and in the note, that the file of this identity has these views."""
        self._settled = identity, views
        note = folder / self._note.name
        note.write_text(json.dumps({"identity": identity, "views": views}))
        os.replace(note, self._note)

    def published(self, table: Table, written: Sequence[Written], tables: Collection[Table]) -> None:
        """Follow what was just written: a table's first partition gives it a view, its others appear in it by themselves."""
        seen, views = self._known()
        if table.name in views and views[table.name] == self._definition(table) and seen == _identity(self.path):
            return
        self.refresh(tables)

    def refresh(self, tables: Iterable[Table]) -> list[str]:
        """Give every unrestricted table that has data a view; the names of the views.

        The file is rebuilt only if a view is missing or its columns changed: new partitions appear in an existing view by
        themselves. A file that is as this object last saw it is not opened again. Concurrent refreshes need no lock: who renames
        last looks again and repairs what the other could not see.
        """
        offered = [table for table in tables if not table.restricted]
        while True:
            wanted = {table.name: self._definition(table) for table in offered if self.lake.has_data(table)}
            seen, views = self._known()
            if seen == _identity(self.path) and views == wanted:
                return sorted(wanted)
            self._build(wanted, {table.name: table for table in offered})

    def _definition(self, table: Table) -> str:
        """The view's SELECT: contract columns by name over every file of the table.

        A nullable column that the files do not have (yet) is null in the view, as it is in `Lake.scan`: an empty row set with the
        contract's columns stands beside the files and gives it name and type.
        """
        pattern = self.lake.storage.location(f"{table.path}/school_year=*/*.parquet").replace("'", "''")
        columns = ", ".join(f'"{name}"' for name in table.names)
        nothing = ", ".join(f'NULL::{sql_type(c.dtype)} AS "{c.name}"' for c in table.columns if c.nullable)
        files = f"FROM read_parquet('{pattern}', union_by_name=true, hive_partitioning=false)"
        rows = f"({files} UNION ALL BY NAME SELECT {nothing} WHERE false)" if nothing else f"({files})"
        return f"SELECT {columns} FROM {rows}"  # noqa: S608 - names of contracts

    def _copy(self, folder: Path) -> Path:
        copy = folder / self.path.name
        shutil.copyfile(self.path, copy)
        if _log_of(self.path).exists():
            shutil.copyfile(_log_of(self.path), _log_of(copy))
        return copy

    def _private_folder(self) -> tempfile.TemporaryDirectory[str]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix=f".{self.path.name}.", dir=self.path.parent)

    def _build(self, wanted: dict[str, str], tables: Mapping[str, Table]) -> None:
        """Put a file with exactly the wanted views into place, unless the present one has them.

        A view is bound to every Parquet file of its table, which takes longer than all else here: views that stand as wanted in
        the present file are taken from it. A file that holds anything besides our views is not built upon. Not the file is worked
        on, which a client may have locked, but a copy, with its write-ahead log: one that a client left, or still writes, for a
        file replaced since makes the file unreadable to all.
        """
        import duckdb

        found = _identity(self.path)
        with self._private_folder() as folder:
            try:
                fresh = self._copy(Path(folder))
                with duckdb.connect(str(fresh)) as connection:
                    if _views(connection) == wanted:
                        self._settle(found, wanted, Path(folder))
                        return
                    _bring_up_to(connection, wanted, tables)
            except (FileNotFoundError, _NotOurs, duckdb.Error):
                fresh = Path(folder) / f"anew.{self.path.name}"
                with duckdb.connect(str(fresh)) as connection:
                    connection.execute("CREATE SCHEMA la")
                    connection.execute("CREATE TABLE la.views (name VARCHAR PRIMARY KEY, definition VARCHAR)")
                    _bring_up_to(connection, wanted, tables)
            identity = _identity(fresh)  # a rename keeps it: whoever renames after us is noticed
            os.replace(fresh, self.path)
            _log_of(self.path).unlink(missing_ok=True)
            self._settle(identity, wanted, Path(folder))


def _identity(database: Path) -> list[list[int] | None]:
    """What changes whenever a database file, or its write-ahead log, is replaced or written to."""
    found: list[list[int] | None] = []
    for path in (database, _log_of(database)):
        try:
            status = path.stat()
        except FileNotFoundError:
            found.append(None)
        else:
            found.append([status.st_ino, status.st_mtime_ns, status.st_size])
    return found


class _NotOurs(Exception):
    """A file holds tables or views that were not made here."""


def _views(connection: DuckDBPyConnection) -> dict[str, str]:
    """View name to definition, as they were made; their mere names are compared with what is really there.

    Raises
    ------
    _NotOurs
        If there is a table or view besides those listed, or a listed one is not there.
    """
    listed: dict[str, str] = dict(connection.execute("SELECT name, definition FROM la.views").fetchall())
    there = connection.execute(
        "SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE NOT internal AND database_name = current_database() "
        "UNION ALL SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = current_database()"
    ).fetchall()
    if {name for (name,) in there} != {*listed, "la.views"}:
        raise _NotOurs
    return listed


def _bring_up_to(connection: DuckDBPyConnection, wanted: Mapping[str, str], tables: Mapping[str, Table]) -> None:
    """Drop views that are not wanted as they are and make those that are missing, in one transaction."""
    present = _views(connection)
    connection.execute("BEGIN")
    for name in sorted(n for n, definition in present.items() if wanted.get(n) != definition):
        connection.execute(f"DROP VIEW {_quoted(name)}")
        connection.execute("DELETE FROM la.views WHERE name = ?", [name])
    for name in sorted(n for n, definition in wanted.items() if present.get(n) != definition):
        table, view = tables[name], _quoted(name)
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{table.schema}"')
        connection.execute(f"CREATE VIEW {view} AS {wanted[name]}")
        connection.execute(f"COMMENT ON VIEW {view} IS {_literal(table.grain)}")
        for column in table.columns:
            connection.execute(f'COMMENT ON COLUMN {view}."{column.name}" IS {_literal(column.description)}')
        connection.execute("INSERT INTO la.views VALUES (?, ?)", [name, wanted[name]])
    connection.execute("COMMIT")


def sql_type(dtype: DataTypeClass | pl.DataType) -> str:
    """DuckDB's name of a contract's type, as it reads such a column from Parquet."""
    import polars as pl

    if isinstance(dtype, pl.List):
        return f"{sql_type(dtype.inner)}[]"
    if isinstance(dtype, pl.Struct):
        return f"STRUCT({', '.join(f'{_quoted(field.name)} {sql_type(field.dtype)}' for field in dtype.fields)})"
    if isinstance(dtype, pl.Datetime):
        return "TIMESTAMP WITH TIME ZONE" if dtype.time_zone else "TIMESTAMP"
    return {
        "String": "VARCHAR",
        "Boolean": "BOOLEAN",
        "Date": "DATE",
        "Int16": "SMALLINT",
        "Int32": "INTEGER",
        "Int64": "BIGINT",
        "UInt64": "UBIGINT",
        "Float32": "FLOAT",
        "Float64": "DOUBLE",
    }[str(dtype)]


def _quoted(name: str) -> str:
    return ".".join(f'"{part}"' for part in name.split(".", 1))


def _log_of(database: Path) -> Path:
    """Where DuckDB keeps the write-ahead log of a file."""
    return database.with_name(f"{database.name}.wal")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
