"""Marks of students, with the course, subject, level and school of the section."""

import polars as pl

from la_assets.folding import TOLD, last_arrived, told_at
from la_assets.roster.identity import resolve_keys

KEY = ["student_key", "section_id", "grading_period"]
_OF_SECTION = ["course_id", "subject", "course_level", "school_id"]


def grades(landed: pl.LazyFrame, identifiers: pl.LazyFrame, sections: pl.LazyFrame) -> pl.LazyFrame:
    """The table ``coursework.grades`` of one school year.

    A mark posted again replaces the earlier one. A section that nobody listed keeps its marks, without course and subject.

    Parameters
    ----------
    landed : polars.LazyFrame
        ``landing.grades`` of the year.
    identifiers, sections : polars.LazyFrame
        ``directory.identifiers`` and ``roster.sections`` of the year (a section of two terms has two rows there).
    """
    courses = sections.sort("term").unique("section_id", keep="first", maintain_order=True).select("section_id", *_OF_SECTION)
    return (
        last_arrived(resolve_keys(landed, identifiers).with_columns(told_at()), KEY, TOLD)
        .join(courses, on="section_id", how="left")
        .select(
            *KEY,
            *_OF_SECTION,
            "letter",
            "percent",
            "gpa_points",
            "credits_attempted",
            "credits_earned",
            "posted_on",
            "school_year",
            pl.coalesce("posted_on", pl.col("landed_at").dt.date()).alias("known_on"),
            "source",
            pl.col("landed_at").alias("loaded_at"),
        )
    )
