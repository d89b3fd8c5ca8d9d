"""Which candidate predicts a year: lowest mean RMSE over the outer folds before it, ties to the simpler one.

An outer fold is an earlier year as the models of that year predicted it, with its final scores. A candidate ties with the best when its
squared error exceeds the best's by at most one standard error of that excess, paired by student.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from la_assets.forecasts.targets import AS_OF_POINTS, CANDIDATE_COLUMNS, CANDIDATES, SUBJECTS

NO_FOLDS_WINNER = "ridge"
"""Who predicts where no earlier year tells, as when past years were not built."""


def fold_rows(candidates: pl.LazyFrame, finals: pl.LazyFrame, models: pl.LazyFrame, school_year: str) -> pl.LazyFrame:
    """Predictions of earlier years beside the final scores that came: the outer folds.

    Years whose models had two years or more to learn from are folds; only where there is none, those with one year are.

    Parameters
    ----------
    candidates : polars.LazyFrame
        ``forecasts.candidate_predictions`` of earlier years.
    finals : polars.LazyFrame
        Final scores of earlier years.
    models : polars.LazyFrame
        ``forecasts.models`` of earlier years (``status`` only is read).
    school_year : str
        The year to predict; later rows are left out whatever the frames hold.
    """
    fitted = pl.col("status") == "fitted"
    task = ["subject", "as_of_point"]
    folds = (
        models.filter(pl.col("school_year") < school_year, pl.col("status").str.starts_with("fitted"))
        .group_by(*task, "school_year")
        .agg(fitted.all().alias("proper"))
    )
    told = (
        candidates.join(folds, on=[*task, "school_year"])
        .join(finals, on=["student_key", "subject", "school_year"])
        .filter(pl.all_horizontal(pl.col(column).is_not_null() for column in CANDIDATE_COLUMNS.values()))
    )
    any_proper = told.group_by(task).agg(pl.col("proper").any().alias("any_proper"))
    keep = ("grade_level", "school_year", "final_score", "final_known_on", "final_loaded_at", "loaded_at", *CANDIDATE_COLUMNS.values())
    return told.join(any_proper, on=task).filter(pl.col("proper") | ~pl.col("any_proper")).select(*task, *keep)


def selection_rows(folds: pl.DataFrame, school_year: str) -> pl.DataFrame:
    """One row per subject, as-of point and candidate: how it did in the folds of :func:`fold_rows`, and whether it predicts."""
    made = []
    for subject in SUBJECTS:
        for point in AS_OF_POINTS:
            told = folds.filter(pl.col("subject") == subject, pl.col("as_of_point") == point)
            told = told.sort("school_year", "final_score", *CANDIDATE_COLUMNS.values())  # sums in one order, so the same digits
            lineage = {
                "known_on": told["final_known_on"].max(),
                "loaded_at": told.select(pl.max_horizontal(pl.col("loaded_at").max(), pl.col("final_loaded_at").max())).item(),
            }
            made += [{"subject": subject, "as_of_point": point} | row | lineage for row in _judged(told)]
    return pl.DataFrame(made, schema=_SCHEMA).with_columns(pl.lit(school_year).alias("school_year"))


_SCHEMA: dict[str, Any] = {
    **dict.fromkeys(("subject", "as_of_point", "candidate"), pl.String),
    "is_winner": pl.Boolean,
    "folds": pl.Int32,
    "students": pl.Int32,
    "fold_rmse": pl.String,
    **dict.fromkeys(("mean_rmse", "excess_squared_error", "excess_standard_error"), pl.Float64),
    "reason": pl.String,
    "known_on": pl.Date,
    "loaded_at": pl.Datetime("us", "UTC"),
}


def _judged(told: pl.DataFrame) -> Iterator[dict[str, Any]]:
    if told.is_empty():
        for candidate in CANDIDATES:
            yield {"candidate": candidate, "is_winner": candidate == NO_FOLDS_WINNER, "folds": 0, "students": 0, "reason": "no folds"}
        return
    years = told["school_year"].to_numpy().astype(str)
    squared = {name: (told[column] - told["final_score"]).to_numpy() ** 2 for name, column in CANDIDATE_COLUMNS.items()}
    folds = sorted(set(years.tolist()))
    rmse = {name: {year: float(np.sqrt(errors[years == year].mean())) for year in folds} for name, errors in squared.items()}
    mean = {name: float(np.mean(list(by_year.values()))) for name, by_year in rmse.items()}
    best = min(CANDIDATES, key=lambda name: mean[name])
    excess = {name: squared[name] - squared[best] for name in CANDIDATES}
    error = {name: float(e.std(ddof=1) / np.sqrt(len(e))) if len(e) > 1 else 0.0 for name, e in excess.items()}
    equals = [name for name in CANDIDATES if name == best or excess[name].mean() <= error[name]]
    winner = equals[0]
    for name in CANDIDATES:
        if name == winner:
            reason = "lowest RMSE" if name == best else "simplest within one standard error of the lowest"
        else:
            reason = "not the simplest of equals" if name in equals else "higher RMSE"
        yield {
            "candidate": name,
            "is_winner": name == winner,
            "folds": len(folds),
            "students": told.height,
            "fold_rmse": json.dumps({year: round(value, 6) for year, value in rmse[name].items()}),
            "mean_rmse": mean[name],
            "excess_squared_error": float(excess[name].mean()),
            "excess_standard_error": error[name],
            "reason": reason,
        }
