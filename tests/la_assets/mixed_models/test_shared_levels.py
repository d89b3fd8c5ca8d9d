"""Observations of several levels: as lme4-like fits where nobody is shared, as the dense formulas where some are; averages are wider."""

import numpy as np
import polars as pl
import pytest

from la_assets.mixed_models import RandomTerm, fit, fit_shared
from la_assets.mixed_models import shared_levels as module

TERMS = [RandomTerm("teacher", "0 + dosage"), RandomTerm("school")]


def drawn(*, shared: float = 0.0, teachers: int = 40, schools: int = 8, students: int = 20, seed: int = 1) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    n = teachers * students
    teacher = np.arange(n) // students
    second = (teacher + 1) % teachers
    dosage = np.where(rng.random(n) < shared, 0.6, 1.0)
    effect, school = 0.3 * rng.normal(size=teachers), 0.3 * rng.normal(size=schools)
    x = rng.normal(size=n)
    y = 0.5 * x + dosage * effect[teacher] + (1 - dosage) * effect[second] + school[teacher % schools] + rng.normal(size=n)
    frame = pl.DataFrame({"i": np.arange(n), "teacher": teacher, "school": teacher % schools, "x": x, "y": y, "dosage": dosage})
    seconds = frame.with_columns(teacher=pl.Series(second), dosage=1 - pl.col("dosage")).filter(pl.col("dosage") > 0)
    return pl.concat([frame, seconds.select(frame.columns)])


@pytest.fixture(params=[0, 10_000], ids=["sparse", "dense"])
def way(request, monkeypatch) -> str:
    monkeypatch.setattr(module, "_DENSE", request.param)
    return "sparse" if request.param == 0 else "dense"


def test_where_nobody_is_shared_it_is_the_model_of_fit(way: str) -> None:
    frame = drawn()
    made, plain = fit_shared("y ~ 1 + x", frame, TERMS, unit="i").fitted, fit("y ~ 1 + x", frame, TERMS)
    assert way in made.details["path"]
    for group, effect in (("teacher", "dosage"), ("school", "intercept")):
        assert made.variance(group, effect) == pytest.approx(plain.variance(group, effect), rel=1e-3)
        for column in (effect, f"{effect}_sd"):
            np.testing.assert_allclose(made.levels[group][column], plain.levels[group][column], rtol=2e-3, atol=1e-4)
    assert made.estimate("x") == pytest.approx(plain.estimate("x"), rel=1e-5)
    assert made.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-5)


def test_shared_students_are_one_observation_as_in_the_mixed_model_equations(way: str) -> None:
    """Henderson's equations, dense: estimates, conditional variances and variances of prediction errors."""
    frame = drawn(shared=0.4).sort("i", "teacher")
    units = frame.unique("i", keep="first", maintain_order=True)
    found = module.SharedLevels(_design(frame), frame["i"].to_numpy())
    profile, levels = found.estimates(np.array([0.3, 0.4]))
    z = np.zeros((units.height, 48))
    z[frame["i"].to_numpy(), frame["teacher"].to_numpy()] = frame["dosage"].to_numpy()
    z[np.arange(units.height), 40 + units["school"].to_numpy()] = 1
    x = np.column_stack([np.ones(units.height), units["x"].to_numpy()])
    ridge = np.repeat([1 / 0.09, 1 / 0.16], [40, 8])
    both = np.hstack([x, z])
    inverse = np.linalg.inv(both.T @ both + np.diag(np.concatenate([[0, 0], ridge])))
    solution = inverse @ both.T @ units["y"].to_numpy()
    size = found.residual_variance(profile)
    np.testing.assert_allclose(levels.blups, solution[2:], atol=1e-10)
    np.testing.assert_allclose(levels.prediction_error, size * np.diag(inverse)[2:], rtol=1e-9)
    np.testing.assert_allclose(levels.conditional, size * np.diag(np.linalg.inv(z.T @ z + np.diag(ridge))), rtol=1e-9)
    assert found.units == 800


def _design(frame: pl.DataFrame):
    from la_assets.mixed_models.design import design

    return design("y ~ 1 + x", frame, TERMS)


def test_a_variance_of_few_schools_estimated_as_zero_does_not_make_teachers_surer() -> None:
    """Of 30 districts with 5 schools, those whose schools seem not to differ: the averaged intervals are wider."""
    wider = []
    for seed in range(30):
        found = fit_shared("y ~ 1 + x", drawn(teachers=20, schools=5, students=10, seed=seed), TERMS, unit="i")
        if found.fitted.usable and found.fitted.variance("school") == 0 < found.fitted.variance("teacher", "dosage"):
            plain = found.fitted.levels["teacher"]["dosage_sd"].to_numpy()
            wider.append(float(np.mean(found.averaged["teacher"].levels["standard_error"].to_numpy() / plain)))
    assert len(wider) >= 1
    assert min(wider) > 1.03


def test_what_cannot_be_fitted_has_a_status() -> None:
    frame = drawn()
    assert fit_shared("y ~ 1 + x", frame.with_columns(y=pl.lit(1.0)), TERMS, unit="i").fitted.status == "no_variation"
    one = fit_shared("y ~ 1 + x", frame.filter(pl.col("school") == 0), TERMS, unit="i")
    assert one.fitted.status == "not_identified"
    assert not one.averaged
    with pytest.raises(ValueError, match="one or two terms"):
        fit_shared("y ~ 1 + x", frame, [RandomTerm("teacher", "1 + x")], unit="i")
