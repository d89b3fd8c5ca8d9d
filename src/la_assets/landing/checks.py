"""Checks of the ledger of landed files: every row accounted for, little in quarantine, every file claimed, none late."""

import dagster as dg

from la_assets.checks import TableCheck
from la_assets.landing import ledger
from la_assets.landing.schema import FILES

CHECKS: dict[str, tuple[TableCheck, ...]] = {
    FILES.name: (
        TableCheck(
            "rows_are_accounted_for",
            (FILES,),
            lambda year: ledger.rows_are_accounted_for(year[FILES]),
            "Rows read = rows loaded + duplicates + skipped + quarantined, in every file; the rows read are counted independently.",
            dg.AssetCheckSeverity.ERROR,
        ),
        TableCheck(
            "quarantine_is_within_limit",
            (FILES,),
            lambda year: ledger.quarantine_is_within_limit(year[FILES], year.district.quarantine_limit),
            "No file has more than the district's share of its rows, or itself as a whole, in quarantine.",
        ),
        TableCheck(
            "every_file_is_claimed",
            (FILES,),
            lambda year: ledger.every_file_is_claimed(year[FILES]),
            "A source definition reads every file of the landing zone.",
        ),
        TableCheck(
            "deliveries_came_in_time",
            (FILES,),
            lambda year: ledger.deliveries_came_in_time(year[FILES]),
            "No file of the year arrived long after the year was over. Late files are loaded all the same.",
        ),
    )
}
