"""Contracts of the attendance tables: days, rows that fit no expected day, and the sums of a year.

One table per way of counting: a student's day at a school, a student's year at a school, a student's year over all schools.
How days are filled and counted stands in ``daily.py`` and ``student_years.py``.
"""

import polars as pl

from la_assets.landing.schema import day, flag, number, text, whole
from la_resources.contracts import Column, ForeignKey, Table, lineage_columns, student_key

UNMATCHED_REASONS = (
    "outside the school year",
    "dated after the file arrived",
    "not an instructional day",
    "no enrollment at the school",
    "outside the enrollment",
)

_student = ForeignKey(("student_key",), "roster.students", ("student_key",))
_school = ForeignKey(("school_id",), "roster.schools", ("school_id",))

_of_the_day = (
    Column("absent", pl.Float32, "Share of the day missed, 0 (present) to 1.", minimum=0, maximum=1),
    flag("excused", "The absence is excused; missing where not said."),
    flag("tardy", "Came late."),
    flag("early_dismissal", "Left early."),
    Column("minutes", pl.Int16, "Minutes attended.", nullable=True, minimum=0, maximum=1440),
)

DAILY = Table(
    "attendance.daily",
    "A student's instructional day at a school of enrolment, up to the school's last day with any attendance data.",
    (
        student_key(),
        text("school_id", "School.", nullable=False),
        day("date", "Instructional day.", nullable=False),
        *_of_the_day,
        flag("is_filled", "No file says anything of this day: presence is inferred from negative attendance.", nullable=False),
        *lineage_columns(),
    ),
    ("student_key", "school_id", "date"),
    (_student, _school),
    in_order=True,
)

UNMATCHED = Table(
    "attendance.unmatched",
    "An attendance row that falls on no expected day of the student at the school, with the reason; it counts nowhere.",
    (
        student_key(),
        text("school_id", "School.", nullable=False),
        day("date", "Day, as sent.", nullable=False),
        text("reason", "The first rule that keeps the row out.", nullable=False, options=UNMATCHED_REASONS),
        *_of_the_day,
        *lineage_columns(),
    ),
    ("student_key", "school_id", "date"),
)

_sums = (
    whole("days_enrolled", "Instructional days enrolled, up to the last day with data.", 1, 366, nullable=False),
    number("days_absent", "Days missed, part days as shares.", 0, 366, nullable=False),
    number("excused", "Days missed and excused.", 0, 366, nullable=False),
    number("unexcused", "Days missed and said to be unexcused; where no file says, a day is in neither.", 0, 366, nullable=False),
    whole("tardies", "Days come late.", 0, 366, nullable=False),
    whole("early_dismissals", "Days left early.", 0, 366, nullable=False),
    number("rate", "Share of enrolled days attended: 1 - days_absent / days_enrolled.", 0, 1, nullable=False),
    flag("chronic", "Missed 10 % or more (District.chronic_absence_rate) of the enrolled days; missing under the minimum of days."),
    flag("comparable", "Whether the year's attendance compares with other years (not 2019-20 and 2020-21).", nullable=False),
    day("first_date", "First day counted.", nullable=False),
    day("last_date", "Last day counted: the as-of date of the sums.", nullable=False),
)

STUDENT_SCHOOL_YEAR = Table(
    "attendance.student_school_year",
    "A student's attendance at a school in a school year.",
    (student_key(), text("school_id", "School.", nullable=False), *_sums, *lineage_columns()),
    ("student_key", "school_id", "school_year"),
    (_student, _school),
)

STUDENT_YEAR = Table(
    "attendance.student_year",
    "A student's attendance in a school year over all schools; a day counts once and a transfer resets nothing.",
    (student_key(), *_sums, whole("schools", "Schools with counted days.", 1, nullable=False), *lineage_columns()),
    ("student_key", "school_year"),
    (_student,),
)
