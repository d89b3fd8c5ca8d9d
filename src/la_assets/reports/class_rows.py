"""The rows of workbooks: every student of every teacher and subject, with scores by window, growth, forecast, cluster and standards.

A teacher's students are those of ``roster.instructional_links`` and no others. Results of a course (Algebra 1) go with the links
of the subject it is taught as (Math), and the student is then not listed a second time under that subject. Where a value is
missing, a column ``<value>_words`` says why. Names are not joined here but in the last step (:func:`named`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from la_assets.reports import words
from la_assets.reports.teams import instruction

CLASS = ["staff_key", "subject"]
STUDENT = ["student_key", "subject"]
TIERED = "tiered"


@dataclass(frozen=True)
class Tables:
    """The tables of one school year that the rows are made from, by what they hold."""

    links: pl.LazyFrame
    students: pl.LazyFrame
    tiers: pl.LazyFrame
    panel: pl.LazyFrame
    growth: pl.LazyFrame
    clusters: pl.LazyFrame
    predictions: pl.LazyFrame
    standards: pl.LazyFrame


def classes(links: pl.LazyFrame, tiers: pl.LazyFrame, subjects: Sequence[str], taught_as: Mapping[str, str]) -> pl.LazyFrame:
    """Teacher, subject, student and dosage: ``CLASS``, ``student_key``, ``weight``, ``has_result``.

    Parameters
    ----------
    links, tiers : polars.LazyFrame
        ``roster.instructional_links`` and ``mtss.tiers`` of the year.
    subjects : sequence of str
        Subjects that have workbooks.
    taught_as : mapping of str to str
        Course to the subject it is taught as.

    Returns
    -------
    polars.LazyFrame
        A link of a wider subject counts for the courses in which the student has results, and for the wider subject itself where
        the student has results in it, or in none of its courses.
    """
    result = tiers.select(STUDENT).unique().with_columns(has_result=True)
    as_named = links.select(*STUDENT, as_named=True).unique()
    courses = pl.LazyFrame(
        {"subject": list(taught_as), "wider": list(taught_as.values())}, schema={"subject": pl.String, "wider": pl.String}
    )
    in_course = result.join(courses, on="subject").select("student_key", pl.col("wider").alias("subject"), in_course=True).unique()
    return (
        instruction(links, taught_as)
        .filter(pl.col("subject").is_in(list(subjects)))
        .group_by(*CLASS, "student_key")
        .agg(_steady(pl.col("weight").sum()))
        .join(result, on=STUDENT, how="left")
        .join(as_named, on=STUDENT, how="left")
        .join(in_course, on=STUDENT, how="left")
        .filter(pl.col("has_result") | (pl.col("as_named") & pl.col("in_course").is_null()))
        .with_columns(pl.col("has_result").fill_null(False))
        .drop("as_named", "in_course")
    )


def windows_of(tiers: pl.LazyFrame) -> dict[str, tuple[str, ...]]:
    """The windows of each subject in this year, first to last."""
    order = tiers.group_by("subject", "window").agg(pl.col("window_order").min()).sort("subject", "window_order", "window").collect()
    return {subject: tuple(of["window"]) for (subject,), of in order.group_by("subject", maintain_order=True)}


def rows(tables: Tables, subjects: Sequence[str], taught_as: Mapping[str, str]) -> pl.DataFrame:
    """A row per teacher, subject and student, without names.

    Returns
    -------
    polars.DataFrame
        ``CLASS``, ``student_key`` and what a student's line shows; scores and changes by window are lists of structs (``scores``:
        window, value, words; ``changes``: from_window, to_window, value, words).
    """
    latest = tables.tiers.filter("is_latest").select(
        *STUDENT,
        "assessment_id",
        "tier",
        "level",
        "growth_percentile",
        "reasons",
        "standards_tested",
        "not_proficient_standards",
        tier_window="window",
        tested_grade="grade_level",
    )
    untiered = tables.tiers.sort("window_order").group_by(STUDENT).agg(pl.col("status").last().alias("last_status"))
    made = (
        classes(tables.links, tables.tiers, subjects, taught_as)
        .join(tables.students.select("student_key", "grade_level"), on="student_key", how="left")
        .join(latest, on=STUDENT, how="left")
        .join(untiered, on=STUDENT, how="left")
        .join(_scores(tables.tiers, tables.panel), on=STUDENT, how="left")
        .join(_changes(tables.growth, tables.tiers), on=STUDENT, how="left")
        .join(_forecasts(tables.predictions), on=STUDENT, how="left")
        .join(tables.clusters.select(*STUDENT, "cluster", "cluster_name", cluster_status="status"), on=STUDENT, how="left")
    )
    return _with_words(made).sort(*CLASS, "student_key").collect(engine="streaming")


def _scores(tiers: pl.LazyFrame, panel: pl.LazyFrame) -> pl.LazyFrame:
    """The observed score of each window that gives tiers, or why there is none."""
    test = [*STUDENT, "assessment_id", "window"]
    said = panel.select(*test, "reason_not_tested")
    why = pl.when(pl.col("status") == "not tested").then(
        pl.when(pl.col("reason_not_tested").is_null() | (pl.col("reason_not_tested") == "not said"))
        .then(pl.lit(words.SCORE_WORDS["not tested"]))
        .otherwise(pl.lit("not tested: ") + pl.col("reason_not_tested"))
    )
    told = why.otherwise(pl.col("status").replace_strict(words.SCORE_WORDS, default=words.NO_RECORD))
    return (
        tiers.join(said, on=test, how="left")
        .sort("window_order")
        .group_by(STUDENT)
        .agg(scores=pl.struct("window", value="scale_score", words=told))
    )


def _changes(growth: pl.LazyFrame, tiers: pl.LazyFrame) -> pl.LazyFrame:
    """The change between windows that follow each other, of the test that gives tiers."""
    tests = tiers.select("subject", "assessment_id").unique()
    told = pl.col("status").replace_strict(words.GROWTH_WORDS, default=words.NO_RECORD)
    return (
        growth.filter("is_consecutive")
        .join(tests, on=["subject", "assessment_id"], how="semi")
        .sort("from_window", "to_window")
        .group_by(STUDENT)
        .agg(changes=pl.struct("from_window", "to_window", value="points", words=told))
    )


def _forecasts(predictions: pl.LazyFrame) -> pl.LazyFrame:
    """The newest prediction of each student and subject."""
    return (
        predictions.sort("as_of", "as_of_point")
        .group_by(STUDENT, maintain_order=True)
        .agg(
            pl.col(
                "as_of_point", "status", "predicted_score", "lower_80", "upper_80", "probability_proficient", "bubble", "proficiency_cut"
            ).last()
        )
        .rename({"status": "forecast_status"})
    )


def _with_words(made: pl.LazyFrame) -> pl.LazyFrame:
    """The same with texts: reasons, standards, and for what is missing the words that say so."""
    reasons = pl.col("reasons").list.eval(pl.element().replace_strict(words.TIER_REASONS, default=pl.element())).list.join("; ")
    unpredicted = pl.col("predicted_score").is_null()
    why = pl.col("forecast_status").replace_strict(words.FORECAST_WORDS, default=words.NO_FORECAST)
    below = pl.col("not_proficient_standards")
    return made.with_columns(
        grade_level=pl.coalesce("tested_grade", "grade_level"),
        reasons=pl.when(pl.col("reasons").list.len() > 0).then(reasons).when(pl.col("tier").is_not_null()).then(pl.lit(words.CORE)),
        standards=pl.when(below.list.len() > 0).then(below.list.head(5).list.join(", ")),
        standards_words=pl.when(pl.col("standards_tested").fill_null(0) > 0)
        .then(pl.lit(words.NONE_BELOW))
        .otherwise(pl.lit(words.NO_STANDARDS)),
        growth_percentile_words=pl.lit(words.ONE_WINDOW),
        forecast_words=why,
        interval_words=pl.when(unpredicted).then(pl.lit(words.NO_FORECAST)).otherwise(pl.lit(words.NO_INTERVAL)),
        bubble=pl.when(pl.col("bubble")).then(pl.lit("bubble")).when(~pl.col("bubble")).then(pl.lit("no")),
        bubble_words=pl.when(unpredicted).then(pl.lit(words.NO_FORECAST)).otherwise(pl.lit(words.NO_CUT)),
        level_words=pl.lit("no level"),
        tier_words=pl.col("last_status").replace_strict(words.NO_TIER, default=words.NO_RESULT),
        cluster_words=pl.col("cluster_status").replace_strict(words.NO_CLUSTER, default=words.NOT_CLUSTERED),
    )


def weak_standards(rows: pl.DataFrame, standards: pl.LazyFrame, by: Sequence[str], mastery: float = 0.5) -> pl.DataFrame:
    """Per group of students and standard: how many were tested on it in their newest window, and how many are below mastery.

    Parameters
    ----------
    rows : polars.DataFrame
        Of :func:`rows`; a student counts once in a group.
    standards : polars.LazyFrame
        ``mtss.standards_panel``; filled-in shares are left out.
    by : sequence of str
        Columns that name the group, ``subject`` among them.
    mastery : float
        Share of the points from which a standard counts as mastered.

    Returns
    -------
    polars.DataFrame
        ``by``, ``standard_code``, ``tested``, ``below``, ``share_below``, ``mean_mastery``, most students below first.
    """
    newest = rows.lazy().drop_nulls("tier").select(*by, "student_key", "assessment_id", window="tier_window").unique()
    observed = standards.filter(~pl.col("is_imputed") & pl.col("mastery").is_not_null())
    order = ["below", "mean_mastery", "standard_code"]
    return (
        newest.join(
            observed.select(*STUDENT, "assessment_id", "window", "standard_code", "mastery"), on=[*STUDENT, "assessment_id", "window"]
        )
        .group_by(*by, "standard_code")
        .agg(
            pl.len().cast(pl.Int32).alias("tested"),
            (pl.col("mastery") < mastery).sum().cast(pl.Int32).alias("below"),
            _steady(pl.col("mastery").mean()).alias("mean_mastery"),
        )
        .with_columns(share_below=pl.col("below") / pl.col("tested"))
        .sort(*by, *order, descending=[*([False] * len(by)), True, False, False])
        .collect(engine="streaming")
    )


def cluster_standards(tiers: pl.LazyFrame, clusters: pl.LazyFrame, most: int = 3) -> dict[tuple[str, int, str, str], list[tuple[str, int]]]:
    """The standards most worth re-teaching in each cluster and grade of the district: most students below mastery first.

    A cluster may span grades; a teacher of grade 3 has no use for a standard of grade 10.

    Parameters
    ----------
    tiers, clusters : polars.LazyFrame
        ``mtss.tiers`` and ``mtss.clusters`` of the year; each student's newest window with a tier counts.
    most : int
        Standards per cluster and grade.

    Returns
    -------
    dict
        Subject, tier, cluster and grade to standards, each with its students below mastery.
    """
    key = ["subject", "tier", "cluster", "grade_level"]
    newest = tiers.filter("is_latest").select(*STUDENT, "grade_level", standard_code="not_proficient_standards").drop_nulls("grade_level")
    counted = (
        clusters.drop_nulls("cluster")
        .select(*STUDENT, "tier", "cluster")
        .join(newest, on=STUDENT)
        .explode("standard_code")
        .drop_nulls("standard_code")
        .group_by(*key, "standard_code")
        .len("students")
        .sort(*key, "students", "standard_code", descending=[*([False] * 4), True, False])
        .group_by(key, maintain_order=True)
        .head(most)
        .collect()
    )
    made: dict[tuple[str, int, str, str], list[tuple[str, int]]] = {}
    for subject, tier, cluster, grade, code, students in counted.select(*key, "standard_code", "students").iter_rows():
        made.setdefault((subject, tier, cluster, grade), []).append((code, students))
    return made


def _steady(number: pl.Expr) -> pl.Expr:
    """Without the last digits, in which a sum differs with the order of its parts: a file made again is the same file."""
    return number.round(12)


def named(rows: pl.DataFrame, directory: pl.LazyFrame) -> pl.DataFrame:
    """Rows with ``student`` (family name, given name) of exactly their students, sorted by name within each class.

    Parameters
    ----------
    rows : polars.DataFrame
        Of :func:`rows`.
    directory : polars.LazyFrame
        ``directory.students`` of the year.
    """
    given = pl.coalesce("preferred_given_name", "given_name")
    names = directory.select("student_key", student=pl.concat_str(["family_name", given], separator=", ", ignore_nulls=True))
    return (
        rows.lazy()
        .join(names, on="student_key", how="left")
        .with_columns(pl.col("student").replace("", None).fill_null(words.NAME_UNKNOWN))
        .sort(*CLASS, "student", "student_key")
        .collect(engine="streaming")
    )


def staff_names(directory: pl.LazyFrame) -> dict[str, str]:
    """Staff key to given and family name."""
    given = pl.coalesce("preferred_given_name", "given_name")
    name = pl.concat_str([given, "family_name"], separator=" ", ignore_nulls=True).alias("name")
    return {key: name or words.NAME_UNKNOWN for key, name in directory.select("staff_key", name).collect().iter_rows()}


def of_schools(named_rows: pl.DataFrame, staff: pl.LazyFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """Rows per school, subject and student, with ``teachers``: who of the school teaches the student, by name.

    Most support first, students without a tier last.

    Parameters
    ----------
    named_rows : polars.DataFrame
        Of :func:`named`.
    staff : polars.LazyFrame
        ``roster.staff`` of the year: a teacher's school; those without one are left out.
    names : mapping of str to str
        Staff key to name (:func:`staff_names`).
    """
    name = pl.col("staff_key").replace_strict(dict(names) or {"": ""}, default=words.NAME_UNKNOWN, return_dtype=pl.String)
    key = ["school_id", "subject", "student_key"]
    rest = [column for column in named_rows.columns if column not in (*key, "staff_key", "weight")]
    return (
        named_rows.lazy()
        .join(staff.select("staff_key", "school_id").drop_nulls(), on="staff_key")
        .with_columns(teacher=name)
        .sort(*key, "staff_key")  # first values and sums of a group depend on the order of its rows
        .group_by(key, maintain_order=True)
        .agg(pl.col("teacher").unique().sort().str.join("; ").alias("teachers"), _steady(pl.col("weight").sum()), pl.col(rest).first())
        .sort("school_id", "subject", "tier", "student", "student_key", descending=[False, False, True, False, False], nulls_last=True)
        .collect()
    )
