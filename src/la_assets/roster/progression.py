"""A student's year against the student's own earlier years: promotion, repetition, gaps, changes of school.

Repeated and skipped grades are data, not errors. Only this and earlier years are read, so a row never changes because of what
happened later. Source of the terms: CEDS "Promotion Reason" and "Grade Level When Assessed" distinguish the grade from its year.
"""

import polars as pl

GRADE_ORDER = ("PK", "TK", "KG", *(f"{grade:02d}" for grade in range(1, 14)))
"""Grades in the order in which students pass through them; TK (a second year before grade 1) stands between PK and KG."""


def progression(students: pl.LazyFrame, enrollments: pl.LazyFrame, school_year: str) -> pl.LazyFrame:
    """Rows of ``roster.progression`` for one school year.

    Parameters
    ----------
    students, enrollments : polars.LazyFrame
        ``roster.students`` and ``roster.enrollments`` of the year and of the years before that may be looked at.
    school_year : str
        The year whose rows are made; rows of later years are not looked at.

    Returns
    -------
    polars.LazyFrame
        One row per student of the year.
    """
    this, start = pl.col("school_year") == school_year, pl.col("school_year").str.head(4).cast(pl.Int32)
    before = (
        students.filter(pl.col("school_year") < school_year)
        .sort("student_key", "school_year")
        .group_by("student_key", maintain_order=True)
        .agg(pl.col("grade_level").last().alias("prior_grade_level"), pl.col("school_year").last().alias("prior_school_year"))
    )
    attended = (
        enrollments.filter(pl.col("school_year") <= school_year)
        .group_by("student_key")
        .agg(
            pl.col("school_id").filter(this).n_unique().cast(pl.Int32).alias("schools_this_year"),
            pl.col("school_id").n_unique().cast(pl.Int32).alias("schools_in_four_years"),
        )
    )
    years_away = start - pl.col("prior_school_year").str.head(4).cast(pl.Int32)
    step = _place("grade_level") - _place("prior_grade_level")
    progress = (
        pl.when(pl.col("prior_school_year").is_null())
        .then(pl.lit("new"))
        .when(years_away > 1)
        .then(pl.lit("returned"))
        .when(step.is_null())
        .then(pl.lit("unknown"))
        .when(step == 0)
        .then(pl.lit("repeated"))
        .when(step == 1)
        .then(pl.lit("promoted"))
        .when(step > 1)
        .then(pl.lit("skipped"))
        .otherwise(pl.lit("moved down"))
    )
    derived = pl.when(pl.col("progress").is_in(["promoted", "repeated", "skipped"])).then(pl.col("progress") == "repeated")
    return (
        students.filter(this)
        .join(before, on="student_key", how="left")
        .join(attended, on="student_key", how="left")
        .with_columns(progress.alias("progress"), pl.col("schools_this_year", "schools_in_four_years").fill_null(0))
        .with_columns(pl.coalesce("is_repeating", derived).alias("is_repeating"))
    )


def _place(column: str) -> pl.Expr:
    """A grade's place in the order of grades; null for grades outside it (ungraded, other)."""
    return pl.col(column).replace_strict(list(GRADE_ORDER), list(range(len(GRADE_ORDER))), default=None, return_dtype=pl.Int32)
