"""dbt on DuckDB: a database that nobody else ever opens.

A build makes a private DuckDB file in the lake's staging folder: a view per source table over the school years asked for, typed
and empty where there is none. dbt builds and tests its models there; what passed is handed over as frames, and the file is thrown
away. So a build waits for no reader and no reader for a build, and a build that is killed or whose tests fail has changed
nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from la_resources.contracts import Table
from la_resources.dbt.in_process import built
from la_resources.dbt.project import DbtProject, require_success
from la_resources.duckdb import sql_type
from la_resources.lake import Lake

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DATABASE = "build.duckdb"
"""Name of a build's private file."""

_MEMORY_LIMIT = "4GB"


@dataclass(frozen=True)
class OnDuckDB:
    """Builds over the files of a lake; the profile's DuckDB file is ``var('database')``."""

    lake: Lake

    @contextmanager
    def built(
        self, project: DbtProject, selected: Collection[str], school_years: Collection[str], variables: Mapping[str, Any]
    ) -> Iterator[dict[str, pl.LazyFrame]]:
        """As :class:`la_resources.dbt.project.DbtEngine` says."""
        models = project.chosen(selected)
        with self.lake.staging() as folder:
            database = folder / DATABASE
            _prepare(database, self.lake, project.sources, school_years)
            require_success(built(project.folder, database, [model.name.partition(".")[2] for model in models], variables))
            yield _handed_over(database, models)


def _prepare(database: Path, lake: Lake, sources: Iterable[Table], school_years: Collection[str]) -> None:
    """A view per source over the files of the school years; a typed empty table where there are none."""
    import duckdb

    with duckdb.connect(str(database), config={"memory_limit": _MEMORY_LIMIT}) as connection:
        for table in sources:
            connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{table.schema}"')
            _offer(connection, lake, table, school_years, database.parent)


def _offer(connection: DuckDBPyConnection, lake: Lake, table: Table, school_years: Collection[str], copies: Path) -> None:
    schema, _, name = table.name.partition(".")
    typed = {column.name: sql_type(column.dtype) for column in table.columns}
    files = [lake.storage.fetch(path, copies) for path in lake.paths(table, school_years)]
    if not files:
        columns = ", ".join(f'"{column}" {kind}' for column, kind in typed.items())
        connection.execute(f'CREATE TABLE "{schema}"."{name}" ({columns})')
        return
    paths = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
    there = {column for file in files for column in pl.read_parquet_schema(file)}
    columns = ", ".join(f'"{c}"' if c in there else f'CAST(NULL AS {typed[c]}) AS "{c}"' for c in table.names)
    found = f"read_parquet([{paths}], union_by_name = true, hive_partitioning = false)"
    connection.execute(f'CREATE VIEW "{schema}"."{name}" AS SELECT {columns} FROM {found}')  # noqa: S608


def _handed_over(database: Path, models: Iterable[Table]) -> dict[str, pl.LazyFrame]:
    """What dbt made, as files beside the database, with the types of the contracts."""
    import duckdb

    frames = {}
    with duckdb.connect(str(database), read_only=True) as connection:
        for model in models:
            schema, _, name = model.name.partition(".")
            file = database.with_name(f"{name}.parquet")
            connection.execute(f"""COPY "{schema}"."{name}" TO '{str(file).replace("'", "''")}' (FORMAT parquet)""")
            frames[model.name] = pl.scan_parquet(file).cast({c.name: c.dtype for c in model.columns})
    return frames
