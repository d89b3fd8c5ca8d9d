"""The rows of ``forecasts.models``: every candidate of every subject and as-of point, fitted on the years before one year.

The years are cut here again, whatever the frames hold: rows of the year itself or later change no byte of a model. Tasks run
side by side in threads; each fit has one thread, so the number of cores changes nothing either.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
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


def rows_with_finals(features: pl.LazyFrame, finals: pl.LazyFrame, subject: str, point: str) -> pl.LazyFrame:
    """Feature rows of the students expected to take a final, beside the final score they got."""
    return features.filter(pl.col("as_of_point") == point, pl.col(EXPECTED[subject])).join(
        finals.filter(pl.col("subject") == subject), on=["student_key", "school_year"]
    )


def training_years(finals: pl.LazyFrame, school_year: str, limits: Limits) -> tuple[dict[str, list[str]], set[str]]:
    """Scored years before a year by subject, the most recent ones; and subjects with fewer finals than count as a scored year."""
    counts = (
        finals.filter(pl.col("school_year") < school_year)
        .group_by("subject", "school_year")
        .agg(pl.len().alias("students"))
        .sort("school_year")
        .collect(engine="streaming")
    )
    years: dict[str, list[str]] = {subject: [] for subject in SUBJECTS}
    for subject, year, students in counts.select("subject", "school_year", "students").iter_rows():
        if students >= limits.minimum_students:
            years[subject].append(year)
    few = {subject for subject in counts["subject"].unique() if not years[subject]}
    return {subject: listed[-limits.training_years :] for subject, listed in years.items()}, few


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
    tasks = [(subject, point) for subject in SUBJECTS for point in AS_OF_POINTS]

    def fitted(task: tuple[str, str]) -> list[dict[str, Any]]:
        subject, point = task
        return list(_task_rows(features, finals, subject, point, years[subject], few=subject in few, limits=limits))

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


def _task_rows(
    features: pl.LazyFrame, finals: pl.LazyFrame, subject: str, point: str, years: list[str], *, few: bool, limits: Limits
) -> Iterator[dict[str, Any]]:
    rows = _training_frame(features, finals, subject, point, years=years, limits=limits) if years else pl.DataFrame()
    status = _status(rows, years, few, limits.minimum_students)
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


def _training_frame(
    features: pl.LazyFrame, finals: pl.LazyFrame, subject: str, point: str, *, years: list[str], limits: Limits
) -> pl.DataFrame:
    """Training rows sorted by year and student; of a large district, a fixed sample of students by the digits of their key."""
    joined = rows_with_finals(features, finals, subject, point).filter(pl.col("school_year").is_in(years))
    count = finals.filter(pl.col("subject") == subject, pl.col("school_year").is_in(years)).select(pl.len()).collect().item()
    if count > limits.training_students:
        digits = pl.col("student_key").str.slice(0, 8).str.to_integer(base=16)
        joined = joined.filter(digits < int(_KEY_SPACE * limits.training_students / count))
    return (
        joined.select(
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


def _status(rows: pl.DataFrame, years: list[str], few: bool, minimum: int) -> str:
    if not years:
        return "too few students with final scores" if few else "not enough years with final scores"
    if rows.height < minimum:
        return "too few students with final scores"
    if rows["final_score"].n_unique() < 2:
        return "all final scores are equal"
    return "fitted" if rows["school_year"].n_unique() >= 2 else "fitted for calibration only"


def _latest(rows: pl.DataFrame, column: str) -> dt.date | dt.datetime | None:
    latest = rows[column].max() if rows.height else None
    return latest if isinstance(latest, dt.date) else None
