"""From a fitted model and rows to probabilities, levels and reasons; and one row at a time for a service.

Everything comes from the stored model: the same row gives the same bits today and next year, alone or among others.
Rows are never dropped; one without a probability says why in ``status``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl

from la_assets.early_warning import boosting
from la_assets.early_warning.design_matrix import by_feature
from la_assets.early_warning.fitted_model import FittedModel
from la_assets.early_warning.model_definition import ModelDefinition
from la_assets.early_warning.reasons import REASON, Phrase, importance, strongest

SCORE_COLUMNS: Mapping[str, Any] = {
    "probability": pl.Float64,  # published; null without a model
    "level": pl.String,
    "margin": pl.Float64,  # log odds before calibration, of the chosen candidate
    "base_margin": pl.Float64,  # margin of nobody in particular; it and the parts of the features add up to the margin
    "probability_xgboost": pl.Float64,  # null where no trees were grown
    "probability_logistic": pl.Float64,
    "probability_rules": pl.Float64,
    "probability_school": pl.Float64,
    "rule_flags": pl.Int32,
    "reasons": pl.List(pl.Struct(REASON)),
    "model_version": pl.String,
    "status": pl.String,
}
SCORE_STATUSES = ("scored", "no_model", "known_too_late")
"""``known_too_late``: the features were known only after the snapshot; such a row gets no probability."""


def score(
    model: FittedModel, frame: pl.DataFrame, definition: ModelDefinition, phrases: Mapping[str, Phrase], *, most_reasons: int = 5
) -> pl.DataFrame:
    """The frame's own columns, in its order, and ``SCORE_COLUMNS``.

    Parameters
    ----------
    model : FittedModel
        From :func:`la_assets.early_warning.training.train` or a stored row.
    frame : polars.DataFrame
        The feature columns, and ``known_on`` and the snapshot's date if the definition names them and the frame has them.
    definition : ModelDefinition
        Thresholds and rule flags.
    phrases : mapping
        Words of the reasons.
    most_reasons : int
        Reasons a row; 0 is fastest.
    """
    flags = frame.select(definition.flag_count().alias("rule_flags")).to_series() if frame.height else pl.Series("rule_flags", [], pl.Int32)
    if not model.scores:
        return _columns(frame, {"rule_flags": flags}, model, "no_model")
    matrix = model.design.matrix(frame)
    margins = _margins(model, matrix)
    assert model.chosen is not None
    assert model.baselines is not None
    published = {name: model.calibrations[name](margin) for name, margin in margins.items()}
    parts, base = parts_of(model, matrix) if most_reasons else (None, None)
    known = frame.with_columns(flags)
    values = {
        "probability": pl.Series(published[model.chosen]),
        "margin": pl.Series(margins[model.chosen]),
        "base_margin": None if base is None else pl.Series(base),
        "probability_xgboost": pl.Series(published["xgboost"]) if "xgboost" in published else None,
        "probability_logistic": pl.Series(published["logistic"]),
        "probability_rules": known.select(model.baselines.rules(pl.col("rule_flags"))).to_series(),
        "probability_school": _by_school(model, frame, definition),
        "rule_flags": flags,
        "reasons": None
        if parts is None
        else strongest(parts, frame, model.design.features, reference=model.reference, phrases=phrases, most=most_reasons),
    }
    scored = _columns(frame, values, model, "scored").with_columns(definition.level(pl.col("probability")).alias("level"))
    return _refuse_late(scored, definition)


def parts_of(model: FittedModel, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Parts of the chosen candidate's margin: per feature, shape (rows, features), and the base, shape (rows,)."""
    if model.chosen == "xgboost":
        assert model.booster is not None
        columns = boosting.contributions(boosting.from_text(model.booster, threads=0), matrix)
    else:
        assert model.logistic is not None
        columns = model.logistic.contributions(matrix)
    return by_feature(columns[:, :-1], model.design.parents, len(model.design.features)), columns[:, -1].copy()


def feature_importance(model: FittedModel, frame: pl.DataFrame, *, rows: int = 5000) -> pl.DataFrame:
    """Mean absolute part of each feature over the frame's rows (evenly spaced ones if there are more than ``rows``)."""
    if not model.scores:
        return importance(np.empty((0, 0)), ())
    some = frame.gather_every(max(1, frame.height // rows))
    return importance(parts_of(model, model.design.matrix(some))[0], model.design.features)


class RowScorer:
    """One row at a time: the probability that :func:`score` gives, to the last bit, without frames.

    Parameters
    ----------
    model : FittedModel
        One that scores.

    Raises
    ------
    ValueError
        If the model gives no probabilities.
    """

    def __init__(self, model: FittedModel) -> None:
        if not model.scores or model.chosen is None:
            raise ValueError(f"the {model.target} model for {model.scored_year} gives no probabilities: {model.status}")
        self._design, self._curve = model.design, model.calibrations[model.chosen]
        self._margin = _margin_of_rows(model, model.chosen, threads=1)

    def __call__(self, row: Mapping[str, Any]) -> float:
        """Probability of a row given as feature to value; a feature that the mapping lacks is not known."""
        return float(self._curve(self._margin(self._design.row(row)))[0])


def _margins(model: FittedModel, matrix: np.ndarray) -> dict[str, np.ndarray]:
    names = ["logistic"] + (["xgboost"] if model.booster else [])
    return {name: _margin_of_rows(model, name, threads=0)(matrix) for name in names}


def _margin_of_rows(model: FittedModel, candidate: str, threads: int) -> Callable[[np.ndarray], np.ndarray]:
    if candidate == "xgboost":
        assert model.booster is not None
        booster = boosting.from_text(model.booster, threads)
        return lambda matrix: boosting.margins(booster, matrix)
    assert model.logistic is not None
    return model.logistic.margins


def _by_school(model: FittedModel, frame: pl.DataFrame, definition: ModelDefinition) -> pl.Series:
    assert model.baselines is not None
    if definition.school is None:
        return pl.Series([model.baselines.rate]).new_from_index(0, frame.height)
    return frame.select(model.baselines.school(pl.col(definition.school)).alias("school")).to_series()


def _columns(frame: pl.DataFrame, values: Mapping[str, pl.Series | None], model: FittedModel, status: str) -> pl.DataFrame:
    """The frame with all score columns; those without values are null."""
    own = frame.drop([c for c in SCORE_COLUMNS if c in frame.columns])
    text = {"model_version": model.version if model.scores else None, "status": status}
    out = []
    for name, dtype in SCORE_COLUMNS.items():
        given = values.get(name)
        if given is not None:
            out.append(given.cast(dtype).alias(name))
        elif name in text:
            out.append(pl.Series(name, [text[name]], dtype).new_from_index(0, frame.height))
        else:
            out.append(pl.Series(name, [None], dtype).new_from_index(0, frame.height))
    return own.hstack(out)


def _refuse_late(scored: pl.DataFrame, definition: ModelDefinition) -> pl.DataFrame:
    """Rows whose features were known only after the snapshot lose what was computed from them."""
    known_on, as_of = definition.known_on, definition.as_of
    if known_on is None or as_of is None or not {known_on, as_of} <= set(scored.columns):
        return scored
    late = (pl.col(known_on) > pl.col(as_of)).fill_null(True)
    gone = [c for c in SCORE_COLUMNS if c not in ("status", "model_version")]
    return scored.with_columns(
        *(pl.when(~late).then(pl.col(c)).alias(c) for c in gone),
        pl.when(late).then(pl.lit("known_too_late")).otherwise("status").alias("status"),
    )
