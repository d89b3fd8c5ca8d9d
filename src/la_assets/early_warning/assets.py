"""The early-warning assets: features, and for each family of targets its model, scores and evaluation; the audit; who crossed a threshold.

The graph is the walk-forward: the model of a year reads the years before it, as known on the day before it begins, and is evaluated in
the year in which the outcomes became known. How rows, labels and models are made stands in the room's plain modules.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any

import dagster as dg
import polars as pl

from la_assets.assessments.schema import SCORES as TEST_SCORES
from la_assets.attendance.schema import DAILY
from la_assets.attendance.schema import STUDENT_YEAR as ATTENDANCE_YEAR
from la_assets.behavior.schema import INCIDENTS
from la_assets.coursework.schema import GRADES
from la_assets.early_warning import asset_pages, labelled_units
from la_assets.early_warning.evaluated_years import evaluation_rows
from la_assets.early_warning.fairness_rows import fairness_rows
from la_assets.early_warning.features import course_features as courses_at
from la_assets.early_warning.features import student_features as students_at
from la_assets.early_warning.features.snapshots import Snapshot, is_complete, snapshots_of
from la_assets.early_warning.features.student_features import AUDIT, FeatureSettings, Sources
from la_assets.early_warning.fitted_model import FittedModel
from la_assets.early_warning.labels import LabelSettings, OutcomeSources
from la_assets.early_warning.learner_settings import DriftSettings, EvaluationSettings, FairnessSettings, LearnerSettings
from la_assets.early_warning.model_definition import LEVELS
from la_assets.early_warning.recommendations import RecommendationRules
from la_assets.early_warning.risk_changes import risk_changes as changes
from la_assets.early_warning.schema import (
    COURSE,
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
    RISK_CHANGES,
)
from la_assets.early_warning.scored_units import model_row, scored
from la_assets.early_warning.targets import FAMILIES, Target, TargetSettings, targets
from la_assets.early_warning.training import train
from la_assets.engagement.schema import LMS_DAILY
from la_assets.outcomes.schema import EXITS, POSTSECONDARY
from la_assets.programs.schema import PARTICIPATION
from la_assets.roster.schema import CALENDAR, ENROLLMENTS, SECTION_ENROLLMENTS, SECTIONS, STUDENTS
from la_assets.school_years import earlier_years, own_and_earlier_years
from la_assets.yearly_tables import Page, Year, yearly_table
from la_resources.contracts import Table

_LEARNED_YEARS = 8
_EVALUATED_YEARS = 4
_OUTCOMES = {
    "dropout": (EXITS, ENROLLMENTS),
    "course_failure": (GRADES,),
    "college_readiness": (EXITS, GRADES, TEST_SCORES, POSTSECONDARY),
}
"""Tables in which the outcomes of a family stand."""

_FEATURE_INPUTS = (
    DAILY, ATTENDANCE_YEAR, ENROLLMENTS, STUDENTS, GRADES, SECTION_ENROLLMENTS, SECTIONS, INCIDENTS, TEST_SCORES, PARTICIPATION, CALENDAR,
)  # fmt: skip
_FEATURE_YEARS = {ATTENDANCE_YEAR: 1, ENROLLMENTS: 3, STUDENTS: 3, GRADES: 4, INCIDENTS: 1, TEST_SCORES: 2}
"""Earlier years that the features of a year read."""


# -- settings ---------------------------------------------------------------------------------------------------------------


def _targets(year: Year, family: str) -> list[Target]:
    own = year.district.early_warning
    every = targets(
        TargetSettings(
            own.scored_grades, own.dropout_training_grades, own.course_snapshots, (own.medium_risk, own.high_risk),
            own.demographics_as_features, own.low_attendance,
        )
    )  # fmt: skip
    return [every[name] for name in FAMILIES[family]]


def _label_settings(year: Year) -> LabelSettings:
    own = year.district.early_warning
    return LabelSettings(
        own.dropout_window_years, own.settling_days, own.passing_percent, own.sat_ela_benchmark, own.sat_math_benchmark,
        own.on_track_credits, own.on_track_core_fs, own.ap_success_score,
    )  # fmt: skip


def _drift_settings(year: Year) -> DriftSettings:
    own = year.district.early_warning
    return DriftSettings(psi_drift=own.psi_bound, auc_drop=own.auc_drop_bound, slope_bounds=own.slope_bounds)


# -- features ---------------------------------------------------------------------------------------------------------------


def _snapshots(year: Year) -> tuple[tuple[Snapshot, ...], dt.date | None]:
    last = year[DAILY].select(pl.col("date").max()).collect(engine="streaming").item()
    end = year[CALENDAR].filter("is_instructional").select(pl.col("date").max()).collect(engine="streaming").item()
    schedule = year.district.early_warning.snapshots
    scheduled = snapshots_of(year.school_year.first_day, schedule, dt.date.max, complete=True)
    return snapshots_of(year.school_year.first_day, schedule, last, is_complete(last, end, scheduled[-1].day)), end


@yearly_table(
    FEATURES,
    inputs=(*_FEATURE_INPUTS, LMS_DAILY),
    history={table.name: own_and_earlier_years(years) for table, years in _FEATURE_YEARS.items()},
)
def features(year: Year) -> pl.LazyFrame:
    """A student enrolled at a snapshot day in one of the scored grades, with everything that was known by then.

    **From** attendance, marks, sections, behaviour, tests, learning-system activity, programs and the roster; nothing that happened
    or became known after `as_of_date` is in a row. A missing value means not known. Snapshot days are the district's
    (`early_warning.snapshots`); in the year in progress the last day with attendance is the snapshot `latest`.

    **Fresh** every night. A snapshot of a past day changes only when a correction reaches it.

    **If it fails**, an input is missing: see which in the message. Columns that are empty throughout are named by a check.
    """
    snapshots, last_day = _snapshots(year)
    if not snapshots:
        return FEATURES.empty()
    own, earlier = year.__getitem__, year.history
    sources = Sources(
        own(DAILY), earlier(ATTENDANCE_YEAR), earlier(ENROLLMENTS), earlier(STUDENTS), earlier(GRADES), own(SECTION_ENROLLMENTS),
        own(SECTIONS), earlier(INCIDENTS), earlier(TEST_SCORES), own(LMS_DAILY), own(PARTICIPATION),
    )  # fmt: skip
    district = year.district
    settings = FeatureSettings(
        district.early_warning.scored_grades, district.chronic_absence_rate, district.minimum_days_enrolled,
        district.early_warning.recent_days, district.early_warning.passing_percent, district.incomparable_attendance_years,
    )  # fmt: skip
    made = students_at.student_features(sources, snapshots, year.label, last_day, settings)
    return FEATURES.shape(made.sort(FEATURES.key))


@yearly_table(COURSE, inputs=(FEATURES, GRADES, LMS_DAILY), history={GRADES.name: own_and_earlier_years(1)})
def course_features(year: Year) -> pl.LazyFrame:
    """A student in a course with at least one mark by a snapshot day: the marks so far, the class's, activity in the section.

    **From** `coursework.grades` and `engagement.lms_daily`, for the students and days of `early_warning.features`. Courses without any
    mark by the day have no row, and no score.

    **Fresh** with its inputs, every night. **It fails** only with them.
    """
    days = year[FEATURES].select("snapshot", "as_of_date").unique().sort("as_of_date").collect(engine="streaming")
    if days.is_empty():
        return COURSE.empty()
    snapshots = tuple(Snapshot(*row) for row in days.iter_rows())
    students = year[FEATURES].select("student_key").unique()
    grades, lms = (f.join(students, on="student_key", how="semi") for f in (year.history(GRADES), year[LMS_DAILY]))
    made = courses_at.course_features(grades, lms, snapshots, year.label, year.district.early_warning.recent_days)
    return COURSE.shape(made.join(year[FEATURES], on=["student_key", "snapshot"], how="semi").sort(COURSE.key))


# -- models, scores, evaluations --------------------------------------------------------------------------------------------


def _sources(family: str, frames: Callable[[Table], pl.LazyFrame]) -> OutcomeSources:
    each = {
        table: frames(table) if table in _OUTCOMES[family] else table.empty()
        for table in (EXITS, ENROLLMENTS, GRADES, TEST_SCORES, POSTSECONDARY)
    }
    return OutcomeSources(*each.values())


def _unit_tables(family: str) -> tuple[Table, ...]:
    return (FEATURES, COURSE) if family == "course_failure" else (FEATURES,)


def _courses(family: str, frames: Callable[[Table], pl.LazyFrame]) -> pl.LazyFrame | None:
    return frames(COURSE) if family == "course_failure" else None


def _model_of(family: str) -> Callable[[Year], Page]:
    def model(year: Year) -> Page:
        as_of = year.school_year.first_day - dt.timedelta(days=1)
        own, rows = year.district.early_warning, []
        for target in _targets(year, family):
            units = labelled_units.units(target, year.history(FEATURES), _courses(family, year.history), target.trained_grades)
            keys = units.select(*labelled_units.KEYS, "as_of_date")
            known = labelled_units.labelled(target, keys, _sources(family, year.history), as_of, _label_settings(year))
            most = own.most_course_rows if family == "course_failure" else own.most_training_rows
            chosen, account = labelled_units.training_rows(known.collect(engine="streaming"), own.training_years, most)
            frame = labelled_units.with_features(chosen, units).collect(engine="streaming")
            settings = LearnerSettings(
                held_out_years=target.held_out_years, learning_rate=target.learning_rate,
                rows_for_workers=own.rows_for_workers, workers=own.workers, scheduler=own.scheduler,
            )  # fmt: skip
            fitted = train(frame, target.definition, settings, before=year.label, as_of=as_of)
            rows.append(model_row(fitted, frame, target.name, year.label, as_of=as_of, account=account))
        return Page(pl.concat(rows).pipe(_shaped, table=_MODELS[family]), asset_pages.of_models(rows))

    return model


def _scores_of(family: str) -> Callable[[Year], Page]:
    def scores(year: Year) -> Page:
        models = year[_MODELS[family]].collect()
        own, parts = year.district.early_warning, []
        rules = RecommendationRules(own.low_attendance, own.low_gpa, own.many_suspensions, own.low_completion)
        for target in _targets(year, family):
            units = labelled_units.units(target, year[FEATURES], _courses(family, year.__getitem__), target.scored_grades)
            row = next(models.filter(pl.col("target") == target.name).iter_rows(named=True), None)
            parts.append(scored(FittedModel.from_row(row) if row else None, units.collect(engine="streaming"), target, rules))
        every = pl.concat(parts)
        return Page(_shaped(every, table=_SCORES[family]), asset_pages.of_scores(every, _targets(year, family)))

    return scores


def _evaluation_of(family: str) -> Callable[[Year], Page]:
    def evaluation(year: Year) -> Page:
        own, parts = year.district.early_warning, []
        shows: dict[str, Any] = {}
        models = year.history(_MODELS[family]).drop("booster", "reference", "logistic", "baselines", "calibration").collect()
        for target in _targets(year, family):
            due = _due(year, family, target)
            settings = EvaluationSettings(resamples=own.resamples)
            rows = evaluation_rows(due, models, target, year.label, evaluation=settings, drift=_drift_settings(year))
            parts.append(_dated(rows, due, year))
            shows |= asset_pages.of_evaluation(rows, due, target, own.decision_snapshot, draw=not shows)
        return Page(_shaped(pl.concat(parts), table=_EVALUATIONS[family]), shows)

    return evaluation


def _due(year: Year, family: str, target: Target, *, decision_only: bool = False) -> pl.DataFrame:
    """Scores whose outcomes became known in this year: after the last day with attendance of the years before, by this year's last one."""
    days = dict(
        year.history(ATTENDANCE_YEAR).group_by("school_year").agg(pl.col("last_date").max()).collect(engine="streaming").iter_rows()
    )
    until = days.pop(year.label, None)
    if until is None:
        return pl.DataFrame()
    after = max(days.values(), default=year.school_year.first_day - dt.timedelta(days=1))
    given = year.history(_SCORES[family]).filter(pl.col("target") == target.name, pl.col("grade_level").is_in(list(target.trained_grades)))
    audit = year.history(FEATURES).select("student_key", "snapshot", "school_year", *AUDIT)
    units = given.drop("reasons", "recommendations").join(audit, on=["student_key", "snapshot", "school_year"], how="left")
    if decision_only or not target.evaluated_at_all_snapshots:
        units = units.filter(pl.col("snapshot") == year.district.early_warning.decision_snapshot)
    known = labelled_units.labelled(target, units, _sources(family, year.history), until, _label_settings(year))
    return (
        labelled_units.came_due(known, after, until)
        .sort("school_year", "as_of_date", "student_key", "section_id")
        .collect(engine="streaming")
    )


def _dated(rows: pl.DataFrame, due: pl.DataFrame, year: Year) -> pl.DataFrame:
    """The rows with their lineage: known when the last of the outcomes was."""
    known = due["label_known_on"].max() if due.height else year.school_year.first_day
    loaded = due["loaded_at"].max() if due.height else dt.datetime.combine(year.school_year.first_day, dt.time(), dt.UTC)
    return rows.with_columns(
        pl.lit(year.label).alias("school_year"),
        pl.lit(known, pl.Date).alias("known_on"),
        pl.lit("early_warning").alias("source"),
        pl.lit(loaded, pl.Datetime("us", "UTC")).alias("loaded_at"),
    )


def _shaped(rows: pl.DataFrame, table: Table) -> pl.LazyFrame:
    """The contract's columns and types, in the order in which rows are stored: no second sort while writing."""
    typed = rows.lazy().cast({name: dtype for name, dtype in table.polars_schema().items() if name in rows.columns})
    return table.shape(typed.sort(table.key))


_MODELS = {"dropout": DROPOUT_MODEL, "course_failure": COURSE_MODEL, "college_readiness": READINESS_MODEL}
_SCORES = {"dropout": DROPOUT_SCORES, "course_failure": COURSE_SCORES, "college_readiness": READINESS_SCORES}
_EVALUATIONS = {"dropout": DROPOUT_EVALUATION, "course_failure": COURSE_EVALUATION, "college_readiness": READINESS_EVALUATION}

_MODEL_PAGE = """The model that scores {who} in a school year: trees and logistic regression, calibrated, and the plain baselines.

**From** `early_warning.features` of earlier years and the outcomes known on the day before the year begins; {label} Rows whose
window has not closed by that day teach nothing. A row is a target; `status` says why a target has no model, `manifest` what it learned.

**Fresh** every quarter, and when a correction reaches an earlier year. Stored as text (XGBoost's own JSON and coefficients), never
as a pickle; the same inputs give the same bytes.

**If it fails**, the message names the target. Too few years or outcomes are no failure: the status says so."""

_SCORES_PAGE = """The {what} risk of {who} at a snapshot day: probability with interval, level, five reasons in words, recommendations.

**From** `early_warning.features` and the year's own model, so that an old year scored again gives the same. Without a model the rows
are there with the status `no_model` and no number.

**Fresh** every night with the features. A probability is a reason to look, never a decision; the evaluation says how far to trust it.

**If it fails**, the model and the features disagree: materialise the year's model again."""

_EVALUATION_PAGE = """How good the {what} scores were, once the outcomes are known: AUC, Brier, calibration, precision, recall.

**From** the scores of earlier years and the outcomes on record. A partition holds the scored years whose outcomes became known in that
school year, each exactly once; `outcome` rows count what became of everyone, labelled or not. Intervals are bootstrap, 95 %.

**Fresh** every quarter. A year in which nothing was due has a row that says so.

**If it fails**, see the message; a target without enough outcomes is a status, not a failure."""

_DROPOUT_LABEL = "the label is leaving without diploma or transfer by the end of the next school year."
_COURSE_LABEL = "the label is a course whose marks of the year average under passing."
_READINESS_LABEL = "the labels are not on track after grade 9, SAT benchmark missed, no AP exam passed, no college enrolment."


def _described(function: Callable[[Year], Page], page: str, **words: str) -> Callable[[Year], Page]:
    function.__doc__ = page.format(**words)
    return function


def _model_asset(family: str, who: str, label: str) -> dg.AssetsDefinition:
    inputs = (*_unit_tables(family), *_OUTCOMES[family])
    history = {table.name: earlier_years(_LEARNED_YEARS) for table in inputs}
    declared = yearly_table(_MODELS[family], inputs=inputs, history=history, cadence="quarterly", kinds=("polars", "parquet", "xgboost"))
    return declared(_described(_model_of(family), _MODEL_PAGE, who=who, label=label))


def _scores_asset(family: str, what: str, who: str) -> dg.AssetsDefinition:
    declared = yearly_table(_SCORES[family], inputs=(*_unit_tables(family), _MODELS[family]), kinds=("polars", "parquet", "xgboost"))
    return declared(_described(_scores_of(family), _SCORES_PAGE, what=what, who=who))


def _evaluation_asset(family: str, what: str) -> dg.AssetsDefinition:
    inputs = (_SCORES[family], _MODELS[family], FEATURES, ATTENDANCE_YEAR, *_OUTCOMES[family])
    history = {table.name: own_and_earlier_years(_EVALUATED_YEARS) for table in inputs}
    declared = yearly_table(_EVALUATIONS[family], inputs=inputs, history=history, cadence="quarterly")
    return declared(_described(_evaluation_of(family), _EVALUATION_PAGE, what=what))


dropout_model = _model_asset("dropout", "students for dropping out", _DROPOUT_LABEL)
dropout_scores = _scores_asset("dropout", "dropout", "a student")
dropout_evaluation = _evaluation_asset("dropout", "dropout")
course_failure_model = _model_asset("course_failure", "students in courses for failing them", _COURSE_LABEL)
course_failure_scores = _scores_asset("course_failure", "course failure", "a student in a course")
course_failure_evaluation = _evaluation_asset("course_failure", "course failure")
college_readiness_model = _model_asset("college_readiness", "students for missing marks of college readiness", _READINESS_LABEL)
college_readiness_scores = _scores_asset("college_readiness", "college readiness", "a student")
college_readiness_evaluation = _evaluation_asset("college_readiness", "college readiness")


# -- audit and alerts -------------------------------------------------------------------------------------------------------

_AUDITED = tuple(dict.fromkeys((*_SCORES.values(), FEATURES, ATTENDANCE_YEAR, *(t for tables in _OUTCOMES.values() for t in tables))))


@yearly_table(FAIRNESS, inputs=_AUDITED, history={t.name: own_and_earlier_years(_EVALUATED_YEARS) for t in _AUDITED}, cadence="quarterly")
def fairness_audit(year: Year) -> Page:
    """How scores serve each subgroup (race and ethnicity, gender, lunch, English learners, education plans), once outcomes are known.

    **From** the scores of earlier years at the decision snapshot and the outcomes on record; a partition holds the years whose
    outcomes became known in it. Groups are compared with a reference group; too few students give the verdict
    `insufficient evidence`, never a pass, and small cells are suppressed.

    **Fresh** every quarter. **A gap over its bound** fails a check: look at which rate differs, and whether the features or the outcome
    explain it, before changing any threshold.
    """
    own, parts = year.district.early_warning, []
    bounds = {"equal_opportunity_difference": own.fairness_bound, "demographic_parity_difference": own.parity_bound}
    settings = FairnessSettings(bounds=bounds, resamples=own.resamples)
    for family in FAMILIES:
        for target in _targets(year, family):
            due = _due(year, family, target, decision_only=True)
            rows = fairness_rows(due, target, year.label, own.decision_snapshot, settings)
            parts.append(_dated(rows, due, year))
    every = pl.concat(parts)
    return Page(_shaped(every, table=FAIRNESS), asset_pages.of_fairness(every))


@yearly_table(RISK_CHANGES, inputs=tuple(_SCORES.values()), history={table.name: own_and_earlier_years(1) for table in _SCORES.values()})
def risk_changes(year: Year) -> pl.LazyFrame:
    """A student (in a course) whose risk level rose or fell since the last scoring, or who was first scored above Low.

    **From** the scores of this year and the last ones of the year before. This is what an alert is made of; small moves within a level
    are no change, and students without a score are in no row.

    **Fresh** every night with the scores. **It fails** only with its inputs.
    """
    columns = ["target", "student_key", "section_id", "snapshot", "as_of_date", "school_id", "grade_level", "probability", "level"]
    lineage = ["model_version", "school_year", "known_on", "source", "loaded_at"]
    scores = pl.concat([year.history(table).select(*columns, *lineage) for table in _SCORES.values()])
    return RISK_CHANGES.shape(changes(scores, year.label, LEVELS))
