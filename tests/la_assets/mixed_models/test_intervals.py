"""Intervals of standard deviations and correlations: those of R's ``confint``, zero where a variance is zero, quantiles of refits."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from la_assets.mixed_models import RandomTerm, fit
from la_assets.mixed_models.intervals import SCHEMA, variance_intervals
from tests.la_assets.mixed_models.cases import cases

CASES = cases()

# confint(lmer(..., REML = FALSE), method = "profile", oldNames = FALSE), lme4 1.1-31
R_PROFILE = {
    "sleepstudy": [(14.38143, 37.716012), (3.80116, 8.753367), (-0.48150, 0.684986), (22.89827, 28.857997)],
    "Penicillin": [(0.633566, 1.182104), (1.095789, 3.556292), (0.485845, 0.629453)],
}


@pytest.mark.parametrize("name", R_PROFILE)
def test_likelihood_intervals_are_rs(name: str) -> None:
    case = replace(CASES[name], method="ML")
    found = variance_intervals(case.ours(), case.frame)
    assert dict(found.schema) == SCHEMA
    for (low, high), (r_low, r_high) in zip(found.select("low", "high").rows(), R_PROFILE[name], strict=True):
        assert low == pytest.approx(r_low, rel=1e-3, abs=1e-3)
        assert high == pytest.approx(r_high, rel=1e-3)


def test_a_variance_of_zero_has_an_upper_end() -> None:
    case = CASES["schools alike"]
    fitted = case.ours()
    found = variance_intervals(fitted, case.frame).filter(group="school_id").row(0, named=True)
    assert found["estimate"] == pytest.approx(0, abs=1e-6)
    assert found["low"] == pytest.approx(0, abs=1e-6)
    assert 0.05 < found["high"] < 0.3
    wider = variance_intervals(fitted, case.frame, level=0.99).filter(group="school_id")["high"].item()
    assert wider > found["high"]


def test_a_bootstrap_agrees_with_the_likelihood_where_there_is_much_data() -> None:
    case = CASES["teachers, weighted"]
    fitted = case.ours()
    profile = variance_intervals(fitted, case.frame)
    bootstrap = variance_intervals(fitted, case.frame, kind="bootstrap", samples=150)
    for column in ("low", "high"):
        gap = (bootstrap[column] - profile[column]).abs() / (profile["high"] - profile["low"])
        assert gap.max() < 0.25
    again = variance_intervals(fitted, case.frame, kind="bootstrap", samples=20, seed=5)
    assert again.equals(variance_intervals(fitted, case.frame, kind="bootstrap", samples=20, seed=5))
    assert not again.equals(variance_intervals(fitted, case.frame, kind="bootstrap", samples=20, seed=6))


def test_no_numbers_no_intervals() -> None:
    case = CASES["schools alike"]
    nothing = fit("score ~ 1", case.frame.head(5), case.groups)
    assert not nothing.usable
    assert variance_intervals(nothing, case.frame.head(5)).height == 0


def test_what_cannot_be_asked() -> None:
    case = CASES["schools alike"]
    fitted = case.ours()
    with pytest.raises(ValueError, match="usable rows"):
        variance_intervals(fitted, case.frame.head(100))
    with pytest.raises(ValueError, match="not between"):
        variance_intervals(fitted, case.frame, level=95)
    with pytest.raises(ValueError, match="native"):
        variance_intervals(replace(fitted, engine="pymer4"), case.frame)
    counted = fit(
        "score ~ 1", case.frame.with_columns(times=pl.lit(2.0)), [RandomTerm("staff_key")], weights="times", weight_meaning="frequency"
    )
    with pytest.raises(ValueError, match="cannot be drawn"):
        variance_intervals(counted, case.frame.with_columns(times=pl.lit(2.0)), kind="bootstrap")
