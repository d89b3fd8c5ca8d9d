"""Asset checks of the tables: the generic ones every contract implies, and the ones a room adds.

Each table has one check step that reports all its checks, judged for the school years of the run (all stored years when
launched alone). The outcome of each year is kept in the check ledger, and a check passes only if the latest outcome of every
year does: a rerun of an old year never hides a current one that fails. Contracts themselves are enforced before the
write; a blocking check would fire too late, after it.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg
import polars as pl

from la_assets import data_checks
from la_assets.data_checks import Finding
from la_assets.roster.schema import CALENDAR
from la_assets.school_years import SCHOOL_YEARS, SchoolYear, current_school_year
from la_assets.yearly_tables import Year, asset_key
from la_resources.check_ledger import Outcome
from la_resources.contracts import Table
from la_resources.lake import Lake

Judge = Callable[[Year], Finding]


@dataclass(frozen=True)
class TableCheck:
    """A check that a room adds to one of its tables.

    Attributes
    ----------
    name : str
        Name of the check on the asset's page, a statement that is true when it passes.
    inputs : tuple of Table
        Tables it reads, the checked one included.
    judge : callable
        From the year's frames to a finding.
    description : str
        What it means and what to do when it fails.
    severity : dagster.AssetCheckSeverity
        WARN by default.
    """

    name: str
    inputs: tuple[Table, ...]
    judge: Judge
    description: str
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN


_GENERIC: Mapping[str, str] = {
    "key_is_unique": "Every key of the contract stands in one row only.",
    "references_exist": "Every foreign key of the contract points at a row of its table in the same school year.",
    "columns_stay_filled": "No column lost a quarter of its values against the year before.",
    "row_count_is_plausible": "A finished year has about as many rows as the year before.",
    "current_year_is_fresh": "The current school year has rows, and the newest arrived within the days that the district allows.",
}
_ERRORS = {"key_is_unique"}


def table_checks(table: Table, *, extra: Sequence[TableCheck] = (), fresh: bool = False, generic: bool = True) -> dg.AssetChecksDefinition:
    """The check step of one table.

    Parameters
    ----------
    table : Table
        The contract; its foreign keys, key and nullable columns decide which generic checks there are.
    extra : sequence of TableCheck
        Checks of the room.
    fresh : bool
        Whether the table's source delivers on school days, so that the current year can be stale.
    generic : bool
        Whether the checks that every contract implies apply (landing tables keep every row as it came).
    """
    names = ["key_is_unique", "columns_stay_filled", "row_count_is_plausible"] if generic else []
    names += ["references_exist"] if generic and table.foreign_keys else []
    names += ["current_year_is_fresh"] if fresh else []
    read = {t.name: t for t in (table, *(t for check in extra for t in check.inputs))}
    parents = [fk.table for fk in table.foreign_keys]
    upstream = sorted({name for name in [*parents, *read, *([CALENDAR.name] if fresh else [])] if name != table.name})
    deps = [dg.AssetKey(name.split(".")) for name in upstream]
    extras = {check.name: check for check in extra}

    @dg.multi_asset_check(
        name=f"{table.name.replace('.', '__')}__checks",
        specs=[
            *(dg.AssetCheckSpec(name, asset=asset_key(table), description=_GENERIC[name], additional_deps=deps) for name in names),
            *(dg.AssetCheckSpec(c.name, asset=asset_key(table), description=c.description, additional_deps=deps) for c in extra),
        ],
        required_resource_keys={"lake", "district"},
        can_subset=True,
        op_tags={"dagster/priority": "-1"},  # nothing waits for a check: a run makes its tables first
    )
    def check(context: dg.AssetCheckExecutionContext):
        lake, ledger = context.resources.lake.lake(), context.resources.lake.checks()
        district = context.resources.district.settings()
        selected = {key.name for key in context.selected_asset_check_keys}
        years = _years_to_judge(context, lake, table)
        for name in [*names, *extras]:
            if name not in selected:
                continue
            for year in years:
                frames = Year(year, district, {t.name: lake.scan(t, [year.label]) for t in read.values()}, {})
                finding = extras[name].judge(frames) if name in extras else _generic(name, table, frames, lake)
                ledger.record(table.name, name, year.label, Outcome(*finding))
            yield _result(table, name, ledger.outcomes(table.name, name), extras.get(name))

    return check


def _years_to_judge(context: dg.AssetCheckExecutionContext, lake: Lake, table: Table) -> list[SchoolYear]:
    """The years of the run; every stored year when the check runs on its own."""
    tags = context.run.tags
    first = tags.get("dagster/asset_partition_range_start", tags.get("dagster/partition"))
    last = tags.get("dagster/asset_partition_range_end", tags.get("dagster/partition"))
    if first and last:
        return [SchoolYear.of_key(key) for key in SCHOOL_YEARS.get_partition_keys_in_range(dg.PartitionKeyRange(first, last))]
    return [SchoolYear(label) for label in lake.school_years(table)]


def _generic(name: str, table: Table, year: Year, lake: Lake) -> Finding:
    frame = year[table]
    before = lake.scan(table, [year.school_year.shift(-1).label])
    complete = year.school_year < current_school_year()
    if name == "key_is_unique":
        return data_checks.key_is_unique(frame, table.key)
    if name == "columns_stay_filled":
        ended = complete and year.label not in year.district.years_without_spring_tests  # 2019-20 never came to its end
        columns = [c.name for c in table.columns if c.nullable and not (c.fills_at_end and not ended)]
        return data_checks.columns_stay_filled(frame, before, columns)
    if name == "row_count_is_plausible":
        rows = pl.collect_all([frame.select(pl.len()), before.select(pl.len())])
        closed = {year.label, year.school_year.shift(-1).label} & set(year.district.years_without_spring_tests)
        return data_checks.row_count_is_plausible(
            rows[0].item(), rows[1].item(), year.district.row_count_tolerance, complete=complete, comparable=not closed
        )
    if name == "references_exist":
        return data_checks.summary(
            {
                f"{', '.join(fk.columns)} in {fk.table}": data_checks.references_exist(
                    frame, fk.columns, _parent(lake, fk.table, fk.references, year.label), fk.references, fk.table
                )
                for fk in table.foreign_keys
            }
        )
    return _freshness(table, year, lake)


def _parent(lake: Lake, name: str, references: Sequence[str], label: str) -> pl.LazyFrame:
    """The referenced columns of a parent table, which may be of a room this module does not import."""
    from la_resources.contracts import Column

    return lake.scan(Table(name, "", tuple(Column(c, pl.String, "") for c in references), tuple(references)), [label])


def _freshness(table: Table, year: Year, lake: Lake) -> Finding:
    if year.school_year != current_school_year():
        return True, "not the current school year", {}
    newest = year[table].select(pl.col("loaded_at").max()).collect(engine="streaming").item()
    days = lake.scan(CALENDAR, [year.label]).filter("is_instructional").select(pl.col("date").unique().sort()).collect()["date"].to_list()
    return data_checks.current_year_is_fresh(newest, dt.datetime.now(dt.UTC), year.district.stale_after_days, days)


def _result(table: Table, name: str, outcomes: Mapping[str, Outcome], extra: TableCheck | None) -> dg.AssetCheckResult:
    """One result over all years: the failing ones named, every year's figures in a table."""
    failing = {year: outcome for year, outcome in outcomes.items() if not outcome.passed}
    columns = list(dict.fromkeys(k for outcome in outcomes.values() for k in outcome.counts))[:8]
    lines = ["| school_year | passed | " + " | ".join([*columns, "finding"]) + " |", "|" + "---|" * (len(columns) + 3)]
    lines += [
        f"| {year} | {'yes' if o.passed else '**no**'} | "
        + " | ".join([*(str(o.counts.get(c, "")) for c in columns), o.description])
        + " |"
        for year, o in outcomes.items()
    ]
    severity = extra.severity if extra else dg.AssetCheckSeverity.ERROR if name in _ERRORS else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(
        asset_key=asset_key(table),
        check_name=name,
        passed=not failing,
        severity=severity,
        description="; ".join(f"{year}: {o.description}" for year, o in failing.items()) or f"passes in {len(outcomes)} school year(s)",
        metadata={"failing_years": len(failing), "by_year": dg.MetadataValue.md("\n".join(lines))},
    )
