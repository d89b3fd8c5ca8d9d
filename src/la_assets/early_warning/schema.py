"""Contracts of the early-warning tables: features, and per family of targets the model, its scores and its evaluation.

The families share their columns, so that one reader serves all. Rows about one student are not shown on asset pages. What a status
means stands with the module that gives it; what a feature means in ``features/``.
"""

from __future__ import annotations

import polars as pl

from la_assets.early_warning.drift import MODEL_DRIFT_STATUSES
from la_assets.early_warning.evaluation import EVALUATION_STATUSES
from la_assets.early_warning.fairness import FAIRNESS_STATUSES, VERDICTS
from la_assets.early_warning.features.course_features import COURSE_FEATURES
from la_assets.early_warning.features.student_features import FEATURES as STUDENT_FEATURES
from la_assets.early_warning.fitted_model import CANDIDATES, MODEL_STATUSES
from la_assets.early_warning.model_definition import LEVELS
from la_assets.early_warning.recommendations import RECOMMENDATIONS
from la_assets.early_warning.risk_changes import CHANGES
from la_assets.early_warning.scoring import SCORE_COLUMNS, SCORE_STATUSES
from la_assets.early_warning.targets import FAMILIES
from la_assets.landing.schema import GENDERS, GRADES, RACE_ETHNICITY, day, flag, number, text, whole
from la_resources.contracts import SCHOOL_YEAR_PATTERN, Column, ForeignKey, Table, lineage_columns, student_key

_student = ForeignKey(("student_key",), "roster.students", ("student_key",))
_snapshot = text("snapshot", "Name of the snapshot: as configured, or `latest` in the year in progress.", nullable=False)
_as_of = day("as_of_date", "The snapshot's day: nothing later is known to the row.", nullable=False)
_section = text("section_id", "Section, for targets about a course; empty for targets about a student.", nullable=False)
_TARGETS = tuple(name for names in FAMILIES.values() for name in names)
_target = text("target", "What is warned of.", nullable=False, options=_TARGETS)

FEATURES = Table(
    "early_warning.features",
    "A student enrolled at a snapshot day, with everything known by then.",
    (
        student_key(),
        _snapshot,
        _as_of,
        text("school_id", "School at the snapshot.", nullable=False),
        text("grade_level", "Grade level (CEDS) at the snapshot.", nullable=False, options=GRADES),
        text("gender", "Gender, for the audit.", options=GENDERS),
        text("race_ethnicity", "Federal roll-up, for the audit.", options=RACE_ETHNICITY),
        flag("frl", "Free or reduced-price lunch, as known at the snapshot."),
        flag("ell", "English learner, as known at the snapshot."),
        flag("ese", "Individual education plan, as known at the snapshot."),
        *(number(name, description) for name, description in STUDENT_FEATURES.items()),
        *lineage_columns(),
    ),
    ("student_key", "snapshot", "school_year"),
    (_student, ForeignKey(("school_id",), "roster.schools", ("school_id",))),
    preview=False,
)

COURSE = Table(
    "early_warning.course_features",
    "A student in a course with at least one mark at a snapshot day; to be read beside the student's features.",
    (
        student_key(),
        text("section_id", "Section.", nullable=False),
        _snapshot,
        _as_of,
        *(number(name, description) for name, description in COURSE_FEATURES.items()),
        *lineage_columns(),
    ),
    ("student_key", "section_id", "snapshot", "school_year"),
    (_student, ForeignKey(("section_id",), "roster.sections", ("section_id",))),
    preview=False,
)


def _texts(name: str, description: str) -> Column:
    return Column(name, pl.List(pl.String), description)


_MODEL = (
    _target,
    text("model_version", "Hash of everything that decides a score.", nullable=False),
    text("scored_year", "The year it was trained for; it knows only the years before.", nullable=False, pattern=SCHOOL_YEAR_PATTERN),
    text("status", "Whether and why there is (no) model; only `fitted` and `no_later_year` score.", nullable=False, options=MODEL_STATUSES),
    text("chosen", "Candidate behind the published probability, by held-out AUC.", options=CANDIDATES),
    _texts("training_years", "School years learned from."),
    _texts("features", "Features a model may read."),
    _texts("audit_features", "Demographics that are features nevertheless; empty by default."),
    Column("n_rows", pl.Int64, "Rows learned from.", minimum=0),
    Column("n_positives", pl.Int64, "Rows among them with the outcome.", minimum=0),
    _texts("held_out_years", "Years predicted by models of earlier ones: trees were stopped, calibrated and compared on them."),
    number("held_out_auc", "AUC of the chosen candidate on those years.", 0, 1),
    number("held_out_auc_xgboost", "AUC of the trees on those years.", 0, 1),
    number("held_out_auc_logistic", "AUC of the logistic regression on those years.", 0, 1),
    text("calibration_method", "Curve from log odds to probability.", options=("platt", "isotonic", "none")),
    text("data_hash", "Hash of the rows learned from."),
    text("manifest", "JSON: features, years, account of rows, data hash, settings, library versions.", nullable=False),
    text("booster", "XGBoost's own JSON."),
    text("logistic", "JSON: coefficients of the logistic regression."),
    text("calibration", "JSON: calibration curves."),
    text("baselines", "JSON: rates by school and by number of rule flags."),
    text("reference", "JSON: typical value and distribution of each feature, for reasons and drift."),
    day("as_of_date", "The day before the scored year: nothing known later was learned.", nullable=False),
    whole("n_units", "Students (in courses) at snapshots of the years looked at.", 0, nullable=False),
    whole("n_closed", "Of these, with a window that had closed by the as-of date.", 0, nullable=False),
    whole("n_labelled", "Of these, with a known outcome.", 0, nullable=False),
    whole("n_left_out", "Labelled rows of older years, or of students left out to keep the most rows.", 0, nullable=False),
    *lineage_columns(),
)

_SCORE_TEXTS = {
    "probability": number("probability", "Probability of the outcome; missing without a model.", 0, 1),
    "level": text("level", "Low, Medium or High by the district's thresholds.", options=LEVELS),
    "margin": number("margin", "Log odds before calibration; the contributions of the features add up to it."),
    "base_margin": number("base_margin", "Log odds of the typical row."),
    "probability_xgboost": number("probability_xgboost", "Calibrated probability of the trees.", 0, 1),
    "probability_logistic": number("probability_logistic", "Calibrated probability of the logistic regression.", 0, 1),
    "probability_rules": number("probability_rules", "Rate among those with as many rule flags: the baseline of rules.", 0, 1),
    "probability_school": number("probability_school", "Rate of the school: the baseline that knows the school alone.", 0, 1),
    "rule_flags": whole("rule_flags", "Rules raised (attendance, behaviour, course failure).", 0),
    "model_version": text("model_version", "Model that gave the score."),
    "status": text("status", "`scored`, or why there is no score.", nullable=False, options=SCORE_STATUSES),
}


def _score_column(name: str) -> Column:
    if name == "reasons":
        return Column(
            name,
            SCORE_COLUMNS[name],
            "The five strongest reasons: feature, value, typical value, contribution to the log odds, in words.",
            nullable=True,
        )
    return _SCORE_TEXTS[name]


_SCORES = (
    _target,
    student_key(),
    _section,
    _snapshot,
    _as_of,
    text("school_id", "School at the snapshot.", nullable=False),
    text("grade_level", "Grade level at the snapshot.", nullable=False, options=GRADES),
    *(_score_column(name) for name in SCORE_COLUMNS if name not in ("model_version", "status")),
    number(
        "probability_low",
        "Lower end of the risk of students like this one: the models' range, widened by its sampling error.",
        0,
        1,
    ),
    number("probability_high", "Upper end of the risk of students like this one.", 0, 1),
    Column("recommendations", pl.List(pl.String), f"By rule: {', '.join(RECOMMENDATIONS)}."),
    _score_column("model_version"),
    _score_column("status"),
    *lineage_columns(),
)

_EVALUATION = (
    _target,
    text("scored_year", "School year of the scores.", nullable=False, pattern=SCHOOL_YEAR_PATTERN),
    _snapshot,
    text("model", "`published`, a candidate, a baseline, or `outcomes` (counts of what became of the students).", nullable=False),
    text("metric", "What is measured; `outcome` counts rows by what became of them; `none` where nothing was due.", nullable=False),
    text("cut", "Threshold, share flagged, bin or outcome; empty for figures of all rows.", nullable=False),
    number("predicted", "Mean probability: of a bin, or of all rows.", 0, 1),
    number("estimate", "The figure."),
    number("low", "Lower end of its bootstrap interval."),
    number("high", "Upper end."),
    Column("n", pl.Int64, "Rows behind it.", nullable=True, minimum=0),
    Column("positives", pl.Int64, "Of these, with the outcome.", nullable=True, minimum=0),
    text("status", "`ok`, or why there is no figure.", nullable=False, options=(*EVALUATION_STATUSES, "suppressed", "nothing_due")),
    number("reference_auc", "On rows of the published AUC: AUC on the year on which the model was chosen.", 0, 1),
    text("drift", "On rows of the published AUC: whether the model has drifted.", options=MODEL_DRIFT_STATUSES),
    *lineage_columns(),
)


def _family(family: str, unit: str) -> tuple[Table, Table, Table]:
    words = family.replace("_", " ")
    return (
        Table(f"early_warning.{family}_model", f"The model of a {words} target for a school year.", _MODEL, ("target", "school_year")),
        Table(
            f"early_warning.{family}_scores",
            f"The {words} risk of {unit} at a snapshot day.",
            _SCORES,
            ("target", "student_key", "section_id", "snapshot", "school_year"),
            (_student,),
            preview=False,
        ),
        Table(
            f"early_warning.{family}_evaluation",
            f"A figure of how good {words} scores were, in the year in which the outcomes became known.",
            _EVALUATION,
            ("target", "scored_year", "snapshot", "model", "metric", "cut", "school_year"),
        ),
    )


DROPOUT_MODEL, DROPOUT_SCORES, DROPOUT_EVALUATION = _family("dropout", "a student")
COURSE_MODEL, COURSE_SCORES, COURSE_EVALUATION = _family("course_failure", "a student in a course")
READINESS_MODEL, READINESS_SCORES, READINESS_EVALUATION = _family("college_readiness", "a student")

FAIRNESS = Table(
    "early_warning.fairness_audit",
    "A measure of how scores serve a subgroup, in the year in which the outcomes became known.",
    (
        _target,
        text("scored_year", "School year of the scores.", nullable=False, pattern=SCHOOL_YEAR_PATTERN),
        text("snapshot", "Snapshot audited: the district's decisive one of the year.", nullable=False),
        text("subgroup", "Demographic attribute.", nullable=False),
        text("group", "Its value; empty where nothing was due.", nullable=False),
        flag("is_reference", "The group that the others are compared with."),
        text("measure", "Selection rate, TPR, FPR, precision, calibration gap, or a difference from the reference.", nullable=False),
        number("estimate", "The figure; missing where suppressed."),
        number("low", "Lower end of its bootstrap interval."),
        number("high", "Upper end."),
        number("bound", "Largest difference that passes.", 0),
        text("verdict", "Of a difference.", options=VERDICTS),
        text("group_verdict", "The worst verdict of the group.", options=VERDICTS),
        Column("n", pl.Int64, "Students; missing where suppressed.", nullable=True, minimum=0),
        Column("positives", pl.Int64, "Of these, with the outcome; missing where suppressed.", nullable=True, minimum=0),
        text("status", "`ok`, or why there is no figure.", nullable=False, options=(*FAIRNESS_STATUSES, "nothing_due")),
        *lineage_columns(),
    ),
    ("target", "scored_year", "snapshot", "subgroup", "group", "measure", "school_year"),
)

RISK_CHANGES = Table(
    "early_warning.risk_changes",
    "A student (in a course) whose risk level changed since the last scoring.",
    (
        _target,
        student_key(),
        _section,
        _snapshot,
        _as_of,
        text("school_id", "School at the snapshot.", nullable=False),
        text("grade_level", "Grade level at the snapshot.", nullable=False, options=GRADES),
        text("change", "Which way.", nullable=False, options=CHANGES),
        number("probability", "Probability now.", 0, 1, nullable=False),
        text("level", "Level now.", nullable=False, options=LEVELS),
        day("previous_as_of_date", "Day of the scoring before; missing for a first scoring."),
        number("previous_probability", "Probability then.", 0, 1),
        text("previous_level", "Level then.", options=LEVELS),
        text("model_version", "Model that gave the score.", nullable=False),
        *lineage_columns(),
    ),
    ("target", "student_key", "section_id", "snapshot", "school_year"),
    (_student,),
    preview=False,
)
