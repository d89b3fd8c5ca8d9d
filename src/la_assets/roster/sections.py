"""Sections, their terms, and who is enrolled in them, from the roster bundle's classes, courses, sessions and enrolments.

A class that runs in two terms has a row per term. Dates that a class enrolment lacks are those of its terms. All dates are
inclusive, as decided at landing.
"""

from collections.abc import Mapping

import polars as pl

from la_assets.folding import last_arrived
from la_assets.roster.bundles import current_rows
from la_assets.roster.dating import year_start
from la_assets.roster.identifiers import filled
from la_assets.roster.identity import resolve_keys, resolve_schools
from la_assets.roster.subjects import course_level, subject

NO_TERM = "Year"


def class_terms(classes: pl.LazyFrame, sessions: pl.LazyFrame) -> pl.LazyFrame:
    """The terms of each class.

    Parameters
    ----------
    classes, sessions : polars.LazyFrame
        Current rows of ``landing.oneroster_classes`` and ``landing.oneroster_academic_sessions``.

    Returns
    -------
    polars.LazyFrame
        ``section_id``, ``term`` (title, else sourcedId, else ``Year``), ``term_begin``, ``term_end``; one row per class and term.
    """
    named = sessions.select(pl.col("sourced_id").alias("session"), "title", "start_date", "end_date")
    return (
        classes.select(pl.col("sourced_id").alias("section_id"), session=filled("term_sourced_ids").str.split(","))
        .explode("session")
        .with_columns(pl.col("session").str.strip_chars())
        .join(named, on="session", how="left")
        .group_by("section_id", term=pl.coalesce(filled("title"), filled("session"), pl.lit(NO_TERM)))
        .agg(pl.col("start_date").min().alias("term_begin"), pl.col("end_date").max().alias("term_end"))
    )


def class_enrollments(
    enrollments: pl.LazyFrame,
    classes: pl.LazyFrame,
    sessions: pl.LazyFrame,
    identifiers: pl.LazyFrame,
    school_identifiers: pl.LazyFrame,
) -> pl.LazyFrame:
    """Who is in which class from when to when.

    Parameters
    ----------
    enrollments, classes, sessions : polars.LazyFrame
        All rows of ``landing.oneroster_enrollments``, ``..._classes`` and ``..._academic_sessions`` of the year.
    identifiers, school_identifiers : polars.LazyFrame
        ``directory.identifiers`` and ``roster.school_identifiers`` of the year.

    Returns
    -------
    polars.LazyFrame
        ``section_id``, ``role`` (lower case), ``student_key`` for students and ``staff_key`` for everyone else, ``school_id``, ``primary``,
        ``begin_date``, ``end_date`` (null only where neither enrolment nor term has one), and lineage.
    """
    current = current_rows(classes)
    spans = class_terms(current, current_rows(sessions)).group_by("section_id").agg(pl.col("term_begin").min(), pl.col("term_end").max())
    schools = current.select(pl.col("sourced_id").alias("section_id"), pl.col("school_sourced_id").alias("class_school"))
    role = filled("role").str.to_lowercase()
    dated = (
        current_rows(enrollments)
        .rename({"class_sourced_id": "section_id"})
        .join(spans, on="section_id", how="left")
        .join(schools, on="section_id", how="left")
        .drop_nulls("user_key")
        .select(
            "section_id",
            "primary",
            "school_year",
            "source",
            "source_file",
            "source_row",
            "landed_at",
            role=role,
            school_id=pl.coalesce(filled("school_sourced_id"), filled("class_school")),
            student_key=pl.when(role == "student").then(pl.col("user_key")),
            staff_key=pl.when(role != "student").then(pl.col("user_key")),
            begin_date=pl.coalesce("begin_date", "term_begin", year_start()),
            end_date=pl.coalesce("end_date", "term_end"),
        )
    )
    keyed = resolve_keys(resolve_keys(dated, identifiers), identifiers, "staff_key", "staff")
    return resolve_schools(keyed, school_identifiers)


def section_enrollments(class_enrollments: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of ``roster.section_enrollments`` from :func:`class_enrollments`."""
    students = class_enrollments.drop_nulls("student_key")
    return last_arrived(students, ["student_key", "section_id", "begin_date"]).select(
        "student_key", "section_id", "begin_date", "end_date", "school_year", "source", known_on="begin_date", loaded_at="landed_at"
    )


def sections(
    classes: pl.LazyFrame,
    courses: pl.LazyFrame,
    sessions: pl.LazyFrame,
    catalog: pl.LazyFrame,
    class_enrollments: pl.LazyFrame,
    *,
    school_identifiers: pl.LazyFrame,
    translations: Mapping[str, str],
) -> pl.LazyFrame:
    """Rows of ``roster.sections``.

    Parameters
    ----------
    classes, courses, sessions : polars.LazyFrame
        All rows of the landing tables of the year.
    catalog : polars.LazyFrame
        ``landing.course_catalog`` of the year; its subject and level go before what the bundle lets guess.
    class_enrollments : polars.LazyFrame
        From :func:`class_enrollments`.
    school_identifiers : polars.LazyFrame
        ``roster.school_identifiers`` of the year.
    translations : mapping
        The district's subject codes and texts, lower case, to subjects.
    """
    current = current_rows(classes)
    terms = class_terms(current, current_rows(sessions))
    seats = class_enrollments.drop_nulls("student_key").select("section_id", "student_key", "begin_date", "end_date", "landed_at")
    sizes = (
        terms.join(seats, on="section_id")
        .filter((pl.col("begin_date") <= pl.col("term_end")).fill_null(True) & (pl.col("end_date") >= pl.col("term_begin")).fill_null(True))
        .group_by("section_id", "term")
        .agg(pl.col("student_key").n_unique().cast(pl.Int32).alias("class_size"), pl.col("landed_at").max().alias("seats_at"))
    )
    offered = current_rows(courses).select(
        pl.col("sourced_id").alias("course_sourced_id"),
        "course_code",
        course_title="title",
        course_subjects="subjects",
        course_codes="subject_codes",
    )
    listed = last_arrived(catalog, ["course_id"]).select(
        "course_id", listed_subject="subject", listed_level="course_level", listed_title="title"
    )
    described = (
        current.join(offered, on="course_sourced_id", how="left")
        .with_columns(course_id=pl.coalesce(filled("course_code"), filled("course_sourced_id")))
        .join(listed, on="course_id", how="left")
        .select(
            "course_id",
            "title",
            "school_year",
            "source",
            "landed_at",
            section_id="sourced_id",
            section_code="class_code",
            school_id=filled("school_sourced_id"),
            subject=pl.coalesce(
                "listed_subject",
                subject(("subject_codes", "course_codes"), ("subjects", "course_subjects", "title", "course_title"), translations),
            ),
            course_level=pl.coalesce("listed_level", course_level("title", "course_title", "listed_title"), pl.lit("regular")),
        )
    )
    return (
        resolve_schools(described, school_identifiers)
        .join(terms, on="section_id")
        .join(sizes, on=["section_id", "term"], how="left")
        .with_columns(
            pl.col("class_size").fill_null(0),
            begin_date=pl.col("term_begin"),
            end_date=pl.col("term_end"),
            known_on=pl.coalesce("term_begin", year_start()),
            loaded_at=pl.max_horizontal("landed_at", "seats_at"),
        )
    )
