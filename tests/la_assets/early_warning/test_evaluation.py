"""Evaluation, fairness audit and drift: right numbers with honest intervals, and a status where there is no number."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from bench.risk_rows import DEFINITION
from sklearn import metrics as sk

from la_assets.early_warning.bootstrap import draws
from la_assets.early_warning.design_matrix import Design
from la_assets.early_warning.drift import MODEL_DRIFT_COLUMNS, feature_drift, model_drift, reference, stability_index
from la_assets.early_warning.evaluation import EVALUATION_STATUSES, MODELS, evaluate
from la_assets.early_warning.fairness import FAIRNESS_STATUSES, audit, verdict
from la_assets.early_warning.fitted_model import FittedModel
from la_assets.early_warning.learner_settings import DriftSettings, EvaluationSettings, FairnessSettings

QUICK = EvaluationSettings(resamples=200)
AUDIT = FairnessSettings(resamples=200)
SNAPSHOT = dt.date(2025, 1, 31)


def scored(n: int = 2000, seed: int = 5, year: str = "2024-25") -> pl.DataFrame:
    """Students whose probability is the truth, with worse models beside it."""
    random = np.random.default_rng(seed)
    margin = random.normal(size=n) * 1.5 - 1.5
    p = 1 / (1 + np.exp(-margin))
    label = random.random(n) < p
    return pl.DataFrame(
        {
            "student_key": [f"s{i:05d}" for i in range(n)],
            "school_year": year,
            "as_of_date": SNAPSHOT,
            "dropped_out": label,
            "event_on": pl.Series([SNAPSHOT + dt.timedelta(days=100) if y else None for y in label], dtype=pl.Date),
            "probability": p,
            "probability_xgboost": p,
            "probability_logistic": 1 / (1 + np.exp(-(margin + random.normal(size=n)))),
            "probability_rules": np.round(p, 1),
            "probability_school": 0.25,
            "race_ethnicity": random.choice(["A", "B", "C"], n, p=[0.6, 0.4 - 3 / n, 3 / n]),
            "gender": "F",
            "frl": random.random(n) < 0.5,
            "ell": None,
            "ese": False,
        }
    )


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    return scored()


@pytest.fixture(scope="module")
def taken(rows: pl.DataFrame) -> pl.DataFrame:
    return evaluate(rows, DEFINITION, QUICK)


def measure(taken: pl.DataFrame, metric: str, model: str = "published", cut: str = "") -> dict:
    return taken.filter((pl.col("metric") == metric) & (pl.col("model") == model) & (pl.col("cut") == cut)).row(0, named=True)


def test_estimates_are_scikit_learns(rows: pl.DataFrame, taken: pl.DataFrame):
    y = rows["dropped_out"].to_numpy()
    for model, column in MODELS.items():
        p = rows[column].to_numpy()
        assert measure(taken, "auc_roc", model)["estimate"] == pytest.approx(sk.roc_auc_score(y, p), abs=1e-12)
        assert measure(taken, "auc_pr", model)["estimate"] == pytest.approx(sk.average_precision_score(y, p), abs=1e-12)
        assert measure(taken, "brier", model)["estimate"] == pytest.approx(sk.brier_score_loss(y, p), abs=1e-12)
    flagged = rows["probability"].to_numpy() >= 0.30
    at = "threshold_0.30"
    assert measure(taken, "precision", cut=at)["estimate"] == pytest.approx(sk.precision_score(y, flagged), abs=1e-12)
    assert measure(taken, "recall", cut=at)["estimate"] == pytest.approx(sk.recall_score(y, flagged), abs=1e-12)


def test_the_true_probability_has_slope_one_and_its_interval_says_so(taken: pl.DataFrame):
    slope, intercept = measure(taken, "calibration_slope"), measure(taken, "calibration_intercept")
    assert slope["low"] < 1 < slope["high"]
    assert intercept["low"] < 0 < intercept["high"]
    assert measure(taken, "calibration_slope", "school")["status"] == "constant_prediction"


def test_intervals_have_the_width_of_theory(rows: pl.DataFrame, taken: pl.DataFrame):
    """AUC by DeLong, Brier by its own standard deviation, slope by the information: within 20 % (200 resamples)."""
    from la_assets.early_warning.metrics import auc_influence

    p, y = rows["probability"].to_numpy(), rows["dropped_out"].to_numpy().astype(float)
    auc = np.sqrt((auc_influence(p, y)[1] ** 2).sum())
    brier = ((p - y) ** 2).std() / np.sqrt(len(y))
    x = np.log(p / (1 - p))
    information = np.array([[(p * (1 - p)).sum(), (p * (1 - p) * x).sum()], [(p * (1 - p) * x).sum(), (p * (1 - p) * x * x).sum()]])
    slope = np.sqrt(np.linalg.inv(information)[1, 1])
    for metric, error in (("auc_roc", auc), ("brier", brier), ("calibration_slope", slope)):
        row = measure(taken, metric)
        assert (row["high"] - row["low"]) / 3.92 == pytest.approx(error, rel=0.2)


def test_snapshots_of_one_student_do_not_make_an_interval_narrower(rows: pl.DataFrame, taken: pl.DataFrame):
    again = pl.concat([rows, rows.with_columns(school_id=pl.lit("x")).select(rows.columns)])
    twice = evaluate(again, DEFINITION, QUICK)
    for metric in ("auc_roc", "brier", "calibration_slope"):
        one, two = measure(taken, metric), measure(twice, metric)
        assert two["estimate"] == pytest.approx(one["estimate"], abs=1e-9)
        assert (two["low"], two["high"]) == pytest.approx((one["low"], one["high"]), abs=1e-6)


def test_baselines_flag_as_many_as_the_model(taken: pl.DataFrame):
    for cut in ("threshold_0.30", "top_5_percent", "top_10_percent"):
        assert taken.filter((pl.col("metric") == "flagged") & (pl.col("cut") == cut))["estimate"].n_unique() == 1
    assert measure(taken, "flagged", cut="top_10_percent")["estimate"] == 200


def test_a_school_that_says_nothing_finds_what_chance_finds(rows: pl.DataFrame, taken: pl.DataFrame):
    base = rows["dropped_out"].mean()
    assert measure(taken, "precision", "school", "top_10_percent")["estimate"] == pytest.approx(base)
    assert measure(taken, "recall", "school", "top_10_percent")["estimate"] == pytest.approx(0.10)


def test_bins_account_for_every_student(rows: pl.DataFrame, taken: pl.DataFrame):
    bins = taken.filter((pl.col("metric") == "calibration_bin") & (pl.col("model") == "published"))
    assert bins["n"].sum() == rows.height
    assert bins["positives"].sum() == rows["dropped_out"].sum()
    assert bins.height == 10
    assert (bins["low"] <= bins["estimate"]).all()
    assert (bins["estimate"] <= bins["high"]).all()


def test_lead_time_is_from_the_first_flag_to_the_drop(rows: pl.DataFrame):
    assert measure(evaluate(rows, DEFINITION, QUICK), "lead_time_days", cut="threshold_0.30")["estimate"] == 100
    earlier = rows.with_columns(as_of_date=pl.lit(dt.date(2024, 11, 1)))
    both = evaluate(pl.concat([rows, earlier]), DEFINITION, QUICK)
    assert measure(both, "lead_time_days", cut="threshold_0.30")["estimate"] == 191
    undated = evaluate(rows, replace(DEFINITION, event_on=None), QUICK)
    assert measure(undated, "lead_time_days", cut="threshold_0.30")["status"] == "no_dates"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"dropped_out": pl.lit(None, pl.Boolean)}, "no_outcomes"),
        ({"probability": pl.lit(None, pl.Float64)}, "no_predictions"),
        ({"dropped_out": pl.lit(False)}, "one_class"),
        ({"dropped_out": pl.col("student_key") < "s00003"}, "too_few_positives"),
        ({"dropped_out": pl.when(pl.col("student_key") < "s00012").then("dropped_out")}, "too_few_rows"),
    ],
)
def test_a_year_that_cannot_be_judged_says_why(rows: pl.DataFrame, change: dict[str, pl.Expr], status: str):
    told = evaluate(rows.with_columns(**change), DEFINITION, QUICK)
    assert told["status"].unique().to_list() == [status]
    assert told["estimate"].null_count() == told.height
    assert set(told["model"]) == set(MODELS)


def test_nobody_flagged_is_said_not_divided_by(rows: pl.DataFrame):
    timid = rows.with_columns(pl.col("probability") * 0.3)
    told = evaluate(timid, DEFINITION, QUICK)
    assert measure(told, "precision", cut="threshold_0.30")["status"] == "nobody_flagged"
    assert measure(told, "recall", cut="threshold_0.30")["estimate"] == 0
    assert set(told["status"]) <= set(EVALUATION_STATUSES)


def test_years_and_snapshots_are_judged_apart(rows: pl.DataFrame):
    two = pl.concat([rows.with_columns(snapshot=pl.lit("Q1")), scored(seed=6, year="2023-24").with_columns(snapshot=pl.lit("Q2"))])
    told = evaluate(two, DEFINITION, QUICK, by=["snapshot"])
    assert told.select("snapshot", "scored_year").unique().sort("snapshot").rows() == [("Q1", "2024-25"), ("Q2", "2023-24")]
    assert evaluate(two.clear(), DEFINITION, QUICK, by=["snapshot"]).is_empty()


def test_each_resample_draws_as_many_students_as_there_are():
    batches = list(draws(50, 60, 1))
    assert sum(len(batch) for batch in batches) == 60
    assert all((batch.sum(axis=1) == 50).all() for batch in batches)


# Fairness


def groups(told: pl.DataFrame, subgroup: str, group: str, name: str) -> dict:
    return told.filter((pl.col("subgroup") == subgroup) & (pl.col("group") == group) & (pl.col("measure") == name)).row(0, named=True)


def test_rates_are_those_of_a_confusion_matrix(rows: pl.DataFrame):
    told = audit(rows, DEFINITION, AUDIT)
    mine = rows.filter("frl")
    y, flagged = mine["dropped_out"].to_numpy(), mine["probability"].to_numpy() >= 0.30
    (tn, fp), (fn, tp) = sk.confusion_matrix(y, flagged)
    expected = {"tpr": tp / (tp + fn), "fpr": fp / (fp + tn), "precision": tp / (tp + fp), "selection_rate": flagged.mean()}
    for name, value in expected.items():
        row = groups(told, "frl", "true", name)
        assert row["estimate"] == pytest.approx(value, abs=1e-12)
        assert row["low"] <= value <= row["high"]
    difference = groups(told, "frl", "true", "equal_opportunity_difference")["estimate"]
    reference = groups(told, "frl", "false", "tpr")["estimate"]
    assert difference == pytest.approx(expected["tpr"] - reference) or groups(told, "frl", "true", "tpr")["is_reference"]


def test_a_group_of_three_is_suppressed_and_never_passes(rows: pl.DataFrame):
    told = audit(rows, DEFINITION, AUDIT).filter(pl.col("subgroup") == "race_ethnicity")
    small = told.filter(pl.col("group") == "C")
    assert small["status"].unique().to_list() == ["suppressed"]
    assert small["group_verdict"].unique().to_list() == ["insufficient evidence"]
    assert small.select("estimate", "n", "positives").null_count().row(0) == (small.height,) * 3
    neighbour = told.filter(pl.col("group") == "B")
    assert set(neighbour["status"]) == {"counts_suppressed"}
    assert neighbour["n"].null_count() == neighbour.height, "or the group of three could be had by subtraction"


def test_a_model_that_overlooks_a_group_has_a_gap(rows: pl.DataFrame):
    blind = rows.with_columns(probability=pl.when("frl").then(pl.col("probability") * 0.4).otherwise("probability"))
    told = audit(blind, DEFINITION, replace(AUDIT, references={"frl": "false"}))
    row = groups(told, "frl", "true", "equal_opportunity_difference")
    assert row["verdict"] == "gap"
    assert row["high"] < -0.1
    assert row["group_verdict"] == "gap"


def test_equal_service_passes_only_with_enough_students():
    large, small = scored(20000, seed=8), scored(150, seed=8)
    settings = replace(AUDIT, references={"frl": "false"})
    assert groups(audit(large, DEFINITION, settings), "frl", "true", "demographic_parity_difference")["verdict"] == "pass"
    assert groups(audit(small, DEFINITION, settings), "frl", "true", "demographic_parity_difference")["verdict"] == "insufficient evidence"


@pytest.mark.parametrize(
    ("low", "estimate", "high", "said"),
    [
        (-0.05, 0.0, 0.05, "pass"),
        (-0.02, 0.08, 0.12, "insufficient evidence"),
        (0.05, 0.12, 0.2, "gap"),
        (-0.05, 0.12, 0.3, "insufficient evidence"),
        (-0.3, -0.2, -0.15, "gap"),
        (float("nan"), 0.0, 0.0, "insufficient evidence"),
    ],
)
def test_a_verdict_needs_evidence(low: float, estimate: float, high: float, said: str):
    assert verdict(estimate, low, high, 0.10) == said
    assert verdict(estimate, low, high, None) == "insufficient evidence"


def test_an_audit_without_outcomes_predictions_or_reference_says_so(rows: pl.DataFrame):
    none = audit(rows.with_columns(dropped_out=pl.lit(None, pl.Boolean)), DEFINITION, AUDIT)
    assert none["status"].unique().to_list() == ["no_outcomes"]
    assert "pass" not in none["group_verdict"].to_list()
    blank = audit(rows.with_columns(probability=pl.lit(None, pl.Float64)), DEFINITION, AUDIT)
    assert blank["status"].unique().to_list() == ["no_predictions"]
    lost = audit(rows, DEFINITION, replace(AUDIT, references={"race_ethnicity": "C"}))
    row = groups(lost, "race_ethnicity", "A", "equal_opportunity_difference")
    assert (row["status"], row["verdict"]) == ("reference_without_rate", "insufficient evidence")
    assert set(lost["status"]) | set(none["status"]) | set(blank["status"]) <= set(FAIRNESS_STATUSES)


def test_no_dropouts_in_a_group_is_no_evidence_of_equal_opportunity(rows: pl.DataFrame):
    calm = rows.with_columns(dropped_out=pl.col("dropped_out") & ~pl.col("frl"))
    row = groups(audit(calm, DEFINITION, replace(AUDIT, references={"frl": "false"})), "frl", "true", "equal_opportunity_difference")
    assert (row["status"], row["verdict"], row["estimate"]) == ("too_few_events", "insufficient evidence", None)


# Drift


def test_the_stability_index_is_the_textbooks():
    """(0.3 - 0.5) ln(0.3 / 0.5) + (0.7 - 0.5) ln(0.7 / 0.5) = 0.16946."""
    assert stability_index([0.5, 0.5], [0.3, 0.7]) == pytest.approx(0.169460, abs=1e-6)


def learned(rows: pl.DataFrame, features: tuple[str, ...], **categories: tuple[str, ...]) -> FittedModel:
    design = Design(features, categories)
    return FittedModel("t", "2024-25", "fitted", {}, design, reference=reference(rows, design))


def test_a_feature_that_moved_or_went_missing_drifts_and_one_that_did_not_does_not():
    random = np.random.default_rng(4)
    then = pl.DataFrame(
        {"a": random.normal(size=3000), "b": random.normal(size=3000), "c": random.normal(size=3000), "k": ["x", "y", "x"] * 1000}
    )
    now = pl.DataFrame({"a": random.normal(size=900), "b": random.normal(size=900) + 1, "c": [None, 1.0, -1.0] * 300, "k": ["y"] * 900})
    told = feature_drift(learned(then, ("a", "b", "c", "k"), k=("x", "y")), now, DriftSettings())
    assert dict(told.select("feature", "status").iter_rows()) == {"a": "stable", "b": "drift", "c": "drift", "k": "drift"}
    assert told.filter(pl.col("feature") == "c")["missing_now"].item() == pytest.approx(1 / 3)
    few = feature_drift(learned(then, ("a",)), now.head(50), DriftSettings())
    assert few.select("psi", "status").row(0) == (None, "too_few_rows")


@pytest.mark.parametrize(
    ("auc", "slope", "said"),
    [
        (0.80, 1.0, "stable"), (0.75, 1.0, "auc_down"), (0.80, 1.4, "slope_out"), (0.70, 0.5, "auc_down_and_slope_out"),
        (None, 1.0, "not_known"),
    ],
)  # fmt: skip
def test_a_model_drifts_by_a_fall_of_auc_or_a_slope_out_of_bounds(auc: float | None, slope: float, said: str):
    models = pl.DataFrame({"scored_year": ["2024-25"], "held_out_auc": [0.80]})
    figures = pl.DataFrame(
        {
            "scored_year": "2024-25",
            "model": "published",
            "metric": ["auc_roc", "calibration_slope"],
            "estimate": [auc, slope],
            "status": ["ok" if auc else "one_class", "ok"],
        }
    )
    told = model_drift(models, figures, DriftSettings())
    assert told.columns == list(MODEL_DRIFT_COLUMNS)
    assert told["status"].item() == said
