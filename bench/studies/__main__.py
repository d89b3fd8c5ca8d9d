"""``python -m bench.studies DATA PAGE``: run every study on the public data below DATA and write the page of results.

The page is committed; running this again on the same data and library versions writes the same page.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

from bench.studies import opensdp_district, oulad, uci_dropout
from bench.studies.study import Answer, answered
from la_assets.early_warning.evaluation import MODELS

STUDIES = (oulad.STUDY, uci_dropout.ENROLMENT, uci_dropout.AFTER_TWO_SEMESTERS, opensdp_district.STUDY)
WORDS = {
    "published": "published", "xgboost": "XGBoost", "logistic": "logistic regression", "rules": "rule flags", "school": "school alone",
}  # fmt: skip
INTRODUCTION = """# Early-warning models on public data

The learner of `early_warning` (`train`, `score`, `evaluate`) on data sets that nobody on this project wrote, through one configuration each
(`bench/studies/`). Written by `python -m bench.studies DATA docs/early_warning_studies.md`; `tests/bench/test_studies.py` holds the
goals in CI.

"Published" is the candidate (logistic regression or XGBoost) that ranked better on held-out years before the scored period; within one
standard error it is the logistic regression. Intervals are 95 %, by bootstrap over students. Precision is that of the tenth with
the highest risk. Subgroup columns (gender, race) are not features, as in a district.
"""


def page(answers: list[Answer]) -> str:
    """The page in Markdown."""
    return INTRODUCTION + "".join(_section(answer) for answer in answers)


def _section(answer: Answer) -> str:
    study = answer.study
    rows = [
        f"\n## {study.name}\n",
        f"{study.question[0].upper()}{study.question[1:]}. Source: {study.source}. Goal: AUC {study.goal:.2f}.\n",
    ]
    rows += ["| model | AUC | AUC-PR | calibration slope | precision, top tenth |", "|---|---|---|---|---|"]
    for model in MODELS:
        cells = [_cell(answer, model, "auc_roc"), _cell(answer, model, "auc_pr"), _cell(answer, model, "calibration_slope")]
        rows.append(f"| {WORDS[model]} | {' | '.join(cells)} | {_cell(answer, model, 'precision', 'top_10_percent')} |")
    n, positives = answer.measure("published", "auc_roc")["n"], answer.measure("published", "auc_roc")["positives"]
    rows.append(f"\n{n:,} rows scored, {positives:,} with the outcome. {_models(answer)}\n")
    return "\n".join(rows)


def _cell(answer: Answer, model: str, metric: str, cut: str = "") -> str:
    wanted = (pl.col("model") == model) & (pl.col("metric") == metric) & (pl.col("cut") == cut)
    row = answer.evaluation.filter(wanted).row(0, named=True)
    return row["status"].replace("_", " ") if row["estimate"] is None else f"{row['estimate']:.3f} ({row['low']:.3f} to {row['high']:.3f})"


def _models(answer: Answer) -> str:
    said = [f"{model.scored_year}: {WORDS[str(model.chosen)]}, {model.calibrations[str(model.chosen)].method}" for model in answer.models]
    folds = answer.study.definition.periods == "folds"
    auc = f" Mean AUC over the folds: {answer.mean_auc():.3f}." if folds else ""
    return f"Published by {'fold' if folds else 'period'} (candidate, calibration): {'; '.join(said)}.{auc}"


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(page([answered(study, Path(sys.argv[1])) for study in STUDIES]))
