"""The lake: tables as Parquet partitions, one file per table and school year, replaced atomically.

``<root>/<schema>/<table>/school_year=2023-24/part.parquet``. A write streams into a staging file, the staging file is held
against the contract (right year, key sorted and unique, types, ranges), and only then takes the place of the old partition
by one rename (in S3: one PUT). So a reader sees the old partition or the new one, a killed writer leaves the old one, and writers of
different partitions never meet. Raw landing tables keep one immutable file per source file in the same folders. This module
knows nothing of Dagster and nothing of any one table.
"""

from __future__ import annotations

import os
import shutil
import socket
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from la_resources.contracts import ContractError, Table, validate
from la_resources.storage import storage_at

PARTITION_COLUMN = "school_year"
PART = "part.parquet"
_COMPRESSION: Literal["zstd"] = "zstd"
_ROW_GROUP = 131_072
"""Rows of a row group: said, because where the engine would end them differs from run to run, and a rerun is byte-identical."""
_INSPECTED_AT_ONCE = 2_000_000
"""Rows held in memory while a staged file is held against its contract."""


class _UnsortedError(Exception):
    """Rows of a staged file do not strictly ascend by the key."""


@dataclass(frozen=True)
class Written:
    """What one publication of a partition wrote."""

    table: str
    school_year: str
    path: str
    rows: int
    bytes: int


class Lake:
    """Tables below one root.

    Parameters
    ----------
    root : str
        A folder, or a ``file://`` or ``s3://bucket/prefix`` URL.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.storage = storage_at(root, "lake")

    @property
    def root(self) -> Path | str:
        """The folder or URL that all tables lie below."""
        return self.storage.root

    @staticmethod
    def partition_folder(table: Table, school_year: str) -> str:
        """A partition's folder, below the root."""
        return f"{table.path}/{PARTITION_COLUMN}={school_year}"

    def school_years(self, table: Table) -> list[str]:
        """School years of which the table has a partition, oldest first."""
        return [year for year in self._years(table) if self._names(table, year)]

    def has_data(self, table: Table) -> bool:
        """Whether the table has a partition with a file."""
        return any(self._names(table, year) for year in self._years(table))

    def _years(self, table: Table) -> list[str]:
        start = f"{PARTITION_COLUMN}="
        return [name.removeprefix(start) for name in self.storage.folders(table.path) if name.startswith(start)]

    def _names(self, table: Table, school_year: str) -> list[str]:
        return [name for name in self.storage.names(self.partition_folder(table, school_year)) if name.endswith(".parquet")]

    def paths(self, table: Table, school_years: Iterable[str] | None = None) -> list[str]:
        """The Parquet files of some (all, if ``None``) school years, below the root, in order of year and name."""
        years = self._years(table) if school_years is None else sorted(set(school_years))
        return [f"{self.partition_folder(table, year)}/{name}" for year in years for name in self._names(table, year)]

    def files(self, table: Table, school_years: Iterable[str] | None = None) -> list[str]:
        """The same files as polars, and people, call them."""
        return [self.storage.location(path) for path in self.paths(table, school_years)]

    def scan(self, table: Table, school_years: Iterable[str] | None = None) -> pl.LazyFrame:
        """A lazy frame of some (all, if ``None``) school years, typed by the contract; typed and empty without data.

        Columns go by name: a nullable column that older files lack is null there, a column the contract no longer has is
        left out.
        """
        files = self.files(table, school_years)
        if not files:
            return table.empty()
        return pl.scan_parquet(
            files,
            schema=table.polars_schema(),
            missing_columns="insert",
            extra_columns="ignore",
            hive_partitioning=False,
            glob=False,
            **self.storage.reading,
        )

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A private folder, on the lake's own file system if it has one; what is left in it is removed, also after a crash of another."""
        parent = self.storage.working_folder
        parent.mkdir(parents=True, exist_ok=True)
        self._remove_abandoned(parent)
        folder = parent / f"{socket.gethostname()}.{os.getpid()}.{uuid.uuid4().hex}"
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @staticmethod
    def _remove_abandoned(parent: Path) -> None:
        """Remove staging folders whose process on this host is gone."""
        host = socket.gethostname()
        for folder in parent.iterdir():
            owner, _, rest = folder.name.rpartition(".")[0].rpartition(".")
            if owner == host and rest.isdigit() and not _alive(int(rest)):
                shutil.rmtree(folder, ignore_errors=True)

    def publish(self, table: Table, school_year: str, frame: pl.LazyFrame | pl.DataFrame) -> Written:
        """Replace one partition of a table, atomically.

        Parameters
        ----------
        table : Table
            The contract: columns are matched by name, rows are sorted by the key.
        school_year : str
            The partition, e.g. ``2023-24``; every row must belong to it.
        frame : polars.LazyFrame or polars.DataFrame
            The new rows. A lazy frame is streamed to disk; rows of a table that is ``in_order`` are never held whole, as they are for
            sorting.

        Returns
        -------
        Written
            Rows and bytes of the new partition.

        Raises
        ------
        ContractError
            If columns, types, values, key or year break the contract. The old partition stays as it was.
        """
        shaped = _contract_columns(table, frame.lazy())
        if not table.in_order:
            shaped = shaped.sort(table.key, maintain_order=True)
        with self.staging() as folder:
            staged = folder / PART
            shaped.sink_parquet(staged, compression=_COMPRESSION, row_group_size=_ROW_GROUP)
            staged, rows = self._in_order(table, school_year, staged)
            return self._put(table, school_year, staged, PART, rows)

    def publish_file(self, table: Table, school_year: str, staged: Path, name: str) -> Written:
        """Put one immutable file of a landing table in its place, validated first; the same name is replaced atomically."""
        staged, rows = self._in_order(table, school_year, staged, quick_look=True)
        return self._put(table, school_year, staged, f"{name}.parquet", rows)

    def _put(self, table: Table, school_year: str, staged: Path, name: str, rows: int) -> Written:
        """Move a staged file into place."""
        path, size = f"{self.partition_folder(table, school_year)}/{name}", staged.stat().st_size
        self.storage.put_file(staged, path, closed=table.schema if table.restricted else "")
        return Written(table.name, school_year, self.storage.location(path), rows, size)

    def withdraw_file(self, table: Table, school_year: str, name: str) -> bool:
        """Remove one file of a landing table; whether there was one."""
        return self.storage.remove(f"{self.partition_folder(table, school_year)}/{name}.parquet")

    def _in_order(self, table: Table, school_year: str, staged: Path, *, quick_look: bool = False) -> tuple[Path, int]:
        """The staged file, sorted by the key if it is not yet, with its row count; held against the contract either way."""
        try:
            return staged, self._inspect(table, school_year, staged, quick_look=quick_look)
        except _UnsortedError:
            ordered = staged.with_name(f"ordered.{staged.name}")
            pl.scan_parquet(staged).sort(table.key, maintain_order=True).sink_parquet(
                ordered, compression=_COMPRESSION, row_group_size=_ROW_GROUP
            )
            self._refuse_duplicate_keys(table, ordered)
            return ordered, self._inspect(table, school_year, ordered, quick_look=quick_look)

    @staticmethod
    def _inspect(table: Table, school_year: str, staged: Path, *, quick_look: bool) -> int:
        """Hold a staged file against the contract, a bounded number of rows at a time; its row count.

        Raises
        ------
        ContractError
            If a row belongs to another year or breaks the contract.
        _UnsortedError
            If the rows do not strictly ascend by the key (they are out of order, or a key repeats).
        """
        frame = pl.scan_parquet(staged)
        rows: int = frame.select(pl.len()).collect().item()
        last = pl.DataFrame(schema={c: table.by_name[c].dtype for c in table.key})
        for offset in range(0, max(rows, 1), _INSPECTED_AT_ONCE):
            chunk = frame.slice(offset, _INSPECTED_AT_ONCE).collect()
            _refuse_other_years(table, school_year, chunk)
            keys = pl.concat([last, chunk.select(table.key)])
            if not keys.select(_strictly_ascending(table.key).slice(1).all()).item():
                raise _UnsortedError
            validate(table, chunk, quick_look=quick_look)
            last = keys.tail(1)
        return rows

    @staticmethod
    def _refuse_duplicate_keys(table: Table, staged: Path) -> None:
        same = pl.all_horizontal([pl.col(c).eq_missing(pl.col(c).shift(1)) for c in table.key])
        repeated = pl.scan_parquet(staged).select(*table.key, repeated=same).filter("repeated").select(table.key)
        first = repeated.head(3).collect().to_dicts()
        if first:
            count = repeated.select(pl.len()).collect().item()
            raise ContractError(f"{table.name}: the key ({', '.join(table.key)}) is not unique: {count} row(s) repeat one, e.g. {first}")


def _contract_columns(table: Table, frame: pl.LazyFrame) -> pl.LazyFrame:
    """The frame's columns of the contract, by name; a missing one, nullable or not, and a wrong type are refused.

    Working columns beside them are left out. That a nullable column must be there all the same is what catches a misspelled one.
    """
    found = frame.collect_schema()
    missing = [c.name for c in table.columns if c.name not in found]
    wrong = [f"{c.name} is {found[c.name]}, not {c.dtype}" for c in table.columns if c.name in found and found[c.name] != c.dtype]
    problems = [
        *([f"missing columns: {', '.join(missing)} (it has {', '.join(found.names())})"] if missing else []),
        *([f"wrong types: {'; '.join(wrong)}"] if wrong else []),
    ]
    if problems:
        raise ContractError(f"{table.name} does not have the columns of its contract: " + "; ".join(problems))
    return frame.select(table.names)


def _refuse_other_years(table: Table, school_year: str, chunk: pl.DataFrame) -> None:
    other = chunk.filter(pl.col(PARTITION_COLUMN) != school_year)
    if other.height:
        first = other.select(PARTITION_COLUMN, *table.key).row(0, named=True)
        raise ContractError(
            f"{table.name}: {other.height} row(s) do not belong to the partition {school_year} being written; "
            f"the first is {first}. Derive school_year from the row's own dates, or add the year to the run."
        )


def _strictly_ascending(key: tuple[str, ...]) -> pl.Expr:
    """Whether each row's key is greater than the row's before (lexicographic): sorted and unique in one look."""
    ascending = pl.lit(False)
    for column in reversed(key):
        value, before = pl.col(column), pl.col(column).shift(1)
        ascending = (value > before) | ((value == before) & ascending)
    return ascending


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
