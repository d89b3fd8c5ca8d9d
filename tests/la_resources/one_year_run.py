"""A small yearly table as a Dagster asset over a real lake, and a program that materialises one year of it with a shared Dagster home.

Run as ``python one_year_run.py <folder> <partition key> <runs>``: the asset's rows are streamed only when that many runs are
streaming theirs, so the program ends only if runs do not wait for each other.
"""

import datetime as dt
import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from la_assets.school_years import SCHOOL_YEARS
from la_resources import school_year
from la_resources.contracts import SCHOOL_YEAR_PATTERN, Column, Table
from la_resources.duckdb import Warehouse
from la_resources.io_managers import LakeIOManager
from la_resources.lake import Lake

COLUMNS = (
    Column("student_key", pl.String, "Key."),
    Column("days_absent", pl.Float64, "Days missed.", nullable=True, minimum=0),
    Column("school_year", pl.String, "Year.", pattern=SCHOOL_YEAR_PATTERN),
)
DAYS = Table("attendance.sample", "A student's year.", COLUMNS, ("student_key",))
NAMES = Table("directory.sample", "A student's name.", COLUMNS, ("student_key",), restricted=True)


def students(key: str, count: int = 3, *, absent: float = 1.0) -> pl.DataFrame:
    year = school_year.of_partition_key(key)
    return pl.DataFrame(
        {"student_key": [f"s{i}" for i in range(count)], "days_absent": [absent] * count, "school_year": [year] * count},
        schema=DAYS.polars_schema(),
    )


def io_manager(folder: Path, tables: Iterable[Table] = (DAYS, NAMES)) -> LakeIOManager:
    lake = Lake(folder / "lake")
    return LakeIOManager(lake, tables, [Warehouse(folder / "warehouse.duckdb", lake)])


def asset_of(table: Table, returns: Any) -> dg.AssetsDefinition:
    """An asset of one table; ``returns`` gives its rows from the run's partition keys."""

    @dg.asset(
        key=table.name.split("."),
        partitions_def=SCHOOL_YEARS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        io_manager_key="lake_io_manager",
    )
    def made(context: dg.AssetExecutionContext):
        return returns(list(context.partition_keys))

    return made


def main(folder: Path, key: str, runs: int) -> None:
    def streamed(frame: pl.DataFrame) -> pl.DataFrame:
        began = time.time()
        (folder / f"streaming-{key}").touch()
        while len(list(folder.glob("streaming-*"))) < runs:
            if time.time() - began > 120:
                raise TimeoutError("the other runs wait for this one")
            time.sleep(0.02)
        time.sleep(0.2)
        (folder / f"times-{key}.json").write_text(json.dumps({"began": began, "ended": time.time()}))
        return frame

    def rows(keys: list[str]) -> pl.LazyFrame:
        return students(keys[0]).lazy().map_batches(streamed, schema=DAYS.polars_schema())

    with dg.DagsterInstance.get() as instance:
        result = dg.materialize(
            [asset_of(DAYS, rows)], instance=instance, partition_key=key, resources={"lake_io_manager": io_manager(folder)}
        )
    print(json.dumps({"success": result.success, "at": dt.datetime.now(dt.UTC).isoformat()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
