"""Every number of the native engine is lme4's, on public data sets and on simulated ones: R runs in the test.

Tolerance: 1e-4 (``lme4_in_r.RELATIVE``) of the estimate, the standard error, the variance, the standard deviation of the effects
(for BLUPs) and the conditional standard deviation; 1e-9 for log-likelihood, AIC and BIC.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tests.la_assets.mixed_models.cases import cases
from tests.la_assets.mixed_models.lme4_in_r import RELATIVE, Lme4Fit, differences, lme4_fits

pytestmark = pytest.mark.needs("Rscript")
CASES = cases()


@pytest.fixture(scope="module")
def lme4(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Lme4Fit]:
    return lme4_fits(CASES.values(), tmp_path_factory.mktemp("lme4"))


@pytest.mark.parametrize("name", CASES)
def test_the_native_engine_finds_what_lme4_finds(name: str, lme4: dict[str, Lme4Fit]) -> None:
    ours, theirs = CASES[name].ours(), lme4[name]
    assert ours.status == ("singular" if theirs.fit["singular"] else "converged")
    assert ours.n == theirs.fit["n"]
    found = differences(ours, theirs)
    assert found.pop("log-likelihood") < 1e-9
    assert found.pop("AIC and BIC") < 1e-9
    assert {kind: value for kind, value in found.items() if not value < RELATIVE} == {}


@pytest.mark.parametrize("name", ["egsingle, three levels, slopes", "teachers, weighted"])
def test_predictions_are_lme4s_fitted_values(name: str, lme4: dict[str, Lme4Fit]) -> None:
    case = CASES[name]
    ours = case.ours().predict(case.frame)
    assert (ours["known_levels"] == 2).all()
    gap = (ours["prediction"] - lme4[name].fitted).abs().max()
    assert gap < 1e-4 * case.frame[case.formula.split()[0]].std()


def test_a_comparison_sees_a_number_that_is_off(lme4: dict[str, Lme4Fit]) -> None:
    """The comparison itself: another model's numbers do not pass."""
    found = differences(CASES["egsingle, two levels, ML"].ours(), lme4["egsingle, two levels"])
    assert found["variances"] > RELATIVE
    other = CASES["teachers"].ours()
    moved = other.levels["staff_key"].with_columns(intercept_sd=pl.col("intercept_sd") * 1.001)
    assert (
        differences(type(other)(**{**other.__dict__, "levels": {**other.levels, "staff_key": moved}}), lme4["teachers"])["conditional SDs"]
        > RELATIVE
    )


def test_frequency_weights_are_rows_written_several_times(lme4: dict[str, Lme4Fit]) -> None:
    """lme4 has no frequency weights; ours are held to the same rows repeated, which the cases above hold to lme4."""
    from la_assets.mixed_models import fit

    case = CASES["teachers"]
    times = pl.Series("times", np.random.default_rng(0).integers(1, 4, case.frame.height))
    frame = case.frame.with_columns(times)
    weighted = fit(case.formula, frame, case.groups, weights="times", weight_meaning="frequency")
    repeated = fit(case.formula, frame.select(pl.all().repeat_by("times").explode()), case.groups)
    assert weighted.log_likelihood == pytest.approx(repeated.log_likelihood, rel=1e-9)
    assert weighted.variance_components["value"].to_list() == pytest.approx(repeated.variance_components["value"].to_list(), rel=1e-6)
    assert weighted.fixed["standard_error"].to_list() == pytest.approx(repeated.fixed["standard_error"].to_list(), rel=1e-6)
    for group in ("staff_key", "school_id"):
        for column in ("intercept", "intercept_sd"):
            assert np.allclose(weighted.levels[group][column], repeated.levels[group][column], rtol=1e-5, atol=1e-7)
