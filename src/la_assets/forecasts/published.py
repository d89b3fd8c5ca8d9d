"""The rows of ``forecasts.predictions``: the winner's predicted score with intervals, chance of proficiency and bubble flag.

Errors of the winner in the most recent outer folds calibrate what it says this year. A student without a prediction has a row
that says why.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from la_assets.forecasts.conformal import Calibration
from la_assets.forecasts.targets import AS_OF_POINTS, CANDIDATE_COLUMNS, PROGRESS_SUBJECTS, SUBJECTS

_NO_MODEL = {
    "fitted for calibration only": "no model: not enough years with final scores",
    "not enough years with final scores": "no model: not enough years with final scores",
    "too few students with final scores": "no model: too few students with final scores",
    "all final scores are equal": "no model: all final scores are equal",
}
_NUMBERS = ("predicted_score", "standard_error", "lower_80", "upper_80", "lower_95", "upper_95", "probability_proficient")


@dataclass(frozen=True)
class Rules:
    """How predictions are published; see ``ForecastSettings`` for what each number means."""

    calibration_errors: int = 300
    calibration_group: int = 100
    bubble_standard_errors: float = 1.0


def prediction_rows(
    candidates: pl.LazyFrame, models: pl.DataFrame, selection: pl.DataFrame, *, folds: pl.DataFrame, cuts: pl.LazyFrame, rules: Rules
) -> pl.DataFrame:
    """A row per row of ``candidates``.

    Parameters
    ----------
    candidates : polars.LazyFrame
        ``forecasts.candidate_predictions`` of the year.
    models, selection : polars.DataFrame
        ``forecasts.models`` (without artifacts) and ``forecasts.selection`` of the year.
    folds : polars.DataFrame
        :func:`la_assets.forecasts.selection.fold_rows` before the year.
    cuts : polars.LazyFrame
        :func:`la_assets.forecasts.finals.proficiency_cuts` of earlier years.
    rules : Rules
        How predictions are published.
    """
    frames: list[pl.DataFrame] = []
    all_cuts = cuts.collect(engine="streaming")
    for subject in SUBJECTS:
        of_subject = candidates.filter(pl.col("subject") == subject).collect(engine="streaming")
        of_cut = all_cuts.filter(pl.col("subject") == subject).select("final_grade", "proficiency_cut")
        for point in AS_OF_POINTS:
            task = (pl.col("subject") == subject) & (pl.col("as_of_point") == point)
            rows = _with_cut(of_subject.filter(task), of_cut, by_grade=subject in PROGRESS_SUBJECTS)
            winners = selection.filter(task, "is_winner")["candidate"]
            stored = models.filter(task, pl.col("candidate") == (winners[0] if len(winners) else ""))
            status = stored["status"][0] if stored.height else ""
            if status != "fitted":
                frames.append(_without_model(rows, _NO_MODEL.get(status, "no model: not fitted yet")))
                continue
            column = CANDIDATE_COLUMNS[winners[0]]
            past = _calibration(folds.filter(task), column, rules)
            made = _predicted(rows, column, past, rules.bubble_standard_errors)
            frames.append(made.with_columns(candidate=pl.lit(winners[0]), model_id=pl.lit(stored["model_id"][0])))
    return pl.concat(frames, how="diagonal")


def _with_cut(rows: pl.DataFrame, cut: pl.DataFrame, *, by_grade: bool) -> pl.DataFrame:
    if by_grade:
        return rows.join(cut, left_on="grade_level", right_on="final_grade", how="left")
    return rows.with_columns(proficiency_cut=pl.lit(cut["proficiency_cut"][0] if cut.height else None, dtype=pl.Float64))


def _without_model(rows: pl.DataFrame, status: str) -> pl.DataFrame:
    return rows.with_columns(
        *(pl.lit(None, dtype=pl.Float64).alias(name) for name in _NUMBERS),
        *(pl.lit(None, dtype=pl.String).alias(name) for name in ("candidate", "model_id")),
        bubble=pl.lit(None, dtype=pl.Boolean),
        status=pl.lit(status),
    )


def _calibration(folds: pl.DataFrame, column: str, rules: Rules) -> Calibration | None:
    """Errors of the candidate in the most recent fold, and in older ones as far as that has too few.

    The most recent first, because models get better as history grows: old errors would make intervals too wide.
    """
    told = folds.sort("school_year", column, "final_score")
    counts = dict(told.group_by("school_year").len().sort("school_year", descending=True).iter_rows())
    recent: list[str] = []
    for year in counts:
        if sum(counts[y] for y in recent) < rules.calibration_errors:
            recent.append(year)
    told = told.filter(pl.col("school_year").is_in(recent))
    return Calibration.of(told[column].to_numpy(), told["final_score"].to_numpy(), _grades(told), rules.calibration_group)


def _grades(frame: pl.DataFrame) -> np.ndarray:
    return frame["grade_level"].fill_null("").to_numpy().astype(str)


def _predicted(rows: pl.DataFrame, column: str, past: Calibration | None, bubble: float) -> pl.DataFrame:
    predicted, grade = rows[column].to_numpy(), _grades(rows)
    made: dict[str, np.ndarray] = {"predicted_score": predicted}
    if past is not None:
        made["lower_80"], made["upper_80"] = past.interval(predicted, grade, 0.80)
        made["lower_95"], made["upper_95"] = past.interval(predicted, grade, 0.95)
        made["standard_error"] = past.standard_error(predicted, grade)
        cut = rows["proficiency_cut"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        made["probability_proficient"] = past.chance_above(cut, predicted, grade)
    empty = np.full(rows.height, np.nan)
    numbers = [pl.Series(name, made.get(name, empty), dtype=pl.Float64).fill_nan(None) for name in _NUMBERS]
    near = (pl.col("predicted_score") - pl.col("proficiency_cut")).abs() <= bubble * pl.col("standard_error")
    status = "predicted" if past is not None else "predicted, too few past errors for an interval"
    return rows.with_columns(*numbers).with_columns(bubble=near, status=pl.lit(status))
