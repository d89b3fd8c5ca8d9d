"""What the days of a student add up to in a year: at each school, and over all schools.

Chronic absence is missing 10 % or more of the enrolled days, over all schools of the year, so a transfer never resets it.
Shares of days are summed as whole thousandths and compared as integers: a student at exactly 10 % is chronic whatever
floating point makes of it.
"""

from collections.abc import Sequence

import polars as pl

_THOUSANDTHS = 1_000
_RATE_STEPS = 10_000


def student_school_year(daily: pl.LazyFrame, chronic_rate: float, minimum_days: int, comparable: bool) -> pl.LazyFrame:
    """The table ``attendance.student_school_year`` of one school year.

    Parameters
    ----------
    daily : polars.LazyFrame
        ``attendance.daily`` of the year.
    chronic_rate : float
        Share of enrolled days missed from which a student is chronically absent (taken to four decimals).
    minimum_days : int
        Enrolled days below which chronic absence is not judged.
    comparable : bool
        Whether the year's attendance compares with other years.
    """
    return with_rates(sums(daily, ["student_key", "school_id"]), chronic_rate, minimum_days, comparable)


def student_year(daily: pl.LazyFrame, enrollments: pl.LazyFrame, chronic_rate: float, minimum_days: int, comparable: bool) -> pl.LazyFrame:
    """The table ``attendance.student_year`` of one school year: a day counts once, at whatever number of schools.

    Parameters
    ----------
    daily : polars.LazyFrame
        ``attendance.daily`` of the year.
    enrollments : polars.LazyFrame
        ``roster.enrollments`` of the year, for the primary school of a day.
    chronic_rate, minimum_days, comparable
        As of :func:`student_school_year`.
    """
    at_schools = sums(daily, ["student_key", "school_id"]).cache()  # read four times below: uncached, the days are summed as often
    schools = at_schools.group_by("student_key").agg(pl.len().cast(pl.Int32).alias("schools"))
    several = schools.filter(pl.col("schools") > 1)
    at_one = at_schools.drop("school_id").join(several, on="student_key", how="anti")
    days = daily.join(several, on="student_key", how="semi").cache()  # read twice
    at_several = sums(each_day_once(days, enrollments), ["student_key"])
    return with_rates(pl.concat([at_one, at_several]), chronic_rate, minimum_days, comparable).join(schools, on="student_key", how="left")


def each_day_once(daily: pl.LazyFrame, enrollments: pl.LazyFrame) -> pl.LazyFrame:
    """Of a student's rows on one day, the row of the primary school; without one, the row with the most missed.

    A student enrolled at two schools attends a part of the day at each. The primary school is the one that answers for the
    student; where none is named, or two are, a day missed anywhere is a day missed. Ties go to the lower ``school_id``.

    Parameters
    ----------
    daily : polars.LazyFrame
        Rows of ``attendance.daily``.
    enrollments : polars.LazyFrame
        ``roster.enrollments`` with ``is_primary``.
    """
    day = ["student_key", "date"]
    primary = enrollments.filter("is_primary").select("student_key", "school_id", "entry_date", "exit_date")
    main = (
        daily.select(*day, "school_id")
        .join(primary, on=["student_key", "school_id"])
        .filter((pl.col("date") >= pl.col("entry_date")) & (pl.col("date") <= pl.col("exit_date")).fill_null(True))
        .select(*day, "school_id")
        .unique()
        .with_columns(main=pl.lit(True))
    )
    one_main = main.join(main.group_by(day).len("schools").filter(pl.col("schools") == 1), on=day, how="semi")
    return (
        daily.join(one_main, on=[*day, "school_id"], how="left")
        .sort(*day, pl.col("main").fill_null(False), "absent", "school_id", descending=[False, False, True, True, False])
        .unique(day, keep="first", maintain_order=True)
        .drop("main")
    )


def sums(daily: pl.LazyFrame, by: Sequence[str]) -> pl.LazyFrame:
    """Days enrolled and missed per group, shares of days in thousandths; a row of ``daily`` is a day."""
    missed = (pl.col("absent") * _THOUSANDTHS).round().cast(pl.Int64)
    return daily.group_by(by).agg(
        pl.len().cast(pl.Int32).alias("days_enrolled"),
        missed.sum().alias("missed"),
        missed.filter(pl.col("excused")).sum().alias("missed_excused"),
        missed.filter(~pl.col("excused")).sum().alias("missed_unexcused"),
        pl.col("tardy").sum().cast(pl.Int32).alias("tardies"),
        pl.col("early_dismissal").sum().cast(pl.Int32).alias("early_dismissals"),
        pl.col("date").min().alias("first_date"),
        pl.col("date").max().alias("last_date"),
        pl.col("date").max().alias("known_on"),
        pl.col("source").min(),
        pl.col("loaded_at").max(),
    )


def with_rates(sums: pl.LazyFrame, chronic_rate: float, minimum_days: int, comparable: bool) -> pl.LazyFrame:
    """Days, attendance rate and chronic absence from the sums of :func:`sums`."""
    limit = pl.col("days_enrolled").cast(pl.Int64) * (round(chronic_rate * _RATE_STEPS) * _THOUSANDTHS)
    return sums.with_columns(
        (pl.col("missed") / _THOUSANDTHS).alias("days_absent"),
        (pl.col("missed_excused") / _THOUSANDTHS).alias("excused"),
        (pl.col("missed_unexcused") / _THOUSANDTHS).alias("unexcused"),
        (1 - pl.col("missed") / (pl.col("days_enrolled").cast(pl.Int64) * _THOUSANDTHS)).alias("rate"),
        pl.when(pl.col("days_enrolled") >= minimum_days).then(pl.col("missed") * _RATE_STEPS >= limit).alias("chronic"),
        pl.lit(comparable).alias("comparable"),
    ).drop("missed", "missed_excused", "missed_unexcused")
