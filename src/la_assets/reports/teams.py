"""Instructional teams and their students' results: who belongs to which team, and what each team's results look like.

A team is the teachers of a subject and grade in one school; of a course exam too, since who takes Algebra 1 in grade 8 is not who
takes it in grade 9. A student belongs to the team whose teachers gave the largest share of the instruction in the subject, if that
is at least half: a student who came in April says little about the team. Two measures are compared: the scale score, and the gain
since the test's first window of the year, which starts from where the students were. The tests stand in ``team_tests.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from la_assets import exact_sums

SCORE, GAIN = "scale score", "gain since first window"
MEASURES = (SCORE, GAIN)
UNKNOWN_GRADE = "unknown"
COMPARED, INSUFFICIENT = "compared", "insufficient"
COMPARISON = ("assessment_id", "subject", "window", "grade_level", "measure")
"""What is compared: one measure of one test in one window, among the students of one grade."""


def instruction(links: pl.LazyFrame, taught_as: Mapping[str, str]) -> pl.LazyFrame:
    """Who taught a student a tested subject: links of that subject, else of the wider one it is taught as.

    Parameters
    ----------
    links : polars.LazyFrame
        ``roster.instructional_links`` of the year.
    taught_as : mapping of str to str
        Tested subject to the subject of links that may stand for it (Algebra 1 to Math).
    """
    pair = ["student_key", "subject"]
    links = links.select(*pair, "staff_key", "weight")
    wider = [
        links.filter(pl.col("subject") == taught)
        .with_columns(subject=pl.lit(subject))
        .join(links.filter(pl.col("subject") == subject), on=pair, how="anti")
        for subject, taught in taught_as.items()
    ]
    return pl.concat([links, *wider])


def results(
    scores: pl.LazyFrame,
    students: pl.LazyFrame,
    windows: Mapping[str, Sequence[str]],
) -> pl.LazyFrame:
    """Official results of the year as values of the measures, a row per comparison and student.

    Parameters
    ----------
    scores, students : polars.LazyFrame
        ``assessments.scores`` and ``roster.students`` of the year.
    windows : mapping of str to sequence of str
        Test to its windows, first to last; tests and windows that are not listed are not compared.

    Returns
    -------
    polars.LazyFrame
        ``COMPARISON``, ``student_key``, ``value`` and lineage. A gain needs both scores on a vertical scale.
    """
    order = pl.LazyFrame(
        [(test, window, place) for test, names in windows.items() for place, window in enumerate(names)],
        schema={"assessment_id": pl.String, "window": pl.String, "place": pl.Int32},
        orient="row",
    )
    official = (
        scores.filter(pl.col("is_official") & pl.col("scale_score").is_not_null())
        .join(order, on=["assessment_id", "window"])
        .join(students.select("student_key", roster_grade="grade_level"), on="student_key", how="left")
        .with_columns(grade_level=pl.coalesce("grade_level", "roster_grade", pl.lit(UNKNOWN_GRADE)))
    )
    sitting = ["student_key", "assessment_id", "subject"]
    start = official.filter(pl.col("place") == 0).select(
        *sitting, start_score="scale_score", start_vertical="is_vertical_scale", start_known="known_on", start_loaded="loaded_at"
    )
    gains = (
        official.filter(pl.col("place") > 0)
        .join(start, on=sitting)
        .filter(pl.col("is_vertical_scale") & pl.col("start_vertical"))
        .with_columns(
            value=pl.col("scale_score") - pl.col("start_score"),
            measure=pl.lit(GAIN),
            known_on=pl.max_horizontal("known_on", "start_known"),
            loaded_at=pl.max_horizontal("loaded_at", "start_loaded"),
        )
    )
    columns = [*COMPARISON, "student_key", "value", "known_on", "loaded_at"]
    levels = official.with_columns(value=pl.col("scale_score"), measure=pl.lit(SCORE))
    return pl.concat([levels.select(columns), gains.select(columns)])


def placed(results: pl.LazyFrame, instruction: pl.LazyFrame, staff: pl.LazyFrame, least_share: float = 0.5) -> pl.LazyFrame:
    """Results with the student's team: ``school_id``, missing where the student belongs to none.

    Parameters
    ----------
    results, instruction : polars.LazyFrame
        Of the functions above.
    staff : polars.LazyFrame
        ``roster.staff`` of the year: a teacher's school is the team's.
    least_share : float
        Share of the year's instruction in the subject that the team must have given.
    """
    share = (
        instruction.join(staff.select("staff_key", "school_id"), on="staff_key")
        .drop_nulls("school_id")
        .group_by("student_key", "subject", "school_id")
        .agg(pl.col("weight").sum())
    )
    largest = (
        share.filter(pl.col("weight") >= least_share - 1e-9)
        .sort("weight", "school_id", descending=[True, False])
        .group_by("student_key", "subject", maintain_order=True)
        .agg(pl.col("school_id").first())
    )
    return results.join(largest, on=["student_key", "subject"], how="left")


def teams(placed: pl.LazyFrame, instruction: pl.LazyFrame, staff: pl.LazyFrame, least_students: int = 10) -> pl.LazyFrame:
    """Rows of ``mtss.teams``, without the year: each team's results in each comparison.

    Parameters
    ----------
    placed : polars.LazyFrame
        Of :func:`placed`.
    instruction, staff : polars.LazyFrame
        As there; they tell how many teachers a team has.
    least_students : int
        A team with fewer is ``insufficient``: it is listed with its size and nothing else.
    """
    team = [*COMPARISON, "school_id"]
    members = placed.drop_nulls("school_id")
    teachers = (
        members.select(*team, "student_key")
        .join(instruction.select("student_key", "subject", "staff_key"), on=["student_key", "subject"])
        .join(staff.select("staff_key", "school_id"), on=["staff_key", "school_id"], how="semi")
        .group_by(team)
        .agg(pl.col("staff_key").n_unique().cast(pl.Int32).alias("teachers"))
    )
    value, enough = pl.col("value"), pl.len() >= least_students
    figures = {
        "mean": exact_sums.mean(value),
        "standard_deviation": exact_sums.deviation(value),
        "lower_quartile": value.quantile(0.25, "linear"),
        "median": value.median(),
        "upper_quartile": value.quantile(0.75, "linear"),
    }
    return (
        members.group_by(team)
        .agg(
            pl.len().cast(pl.Int32).alias("students"),
            pl.when(enough).then(pl.lit(COMPARED)).otherwise(pl.lit(INSUFFICIENT)).first().alias("status"),
            *(pl.when(enough).then(what).alias(name) for name, what in figures.items()),
            pl.col("known_on").max(),
            pl.col("loaded_at").max(),
        )
        .join(teachers, on=team, how="left")
    )


def with_intervals(teams: pl.DataFrame, confidence: float = 0.95) -> pl.DataFrame:
    """Teams with ``mean_low`` and ``mean_high``: the t interval of each mean, from the team's own deviation.

    Students of one class are more alike than students at large, so the true uncertainty is somewhat wider.
    """
    from scipy import stats

    size = teams["students"].to_numpy().astype(float)
    t = pl.Series("t", stats.t.isf((1 - confidence) / 2, (size - 1).clip(1)), dtype=pl.Float64)
    reach = t * teams["standard_deviation"] / teams["students"].cast(pl.Float64).sqrt()
    return teams.with_columns(mean_low=teams["mean"] - reach, mean_high=teams["mean"] + reach)
