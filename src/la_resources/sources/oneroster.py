"""What a OneRoster bundle says of itself: version, whether each file is bulk or delta, and its school year.

The year comes from the dates of academicSessions, never from titles or file names. Columns and tables are the business of
``vendors/oneroster.yaml``. OneRoster 1.1 says that a session's endDate is exclusive; bundles seen in the wild give the
last day, so dates are kept as sent. Also here: folding bulk and delta bundles into the rows that are current.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import polars as pl

from la_resources.school_year import of_dates
from la_resources.sources.encodings import Utf8Stream
from la_resources.sources.header import plain
from la_resources.sources.landed_file import LandedFile
from la_resources.sources.rows import UnreadableFileError
from la_resources.sources.typed_values import parsed_date

DELTA_SUFFIX = "_delta"
"""Rows of a delta file carry this behind the definition's name in ``source``, so that tables alone tell bulk from delta."""

MOST_BYTES = 256 * 1024**2
"""A file beside the one being read is not looked into beyond this size."""


COMPANIONS = ("manifest.csv", "academicSessions.csv", "classes.csv")
"""The files of a bundle that say of the others which year and what kind of delivery they are."""


@dataclass(frozen=True)
class Bundle:
    """What a bundle says of one of its files.

    Attributes
    ----------
    version : str
        OneRoster version of the manifest; blank without a manifest (1.0).
    delivery : "bulk" or "delta"
        How the file replaces what was there; bulk without a manifest.
    school_year : str
        The bundle's year, ``2023-24``.
    """

    version: str
    delivery: Literal["bulk", "delta"]
    school_year: str


def bundle_of(file: LandedFile) -> Bundle:
    """Read the manifest and the sessions beside a file.

    Raises
    ------
    UnreadableFileError
        If the bundle's school year cannot be told.
    """
    manifest = _manifest(file)
    stem = file.name.rpartition(".")[0].lower()
    delivery: Literal["bulk", "delta"] = "delta" if manifest.get(f"file.{stem}", "bulk").lower() == "delta" else "bulk"
    year = bundle_year(_sessions(file), _class_terms(file)) or _newest_change(file)
    if year is None:
        raise UnreadableFileError(
            "no school year",
            f"the bundle of {file.path} has no academicSessions with dates, and no row says when it was last modified; "
            "send academicSessions.csv with the bundle",
        )
    return Bundle(manifest.get("oneroster.version", ""), delivery, year)


def bundle_year(sessions: pl.DataFrame, class_terms: pl.Series) -> str | None:
    """The school year of a bundle.

    Parameters
    ----------
    sessions : polars.DataFrame
        ``sourced_id``, ``type``, ``start`` and ``end`` (dates, null where unreadable).
    class_terms : polars.Series
        Session ids of all classes, one entry a class and term.

    Returns
    -------
    str or None
        Among the years of the sessions of type schoolYear (of any type, if there are none), the one in which most
        class terms lie; without classes the latest. A session lies in the year that holds its middle day.
    """
    middle = pl.col("start") + (pl.col("end") - pl.col("start")) / 2
    dated = sessions.drop_nulls(["start", "end"]).with_columns(of_dates(middle).alias("year"))
    years = dated.filter(pl.col("type").str.to_lowercase() == "schoolyear")
    candidates = (years if len(years) else dated)["year"].unique().sort().to_list()
    if len(candidates) < 2:
        return candidates[0] if candidates else None
    terms = (
        class_terms.alias("sourced_id")
        .to_frame()
        .join(dated.select("sourced_id", "year"), on="sourced_id")
        .filter(pl.col("year").is_in(candidates))
        .group_by("year")
        .len()
        .sort("len", "year")
    )
    return terms["year"][-1] if len(terms) else candidates[-1]


def fold_bundles(frame: pl.LazyFrame, key: str = "sourced_id") -> pl.LazyFrame:
    """The current rows of a OneRoster table, from all bundles of a school year.

    The latest bulk file replaces everything before it; delta rows that arrived later replace or add rows by their key;
    rows that are marked ``tobedeleted`` disappear.

    Parameters
    ----------
    frame : polars.LazyFrame
        Landed rows of one table and year, with ``source`` (ending in ``_delta`` for delta files), ``landed_at``,
        ``source_file``, ``source_row`` and ``status``.
    key : str
        The column that identifies a row.

    Returns
    -------
    polars.LazyFrame
        The same columns, one row a key: within one file the last row counts.
    """
    is_delta = pl.col("source").str.ends_with(DELTA_SUFFIX)
    order = ("landed_at", "source_file")
    latest_bulk = frame.filter(~is_delta).select(pl.col(name).sort_by(*order).last().alias(f"bulk_{name}") for name in order)
    newest = pl.col("bulk_landed_at")
    current = (
        frame.join(latest_bulk, how="cross")
        .filter(
            newest.is_null()
            | (~is_delta & (pl.col("source_file") == pl.col("bulk_source_file")) & (pl.col("landed_at") == newest))
            | (is_delta & (pl.col("landed_at") >= newest))
        )
        .drop("bulk_landed_at", "bulk_source_file")
    )
    last = (
        current.with_columns(is_delta.alias("_delta"))
        .sort("landed_at", "_delta", "source_file", "source_row")
        .unique([key], keep="last", maintain_order=True)
        .drop("_delta")
    )
    return last.filter(pl.col("status").str.to_lowercase().fill_null("active") != "tobedeleted")


def _manifest(file: LandedFile) -> dict[str, str]:
    rows = _table(file.beside("manifest.csv"), ("propertyName", "value"))
    return {str(k).strip().lower(): str(v).strip() for k, v in rows.iter_rows() if k}


def _sessions(file: LandedFile) -> pl.DataFrame:
    rows = _table(file.beside("academicSessions.csv"), ("sourcedId", "type", "startDate", "endDate"))
    return rows.select(
        pl.col("sourcedId").alias("sourced_id"),
        "type",
        parsed_date(pl.col("startDate").str.strip_chars()).alias("start"),
        parsed_date(pl.col("endDate").str.strip_chars()).alias("end"),
    )


def _class_terms(file: LandedFile) -> pl.Series:
    rows = _table(file.beside("classes.csv"), ("termSourcedIds", "termSourcedId"))
    return rows.select(pl.coalesce("termSourcedIds", "termSourcedId").str.split(",").explode().str.strip_chars().alias("term"))[
        "term"
    ].drop_nulls()


def _newest_change(file: LandedFile) -> str | None:
    """The year of the newest dateLastModified in the file itself: what a delta without sessions has."""
    changed = _table(file, ("dateLastModified",)).select(parsed_date(pl.col("dateLastModified").str.strip_chars()).max().alias("day"))
    return changed.select(of_dates(pl.col("day")))["day"].item() if changed["day"].item() is not None else None


def _table(file: LandedFile | None, columns: Iterable[str]) -> pl.DataFrame:
    """Some columns of a small CSV as text; columns that are not there, and a file that is not there, are null and empty."""
    names = tuple(columns)
    empty = pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    if file is None or file.size > MOST_BYTES:
        return empty
    with file.open() as stream:
        utf8 = Utf8Stream(stream)
        text = utf8.repaired(b"".join(utf8.blocks()))[0]
    header = next(csv.reader(io.StringIO(text.partition(b"\n")[0].decode("utf-8", "replace"))), [])
    if not header:
        return empty
    positions = {plain(name): i for i, name in enumerate(header)}
    wanted = {n: positions[plain(n)] for n in names if plain(n) in positions}
    rows = pl.read_csv(
        text,
        has_header=False,
        skip_rows=1,
        infer_schema=False,
        truncate_ragged_lines=True,
        ignore_errors=True,
        new_columns=[f"c{i}" for i in range(len(header))],
        schema={f"c{i}": pl.String for i in range(len(header))},
        raise_if_empty=False,
    )
    return rows.select(pl.col(f"c{wanted[n]}").alias(n) if n in wanted else pl.lit(None, pl.String).alias(n) for n in names)
