"""One key per person and one number per school, whichever of their identifiers a file used.

Resolving is a left join onto ``directory.identifiers`` or ``roster.school_identifiers``: an identifier that nobody listed keeps
its own key. Resolve before folding, or the same fact under two identifiers counts twice. How the two lists are made stands
in ``identifiers.py``.
"""

import polars as pl


def resolve_keys(frame: pl.LazyFrame, identifiers: pl.LazyFrame, column: str = "student_key", kind: str = "student") -> pl.LazyFrame:
    """Replace a person's hashed identifier by the person's key.

    Parameters
    ----------
    frame : polars.LazyFrame
        Any rows with hashed identifiers in ``column``.
    identifiers : polars.LazyFrame
        ``directory.identifiers`` of the same school year: ``kind``, ``identifier_key``, ``person_key``.
    column : str
        The column to resolve; null stays null.
    kind : {"student", "staff"}
        Which number range the column holds.

    Returns
    -------
    polars.LazyFrame
        The same rows and columns.
    """
    others = identifiers.filter((pl.col("kind") == kind) & (pl.col("identifier_key") != pl.col("person_key")))
    return _replace(frame, others.select(pl.col("identifier_key").alias(column), pl.col("person_key").alias("__resolved")), column)


def resolve_schools(frame: pl.LazyFrame, school_identifiers: pl.LazyFrame, column: str = "school_id") -> pl.LazyFrame:
    """Replace any identifier of a school by its ``school_id``.

    Parameters
    ----------
    frame : polars.LazyFrame
        Any rows with an identifier of a school in ``column``.
    school_identifiers : polars.LazyFrame
        ``roster.school_identifiers`` of the same school year: ``alias``, ``school_id``.
    column : str
        The column to resolve; null stays null.

    Returns
    -------
    polars.LazyFrame
        The same rows and columns.
    """
    others = school_identifiers.filter(pl.col("alias") != pl.col("school_id"))
    return _replace(frame, others.select(pl.col("alias").alias(column), pl.col("school_id").alias("__resolved")), column)


def _replace(frame: pl.LazyFrame, others: pl.LazyFrame, column: str) -> pl.LazyFrame:
    joined = frame.join(others, on=column, how="left")
    return joined.with_columns(pl.coalesce("__resolved", column).alias(column)).drop("__resolved")
