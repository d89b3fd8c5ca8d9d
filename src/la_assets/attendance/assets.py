"""The attendance assets: expected days, rows that fit none, and the sums of the year."""

import polars as pl

from la_assets.attendance import daily as days
from la_assets.attendance import student_years
from la_assets.attendance import unmatched as leftovers
from la_assets.attendance.schema import DAILY, STUDENT_SCHOOL_YEAR, STUDENT_YEAR, UNMATCHED
from la_assets.landing.schema import ATTENDANCE
from la_assets.roster.schema import CALENDAR, ENROLLMENTS, IDENTIFIERS, SCHOOL_IDENTIFIERS
from la_assets.yearly_tables import Year, yearly_table

_INPUTS = (ATTENDANCE, IDENTIFIERS, SCHOOL_IDENTIFIERS, CALENDAR, ENROLLMENTS)


@yearly_table(DAILY, inputs=_INPUTS)
def daily(year: Year) -> pl.LazyFrame:
    """A student's instructional day at a school of enrolment.

    **From** `landing.attendance`, with the days that no row names filled in as present (`is_filled`) from
    `roster.enrollments` and `roster.calendar`, up to the last day for which the school has sent any attendance row.

    **Fresh** when yesterday's attendance has landed: `known_on` is the day itself.

    **If it fails**, a landed row breaks its contract: the message names the column and the key; see the row's `source_file`
    in `landing.attendance`. Rows on no expected day do not fail; they are in `attendance.unmatched`.
    """
    return days.daily(
        *(year[table] for table in _INPUTS), first_day=year.school_year.first_day, last_day=year.school_year.last_day
    ).with_columns(school_year=pl.lit(year.label))


@yearly_table(UNMATCHED, inputs=_INPUTS)
def unmatched(year: Year) -> pl.LazyFrame:
    """An attendance row that falls on no expected day of the student at the school; it counts nowhere.

    **From** `landing.attendance`. `reason` says why: the day is no instructional day of the school's calendar, the student
    was not enrolled at the school on that day (or ever), or the date cannot be right.

    **Many rows** mean that calendar or enrolments are missing or late: load those, then materialise this table and
    `attendance.daily` again. A school that sends only absences needs enrolments for any of its rows to count.
    """
    return leftovers.unmatched(
        *(year[table] for table in _INPUTS), first_day=year.school_year.first_day, last_day=year.school_year.last_day
    ).with_columns(school_year=pl.lit(year.label))


@yearly_table(STUDENT_SCHOOL_YEAR, inputs=(DAILY,))
def student_school_year(year: Year) -> pl.LazyFrame:
    """A student's attendance at a school in a school year: days enrolled, days missed, rate, chronic absence.

    **From** `attendance.daily`. A student with two stays at a school has one row. For a student's year, whatever the
    schools, use `attendance.student_year`.

    **Fresh** with `attendance.daily`; `last_date` is the as-of date. **It fails** only with its input.
    """
    return student_years.student_school_year(
        year[DAILY],
        year.district.chronic_absence_rate,
        year.district.minimum_days_enrolled,
        year.label not in year.district.incomparable_attendance_years,
    ).with_columns(school_year=pl.lit(year.label))


@yearly_table(STUDENT_YEAR, inputs=(DAILY, ENROLLMENTS))
def student_year(year: Year) -> pl.LazyFrame:
    """A student's attendance in a school year over all schools; a day counts once and a transfer resets nothing.

    **From** `attendance.daily`; on a day with two schools the primary school of `roster.enrollments` counts, else the
    school where more of the day was missed. `chronic` is 10 % or more of the enrolled days missed, missing below the
    minimum of enrolled days; `comparable` is false for the years of school closures.

    **Fresh** with `attendance.daily`; `last_date` is the as-of date. **It fails** only with its inputs.
    """
    return student_years.student_year(
        year[DAILY],
        year[ENROLLMENTS],
        year.district.chronic_absence_rate,
        year.district.minimum_days_enrolled,
        year.label not in year.district.incomparable_attendance_years,
    ).with_columns(school_year=pl.lit(year.label))
