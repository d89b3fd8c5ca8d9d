"""A lake with a few students, classes and schools, and the door to it: what tests of access look through."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path

import polars as pl

from la_assets.access.schema import CLASS_GRANTS, POLICIES, STUDENT_GRANTS
from la_resources import school_year
from la_resources.contracts import Column, Table, lineage_columns, student_key
from la_resources.district_settings.access import AccessSettings
from la_resources.lake import Lake
from la_resources.storage import FolderStorage, Storage
from la_resources.student_access.access_log import AccessLog
from la_resources.student_access.session import StudentAccess

SETTINGS = AccessSettings()
STUDENTS = tuple(f"s{n}" for n in range(1, 6))
SCHOOLS = ("0101", "2001")
SECTIONS = {"A": "0101", "B": "0101", "C": "2001"}


def key(name: str) -> str:
    """A person's key, readable: s1 is s1 and zeros."""
    return name.encode().hex().ljust(32, "0")


NAMES = {key(name): name for name in STUDENTS}


def _text(name: str) -> Column:
    return Column(name, pl.String, name, nullable=True)


STUDENT_360 = Table(
    "marts.student_360",
    "A student's year.",
    (student_key(), _text("school_id"), _text("frl"), _text("homeless"), *lineage_columns()),
    ("student_key", "school_year"),
)
DIRECTORY = Table(
    "directory.students", "Names.", (student_key(), _text("given_name"), *lineage_columns()), ("student_key",), restricted=True
)
CLASS_OVERVIEW = Table(
    "marts.class_overview", "A class.", (_text("section_id"), _text("school_id"), *lineage_columns()), ("section_id", "school_year")
)
SCHOOL_OVERVIEW = Table("marts.school_overview", "A school.", (_text("school_id"), *lineage_columns()), ("school_id", "school_year"))
DISTRICT_OVERVIEW = Table("marts.district_overview", "The district.", (_text("note"), *lineage_columns()), ("school_year",))
MODEL = Table("early_warning.model", "A model.", (student_key(), *lineage_columns()), ("student_key",))
RULES = {
    "marts.student_360": "student",
    "directory.students": "names",
    "marts.class_overview": "class",
    "marts.school_overview": "school",
    "marts.district_overview": "district",
}
READ = (STUDENT_360, DIRECTORY, CLASS_OVERVIEW, SCHOOL_OVERVIEW, DISTRICT_OVERVIEW)
TABLES = {table.name: table for table in (*READ, MODEL, POLICIES, STUDENT_GRANTS, CLASS_GRANTS)}


def rows(table: Table, year: str, given: Iterable[Mapping]) -> pl.DataFrame:
    """Rows of a contract in a year; what is not given is missing, and known since the year's first day."""
    first = school_year.first_day(year)
    made = {"school_year": year, "known_on": first, "source": "test", "loaded_at": dt.datetime(2025, 7, 1, tzinfo=dt.UTC)}
    return pl.DataFrame([made | dict(row) for row in given], schema=table.polars_schema(), strict=False)


def publish_facts(lake: Lake, years: Sequence[str]) -> None:
    """Every student, class and school in every year."""
    for year in years:
        lake.publish(STUDENT_360, year, rows(STUDENT_360, year, ({"student_key": key(s)} for s in STUDENTS)))
        lake.publish(DIRECTORY, year, rows(DIRECTORY, year, ({"student_key": key(s), "given_name": f"Name of {s}"} for s in STUDENTS)))
        sections = ({"section_id": section, "school_id": school} for section, school in SECTIONS.items())
        lake.publish(CLASS_OVERVIEW, year, rows(CLASS_OVERVIEW, year, sections))
        lake.publish(SCHOOL_OVERVIEW, year, rows(SCHOOL_OVERVIEW, year, ({"school_id": school} for school in SCHOOLS)))
        lake.publish(DISTRICT_OVERVIEW, year, rows(DISTRICT_OVERVIEW, year, [{}]))
        lake.publish(MODEL, year, rows(MODEL, year, ({"student_key": key(s)} for s in STUDENTS)))


def grant(scope: str, student: str, first: dt.date, last: dt.date, link: str = "section") -> dict:
    return {"scope": scope, "student_key": key(student), "link": link, "valid_from": first, "valid_until": last}


def policy(user: str, scope: str, role: str | None, first: dt.date, last: dt.date, line: int = 2, status: str = "granted") -> dict:
    validity = {"valid_from": first, "valid_until": last}
    return {"user_name": user, "scope": scope, "role": role, "line": line, "status": status} | validity


def door(lake: Lake, log: Storage | Path, now: dt.datetime) -> StudentAccess:
    """The door at a time that goes on by a microsecond at every look at the clock."""
    storage, ticks = FolderStorage(log) if isinstance(log, Path) else log, count()
    clock = lambda: now + dt.timedelta(microseconds=next(ticks))  # noqa: E731
    return StudentAccess(lake, AccessLog(storage), TABLES, RULES, SETTINGS.purposes, SETTINGS.names_for, SETTINGS.columns_for, clock)
