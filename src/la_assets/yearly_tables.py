"""One way to declare a table asset: its contract, its inputs by contract, one function from frames to a frame.

``yearly_table`` turns that into a Dagster asset partitioned by school year: key, group, kinds, owners, description and
column schema come from the contract and the docstring; a run over several years calls the function once a year, each time
with frames of that year only, and writes each year on its own. A function that has more to show than rows (figures, plots)
returns a ``Page``; one that makes files (workbooks, briefs) puts them into ``year.delivery(TABLE)`` and returns their index.
What a table computes stands in the room's plain modules.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import dagster as dg
import polars as pl

from la_assets.school_years import SCHOOL_YEARS, SchoolYear, current_school_year, years_of
from la_resources.contracts import Table
from la_resources.deliverables import Deliverables, Delivery
from la_resources.district import District

OWNER = "team:data"
Cadence = Literal["nightly", "quarterly"]
CADENCE_TAG = "cadence"


@dataclass(frozen=True)
class Page:
    """A table's rows of one year, and what the asset's page shows beside row count and preview.

    Attributes
    ----------
    rows : polars.LazyFrame or polars.DataFrame
        The rows, with the columns of the contract.
    shows : mapping of str to metadata
        Values that Dagster plots by year (numbers), text, and pictures (``la_assets.figures.picture``). Shown to whoever opens
        the page: no student may be told from them.
    """

    rows: pl.LazyFrame | pl.DataFrame
    shows: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Year:
    """What a table function sees of one school year: its frames and the district's settings.

    ``year[TABLE]`` is the lazy frame of an input in this very year; ``year.history(TABLE)`` is the frame of the years that
    the input's partition mapping lets this year see. Both are typed and empty where there is no data. ``remembered`` is one dictionary
    for all years of a step: what is worked out of one year and wanted again by the next is kept there (figures, no frames).
    """

    school_year: SchoolYear
    district: District
    frames: Mapping[str, pl.LazyFrame]
    histories: Mapping[str, tuple[int, int]]
    deliverables: Deliverables | None = None
    remembered: dict[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return self.school_year.label

    def __getitem__(self, table: Table) -> pl.LazyFrame:
        return self.frames[table.name].filter(pl.col("school_year") == self.label)

    def history(self, table: Table) -> pl.LazyFrame:
        first, last = self.histories[table.name]
        labels = [self.school_year.shift(offset).label for offset in range(first, last + 1)]
        return self.frames[table.name].filter(pl.col("school_year").is_in(labels))

    @property
    def keeps_files(self) -> bool:
        """Whether files for people are made of this year: the year in progress and those before it that the district keeps."""
        return self.school_year >= current_school_year().shift(1 - self.district.reports.years_kept)

    def delivery(self, table: Table) -> Delivery:
        """Where the files of this year that ``table`` is the index of are put; used as ``with year.delivery(TABLE) as delivery``."""
        if self.deliverables is None:
            raise ValueError(f"{table.name}: this year was made without a place for files")
        return self.deliverables.delivery(table, self.label)


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
    cadence: Cadence = "nightly",
    kinds: Sequence[str] = ("polars", "parquet"),
) -> Callable[[Callable[[Year], pl.LazyFrame | pl.DataFrame | Page]], dg.AssetsDefinition]:
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
    cadence : "nightly" or "quarterly"
        Whether every night's run makes it anew, or (fitted models) the quarterly one.
    kinds : sequence of str
        What the asset is made with, as the UI's icons say it; at most three.

    Returns
    -------
    decorator
        For a function from a ``Year`` to a frame with the columns of the contract, or to a ``Page``.
    """
    history = dict(history or {})
    parameters = {t.name.replace(".", "__"): t for t in inputs}

    def decorate(function: Callable[[Year], pl.LazyFrame | pl.DataFrame | Page]) -> dg.AssetsDefinition:
        @dg.asset(
            key=asset_key(table),
            description=inspect.getdoc(function),
            partitions_def=SCHOOL_YEARS,
            ins={name: dg.AssetIn(key=asset_key(t), partition_mapping=history.get(t.name)) for name, t in parameters.items()},
            group_name=table.schema,
            kinds=set(kinds),
            owners=[OWNER],
            metadata=table_metadata(table),
            tags=table_tags(table) | {CADENCE_TAG: cadence},
            backfill_policy=dg.BackfillPolicy.single_run() if years_per_run is None else dg.BackfillPolicy.multi_run(years_per_run),
            io_manager_key="lake_io_manager",
            pool=pool,
            required_resource_keys={"district", "deliverables"},
        )
        def build(context: dg.AssetExecutionContext, **frames: pl.LazyFrame) -> dict[str, Any]:
            histories = {name: (m.start_offset, m.end_offset) for name, m in history.items()}
            loaded = {parameters[name].name: frame for name, frame in frames.items()}
            district, deliverables = context.resources.district.settings(), context.resources.deliverables.place()
            made: dict[str, Any] = {}
            remembered: dict[str, Any] = {}
            for year in years_of(context.partition_keys):
                page = function(Year(year, district, loaded, histories, deliverables, remembered))
                if isinstance(page, Page) and page.shows:
                    context.add_asset_metadata(dict(page.shows), asset_key=asset_key(table), partition_key=year.key)
                made[year.key] = page.rows if isinstance(page, Page) else page
            return made

        return build

    return decorate
