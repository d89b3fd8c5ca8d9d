"""The rows of ``forecasts.candidate_predictions``: stored models applied to the features of a year; nothing is fitted here."""

from __future__ import annotations

import numpy as np
import polars as pl

from la_assets.forecasts.candidates import predict
from la_assets.forecasts.design import Rows
from la_assets.forecasts.targets import AS_OF_POINTS, CANDIDATE_COLUMNS, CANDIDATES, EXPECTED, SUBJECTS


def scored(features: pl.LazyFrame, models: pl.DataFrame) -> pl.LazyFrame:
    """What the models of a year say of its students: a column of predicted final scores per candidate.

    Parameters
    ----------
    features : polars.LazyFrame
        ``forecasts.features`` of the year.
    models : polars.DataFrame
        ``forecasts.models`` of the year.
    """
    keep = ("student_key", "as_of_point", "as_of", "grade_level", "school_year", "known_on", "source", "loaded_at")
    frames = []
    for subject in SUBJECTS:
        for point in AS_OF_POINTS:
            frame = (
                features.filter(pl.col("as_of_point") == point, pl.col(EXPECTED[subject])).sort("student_key").collect(engine="streaming")
            )
            rows = Rows.of(frame)
            stored = models.filter(pl.col("subject") == subject, pl.col("as_of_point") == point, pl.col("artifact").is_not_null())
            says = dict.fromkeys(CANDIDATES, np.full(frame.height, np.nan))
            if frame.height:
                says |= {m["candidate"]: predict(m["artifact"], m["manifest"], rows) for m in stored.iter_rows(named=True)}
            newest = stored["loaded_at"].max() if stored.height else None
            frames.append(
                frame.select(keep)
                .with_columns(
                    *(pl.Series(CANDIDATE_COLUMNS[name], values).fill_nan(None) for name, values in says.items()),
                    subject=pl.lit(subject),
                    loaded_at=pl.max_horizontal("loaded_at", pl.lit(newest, dtype=pl.Datetime("us", "UTC"))),
                )
                .lazy()
            )
    return pl.concat(frames)
