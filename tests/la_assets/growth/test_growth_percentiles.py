"""Quantile regression and growth percentiles: against R's quantreg, against the optimality conditions, and where there is no answer."""

import os
import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from la_assets.growth.growth_percentiles import QUANTILES, growth_percentiles, percentiles_of, spline_basis
from la_assets.growth.quantile_regression import quantile_coefficients


def drawn_scores(students: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whole scores of a year and the two before, correlated 0.8, whose spread grows with the prior."""
    rng = np.random.default_rng(seed)
    ability = rng.normal(size=students)
    second = np.round(210 + 20 * (0.85 * ability + 0.5 * rng.normal(size=students)))
    first = np.round(220 + 20 * (0.85 * ability + 0.5 * rng.normal(size=students)))
    score = np.round(230 + 20 * (0.85 * ability + 0.5 * (1 + 0.2 * np.tanh(ability)) * rng.normal(size=students)))
    return score, first, second


R_SCRIPT = """
suppressMessages(library(quantreg)); library(splines)
d <- read.csv("{data}"); basis <- function(x) bs(x, knots = quantile(x, c(.2, .4, .6, .8)), Boundary.knots = range(x))
x <- cbind(1, basis(d$first), basis(d$second)); taus <- (seq_len(100) - 0.5) / 100
curves <- sapply(taus, function(t) x %*% rq.fit(x, d$score, tau = t, method = "fn")$coefficients)
write.table(curves, "{out}", row.names = FALSE, col.names = FALSE, sep = ",")
"""


@pytest.mark.needs("Rscript", "/usr/lib/R/site-library/quantreg")
@pytest.mark.parametrize("students", [900, 7000])
def test_percentiles_are_those_of_r_quantreg(tmp_path: Path, students: int) -> None:
    """The same for 98 %, within one for 99.9 %; with the splines of R's own `splines::bs`."""
    score, first, second = drawn_scores(students)
    pl.DataFrame({"score": score, "first": first, "second": second}).write_csv(tmp_path / "d.csv")
    script = R_SCRIPT.format(data=tmp_path / "d.csv", out=tmp_path / "q.csv")
    subprocess.run(["Rscript", "-e", script], check=True, capture_output=True, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"})
    curves = np.sort(np.loadtxt(tmp_path / "q.csv", delimiter=","), axis=1)
    theirs = (curves <= (score + 1e-4 * score.std())[:, None]).sum(axis=1).clip(1, 99)
    ours = percentiles_of(score, [first, second])[:, 0]
    assert (ours == theirs).mean() >= 0.98
    assert (np.abs(ours - theirs) <= 1).mean() >= 0.999


def test_each_quantile_is_the_least_of_its_check_function() -> None:
    """Against the linear program solved by scipy's HiGHS."""
    rng = np.random.default_rng(2)
    x = np.column_stack([np.ones(120), rng.normal(size=(120, 2))])
    y = x @ [1.0, 2.0, -1.0] + rng.standard_t(3, size=120)
    for tau, beta in zip((0.1, 0.5, 0.95), quantile_coefficients(x, y, np.array([0.1, 0.5, 0.95])), strict=True):
        cost = np.r_[np.zeros(6), np.full(120, tau), np.full(120, 1 - tau)]
        equal = np.hstack([x, -x, np.eye(120), -np.eye(120)])
        least = linprog(cost, A_eq=equal, b_eq=y, bounds=(0, None)).fun
        residual = y - x @ beta
        assert np.maximum(tau * residual, (tau - 1) * residual).sum() == pytest.approx(least, rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(30, 300), st.booleans())
def test_a_quantile_has_its_share_of_rows_below(seed: int, rows: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(rows), rng.normal(size=rows), rng.integers(0, 2, rows) if rows > 60 else rng.normal(size=rows)])
    y = rng.normal(size=rows) + x[:, 1]
    y = np.round(y, 1) if ties else y
    taus = np.array([0.1, 0.5, 0.9])
    residual = y[:, None] - x @ quantile_coefficients(x, y, taus).T
    below, at_most = (residual < -1e-5).mean(axis=0), (residual <= 1e-5).mean(axis=0)
    assert (below <= taus + 1e-9).all()
    assert (at_most >= taus - 1e-9).all()


def test_preprocessing_changes_no_quantile(monkeypatch: pytest.MonkeyPatch) -> None:
    from la_assets.growth import quantile_regression

    score, first, _ = drawn_scores(7000)
    design = np.column_stack([np.ones(7000), spline_basis(first)])
    fast = quantile_coefficients(design, score, QUANTILES[::10])
    monkeypatch.setattr(quantile_regression, "_WHOLE_BELOW", 10**9)
    whole = quantile_coefficients(design, score, QUANTILES[::10])
    residual = [score[:, None] - design @ b.T for b in (fast, whole)]
    losses = [np.maximum(QUANTILES[::10] * r, (QUANTILES[::10] - 1) * r).sum(axis=0) for r in residual]
    assert losses[0] == pytest.approx(losses[1], rel=1e-7)


def frame(students: int = 600) -> pl.DataFrame:
    score, first, second = drawn_scores(students)
    return pl.DataFrame({"score": score, "prior_score_1": first, "prior_score_2": second}).with_columns(
        subject=pl.lit("Math"), assessment_id=pl.lit("FAST"), grade=pl.lit("05"), error=pl.lit(7.0), usual_1=True, usual_2=True
    )


def test_percentiles_are_uniform_and_unrelated_to_the_prior() -> None:
    made = growth_percentiles(frame(3000))
    assert made["percentile"].mean() == pytest.approx(50, abs=1)
    assert made.select(pl.corr("percentile", "prior_score_1").abs()).item() < 0.05
    assert made.select((pl.col("percentile") <= 25).mean()).item() == pytest.approx(0.25, abs=0.02)


def test_the_interval_holds_the_percentile_and_is_wide_as_tests_err() -> None:
    made = growth_percentiles(frame())
    assert (
        made.select((pl.col("percentile_low") <= pl.col("percentile")) & (pl.col("percentile") <= pl.col("percentile_high")))
        .to_series()
        .all()
    )
    assert made.select((pl.col("percentile_high") - pl.col("percentile_low")).median()).item() > 40


def test_a_student_without_a_second_prior_is_judged_by_one() -> None:
    rows = frame().with_columns(prior_score_2=pl.when(pl.int_range(pl.len()) > 5).then("prior_score_2"))
    made = growth_percentiles(rows, least_peers=100)
    assert made["priors_used"].to_list() == [1] * 6 + [2] * 594
    assert made["percentile"].null_count() == 0


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda r: r.head(20), "too_few_peers"),
        (lambda r: r.with_columns(score=pl.lit(200.0)), "no_variation"),
        (lambda r: r.with_columns(prior_score_1=pl.lit(200.0), prior_score_2=pl.lit(None, dtype=pl.Float64)), "no_variation"),
        (lambda r: r.with_columns(prior_score_1=pl.lit(None, dtype=pl.Float64)), "no_prior_score"),
        (lambda r: r.with_columns(usual_1=pl.lit(False)), "unusual_progression"),
    ],
)
def test_where_there_is_no_percentile_every_row_says_why(change, status: str) -> None:
    made = growth_percentiles(change(frame()))
    assert made["status"].unique().to_list() == [status]
    assert made["percentile"].null_count() == made.height
