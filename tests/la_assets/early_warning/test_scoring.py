"""Scores and reasons: exact, in plain words, one row as many, and no row lost; and the pictures of them."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from bench.risk_rows import DEFINITION, risk_rows

from la_assets.early_warning import plots
from la_assets.early_warning.evaluation import evaluate
from la_assets.early_warning.fitted_model import FittedModel
from la_assets.early_warning.learner_settings import EvaluationSettings, LearnerSettings
from la_assets.early_warning.reasons import Phrase, strongest
from la_assets.early_warning.scoring import SCORE_COLUMNS, RowScorer, feature_importance, parts_of, score
from la_assets.early_warning.training import train

PHRASES = {"attendance_rate": Phrase("attended {value} of days, district {typical}", "share")}


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    return risk_rows(700, 7)


@pytest.fixture(scope="module")
def now(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("school_year") == "2024-25")


@pytest.fixture(scope="module")
def model(rows: pl.DataFrame) -> FittedModel:
    settings = LearnerSettings(max_rounds=25, early_stopping_rounds=5, held_out_years=2, min_positives=15)
    return train(rows, DEFINITION, settings, before="2024-25", as_of=dt.date(2025, 1, 31))


@pytest.fixture(params=["xgboost", "logistic"])
def either(request: pytest.FixtureRequest, model: FittedModel) -> FittedModel:
    return replace(model, chosen=request.param)


def test_parts_add_up_to_the_margin(either: FittedModel, now: pl.DataFrame):
    """XGBoost adds in single precision: to 1e-4 there, to 1e-12 for the logistic regression."""
    parts, base = parts_of(either, either.design.matrix(now))
    margin = score(either, now, DEFINITION, {}, most_reasons=0)["margin"].to_numpy()
    assert parts.sum(axis=1) + base == pytest.approx(margin, abs=1e-4 if either.chosen == "xgboost" else 1e-12)
    assert np.ptp(base) == pytest.approx(0, abs=1e-12)


def test_reasons_are_the_parts_of_largest_size(either: FittedModel, now: pl.DataFrame):
    parts, _ = parts_of(either, either.design.matrix(now))
    told = score(either, now, DEFINITION, PHRASES)["reasons"].to_list()
    for row in (0, 17, 400):
        order = [either.design.features[at] for at in np.argsort(-np.abs(parts[row]), kind="stable")[:5]]
        assert [reason["feature"] for reason in told[row]] == [f for f, p in zip(order, sorted(-np.abs(parts[row])), strict=False) if p]
        assert {r["feature"]: r["contribution"] for r in told[row]}[order[0]] == parts[row][either.design.features.index(order[0])]


@pytest.mark.parametrize(
    ("phrase", "value", "typical", "said"),
    [
        (Phrase("attended {value} of days, district {typical}", "share"), 0.806, 0.94, "attended 81 % of days, district 94 %"),
        (Phrase("{value} absences, typical {typical}", "count"), 12.0, 3.0, "12 absences, typical 3"),
        (Phrase("GPA {value}"), 1.875, 2.9, "GPA 1.88"),
        (Phrase("was retained", "flag", otherwise="never retained"), True, None, "was retained"),
        (Phrase("was retained", "flag", otherwise="never retained"), False, None, "never retained"),
        (Phrase("was retained", "flag"), False, None, "not: was retained"),
        (Phrase("attended {value}", "share"), None, 0.94, "attendance rate not on record"),
        (Phrase("attended {value}", "share", missing="no attendance sent"), None, 0.94, "no attendance sent"),
    ],
)
def test_reasons_are_said_in_plain_words(phrase: Phrase, value: object, typical: float | None, said: str):
    frame = pl.DataFrame({"attendance_rate": [value]}, schema={"attendance_rate": pl.Boolean if isinstance(value, bool) else pl.Float64})
    told = strongest(
        np.array([[1.0]]),
        frame,
        ("attendance_rate",),
        reference={"attendance_rate": {"typical": typical}},
        phrases={"attendance_rate": phrase},
        most=5,
    )
    assert [reason["text"] for reason in told.to_list()[0]] == [said]


def test_a_feature_without_part_is_no_reason_and_one_without_phrase_is_named():
    frame = pl.DataFrame({"gpa": [2.0], "bus_route": ["north"]})
    told = strongest(
        np.array([[0.0, -0.5]]), frame, ("gpa", "bus_route"), reference={"bus_route": {"typical_text": "south"}}, phrases={}, most=5
    )
    assert told.to_list() == [
        [{"feature": "bus_route", "value": None, "typical": None, "contribution": -0.5, "text": "bus route: north, typical south"}]
    ]


def test_one_row_scores_as_it_does_among_all(either: FittedModel, now: pl.DataFrame):
    scorer = RowScorer(either)
    some = now.head(40)
    alone = [scorer(row) for row in some.to_dicts()]
    assert alone == score(either, now, DEFINITION, {})["probability"].head(40).to_list()


def test_one_row_is_scored_in_well_under_ten_milliseconds(either: FittedModel, now: pl.DataFrame):
    """Processor time, which neighbours on the machine do not stretch: the goal is 1,500 a second, asked here is a third of it."""
    scorer, some = RowScorer(either), now.head(200).to_dicts()
    started = time.process_time()
    for row in some:
        scorer(row)
    assert (time.process_time() - started) / len(some) < 0.002


def test_no_row_is_lost_and_their_order_stays(model: FittedModel, now: pl.DataFrame):
    shuffled = now.sample(fraction=1, shuffle=True, seed=3)
    told = score(model, shuffled, DEFINITION, PHRASES)
    assert told["student_key"].to_list() == shuffled["student_key"].to_list()
    assert {c: told.schema[c] for c in SCORE_COLUMNS} == dict(SCORE_COLUMNS)
    assert score(model, now.clear(), DEFINITION, PHRASES).height == 0


def test_features_known_after_the_snapshot_give_no_score(model: FittedModel, now: pl.DataFrame):
    late = now.with_columns(known_on=pl.when(pl.col("student_key") == "s0000003").then(dt.date(2025, 3, 1)).otherwise("known_on"))
    told = score(model, late, DEFINITION, PHRASES)
    refused = told.filter(pl.col("status") == "known_too_late")
    assert refused["student_key"].to_list() == ["s0000003"]
    assert refused.select("probability", "level", "reasons", "margin").null_count().row(0) == (1, 1, 1, 1)


def test_levels_are_low_medium_and_high():
    frame = pl.DataFrame({"p": [0.0, 0.2999, 0.30, 0.5999, 0.60, 1.0, None]})
    levels = frame.select(DEFINITION.level(pl.col("p")).alias("level"))["level"].to_list()
    assert levels == ["Low", "Low", "Medium", "Medium", "High", "High", None]


def test_a_model_without_probabilities_scores_no_single_row(rows: pl.DataFrame):
    none = train(rows.clear(), DEFINITION, LearnerSettings(), before="2024-25", as_of=None)
    with pytest.raises(ValueError, match="no_labelled_rows"):
        RowScorer(none)


# Pictures


def words(figure: object) -> str:
    axes = figure.axes[0]  # type: ignore[attr-defined]
    legend = axes.get_legend()
    texts = [*axes.texts, axes.title, axes.xaxis.label, axes.yaxis.label, *(legend.get_texts() if legend else [])]
    return " | ".join(text.get_text() for text in [*texts, *figure.axes[0].get_children()] if hasattr(text, "get_text"))  # type: ignore[attr-defined]


def test_pictures_name_what_they_show(model: FittedModel, now: pl.DataFrame):
    told = score(model, now, DEFINITION, {}, most_reasons=0)
    roc = words(plots.roc_figure(told, DEFINITION, "ROC of dropout"))
    assert all(name in roc for name in ("ROC of dropout", "XGBoost", "logistic regression", "rule flags", "school alone", "flagged"))
    assert "slope" in words(plots.calibration_figure(evaluate(told, DEFINITION, EvaluationSettings(resamples=20)), "Calibration"))
    assert len(plots.reasons_figure(feature_importance(model, now), "Reasons").axes[0].patches) == 15


def test_pictures_without_data_say_so(model: FittedModel, now: pl.DataFrame):
    told = score(model, now, DEFINITION, {}, most_reasons=0).with_columns(dropped_out=pl.lit(None, pl.Boolean))
    assert "No curve" in words(plots.roc_figure(told, DEFINITION, "ROC"))
    assert "No curve" in words(plots.calibration_figure(evaluate(told, DEFINITION, EvaluationSettings(resamples=20)), "Calibration"))
    assert "No reasons" in words(plots.reasons_figure(pl.DataFrame({"feature": [], "mean_abs_contribution": []}), "Reasons"))


def test_no_group_under_ten_and_no_single_student_is_drawn():
    frame = pl.DataFrame({"race_ethnicity": ["A"] * 40 + ["B"] * 9, "probability": [0.1 + i / 100 for i in range(39)] + [0.99] + [0.5] * 9})
    figure = plots.distribution_figure(frame, "race_ethnicity", "Scores")
    told = words(figure)
    assert "A (40)" in told
    assert "B (" not in told
    assert "1 group of fewer than 10" in told
    drawn = np.concatenate([line.get_xdata() for line in figure.axes[0].lines[:1]])
    assert drawn.max() < 0.9, "the one student at 0.99 does not show"
