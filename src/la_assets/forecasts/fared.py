"""The rows of ``forecasts.evaluation``: how a year's predictions fared once its final scores were known.

Every candidate is judged on the same students; intervals, chances and bubble flags only of the candidate that was published.
"""

from __future__ import annotations

import polars as pl

from la_assets.forecasts.targets import AS_OF_POINTS, CANDIDATE_COLUMNS, CANDIDATES, SUBJECTS

_FIGURES = ("rmse", "mae", "r2", "bias", "coverage_80", "coverage_95", "width_80", "proficiency_rate", "brier", "bubble_rate")
_TASK = ["subject", "as_of_point"]


def evaluation_rows(
    candidates: pl.LazyFrame, predictions: pl.LazyFrame, finals: pl.LazyFrame, school_year: str, *, tests_held: bool, smallest: int = 10
) -> pl.DataFrame:
    """One row per subject, as-of point, candidate and grade (and ``all``).

    Parameters
    ----------
    candidates, predictions : polars.LazyFrame
        ``forecasts.candidate_predictions`` and ``forecasts.predictions`` of the year.
    finals : polars.LazyFrame
        Final scores of the year; empty while they are not known.
    school_year : str
        The year.
    tests_held : bool
        Whether the year has spring tests at all.
    smallest : int
        Students with a final below which a group gets no figures.
    """
    key = ["student_key", *_TASK]
    published = predictions.select(
        *key, "candidate", "predicted_score", "lower_80", "upper_80", "lower_95", "upper_95", "probability_proficient", "bubble"
    )
    both = (
        candidates.select(*key, "grade_level", *CANDIDATE_COLUMNS.values(), pl.max_horizontal("loaded_at").alias("loaded_at"))
        .join(published.rename({"candidate": "winner"}), on=key)
        .join(finals.select("student_key", "subject", "final_score", "level", "final_known_on", "final_loaded_at"), on=key[:2], how="left")
        .sort(key)
        .collect(engine="streaming")
    )
    groups = pl.concat([both, both.with_columns(grade_level=pl.lit("all"))]).filter(pl.col("grade_level").is_not_null())
    figures = pl.concat(_of_candidate(groups, name) for name in CANDIDATES)
    every = pl.DataFrame(
        [(s, p, c, "all") for s in SUBJECTS for p in AS_OF_POINTS for c in CANDIDATES],
        schema=[*_TASK, "candidate", "grade_level"],
        orient="row",
    )
    wanted = pl.concat([every, figures.select(every.columns)]).unique(maintain_order=True)
    return _with_status(wanted.join(figures, on=every.columns, how="left"), tests_held, smallest).with_columns(
        school_year=pl.lit(school_year), scored_year=pl.lit(school_year)
    )


def _of_candidate(groups: pl.DataFrame, candidate: str) -> pl.DataFrame:
    final, says = pl.col("final_score"), pl.col(CANDIDATE_COLUMNS[candidate])
    is_published = pl.col("predicted_score").is_not_null()
    judged = is_published & final.is_not_null()
    error = (final - says).filter(judged)
    deviation = (final.filter(judged) - final.filter(judged).mean()).pow(2).sum()
    is_winner = (pl.col("winner") == candidate).fill_null(False).any()
    proficient = pl.col("level") >= 3
    chance = pl.col("probability_proficient")

    def within(level: int) -> pl.Expr:
        inside = (final >= pl.col(f"lower_{level}")) & (final <= pl.col(f"upper_{level}"))
        return pl.when(is_winner).then(inside.filter(judged).mean())

    return groups.group_by(*_TASK, "grade_level").agg(
        candidate=pl.lit(candidate),
        is_winner=is_winner,
        students=judged.sum().cast(pl.Int32),
        predicted=is_published.sum().cast(pl.Int32),
        expected=pl.len(),
        finals=final.is_not_null().sum(),
        spread=deviation,
        rmse=error.pow(2).mean().sqrt(),
        mae=error.abs().mean(),
        r2=pl.when(deviation > 0).then(1 - error.pow(2).sum() / deviation),
        bias=error.mean(),
        coverage_80=within(80),
        coverage_95=within(95),
        width_80=pl.when(is_winner).then((pl.col("upper_80") - pl.col("lower_80")).filter(judged).mean()),
        students_with_interval=pl.when(is_winner).then((judged & pl.col("lower_80").is_not_null()).sum().cast(pl.Int32)),
        proficiency_rate=proficient.filter(judged).mean(),
        brier=pl.when(is_winner).then((chance - proficient.cast(pl.Float64)).filter(judged).pow(2).mean()),
        bubble_rate=pl.when(is_winner).then(pl.col("bubble").filter(is_published).mean()),
        known_on=pl.col("final_known_on").max(),
        loaded_at=pl.max_horizontal(pl.col("loaded_at").max(), pl.col("final_loaded_at").max()),
    )  # fmt: skip


def _with_status(rows: pl.DataFrame, tests_held: bool, smallest: int) -> pl.DataFrame:
    no_finals = "no final scores yet" if tests_held else "no final scores in this year"
    status = (
        pl.when(pl.col("expected").is_null()).then(pl.lit("nobody to predict at this as-of point"))
        .when(pl.col("finals").sum().over("subject") == 0).then(pl.lit(no_finals))
        .when(pl.col("predicted") == 0).then(pl.lit("no predictions in this year"))
        .when(pl.col("students") < smallest).then(pl.lit("too few students"))
        .when(pl.col("spread") == 0).then(pl.lit("all final scores are equal"))
        .otherwise(pl.lit("evaluated"))
    )  # fmt: skip
    has_figures = pl.col("status").is_in(["evaluated", "all final scores are equal"])
    return rows.with_columns(status=status).with_columns(
        *(pl.when(has_figures).then(pl.col(name)).alias(name) for name in _FIGURES),
        pl.col("is_winner").fill_null(False),
        pl.col("students", "predicted").fill_null(0),
    )
