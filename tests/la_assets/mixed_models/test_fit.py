"""What a fit says in plain cases, what it says of data that cannot be fitted, and that no bad input brings it down."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from la_assets.mixed_models import STATUSES, RandomTerm, fit

CLASS = RandomTerm("class")


def scores(classes: int = 30, size: int = 10, seed: int = 0) -> pl.DataFrame:
    """Classes in schools of five; a prior score, a category, a score."""
    random = np.random.default_rng(seed)
    klass = np.repeat(np.arange(classes), size)
    prior = random.normal(size=klass.size)
    score = 10 + prior + 0.7 * random.normal(size=classes)[klass] + random.normal(size=klass.size)
    track = np.where(prior > 0.3, "honors", np.where(prior < -0.5, "support", "core"))
    return pl.DataFrame({"class": klass, "school": klass // 5, "prior": prior, "track": track, "score": score})


SCORES = scores()


def test_balanced_classes_give_the_analysis_of_variance():
    """REML in a balanced one-way layout is the ANOVA estimator: (MSB - MSW) / n; BLUPs shrink means by their reliability (Searle 1992)."""
    size, classes = 10, 30
    means = SCORES.group_by("class", maintain_order=True).agg(pl.col("score").mean())["score"].to_numpy()
    within = SCORES.select(((pl.col("score") - pl.col("score").mean().over("class")) ** 2).sum()).item() / (classes * (size - 1))
    between = size * means.var(ddof=1)
    found = fit("score ~ 1", SCORES, [CLASS])
    assert found.status == "converged"
    assert found.residual_variance == pytest.approx(within, rel=1e-6)
    assert found.variance("class") == pytest.approx((between - within) / size, rel=1e-6)
    reliability = found.variance("class") / (found.variance("class") + within / size)
    levels = found.levels["class"]
    assert levels["intercept"].to_numpy() == pytest.approx(reliability * (means - means.mean()), rel=1e-6)
    assert levels["intercept_sd"].to_numpy() == pytest.approx(np.sqrt(found.variance("class") * (1 - reliability)), rel=1e-6)
    assert found.estimate("intercept") == pytest.approx((means.mean(), np.sqrt(between / (size * classes))), rel=1e-6)


def test_the_result_is_laid_out_by_name():
    found = fit(
        "score ~ prior", SCORES.sample(fraction=1.0, shuffle=True, seed=1), [RandomTerm("class", "1 + prior"), RandomTerm("school")]
    )
    assert found.fixed.columns == ["effect", "estimate", "standard_error"]
    assert found.fixed["effect"].to_list() == ["intercept", "prior"]
    assert found.variance_components.select("group", "effect", "with_effect").rows() == [
        ("class", "intercept", None), ("class", "prior", None), ("class", "intercept", "prior"), ("school", "intercept", None),
        ("residual", "residual", None),
    ]  # fmt: skip
    assert found.levels["class"].columns == ["class", "n", "intercept", "intercept_sd", "prior", "prior_sd", "intercept_prior_covariance"]
    assert found.levels["class"]["class"].to_list() == list(range(30))
    assert found.levels["class"]["n"].to_list() == [10] * 30
    assert found.n_parameters == 2 + 3 + 1 + 1
    assert found.aic == pytest.approx(found.deviance + 14)
    assert found.fixed_covariance[1, 1] == pytest.approx(found.estimate("prior")[1] ** 2)
    with pytest.raises(KeyError, match="there are intercept, prior"):
        found.estimate("age")
    with pytest.raises(KeyError, match="no random effect"):
        found.variance("school", "prior")


def test_shares_of_variance_add_up():
    found = fit("score ~ 1", SCORES, [CLASS, RandomTerm("school")]).shares()
    assert found["group"].to_list() == ["class", "school", "residual"]
    assert found["share"].sum() == pytest.approx(1)


def test_conditional_sds_can_be_left_out():
    found = fit("score ~ 1", SCORES, [CLASS], conditional_sds=False).levels["class"]
    assert found["intercept_sd"].null_count() == 30
    assert found["intercept"].null_count() == 0


def test_ids_may_be_of_any_kind():
    plain = fit("score ~ prior", SCORES, [CLASS]).levels["class"]["intercept"]
    for kind in (pl.String, pl.Int8, pl.UInt64, pl.Float64):
        assert fit("score ~ prior", SCORES.with_columns(pl.col("class").cast(kind)), [CLASS]).levels["class"]["intercept"].len() == 30
    sparse_ids = SCORES.with_columns(pl.col("class") * 10**15 - 7)
    assert fit("score ~ prior", sparse_ids, [CLASS]).levels["class"]["intercept"].to_list() == pytest.approx(plain.to_list())
    categories = SCORES.with_columns(pl.format("c{}", pl.col("class")).cast(pl.Categorical))
    assert sorted(fit("score ~ prior", categories, [CLASS]).levels["class"]["intercept"]) == pytest.approx(sorted(plain))
    assert fit("score ~ prior", SCORES.lazy(), [CLASS]).levels["class"]["intercept"].equals(plain)


def test_a_formula_with_categories_predicts_as_it_was_fitted():
    found = fit("score ~ prior * C(track) + bs(prior, df=4)", SCORES, [CLASS])
    assert "C(track)[T.honors]" in found.fixed["effect"].to_list()
    whole = found.predict(SCORES)["prediction"]
    honors = SCORES.filter(track="honors", **{"class": 3})
    assert found.predict(honors)["prediction"].to_list() == pytest.approx(
        whole.filter((SCORES["track"] == "honors") & (SCORES["class"] == 3)).to_list()
    )


def test_predictions_take_levels_that_are_known():
    found = fit("score ~ prior", SCORES, [CLASS])
    (slope, _), (intercept, _) = found.estimate("prior"), found.estimate("intercept")
    rows = pl.DataFrame({"class": [3, 99, None, 3], "prior": [1.0, 1.0, 1.0, None]})
    said = found.predict(rows)
    own = found.levels["class"].filter(pl.col("class") == 3)["intercept"].item()
    assert said["prediction"].to_list() == pytest.approx([intercept + slope + own, intercept + slope, intercept + slope, None])
    assert said["known_levels"].to_list() == [1, 0, 0, 0]
    assert found.predict(rows, with_levels=False)["prediction"][0] == pytest.approx(intercept + slope)
    nothing = fit("score ~ prior", SCORES.head(5), [CLASS]).predict(rows)
    assert nothing["prediction"].null_count() == 4


def test_rows_that_cannot_be_used_are_counted():
    n = pl.int_range(pl.len())
    frame = SCORES.with_columns(
        prior=pl.when(n < 3).then(None).when(n < 5).then(float("nan")).when(n < 6).then(float("inf")).otherwise("prior"),
        score=pl.when(n == 10).then(None).otherwise("score"),
        **{"class": pl.when(n == 20).then(None).otherwise("class")},
        weight=pl.when(n == 30).then(0.0).when(n == 31).then(None).when(n == 32).then(-1.0).when(n == 33).then(float("nan")).otherwise(2.0),
    )
    found = fit("score ~ prior", frame, [CLASS], weights="weight")
    assert dict(found.dropped) == {"missing": 8, "weight": 4}
    assert found.n == 300 - 12
    same = fit("score ~ prior", frame.filter(n >= 6, n != 10, n != 20, ~n.is_between(30, 33)), [CLASS])
    assert found.variance("class") == pytest.approx(same.variance("class"), rel=1e-6)
    assert found.residual_variance == pytest.approx(2 * same.residual_variance, rel=1e-6)


def test_precision_weights_say_how_exact_a_row_is_frequency_weights_how_many_it_stands_for():
    frame = SCORES.with_columns(half=pl.lit(0.5))
    plain = fit("score ~ prior", frame, [CLASS])
    exact = fit("score ~ prior", frame, [CLASS], weights="half")
    shared = fit("score ~ prior", pl.concat([frame, frame]), [CLASS], weights="half", weight_meaning="frequency")
    # all rows equally exact: the same model, the residual variance of a row of weight one is half of these rows'
    assert exact.levels["class"]["intercept_sd"].to_list() == pytest.approx(plain.levels["class"]["intercept_sd"].to_list(), rel=1e-5)
    assert exact.residual_variance == pytest.approx(plain.residual_variance / 2, rel=1e-6)
    assert exact.log_likelihood == pytest.approx(plain.log_likelihood)
    # every student in two rows of one half is every student once
    assert shared.n == 2 * plain.n
    assert shared.log_likelihood == pytest.approx(plain.log_likelihood)
    assert shared.residual_variance == pytest.approx(plain.residual_variance, rel=1e-6)
    assert shared.levels["class"]["intercept_sd"].to_list() == pytest.approx(plain.levels["class"]["intercept_sd"].to_list(), rel=1e-5)


def bad_inputs() -> dict[str, tuple[str, pl.DataFrame, list[RandomTerm], str]]:
    """Formula, rows, terms and the status each must have."""
    one = pl.lit(1.0)
    by_both = [CLASS, RandomTerm("school")]
    collinear = SCORES.with_columns(copy=3 * pl.col("prior") - 1, none=0 * one)
    singles = SCORES.filter(pl.col("class").is_first_distinct() | (pl.col("class") > 9))
    counts = SCORES.with_columns(score=pl.col("score").round().cast(pl.Int16), prior=pl.col("prior") > 0)
    of_class = [pl.col(column).mean().over("class") for column in ("score", "prior")]
    return {
        "no rows": ("score ~ prior", SCORES.clear(), [CLASS], "too_few_rows"),
        "no rows, categories": ("score ~ prior + C(track)", SCORES.clear(), [CLASS], "too_few_rows"),
        "no prior scores": ("score ~ prior", SCORES.with_columns(prior=pl.lit(None, pl.Float64)), [CLASS], "too_few_rows"),
        "as many fixed effects as rows": ("score ~ prior", SCORES.head(2), [CLASS], "too_few_rows"),
        "one class": ("score ~ prior", SCORES.with_columns(**{"class": one}), [CLASS], "not_identified"),
        "one school": ("score ~ prior", SCORES.with_columns(school=one), by_both, "not_identified"),
        "a class per student": ("score ~ prior", SCORES.with_columns(**{"class": pl.int_range(pl.len())}), [CLASS], "not_identified"),
        "class and school are the same": ("score ~ prior", SCORES.with_columns(school=pl.col("class") + 5), by_both, "not_identified"),
        "a slope of a constant": ("score ~ prior", SCORES.with_columns(time=2 * one), [RandomTerm("class", "1 + time")], "not_identified"),
        "two slopes of one column": (
            "score ~ prior", SCORES.with_columns(copy=3 * pl.col("prior") - 1), [RandomTerm("class", "1 + prior + copy")], "not_identified",
        ),
        "two tests a student, two effects": (
            "score ~ prior", SCORES.group_by("class", maintain_order=True).head(2), [RandomTerm("class", "1 + prior")], "not_identified",
        ),
        "all scores equal": ("score ~ prior", SCORES.with_columns(score=one), [CLASS], "no_variation"),
        "the score is the prior": ("score ~ prior", SCORES.with_columns(score=2 * pl.col("prior") + 1), [CLASS], "no_variation"),
        "classes of equal scores": ("score ~ prior", SCORES.with_columns(of_class), [CLASS], "not_identified"),
        "a covariate constant within classes": ("score ~ prior", SCORES.with_columns(of_class[1]), [CLASS], "converged"),
        "classes that do not differ": ("score ~ 1", SCORES.with_columns(score=pl.col("score") - of_class[0]), [CLASS], "singular"),
        "collinear covariates": ("score ~ prior + copy + none", collinear, [CLASS], "converged"),
        "some classes of one student": ("score ~ prior", singles, [CLASS], "converged"),
        "scores in the billions": ("score ~ prior", SCORES.with_columns(score=1e9 + 1e9 * pl.col("score")), [CLASS], "converged"),
        "whole numbers and flags": ("score ~ prior", counts, [CLASS], "converged"),
    }  # fmt: skip


@pytest.mark.parametrize("name", bad_inputs())
def test_what_cannot_be_estimated_has_a_status_and_no_numbers(name: str):
    formula, frame, terms, status = bad_inputs()[name]
    found = fit(formula, frame, terms)
    assert found.status == status, found.message
    assert found.message
    assert found.n + sum(found.dropped.values()) == frame.height
    assert found.usable == (status in ("converged", "singular"))
    if not found.usable:
        assert found.fixed["estimate"].null_count() == found.fixed.height
        assert (
            found.variance_components["value"].null_count() == found.variance_components.height == len(found.variance_components["group"])
        )
        assert np.isnan([found.residual_variance, found.log_likelihood, found.aic, found.variance("class", terms[0].names[0])]).all()
        assert all(levels.height == 0 and "n" in levels.columns for levels in found.levels.values())


def test_a_collinear_covariate_is_named_and_not_estimated():
    found = fit("score ~ prior + copy", SCORES.with_columns(copy=3 * pl.col("prior") - 1), [CLASS])
    assert found.fixed.filter(pl.col("estimate").is_null())["effect"].to_list() == ["copy"]
    assert "1 fixed effects are determined by others" in found.message
    assert found.n_parameters == 4
    assert found.log_likelihood == pytest.approx(fit("score ~ prior", SCORES, [CLASS]).log_likelihood, rel=1e-9)


def test_statuses_are_told_in_words():
    assert all(len(words.split()) > 5 for words in STATUSES.values())


def test_a_call_that_cannot_be_right_is_an_error():
    with pytest.raises(ValueError, match=r"at least one random term"):
        fit("score ~ prior", SCORES, [])
    with pytest.raises(ValueError, match="one per grouping column"):
        fit("score ~ prior", SCORES, [CLASS, RandomTerm("class", "0 + prior")])
    with pytest.raises(ValueError, match="neither REML nor ML"):
        fit("score ~ prior", SCORES, [CLASS], method="OLS")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="neither precision nor frequency"):
        fit("score ~ prior", SCORES, [CLASS], weights="prior", weight_meaning="importance")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="contradicts itself"):
        fit("score ~ 0 + 1 + prior", SCORES, [CLASS])
    with pytest.raises(ValueError, match="one plain outcome"):
        fit("prior + I(prior**2)", SCORES, [CLASS])
    with pytest.raises(pl.exceptions.ColumnNotFoundError, match="age"):
        fit("score ~ age", SCORES, [CLASS])
    for effects in ("", "1 + ", "0", "0 + 1", "a + a", "intercept", "a + b + c + d", "class"):
        with pytest.raises(ValueError, match=r"effects|vary by itself"):
            RandomTerm("class", effects)


@pytest.mark.parametrize("ratio", [0.999, 1.0005, 1.01, 1.2, 50.0])
@pytest.mark.parametrize("size", [4, 40])
def test_a_variance_barely_above_zero_is_not_taken_for_zero(ratio: float, size: int):
    """Class means are spread so that the mean square between is ``ratio`` times the one within; above 1 REML is (MSB - MSW) / n."""
    frame = scores(30, size, seed=8)
    within = pl.col("score") - pl.col("score").mean().over("class")
    mean_square = frame.select(within.pow(2).sum()).item() / (30 * (size - 1))
    means = np.random.default_rng(1).normal(size=30)
    means = (means - means.mean()) / means.std(ddof=1) * np.sqrt(ratio * mean_square / size)
    found = fit("score ~ 1", frame.with_columns(score=within + pl.Series(means[frame["class"].to_numpy()])), [CLASS])
    if ratio < 1:
        assert found.status == "singular"
        assert found.variance("class") == 0
    else:
        assert found.variance("class") == pytest.approx((ratio - 1) * mean_square / size, rel=1e-4)
        assert found.residual_variance == pytest.approx(mean_square, rel=1e-6)
