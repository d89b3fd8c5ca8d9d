"""How good forecasts of teachers' effects were, once the year they were made for is over, against simpler ways to say the same.

The true effect of the year is never seen: only the students' mean residual, which is the effect and sampling noise of a known size. Of
the squared miss that noise is taken off, so a forecast is not blamed for it. The slope of what came on what was foretold is 1 for a
forecast without bias (Chetty, Friedman and Rockoff 2014, Am. Econ. Rev. 104, section IV). All ways are judged on the same teachers:
those with a forecast, with an effect in the year before, and with one in the year.
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl

FEWEST_TEACHERS = 10
WAYS = ("drift", "last_year", "pooled", "zero")
"""``drift``: the published forecast; ``last_year``: the effect of the year before; ``pooled``: that of the three years before;
``zero``: every teacher is the average."""
STATUSES = ("estimated", "no_forecasts", "no_outcomes", "too_few_teachers")
_Z = 1.959963984540054

MADE = {
    "subject": pl.String,
    "forecast_by": pl.String,
    "teachers": pl.Int32,
    "correlation": pl.Float64,
    "correlation_low": pl.Float64,
    "correlation_high": pl.Float64,
    "slope": pl.Float64,
    "slope_error": pl.Float64,
    "squared_miss": pl.Float64,
    "squared_miss_error": pl.Float64,
    "coverage": pl.Float64,
    "coverage_low": pl.Float64,
    "coverage_high": pl.Float64,
    "status": pl.String,
}


def evaluations(forecasts: pl.DataFrame, outcomes: pl.DataFrame, before: pl.DataFrame, pooled: pl.DataFrame, subject: str) -> pl.DataFrame:
    """Judge the forecasts of one subject and year.

    Parameters
    ----------
    forecasts : polars.DataFrame
        ``value_added.forecast`` of the year.
    outcomes : polars.DataFrame
        ``value_added.teacher_effects`` of the year.
    before, pooled : polars.DataFrame
        ``value_added.teacher_effects`` and ``value_added.teacher_effects_pooled`` of the year before.
    subject : str

    Returns
    -------
    polars.DataFrame
        Columns of ``MADE``, a row per way of ``WAYS``. ``squared_miss``: mean squared miss less the noise of the outcome, SD squared; may
        fall below 0 by chance. ``coverage``: share of outcomes within the forecast's 95 % interval, noise allowed for, with
        Wilson's interval; of ``drift`` only.
    """
    told = forecasts.filter((pl.col("subject") == subject) & pl.col("effect").is_not_null())
    came = outcomes.filter((pl.col("subject") == subject) & pl.col("mean_residual").is_not_null() & (pl.col("mean_residual_error") > 0))
    pairs = (
        told.select("staff_key", drift="effect", error="standard_error")
        .join(came.select("staff_key", came="mean_residual", noise="mean_residual_error"), on="staff_key")
        .join(_effects(before, subject, "last_year"), on="staff_key")
        .join(_effects(pooled, subject, "pooled"), on="staff_key", how="left")
        .with_columns(zero=pl.lit(0.0))
        .sort("staff_key")
    )
    why = "no_forecasts" if told.is_empty() else "no_outcomes" if came.is_empty() else "too_few_teachers"
    made = [
        {"subject": subject, "forecast_by": way, "teachers": pairs[way].count()}
        | (_judged(pairs.drop_nulls(way), way) if pairs[way].count() >= FEWEST_TEACHERS else {"status": why})
        for way in WAYS
    ]
    return pl.DataFrame(made, schema=MADE)


def _effects(rows: pl.DataFrame, subject: str, name: str) -> pl.DataFrame:
    return rows.filter((pl.col("subject") == subject) & pl.col("effect").is_not_null()).select("staff_key", pl.col("effect").alias(name))


def _judged(pairs: pl.DataFrame, way: str) -> dict[str, object]:
    told, came, noise = (pairs[name].to_numpy() for name in (way, "came", "noise"))
    miss = (came - told) ** 2 - noise**2
    # As in the forecast itself: a teacher of a student or two is nearly all noise and does not decide alone.
    weight = 1 / (noise**2 + np.median(noise) ** 2)
    weight = weight / weight.sum()
    mean = float(weight @ miss)
    made: dict[str, object] = {
        "squared_miss": mean,
        "squared_miss_error": math.sqrt(float(weight**2 @ (miss - mean) ** 2) * len(miss) / (len(miss) - 1)),
        "status": "estimated",
    }
    if np.ptp(told) > 0 and np.ptp(came) > 0:
        made |= _agreement(told, came, weight)
    if way == "drift":
        inside = np.abs(came - told) <= _Z * np.sqrt(pairs["error"].to_numpy() ** 2 + noise**2)
        made |= _share(int(inside.sum()), len(inside))
    return made


def _agreement(told: np.ndarray, came: np.ndarray, weight: np.ndarray) -> dict[str, float]:
    """Weighted correlation with its interval by Fisher's z, and the slope with an error that allows for unequal noise (HC1)."""
    x, y = told - weight @ told, came - weight @ came
    sxx, sxy, syy = float(weight @ x**2), float(weight @ (x * y)), float(weight @ y**2)
    r, slope = sxy / math.sqrt(sxx * syy), sxy / sxx
    n = 1 / float(weight @ weight)  # as many teachers of equal weight tell as much (Kish)
    z, width = math.atanh(max(min(r, 1 - 1e-12), -1 + 1e-12)), _Z / math.sqrt(max(n - 3, 1.0))
    error = math.sqrt(float(weight**2 @ (x * (y - slope * x)) ** 2) * len(x) / (len(x) - 2)) / sxx
    return {
        "correlation": r,
        "correlation_low": math.tanh(z - width),
        "correlation_high": math.tanh(z + width),
        "slope": slope,
        "slope_error": error,
    }


def _share(inside: int, n: int) -> dict[str, float]:
    """A share with Wilson's interval (Wilson 1927, J. Am. Stat. Assoc. 22)."""
    share = inside / n
    middle, width = share + _Z**2 / (2 * n), _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    low, high = (middle - width) / (1 + _Z**2 / n), (middle + width) / (1 + _Z**2 / n)
    return {"coverage": share, "coverage_low": min(max(low, 0.0), share), "coverage_high": max(min(high, 1.0), share)}
