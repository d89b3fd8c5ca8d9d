"""One record per student and school year out of the many that landed, and every demographic conflict among them.

Within a year the last active record wins, attribute by attribute: a blank or ``Unknown`` in a later record does not erase what an earlier
one says. What the student system does not say comes from the directory (the roster bundle). A change of grade or program is
not a conflict; two birth years, genders or races are.
"""

from collections.abc import Callable

import polars as pl

from la_assets.folding import ARRIVAL
from la_assets.roster.dating import year_start
from la_assets.roster.grade_levels import grade_level
from la_assets.roster.identity import resolve_keys
from la_assets.roster.race_ethnicity import FLAGS, federal_rollup

DEMOGRAPHICS = ("birth_year", "gender", "race_ethnicity", *FLAGS)
"""Attributes that do not change within a year; two values of one are a conflict."""

STATUSES = ("grade_level", "frl", "ell", "ese", "section_504", "gifted", "homeless", "cohort_year_9th", "is_repeating")
"""Attributes that may change within a year without anyone being wrong."""

_CATEGORIES = ("gender", "race_ethnicity")


def students(
    attributes: pl.LazyFrame,
    directory: pl.LazyFrame,
    identifiers: pl.LazyFrame,
    enrollments: pl.LazyFrame,
    section_enrollments: pl.LazyFrame,
) -> pl.LazyFrame:
    """Rows of ``roster.students``: every student listed or enrolled in the year.

    Parameters
    ----------
    attributes : polars.LazyFrame
        ``landing.student_attributes`` of the year.
    directory, identifiers : polars.LazyFrame
        ``directory.students`` and ``directory.identifiers`` of the year.
    enrollments, section_enrollments : polars.LazyFrame
        ``roster.enrollments`` and ``roster.section_enrollments`` of the year; ``known_on`` of a student without an attribute
        record is the first day of either.
    """
    system = _winning(_records(attributes, identifiers))
    bundle = _from_directory(directory)
    stays = (
        pl.concat(
            [
                enrollments.select("student_key", "school_year", "source", "loaded_at", "grade_level", begin="entry_date"),
                section_enrollments.select("student_key", "school_year", "source", "loaded_at", begin="begin_date"),
            ],
            how="diagonal",
        )
        .sort("begin", "loaded_at", "source", "grade_level")
        .group_by("student_key")
        .agg(
            pl.col("grade_level").drop_nulls().last(),
            pl.col("school_year", "source").first(),
            pl.col("loaded_at").max(),
            pl.col("begin").min(),
        )
    )
    everyone = pl.concat([frame.select("student_key") for frame in (system, bundle, stays)]).unique()
    joined = (
        everyone.join(system, on="student_key", how="left")
        .join(bundle, on="student_key", how="left", suffix="_bundle")
        .join(stays, on="student_key", how="left", suffix="_stay")
    )

    def first_of(name: str) -> pl.Expr:
        return pl.coalesce(name, *(f"{name}{suffix}" for suffix in ("_bundle", "_stay")))

    known = {name: pl.coalesce(name, f"{name}_bundle") for name in DEMOGRAPHICS}
    for name in _CATEGORIES:
        vague = pl.col(f"{name}_vague").fill_null(False) | pl.col(f"{name}_vague_bundle").fill_null(False)
        known[name] = pl.coalesce(known[name], pl.when(vague).then(pl.lit("Unknown")))
    return joined.with_columns(school_year=first_of("school_year")).select(
        "student_key",
        *(expression.alias(name) for name, expression in known.items()),
        pl.coalesce("grade_level", "grade_level_stay", "grade_level_bundle").alias("grade_level"),
        *(name for name in STATUSES if name != "grade_level"),
        "school_year",
        known_on=pl.coalesce("effective_on", "begin", year_start()),
        source=first_of("source"),
        loaded_at=pl.max_horizontal("loaded_at", "loaded_at_bundle", "loaded_at_stay"),
    )


def demographic_conflicts(attributes: pl.LazyFrame, directory: pl.LazyFrame, identifiers: pl.LazyFrame, kept: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of ``roster.demographic_conflicts``: every value that contradicts the one kept, with the rows that say it.

    Parameters
    ----------
    attributes, directory, identifiers : polars.LazyFrame
        As for :func:`students`; records of both count, active or not.
    kept : polars.LazyFrame
        ``roster.students`` of the year.
    """
    said = pl.concat(
        [
            _long(_records(attributes, identifiers).rename({"effective_on": "said_on", "landed_at": "loaded_at"}), "said_on"),
            _long(_from_directory(directory).rename({"known_on": "said_on"}), "said_on"),
        ]
    )
    standing = _long(kept, "known_on").select("student_key", "attribute", "known_on", kept_value="value")
    return (
        said.join(standing, on=["student_key", "attribute"])
        .filter(pl.col("value") != pl.col("kept_value"))
        .group_by("student_key", "attribute", "kept_value", other_value="value")
        .agg(
            pl.len().cast(pl.Int32).alias("rows"),
            pl.col("school_year").first(),
            pl.col("source").max(),
            pl.col("loaded_at").max(),
            known_on=pl.max_horizontal(pl.col("said_on").min(), pl.col("known_on").first()),
        )
    )


def _records(attributes: pl.LazyFrame, identifiers: pl.LazyFrame) -> pl.LazyFrame:
    """Attribute records under the student's key, the roll-up filled in from the flags where it was not sent."""
    return resolve_keys(attributes, identifiers).with_columns(race_ethnicity=pl.coalesce("race_ethnicity", federal_rollup()))


def _winning(records: pl.LazyFrame) -> pl.LazyFrame:
    """The last active record of each student, blanks filled from the active records before it."""
    active = pl.col("is_active").fill_null(True)
    return (
        records.with_columns(active=active)
        .filter(pl.col("active") | ~pl.col("active").any().over("student_key"))
        .sort("effective_on", *ARRIVAL)
        .group_by("student_key")
        .agg(
            *(pl.col(name).drop_nulls().last() for name in (*DEMOGRAPHICS, *STATUSES) if name not in _CATEGORIES),
            *_known_and_vague(lambda known: known.drop_nulls().last(), lambda vague: vague.any()),
            pl.col("effective_on", "school_year", "source").last(),
            loaded_at=pl.col("landed_at").max(),
        )
    )


def _from_directory(directory: pl.LazyFrame) -> pl.LazyFrame:
    """Demographics and grade as the roster bundle gives them."""
    born = pl.col("birth_date").dt.year()
    return directory.with_columns(race_ethnicity=federal_rollup(pl.col("two_or_more_races"))).select(
        "student_key",
        *FLAGS,
        *_known_and_vague(lambda known: known, lambda vague: vague),
        # An impossible birth date stays in the directory for the registrar; it gives no birth year.
        birth_year=pl.when(born.is_between(1990, 2030)).then(born).cast(pl.Int32),
        grade_level=grade_level(pl.col("grades")),
        school_year="school_year",
        source="source",
        loaded_at="loaded_at",
        known_on="known_on",
    )


def _known_and_vague(known: Callable[[pl.Expr], pl.Expr], vague: Callable[[pl.Expr], pl.Expr]) -> list[pl.Expr]:
    """Each category without ``Unknown``, and whether ``Unknown`` was said."""
    return [
        expression
        for name in _CATEGORIES
        for expression in (
            known(pl.when(pl.col(name) != "Unknown").then(pl.col(name))).alias(name),
            vague((pl.col(name) == "Unknown").fill_null(False)).alias(f"{name}_vague"),
        )
    ]


def _long(frame: pl.LazyFrame, dated: str) -> pl.LazyFrame:
    """A row per student and demographic value that says something."""
    index = ["student_key", dated, "school_year", "source", "loaded_at"]
    return (
        frame.select(*index, pl.col(DEMOGRAPHICS).cast(pl.String))
        .unpivot(list(DEMOGRAPHICS), index=index, variable_name="attribute", value_name="value")
        .filter(pl.col("value") != "Unknown")
    )
