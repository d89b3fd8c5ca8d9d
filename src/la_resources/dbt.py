"""Tables built by dbt on a database that nobody else ever opens.

A build makes a private DuckDB file in the lake's staging folder: a view per source table over the school years asked for, typed
and empty where there is none. dbt builds and tests its models there; what passed is handed over as frames, and the file is thrown
away. So a build waits for no reader and no reader for a build, and a build that is killed or whose tests fail has changed
nothing. It knows nothing of any one table: the SQL stands in the dbt project.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from la_resources import dbt_runner
from la_resources.contracts import Table
from la_resources.duckdb import sql_type
from la_resources.lake import Lake

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DATABASE = "build.duckdb"
"""Name of a build's private file."""

_MEMORY_LIMIT = "4GB"
_BUILT = {"success", "pass", "skipped", "warn", "no-op"}


class DbtFailed(RuntimeError):
    """Models or tests of the dbt project failed; the message names each with what dbt said."""


@dataclass(frozen=True)
class DbtProject:
    """A dbt project over tables of a lake.

    Attributes
    ----------
    folder : Path
        Holds ``dbt_project.yml`` and ``profiles.yml``; its profile's DuckDB file is ``var('database')``.
    sources : tuple of Table
        Tables that the models read as ``source('schema', 'table')``.
    models : tuple of Table
        Models that become tables of the lake; other models of the project stay within a build.
    """

    folder: Path
    sources: tuple[Table, ...]
    models: tuple[Table, ...]

    @contextmanager
    def built(
        self, lake: Lake, selected: Collection[str], school_years: Collection[str], variables: Mapping[str, Any]
    ) -> Iterator[dict[str, pl.LazyFrame]]:
        """Build and test models, with all they are made from, for some school years.

        Parameters
        ----------
        lake : Lake
            Where the sources are.
        selected : collection of str
            Names of models, ``schema.table``.
        school_years : collection of str
            The years that the models see.
        variables : mapping
            dbt variables of the project.

        Yields
        ------
        dict of str to polars.LazyFrame
            The rows of each selected model, with the types of its contract; readable within the ``with`` block only.

        Raises
        ------
        DbtFailed
            If a model or a test fails; nothing is handed over.
        """
        with lake.staging() as folder:
            database = folder / DATABASE
            _prepare(database, lake, self.sources, school_years)
            _build(self.folder, database, sorted(name.partition(".")[2] for name in selected), variables)
            yield _handed_over(database, [model for model in self.models if model.name in selected])


def _build(folder: Path, database: Path, models: Sequence[str], variables: Mapping[str, Any]) -> None:
    try:
        results = dbt_runner.built(folder, database, models, variables)
    except dbt_runner.DbtError as error:
        raise DbtFailed(f"dbt failed, so nothing was published: {error}") from error
    if failed := [r for r in results if r.status not in _BUILT]:
        told = [f"{r.node.unique_id}: {' '.join(str(r.message).split())}" for r in failed]
        raise DbtFailed("dbt failed, so nothing was published:\n  " + "\n  ".join(told))


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
    columns = ", ".join(f'"{column}" {kind}' for column, kind in typed.items())
    connection.execute(f'CREATE TABLE "{schema}"."{name}" ({columns})')
    if files := [lake.storage.fetch(path, copies) for path in lake.paths(table, school_years)]:
        paths = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
        found = f"read_parquet([{paths}], union_by_name = true, hive_partitioning = false)"
        there = {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {found}").fetchall()}  # noqa: S608
        columns = ", ".join(f'"{c}"' if c in there else f'CAST(NULL AS {typed[c]}) AS "{c}"' for c in table.names)
        connection.execute(f'DROP TABLE "{schema}"."{name}"')
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
