"""Each student's own growth: intercept, slope, the score foretold at the end of the school's stretch, and what stands out.

From the chosen growth model: what all students share plus the student's BLUPs, with the conditional covariance of both and the
uncertainty of the fixed part. Patterns are against the average student of the same grades; on a vertical scale everyone's
points go up. It knows what was known by the year's end and nothing later.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from la_assets.growth.models import FORMS, STUDENT, GrowthModel
from la_assets.growth.panel import FIRST_GRADE, KNOT_GRADE

PATTERNS = ("Declining", "Stable", "Improving")
STATUSES = ("estimated", "no_scores", "no_model", "past_last_tested_grade")
_95 = 1.959963984540054

MADE = {
    "intercept": pl.Float64,
    "intercept_se": pl.Float64,
    "slope": pl.Float64,
    "slope_se": pl.Float64,
    "relative_slope": pl.Float64,
    "relative_slope_se": pl.Float64,
    "scores_used": pl.Int32,
    "target_grade": pl.Int32,
    "predicted": pl.Float64,
    "predicted_low": pl.Float64,
    "predicted_high": pl.Float64,
    "expected": pl.Float64,
    "p_below_proficiency": pl.Float64,
    "pattern": pl.String,
    "off_track": pl.Boolean,
    "at_risk": pl.Boolean,
    "status": pl.String,
}


@dataclass(frozen=True)
class Thresholds:
    """What counts as a change, as off track and as at risk."""

    pattern: float = 0.1
    off_track: float = 0.5
    at_risk: float = 0.5
    targets: tuple[int, ...] = (8, 12)


def trajectories(
    model: GrowthModel | None, students: pl.DataFrame, panel: pl.DataFrame, cuts: dict[int, float], thresholds: Thresholds
) -> pl.DataFrame:
    """Trajectories of one subject.

    Parameters
    ----------
    model : GrowthModel, optional
        The chosen one; None where there is none.
    students : polars.DataFrame
        ``student_key``, ``grade_number``: those who are to have a row, with their grade of the year.
    panel : polars.DataFrame
        The subject's panel.
    cuts : dict
        Lowest proficient score by grade, in the panel's units.
    thresholds : Thresholds

    Returns
    -------
    polars.DataFrame
        ``student_key`` and the columns of ``MADE``. ``intercept`` is the score at grade 3; ``slope`` the change from the student's
        grade of the year before to that of the year; ``relative_slope`` the slope against the average student, SD a year.
    """
    used = panel.group_by(STUDENT).agg(scores_used=pl.len().cast(pl.Int32))
    rows = students.join(used, on=STUDENT, how="left", maintain_order="left").with_columns(pl.col("scores_used").fill_null(0))
    rows = rows.with_columns(status=pl.when(pl.col("scores_used") == 0).then(pl.lit("no_scores")).otherwise(pl.lit("estimated")))
    if model is None or model.reml is None:
        return _shaped(rows.with_columns(status=pl.when(pl.col("scores_used") == 0).then("status").otherwise(pl.lit("no_model"))))
    last = int(panel["grade_number"].max())  # type: ignore[arg-type]
    targets = [min(t, last) for t in thresholds.targets]
    # The last target at or beyond the grade is the prediction's; nobody is foretold beyond the last tested grade.
    target = pl.coalesce(*(pl.when(pl.col("grade_number") < t).then(pl.lit(t, dtype=pl.Int32)) for t in sorted(set(targets))))
    rows = rows.with_columns(target_grade=target)
    levels = model.reml.levels[STUDENT].select(
        STUDENT, u="intercept", u_sd="intercept_sd", v="time", v_sd="time_sd", uv="intercept_time_covariance"
    )
    known = rows.join(levels, on=STUDENT, how="inner", maintain_order="left")
    found = known.select(STUDENT).with_columns(_numbers(model, known, panel, cuts, thresholds))
    made = rows.join(found, on=STUDENT, how="left", maintain_order="left")
    past = (pl.col("status") == "estimated") & pl.col("target_grade").is_null()
    return _shaped(made.with_columns(status=pl.when(past).then(pl.lit("past_last_tested_grade")).otherwise("status")))


def _numbers(
    model: GrowthModel, known: pl.DataFrame, panel: pl.DataFrame, cuts: dict[int, float], thresholds: Thresholds
) -> list[pl.Series]:
    """The columns that rest on the model, one value a row of ``known``."""
    from scipy.special import ndtr

    fitted = model.reml
    assert fitted is not None
    order = {name: i for i, name in enumerate(fitted.fixed["effect"])}
    terms = [name for name in order if name in FORMS[model.form]]
    beta = fitted.fixed["estimate"].fill_null(0.0).to_numpy()
    covariance = np.nan_to_num(fitted.fixed_covariance)
    constant = next(i for name, i in order.items() if name not in FORMS[model.form])
    u, u_sd, v, v_sd, uv = (known[c].to_numpy() for c in ("u", "u_sd", "v", "v_sd", "uv"))

    def fixed_at(grade: np.ndarray) -> np.ndarray:
        time = grade - FIRST_GRADE
        shapes = {"time": time, "time_squared": time**2, "time_after_knot": np.maximum(time - (KNOT_GRADE - FIRST_GRADE), 0)}
        x = np.zeros((grade.size, beta.size))
        x[:, constant] = 1
        for name in terms:
            x[:, order[name]] = shapes[name]
        return x

    grade = known["grade_number"].to_numpy().astype(float)
    target = known["target_grade"].to_numpy().astype(float)
    x = fixed_at(np.nan_to_num(target, nan=float(FIRST_GRADE)))
    time = np.nan_to_num(target, nan=float(FIRST_GRADE)) - FIRST_GRADE
    expected = x @ beta
    step = fixed_at(grade) - fixed_at(grade - 1)
    predicted = expected + u + v * time
    of_student = u_sd**2 + time**2 * v_sd**2 + 2 * time * uv
    error = np.sqrt(np.maximum(of_student, 0) + np.einsum("ij,jk,ik->i", x, covariance, x) + fitted.residual_variance)
    by_grade = panel.group_by("grade_number").agg(pl.col("value").std()).sort("grade_number")  # else the mean's last bit is left to chance
    spread = float(by_grade["value"].drop_nulls().mean() or 1.0)  # type: ignore[arg-type]
    no_target = np.isnan(target)
    cut = np.array([cuts.get(int(t), np.nan) if not np.isnan(t) else np.nan for t in target])
    below = ndtr((cut - predicted) / error)
    relative = v / spread
    pattern = np.where(relative < -thresholds.pattern, "Declining", np.where(relative > thresholds.pattern, "Improving", "Stable"))
    at_grade_3 = fixed_at(np.array([float(FIRST_GRADE)]))
    values: dict[str, np.ndarray] = {
        "intercept": (at_grade_3 @ beta)[0] + u,
        "intercept_se": np.sqrt(u_sd**2 + (at_grade_3 @ covariance @ at_grade_3.T)[0, 0]),
        "slope": step @ beta + v,
        "slope_se": np.sqrt(v_sd**2 + np.einsum("ij,jk,ik->i", step, covariance, step)),
        "relative_slope": relative,
        "relative_slope_se": v_sd / spread,
        "predicted": np.where(no_target, np.nan, predicted),
        "predicted_low": np.where(no_target, np.nan, predicted - _95 * error),
        "predicted_high": np.where(no_target, np.nan, predicted + _95 * error),
        "expected": np.where(no_target, np.nan, expected),
        "p_below_proficiency": below,
    }
    made = [pl.Series(name, value).fill_nan(None) for name, value in values.items()]
    off = pl.Series("off_track", predicted < expected - thresholds.off_track * spread)
    risk = pl.Series("at_risk", below > thresholds.at_risk)
    missing = pl.Series(no_target)
    no_cut = pl.Series(np.isnan(below))
    return [
        *made,
        pl.Series("pattern", pattern),
        pl.select(pl.when(missing).then(None).otherwise(off).alias("off_track")).to_series(),
        pl.select(pl.when(no_cut).then(None).otherwise(risk).alias("at_risk")).to_series(),
    ]


def _shaped(rows: pl.DataFrame) -> pl.DataFrame:
    missing = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in MADE.items() if name not in rows.columns]
    return rows.with_columns(missing).select(STUDENT, *(pl.col(name).cast(dtype) for name, dtype in MADE.items()))
