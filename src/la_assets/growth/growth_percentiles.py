"""Student growth percentiles: where a score stands among the scores of students who stood at the same place before.

Betebenner (2009, Norm- and criterion-referenced student growth, Educational Measurement 28): quantile regression of the score
on cubic B-splines of up to two prior scores, 100 quantiles (0.005, 0.015, ... 0.995), predicted quantiles of a student sorted so
that they do not cross (Chernozhukov, Fernandez-Val and Galichon 2010). It says nothing of why a student grew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from la_assets.growth.quantile_regression import quantile_coefficients

if TYPE_CHECKING:
    from collections.abc import Sequence

QUANTILES = np.arange(0.005, 1.0, 0.01)
KNOTS = (0.2, 0.4, 0.6, 0.8)
"""Inner knots of the splines, as quantiles of the prior score."""

_ON_THE_CURVE = 1e-4
"""A score this near to a quantile, in SD of the score, has reached it: the solver's own error is far below."""

_TWO_SIDED_95 = 1.959963984540054
STATUSES = ("estimated", "no_prior_score", "unusual_progression", "too_few_peers", "no_variation")

MADE = {
    "percentile": pl.Int32,
    "percentile_low": pl.Int32,
    "percentile_high": pl.Int32,
    "priors_used": pl.Int32,
    "peers": pl.Int32,
    "status": pl.String,
}


def spline_basis(values: np.ndarray) -> np.ndarray:
    """Cubic B-splines of a score without the intercept's share, as ``splines::bs`` of R gives them; shape (rows, at most 7).

    Knots that ties make equal are one knot. The scores themselves are the base where there are too few distinct ones for a spline.
    """
    from scipy.interpolate import BSpline

    low, high = float(values.min()), float(values.max())
    inner = np.unique(np.quantile(values, KNOTS))
    inner = inner[(inner > low) & (inner < high)]
    if np.unique(values).size < inner.size + 5:
        return ((values - values.mean()) / (values.std() or 1.0))[:, None]
    knots = np.r_[[low] * 4, inner, [high] * 4]
    return BSpline.design_matrix(values, knots, 3).toarray()[:, 1:]


def percentiles_of(score: np.ndarray, priors: Sequence[np.ndarray], error: np.ndarray | None = None) -> np.ndarray:
    """Growth percentiles 1..99 of students who share subject, grade and progression.

    Parameters
    ----------
    score : numpy.ndarray, shape (students,)
        This year's scores.
    priors : sequence of numpy.ndarray
        Prior scores of the same students, latest first.
    error : numpy.ndarray, optional
        Standard errors of measurement of ``score``.

    Returns
    -------
    numpy.ndarray of int, shape (students, 3)
        The percentile, and those of the score 1.96 standard errors lower and higher (the percentile itself without errors).

    Raises
    ------
    numpy.linalg.LinAlgError
        If the prior scores do not tell the students apart well enough for a regression.
    """
    design = np.column_stack([np.ones(score.size), *(spline_basis(prior) for prior in priors)])
    curves = np.sort(design @ quantile_coefficients(design, score, QUANTILES).T, axis=1)
    margin = np.zeros(score.size) if error is None else _TWO_SIDED_95 * error
    reached = [(curves <= (at + _ON_THE_CURVE * score.std())[:, None]).sum(axis=1) for at in (score, score - margin, score + margin)]
    return np.column_stack(reached).clip(1, 99)


def growth_percentiles(students: pl.DataFrame, least_peers: int = 250) -> pl.DataFrame:
    """Growth percentiles of a school year.

    Parameters
    ----------
    students : polars.DataFrame
        A row per student and subject with a final score: ``subject``, ``assessment_id``, ``grade``, ``score``, ``error`` (standard
        error of measurement), ``prior_score_1``, ``prior_score_2`` (latest first, or null) and ``usual_1``, ``usual_2`` (whether the
        prior's grade is the one a student promoted every year had).
    least_peers : int
        Students with the same subject, test, grade and progression below which no percentile is estimated.

    Returns
    -------
    polars.DataFrame
        The rows in their order, with the columns of ``MADE``. The percentile with two priors where both are there, else with one.
    """
    rows = students.with_row_index("row")
    ready = rows.filter(pl.col("prior_score_1").is_not_null() & pl.col("usual_1"))
    both = pl.col("prior_score_2").is_not_null() & pl.col("usual_2")
    made = []
    for _, group in ready.group_by("subject", "assessment_id", "grade", maintain_order=True):
        # The one-prior norm is all students of the grade; those with two priors are then judged by two where they are enough.
        two = group.filter(both)
        enough = two.height >= least_peers
        if enough:
            made.append(_of_group(two, ("prior_score_1", "prior_score_2"), least_peers))
        one = _of_group(group, ("prior_score_1",), least_peers)
        made.append(one.join(two.select("row"), on="row", how="anti") if enough else one)
    empty = pl.DataFrame(schema={"row": pl.UInt32, **MADE})
    without = pl.when(pl.col("prior_score_1").is_null()).then(pl.lit("no_prior_score")).otherwise(pl.lit("unusual_progression"))
    return (
        rows.join(pl.concat([empty, *made]), on="row", how="left").with_columns(pl.col("status").fill_null(without)).sort("row").drop("row")
    )


def _of_group(group: pl.DataFrame, priors: Sequence[str], least_peers: int) -> pl.DataFrame:
    """Percentiles of one group, or the reason why there are none."""
    if group.height < least_peers:
        return _without(group, "too_few_peers")
    score = group["score"].to_numpy()
    if score.std() == 0:
        return _without(group, "no_variation")
    try:
        found = percentiles_of(score, [group[prior].to_numpy() for prior in priors], group["error"].to_numpy())
    except np.linalg.LinAlgError:
        return _without(group, "no_variation")
    return group.select("row").with_columns(
        *(pl.Series(name, found[:, i], dtype=pl.Int32) for i, name in enumerate(("percentile", "percentile_low", "percentile_high"))),
        priors_used=pl.lit(len(priors), dtype=pl.Int32),
        peers=pl.lit(group.height, dtype=pl.Int32),
        status=pl.lit("estimated"),
    )


def _without(group: pl.DataFrame, status: str) -> pl.DataFrame:
    nothing = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in MADE.items() if name not in ("peers", "status")]
    made = group.select("row", *nothing, peers=pl.lit(group.height, dtype=pl.Int32), status=pl.lit(status))
    return made.select("row", *MADE)
