"""Fill a missing score with the median of the smallest peer group that has enough observed ones, and say so.

Widening section -> teacher -> grade in school -> school -> grade in district. What is filled in carries a flag, the peer group
and its size. Only what was known at the as-of date counts, so a forecast calls :func:`impute` inside each training fold with
the fold's own date; whether a missing value may be filled in at all (never a final score, never an outcome) is the caller's say.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import polars as pl

PEER_GROUPS: Mapping[str, tuple[str, ...]] = {
    "section": ("section_id",),
    "teacher": ("staff_key",),
    "grade in school": ("school_id", "grade_level"),
    "school": ("school_id",),
    "grade in district": ("grade_level",),
}
"""Peer groups from the smallest to the widest, and the columns that make them."""


def impute(
    rows: pl.LazyFrame,
    *,
    value: str,
    of: Sequence[str],
    fillable: pl.Expr,
    min_peers: int = 10,
    as_of: dt.date | None = None,
    groups: Mapping[str, tuple[str, ...]] = PEER_GROUPS,
) -> pl.LazyFrame:
    """The rows with missing values filled in.

    Parameters
    ----------
    rows : polars.LazyFrame
        ``value`` (null: missing), ``known_on``, the columns ``of`` and those of ``groups``. A row whose group column is null
        belongs to no group of that kind.
    value : str
        The column to fill in.
    of : sequence of str
        What must be the same for two rows to be comparable: test, subject and window, or standard.
    fillable : polars.Expr
        Whether a missing value may be filled in.
    min_peers : int
        Observed values that a group needs.
    as_of : date, optional
        Rows known later are treated as missing and give nothing to a median.
    groups : mapping
        Peer groups from the smallest to the widest.

    Returns
    -------
    polars.LazyFrame
        All rows, with ``value`` filled in, ``is_imputed``, ``imputation_level`` and ``imputation_peers``. A filled-in row is
        known when the last of its peers is; the median of each row comes from observed values only.
    """
    if as_of is not None:
        rows = rows.with_columns(pl.when(pl.col("known_on") <= as_of).then(pl.col(value)))
    rows = rows.collect(engine="streaming").lazy()  # read by every peer group below: planned lazily, its work would be done for each
    missing = pl.col(value).is_null() & fillable
    gaps = wanted = rows.filter(missing)
    donors = rows.filter(pl.col(value).is_not_null())
    for number, columns in enumerate(groups.values()):
        key = [*of, *columns]
        peers = (
            donors.drop_nulls(list(columns))
            .join(wanted.select(key).unique(), on=key, how="semi")
            .group_by(key)
            .agg(
                pl.col(value).median().alias(f"__median_{number}"),
                pl.len().cast(pl.Int32).alias(f"__peers_{number}"),
                pl.col("known_on").max().alias(f"__known_{number}"),
            )
            .filter(pl.col(f"__peers_{number}") >= min_peers)
        )
        gaps = gaps.join(peers, on=key, how="left")
    medians = [f"__median_{number}" for number in range(len(groups))]
    level = pl.lit(None, pl.String)
    for number, name in reversed(list(enumerate(groups))):
        level = pl.when(pl.col(f"__median_{number}").is_not_null()).then(pl.lit(name)).otherwise(level)
    found: dict[str, pl.Expr] = {
        value: pl.coalesce(medians),
        "is_imputed": pl.any_horizontal(pl.col(m).is_not_null() for m in medians),
        "imputation_level": level,
        "imputation_peers": _first(groups, "peers", pl.Int32),
        "known_on": pl.coalesce(_first(groups, "known", pl.Date), "known_on"),
    }
    untouched = rows.filter(~missing).with_columns(
        pl.lit(False).alias("is_imputed"),
        pl.lit(None, pl.String).alias("imputation_level"),
        pl.lit(None, pl.Int32).alias("imputation_peers"),
    )
    filled = gaps.with_columns(expression.alias(name) for name, expression in found.items()).drop(pl.selectors.starts_with("__"))
    return pl.concat([untouched, filled], how="diagonal")


def _first(groups: Mapping[str, tuple[str, ...]], what: str, dtype: type[pl.DataType]) -> pl.Expr:
    """The figure of the smallest group that has a median."""
    chosen = pl.lit(None, dtype)
    for number in reversed(range(len(groups))):
        chosen = pl.when(pl.col(f"__median_{number}").is_not_null()).then(pl.col(f"__{what}_{number}")).otherwise(chosen)
    return chosen
