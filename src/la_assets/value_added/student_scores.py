"""The rows of the value-added model: a student's score in a subject with what is known of the student before it.

Every student with a final score has a row, and a status that says whether the models use it. Covariates are what stood before the
year's teaching: prior scores, program status, the level of the course, who sits in the class. What a teacher could have brought
about is not among them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl

from la_assets import exact_sums
from la_assets.value_added.final_scores import with_priors

STATUSES = ("used", "no_variation", "no_prior_score", "no_teacher", "no_school")
PROGRAMS = ("frl", "ell", "ese")


def student_scores(  # noqa: PLR0917
    finals: pl.LazyFrame,
    links: pl.LazyFrame,
    students: pl.LazyFrame,
    enrollments: pl.LazyFrame,
    sections: pl.LazyFrame,
    section_enrollments: pl.LazyFrame,
    *,
    school_year: str,
    earlier: Sequence[str],
    last_day: dt.date,
) -> pl.LazyFrame:
    """Rows of ``value_added.student_scores`` of one year.

    Parameters
    ----------
    finals : polars.LazyFrame
        :func:`~la_assets.value_added.final_scores.final_scores` of this and earlier years.
    links, students, enrollments, sections, section_enrollments : polars.LazyFrame
        The roster of the year.
    school_year : str
        The year.
    earlier : sequence of str
        Earlier years with tests, latest first; two are used.
    last_day : date
        Last day of the year, where a stay has no end.
    """
    rows = with_priors(finals, school_year, earlier[:2], ["score"])
    for place in (1, 2):
        if place > len(earlier):
            rows = rows.with_columns(pl.lit(None, dtype=pl.Float64).alias(f"score_{place}"))
    rows = rows.rename({"score_1": "prior", "score_2": "prior_prior"})
    rows = _with_other_subject(_with_other_subject(rows, "prior"), "prior_prior")
    main = main_teachers(links)
    rows = (
        rows.join(students.select("student_key", *PROGRAMS), on="student_key", how="left")
        .join(main_schools(enrollments, last_day), on="student_key", how="left")
        .join(main, on=["student_key", "subject"], how="left")
        .join(main_sections(sections, section_enrollments, last_day), on=["student_key", "subject"], how="left")
        .with_columns(class_id=pl.coalesce("section_id", pl.concat_str("main_teacher", "school_id", "grade", separator="|")))
    )
    return (
        _with_peers(_with_peers(rows, "prior"), "prior_prior")
        .with_columns(
            class_size=pl.coalesce(
                "section_students", pl.when(pl.col("class_id").is_not_null()).then(pl.len().over("subject", "class_id"))
            ),
            status=pl.when(pl.col("score").is_null())
            .then(pl.lit("no_variation"))
            .when(pl.col("prior").is_null())
            .then(pl.lit("no_prior_score"))
            .when(pl.col("main_teacher").is_null())
            .then(pl.lit("no_teacher"))
            .when(pl.col("school_id").is_null())
            .then(pl.lit("no_school"))
            .otherwise(pl.lit("used")),
            prior_school_year=pl.lit(earlier[0] if earlier else None, dtype=pl.String),
        )
        .with_columns(pl.col("class_size").cast(pl.Float64))
    )


def main_schools(enrollments: pl.LazyFrame, last_day: dt.date) -> pl.LazyFrame:
    """The school at which a student spent most days of the year: ``student_key``, ``school_id``."""
    days = (pl.col("exit_date").fill_null(last_day) - pl.col("entry_date")).dt.total_days() + 1
    return (
        enrollments.group_by("student_key", "school_id")
        .agg((days * pl.when("is_primary").then(1.0).otherwise(0.5)).sum().alias("days"))
        .sort("student_key", -pl.col("days"), "school_id")
        .unique("student_key", keep="first", maintain_order=True)
        .select("student_key", "school_id")
    )


def main_teachers(links: pl.LazyFrame) -> pl.LazyFrame:
    """The teacher with the largest share of a student's instruction in a subject: ``student_key``, ``subject``, ``main_teacher``."""
    return (
        links.filter(pl.col("weight") > 0)
        .sort("student_key", "subject", -pl.col("weight"), "staff_key")
        .unique(["student_key", "subject"], keep="first", maintain_order=True)
        .select("student_key", "subject", main_teacher="staff_key")
    )


def main_sections(sections: pl.LazyFrame, section_enrollments: pl.LazyFrame, last_day: dt.date) -> pl.LazyFrame:
    """The section of a subject in which a student sat longest, and how many have it as theirs.

    Returns
    -------
    polars.LazyFrame
        ``student_key``, ``subject``, ``section_id``, ``advanced`` (honors, AP, IB or dual), ``section_students``.
    """
    subjects = sections.drop_nulls("subject").group_by("section_id", "subject").agg(advanced=(pl.col("course_level") != "regular").any())
    days = (pl.col("end_date").fill_null(last_day) - pl.col("begin_date")).dt.total_days() + 1
    return (
        section_enrollments.join(subjects, on="section_id")
        .group_by("student_key", "subject", "section_id")
        .agg(days.sum().alias("days"), pl.col("advanced").first())
        .sort("student_key", "subject", -pl.col("days"), "section_id")
        .unique(["student_key", "subject"], keep="first", maintain_order=True)
        .select("student_key", "subject", "section_id", "advanced", section_students=pl.len().over("section_id").cast(pl.Int64))
    )


def _with_other_subject(rows: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """The mean of the student's scores of that time in the other subjects, as ``<column>_other``; null where there is none."""
    total, known = exact_sums.total(pl.col(column), ["student_key"]), pl.col(column).count().over("student_key")
    others = known - pl.col(column).is_not_null().cast(pl.UInt32)
    return rows.with_columns(pl.when(others > 0).then((total - pl.col(column).fill_null(0)) / others).alias(f"{column}_other"))


def _with_peers(rows: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """The mean of the classmates' scores of that time, the student left out, as ``peer_mean_<column>``; 0 (the average) without any."""
    over = ["subject", "class_id"]
    total, known = exact_sums.total(pl.col(column), over), pl.col(column).count().over(over)
    others = known - pl.col(column).is_not_null().cast(pl.UInt32)
    mean = pl.when(pl.col("class_id").is_not_null() & (others > 0)).then((total - pl.col(column).fill_null(0)) / others)
    return rows.with_columns(mean.fill_null(0.0).alias(f"peer_mean_{column}"))
