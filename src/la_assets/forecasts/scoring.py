"""The rows of ``forecasts.candidate_predictions``: stored models applied to the features of a year; nothing is fitted here."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from la_assets.forecasts.candidates import predict
from la_assets.forecasts.design import Rows
from la_assets.forecasts.targets import AS_OF_POINTS, CANDIDATE_COLUMNS, CANDIDATES, EXPECTED, SUBJECTS

_KEPT = ("student_key", "as_of_point", "as_of", "grade_level", "school_year", "known_on", "source", "loaded_at")


def scored(features: pl.LazyFrame, models: pl.DataFrame) -> pl.LazyFrame:
    """What the models of a year say of its students: a column of predicted final scores per candidate.

    Parameters
    ----------
    features : polars.LazyFrame
        ``forecasts.features`` of the year.
    models : polars.DataFrame
        ``forecasts.models`` of the year.
    """
    return pl.concat(frame for point in AS_OF_POINTS for frame in _of_point(features, models, point))


def _of_point(features: pl.LazyFrame, models: pl.DataFrame, point: str) -> Iterator[pl.LazyFrame]:
    """A frame per subject, from features that are read once."""
    every = features.filter(pl.col("as_of_point") == point).sort("student_key").collect(engine="streaming")
    for subject in SUBJECTS:
        expected = every.filter(pl.col(EXPECTED[subject]))
        rows, frame = Rows.of(expected), expected.select(_KEPT)
        del expected  # a large district's features are held once, not twice
        stored = models.filter(pl.col("subject") == subject, pl.col("as_of_point") == point, pl.col("artifact").is_not_null())
        says = dict.fromkeys(CANDIDATES, np.full(frame.height, np.nan))
        if frame.height:
            says |= predict(stored.select("artifact", "manifest").iter_rows(), rows)
        newest = stored["loaded_at"].max() if stored.height else None
        yield frame.with_columns(
            *(pl.Series(CANDIDATE_COLUMNS[name], values).fill_nan(None) for name, values in says.items()),
            subject=pl.lit(subject),
            loaded_at=pl.max_horizontal("loaded_at", pl.lit(newest, dtype=pl.Datetime("us", "UTC"))),
        ).lazy()
