"""How students left the district, their exit codes translated by the district's own list.

A transfer out is not a dropout; a code that the list does not know is neither, it is ``unknown``, kept with the code and counted
by a check.
"""

from collections.abc import Mapping

import polars as pl

from la_assets.folding import ARRIVAL, last_arrived
from la_assets.roster.identity import resolve_keys


def exits(landed: pl.LazyFrame, identifiers: pl.LazyFrame, exit_codes: Mapping[str, str]) -> pl.LazyFrame:
    """The table ``outcomes.exits`` of one school year.

    A student who left, came back and left again has the last exit by date (undated ones before dated ones).

    Parameters
    ----------
    landed : polars.LazyFrame
        ``landing.exits`` of the year.
    identifiers : polars.LazyFrame
        ``directory.identifiers`` of the year.
    exit_codes : mapping
        Exit codes, lower case, to status.
    """
    each = last_arrived(resolve_keys(landed, identifiers), ["student_key", "exit_date"])
    count = pl.len().over("student_key").cast(pl.Int32).alias("exits")
    by_date = each.with_columns(count).sort("exit_date", *ARRIVAL, nulls_last=False)
    return by_date.unique("student_key", keep="last", maintain_order=True).select(
        "student_key",
        status(exit_codes).alias("status"),
        "exit_code",
        "exit_date",
        "observed_on",
        "cohort_year_9th",
        "exits",
        "school_year",
        pl.coalesce("observed_on", "exit_date", pl.col("landed_at").dt.date()).alias("known_on"),
        "source",
        pl.col("landed_at").alias("loaded_at"),
    )


def status(exit_codes: Mapping[str, str]) -> pl.Expr:
    """The status of ``exit_code``, whatever its case and blanks; ``unknown`` where the list does not have it."""
    translated = {code.strip().lower(): meaning for code, meaning in exit_codes.items()}
    return pl.col("exit_code").str.strip_chars().str.to_lowercase().replace_strict(translated, default="unknown", return_dtype=pl.String)
