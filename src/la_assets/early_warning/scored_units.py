"""A fitted model as a row with its account, and the rows of a year scored with it.

A scored row has probability, interval, level, reasons and recommendations; without a model it is there all the same, and says so.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import numpy as np
import polars as pl

from la_assets.early_warning.fitted_model import MODEL_ROW, FittedModel
from la_assets.early_warning.model_definition import AUDIT
from la_assets.early_warning.phrases import PHRASES
from la_assets.early_warning.recommendations import RecommendationRules, recommendations
from la_assets.early_warning.scoring import SCORE_COLUMNS, score
from la_assets.early_warning.targets import Target

_UNIT = ["student_key", "section_id", "snapshot", "as_of_date", "school_id", "grade_level", "school_year", "known_on", "source"]


def model_row(
    model: FittedModel, learned: pl.DataFrame, target: str, school_year: str, *, as_of: dt.date, account: Mapping[str, int]
) -> pl.DataFrame:
    """One row of ``<family>_model``.

    Parameters
    ----------
    learned : polars.DataFrame
        Rows it was trained on; their newest ``loaded_at`` is the model's.
    account : mapping
        Of :func:`la_assets.early_warning.labelled_units.training_rows`.
    """
    loaded = learned["loaded_at"].max() if learned.height else dt.datetime.combine(as_of, dt.time(), dt.UTC)
    row = pl.DataFrame([model.to_row()], schema=MODEL_ROW)
    return row.with_columns(
        pl.lit(target).alias("target"),
        pl.lit(school_year).alias("scored_year"),
        pl.lit(as_of).alias("as_of_date"),
        *(pl.lit(value, pl.Int32).alias(name) for name, value in account.items()),
        pl.lit(school_year).alias("school_year"),
        pl.lit(as_of).alias("known_on"),
        pl.lit("early_warning").alias("source"),
        pl.lit(loaded, pl.Datetime("us", "UTC")).alias("loaded_at"),
    )


def scored(model: FittedModel | None, units: pl.DataFrame, target: Target, rules: RecommendationRules) -> pl.DataFrame:
    """The rows with their scores; without a model the same rows, with the status ``no_model`` and no number.

    Parameters
    ----------
    units : polars.DataFrame
        Of :func:`la_assets.early_warning.labelled_units.units`, one year.

    Returns
    -------
    polars.DataFrame
        Columns of ``<family>_scores``, and the audit columns for the pictures.
    """
    beside = units.select(*_UNIT, *AUDIT, "loaded_at", recommendations(rules), pl.lit(target.name).alias("target"))
    if model is None or not model.scores or units.is_empty():
        nothing = [pl.lit(None, dtype).alias(name) for name, dtype in SCORE_COLUMNS.items() if name not in ("model_version", "status")]
        version = pl.lit(model.version if model else None, pl.String).alias("model_version")
        no_interval = [pl.lit(None, pl.Float64).alias(name) for name in ("probability_low", "probability_high")]
        return beside.with_columns(*nothing, *no_interval, version, pl.lit("no_model").alias("status")).select(_columns(beside))
    made = _with_reasons(model, units, target)
    return pl.concat([beside, made.select(*SCORE_COLUMNS)], how="horizontal").with_columns(interval(model)).select(_columns(beside))


def _with_reasons(model: FittedModel, units: pl.DataFrame, target: Target) -> pl.DataFrame:
    """The scores; reasons (the costly part) only for rows whose probability asks for them."""
    if not target.reasons_from:
        return score(model, units, target.definition, PHRASES)
    plain = score(model, units, target.definition, PHRASES, most_reasons=0)
    asks = plain["probability"].fill_null(0) >= target.reasons_from
    told = score(model, units.filter(asks), target.definition, PHRASES).select(*SCORE_COLUMNS)
    silent = plain.filter(~asks).select(*SCORE_COLUMNS)
    order = pl.concat([asks.arg_true(), (~asks).arg_true()]).alias("__order")
    return pl.concat([told, silent]).with_columns(order).sort("__order").drop("__order")


def interval(model: FittedModel) -> list[pl.Expr]:
    """``probability_low`` and ``probability_high``: how far the risk of students like this one is known.

    The range of the published probability and the two calibrated models (which see the same rows differently), widened on the log
    odds by twice the sampling error of the rate learned from, ``1 / sqrt(positives)``. It is of the risk, not of the outcome,
    which is yes or no; how well it holds is for the calibration in the evaluation to say.
    """
    error = 2.0 / max(float(model.manifest["n_positives"]), 1.0) ** 0.5
    every = ["probability", "probability_xgboost", "probability_logistic"]
    known = pl.col("probability").is_not_null()

    def moved(p: pl.Expr, by: float) -> pl.Expr:
        return p / (p + (1 - p) * float(np.exp(-by)))

    low, high = pl.min_horizontal(every), pl.max_horizontal(every)
    return [
        pl.when(known).then(moved(low, -error)).alias("probability_low"),
        pl.when(known).then(moved(high, error)).alias("probability_high"),
    ]


def _columns(beside: pl.DataFrame) -> list[str]:
    return [*beside.columns, *SCORE_COLUMNS, "probability_low", "probability_high"]
