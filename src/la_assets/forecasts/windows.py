"""As-of dates: when a progress window counts as closed, so that a forecast may be made.

A window closes with the last result that comes within a fixed number of days of the median result: one make-up test in March
does not turn a forecast of October into one of March, or move it at all.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from la_assets.forecasts.targets import AS_OF_POINTS, PROGRESS_SUBJECTS


def progress_results(scores: pl.LazyFrame, progress_assessment: str) -> pl.LazyFrame:
    """Official progress scores (all windows but the final one) of the subjects that have them."""
    windows = sorted({window for windows in AS_OF_POINTS.values() for window in windows})
    return scores.filter(
        pl.col("assessment_id") == progress_assessment,
        pl.col("subject").is_in(list(PROGRESS_SUBJECTS)),
        pl.col("window").is_in(windows),
        pl.col("is_official"),
        pl.col("scale_score").is_finite(),
    )


def as_of_dates(progress: pl.LazyFrame, window_days: int) -> dict[str, dt.date]:
    """As-of point to its date in a school year; a point whose window was not held is absent.

    Parameters
    ----------
    progress : polars.LazyFrame
        :func:`progress_results` of one school year.
    window_days : int
        Days after the median result after which a result is late and closes nothing.
    """
    known = pl.col("known_on")
    median = known.sort().get(pl.len() // 2)
    in_time = known.filter(known <= median + dt.timedelta(days=window_days))
    closes = dict(progress.group_by("window").agg(in_time.max()).collect(engine="streaming").iter_rows())
    return {point: closes[windows[-1]] for point, windows in AS_OF_POINTS.items() if windows[-1] in closes}
