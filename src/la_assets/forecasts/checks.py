"""What to look at in the forecasts beyond contracts: coverage of the intervals, the winner against the baseline, students without one.

Functions from frames of one year to a finding (whether the check passes, a sentence, counts), and at the end the list that
binds them to tables.
"""

import polars as pl

from la_assets.checks import TableCheck
from la_assets.data_checks import Finding
from la_assets.forecasts.schema import EVALUATION, FEATURES, PREDICTIONS
from la_assets.forecasts.targets import BASELINE, EXPECTED

_TASK = ["subject", "as_of_point"]


def coverage_within_bounds(evaluation: pl.LazyFrame, low: float, high: float) -> Finding:
    """The 80 % intervals of each subject and as-of point cover a share within the bounds, give or take sampling error.

    Sampling error is 1.96 binomial standard errors of 0.8 at the number of students judged and, once more, of those whose errors
    calibrated (about as many): a course of 40 students says little.
    """
    rows = (
        evaluation.filter("is_winner", pl.col("grade_level") == "all", pl.col("coverage_80").is_not_null())
        .with_columns(margin=1.96 * (2 * 0.16 / pl.col("students_with_interval")).sqrt())
        .with_columns(off=(pl.col("coverage_80") < low - pl.col("margin")) | (pl.col("coverage_80") > high + pl.col("margin")))
        .sort(_TASK)
        .collect()
    )
    counts: dict[str, int | float] = {f"{r['subject']} {r['as_of_point']}": round(r["coverage_80"], 4) for r in rows.iter_rows(named=True)}
    off = [f"{r['subject']} {r['as_of_point']} ({r['coverage_80']:.1%})" for r in rows.filter("off").iter_rows(named=True)]
    if not rows.height:
        return True, "no predictions with intervals have been evaluated", counts
    return not off, f"80 % intervals cover {low:.0%} to {high:.0%}" + (f" but for {', '.join(off)}" if off else " everywhere"), counts


def winner_beats_baseline(evaluation: pl.LazyFrame) -> Finding:
    """The published candidate's RMSE is no higher than that of the last score carried forward."""
    of_all = evaluation.filter(pl.col("grade_level") == "all", pl.col("rmse").is_not_null())
    both = (
        of_all.filter("is_winner")
        .select(*_TASK, "candidate", "rmse")
        .join(of_all.filter(pl.col("candidate") == BASELINE).select(*_TASK, baseline="rmse"), on=_TASK)
        .sort(_TASK)
        .collect()
    )
    worse = both.filter(pl.col("rmse") > pl.col("baseline"))
    counts: dict[str, int | float] = {
        f"{r['subject']} {r['as_of_point']}": round(1 - r["rmse"] / r["baseline"], 4) for r in both.iter_rows(named=True) if r["baseline"]
    }
    named = ", ".join(f"{s} {p}" for s, p in worse.select(_TASK).iter_rows())
    return worse.is_empty(), f"{both.height} forecasts judged" + (f"; no better than the last score: {named}" if named else ""), counts


def expected_students_have_predictions(features: pl.LazyFrame, predictions: pl.LazyFrame, share: float) -> Finding:
    """Where a year has a model, the students expected to be tested have a prediction; every one has a row."""
    expected = (
        features.select("student_key", "as_of_point", *(pl.col(column).alias(subject) for subject, column in EXPECTED.items()))
        .unpivot(index=["student_key", "as_of_point"], variable_name="subject")
        .filter("value")
    )
    rows = (
        expected.join(predictions.select("student_key", *_TASK, "predicted_score", "status"), on=["student_key", *_TASK], how="left")
        .group_by(_TASK)
        .agg(
            pl.len().alias("students"),
            pl.col("status").is_null().sum().alias("lost"),
            pl.col("predicted_score").count().alias("predicted"),
        )
        .sort(_TASK)
        .collect()
    )
    modelled = rows.filter(pl.col("predicted") > 0)
    counts: dict[str, int | float] = {
        f"{r['subject']} {r['as_of_point']}": round(r["predicted"] / r["students"], 4) for r in rows.iter_rows(named=True)
    }
    lost = int(rows["lost"].sum())
    short = modelled.filter(pl.col("predicted") < share * pl.col("students"))
    words = f"{int(rows['predicted'].sum())} of {int(rows['students'].sum())} expected finals have a prediction, {lost} have no row"
    return lost == 0 and short.is_empty(), words, counts | {"without_row": lost}


CHECKS = {
    PREDICTIONS.name: (
        TableCheck(
            "expected_students_have_predictions",
            (FEATURES, PREDICTIONS),
            lambda year: expected_students_have_predictions(year[FEATURES], year[PREDICTIONS], year.district.forecasts.predicted_share),
            "Every student expected to be tested has a row, and a prediction where the year has a model; `status` says why not.",
        ),
    ),
    EVALUATION.name: (
        TableCheck(
            "coverage_is_within_bounds",
            (EVALUATION,),
            lambda year: coverage_within_bounds(year[EVALUATION], *year.district.forecasts.coverage_80),
            "80 % intervals cover 77 to 83 % of the final scores, give or take sampling error; else the year differs: see `bias`.",
        ),
        TableCheck(
            "winner_beats_the_last_score",
            (EVALUATION,),
            lambda year: winner_beats_baseline(year[EVALUATION]),
            "The published forecast errs no more than the last score carried forward; else look for what changed this year.",
        ),
    ),
}
