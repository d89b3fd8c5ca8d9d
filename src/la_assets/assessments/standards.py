"""Points by standard: what a student earned of what could be earned on each benchmark of a test."""

import datetime as dt

import polars as pl

from la_assets.assessments.scores import SITTING
from la_assets.folding import ARRIVAL, last_arrived
from la_assets.roster.identity import resolve_keys

KEY = [*SITTING, "administered_on", "standard_code"]


def standards(landed: pl.LazyFrame, identifiers: pl.LazyFrame) -> pl.LazyFrame:
    """The table ``assessments.standards`` of one school year.

    A test report may name a standard once per item: the items of one file row are added up. A later row of the same student,
    test and standard then replaces an earlier one.

    Parameters
    ----------
    landed : polars.LazyFrame
        ``landing.assessment_standards`` of the year.
    identifiers : polars.LazyFrame
        ``directory.identifiers`` of the year.
    """
    rows = resolve_keys(landed, identifiers).with_columns(pl.col("window").fill_null("none")).cache()  # several parts below read it
    item_sums = _items_added_up(rows)
    attempt = pl.col("administered_on").fill_null(dt.date.max).rank("dense").over(SITTING).cast(pl.Int32).alias("attempt")
    return last_arrived(item_sums, KEY).select(
        *KEY,
        attempt,
        "grade_level",
        "category",
        "points_earned",
        "points_possible",
        "school_year",
        pl.coalesce("reported_on", "administered_on", pl.col("landed_at").dt.date()).alias("known_on"),
        "source",
        pl.col("landed_at").alias("loaded_at"),
    )


def _items_added_up(rows: pl.LazyFrame) -> pl.LazyFrame:
    """One row per file row and standard. Nearly every standard of a file row has one item, and only the others are added up.

    A hash of file, row and standard tells which may have several; two that happen to share one are added up apart all the same.
    """
    columns = ["grade_level", "category", "reported_on", "source", "school_year", "points_earned", "points_possible"]
    seen = rows.select(*KEY, *ARRIVAL, *columns, item=pl.struct("source_file", "source_row", "standard_code").hash())
    seen = seen.with_columns(alone=pl.len().over("item") == 1).drop("item")
    several = (
        seen.filter(~pl.col("alone"))
        .group_by(*KEY, *ARRIVAL)
        .agg(pl.col(columns[:-2]).drop_nulls().first(), _sum_of_known("points_earned"), _sum_of_known("points_possible"))
    )
    return pl.concat([seen.filter("alone").drop("alone"), several])


def _sum_of_known(column: str) -> pl.Expr:
    value = pl.col(column)
    return pl.when(value.is_not_null().any()).then(value.sum()).alias(column)
