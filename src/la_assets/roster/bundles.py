"""What a series of OneRoster bundles says now: the last bulk delivery, the deltas since, without what was deleted.

OneRoster CSV sends a table either in bulk (all rows) or as a delta (changed rows, and rows to delete with the status
``tobedeleted``); see the OneRoster CSV specification of 1EdTech, on bulk and delta processing. Rows that a delta brought carry a
source ending in ``_delta``.
"""

import polars as pl

from la_assets.folding import last_arrived

DELTA_SUFFIX = "_delta"


def current_rows(frame: pl.LazyFrame, key: str = "sourced_id") -> pl.LazyFrame:
    """Fold the landed rows of one OneRoster table and one school year into its current rows.

    A later bulk delivery replaces everything before it, also rows it no longer mentions; deltas that landed with it or after it
    apply in order of arrival. ``tobedeleted`` removes a row, in a delta as in a bulk file; a row sent again later returns.

    Parameters
    ----------
    frame : polars.LazyFrame
        Landed rows with ``key``, ``status``, ``source``, ``source_file``, ``source_row`` and ``landed_at``.
    key : str
        The column that identifies a row.

    Returns
    -------
    polars.LazyFrame
        The same columns, one row per key, nothing deleted.
    """
    delta = pl.col("source").str.ends_with(DELTA_SUFFIX)
    bulk = frame.filter(~delta)
    bulk = bulk.filter(pl.col("landed_at") == pl.col("landed_at").max())
    bulk = bulk.filter(pl.col("source_file") == pl.col("source_file").max())
    latest = bulk.select(pl.col("landed_at").max().alias("__bulk"))
    deltas = frame.filter(delta).join(latest, how="cross").filter(pl.col("__bulk").is_null() | (pl.col("landed_at") >= pl.col("__bulk")))
    rows = pl.concat([bulk.with_columns(pl.lit(0).alias("__turn")), deltas.drop("__bulk").with_columns(pl.lit(1).alias("__turn"))])
    current = last_arrived(rows, [key], ("landed_at", "__turn", "source_file", "source_row")).drop("__turn")
    return current.filter(pl.col("status").fill_null("").str.strip_chars().str.to_lowercase() != "tobedeleted")
