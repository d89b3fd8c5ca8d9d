"""The same numbers as polars' own, and the same bits whatever the order of the rows."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from la_assets import exact_sums

VALUES = st.lists(st.none() | st.floats(-5_000, 5_000, allow_nan=False).map(lambda x: round(x, 6)), min_size=1, max_size=30)
V = pl.col("v")


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_they_are_what_polars_says(values: list[float | None]) -> None:
    frame = pl.DataFrame({"v": values, "g": [i % 2 for i in range(len(values))]}, schema={"v": pl.Float64, "g": pl.Int64})
    ours = [exact_sums.total(V), exact_sums.mean(V), exact_sums.deviation(V), exact_sums.deviation(V, ddof=0)]
    theirs = [V.sum(), V.mean(), V.std(), V.std(ddof=0)]
    for mine, other in zip(ours, theirs, strict=True):
        _close(frame.select(x=mine), frame.select(x=other))
        _close(frame.group_by("g").agg(x=mine).sort("g"), frame.group_by("g").agg(x=other).sort("g"))
    _close(frame.select(x=exact_sums.mean(V, ["g"])), frame.select(x=V.mean().over("g")))
    _close(frame.select(x=exact_sums.deviation(V, ["g"])), frame.select(x=V.std().over("g")))


def _close(ours: pl.DataFrame, theirs: pl.DataFrame) -> None:
    for mine, other in zip(ours["x"], theirs["x"], strict=True):
        assert mine == (None if other is None else pytest.approx(other, rel=1e-9, abs=1e-6))


def test_the_order_of_the_rows_leaves_no_trace() -> None:
    random = np.random.default_rng(1)
    frame = pl.DataFrame({"v": random.normal(500, 80, 50_000), "g": random.integers(0, 7, 50_000)})
    made = [exact_sums.total(V).alias("total"), exact_sums.mean(V).alias("mean"), exact_sums.deviation(V).alias("deviation")]
    results = [
        pl.concat([part.lazy() for part in frame.sample(fraction=1, shuffle=True, seed=s).iter_slices(1_000 + 37 * s)])
        .group_by("g")
        .agg(made)
        .sort("g")
        .collect()
        for s in range(5)
    ]
    assert all(other.equals(results[0]) for other in results)


def test_equal_values_have_no_deviation_and_one_value_has_none_to_tell() -> None:
    frame = pl.DataFrame({"v": [0.1, 0.1, 0.1, 7.3], "g": [1, 1, 1, 2]})
    told = frame.group_by("g").agg(exact_sums.deviation(V).alias("d"), exact_sums.deviation(V, ddof=0).alias("d0")).sort("g")
    assert told.rows() == [(1, 0.0, 0.0), (2, None, 0.0)]
    assert frame.filter(pl.col("v") > 10).select(exact_sums.mean(V), d=exact_sums.total(V)).rows() == [(None, 0.0)]
