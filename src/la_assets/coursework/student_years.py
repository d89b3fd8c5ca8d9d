"""What a student's marks of a year add up to: grade point average, credits, Ds and Fs."""

import polars as pl


def student_year(grades: pl.LazyFrame) -> pl.LazyFrame:
    """The table ``coursework.student_year`` of one school year.

    The grade point average weighs each mark by its credits attempted; a mark without credits (or with none) weighs nothing as
    soon as any mark of the student has credits, and all marks weigh the same where none has.

    Parameters
    ----------
    grades : polars.LazyFrame
        ``coursework.grades`` of the year.
    """
    points = pl.col("gpa_points")
    weight = pl.when(points.is_not_null()).then(pl.col("credits_attempted").fill_null(0.0))
    letter = pl.col("letter").str.strip_chars().str.to_uppercase().str.head(1)
    gpa = pl.when(weight.sum() > 0).then((points * weight).sum() / weight.sum()).otherwise(points.mean())
    return grades.group_by("student_key", "school_year").agg(
        gpa.clip(0, 5).alias("gpa"),
        _sum_of_known("credits_attempted"),
        _sum_of_known("credits_earned"),
        pl.len().cast(pl.Int32).alias("marks"),
        (letter == "D").sum().cast(pl.Int32).alias("ds"),
        (letter == "F").sum().cast(pl.Int32).alias("fs"),
        pl.col("known_on").max(),
        pl.col("source").min(),
        pl.col("loaded_at").max(),
    )


def _sum_of_known(column: str) -> pl.Expr:
    value = pl.col(column)
    return pl.when(value.is_not_null().any()).then(value.sum()).alias(column)
