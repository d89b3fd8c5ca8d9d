"""The local SQL engine: one DuckDB file with a view per table of the lake, which any client can open.

The file holds views only, so it never needs a write while somebody reads. A new file is built beside it and renamed into
place: an open client keeps the file it opened, a run never waits for a client. What a client writes into the file is gone with
the next build; its tables belong into a file of its own. Restricted tables have no view.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from la_resources.contracts import Table
from la_resources.lake import Lake


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

    def refresh(self, tables: Iterable[Table]) -> list[str]:
        """Give every unrestricted table that has data a view; the names of the views.

        The file is rebuilt only if a view is missing or its columns changed: new partitions appear in an existing view by
        themselves. A file that is as this object last saw it is not opened again. Concurrent refreshes need no lock: who renames
        last looks again and repairs what the other could not see.
        """
        offered = [table for table in tables if not table.restricted]
        while True:
            wanted = {table.name: self._definition(table) for table in offered if self.lake.has_data(table)}
            found = self._identity()
            if self._settled == (found, wanted):
                return sorted(wanted)
            if self._published() == wanted:
                self._settled = found, wanted
                return sorted(wanted)
            self._build(wanted, [t for t in offered if t.name in wanted])

    def _identity(self) -> list[tuple[int, int, int] | None]:
        """What changes whenever the file, or its write-ahead log, is replaced or written to."""
        found: list[tuple[int, int, int] | None] = []
        for path in (self.path, _log_of(self.path)):
            try:
                status = path.stat()
            except FileNotFoundError:
                found.append(None)
            else:
                found.append((status.st_ino, status.st_mtime_ns, status.st_size))
        return found

    def _definition(self, table: Table) -> str:
        """The view's SELECT: contract columns by name over every file of the table."""
        pattern = str(self.lake.root / table.path / "school_year=*" / "*.parquet").replace("'", "''")
        columns = ", ".join(f'"{name}"' for name in table.names)
        return f"SELECT {columns} FROM read_parquet('{pattern}', union_by_name=true, hive_partitioning=false)"  # noqa: S608 - names of contracts

    def _published(self) -> dict[str, str]:
        """View name to definition, as the present file has them (empty without a file, or if it is not ours).

        A copy is looked at: the file itself may be locked by a client that opened it for writing. It is looked at with its
        write-ahead log: one that a client left, or still writes, for a file replaced since makes the file unreadable to all.
        """
        import duckdb

        with self._private_folder() as folder:
            copy = Path(folder) / self.path.name
            try:
                shutil.copyfile(self.path, copy)
                if _log_of(self.path).exists():
                    shutil.copyfile(_log_of(self.path), _log_of(copy))
                with duckdb.connect(str(copy), read_only=True) as connection:
                    return dict(connection.execute("SELECT name, definition FROM la.views").fetchall())
            except (FileNotFoundError, duckdb.Error):
                return {}

    def _private_folder(self) -> tempfile.TemporaryDirectory[str]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix=f".{self.path.name}.", dir=self.path.parent)

    def _build(self, views: dict[str, str], tables: Sequence[Table]) -> None:
        import duckdb

        with self._private_folder() as folder:
            fresh = Path(folder) / self.path.name
            with duckdb.connect(str(fresh)) as connection:
                connection.execute("CREATE SCHEMA la")
                connection.execute("CREATE TABLE la.views (name VARCHAR PRIMARY KEY, definition VARCHAR)")
                for table in tables:
                    schema, _, name = table.name.partition(".")
                    connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
                    connection.execute(f'CREATE VIEW "{schema}"."{name}" AS {views[table.name]}')
                    connection.execute(f'COMMENT ON VIEW "{schema}"."{name}" IS {_literal(table.grain)}')
                    for column in table.columns:
                        connection.execute(f'COMMENT ON COLUMN "{schema}"."{name}"."{column.name}" IS {_literal(column.description)}')
                    connection.execute("INSERT INTO la.views VALUES (?, ?)", [table.name, views[table.name]])
            os.replace(fresh, self.path)
            _log_of(self.path).unlink(missing_ok=True)


def _log_of(database: Path) -> Path:
    """Where DuckDB keeps the write-ahead log of a file."""
    return database.with_name(f"{database.name}.wal")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
