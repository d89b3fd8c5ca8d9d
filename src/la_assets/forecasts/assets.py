"""The forecast assets: features, models, what candidates say, who wins, predictions, and how they fared."""

import datetime as dt
from typing import Any

import polars as pl

from la_assets.assessments.schema import SCORES, STANDARDS
from la_assets.attendance.schema import DAILY, STUDENT_YEAR
from la_assets.figures import picture
from la_assets.forecasts import drawings, fared, published, training
from la_assets.forecasts.features import Known, feature_rows
from la_assets.forecasts.features import features as known_features
from la_assets.forecasts.finals import final_scores, proficiency_cuts
from la_assets.forecasts.schema import CANDIDATE_PREDICTIONS, EVALUATION, FEATURES, MODELS, PREDICTIONS, SELECTION
from la_assets.forecasts.scoring import scored
from la_assets.forecasts.selection import fold_rows, selection_rows
from la_assets.roster.schema import ENROLLMENTS, SECTION_ENROLLMENTS, SECTIONS, STUDENTS
from la_assets.school_years import earlier_years, own_and_earlier_years
from la_assets.yearly_tables import Page, Year, yearly_table

_PAST = 8
"""Earlier years that models and folds may come from."""
_MODELLED = ("polars", "parquet", "xgboost")


@yearly_table(
    FEATURES,
    inputs=(SCORES, STANDARDS, DAILY, STUDENTS, ENROLLMENTS, SECTIONS, SECTION_ENROLLMENTS, STUDENT_YEAR),
    history={SCORES.name: own_and_earlier_years(2), STUDENT_YEAR.name: earlier_years(1)},
)
def features(year: Year) -> pl.LazyFrame:
    """What was known of an enrolled student on the as-of date after PM1, and again after PM2.

    **From** scores, points by standard, attendance, roster and sections, all cut at the as-of date (`as_of`): the last result of
    the window that came within 30 days of its median. Final scores of this year are not in it; those of the two years before are.

    **Fresh** when the window's results have landed. Before PM1 there are no rows, before PM2 none for `after PM2`.

    **If it fails**, an input breaks the contract: the message names the column and the student.
    """
    settings = year.district.forecasts
    tables = Known(
        scores=year.history(SCORES),
        standards=year[STANDARDS],
        daily=year[DAILY],
        students=year[STUDENTS],
        enrollments=year[ENROLLMENTS],
        sections=year[SECTIONS],
        section_enrollments=year[SECTION_ENROLLMENTS],
        prior_attendance=year.history(STUDENT_YEAR),
    )
    made = known_features(
        tables,
        year.label,
        [year.school_year.shift(-back).label for back in (1, 2)],
        progress_assessment=settings.progress_assessment,
        course_assessment=settings.course_assessment,
        window_days=settings.window_days,
        program_flags=settings.program_flags,
    )
    return feature_rows(made) if made else FEATURES.empty()


@yearly_table(
    MODELS,
    inputs=(FEATURES, SCORES),
    history={FEATURES.name: earlier_years(_PAST), SCORES.name: earlier_years(_PAST)},
    cadence="quarterly",
    kinds=_MODELLED,
)
def models(year: Year) -> pl.LazyFrame:
    """A candidate model of a subject and as-of point, fitted on the years before this one only.

    **From** `forecasts.features` and the final scores of earlier years. Five candidates, hyper-parameters by a time-ordered inner
    split; the artifact (JSON, never a pickle) and its manifest predict anew, bit for bit.

    **Fresh** once a quarter; it changes only when an earlier year is corrected.

    **No model?** `status` says why: a subject needs two earlier years with final scores (2019-20 has none).
    """
    settings = year.district.forecasts
    limits = training.Limits(settings.minimum_students, settings.training_years, settings.training_students)
    made = training.model_rows(year.history(FEATURES), _finals(year, year.history(SCORES)), year.label, limits)
    return _with_lineage(made, year)


@yearly_table(CANDIDATE_PREDICTIONS, inputs=(FEATURES, MODELS), kinds=_MODELLED)
def candidate_predictions(year: Year) -> pl.LazyFrame:
    """What every candidate says of a student's final score; not for use with students, for which see `forecasts.predictions`.

    **From** `forecasts.features` of the year and the stored rows of `forecasts.models`: nothing is fitted here.

    **Fresh** with `forecasts.features`. **If it fails**, a stored model does not load: materialise `forecasts.models` again.
    """
    return scored(year[FEATURES], year[MODELS].collect())


@yearly_table(
    SELECTION,
    inputs=(CANDIDATE_PREDICTIONS, SCORES, MODELS),
    history={table.name: earlier_years(_PAST) for table in (CANDIDATE_PREDICTIONS, SCORES, MODELS)},
)
def selection(year: Year) -> Page:
    """How each candidate did in the outer folds before this year, and which one predicts this year.

    **From** what the candidates said of earlier years and the final scores that came. The lowest mean RMSE wins; of those within one
    standard error of it, the simplest.

    **Fresh** when an earlier year changes. **No folds** means that earlier years of `forecasts.candidate_predictions` were not built.
    """
    made = selection_rows(_folds(year), year.label)
    winners = made.filter("is_winner", pl.col("folds") > 0)
    shows = {f"RMSE {r['subject']} {r['as_of_point']}": round(r["mean_rmse"], 2) for r in winners.iter_rows(named=True)}
    words = "; ".join(f"{r['subject']} {r['as_of_point']}: {r['candidate']}" for r in winners.iter_rows(named=True))
    pictures = {"RMSE by candidate and year": picture(drawings.rmse_by_year(made), "RMSE by candidate and year")} if len(winners) else {}
    return Page(_with_lineage(made, year), shows | ({"winners": words} if words else {}) | pictures)


@yearly_table(
    PREDICTIONS,
    inputs=(CANDIDATE_PREDICTIONS, SCORES, MODELS, SELECTION),
    history={
        CANDIDATE_PREDICTIONS.name: own_and_earlier_years(_PAST),
        SCORES.name: earlier_years(_PAST),
        MODELS.name: own_and_earlier_years(_PAST),
    },
)
def predictions(year: Year) -> Page:
    """The predicted final scale score of a student, with 80 % and 95 % intervals, the chance of proficiency, and the bubble flag.

    **From** the candidate that `forecasts.selection` names; its errors in the most recent earlier years give the intervals, by grade and
    score band. An interval is part of the prediction: never show the score without it, and never as the sole ground of a decision.

    **Fresh** after PM1 and PM2. A student without a prediction has a row that says why (`status`).

    **If it fails**, look at `forecasts.models` of the year.
    """
    settings = year.district.forecasts
    rules = published.Rules(settings.calibration_errors, settings.calibration_group, settings.bubble_standard_errors)
    stored = year[MODELS].select("subject", "as_of_point", "candidate", "status", "model_id").collect()
    made = published.prediction_rows(
        year[CANDIDATE_PREDICTIONS],
        stored,
        year[SELECTION].collect(),
        folds=_folds(year),
        cuts=proficiency_cuts(_finals(year, year.history(SCORES))),
        rules=rules,
    )
    has_score = made["predicted_score"].count()
    return Page(made, {"predictions": has_score, "on the bubble": int(made["bubble"].sum() or 0)} if made.height else {})


@yearly_table(EVALUATION, inputs=(CANDIDATE_PREDICTIONS, PREDICTIONS, SCORES))
def evaluation(year: Year) -> Page:
    """How the predictions of this year fared against its final scores: RMSE, MAE, R2, coverage, Brier score; by candidate and grade.

    **From** `forecasts.predictions` and the final scores of the year itself, once they are in; until then `status` says so.

    **Fresh** when final scores have landed. **Coverage off** 80 and 95 %? Compare `bias`: a year in which everybody did better or worse
    than the years before shows there.
    """
    finals = _finals(year, year[SCORES])
    tests_held = year.label not in year.district.years_without_spring_tests
    made = fared.evaluation_rows(year[CANDIDATE_PREDICTIONS], year[PREDICTIONS], finals, year.label, tests_held=tests_held)
    judged = made.filter("is_winner", pl.col("grade_level") == "all", pl.col("status") == "evaluated")
    shows: dict[str, Any] = {}
    for r in judged.iter_rows(named=True):
        task = f"{r['subject']} {r['as_of_point']}"
        shows |= {f"RMSE {task}": round(r["rmse"], 2), f"R2 {task}": round(r["r2"], 3)}
        shows |= {f"coverage of the 80 % interval {task}": round(r["coverage_80"], 3)} if r["coverage_80"] is not None else {}
    if judged.height:
        told = (
            year[PREDICTIONS]
            .filter(pl.col("as_of_point") == "after PM2", pl.col("predicted_score").is_not_null())
            .join(finals, on=["student_key", "subject"])
            .select("subject", "predicted_score", "final_score")
            .collect()
        )
        shows["coverage, predicted against actual"] = picture(
            drawings.coverage_and_fit(made, told), "Coverage of the intervals by subject, and final against predicted scores"
        )
    return Page(_with_lineage(made, year), shows)


def _finals(year: Year, scores: pl.LazyFrame) -> pl.LazyFrame:
    settings = year.district.forecasts
    return final_scores(scores, progress_assessment=settings.progress_assessment, course_assessment=settings.course_assessment)


def _folds(year: Year) -> pl.DataFrame:
    return fold_rows(year.history(CANDIDATE_PREDICTIONS), _finals(year, year.history(SCORES)), year.history(MODELS), year.label).collect(
        engine="streaming"
    )


def _with_lineage(rows: pl.DataFrame, year: Year) -> pl.LazyFrame:
    """Rows that no input stands behind are known and loaded on the first day of the year: never "now", so a rerun is the same."""
    first = year.school_year.first_day
    return rows.lazy().with_columns(
        pl.col("known_on").fill_null(first),
        pl.col("loaded_at").fill_null(dt.datetime.combine(first, dt.time(), dt.UTC)),
        source=pl.lit("forecasts"),
    )
