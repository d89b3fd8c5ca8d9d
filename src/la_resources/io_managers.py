"""The one IO manager: what an asset returns becomes partitions of the lake, what it asks for comes back lazily.

An asset returns a lazy frame, a data frame (one year, or several told apart by ``school_year``) or a mapping from partition
key to frame; every partition of the run is replaced, each by one atomic write. Inputs arrive as a ``polars.LazyFrame`` (or a
``DataFrame`` if so annotated) of exactly the partitions that the mapping names, typed and empty where there are none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore, Lock
from typing import Any

import dagster as dg
import polars as pl

from la_resources import school_year
from la_resources.contracts import ContractError, Table
from la_resources.lake import PARTITION_COLUMN, Lake, Written
from la_resources.sql_engine import SqlEngine

Frames = pl.LazyFrame | pl.DataFrame | Mapping[str, pl.LazyFrame | pl.DataFrame]
_PARTITIONS_AT_ONCE = 2
"""Partitions written at a time, by all steps of a run together: sorting and joining leave a core idle, and each holds up to a
year in memory."""
_PREVIEW_ROWS = 5
_PREVIEW_WIDTH = 12


class LakeIOManager(dg.IOManager):
    """Stores assets as partitions of a lake.

    Parameters
    ----------
    lake : Lake
        Where the tables are.
    contracts : iterable of Table
        Contracts of every table that may be stored, matched with assets by name (``schema.table``).
    engines : sequence of SqlEngine
        What makes the tables readable by SQL; told of every publication, in this order.
    """

    def __init__(self, lake: Lake, contracts: Iterable[Table], engines: Sequence[SqlEngine] = ()) -> None:
        self.lake = lake
        self.contracts = {table.name: table for table in contracts}
        self.engines = tuple(engines)
        self._writing = BoundedSemaphore(_PARTITIONS_AT_ONCE)
        self._following = Lock()

    def _table(self, key: dg.AssetKey) -> Table:
        name = ".".join(key.path)
        if name not in self.contracts:
            raise dg.Failure(f"{name} has no contract; add its Table to the schema.py of its room and to the room's TABLES")
        return self.contracts[name]

    def handle_output(self, context: dg.OutputContext, obj: Frames) -> None:
        table = self._table(context.asset_key)
        partitions = _by_partition(table, context.asset_partition_keys, obj)
        with ThreadPoolExecutor(_PARTITIONS_AT_ONCE, "publish") as threads:
            written = list(threads.map(lambda partition: self._publish(table, *partition), partitions))
        for key, partition in zip(sorted(context.asset_partition_keys), written, strict=True):
            context.step_context.add_asset_metadata(self._metadata(table, partition), asset_key=context.asset_key, partition_key=key)
        with self._following:
            for engine in self.engines:
                engine.published(table, written, self.contracts.values())

    def _publish(self, table: Table, key: str, frame: pl.LazyFrame | pl.DataFrame) -> Written:
        with self._writing:
            return self.lake.publish(table, school_year.of_partition_key(key), frame)

    def load_input(self, context: dg.InputContext) -> pl.LazyFrame | pl.DataFrame:
        table = self._table(context.asset_key)
        keys = context.asset_partition_keys if context.has_asset_partitions else None
        years = None if keys is None else [school_year.of_partition_key(key) for key in keys]
        frame = self.lake.scan(table, years)
        return frame.collect() if context.dagster_type.typing_type is pl.DataFrame else frame

    def _metadata(self, table: Table, partition: Written) -> dict[str, Any]:
        """What the asset's page shows and plots of one partition."""
        shown: dict[str, Any] = {
            "dagster/row_count": partition.rows,
            "bytes": partition.bytes,
            "school_year": partition.school_year,
            "path": dg.MetadataValue.path(partition.path),
        }
        if table.preview and not table.restricted:
            head = pl.scan_parquet(partition.path, **self.lake.storage.reading).head(_PREVIEW_ROWS).collect()
            shown["preview"] = dg.MetadataValue.md(_markdown(head))
        return shown


def _by_partition(table: Table, keys: Iterable[str], obj: Frames) -> list[tuple[str, pl.LazyFrame | pl.DataFrame]]:
    """One frame for each partition key of the run, oldest year first."""
    keys = sorted(keys)
    if isinstance(obj, Mapping):
        if sorted(obj) != keys:
            raise ContractError(f"{table.name}: the asset returned the partitions {sorted(obj)}, the run asked for {keys}")
        return [(key, obj[key]) for key in keys]
    if not isinstance(obj, (pl.LazyFrame, pl.DataFrame)):
        raise ContractError(f"{table.name}: an asset returns a polars frame or a mapping of frames, not {type(obj).__name__}")
    if len(keys) == 1:
        return [(keys[0], obj)]
    labels = [school_year.of_partition_key(key) for key in keys]
    if PARTITION_COLUMN not in obj.lazy().collect_schema():
        raise ContractError(f"{table.name}: a frame for several years needs the column {PARTITION_COLUMN} to tell them apart; add it")
    outside = (
        obj.lazy().filter(~pl.col(PARTITION_COLUMN).is_in(labels).fill_null(False)).select(PARTITION_COLUMN, *table.key).head(1).collect()
    )
    if outside.height:
        raise ContractError(f"{table.name}: a row lies outside the run's years {labels}: {outside.row(0, named=True)}")
    return [(key, obj.filter(pl.col(PARTITION_COLUMN) == label)) for key, label in zip(keys, labels, strict=True)]


def _markdown(frame: pl.DataFrame) -> str:
    """A few rows as a markdown table; wide tables are cut, and say so."""
    shown = frame.select(frame.columns[:_PREVIEW_WIDTH])
    lines = ["| " + " | ".join(shown.columns) + " |", "|" + "---|" * shown.width]
    lines += ["| " + " | ".join("" if v is None else str(v).replace("|", "\\|")[:60] for v in row) + " |" for row in shown.rows()]
    if frame.width > _PREVIEW_WIDTH:
        lines.append(f"\nand {frame.width - _PREVIEW_WIDTH} more columns: {', '.join(frame.columns[_PREVIEW_WIDTH:])}")
    return "\n".join(lines)
