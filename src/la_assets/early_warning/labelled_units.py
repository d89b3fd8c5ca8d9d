"""The rows a model is trained, scored and evaluated on: students (in courses) of the feature tables, with their label where it is known.

One way for every target. Which rows a model then learns from is decided again, by date, in ``training.py``; here nothing later than
the as-of date is even read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import polars as pl

from la_assets.early_warning.labels import LabelSettings, OutcomeSources
from la_assets.early_warning.targets import Target

KEYS = ("student_key", "section_id", "snapshot", "school_year")
"""What names a unit."""

_KEY_RANGE = 16**6
"""Keys are hexadecimal digits of a keyed hash, so their first six are a uniform number."""


def units(target: Target, features: pl.LazyFrame, courses: pl.LazyFrame | None, grades: tuple[str, ...]) -> pl.LazyFrame:
    """The rows of a target: its students at its snapshots; for a target about courses, once per course.

    Parameters
    ----------
    features, courses : polars.LazyFrame
        ``early_warning.features``, and ``early_warning.course_features`` for targets about courses.
    """
    students = target.units(features, grades)
    if courses is None:
        return students.with_columns(pl.lit("").alias("section_id"))
    beside = courses.drop("as_of_date", "known_on", "source", "loaded_at")
    return students.join(beside, on=["student_key", "snapshot", "school_year"], how="inner")


def labelled(target: Target, rows: pl.LazyFrame, sources: OutcomeSources, as_of: dt.date, settings: LabelSettings) -> pl.LazyFrame:
    """The rows with ``label``, ``outcome``, ``event_on`` and ``label_known_on``, as far as known by ``as_of``."""
    return target.label(rows, sources, as_of, settings)


def training_rows(frame: pl.DataFrame, most_years: int, most_rows: int) -> tuple[pl.DataFrame, Mapping[str, int]]:
    """The labelled rows to learn from, and the account of all rows.

    Parameters
    ----------
    frame : polars.DataFrame
        Labelled units of every year that may be looked at.
    most_years : int
        Newest labelled years that are kept.
    most_rows : int
        Of more rows, students are left out whole, by their key: the same ones every time, and none by what they did.

    Returns
    -------
    (polars.DataFrame, mapping)
        Rows in the order of time and keys; ``n_units``, ``n_closed``, ``n_labelled``, ``n_left_out``.
    """
    known = frame.filter(pl.col("label").is_not_null())
    years = known["school_year"].unique().sort()[-most_years:].to_list()
    kept = known.filter(pl.col("school_year").is_in(years))
    if kept.height > most_rows:
        share = most_rows / kept.height
        kept = kept.filter(pl.col("student_key").str.slice(0, 6).str.to_integer(base=16) < int(share * _KEY_RANGE))
    account = {
        "n_units": frame.height,
        "n_closed": frame.filter(pl.col("outcome") != "open").height,
        "n_labelled": known.height,
        "n_left_out": known.height - kept.height,
    }
    return kept.sort("school_year", "as_of_date", "student_key", "section_id"), account


def with_features(chosen: pl.DataFrame, units: pl.LazyFrame) -> pl.LazyFrame:
    """The chosen rows with the columns of their units, in the order of time and keys: features of rows left out are never read together."""
    outcomes = chosen.lazy().drop("as_of_date")
    return units.join(outcomes, on=KEYS, how="inner").sort("school_year", "as_of_date", "student_key", "section_id")


def came_due(frame: pl.LazyFrame, after: dt.date, until: dt.date) -> pl.LazyFrame:
    """Labelled units whose label became known after one day and by another: what is evaluated once, in the year of that day."""
    return frame.filter(pl.col("label_known_on") > after, pl.col("label_known_on") <= until)
