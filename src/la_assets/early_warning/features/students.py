"""Who is enrolled at a snapshot day, where, in which grade, and what the roster says of the student by then.

A student counts as enrolled if a stay covers the day. Demographics are those of the newest record known by the day, this
year's or an earlier one's; a status that only a later record tells stays unknown. Mobility and repetition come from the stays
themselves, because a roster row that was changed later no longer tells what it said before.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl

from la_assets.early_warning.features.snapshots import Snapshot, known_by
from la_assets.roster.progression import GRADE_ORDER

UNIT = ["student_key", "snapshot"]
_FACTS = ("birth_year", "gender", "race_ethnicity", "frl", "ell", "ese", "section_504", "gifted", "homeless")


def enrolled(
    stays: pl.LazyFrame, snapshots: Sequence[Snapshot], school_year: str, grades: Sequence[str], last_instructional_day: dt.date | None
) -> pl.LazyFrame:
    """Students of the grades at each snapshot: school, grade, days since entry.

    Parameters
    ----------
    stays : polars.LazyFrame
        ``roster.enrollments`` of the year and earlier ones; only ``school_year`` makes rows.
    grades : sequence of str
        CEDS grades.
    last_instructional_day : date or None
        A snapshot after it is held against this day, because stays end with school.

    Returns
    -------
    polars.LazyFrame
        ``student_key``, ``snapshot``, ``as_of_date``, ``school_id``, ``grade_level``, ``days_since_entry``, ``moved_this_year``,
        ``schools_this_year``, ``loaded_at``. Of several schools on the day the primary one answers, then the latest entry.
    """
    own = known_by(stays.filter(pl.col("school_year") == school_year), snapshots, ["entry_date"])
    day = pl.min_horizontal("as_of_date", pl.lit(last_instructional_day, pl.Date)) if last_instructional_day else pl.col("as_of_date")
    here = own.with_columns(pl.col("exit_date").is_null() | (pl.col("exit_date") >= day)).rename({"exit_date": "is_here"})
    main = here.filter("is_here").sort("is_primary", "entry_date", "school_id", descending=[True, True, False])
    student = main.group_by(*UNIT, maintain_order=True).agg(pl.col("as_of_date", "school_id", "grade_level").first())
    moves = own.group_by(*UNIT).agg(
        pl.col("school_id").n_unique().cast(pl.Float64).alias("schools_this_year"),
        pl.col("entry_date").min().alias("entered"),
        pl.col("loaded_at").max(),
    )
    return (
        student.filter(pl.col("grade_level").is_in(list(grades)))
        .join(moves, on=UNIT)
        .with_columns(
            (pl.col("as_of_date") - pl.col("entered")).dt.total_days().cast(pl.Float64).alias("days_since_entry"),
            (pl.col("schools_this_year") > 1).cast(pl.Float64).alias("moved_this_year"),
        )
        .drop("entered")
    )


def demographics(students: pl.LazyFrame, snapshots: Sequence[Snapshot]) -> pl.LazyFrame:
    """The newest roster record of a student known by each snapshot.

    Parameters
    ----------
    students : polars.LazyFrame
        ``roster.students`` of the year and earlier ones.
    """
    known = known_by(students.select("student_key", "school_year", "known_on", *_FACTS), snapshots)
    return known.group_by(*UNIT).agg(pl.col(_FACTS).sort_by("school_year").last())


def history(stays: pl.LazyFrame, snapshots: Sequence[Snapshot], school_year: str) -> pl.LazyFrame:
    """Schools of four years and grades repeated, from the stays known by each snapshot.

    ``repeated_grade``: this year's grade is last year's. ``grades_repeated``: years seen beyond the distinct grades.
    ``years_seen``: earlier years in the district, at most three.
    """
    known = known_by(stays.filter(pl.col("school_year") <= school_year), snapshots, ["entry_date"])
    place = pl.col("grade_level").replace_strict(list(GRADE_ORDER), list(range(len(GRADE_ORDER))), default=None, return_dtype=pl.Int32)
    yearly = known.group_by(*UNIT, "school_year").agg(
        pl.col("school_id").unique(), place.sort_by("entry_date", "school_id").last().alias("place")
    )
    start = pl.col("school_year").str.head(4).cast(pl.Int32)
    now = int(school_year[:4])
    grade_now = pl.col("place").filter(start == now).first()
    grade_before = pl.col("place").filter(start == now - 1).first()
    return yearly.group_by(*UNIT).agg(
        pl.col("school_id").list.explode(keep_nulls=False, empty_as_null=False).n_unique().cast(pl.Float64).alias("schools_in_four_years"),
        (grade_now == grade_before).cast(pl.Float64).alias("repeated_grade"),
        (pl.col("place").count().cast(pl.Int32) - pl.col("place").drop_nulls().n_unique().cast(pl.Int32))
        .cast(pl.Float64)
        .alias("grades_repeated"),
        (start < now).sum().cast(pl.Float64).alias("years_seen"),
    )
