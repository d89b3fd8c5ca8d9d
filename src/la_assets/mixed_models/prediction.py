"""Predictions of a fitted model for rows of a frame.

Fixed effects times columns, and the BLUPs of the rows' levels. Nothing is estimated; spread is not given here.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from la_assets.mixed_models.design import fixed_columns, formula_variables
from la_assets.mixed_models.random_terms import INTERCEPT
from la_assets.mixed_models.result import MixedModelFit


def predicted(found: MixedModelFit, frame: pl.DataFrame, *, with_levels: bool = True) -> pl.DataFrame:
    """See ``MixedModelFit.predict``."""
    nothing = pl.DataFrame(
        {"prediction": [None] * frame.height, "known_levels": [0] * frame.height},
        schema={"prediction": pl.Float64, "known_levels": pl.Int32},
    )
    if not found.usable:
        return nothing
    _, variables = formula_variables(found.formula)
    given = frame.with_row_index("_row").filter(pl.all_horizontal(pl.lit(True), *(pl.col(name).is_not_null() for name in variables)))
    _, columns = fixed_columns(found.formula, found.details.get("categories", given), given)
    beta = found.fixed["estimate"].fill_null(0.0).to_numpy()
    total = columns @ beta
    known = np.zeros(given.height, dtype=np.int32)
    for term in found.terms if with_levels else ():
        level = given.select(term.group).join(found.levels[term.group], on=term.group, how="left", maintain_order="left")
        known += level["n"].is_not_null().to_numpy()
        for name in term.names:
            values = level[name].fill_null(0.0).to_numpy()
            total = total + (values if name == INTERCEPT else values * given[name].cast(pl.Float64).to_numpy())
    made = given.select("_row").with_columns(prediction=pl.Series(total), known_levels=pl.Series(known))
    return (
        frame.select(pl.int_range(pl.len(), dtype=pl.get_index_type()).alias("_row"))
        .join(made, on="_row", how="left", maintain_order="left")
        .select(pl.col("prediction").fill_nan(None), pl.col("known_levels").fill_null(0))
    )
