"""Stays of students in programs and interventions."""

import polars as pl

from la_assets.folding import last_arrived
from la_assets.roster.identity import resolve_keys

KEY = ["student_key", "program_id", "begin_date"]


def participation(landed: pl.LazyFrame, identifiers: pl.LazyFrame) -> pl.LazyFrame:
    """The table ``programs.participation`` of one school year: the last word on each stay.

    ``known_on`` is the first day: that a student takes part is known then. End, dosage, fidelity and cost are known only later;
    a model as of an earlier day must not read them.

    Parameters
    ----------
    landed : polars.LazyFrame
        ``landing.program_participation`` of the year.
    identifiers : polars.LazyFrame
        ``directory.identifiers`` of the year.
    """
    return last_arrived(resolve_keys(landed, identifiers), KEY).select(
        *KEY,
        "subject",
        "end_date",
        "tier",
        "dosage_minutes",
        "fidelity",
        "cost",
        "assignment",
        "school_year",
        pl.col("begin_date").alias("known_on"),
        "source",
        pl.col("landed_at").alias("loaded_at"),
    )
