"""Of several landed rows that tell the same fact, the one that was told last; and of copies of an event, one.

Every room folds its landing rows with the one function here, so that "the last row wins" means the same everywhere. It does
not resolve identifiers (do that first, see ``roster/identity.py``) and does not know OneRoster's delete marks
(``roster/bundles.py``).
"""

from collections.abc import Sequence

import polars as pl

ARRIVAL = ("landed_at", "source_file", "source_row")
"""The order of arrival of landed rows: by file, then by row in the file."""

TOLD = ("told_at", *ARRIVAL)
"""The order in which facts were told, where rows of files and events of a stream tell the same: see :func:`told_at`."""


def told_at() -> pl.Expr:
    """When a row was told: an event when it happened, a row of a file when the file arrived.

    So an event that comes late does not replace what was told after it, and a file replaces the events before it.
    """
    return pl.coalesce("event_time", "landed_at").alias("told_at")


def each_event_once(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of files as they are, and of the copies of an event one: the last by event time, then by arrival.

    Copies come from a sender's retry, or from batches that overlap; they tell the same. Where a sender gave one id to two different
    events, one of them counts.

    Parameters
    ----------
    frame : polars.LazyFrame
        Landing rows with ``event_id`` (null: a row of a file) and ``event_time``.
    """
    is_event = pl.col("event_id").is_not_null()
    events = last_arrived(frame.filter(is_event).with_columns(told_at()), ["event_id"], TOLD).drop("told_at")
    return pl.concat([frame.filter(~is_event), events])


def last_arrived(frame: pl.LazyFrame, key: Sequence[str], arrival: Sequence[str] = ARRIVAL) -> pl.LazyFrame:
    """Keep one row per key: the last by order of arrival.

    Only keys that may stand in several rows are sorted: a 64-bit hash of the key finds them in one pass, and two keys that
    happen to share a hash are both kept, because the fold itself compares the key's columns. Nine million rows with one
    duplicate in a hundred take about 1.5 s more than copying them.

    Parameters
    ----------
    frame : polars.LazyFrame
        Landing rows, with the columns of ``key`` and ``arrival``.
    key : sequence of str
        Columns that identify the fact. A null equals a null.
    arrival : sequence of str
        Columns that order the rows of one key, first to last; the first row is the oldest.

    Returns
    -------
    polars.LazyFrame
        The same columns, one row per key, in no particular order.
    """
    seen = frame.with_columns(pl.struct(*key).hash().alias("__key"))
    seen = seen.with_columns((pl.len().over("__key") > 1).alias("__again")).drop("__key")
    once = seen.filter(~pl.col("__again")).drop("__again")
    again = seen.filter("__again").drop("__again")
    folded = again.sort(*arrival, maintain_order=True, nulls_last=False).unique(list(key), keep="last", maintain_order=True)
    return pl.concat([once, folded])
