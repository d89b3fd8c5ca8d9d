"""A lake of one school year written out by rule: three schools of which one is tiny, so that small cells occur and can be counted.

School A has 30 students, B 25, C 4. In A and B the first twelve students are chronically absent, in C the first one; of each school
the first half is proficient in ELA;
nobody has a Math result; no incident file came.
"""

import datetime as dt

import polars as pl

from la_assets.assessments.schema import SCORES
from la_assets.attendance.schema import STUDENT_YEAR as ATTENDANCE
from la_assets.roster.schema import ENROLLMENTS, PROGRESSION, SCHOOLS, SECTION_ENROLLMENTS, SECTIONS, STUDENTS
from la_resources.contracts import Table
from la_resources.lake import Lake

YEAR = "2023-24"
SIZES = {"A": 30, "B": 25, "C": 4}
LINEAGE = {
    "school_year": YEAR,
    "known_on": dt.date(2024, 5, 31),
    "source": "test",
    "loaded_at": dt.datetime(2024, 6, 1, tzinfo=dt.UTC),
}


def rows(table: Table, values: list[dict]) -> pl.DataFrame:
    """Rows of a table, with nulls for what is not given."""
    names = table.names
    return pl.DataFrame([{name: (LINEAGE | row).get(name) for name in names} for row in values], schema=table.polars_schema())


def key(number: int) -> str:
    return f"{number:032x}"


def students() -> list[tuple[str, str, int]]:
    """Key, school, place within the school."""
    found, number = [], 0
    for school, size in SIZES.items():
        for place in range(size):
            number += 1
            found.append((key(number), school, place))
    return found


def write(lake: Lake) -> None:
    """The lake of the district."""
    people = students()
    frames = {
        STUDENTS: [
            {
                "student_key": k,
                "grade_level": "05",
                "gender": "Female" if i % 2 else "Male",
                "race_ethnicity": "White" if i % 3 else "Asian",
                "frl": i % 5 == 0,
                "ell": False,
                "ese": school == "C",
            }
            for i, (k, school, _) in enumerate(people)
        ],
        SCHOOLS: [{"school_id": s, "level": "Elementary"} for s in SIZES],
        ENROLLMENTS: [
            {"student_key": k, "school_id": s, "entry_date": dt.date(2023, 8, 10), "is_primary": True, "grade_level": "05"}
            for k, s, _ in people
        ],
        PROGRESSION: [{"student_key": k, "progress": "new", "schools_this_year": 1, "schools_in_four_years": 1} for k, _, _ in people],
        ATTENDANCE: [
            {
                "student_key": k,
                "days_enrolled": 100,
                "days_absent": 12.0 if place < chronic_of(s) else 2.0,
                "excused": 0.0,
                "unexcused": 0.0,
                "tardies": 0,
                "early_dismissals": 0,
                "rate": 0.88 if place < chronic_of(s) else 0.98,
                "chronic": place < chronic_of(s),
                "comparable": True,
                "first_date": dt.date(2023, 8, 10),
                "last_date": dt.date(2024, 5, 31),
                "schools": 1,
            }
            for k, s, place in people
        ],
        SCORES: [
            {
                "student_key": k,
                "assessment_id": "FAST",
                "subject": "ELA",
                "window": "PM3",
                "attempt": 1,
                "administered_on": dt.date(2024, 5, 10),
                "grade_level": "05",
                "scale_score": 300.0 + 3 * place + (i % 7),
                "level": 3 if place < SIZES[s] // 2 else 2,
                "is_official": True,
                "is_vertical_scale": True,
            }
            for i, (k, s, place) in enumerate(people)
        ],
        SECTIONS: [
            {"section_id": f"{s}-ELA", "term": "Year", "school_id": s, "subject": "ELA", "course_level": "regular", "class_size": n}
            for s, n in SIZES.items()
        ],
        SECTION_ENROLLMENTS: [{"student_key": k, "section_id": f"{s}-ELA", "begin_date": dt.date(2023, 8, 10)} for k, s, _ in people],
    }
    for table, values in frames.items():
        lake.publish(table, YEAR, rows(table, values))


def chronic_of(school: str) -> int:
    return 1 if school == "C" else 12
