"""How much of what was tested can be laid to anyone's teaching: students of each school linked to a teacher of the subject.

Value-added of a school where many students have no link describes the others only. It judges links, not teachers.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from la_assets import exact_sums

STATUSES = ("covered", "under_the_limit", "too_few_students")
FEWEST_STUDENTS = 10


def link_coverage(
    scores: pl.LazyFrame, links: pl.LazyFrame, schools: pl.LazyFrame, tests: Sequence[tuple[str, str, str]], limit: float
) -> pl.LazyFrame:
    """Coverage per school and subject.

    Parameters
    ----------
    scores : polars.LazyFrame
        ``assessments.scores`` of the year: whoever has a score of the test in any window counts, so that gaps show before spring.
    links : polars.LazyFrame
        ``roster.instructional_links`` of the year.
    schools : polars.LazyFrame
        ``student_key``, ``school_id``: each student's main school.
    tests : sequence of (subject, assessment_id, window)
    limit : float
        Share to reach.
    """
    named = pl.LazyFrame([(s, a) for s, a, _ in tests], schema={"subject": pl.String, "assessment_id": pl.String}, orient="row").unique()
    tested = (
        scores.drop_nulls("scale_score")
        .join(named, on=["subject", "assessment_id"])
        .group_by("student_key", "subject")
        .agg(pl.col("known_on").max(), pl.col("loaded_at").max())
    )
    linked = links.filter(pl.col("weight") > 0).group_by("student_key", "subject").agg(pl.col("weight").sum().alias("dosage"))
    share = pl.col("linked") / pl.col("students")
    return (
        tested.join(schools, on="student_key", how="left")
        .join(linked, on=["student_key", "subject"], how="left")
        .with_columns(pl.col("school_id").fill_null("unknown"))
        .group_by("school_id", "subject")
        .agg(
            students=pl.len().cast(pl.Int32),
            linked=pl.col("dosage").count().cast(pl.Int32),
            mean_dosage=exact_sums.mean(pl.col("dosage")),
            known_on=pl.col("known_on").max(),
            loaded_at=pl.col("loaded_at").max(),
        )
        .with_columns(coverage=share)
        .with_columns(
            status=pl.when(pl.col("students") < FEWEST_STUDENTS)
            .then(pl.lit("too_few_students"))
            .when(share < limit)
            .then(pl.lit("under_the_limit"))
            .otherwise(pl.lit("covered"))
        )
    )
