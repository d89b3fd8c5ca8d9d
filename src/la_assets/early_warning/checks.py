"""What to look at in early warning beyond contracts: empty features, drift, missing models, scores and labels, gaps between subgroups.

Functions from frames of one year to a finding (whether the check passes, a sentence, counts), and at the end the list that binds them
to tables.
"""

from collections.abc import Callable

import polars as pl

from la_assets.checks import TableCheck
from la_assets.data_checks import Finding
from la_assets.early_warning.drift import feature_drift
from la_assets.early_warning.features.student_features import FEATURES as STUDENT_FEATURES
from la_assets.early_warning.fitted_model import SCORING, FittedModel
from la_assets.early_warning.learner_settings import DriftSettings
from la_assets.early_warning.schema import (
    COURSE_EVALUATION,
    COURSE_MODEL,
    COURSE_SCORES,
    DROPOUT_EVALUATION,
    DROPOUT_MODEL,
    DROPOUT_SCORES,
    FAIRNESS,
    FEATURES,
    READINESS_EVALUATION,
    READINESS_MODEL,
    READINESS_SCORES,
)
from la_assets.early_warning.targets import TargetSettings, targets
from la_assets.yearly_tables import Year
from la_resources.contracts import Table

_FEW = 100
_INDICATORS = {"has_lms", "tested_this_year"}
_COMPARED = {
    "prior_attendance_rate", "attendance_change", "prior_gpa", "prior_courses_failed", "gpa_change", "prior_incidents",
    "prior_suspensions", "ela_change", "math_change", "repeated_grade", "absence_x_prior_failed",
}  # fmt: skip
"""Features that need an earlier year."""

_ENOUGH_YEARS = 3
_SEASONAL = ("year_progress", "days_since_entry")
"""Features of the day in the year: in the year in progress they differ from those of whole years."""

_UNLABELLED = ("unknown exit", "no exit on record", "no credits on record")


def features_have_values(features: pl.LazyFrame, incomparable: bool) -> Finding:
    """No feature is missing for everyone, or the same for everyone.

    What is compared with the year before can only be missing in the first year on record; the change in attendance also where one of
    the years does not compare. Indicators of a source (``has_lms``) are the same for everyone where all have it.
    """
    columns = list(STUDENT_FEATURES)
    found = features.select(
        pl.len().alias("rows"),
        *(pl.col(c).count().alias(f"n|{c}") for c in columns),
        *((pl.col(c).min() == pl.col(c).max()).alias(f"same|{c}") for c in columns),
        pl.col("years_seen").max().alias("most_years_seen"),
    ).collect(engine="streaming").row(0, named=True)  # fmt: skip
    if found["rows"] < _FEW:
        return True, f"{found['rows']} rows are too few to judge", {"rows": found["rows"]}
    excused = {*_COMPARED, "years_seen", "grades_repeated"} if not found["most_years_seen"] else set()
    excused |= {"attendance_change"} if incomparable else set()
    empty = [c for c in columns if found[f"n|{c}"] == 0 and c not in excused]
    constant = [c for c in columns if found[f"same|{c}"] and c not in excused and c not in _INDICATORS]
    words = f"missing for everyone: {', '.join(empty) or 'none'}; the same for everyone: {', '.join(constant) or 'none'}"
    return not empty and not constant, words, {"rows": found["rows"], "missing": len(empty), "constant": len(constant)}


def models_are_fitted(models: pl.LazyFrame) -> Finding:
    """Every target whose outcomes are on record has a model. Targets of which the data carry no outcome are named, and pass."""
    rows = models.select("target", "status", "n_closed", "n_labelled").collect()
    no_source = rows.filter(pl.col("n_closed") > 0, pl.col("n_labelled") == 0)["target"].sort().to_list()
    due = rows.filter(pl.col("n_labelled") > 0)
    without = due.filter(~pl.col("status").is_in(list(SCORING)))
    words = "; ".join(f"{r['target']}: {r['status']} ({r['n_labelled']} labels)" for r in without.iter_rows(named=True))
    words = words or f"{due.height} of {rows.height} targets have outcomes to learn from, and a model"
    words += f"; no outcome on record: {', '.join(no_source)}" if no_source else ""
    return without.is_empty(), words, {"targets": rows.height, "with_outcomes": due.height, "without_model": without.height}


def students_are_scored(scores: pl.LazyFrame, models: pl.LazyFrame, least: float) -> Finding:
    """Of the rows of targets that have a model, at least a share has a probability."""
    fitted = models.filter(pl.col("status").is_in(list(SCORING))).select("target")
    rows, with_score = (
        scores.join(fitted, on="target", how="semi")
        .select(pl.len(), pl.col("probability").count().alias("n"))
        .collect(engine="streaming")
        .row(0)
    )
    share = with_score / rows if rows else 1.0
    return share >= least, f"{share:.1%} of {rows} rows have a score; expected {least:.0%}", {"rows": rows, "scored": with_score}


def features_have_not_drifted(features: pl.LazyFrame, models: pl.LazyFrame, year: Year) -> Finding:
    """The features of the dropout target look as they did for the rows that the year's model learned from."""
    own = year.district.early_warning
    row = next(models.filter(pl.col("target") == "dropout").collect().iter_rows(named=True), None)
    model = FittedModel.from_row(row) if row else None
    if model is None or row is None or not model.scores:
        return True, "no model to compare with", {}
    if len(row["training_years"]) < _ENOUGH_YEARS:
        return True, f"the model learned from {len(row['training_years'])} years only: too few to call a difference drift", {}
    settings = TargetSettings(
        own.scored_grades, own.dropout_training_grades, own.course_snapshots, demographics_as_features=own.demographics_as_features
    )
    target = targets(settings)["dropout"]
    units = target.units(features, target.trained_grades).collect(engine="streaming")
    found = feature_drift(model, units, DriftSettings(psi_drift=own.psi_bound))
    moved = found.filter(pl.col("status") == "drift", ~pl.col("feature").is_in(list(_SEASONAL))).sort("psi", descending=True)
    named = ", ".join(f"{r['feature']} ({r['psi']:.2f})" for r in moved.head(8).iter_rows(named=True))
    counts = {"features": found.height, "drifted": moved.height}
    return moved.is_empty(), f"features that moved by a PSI over {own.psi_bound:g}: {named or 'none'}", counts


def model_has_not_drifted(evaluation: pl.LazyFrame) -> Finding:
    """Published scores are as good as the model was when it was chosen, and as well calibrated."""
    rows = evaluation.filter(pl.col("drift").is_not_null()).collect()
    bad = rows.filter(~pl.col("drift").is_in(["stable", "not_known"]))
    words = "; ".join(
        f"{r['target']} of {r['scored_year']} at {r['snapshot']}: {r['drift']}"
        f" (AUC {_said(r['estimate'])}, {_said(r['reference_auc'])} when chosen)"
        for r in bad.iter_rows(named=True)
    )
    return bad.is_empty(), words or f"{rows.height} evaluated models are stable", {"evaluated": rows.height, "drifted": bad.height}


def _said(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def outcomes_are_known(evaluation: pl.LazyFrame, most: float, which: tuple[str, ...], what: str) -> Finding:
    """Few rows whose window closed lack a label because an exit is unknown or not on record."""
    counted = pl.col("metric") == "outcome"
    rows = evaluation.filter(counted).select("cut", pl.col("n").fill_null(0)).collect()
    every, lost = int(rows["n"].sum()), int(rows.filter(pl.col("cut").is_in(list(which)))["n"].sum())
    share = lost / every if every else 0.0
    return share <= most, f"{lost} of {every} outcomes ({share:.1%}) {what}; the limit is {most:.0%}", {"outcomes": every, "unknown": lost}


def subgroups_are_served_alike(audit: pl.LazyFrame) -> Finding:
    """No difference from a reference group is over its bound. Groups without evidence are counted, not passed."""
    rows = audit.filter(pl.col("verdict").is_not_null()).collect()
    gaps = rows.filter(pl.col("verdict") == "gap")
    lacking = rows.filter(pl.col("verdict") == "insufficient evidence").height
    words = "; ".join(
        f"{r['target']} of {r['scored_year']}, {r['subgroup']} {r['group']}: {r['measure'].replace('_', ' ')} {r['estimate']:+.2f}"
        for r in gaps.iter_rows(named=True)
    )
    counts = {"differences": rows.height, "over_bound": gaps.height, "insufficient_evidence": lacking}
    return gaps.is_empty(), words or f"{rows.height - lacking} differences within their bounds, {lacking} without enough evidence", counts


def _families() -> dict[str, tuple[TableCheck, ...]]:
    checks: dict[str, tuple[TableCheck, ...]] = {}
    for model, scores, evaluation in (
        (DROPOUT_MODEL, DROPOUT_SCORES, DROPOUT_EVALUATION),
        (COURSE_MODEL, COURSE_SCORES, COURSE_EVALUATION),
        (READINESS_MODEL, READINESS_SCORES, READINESS_EVALUATION),
    ):
        checks[model.name] = (
            TableCheck(
                "models_are_fitted",
                (model,),
                _judge_model(model),
                "Every target with closed outcomes has a model; the status names what lacks: outcomes, positives, usable features.",
            ),
        )
        checks[scores.name] = (
            TableCheck(
                "students_are_scored",
                (scores, model),
                _judge_scores(scores, model),
                "Nearly every row of a target that has a model has a score (`early_warning.scored_share`).",
            ),
        )
        checks[evaluation.name] = (
            TableCheck(
                "model_has_not_drifted",
                (evaluation,),
                _judge_drift(evaluation),
                "AUC has not fallen by more than 5 % against the year on which the model was chosen, and the calibration slope is within "
                "0.8 to 1.25 (the district's bounds); else fit the models again, and look at the drifted features.",
            ),
            TableCheck(
                "outcomes_are_known",
                (evaluation,),
                _judge_outcomes(evaluation),
                "At most 5 % of the closed outcomes lack a label because an exit is unknown or not on record; ask for the exits file.",
            ),
            TableCheck(
                "exits_have_a_meaning",
                (evaluation,),
                _judge_exits(evaluation),
                "At most 2 % of the closed outcomes are exits with a code that the district's list lacks; add the codes (`exit_codes`).",
            ),
        )
    return checks


def _judge_model(model: Table) -> Callable[[Year], Finding]:
    return lambda year: models_are_fitted(year[model])


def _judge_scores(scores: Table, model: Table) -> Callable[[Year], Finding]:
    return lambda year: students_are_scored(year[scores], year[model], year.district.early_warning.scored_share)


def _judge_drift(evaluation: Table) -> Callable[[Year], Finding]:
    return lambda year: model_has_not_drifted(year[evaluation])


def _judge_outcomes(evaluation: Table) -> Callable[[Year], Finding]:
    return lambda year: outcomes_are_known(
        year[evaluation], year.district.early_warning.unlabelled_share, _UNLABELLED, "are unknown or not on record"
    )


def _judge_exits(evaluation: Table) -> Callable[[Year], Finding]:
    return lambda year: outcomes_are_known(
        year[evaluation], year.district.early_warning.unknown_exits_share, ("unknown exit",), "are exits of unknown meaning"
    )


def _incomparable(year: Year) -> bool:
    return bool({year.label, year.school_year.shift(-1).label} & set(year.district.incomparable_attendance_years))


_ALL = _families()

CHECKS = _ALL | {
    FEATURES.name: (
        TableCheck(
            "features_have_values",
            (FEATURES,),
            lambda year: features_have_values(year[FEATURES], _incomparable(year)),
            "No feature is missing or the same for every student of the year: a source that stopped, or never came, is named here.",
        ),
    ),
    DROPOUT_SCORES.name: (
        *_ALL[DROPOUT_SCORES.name],
        TableCheck(
            "features_have_not_drifted",
            (DROPOUT_SCORES, FEATURES, DROPOUT_MODEL),
            lambda year: features_have_not_drifted(year[FEATURES], year[DROPOUT_MODEL], year),
            "No feature's distribution moved by a PSI over 0.25 (the district's bound) from what the model learned from; look whether the "
            "source changed how it counts.",
        ),
    ),
    FAIRNESS.name: (
        TableCheck(
            "subgroups_are_served_alike",
            (FAIRNESS,),
            lambda year: subgroups_are_served_alike(year[FAIRNESS]),
            "No subgroup's TPR or selection rate differs from the reference group's by more than the bound; groups with too few students "
            "are counted as insufficient evidence.",
        ),
    ),
}
