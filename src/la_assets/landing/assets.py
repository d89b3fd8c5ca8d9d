"""The landing tables as assets: one step reads the landing zone and feeds them all, year by year.

The tables share the step because one file may feed several of them and is read once. Each is an asset of its own in the graph.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from la_assets.landing.ledger import files_of_year
from la_assets.landing.schema import FILES, LANDING_TABLES, QUARANTINE, TABLES
from la_assets.school_years import SCHOOL_YEARS, SchoolYear, years_of
from la_assets.yearly_tables import OWNER, asset_key, table_metadata, table_tags
from la_resources.contracts import Table
from la_resources.environments import DistrictResource, LakeResource, LandingZoneResource
from la_resources.intake import Intake
from la_resources.privacy import Hasher, secret_from_environment
from la_resources.receipts import FileRecord
from la_resources.sources.definitions import load_definitions

_FILES_SHOWN = 12


def _description(table: Table) -> str:
    if table is FILES:
        return (
            "**A row** is a file of the landing zone with what became of its rows: read = loaded + duplicate + skipped + quarantined.\n\n"
            "**From** the landing zone itself. **Fresh** after every landing.\n\n"
            "**When a check fails** its text names the files: fix the mapping or ask for the file again, then materialise the year "
            "once more; unchanged files are not read twice."
        )
    if table is QUARANTINE:
        return (
            "**A row** is a source row (or a whole file) that broke its contract, with rule, column, value and text as it came. "
            "Restricted: the text may hold names.\n\n"
            "**From** every source definition. **Fresh** after every landing.\n\n"
            "**What to do**: correct the row at its source, or the mapping, and deliver again; a corrected file replaces its earlier rows."
        )
    return (
        f"**A row**: {table.grain[0].lower()}{table.grain[1:]}\n\n"
        "**From** every source definition that feeds this table (shipped ones, and the district's YAML mappings), read with its file, "
        "row, hash and time of arrival; identifiers are keys already. **Fresh** after every landing (arrival sensor, nightly schedule).\n\n"
        "**When it is empty or short**, look at `landing.files` (was the file read?) and `directory.quarantine` (why not?)."
    )


def intake(zone: LandingZoneResource, lake: LakeResource) -> Intake:
    """The intake of this environment, with the shipped definitions and the district's own."""
    folders = [Path(folder) for folder in zone.mappings if folder and Path(folder).is_dir()]
    years = tuple(year.label for year in years_of(SCHOOL_YEARS.get_partition_keys()))
    hash_ids = Hasher(secret_from_environment())
    return Intake(zone.zone(), lake.lake(), load_definitions(folders), LANDING_TABLES, QUARANTINE, hash_ids, years)


@dg.multi_asset(
    name="landing",
    specs=[
        dg.AssetSpec(
            asset_key(table),
            description=_description(table),
            group_name="landing",
            kinds={"polars", "parquet"},
            owners=[OWNER],
            metadata=table_metadata(table) | {"landing": True},
            tags=table_tags(table),
        ).with_io_manager_key("lake_io_manager")
        for table in TABLES
    ],
    partitions_def=SCHOOL_YEARS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    can_subset=True,
    pool="landing",
)
def landing(
    context: dg.AssetExecutionContext, landing_zone: LandingZoneResource, lake: LakeResource, district: DistrictResource
) -> Iterator[dg.MaterializeResult]:
    """Read what is new in the landing zone for the years of the run."""
    selected = [table for table in TABLES if asset_key(table) in context.selected_asset_keys]
    years = years_of(context.partition_keys)
    late_after = district.settings().late_after_days
    feeds = {t.name for t in selected} & set(LANDING_TABLES) or set(LANDING_TABLES)
    desk = intake(landing_zone, lake)
    for abandoned in desk.lake.storage.tidy():
        context.log.info(f"removed what a killed run left of {abandoned}")
    records = desk.land({y.label for y in years}, feeds, context.log.info)
    for table in selected:
        for year in years:
            of_year = [r for r in records if year.label in desk.years_of(r)]
            if table is FILES:
                ledger = files_of_year((_ledger_row(r, year, late_after) for r in of_year), year.label, FILES.polars_schema())
                lake.lake().publish(FILES, year.label, ledger)
            context.add_asset_metadata(_metadata(table, year, of_year), asset_key(table), year.key)
        yield dg.MaterializeResult(asset_key=asset_key(table))


def _ledger_row(record: FileRecord, year: SchoolYear, late_after: int) -> dict[str, Any]:
    r = record.receipt
    return {
        "source_file": r.source_file,
        "definition": r.definition or None,
        "status": record.status,
        "reason": r.reason or None,
        "delivery": r.delivery,
        "encoding": r.encoding or None,
        "bytes": r.size,
        "content_hash": r.content_hash,
        "rows_read": r.rows_read,
        "rows_loaded": r.rows_loaded,
        "rows_duplicate": r.rows_duplicate,
        "rows_skipped": r.rows_skipped,
        "rows_quarantined": r.rows_quarantined,
        "rules_broken": "; ".join(f"{rule}: {n:,}" for rule, n in sorted(r.reasons.items())) or None,
        "tables": ", ".join(sorted(r.written)) or None,
        "is_late": record.is_late(year.label, late_after),
        "landed_at": r.landed_at,
    }


def _metadata(table: Table, year: SchoolYear, records: list[FileRecord]) -> Mapping[str, Any]:
    """What the asset's page says of one year: rows, files, and what was set aside."""
    feeding = [r for r in records if year.label in r.published.get(table.name, ())]
    if table is FILES:
        rows, feeding = len(records), records
    elif table is QUARANTINE:
        rows = sum(r.receipt.rows_quarantined for r in feeding)
    else:
        rows = sum(r.receipt.written.get(table.name, {}).get(year.label, 0) for r in feeding)
    feeding = sorted(feeding, key=lambda r: (-r.receipt.rows_quarantined, r.status == "loaded", r.receipt.source_file))
    lines = ["| file | status | rows read | loaded | duplicate | quarantined |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {r.receipt.source_file} | {r.status} | {r.receipt.rows_read:,} | {r.receipt.rows_loaded:,} | "
        f"{r.receipt.rows_duplicate:,} | {r.receipt.rows_quarantined:,} |"
        for r in feeding[:_FILES_SHOWN]
    ]
    if len(feeding) > _FILES_SHOWN:
        lines.append(f"\nand {len(feeding) - _FILES_SHOWN:,} more; all of them are in landing.files")
    return {
        "dagster/row_count": rows,
        "files": len(feeding),
        "rows_quarantined": sum(r.receipt.rows_quarantined for r in feeding),
        "rows_duplicate": sum(r.receipt.rows_duplicate for r in feeding),
        "files_read": dg.MetadataValue.md("\n".join(lines)),
    }
