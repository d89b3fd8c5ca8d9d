"""The learner on public data, through a configuration per data set: it reaches what others reached there, on periods it did not see."""

from __future__ import annotations

from pathlib import Path

from bench.studies import opensdp_district, oulad, uci_dropout
from bench.studies.study import Answer, Study, answered

from la_assets.early_warning.learner_settings import EvaluationSettings

FEW = EvaluationSettings(resamples=50)


def answer(study: Study, data: Path) -> Answer:
    return answered(study, data, evaluation=FEW)


def test_oulad_in_week_8_predicts_a_later_term(shared_data: Path):
    found = answer(oulad.STUDY, shared_data)
    assert found.models[0].manifest["training_years"] == ["2013B", "2013J", "2014B"]
    assert found.scored["code_presentation"].unique().to_list() == ["2014J"]
    assert found.measure("published", "auc_roc")["estimate"] >= 0.79
    assert found.measure("rules", "auc_roc")["high"] < found.measure("published", "auc_roc")["low"]


def test_uci_at_enrolment_over_five_folds(shared_data: Path):
    found = answer(uci_dropout.ENROLMENT, shared_data)
    assert found.mean_auc() >= 0.82
    assert {model.manifest["periods"] for model in found.models} == {"folds"}
    assert found.scored.height == 4424
    assert not {"Gender"} & set(found.models[0].design.features)


def test_uci_after_two_semesters_over_five_folds(shared_data: Path):
    found = answer(uci_dropout.AFTER_TWO_SEMESTERS, shared_data)
    assert found.mean_auc() >= 0.92
    assert found.measure("published", "auc_roc")["estimate"] >= 0.92


def test_opensdp_grade_8_predicts_the_latest_cohorts(shared_data: Path):
    found = answer(opensdp_district.STUDY, shared_data)
    assert max(found.models[-1].manifest["training_years"]) == "2012"
    assert found.measure("published", "auc_roc")["estimate"] >= 0.73
    assert found.models[-1].chosen == "logistic", "trees do not do better there"
