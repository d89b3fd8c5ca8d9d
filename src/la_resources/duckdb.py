"""The local SQL engine: one DuckDB file with a view per table of the lake, which any client can open.

The file holds views only, so it never needs a write while somebody reads. A new file is built beside it and renamed into
place: an open client keeps the file it opened, a run never waits for a client. Restricted tables have no view.
"""

from __future__ import annotations

import os
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

    def refresh(self, tables: Iterable[Table]) -> list[str]:
        """Give every unrestricted table that has data a view; the names of the views.

        The file is rebuilt only if a view is missing or its columns changed: new partitions appear in an existing view by
        themselves. Concurrent refreshes need no lock: who renames last looks again and repairs what the other could not see.
        """
        offered = [table for table in tables if not table.restricted]
        while True:
            wanted = {table.name: self._definition(table) for table in offered if self.lake.school_years(table)}
            if self._published() == wanted:
                return sorted(wanted)
            self._build(wanted, [t for t in offered if t.name in wanted])

    def _definition(self, table: Table) -> str:
        """The view's SELECT: contract columns by name over every file of the table."""
        pattern = str(self.lake.root / table.path / "school_year=*" / "*.parquet").replace("'", "''")
        columns = ", ".join(f'"{name}"' for name in table.names)
        return f"SELECT {columns} FROM read_parquet('{pattern}', union_by_name=true, hive_partitioning=false)"

    def _published(self) -> dict[str, str]:
        """View name to definition, as the present file has them (empty without a file)."""
        if not self.path.exists():
            return {}
        import duckdb

        with duckdb.connect(str(self.path), read_only=True) as connection:
            try:
                return dict(connection.execute("SELECT name, definition FROM la.views").fetchall())
            except duckdb.CatalogException:
                return {}

    def _build(self, views: dict[str, str], tables: Sequence[Table]) -> None:
        import duckdb

        self.path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{self.path.name}.", dir=self.path.parent) as folder:
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


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
