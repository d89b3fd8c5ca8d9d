"""One way to declare a table asset: its contract, its inputs by contract, one function from frames to a frame.

``yearly_table`` turns that into a Dagster asset partitioned by school year: key, group, kinds, owners, description and
column schema come from the contract and the docstring; a run over several years calls the function once a year, each time
with frames of that year only, and writes each year on its own. What a table computes stands in the room's plain modules.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import polars as pl

from la_assets.school_years import SCHOOL_YEARS, SchoolYear, years_of
from la_resources.contracts import Table
from la_resources.district import District

OWNER = "team:data"


@dataclass(frozen=True)
class Year:
    """What a table function sees of one school year: its frames and the district's settings.

    ``year[TABLE]`` is the lazy frame of an input in this very year; ``year.history(TABLE)`` is the frame of the years that
    the input's partition mapping lets this year see. Both are typed and empty where there is no data.
    """

    school_year: SchoolYear
    district: District
    frames: Mapping[str, pl.LazyFrame]
    histories: Mapping[str, tuple[int, int]]

    @property
    def label(self) -> str:
        return self.school_year.label

    def __getitem__(self, table: Table) -> pl.LazyFrame:
        return self.frames[table.name].filter(pl.col("school_year") == self.label)

    def history(self, table: Table) -> pl.LazyFrame:
        first, last = self.histories[table.name]
        labels = [self.school_year.shift(offset).label for offset in range(first, last + 1)]
        return self.frames[table.name].filter(pl.col("school_year").is_in(labels))


def asset_key(table: Table) -> dg.AssetKey:
    return dg.AssetKey(table.name.split("."))


def column_schema(table: Table) -> dg.TableSchema:
    """The contract as the column schema that the asset's page shows."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=c.name,
                type=_type_name(c.dtype),
                description=c.description,
                constraints=dg.TableColumnConstraints(
                    nullable=c.nullable,
                    other=[
                        *([f">= {c.minimum:g}"] if c.minimum is not None else []),
                        *([f"<= {c.maximum:g}"] if c.maximum is not None else []),
                        *([f"one of {', '.join(c.options)}"] if c.options else []),
                        *([f"matches {c.pattern}"] if c.pattern else []),
                    ],
                ),
            )
            for c in table.columns
        ]
    )


def _type_name(dtype: pl.DataType | type[pl.DataType]) -> str:
    """The type as a reader of the asset's page says it: `Datetime (UTC)`, not its constructor."""
    return f"Datetime ({dtype.time_zone or 'no time zone'})" if isinstance(dtype, pl.Datetime) else str(dtype)


def table_metadata(table: Table) -> dict[str, Any]:
    """Definition metadata that every table asset carries: contract, key, whether it is restricted."""
    return {
        "dagster/column_schema": column_schema(table),
        "dagster/table_name": table.name,
        "grain": table.grain,
        "key": ", ".join(table.key),
        "restricted": table.restricted,
    }


def table_tags(table: Table) -> dict[str, str]:
    return {"schema": table.schema, "restricted": "yes" if table.restricted else "no"}


def yearly_table(
    table: Table,
    *,
    inputs: Sequence[Table],
    history: Mapping[str, dg.TimeWindowPartitionMapping] | None = None,
    years_per_run: int | None = None,
    pool: str | None = None,
) -> Callable[[Callable[[Year], pl.LazyFrame]], dg.AssetsDefinition]:
    """Declare the asset that makes ``table``, a year at a time.

    Parameters
    ----------
    table : Table
        The contract of the table made; its name is the asset key.
    inputs : sequence of Table
        Contracts of the tables read.
    history : mapping of table name to partition mapping, optional
        Inputs of which a year also reads earlier years (``earlier_years``, ``own_and_earlier_years``).
    years_per_run : int, optional
        Most years a backfill puts in one run; ``None`` puts them all in one, right for cheap tables.
    pool : str, optional
        Dagster pool that limits how many such steps run at once.

    Returns
    -------
    decorator
        For a function ``(year: Year) -> polars.LazyFrame`` with the columns of the contract.
    """
    history = dict(history or {})
    parameters = {t.name.replace(".", "__"): t for t in inputs}

    def decorate(function: Callable[[Year], pl.LazyFrame]) -> dg.AssetsDefinition:
        @dg.asset(
            key=asset_key(table),
            description=inspect.getdoc(function),
            partitions_def=SCHOOL_YEARS,
            ins={name: dg.AssetIn(key=asset_key(t), partition_mapping=history.get(t.name)) for name, t in parameters.items()},
            group_name=table.schema,
            kinds={"polars", "parquet"},
            owners=[OWNER],
            metadata=table_metadata(table),
            tags=table_tags(table),
            backfill_policy=dg.BackfillPolicy.single_run() if years_per_run is None else dg.BackfillPolicy.multi_run(years_per_run),
            io_manager_key="lake_io_manager",
            pool=pool,
            required_resource_keys={"district"},
        )
        def build(context: dg.AssetExecutionContext, **frames: pl.LazyFrame) -> dict[str, pl.LazyFrame]:
            histories = {name: (m.start_offset, m.end_offset) for name, m in history.items()}
            loaded = {parameters[name].name: frame for name, frame in frames.items()}
            district = context.resources.district.settings()
            return {year.key: function(Year(year, district, loaded, histories)) for year in years_of(context.partition_keys)}

        return build

    return decorate
