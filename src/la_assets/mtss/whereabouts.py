"""Where a student was on a day: school, section of a subject, and teacher.

A test in Algebra 1 is taught in a section that may be listed under Math: the exact subject goes first, the wider one second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl


def areas(subjects: Sequence[str], taught_as: Mapping[str, str]) -> pl.LazyFrame:
    """Tested subject, the subjects its sections and links may name (``taught``), and which of them goes first (``rank``)."""
    rows = [(s, s, 0) for s in subjects] + [(s, wider, 1) for s, wider in taught_as.items() if s in subjects and wider != s]
    return pl.LazyFrame(rows, schema={"subject": pl.String, "taught": pl.String, "rank": pl.Int32}, orient="row")


def schools_at(days: pl.LazyFrame, enrollments: pl.LazyFrame) -> pl.LazyFrame:
    """The school of a student on a day: the primary stay that covers it, else the stay that began last.

    Parameters
    ----------
    days : polars.LazyFrame
        Distinct ``student_key`` and ``date``.
    enrollments : polars.LazyFrame
        ``roster.enrollments``.

    Returns
    -------
    polars.LazyFrame
        ``student_key``, ``date``, ``school_id``; days on which the student was enrolled nowhere are left out.
    """
    return (
        days.join(enrollments.select("student_key", "school_id", "entry_date", "exit_date", "is_primary"), on="student_key")
        .filter(pl.col("date").is_between(pl.col("entry_date"), pl.col("exit_date").fill_null(pl.date(9999, 12, 31))))
        .sort("student_key", "date", "is_primary", "entry_date", "school_id", descending=[False, False, True, True, False])
        .unique(["student_key", "date"], keep="first", maintain_order=True)
        .select("student_key", "date", "school_id")
    )


def sections_at(days: pl.LazyFrame, section_enrollments: pl.LazyFrame, sections: pl.LazyFrame, subject_areas: pl.LazyFrame) -> pl.LazyFrame:
    """The section in which a student was taught a subject on a day; of several, the exact subject, then the one begun first.

    Parameters
    ----------
    days : polars.LazyFrame
        Distinct ``student_key``, ``subject`` and ``date``.
    section_enrollments, sections : polars.LazyFrame
        ``roster.section_enrollments`` and ``roster.sections``.
    subject_areas : polars.LazyFrame
        From :func:`areas`.
    """
    subject_of = sections.select("section_id", pl.col("subject").alias("taught")).unique().join(subject_areas, on="taught").drop("taught")
    stays = section_enrollments.select("student_key", "section_id", "begin_date", "end_date").join(subject_of, on="section_id")
    return (
        days.join(stays, on=["student_key", "subject"])
        .filter(pl.col("date").is_between(pl.col("begin_date"), pl.col("end_date").fill_null(pl.date(9999, 12, 31))))
        .sort("student_key", "subject", "date", "rank", "begin_date", "section_id")
        .unique(["student_key", "subject", "date"], keep="first", maintain_order=True)
        .select("student_key", "subject", "date", "section_id")
    )


def teachers(links: pl.LazyFrame, subject_areas: pl.LazyFrame) -> pl.LazyFrame:
    """The teacher with the largest share of a student's instruction in a subject (``roster.instructional_links``)."""
    return (
        links.select("student_key", "staff_key", pl.col("subject").alias("taught"), "weight")
        .join(subject_areas, on="taught")
        .sort("student_key", "subject", "rank", "weight", "staff_key", descending=[False, False, False, True, False])
        .unique(["student_key", "subject"], keep="first", maintain_order=True)
        .select("student_key", "subject", "staff_key")
    )
