"""Stays of students at schools: as the student system sends them, else as the class enrolments of the roster bundle imply them.

``exit_date`` is inclusive. No-shows are left out: stays flagged so, and stays that end before they begin. Mid-year transfers and double
enrolment are data; of stays that overlap, one is primary.
"""

import polars as pl

from la_assets.folding import last_arrived
from la_assets.roster.dating import year_end, year_start
from la_assets.roster.grade_levels import grade_level
from la_assets.roster.identity import resolve_keys, resolve_schools

STAY = ("student_key", "school_id", "entry_date")


def enrollments(
    sent: pl.LazyFrame,
    class_enrollments: pl.LazyFrame,
    directory: pl.LazyFrame,
    identifiers: pl.LazyFrame,
    school_identifiers: pl.LazyFrame,
) -> pl.LazyFrame:
    """Rows of ``roster.enrollments``.

    Parameters
    ----------
    sent : polars.LazyFrame
        ``landing.school_enrollments`` of the year.
    class_enrollments : polars.LazyFrame
        Dated class enrolments of the year (:func:`la_assets.roster.sections.class_enrollments`), which speak only for
        students of whom ``sent`` has no row at all, not even a no-show.
    directory : polars.LazyFrame
        ``directory.students`` of the year, for the grade of implied stays.
    identifiers, school_identifiers : polars.LazyFrame
        ``directory.identifiers`` and ``roster.school_identifiers`` of the year.
    """
    told = last_arrived(resolve_schools(resolve_keys(sent, identifiers), school_identifiers), STAY)
    came = told.filter(~pl.col("is_no_show").fill_null(False) & ~came_never())
    grades = directory.select("student_key", grade_level=grade_level(pl.col("grades")))
    implied = (
        class_enrollments.filter(pl.col("role") == "student")
        .join(told.select("student_key"), on="student_key", how="anti")
        .drop_nulls("school_id")
        .group_by("student_key", "school_id")
        .agg(
            pl.col("begin_date").min().alias("entry_date"),
            pl.col("end_date").max().alias("exit_date"),
            pl.col("school_year", "source", "landed_at").max(),
        )
        .join(grades, on="student_key", how="left")
    )
    stays = pl.concat(
        [
            came.select(*STAY, "exit_date", "entry_type", "exit_type", "is_primary", "grade_level", "school_year", "source", "landed_at"),
            implied,
        ],
        how="diagonal",
    )
    return with_primary(stays).with_columns(known_on=pl.col("entry_date"), loaded_at=pl.col("landed_at"))


def came_never() -> pl.Expr:
    """A stay that ends before it begins: how many student systems write a no-show."""
    return (pl.col("exit_date") < pl.col("entry_date")).fill_null(False)


def with_primary(stays: pl.LazyFrame) -> pl.LazyFrame:
    """Decide ``is_primary``: a stay is primary unless it overlaps a stay of the same student that goes before it.

    A stay flagged primary goes before one without a flag, that before one flagged not primary; then the longer stay (within the
    school year, an open one lasting to its end), then the earlier, then the lower school number. So stays one after the
    other (a transfer) are each primary, and a student has at most one primary school on a day.

    Parameters
    ----------
    stays : polars.LazyFrame
        ``STAY``, ``exit_date``, ``school_year``, ``is_primary`` as sent (may be null).
    """
    first = pl.max_horizontal("entry_date", year_start())
    last = pl.min_horizontal(pl.col("exit_date").fill_null(year_end()), year_end())
    flagged = pl.when(pl.col("is_primary")).then(0).when(pl.col("is_primary").is_null()).then(1).otherwise(2)
    ranked = (
        stays.with_columns(__first=first, __last=last, __flag=flagged, __days=(last - first).dt.total_days())
        .sort("student_key", "__flag", "__days", "entry_date", "school_id", descending=[False, False, True, False, False])
        .with_row_index("__rank")
    )
    mine = ranked.select("student_key", "__rank", "__first", "__last")
    beaten = (
        mine.join(mine, on="student_key", suffix="_other")
        .filter(
            (pl.col("__rank_other") < pl.col("__rank"))
            & (pl.col("__first_other") <= pl.col("__last"))
            & (pl.col("__first") <= pl.col("__last_other"))
        )
        .select("__rank")
        .unique()
        .with_columns(__beaten=pl.lit(True))
    )
    return (
        ranked.join(beaten, on="__rank", how="left")
        .with_columns(is_primary=pl.col("__beaten").is_null())
        .drop("__first", "__last", "__flag", "__days", "__rank", "__beaten")
    )
