"""Predictions of a fitted model for rows of a frame.

Fixed effects times columns, and the BLUPs of the rows' levels. Nothing is estimated; spread is not given here.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from la_assets.mixed_models.design import fixed_columns, formula_variables
from la_assets.mixed_models.random_terms import INTERCEPT, RandomTerm
from la_assets.mixed_models.result import MixedModelFit

_ROW = "_row"


def predicted(found: MixedModelFit, frame: pl.DataFrame, *, with_levels: bool = True) -> pl.DataFrame:
    """See ``MixedModelFit.predict``."""
    rows = frame.with_row_index(_ROW)
    if found.usable:
        made = _predicted(found, rows, found.terms if with_levels else ())
    else:
        made = pl.DataFrame(schema={_ROW: rows.schema[_ROW], "prediction": pl.Float64, "known_levels": pl.Int32})
    both = rows.select(_ROW).join(made, on=_ROW, how="left", maintain_order="left")
    return both.select("prediction", pl.col("known_levels").fill_null(0))


def _predicted(found: MixedModelFit, rows: pl.DataFrame, terms: tuple[RandomTerm, ...]) -> pl.DataFrame:
    """Row, prediction and known levels of the rows that have every column."""
    _, variables = formula_variables(found.formula)
    effects = [name for term in terms for name in term.names if name != INTERCEPT]
    needed = list(dict.fromkeys([*variables, *effects]))
    floats = [name for name in needed if rows.schema[name].is_float()]
    given = rows.filter(pl.lit(True), *(pl.col(name).is_not_null() for name in needed), *(pl.col(name).is_finite() for name in floats))
    known = np.zeros(given.height, dtype=np.int32)
    total = np.zeros(given.height)
    if given.height:
        _, columns, _ = fixed_columns(found.formula, given, found.spec)
        total = columns @ found.fixed["estimate"].fill_null(0.0).to_numpy()
    for term in terms:
        level = given.select(term.group).join(found.levels[term.group], on=term.group, how="left", maintain_order="left")
        known += level["n"].is_not_null().to_numpy()
        for name in term.names:
            values = level[name].fill_null(0.0).to_numpy()
            total = total + (values if name == INTERCEPT else values * given[name].cast(pl.Float64).to_numpy())
    return given.select(_ROW).with_columns(prediction=pl.Series(total, dtype=pl.Float64), known_levels=pl.Series(known, dtype=pl.Int32))
