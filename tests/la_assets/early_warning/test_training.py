"""The learner uses what was known and nothing else, does so the same way every time, and says so when it cannot learn."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from bench.risk_rows import DEFINITION, risk_rows
from polars.testing import assert_frame_equal

from la_assets.early_warning import boosting
from la_assets.early_warning.fitted_model import MODEL_ROW, FittedModel
from la_assets.early_warning.learner_settings import LearnerSettings
from la_assets.early_warning.metrics import auc_roc, calibration_line, curve, ranked
from la_assets.early_warning.model_definition import ModelDefinition
from la_assets.early_warning.scoring import score
from la_assets.early_warning.training import HeldOut, _choice, train, training_rows

YEAR = "2024-25"
AS_OF = dt.date(2025, 1, 31)
QUICK = LearnerSettings(max_rounds=25, early_stopping_rounds=5, held_out_years=2, min_positives=15)


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    return risk_rows(700, 7)


@pytest.fixture(scope="module")
def model(rows: pl.DataFrame) -> FittedModel:
    return train(rows, DEFINITION, QUICK, before=YEAR, as_of=AS_OF)


@pytest.fixture(scope="module")
def now(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("school_year") == YEAR)


def probabilities(model: FittedModel, rows: pl.DataFrame, definition: ModelDefinition = DEFINITION) -> np.ndarray:
    return score(model, rows, definition, {}, most_reasons=0)["probability"].to_numpy()


# What may be learned from


def test_only_labels_whose_window_had_closed_by_the_snapshot_are_learned_from(rows: pl.DataFrame):
    used, account = training_rows(rows, DEFINITION, YEAR, AS_OF)
    assert used["school_year"].unique().sort().to_list() == ["2018-19", "2019-20", "2020-21", "2021-22", "2022-23"]
    assert used["label_known_on"].max() <= AS_OF
    assert account == {"rows": 4900, "not_earlier": 700, "label_open": 700, "known_too_late": 0, "used": 3500}


def test_a_label_from_the_future_changes_nothing(rows: pl.DataFrame, model: FittedModel):
    """Every label of the open year is turned round, and the scored year's own is given away: the model is the same to the bit."""
    planted = rows.with_columns(
        pl.when(pl.col("school_year") >= "2023-24").then(~pl.col("dropped_out")).otherwise("dropped_out").alias("dropped_out")
    )
    assert train(planted, DEFINITION, QUICK, before=YEAR, as_of=AS_OF).version == model.version


def test_a_perfect_feature_known_only_after_the_snapshot_never_reaches_training(rows: pl.DataFrame, model: FittedModel):
    """Rows of one year were rewritten in hindsight: their attendance is the outcome itself. They are left out, and counted."""
    hindsight = pl.col("school_year") == "2020-21"
    leaked = rows.with_columns(
        pl.when(hindsight).then(1.0 - pl.col("dropped_out").cast(pl.Float64)).otherwise("attendance_rate").alias("attendance_rate"),
        pl.when(hindsight).then(pl.col("as_of_date") + pl.duration(days=200)).otherwise("known_on").alias("known_on"),
    )
    fitted = train(leaked, DEFINITION, QUICK, before=YEAR, as_of=AS_OF)
    without = train(rows.filter(~hindsight), DEFINITION, QUICK, before=YEAR, as_of=AS_OF)
    assert fitted.manifest["rows"]["known_too_late"] == 700
    assert "2020-21" not in fitted.manifest["training_years"]
    assert fitted.version == without.version


def test_a_column_that_the_definition_does_not_name_is_never_read(rows: pl.DataFrame, model: FittedModel):
    planted = rows.with_columns(pl.col("dropped_out").alias("a_perfect_leak"))
    fitted = train(planted, DEFINITION, QUICK, before=YEAR, as_of=AS_OF)
    assert "a_perfect_leak" not in fitted.design.names
    assert fitted.version == model.version


def test_held_out_years_are_predicted_from_what_was_usable_at_their_own_snapshot(rows: pl.DataFrame, model: FittedModel):
    """In January 2021 labels of 2019-20 were open. A leak that exists only in them must not help to predict 2020-21."""
    assert model.manifest["held_out_years"] == ["2021-22", "2022-23"]
    open_then = pl.col("school_year") == "2021-22"
    planted = rows.with_columns(
        pl.when(open_then).then(pl.col("dropped_out").cast(pl.Float32) * 100).otherwise("noise_00").alias("noise_00")
    )
    fitted = train(planted, DEFINITION, QUICK, before=YEAR, as_of=AS_OF)
    # 2022-23 was predicted without the rows of 2021-22. (How many trees are grown for it is read off 2021-22, hence the tolerance.)
    assert fitted.manifest["choice"]["years"] == ["2022-23"]
    before, after = model.manifest["choice"]["auc"], fitted.manifest["choice"]["auc"]
    assert after["logistic"] == before["logistic"]
    assert after["xgboost"] == pytest.approx(before["xgboost"], abs=0.03)


def test_label_and_audit_columns_cannot_be_features():
    with pytest.raises(ValueError, match="race_ethnicity"):
        replace(DEFINITION, features=("gpa", "race_ethnicity"))
    with pytest.raises(ValueError, match="dropped_out"):
        replace(DEFINITION, features=("gpa", "dropped_out"))


def test_race_is_no_feature_by_default_and_the_switch_is_recorded(rows: pl.DataFrame, model: FittedModel):
    assert not set(model.design.features) & set(DEFINITION.audit)
    assert model.manifest["audit_features"] == []
    switched = replace(DEFINITION, audit_as_features=("race_ethnicity",), categories={"race_ethnicity": ("A", "B", "C", "D")})
    fitted = train(rows, switched, QUICK, before=YEAR, as_of=AS_OF)
    assert fitted.to_row()["audit_features"] == ["race_ethnicity"]
    assert "race_ethnicity=A" in fitted.design.names


def test_a_student_twice_in_a_year_is_refused(rows: pl.DataFrame):
    with pytest.raises(ValueError, match="count twice"):
        train(pl.concat([rows, rows.head(1)]), DEFINITION, QUICK, before=YEAR, as_of=AS_OF)


# How well


def test_both_candidates_come_close_to_the_true_risk_and_are_calibrated():
    """6,000 students: AUC within 0.02 of the AUC of the probability that made the outcomes, slope within 0.9 to 1.1."""
    rows = risk_rows(6000, 7, seed=11, base=-4.6)
    now = rows.filter(pl.col("school_year") == YEAR)
    fitted = train(rows, DEFINITION, LearnerSettings(), before=YEAR, as_of=AS_OF)
    label = now["dropped_out"].to_numpy().astype(float)
    scored = score(fitted, now, DEFINITION, {}, most_reasons=0)
    best = auc_roc(curve(ranked(now["true_probability"].to_numpy()), label))
    for column in ("probability", "probability_xgboost", "probability_logistic"):
        p = scored[column].to_numpy()
        assert auc_roc(curve(ranked(p), label)) > best - 0.02
        assert 0.9 < calibration_line(p, label)[0] < 1.1
    assert abs(scored["probability"].mean() - label.mean()) < 0.01


def test_a_held_out_year_that_was_unlike_the_others_does_not_lower_every_probability():
    """In the newest closed year absence was worse throughout, with as many dropouts as ever: models of earlier years overrate it."""
    rows = risk_rows(1500, 7)
    odd = pl.col("school_year") == "2022-23"
    shifted = rows.with_columns(pl.when(odd).then(pl.col("attendance_rate") - 0.05).otherwise("attendance_rate").alias("attendance_rate"))
    fitted = train(shifted, DEFINITION, QUICK, before=YEAR, as_of=AS_OF)
    known = shifted.filter(pl.col("school_year").is_in(fitted.manifest["held_out_years"]))
    observed = known["dropped_out"].cast(pl.Float64).mean()
    told = score(fitted, known, DEFINITION, {}, most_reasons=0)
    for column in ("probability_logistic", "probability_xgboost"):
        assert told[column].mean() == pytest.approx(observed, abs=1e-3)


def test_within_a_standard_error_the_simpler_candidate_is_published():
    random = np.random.default_rng(1)
    margin = random.normal(size=2000)
    label = (random.random(2000) < 1 / (1 + np.exp(2 - 2 * margin))).astype(float)

    def year(noise: float) -> HeldOut:
        margins = {"xgboost": margin, "logistic": margin + noise * random.normal(size=2000)}
        return HeldOut("2022-23", label, np.arange(2000), margins, False, 10, lambda rounds: margin)

    assert _choice([year(1.0)])[0] == "xgboost"
    assert _choice([year(0.01)])[0] == "logistic"
    worse = year(1.0)
    worse.margins["xgboost"], worse.margins["logistic"] = worse.margins["logistic"], worse.margins["xgboost"]
    assert _choice([worse])[0] == "logistic"


def test_rows_of_one_student_are_one_piece_of_evidence():
    """The same rows four times over: the difference is as uncertain as before."""
    random = np.random.default_rng(2)
    margin, other = random.normal(size=500), random.normal(size=500)
    label = (random.random(500) < 1 / (1 + np.exp(1 - margin))).astype(float)

    def error(copies: int) -> float:
        margins = {"xgboost": np.tile(margin, copies), "logistic": np.tile(margin + other, copies)}
        student = np.tile(np.arange(500), copies)
        return _choice([HeldOut("2022-23", np.tile(label, copies), student, margins, False, 1, lambda rounds: margin)])[1]["standard_error"]

    assert error(4) == pytest.approx(error(1), rel=1e-9)


# The same every time


def test_threads_and_the_order_of_rows_do_not_change_a_bit(rows: pl.DataFrame, model: FittedModel, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(boosting, "WORTH_THREADS", 0)
    for threads in (2, 3):
        again = train(
            rows.sample(fraction=1, shuffle=True, seed=threads), DEFINITION, replace(QUICK, threads=threads), before=YEAR, as_of=AS_OF
        )
        assert again.version == model.version
        assert again.manifest == model.manifest


def test_a_stored_model_scores_bit_for_bit(model: FittedModel, now: pl.DataFrame):
    stored = pl.DataFrame([model.to_row()], schema=dict(MODEL_ROW))
    back = FittedModel.from_row(stored.row(0, named=True))
    assert back == model
    assert_frame_equal(score(back, now, DEFINITION, {}), score(model, now, DEFINITION, {}), check_exact=True)


def test_a_stored_model_that_was_changed_is_refused(model: FittedModel):
    row = model.to_row()
    row["calibration"] = row["calibration"].replace("1", "2", 1)
    with pytest.raises(ValueError, match="was changed after it was stored"):
        FittedModel.from_row(row)


def test_the_manifest_says_what_the_model_is_made_of(model: FittedModel):
    assert model.manifest["training_years"] == ["2018-19", "2019-20", "2020-21", "2021-22", "2022-23"]
    assert set(model.manifest["libraries"]) == {"numpy", "polars", "scikit-learn", "xgboost-cpu"}
    assert model.manifest["settings"]["max_rounds"] == 25
    assert len(model.manifest["data_hash"]) == 16


def test_the_data_hash_knows_every_value(rows: pl.DataFrame, model: FittedModel):
    touched = rows.with_columns(pl.when(pl.int_range(pl.len()) == 5).then(pl.col("gpa") + 0.01).otherwise("gpa").alias("gpa"))
    assert train(touched, DEFINITION, QUICK, before=YEAR, as_of=AS_OF).manifest["data_hash"] != model.manifest["data_hash"]


# Bad input: a clear status, never a crash


def status(rows: pl.DataFrame, **changes: Any) -> str:
    fitted = train(rows, DEFINITION, QUICK, before=YEAR, as_of=AS_OF, **changes)
    assert fitted == FittedModel.from_row(fitted.to_row())
    return fitted.status


def test_no_labelled_year(rows: pl.DataFrame, now: pl.DataFrame):
    assert status(now) == "no_labelled_rows"
    assert status(rows.clear()) == "no_labelled_rows"
    fitted = train(now, DEFINITION, QUICK, before=YEAR, as_of=AS_OF)
    scored = score(fitted, now, DEFINITION, {})
    assert scored.height == now.height
    assert scored["status"].unique().to_list() == ["no_model"]
    assert scored["probability"].null_count() == now.height


def test_one_class_and_too_few_positives(rows: pl.DataFrame):
    assert status(rows.with_columns(dropped_out=pl.lit(False))) == "one_class"
    few = rows.with_columns(dropped_out=pl.col("student_key") < "s0000002")
    assert status(few) == "too_few_positives"


def test_one_labelled_year_gives_the_logistic_regression_as_it_is(rows: pl.DataFrame, now: pl.DataFrame):
    fitted = train(rows.filter(pl.col("school_year") == "2022-23"), DEFINITION, replace(QUICK, min_positives=5), before=YEAR, as_of=AS_OF)
    assert (fitted.status, fitted.chosen, fitted.booster) == ("no_later_year", "logistic", None)
    assert fitted.calibrations["logistic"].method == "none"
    scored = score(fitted, now, DEFINITION, {})
    assert scored["probability"].is_between(0, 1).all()
    assert scored["probability_xgboost"].null_count() == now.height


def test_constant_and_missing_columns_are_left_out_and_named(rows: pl.DataFrame, now: pl.DataFrame):
    bad = rows.with_columns(noise_00=pl.lit(3.0), noise_01=pl.lit(None, pl.Float64), noise_02=pl.lit(float("nan")))
    fitted = train(bad, DEFINITION, QUICK, before=YEAR, as_of=AS_OF)
    assert fitted.manifest["features_left_out"] == {"noise_00": "constant", "noise_01": "all_missing", "noise_02": "all_missing"}
    assert np.isfinite(probabilities(fitted, now)).all()


def test_nothing_but_constants(rows: pl.DataFrame):
    flat = rows.with_columns(pl.lit(1.0).alias(name) for name in DEFINITION.features)
    assert status(flat) == "no_usable_features"


def test_a_missing_column_and_unlisted_text_are_errors_that_name_it(rows: pl.DataFrame):
    with pytest.raises(ValueError, match="gpa"):
        train(rows.drop("gpa"), DEFINITION, QUICK, before=YEAR, as_of=AS_OF)
    with pytest.raises(ValueError, match=r"gpa.*not numeric"):
        train(rows.with_columns(pl.col("gpa").cast(pl.String)), DEFINITION, QUICK, before=YEAR, as_of=AS_OF)


def test_a_typing_error_does_not_become_certainty(model: FittedModel, now: pl.DataFrame):
    """9,999 incidents count as the most that was learned from."""
    assert model.logistic is not None
    most = model.logistic.high[model.design.names.index("incidents")]
    one = now.head(1)
    wild = probabilities(model, one.with_columns(incidents=pl.lit(9999)))
    assert wild == probabilities(model, one.with_columns(incidents=pl.lit(int(most))))
