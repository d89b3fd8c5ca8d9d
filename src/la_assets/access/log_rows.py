"""Events of the access log as rows of a table: texts that are empty are missing, lists are texts."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

_LISTS = {"filters": "filters", "students_asked": "students_asked", "school_years": "years_asked"}


def rows(events: Iterable[dict], school_year: str, source: str, schema: pl.Schema) -> pl.DataFrame:
    """Rows of ``access.log`` of one school year.

    Parameters
    ----------
    events : iterable of dict
        Events as they were written.
    school_year, source : str
        For the columns of those names.
    schema : polars.Schema
        Columns of the table.
    """
    found = [event | {"table_name": event["table"]} | {to: ", ".join(event[name]) for name, to in _LISTS.items()} for event in events]
    made = {"school_year": pl.lit(school_year), "source": pl.lit(source), "known_on": pl.col("at").dt.date(), "loaded_at": pl.col("at")}
    written = {name: pl.String if dtype.is_temporal() else dtype for name, dtype in schema.items() if name not in made}
    told = pl.DataFrame(found, schema=written) if found else pl.DataFrame(schema=written)
    texts = [pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name, dtype in written.items() if dtype == pl.String]
    times = [pl.col("at").str.to_datetime("%+", time_unit="us", time_zone="UTC"), pl.col("as_of").str.to_date()]
    return told.with_columns(texts).with_columns(times).with_columns(**made)
