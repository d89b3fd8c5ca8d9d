"""The ledger of landed files as a table, and what an asset's page says of a landing table: plain frames and texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from la_assets.data_checks import Finding


def files_of_year(records: Iterable[Mapping[str, Any]], school_year: str, schema: Mapping[str, Any]) -> pl.LazyFrame:
    """The rows of ``landing.files`` for one year.

    Parameters
    ----------
    records : iterable of mapping
        One per file, with the columns of the contract except ``school_year``.
    school_year : str
        The year whose ledger this is.
    schema : mapping of str to polars type
        Columns and types of the contract.
    """
    rows = [{**record, "school_year": school_year} for record in records]
    return pl.LazyFrame(rows, schema=dict(schema)).sort("source_file")


def rows_are_accounted_for(files: pl.LazyFrame) -> Finding:
    """Rows read = rows loaded + duplicates + skipped + quarantined, in every file."""
    parts = ["rows_loaded", "rows_duplicate", "rows_skipped", "rows_quarantined"]
    lost = pl.col("rows_read") - pl.sum_horizontal(parts)
    sums = (
        files.select(pl.len().alias("files"), pl.col("rows_read", *parts).sum(), unbalanced=(lost != 0).sum()).collect().row(0, named=True)
    )
    if sums["unbalanced"]:
        worst = files.filter(lost != 0).select("source_file", lost=lost).head(3).collect().to_dicts()
        return False, f"{sums['unbalanced']} file(s) do not balance: {worst}; read them again after `withdraw`", sums
    return True, f"{sums['rows_read']:,} rows of {sums['files']:,} files, each one accounted for", sums


def quarantine_is_within_limit(files: pl.LazyFrame, limit: float) -> Finding:
    """No file has more than the district's share of its rows, or itself as a whole, in quarantine.

    A file that was refused as a whole and has been taken out of the landing zone is dealt with.
    """
    over = (pl.col("rows_quarantined") > limit * pl.col("rows_read")) & (pl.col("status") != "gone")
    whole = pl.col("status") == "quarantined"
    bad = files.filter(over | whole).select("source_file", "rows_quarantined", "rows_read", "reason", "rules_broken", whole=whole)
    found = bad.collect()
    counts = {"files_over_limit": found.height, "rows_quarantined": files.select(pl.col("rows_quarantined").sum()).collect().item() or 0}
    if found.height:
        shown = "; ".join(_why_set_aside(row) for row in found.head(3).to_dicts())
        return False, f"{found.height} file(s) over the limit of {limit:.0%}: {shown}. directory.quarantine has the rows", counts
    return True, f"{counts['rows_quarantined']:,} row(s) in quarantine, no file over the limit of {limit:.0%}", counts


def _why_set_aside(row: Mapping[str, Any]) -> str:
    """A file over the limit, named once: why it was refused as a whole, or how many of its rows broke which rules."""
    if row["whole"] and row["reason"]:
        return f"{row['source_file']}, refused as a whole: {row['reason'].removeprefix(row['source_file'] + ': ')}"
    return f"{row['source_file']}, {row['rows_quarantined']:,} of {row['rows_read']:,} rows: {row['rules_broken']}"


def every_file_is_claimed(files: pl.LazyFrame) -> Finding:
    """A source definition reads every file of the landing zone."""
    nobody = files.filter(pl.col("status") == "unclaimed").select("source_file").collect()["source_file"].to_list()
    if nobody:
        return (
            False,
            f"{len(nobody)} file(s) that no mapping claims, e.g. {nobody[:3]}; write a mapping or move them away",
            {"unclaimed": len(nobody)},
        )
    return True, "every file has a mapping", {"unclaimed": 0}


def deliveries_came_in_time(files: pl.LazyFrame) -> Finding:
    """No file of the year arrived long after the year was over; late ones are loaded all the same, and named here."""
    late = files.filter("is_late").select("source_file", "landed_at").collect()
    counts = {"late_files": late.height}
    if late.height:
        shown = ", ".join(f"{r['source_file']} ({r['landed_at']:%Y-%m-%d})" for r in late.head(3).to_dicts())
        return (
            False,
            f"{late.height} file(s) arrived long after the year was over: {shown}; the tables that depend on them follow as corrections",
            counts,
        )
    return True, "no file arrived long after the year was over", counts
