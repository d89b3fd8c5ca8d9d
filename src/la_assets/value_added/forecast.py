"""Next year's effect of a teacher, foretold from all earlier years, with weights that let old evidence fade.

Chetty, Friedman and Rockoff (2014, Measuring the Impacts of Teachers I, Am. Econ. Rev. 104): the best linear forecast from the
teacher's mean residuals of earlier years, whose covariances with the coming year are the autocovariances estimated over all
teachers, so that drift is in the weights. It reads no year but earlier ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

FEWEST_PAIRS = 20
"""Teachers seen at a distance of k years below which the autocovariance of the longest shorter distance stands in for it."""

STATUSES = ("estimated", "no_earlier_years", "too_few_teachers", "no_variance")
MADE = {
    "staff_key": pl.String,
    "subject": pl.String,
    "effect": pl.Float64,
    "standard_error": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "reliability": pl.Float64,
    "years_used": pl.Int32,
    "last_year_used": pl.String,
    "status": pl.String,
}


def autocovariances(residuals: np.ndarray, errors: np.ndarray) -> np.ndarray | None:
    """Autocovariances of teachers' effects by distance in years.

    Parameters
    ----------
    residuals, errors : numpy.ndarray, shape (teachers, years)
        Mean residual of each teacher and consecutive year, and its sampling error; NaN where the teacher has none.

    Returns
    -------
    numpy.ndarray, shape (years + 1,), or None
        At distance 0 the variance without sampling error; to distance ``years``, which the forecast needs. None where no distance has
        ``FEWEST_PAIRS`` pairs of a teacher's years, or the variance is not above zero.
    """
    seen = np.isfinite(residuals)
    squared = np.where(seen, errors, 0.0) ** 2
    # Teachers of a student or two are nearly all noise: unweighted, they alone would decide on the variance.
    weights = np.where(seen, 1 / (squared + np.median(squared[seen])), 0.0)
    values = np.where(seen, residuals, 0.0)
    means = (weights * values).sum(axis=0) / np.maximum(weights.sum(axis=0), np.finfo(float).tiny)
    centred = np.where(seen, values - means, 0.0)
    variance = float((weights * (centred**2 - squared)).sum() / weights.sum())
    found: dict[int, float] = {}
    for distance in range(1, residuals.shape[1]):
        pairs = int((seen[:, distance:] & seen[:, :-distance]).sum())
        if pairs >= FEWEST_PAIRS:
            both = np.sqrt(weights[:, distance:] * weights[:, :-distance])
            found[distance] = float((both * centred[:, distance:] * centred[:, :-distance]).sum() / both.sum())
    if variance <= 0 or not found:
        return None
    shorter = [max((d for d in found if d <= distance), default=min(found)) for distance in range(1, residuals.shape[1] + 1)]
    return np.clip(np.array([variance, *(found[d] for d in shorter)]), 0.0, variance)


def forecasts(effects: pl.DataFrame, teachers: pl.DataFrame, years: Sequence[str], subject: str) -> pl.DataFrame:
    """Forecasts of one subject for the year after ``years``.

    Parameters
    ----------
    effects : polars.DataFrame
        ``value_added.teacher_effects`` of earlier years: published mean residuals and their errors.
    teachers : polars.DataFrame
        ``staff_key`` of those who are to have a forecast.
    years : sequence of str
        The earlier years without a gap, oldest first; the forecast is for the year after the last.
    subject : str

    Returns
    -------
    polars.DataFrame
        Columns of ``MADE``. A teacher never seen before has no forecast, and a row that says so.
    """
    known = effects.filter((pl.col("subject") == subject) & (pl.col("status") == "estimated")).sort("staff_key", "school_year")
    expected = teachers.select("staff_key").unique().sort("staff_key")
    keys = known["staff_key"].unique(maintain_order=True)
    grid = {"residual": np.full((keys.len(), len(years)), np.nan), "error": np.full((keys.len(), len(years)), np.nan)}
    at = {key: i for i, key in enumerate(keys)}
    rows, columns = [at[k] for k in known["staff_key"]], [list(years).index(y) for y in known["school_year"]]
    grid["residual"][rows, columns] = known["mean_residual"].to_numpy()
    grid["error"][rows, columns] = known["mean_residual_error"].to_numpy()
    covariances = autocovariances(grid["residual"], grid["error"]) if known.height else None
    if covariances is None:
        status = "no_earlier_years" if known.is_empty() else "too_few_teachers"
        seen = pl.col("staff_key").is_in(keys.to_list())
        return _shaped(expected.with_columns(status=pl.when(seen).then(pl.lit(status)).otherwise(pl.lit("no_earlier_years"))), subject)
    made = [_forecast(key, grid["residual"][i], grid["error"][i], covariances, years) for key, i in at.items()]
    found = pl.DataFrame(
        made,
        schema={
            name: MADE[name] for name in ("staff_key", "effect", "standard_error", "reliability", "years_used", "last_year_used", "status")
        },
    )
    joined = expected.join(found, on="staff_key", how="left").with_columns(pl.col("status").fill_null("no_earlier_years"))
    return _shaped(joined, subject)


def _forecast(key: str, residual: np.ndarray, error: np.ndarray, covariances: np.ndarray, years: Sequence[str]) -> dict[str, object]:
    """The best linear forecast of one teacher: weights that solve (signal + noise) w = covariance with the coming year."""
    seen = np.flatnonzero(np.isfinite(residual))
    apart = np.abs(seen[:, None] - seen[None, :])
    signal = covariances[apart]
    least = float(np.linalg.eigvalsh(signal)[0])
    # Estimated autocovariances need not be those of any process; a little more variance of the year's own makes them so.
    signal = signal + np.eye(seen.size) * max(0.0, -least)
    with_next = covariances[len(years) - seen]
    weights = np.linalg.solve(signal + np.diag(error[seen] ** 2), with_next)
    explained = float(min(weights @ with_next, covariances[0]))
    return {
        "staff_key": key,
        "effect": float(weights @ residual[seen]),
        "standard_error": float(np.sqrt(covariances[0] - explained)),
        "reliability": explained / float(covariances[0]),
        "years_used": seen.size,
        "last_year_used": years[seen[-1]],
        "status": "estimated",
    }


def _shaped(rows: pl.DataFrame, subject: str) -> pl.DataFrame:
    missing = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in MADE.items() if name not in rows.columns]
    half = 1.959963984540054 * pl.col("standard_error")
    return (
        rows.with_columns(missing)
        .with_columns(subject=pl.lit(subject), ci_low=pl.col("effect") - half, ci_high=pl.col("effect") + half)
        .with_columns(pl.col("years_used").fill_null(0))
        .select(*MADE)
    )
