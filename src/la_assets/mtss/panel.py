"""The panel of scores: who has a result in which window, who should have one and has not, and what is filled in.

A student without a result is a row only where a result was to be expected: the source says that the student was not tested,
most of the class took the test, or the student took it in another window while most others of the grade took it in this one.
So no gap is invented for those who are not meant to sit a test (Algebra 1 students and grade 8 Math).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from la_assets.mtss import whereabouts
from la_assets.mtss.imputation import impute
from la_assets.mtss.schedule import OF_TEST, SITTING

NOT_SAID = "not said"


def assessment_panel(
    scores: pl.LazyFrame,
    *,
    students: pl.LazyFrame,
    enrollments: pl.LazyFrame,
    sections: pl.LazyFrame,
    section_enrollments: pl.LazyFrame,
    links: pl.LazyFrame,
    windows: pl.DataFrame,
    subjects: Sequence[str],
    taught_as: Mapping[str, str],
    min_peers: int = 10,
    expected_share: float = 0.5,
) -> pl.LazyFrame:
    """The table ``mtss.assessment_panel`` of one school year, without ``school_year``.

    Parameters
    ----------
    scores, students, enrollments, sections, section_enrollments, links : polars.LazyFrame
        ``assessments.scores`` and the roster's tables of the year.
    windows : polars.DataFrame
        From ``schedule.schedule``: tests and windows that are looked at.
    subjects : sequence of str
        Subjects that are looked at.
    taught_as : mapping
        Subject to the wider subject that sections and links may name.
    min_peers : int
        Observed scores that a peer group needs.
    expected_share : float
        Share of a class that makes a test expected of all in it.
    """
    sittings = scores.join(windows.lazy(), on=["assessment_id", "window"]).filter(pl.col("subject").is_in(list(subjects)))
    official = sittings.filter("is_official")
    held = official.group_by(OF_TEST).agg(
        pl.coalesce("administered_on", "known_on").sort().slice(pl.len() // 2, 1).first().alias("middle"),
        pl.col("known_on").max().alias("closed_on"),
        pl.col("loaded_at").max().alias("last_loaded_at"),
        pl.col("is_vertical_scale").any().alias("test_is_vertical"),
    )
    # each step reads the one before several times; left lazy, the plan would repeat that work at every mention
    rows = _made(_all_sittings(sittings, official, held, students=students, enrollments=enrollments, windows=windows))
    placed = _made(
        _placed(
            rows,
            enrollments=enrollments,
            sections=sections,
            section_enrollments=section_enrollments,
            links=links,
            subject_areas=whereabouts.areas(subjects, taught_as),
        )
    )
    kept = _expected(placed, expected_share).filter(pl.col("tested") | pl.col("noted") | pl.col("expected"))
    imputed = impute(
        kept,
        value="scale_score",
        of=OF_TEST,
        fillable=~pl.col("tested") & ~pl.col("is_final"),
        min_peers=min_peers,
    )
    status = (
        pl.when("tested")
        .then(pl.lit("tested"))
        .when("is_imputed")
        .then(pl.lit("imputed"))
        .when("is_final")
        .then(pl.lit("not tested"))
        .otherwise(pl.lit("too few peers"))
    )
    reason = pl.when(~pl.col("tested")).then(pl.coalesce("reason_not_tested", pl.lit(NOT_SAID)))
    return imputed.with_columns(status.alias("status"), reason.alias("reason_not_tested"))


def _made(frame: pl.LazyFrame) -> pl.LazyFrame:
    return frame.collect(engine="streaming").lazy()


def _all_sittings(
    sittings: pl.LazyFrame,
    official: pl.LazyFrame,
    held: pl.LazyFrame,
    *,
    students: pl.LazyFrame,
    enrollments: pl.LazyFrame,
    windows: pl.DataFrame,
) -> pl.LazyFrame:
    """Official results, sittings noted without one, and every student enrolled in the middle of a window that was held."""
    noted = (
        sittings.group_by(SITTING)
        .agg(pl.col("is_official").any().alias("has_official"), pl.col("reason_not_tested").sort_by("attempt").drop_nulls().first())
        .filter(~pl.col("has_official"))
        .select(*SITTING, "reason_not_tested", pl.lit(True).alias("noted"))
    )
    days = students.select("student_key").join(held.select(pl.col("middle").alias("date")).unique(), how="cross")
    enrolled = (
        whereabouts.schools_at(days, enrollments)
        .select("student_key", pl.col("date").alias("middle"))
        .join(held.select(*OF_TEST, "middle"), on="middle")
        .select(*SITTING, pl.lit(True).alias("enrolled"))
    )
    result = official.select(
        *SITTING,
        pl.lit(True).alias("tested"),
        pl.col("grade_level").alias("grade_tested"),
        "administered_on",
        "scale_score",
        "standard_error",
        "level",
        "is_vertical_scale",
        "known_on",
        "source",
        "loaded_at",
    )
    keys = pl.concat([result.select(SITTING), noted.select(SITTING), enrolled.select(SITTING)]).unique()
    rows = (
        keys.join(result, on=SITTING, how="left")
        .join(noted, on=SITTING, how="left")
        .join(enrolled, on=SITTING, how="left")
        .join(held, on=OF_TEST, how="inner")
        .join(windows.lazy(), on=["assessment_id", "window"])
        .join(students.select("student_key", "grade_level"), on="student_key", how="left")
    )
    return rows.with_columns(
        pl.col("tested", "noted", "enrolled").fill_null(False),
        pl.coalesce("grade_tested", "grade_level").alias("grade_level"),
        pl.coalesce("is_vertical_scale", "test_is_vertical").alias("is_vertical_scale"),
        pl.coalesce("known_on", "closed_on").alias("known_on"),
        pl.coalesce("source", pl.lit("mtss")).alias("source"),
        pl.coalesce("loaded_at", "last_loaded_at").alias("loaded_at"),
        pl.coalesce("administered_on", "middle").alias("date"),
    )


def _placed(
    rows: pl.LazyFrame,
    *,
    enrollments: pl.LazyFrame,
    sections: pl.LazyFrame,
    section_enrollments: pl.LazyFrame,
    links: pl.LazyFrame,
    subject_areas: pl.LazyFrame,
) -> pl.LazyFrame:
    days = rows.select("student_key", "date").unique()
    subject_days = rows.select("student_key", "subject", "date").unique()
    section = whereabouts.sections_at(subject_days, section_enrollments, sections, subject_areas)
    return (
        rows.join(whereabouts.schools_at(days, enrollments), on=["student_key", "date"], how="left")
        .join(section, on=["student_key", "subject", "date"], how="left")
        .join(whereabouts.teachers(links, subject_areas), on=["student_key", "subject"], how="left")
    )


def _expected(placed: pl.LazyFrame, share: float) -> pl.LazyFrame:
    """With ``expected``: an enrolled student's class took the test, or the student took it in another window and the grade this one."""
    enrolled = pl.col("enrolled")
    taking = pl.col("tested").mean()
    took_another = pl.col("tested").any().over("student_key", "assessment_id", "subject")
    by_class = placed.filter(enrolled).drop_nulls("section_id").group_by(*OF_TEST, "section_id").agg(taking.alias("class_share"))
    in_grade = [*OF_TEST, "school_id", "grade_level"]
    by_grade = (
        placed.with_columns(took_another.alias("took_another"))
        .filter(enrolled)
        .group_by(in_grade)
        .agg(
            taking.alias("grade_share"),
            pl.col("tested").filter(pl.col("took_another")).mean().alias("share_of_takers"),
            pl.col("section_id").is_not_null().any().alias("grade_has_sections"),
        )
    )
    # a grade without sections on record is judged as a whole; one with sections, class by class
    class_took = pl.when("grade_has_sections").then(pl.col("class_share")).otherwise(pl.col("grade_share")) >= share
    return (
        placed.with_columns(took_another.alias("took_another"))
        .join(by_class, on=[*OF_TEST, "section_id"], how="left")
        .join(by_grade, on=in_grade, how="left")
        .with_columns(
            (
                enrolled & (class_took.fill_null(False) | (pl.col("took_another") & (pl.col("share_of_takers") >= share).fill_null(False)))
            ).alias("expected")
        )
    )
