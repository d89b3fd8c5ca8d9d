"""Over random designs the native engine's minimum is a minimum, and its numbers are those of the definition.

The definition is written out in ``dense_criterion.py``. Designs are unbalanced, with singletons, near-singular variances, collinear
covariates, string ids, unsorted rows, weights, REML and ML; none may crash.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from la_assets.mixed_models import STATUSES, MixedModelFit, RandomTerm, fit
from la_assets.mixed_models.intervals import term_covariance
from tests.la_assets.mixed_models.dense_criterion import Dense, indicator

FEW = settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@dataclass(frozen=True)
class Drawn:
    """A random model and its rows."""

    frame: pl.DataFrame
    terms: tuple[RandomTerm, ...]
    method: str
    weights: str | None
    formula: str = "y ~ x + copy"

    def fit(self, frame: pl.DataFrame | None = None) -> MixedModelFit:
        return fit(self.formula, self.frame if frame is None else frame, self.terms, method=self.method, weights=self.weights)  # type: ignore[arg-type]


@st.composite
def models(draw: st.DrawFn) -> Drawn:
    random = np.random.default_rng(draw(st.integers(0, 2**31)))
    n = draw(st.sampled_from([6, 12, 30, 50, 70]))
    time = random.integers(0, 5, n).astype(float)
    # skewed level sizes: many singletons
    one = np.minimum((random.exponential(1.0, n) * draw(st.integers(3, 12))).astype(int), n)
    two = one // 3 if draw(st.booleans()) else random.integers(0, draw(st.integers(2, 8)), n)
    effects = draw(st.sampled_from(["1", "1", "1 + time", "0 + time", "1 + time + time_squared"]))
    terms = [RandomTerm("one", effects)]
    if draw(st.sampled_from([True, True, False])):
        terms.append(RandomTerm("two", draw(st.sampled_from(["1", "1", "1 + time"]))))
    sd = draw(st.sampled_from([0.0, 0.05, 1.0, 20.0]))
    x = random.normal(size=n)
    y = (
        5
        + x
        + draw(st.sampled_from([0.0, 0.5, 2.0])) * random.normal(size=n + 9)[two]
        + sd * random.normal(size=n + 1)[one]
        + 0.3 * sd * random.normal(size=n + 1)[one] * time
        + random.normal(size=n)
    )
    frame = pl.DataFrame(
        {"one": one, "two": two, "time": time, "time_squared": time**2, "x": x, "copy": 2 * x - 1, "y": y, "w": random.uniform(0.2, 3, n)}
    )
    if draw(st.booleans()):
        frame = frame.with_columns(one=pl.concat_str(pl.lit("id "), pl.col("one").cast(pl.String)))
    return Drawn(frame, tuple(terms), draw(st.sampled_from(["REML", "ML"])), draw(st.sampled_from([None, "w"])))


def dense(model: Drawn) -> Dense:
    matrices = []
    for term in model.terms:
        columns = np.column_stack(
            [np.ones(model.frame.height) if name == "intercept" else model.frame[name].to_numpy() for name in term.names]
        )
        levels = model.frame[term.group].unique().sort().to_list()
        matrices.append(indicator(np.array([levels.index(value) for value in model.frame[term.group]]), columns))
    weights = model.frame[model.weights].to_numpy() if model.weights else np.ones(model.frame.height)
    x = np.column_stack([np.ones(model.frame.height), model.frame["x"].to_numpy()])
    return Dense(model.frame["y"].to_numpy(), x, matrices, weights)


@FEW
@given(models())
def test_a_fit_is_a_minimum_of_the_written_out_criterion(model: Drawn) -> None:
    found = model.fit()
    assert found.status in STATUSES
    assert found.n == model.frame.height
    if not found.usable:
        assert found.fixed["estimate"].null_count() == found.fixed.height
        assert found.variance_components["value"].null_count() == found.variance_components.height
        assert all(levels.height == 0 for levels in found.levels.values())
        return
    assert found.fixed["estimate"].null_count() == 1, "x determines its copy"
    assume(found.residual_variance > 1e-3)  # below, the written-out inverse loses its digits
    written, reml = dense(model), model.method == "REML"
    covariances = [term_covariance(found, term.group) for term in model.terms]
    expected = written.fit(covariances, found.residual_variance, reml)
    # units of x change the restricted likelihood by a constant that both sides share: the same columns are estimated
    assert found.log_likelihood == pytest.approx(expected["log_likelihood"], abs=1e-5, rel=1e-7)
    assert found.fixed["estimate"].to_list()[:2] == pytest.approx(expected["beta"], rel=1e-5, abs=1e-6)
    assert found.fixed["standard_error"].to_list()[:2] == pytest.approx(np.sqrt(np.diag(expected["spread"])), rel=1e-5)
    for k, term in enumerate(model.terms):
        levels = found.levels[term.group]
        assert np.allclose(levels.select(term.names).to_numpy().ravel(), expected[f"blups {k}"], rtol=1e-4, atol=1e-5)
        sds = levels.select(f"{name}_sd" for name in term.names).to_numpy().ravel()
        assert np.allclose(sds, expected[f"sds {k}"], rtol=1e-4, atol=1e-4 * np.sqrt(found.residual_variance))
    random = np.random.default_rng(1)
    for size in (1e-3, 0.02):
        for _ in range(4):
            moved = [root @ root.T for root in (_moved(covariance, size, random) for covariance in covariances)]
            residual = found.residual_variance * np.exp(size * random.normal())
            assert written.fit(moved, residual, reml)["log_likelihood"] <= found.log_likelihood + 1e-6


def _moved(covariance: np.ndarray, size: float, random: np.random.Generator) -> np.ndarray:
    """A root of the covariance, moved a little in every direction."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    return root + size * (np.abs(root).max() + 0.1) * random.normal(size=root.shape)


@FEW
@given(models(), st.integers(0, 1000))
def test_order_of_rows_names_of_levels_and_units_change_nothing(model: Drawn, seed: int) -> None:
    found = model.fit()
    other = model.frame.sample(fraction=1.0, shuffle=True, seed=seed).with_columns(
        one=pl.concat_str(pl.lit("z"), pl.col("one").cast(pl.String)),
        y=1000 + 50 * pl.col("y"),
        x=pl.col("x") * 1e-3 + 7,
        time=pl.col("time"),
    )
    moved = model.fit(other)
    assert moved.usable == found.usable
    if not found.usable:
        return
    assert moved.residual_variance == pytest.approx(2500 * found.residual_variance, rel=1e-4)
    for mine, theirs in zip(found.variance_components.to_dicts(), moved.variance_components.to_dicts(), strict=True):
        assert theirs["value"] == pytest.approx(2500 * mine["value"], rel=2e-3, abs=0.02 * 2500 * found.residual_variance * 1e-2)
    mine = found.levels["one"].with_columns(one=pl.concat_str(pl.lit("z"), pl.col("one").cast(pl.String)))
    both = mine.join(moved.levels["one"], on="one", suffix="_moved")
    assert both.height == mine.height
    scale = np.sqrt(found.residual_variance + sum(np.trace(term_covariance(found, term.group)) for term in model.terms))
    for name in model.terms[0].names:
        assert (both[name] - both[f"{name}_moved"] / 50).abs().max() < 1e-3 * scale


@FEW
@given(models())
def test_slopes_do_not_depend_on_where_time_begins(model: Drawn) -> None:
    """Time since 2018 or since grade 3: the same slope variance, the same residual, the same likelihood by ML."""
    terms = tuple(RandomTerm(term.group, "1 + time") for term in model.terms)
    here = fit("y ~ time", model.frame, terms, method="ML")
    there = fit("y ~ time", model.frame.with_columns(time=2018 + pl.col("time")), terms, method="ML")
    assert there.usable == here.usable
    if here.usable:
        assert there.log_likelihood == pytest.approx(here.log_likelihood, abs=1e-5)
        assert there.residual_variance == pytest.approx(here.residual_variance, rel=1e-3)
        slope = here.variance("one", "time")
        assert there.variance("one", "time") == pytest.approx(slope, rel=1e-2, abs=1e-4 * here.residual_variance)
