"""Two schools, four teachers, a handful of students: the rows from which access is made, written by hand."""

import datetime as dt

import polars as pl

from la_assets.landing.schema import ACCESS_USERS
from la_assets.programs.schema import PARTICIPATION
from la_assets.roster.schema import CALENDAR, ENROLLMENTS, INSTRUCTIONAL_LINKS, SCHOOLS, STAFF
from la_resources.contracts import Table

YEAR = "2025-26"
FIRST, LAST = dt.date(2025, 8, 11), dt.date(2026, 5, 22)
ARRIVED = dt.datetime(2025, 8, 1, tzinfo=dt.UTC)
LINEAGE = {"school_year": YEAR, "source": "test", "loaded_at": ARRIVED, "known_on": FIRST, "landed_at": ARRIVED}


def key(name: str) -> str:
    """A person's key, readable: s1 is s1 and zeros."""
    return name.encode().hex().ljust(32, "0")


def on(month: int, day: int) -> dt.date:
    """A day of the school year."""
    return dt.date(2025 if month >= 7 else 2026, month, day)


def rows(table: Table, *given: dict) -> pl.LazyFrame:
    """Rows of a contract; what is not given is missing."""
    return pl.DataFrame([LINEAGE | row for row in given] or None, schema=table.polars_schema(), strict=False).lazy()


def user(login: str, role: str, line: int = 2, **more: object) -> dict:
    """A line of the list of users, valid for the year."""
    line_of = {"user_name": login, "role": role, "source_file": "access/users.csv", "source_row": line, "row_hash": line}
    return line_of | {"valid_from": on(8, 1), "valid_until": on(6, 30)} | more


def users(*lines: dict) -> pl.LazyFrame:
    return rows(ACCESS_USERS, *(line | {"source_row": at + 2} for at, line in enumerate(lines)))


def stay(student: str, school: str = "0101", first: dt.date = FIRST, last: dt.date | None = LAST, grade: str = "03") -> dict:
    return {
        "student_key": key(student),
        "school_id": school,
        "entry_date": first,
        "exit_date": last,
        "is_primary": True,
        "grade_level": grade,
    }


def in_class(section: str, person: str, role: str, first: dt.date = FIRST, last: dt.date | None = LAST, school: str = "0101") -> dict:
    """A row of the roster's class enrolments."""
    whose = {"student_key": key(person), "staff_key": None} if role == "student" else {"student_key": None, "staff_key": key(person)}
    return {"section_id": section, "role": role, "school_id": school, "primary": True, "begin_date": first, "end_date": last} | whose


def classes(*given: dict) -> pl.LazyFrame:
    types = {"section_id": pl.String, "role": pl.String, "student_key": pl.String, "staff_key": pl.String, "school_id": pl.String}
    types |= {"primary": pl.Boolean, "begin_date": pl.Date, "end_date": pl.Date, "school_year": pl.String, "source": pl.String}
    return pl.DataFrame([LINEAGE | row for row in given] or None, schema=types | {"landed_at": pl.Datetime("us", "UTC")}).lazy()


STAFF_ROWS = rows(STAFF, *({"staff_key": key(f"t{n}"), "school_id": "0101" if n < 3 else "2001"} for n in range(1, 5)))
SCHOOL_ROWS = rows(SCHOOLS, {"school_id": "0101"}, {"school_id": "2001"})
CALENDAR_ROWS = rows(CALENDAR, *({"school_id": s, "date": d, "is_instructional": True} for s in ("0101", "2001") for d in (FIRST, LAST)))
NO_LINKS, NO_PROGRAMS = rows(INSTRUCTIONAL_LINKS), rows(PARTICIPATION)


def enrollments(*given: dict) -> pl.LazyFrame:
    return rows(ENROLLMENTS, *given)
