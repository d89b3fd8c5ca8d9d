"""Dated class enrolments written out by hand, in the shape that ``sections.class_enrollments`` gives."""

from typing import Any

import polars as pl

from .landed import AUGUST, d

_SCHEMA = {
    "section_id": pl.String,
    "primary": pl.Boolean,
    "school_year": pl.String,
    "source": pl.String,
    "source_file": pl.String,
    "source_row": pl.Int64,
    "landed_at": pl.Datetime("us", "UTC"),
    "role": pl.String,
    "school_id": pl.String,
    "student_key": pl.String,
    "staff_key": pl.String,
    "begin_date": pl.Date,
    "end_date": pl.Date,
}


def class_enrollment(
    student_key: str | None,
    section_id: str,
    *,
    begin: str = "2023-08-10",
    end: str | None = "2024-05-24",
    school: str = "1",
    role: str = "student",
    staff: str | None = None,
    primary: bool | None = None,
) -> dict[str, Any]:
    return {
        "section_id": section_id,
        "primary": primary,
        "school_year": "2023-24",
        "source": "oneroster",
        "source_file": "e.csv",
        "landed_at": AUGUST,
        "role": role,
        "school_id": school,
        "student_key": student_key,
        "staff_key": staff,
        "begin_date": d(begin),
        "end_date": end and d(end),
    }


def dated(*rows: dict[str, Any]) -> pl.LazyFrame:
    return pl.LazyFrame([{**row, "source_row": n + 2} for n, row in enumerate(rows)], schema=_SCHEMA, orient="row")
