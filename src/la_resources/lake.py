"""The lake: tables as Parquet partitions, one file per table and school year, replaced atomically.

``<root>/<schema>/<table>/school_year=2023-24/part.parquet``. A write streams into a staging file, the staging file is held
against the contract (right year, key sorted and unique, types, ranges), and only then takes the place of the old partition
by one rename. So a reader sees the old partition or the new one, a killed writer leaves the old one, and writers of
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
from urllib.parse import unquote, urlparse

import polars as pl

from la_resources.contracts import ContractError, Table, validate

PARTITION_COLUMN = "school_year"
PART = "part.parquet"
_STAGING = ".staging"
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
        A folder or a ``file://`` URL. (``s3://`` is refused here by name until its storage is installed.)
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        url = urlparse(str(root))
        if url.scheme not in ("", "file"):
            raise ValueError(f"lake root {root!s}: no storage is installed for {url.scheme}://; use a folder or a file:// URL")
        self.root = Path(unquote(url.path) if url.scheme == "file" else root).absolute()

    def partition_folder(self, table: Table, school_year: str) -> Path:
        return self.root / table.path / f"{PARTITION_COLUMN}={school_year}"

    def school_years(self, table: Table) -> list[str]:
        """School years of which the table has a partition, oldest first."""
        folder = self.root / table.path
        if not folder.is_dir():
            return []
        return sorted(p.name.partition("=")[2] for p in folder.glob(f"{PARTITION_COLUMN}=*") if any(p.glob("*.parquet")))

    def has_data(self, table: Table) -> bool:
        """Whether the table has a partition with a file."""
        folder = self.root / table.path
        if not folder.is_dir():
            return False
        with os.scandir(folder) as partitions:
            return any(_holds_parquet(p.path) for p in partitions if p.name.startswith(f"{PARTITION_COLUMN}="))

    def files(self, table: Table, school_years: Iterable[str] | None = None) -> list[Path]:
        """The Parquet files of some (all, if ``None``) school years, in order of year and name."""
        years = self.school_years(table) if school_years is None else sorted(set(school_years))
        return [file for year in years for file in sorted(self.partition_folder(table, year).glob("*.parquet"))]

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
        )

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A private folder on the lake's own file system; what is left in it is removed, also after a crash of another."""
        parent = self.root / _STAGING
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
            The new rows. A lazy frame is streamed to disk, never collected whole.

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
        with self.staging() as folder:
            staged = folder / PART
            shaped.sink_parquet(staged, compression=_COMPRESSION, row_group_size=_ROW_GROUP)
            staged, rows = self._in_order(table, school_year, staged)
            target = self.partition_folder(table, school_year) / PART
            size = staged.stat().st_size
            self._put(staged, target, restricted=table.restricted)
        return Written(table.name, school_year, str(target), rows, size)

    def publish_file(self, table: Table, school_year: str, staged: Path, name: str) -> Written:
        """Put one immutable file of a landing table in its place, validated first; the same name is replaced atomically."""
        staged, rows = self._in_order(table, school_year, staged, quick_look=True)
        size = staged.stat().st_size
        target = self.partition_folder(table, school_year) / f"{name}.parquet"
        self._put(staged, target, restricted=table.restricted)
        return Written(table.name, school_year, str(target), rows, size)

    def withdraw_file(self, table: Table, school_year: str, name: str) -> bool:
        """Remove one file of a landing table; whether there was one."""
        target = self.partition_folder(table, school_year) / f"{name}.parquet"
        try:
            target.unlink()
        except FileNotFoundError:
            return False
        return True

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

    @staticmethod
    def _put(staged: Path, target: Path, *, restricted: bool) -> None:
        """Make a staged file durable and move it into place."""
        target.parent.mkdir(parents=True, exist_ok=True)
        if restricted:
            target.parents[2].chmod(0o700)
        with staged.open("rb") as handle:
            os.fsync(handle.fileno())
        os.replace(staged, target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


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


def _holds_parquet(folder: str) -> bool:
    with os.scandir(folder) as files:
        return any(file.name.endswith(".parquet") for file in files)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
