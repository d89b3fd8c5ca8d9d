"""The large daily files: attendance and learning-management activity, one file a month, streamed in slices.

Attendance is negative (only days that were not plainly present) or daily. The days absent are added up on the way for the truth.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from la_resources.sources.simulated_district.absence import ABSENT, CODES, MINUTES, month_marks
from la_resources.sources.simulated_district.defects import Defects, late_name, repeated, wrong_year_name
from la_resources.sources.simulated_district.engagement import month_activity
from la_resources.sources.simulated_district.landing_folder import LandingFolder, append
from la_resources.sources.simulated_district.parameters import Parameters
from la_resources.sources.simulated_district.randomness import Streams
from la_resources.sources.simulated_district.school_year import SchoolYear
from la_resources.sources.simulated_district.text_columns import days_text, pick

ATTENDANCE_HEADER = ("STUDENT_NUMBER", "SCHOOL_NO", "ATT_DATE", "ABS_CODE", "ABS_PORTION", "TARDY_FLG", "EARLY_DISM_FLG", "MIN_ATT")
LMS_HEADER = (
    "student_number",
    "section_id",
    "activity_date",
    "logins",
    "minutes_active",
    "page_views",
    "submitted",
    "submitted_late",
    "missing",
    "posts",
)
LATE_ARRIVALS = {"attendance": (2026, 9, 14), "grades": (2026, 10, 5)}


def write_attendance(
    year: SchoolYear, folder: LandingFolder, streams: Streams, parameters: Parameters, defects: Defects, *, daily: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Write the months known; return days enrolled and days absent by student row."""
    c, stays = year.calendar, year.stays
    absent = np.zeros(len(year.students))
    portion = pl.Series([f"{a:g}" for a in ABSENT])
    tardy, early = pl.Series(["Y" if x == "T" else "N" for x in CODES]), pl.Series(["Y" if x == "D" else "N" for x in CODES])
    minutes = pl.Series([str(m) for m in MINUTES])
    codes = pl.Series([x[0] for x in CODES])
    for month, first, after in c.months():
        path = f"sis/attendance/attendance_{c.label}_{month}.csv"
        arrival = c.date(after - 1) + timedelta(days=1)
        twice = defects.duplicates.get(("attendance", c.start, month), 0)
        held = defects.late.get(("attendance", c.start, month), 0)
        with folder.stream(path, ATTENDANCE_HEADER, arrival) as handle:
            for marks in month_marks(
                streams, c, int(month), first, after, stays=stays, probability=year.absence, parameters=parameters, daily=daily
            ):
                student = stays.student[marks.stay]
                np.add.at(absent, student, ABSENT[marks.code])
                frame = pl.DataFrame(
                    {
                        "STUDENT_NUMBER": pick(year.numbers, student),
                        "SCHOOL_NO": pick(year.schools.number, stays.school[marks.stay]),
                        "ATT_DATE": days_text(c, marks.day, "us"),
                        "ABS_CODE": pick(codes, marks.code),
                        "ABS_PORTION": pick(portion, marks.code),
                        "TARDY_FLG": pick(tardy, marks.code),
                        "EARLY_DISM_FLG": pick(early, marks.code),
                        "MIN_ATT": pick(minutes, marks.code),
                    }
                )
                if held:
                    late, frame = frame.head(min(held, frame.height // 2)), frame.slice(min(held, frame.height // 2))
                    folder.write(late_name(path), late, date(*LATE_ARRIVALS["attendance"]))
                    defects.record("late_file", late_name(path), late.height)
                    held = 0
                append(handle, frame)
                if twice:
                    copies = repeated(frame, twice)
                    append(handle, copies)
                    defects.record("duplicate_rows", path, copies.height)
                    twice = 0
                if defects.wrong_year == c.start + 1 and month == "02":
                    wrong = wrong_year_name(path, c.start + 1)
                    if wrong not in folder.files:
                        folder.write(wrong, frame.head(40), date(c.start + 2, 3, 3))
                        defects.record("wrong_year_file", wrong, min(40, frame.height))
    seen = np.minimum(stays.end, c.known_days - 1)
    enrolled = np.zeros(len(year.students), dtype=np.int64)
    np.add.at(enrolled, stays.student, np.maximum(seen - stays.begin + 1, 0))
    return enrolled, absent


def write_lms(year: SchoolYear, folder: LandingFolder, streams: Streams) -> None:
    """Write the months known."""
    c, stays = year.calendar, year.stays
    ability = year.achievement.start.mean(axis=1)
    engagement = 0.5 * ability - 3.0 * (year.absence - 0.07) + streams.of("engagement", c.start).normal(0, 0.7, len(year.students))
    for month, first, after in c.months():
        arrival = c.date(after - 1) + timedelta(days=1)
        with folder.stream(f"lms/activity_{c.label}_{month}.csv", LMS_HEADER, arrival) as handle:
            for a in month_activity(
                streams,
                c.start,
                int(month),
                first,
                after,
                stays=stays,
                sections=year.sections,
                grade=year.students.grade,
                engagement=engagement,
            ):
                append(
                    handle,
                    pl.DataFrame(
                        {
                            "student_number": pick(year.numbers, stays.student[a.stay]),
                            "section_id": pick(year.section_codes, a.section),
                            "activity_date": days_text(c, a.day, "iso"),
                            "logins": a.logins,
                            "minutes_active": a.minutes.astype(np.float64).round(1),
                            "page_views": a.views,
                            "submitted": a.submissions,
                            "submitted_late": a.late,
                            "missing": a.missing,
                            "posts": a.posts,
                        }
                    ),
                )
