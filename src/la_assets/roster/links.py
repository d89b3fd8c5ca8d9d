"""Who taught a student a subject, and how much of it: instructional links as sent, else derived from sections.

The derived dosage of a teacher is the share of the section's term days on which both the student and the teacher were
in the section. Weights of a student and subject that sum to more than 1 (co-teachers, two sections of a subject, one after the other)
are scaled to 1; less than 1 stays less: nobody taught the rest.
"""

import polars as pl

from la_assets.folding import last_arrived
from la_assets.roster.dating import year_end, year_start
from la_assets.roster.identity import resolve_keys

LINK = ("student_key", "staff_key", "subject")
DERIVED = "sections"


def instructional_links(
    sent: pl.LazyFrame, class_enrollments: pl.LazyFrame, sections: pl.LazyFrame, identifiers: pl.LazyFrame
) -> pl.LazyFrame:
    """Rows of ``roster.instructional_links``.

    Parameters
    ----------
    sent : polars.LazyFrame
        ``landing.instructional_links`` of the year. A student and subject with a row here takes nothing from sections.
    class_enrollments : polars.LazyFrame
        Dated class enrolments (:func:`la_assets.roster.sections.class_enrollments`).
    sections : polars.LazyFrame
        ``roster.sections`` of the year.
    identifiers : polars.LazyFrame
        ``directory.identifiers`` of the year.
    """
    columns = (*LINK, "weight", "link_source", "school_year", "source", "landed_at", "known_on")
    told = last_arrived(resolve_keys(resolve_keys(sent, identifiers), identifiers, "staff_key", "staff"), LINK).with_columns(
        pl.col("link_source").fill_null("sent"), known_on=year_start()
    )
    derived = dosage(class_enrollments, sections).join(told.select("student_key", "subject"), on=["student_key", "subject"], how="anti")
    links = pl.concat([told.select(columns), derived.with_columns(link_source=pl.lit(DERIVED)).select(columns)])
    return scaled(links).with_columns(loaded_at=pl.col("landed_at"))


def scaled(links: pl.LazyFrame) -> pl.LazyFrame:
    """Scale the weights of each student and subject that sum to more than 1 so that they sum to 1."""
    total = pl.col("weight").sort().sum().over("student_key", "subject")  # in one order, or the last digit differs between runs
    # A billionth over 1 is the rounding of thirds, not a claim of more than the whole.
    return links.with_columns(weight=pl.when(total > 1 + 1e-9).then(pl.col("weight") / total).otherwise(pl.col("weight")).clip(0, 1))


def teachers_of_record(class_enrollments: pl.LazyFrame) -> pl.LazyFrame:
    """Teachers of each section: those flagged primary, or all of them where none is flagged."""
    teachers = (
        class_enrollments.filter(pl.col("role") == "teacher").drop_nulls("staff_key").with_columns(pl.col("primary").fill_null(False))
    )
    return teachers.filter(pl.col("primary") | ~pl.col("primary").any().over("section_id"))


def dosage(class_enrollments: pl.LazyFrame, sections: pl.LazyFrame) -> pl.LazyFrame:
    """The share of each section's term days that a student and a teacher of record shared, summed by subject.

    Returns
    -------
    polars.LazyFrame
        ``LINK``, ``weight`` (of one teacher at most the number of sections), lineage, and as ``known_on`` the first shared day.
    """
    span = class_enrollments.group_by("section_id").agg(
        pl.col("begin_date").min().alias("span_begin"), pl.col("end_date").fill_null(year_end()).max().alias("span_end")
    )
    terms = (
        sections.drop_nulls("subject")
        .join(span, on="section_id")
        .select("section_id", "subject", term_begin=pl.coalesce("begin_date", "span_begin"), term_end=pl.coalesce("end_date", "span_end"))
        .with_columns(section_days=((pl.col("term_end") - pl.col("term_begin")).dt.total_days() + 1).sum().over("section_id"))
    )
    students = class_enrollments.drop_nulls("student_key").select(
        "section_id", "student_key", "school_year", "source", "landed_at", "begin_date", "end_date"
    )
    teachers = teachers_of_record(class_enrollments).select(
        "section_id", "staff_key", teacher_begin="begin_date", teacher_end="end_date", teacher_at="landed_at"
    )
    first = pl.max_horizontal("begin_date", "teacher_begin", "term_begin")
    last = pl.min_horizontal("end_date", "teacher_end", "term_end")
    return (
        students.join(teachers, on="section_id")
        .join(terms, on="section_id")
        .with_columns(first=first, shared=(last - first).dt.total_days() + 1)
        .filter(pl.col("shared") > 0)
        .group_by(*LINK, "section_id")
        .agg(
            (pl.col("shared").sum() / pl.col("section_days").first()).clip(0, 1).alias("weight"),
            pl.col("school_year").first(),
            pl.col("source").max(),
            pl.max_horizontal(pl.col("landed_at").max(), pl.col("teacher_at").max()).alias("landed_at"),
            pl.col("first").min().alias("known_on"),
        )
        .group_by(LINK)
        .agg(
            pl.col("weight").sort().sum(),
            pl.col("school_year").first(),
            pl.col("source").max(),
            pl.col("landed_at").max(),
            pl.col("known_on").min(),
        )
    )
