"""Attendance by a snapshot: rate, absences by kind, tardies, the last weeks, and the student's own year before.

Days at two schools count once, as in ``attendance.student_year``. Years of closure are said not to compare; trends across them are
missing, never computed.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from la_assets.attendance.student_years import each_day_once
from la_assets.early_warning.features.snapshots import Snapshot, share, sums_as_of


def attendance(
    daily: pl.LazyFrame, stays: pl.LazyFrame, snapshots: Sequence[Snapshot], *, chronic_rate: float, minimum_days: int, recent_days: int
) -> pl.LazyFrame:
    """Attendance features by student and snapshot.

    Parameters
    ----------
    daily, stays : polars.LazyFrame
        ``attendance.daily`` and ``roster.enrollments`` of the year; students without a stay there are left out.
    chronic_rate, minimum_days : float, int
        Share of days missed from which absence is chronic, and days below which that is not judged.
    recent_days : int
        Calendar days before the snapshot that count as recent.
    """
    by_student = stays.group_by("student_key").agg(pl.col("school_id").n_unique().alias("schools"))
    until = max(snapshot.day for snapshot in snapshots)
    daily = daily.filter(pl.col("date") <= until)
    at_one = daily.join(by_student.filter(pl.col("schools") == 1), on="student_key", how="semi")
    at_several = each_day_once(daily.join(by_student.filter(pl.col("schools") > 1), on="student_key", how="semi"), stays)
    absent = (pl.col("absent") * 1000).round().cast(pl.Int64)
    sums = {
        "days_enrolled": pl.lit(1, pl.Int64),
        "absent": absent,
        "excused": pl.when("excused").then(absent),
        "unexcused": pl.when(~pl.col("excused")).then(absent),
        "tardies": pl.col("tardy").fill_null(False).cast(pl.Int64),
        "early": pl.col("early_dismissal").fill_null(False).cast(pl.Int64),
    }
    columns = ["student_key", "date", "absent", "excused", "tardy", "early_dismissal", "known_on", "loaded_at"]
    days = pl.concat([at_one.select(columns), at_several.select(columns)])
    made = sums_as_of(days, snapshots, ["student_key"], sums, dates=["date"], recent=["days_enrolled", "absent"], recent_days=recent_days)
    enrolled, recent = pl.col("days_enrolled"), pl.col("recent_days_enrolled")
    missed = (pl.col("absent") * 10_000 >= enrolled * 1000 * round(chronic_rate * 10_000)).cast(pl.Float64)
    per_hundred = 100 / enrolled
    return made.select(
        "student_key",
        "snapshot",
        enrolled.cast(pl.Float64).alias("days_enrolled"),
        (1 - share(pl.col("absent") / 1000, enrolled)).alias("attendance_rate"),
        (pl.col("excused") / 1000 * per_hundred).alias("excused_per_100_days"),
        (pl.col("unexcused") / 1000 * per_hundred).alias("unexcused_per_100_days"),
        (pl.col("tardies") * per_hundred).alias("tardies_per_100_days"),
        (pl.col("early") * per_hundred).alias("early_dismissals_per_100_days"),
        pl.when(enrolled >= minimum_days).then(missed).alias("chronically_absent"),
        (1 - share(pl.col("recent_absent") / 1000, recent)).alias("recent_attendance_rate"),
        "loaded_at",
    )


def year_before(student_years: pl.LazyFrame, comparable_year: bool) -> pl.LazyFrame:
    """Last year's attendance rate by student, with the day on which it was known.

    Parameters
    ----------
    student_years : polars.LazyFrame
        ``attendance.student_year`` of the year before.
    comparable_year : bool
        Whether the year of the snapshot compares with others; if not, nothing is compared.
    """
    rate = pl.when(pl.col("comparable") & pl.lit(comparable_year)).then(pl.col("rate"))
    return student_years.select(
        "student_key",
        "known_on",
        "loaded_at",
        pl.col("rate").alias("prior_attendance_rate"),
        pl.col("days_enrolled").cast(pl.Float64).alias("prior_days_enrolled"),
        (pl.col("days_enrolled") - pl.col("days_absent")).alias("prior_days_attended"),
        rate.alias("comparable_prior_rate"),
    )
