"""One switch, one result type: lme4 through pymer4, statsmodels, and two further libraries say what the native engine says."""

from __future__ import annotations

import numpy as np
import pytest

from la_assets.mixed_models import MixedModelFit, RandomTerm, fit
from tests.la_assets.mixed_models.cases import cases

CASES = cases()


def assert_same(ours: MixedModelFit, theirs: MixedModelFit, relative: float) -> None:
    assert theirs.status == ours.status
    assert (theirs.n, theirs.n_parameters, theirs.terms) == (ours.n, ours.n_parameters, ours.terms)
    assert theirs.log_likelihood == pytest.approx(ours.log_likelihood, rel=1e-7)
    assert theirs.fixed["effect"].to_list() == ours.fixed["effect"].to_list()
    spread = ours.fixed["standard_error"].to_numpy()
    assert np.abs(theirs.fixed["estimate"].to_numpy() - ours.fixed["estimate"].to_numpy()).max() < relative * spread.max()
    assert theirs.fixed["standard_error"].to_list() == pytest.approx(ours.fixed["standard_error"].to_list(), rel=relative)
    assert np.allclose(theirs.fixed_covariance, ours.fixed_covariance, rtol=relative, atol=relative * spread.max() ** 2)
    assert theirs.variance_components.drop("value", "sd_or_correlation").equals(ours.variance_components.drop("value", "sd_or_correlation"))
    scale = ours.variance_components["value"].abs().to_numpy()
    assert (
        np.abs(theirs.variance_components["value"].to_numpy() - ours.variance_components["value"].to_numpy()).max() < relative * scale.max()
    )
    for group, levels in ours.levels.items():
        assert theirs.levels[group].columns == levels.columns
        assert theirs.levels[group].select(group, "n").equals(levels.select(group, "n"))
        for column in levels.columns[2:]:
            values = levels[column].to_numpy()
            assert np.abs(theirs.levels[group][column].to_numpy() - values).max() < relative * max(np.abs(values).max(), values.std())


@pytest.mark.needs("Rscript")
@pytest.mark.parametrize("name", ["sleepstudy", "Penicillin", "growth, three effects", "teachers, weighted"])
def test_pymer4_is_the_same_model_in_r(name: str) -> None:
    case = CASES[name]
    assert_same(case.ours(), case.ours(engine="pymer4"), 1e-4)


@pytest.mark.needs("Rscript")
def test_pymer4_says_singular_and_not_identified_as_we_do() -> None:
    case = CASES["schools alike"]
    found = case.ours(engine="pymer4")
    assert found.status == "singular"
    assert found.variance("school_id") == pytest.approx(0, abs=1e-8)
    assert fit("score ~ 1", case.frame.head(12), case.groups, engine="pymer4").status == "not_identified"


@pytest.mark.needs("Rscript")
def test_what_r_refuses_is_a_status(monkeypatch: pytest.MonkeyPatch) -> None:
    from la_assets.mixed_models import lme4

    monkeypatch.setattr(lme4, "_READ", "function(fit) stop('no such thing')")
    found = CASES["sleepstudy"].ours(engine="pymer4")
    assert found.status == "engine_failed"
    assert "no such thing" in found.message
    assert found.fixed["estimate"].null_count() == 2


@pytest.mark.parametrize("name", ["sleepstudy", "Penicillin"])
def test_statsmodels_is_the_same_model(name: str) -> None:
    case = CASES[name]
    assert_same(case.ours(), case.ours(engine="statsmodels"), 1e-3)


def test_an_engine_refuses_what_it_does_not_have() -> None:
    case = CASES["teachers, weighted"]
    slopes = (RandomTerm("staff_key", "1 + prior"), RandomTerm("school_id"))
    with pytest.raises(ValueError, match="no weights"):
        case.ours(engine="statsmodels")
    with pytest.raises(ValueError, match="intercepts only"):
        fit(case.formula, case.frame, slopes, engine="statsmodels")
    with pytest.raises(ValueError, match="dense matrix"):
        fit(case.formula, case.frame, case.groups, engine="statsmodels")
    with pytest.raises(ValueError, match="frequency"):
        case.ours(engine="pymer4", weight_meaning="frequency")
    with pytest.raises(ValueError, match="none of native"):
        case.ours(engine="lme4")


@pytest.mark.parametrize("name", ["egsingle, three levels, slopes", "teachers, weighted", "growth, three effects", "Chem97"])
def test_mixedlm_finds_the_same_maximum(name: str) -> None:
    """mixedlm: another library for lme4's formulas, in Python and Rust."""
    import mixedlm

    case = CASES[name]
    theirs = mixedlm.lmer(case.lme4_formula, case.frame.to_pandas(), REML=case.method == "REML", weights=case.weights)
    ours = case.ours()
    assert theirs.logLik().value == pytest.approx(ours.log_likelihood, rel=1e-7)
    assert list(theirs.fixef().values()) == pytest.approx(ours.fixed["estimate"].to_list(), rel=1e-4)
    assert theirs.get_sigma() ** 2 == pytest.approx(ours.residual_variance, rel=1e-4)
    for term in ours.terms:
        blups = theirs.ranef()[term.group]
        for column, effect in zip(blups.values(), term.names, strict=True):
            gap = np.abs(np.asarray(column) - ours.levels[term.group][effect].to_numpy())
            assert gap.max() < 1e-3 * ours.variance(term.group, effect) ** 0.5


def test_mixedlm_rs_finds_the_same_maximum() -> None:
    """mixedlm-rs: the models of statsmodels, in Rust."""
    import mixedlm_rs

    case = CASES["sleepstudy"]
    theirs = mixedlm_rs.mixedlm(case.formula, case.frame.to_pandas(), groups=case.frame["Subject"].to_numpy(), re_formula="~Days").fit()
    ours = case.ours()
    assert theirs.llf == pytest.approx(ours.log_likelihood, abs=1e-6)
    assert list(theirs.fe_params) == pytest.approx(ours.fixed["estimate"].to_list(), rel=1e-6)
    assert theirs.scale == pytest.approx(ours.residual_variance, rel=1e-4)
    expected = [
        [ours.variance("Subject"), ours.variance_components["value"][2]],
        [ours.variance_components["value"][2], ours.variance("Subject", "Days")],
    ]
    assert np.allclose(theirs.cov_re, expected, rtol=1e-4)
