"""The rows of ``forecasts.models``: every candidate of every subject and as-of point, fitted on the years before one year.

The years are cut here again, whatever the frames hold: rows of the year itself or later change no byte of a model. Tasks run
side by side in threads; each fit has one thread, so the number of cores changes nothing either.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import polars as pl

from la_assets.forecasts.candidates import FORMATS, Training, fit_candidates
from la_assets.forecasts.design import Rows
from la_assets.forecasts.targets import AS_OF_POINTS, CANDIDATES, EXPECTED, FEATURES, SUBJECTS

_WORKERS = 2
_KEY_SPACE = 16**8


@dataclass(frozen=True)
class Limits:
    """How much trains a model; see ``ForecastSettings`` for what each limit means."""

    minimum_students: int = 20
    training_years: int = 5
    training_students: int = 40_000


def rows_with_finals(features: pl.LazyFrame, finals: pl.LazyFrame) -> pl.LazyFrame:
    """Feature rows of the students expected to take a final, beside the final score they got; a row per subject and as-of point."""
    expected = pl.any_horizontal((pl.col("subject") == subject) & pl.col(column) for subject, column in EXPECTED.items())
    return features.join(finals, on=["student_key", "school_year"]).filter(expected)


def training_years(finals: pl.LazyFrame, school_year: str, limits: Limits) -> tuple[dict[str, dict[str, int]], set[str]]:
    """Scored years before a year by subject, the most recent ones, with the finals of each; and subjects with too few to count any."""
    counts = (
        finals.filter(pl.col("school_year") < school_year)
        .group_by("subject", "school_year")
        .agg(pl.len().alias("students"))
        .sort("school_year", descending=True)
        .collect(engine="streaming")
    )
    years: dict[str, dict[str, int]] = {subject: {} for subject in SUBJECTS}
    for subject, year, students in counts.select("subject", "school_year", "students").iter_rows():
        if students >= limits.minimum_students and len(years[subject]) < limits.training_years:
            years[subject][year] = students
    few = {subject for subject in counts["subject"].unique() if not years[subject]}
    return years, few


def model_rows(features: pl.LazyFrame, finals: pl.LazyFrame, school_year: str, limits: Limits) -> pl.DataFrame:
    """One row per subject, as-of point and candidate, with the fitted model or the reason why there is none.

    Parameters
    ----------
    features : polars.LazyFrame
        ``forecasts.features`` of earlier years.
    finals : polars.LazyFrame
        :func:`la_assets.forecasts.finals.final_scores` of earlier years.
    school_year : str
        The year to predict.
    limits : Limits
        How much trains a model.
    """
    from threadpoolctl import threadpool_limits

    years, few = training_years(finals, school_year, limits)
    rows = _training_rows(features, finals, years, limits)
    tasks = [(subject, point) for subject in SUBJECTS for point in AS_OF_POINTS]

    def fitted(task: tuple[str, str]) -> list[dict[str, Any]]:
        subject, point = task
        of_task = rows.filter(pl.col("subject") == subject, pl.col("as_of_point") == point)
        status = _status(of_task, bool(years[subject]), subject in few, limits.minimum_students)
        return list(_task_rows(of_task, subject, point, status))

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(_WORKERS) as workers:
        made = [row for rows in workers.map(fitted, tasks) for row in rows]
    return pl.DataFrame(made, schema=_SCHEMA).with_columns(pl.lit(school_year).alias("school_year"))


_SCHEMA: dict[str, Any] = {
    **dict.fromkeys(("subject", "as_of_point", "candidate", "status", "model_id"), pl.String),
    **dict.fromkeys(("artifact_format", "artifact", "manifest", "training_years"), pl.String),
    "training_rows": pl.Int32,
    "hyperparameters": pl.String,
    "inner_rmse": pl.Float64,
    "known_on": pl.Date,
    "loaded_at": pl.Datetime("us", "UTC"),
}


def _task_rows(rows: pl.DataFrame, subject: str, point: str, status: str) -> Iterator[dict[str, Any]]:
    told = {
        "subject": subject,
        "as_of_point": point,
        "status": status,
        "training_years": ", ".join(sorted(set(rows["school_year"]))) if rows.height else "",
        "training_rows": rows.height,
        "known_on": _latest(rows, "final_known_on"),
        "loaded_at": _latest(rows, "loaded_at"),
    }
    if not status.startswith("fitted"):
        yield from (told | {"candidate": candidate} for candidate in CANDIDATES)
        return
    training = Training(Rows.of(rows), rows["final_score"].to_numpy(), rows["school_year"].to_numpy().astype(str))
    for model in fit_candidates(training, subject):
        manifest = json.dumps(json.loads(model.manifest) | {"as_of_point": point}, sort_keys=True, separators=(",", ":"))
        stored = type(model)(model.candidate, model.artifact, manifest, model.hyperparameters, model.inner_rmse)
        yield told | {
            "candidate": model.candidate,
            "model_id": stored.model_id,
            "artifact_format": FORMATS[model.candidate],
            "artifact": model.artifact,
            "manifest": manifest,
            "hyperparameters": model.hyperparameters,
            "inner_rmse": model.inner_rmse,
        }


def _training_rows(features: pl.LazyFrame, finals: pl.LazyFrame, years: Mapping[str, Mapping[str, int]], limits: Limits) -> pl.DataFrame:
    """Training rows of all subjects and as-of points, read once, sorted by year and student."""
    return (
        rows_with_finals(features, finals.filter(_trains(years, limits)))
        .select(
            "subject",
            "as_of_point",
            "student_key",
            "school_year",
            "grade_level",
            *FEATURES,
            "final_score",
            "final_known_on",
            pl.max_horizontal("loaded_at", "final_loaded_at").alias("loaded_at"),
        )
        .sort("school_year", "student_key")
        .collect(engine="streaming")
    )


def _trains(years: Mapping[str, Mapping[str, int]], limits: Limits) -> pl.Expr:
    """Finals that train a model: of a large district, those of a fixed sample of students by the digits of their key."""
    digits = pl.col("student_key").str.slice(0, 8).str.to_integer(base=16)
    trains = pl.lit(False)
    for subject, counts in years.items():
        of_subject = (pl.col("subject") == subject) & pl.col("school_year").is_in(list(counts))
        if (count := sum(counts.values())) > limits.training_students:
            of_subject &= digits < int(_KEY_SPACE * limits.training_students / count)
        trains |= of_subject
    return trains


def _status(rows: pl.DataFrame, has_years: bool, few: bool, minimum: int) -> str:
    if not has_years:
        return "too few students with final scores" if few else "not enough years with final scores"
    if rows.height < minimum:
        return "too few students with final scores"
    if rows["final_score"].n_unique() < 2:
        return "all final scores are equal"
    return "fitted" if rows["school_year"].n_unique() >= 2 else "fitted for calibration only"


def _latest(rows: pl.DataFrame, column: str) -> dt.date | dt.datetime | None:
    latest = rows[column].max() if rows.height else None
    return latest if isinstance(latest, dt.date) else None
