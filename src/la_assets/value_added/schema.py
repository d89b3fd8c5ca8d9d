"""Contracts of the value-added tables.

Effects are in standard deviations of student scores within test, grade and year, net of what earlier scores, programs, peers and class
size foretell. Numbers are null unless ``status`` says ``estimated``. What no table says: how good a teacher is.
"""

import polars as pl

from la_assets.landing.schema import GRADES, SUBJECTS, at_end, flag, number, text, whole
from la_assets.reports.ethical_use import STAFF
from la_assets.value_added import forecast as forecasting
from la_assets.value_added import forecast_evaluation as evaluating
from la_assets.value_added import link_coverage as coverage
from la_assets.value_added import persistence as persisting
from la_assets.value_added.briefs import BRIEF_STATUSES
from la_assets.value_added.effects import EFFECT_STATUSES, LABELS, PLACEBO
from la_assets.value_added.model import STATUSES
from la_assets.value_added.student_scores import STATUSES as STUDENT_STATUSES
from la_resources.contracts import Column, ForeignKey, Table, lineage_columns, staff_key, student_key

_student = ForeignKey(("student_key",), "roster.students", ("student_key",))
_staff = ForeignKey(("staff_key",), "roster.staff", ("staff_key",))
_school = ForeignKey(("school_id",), "roster.schools", ("school_id",))
_subject = text("subject", "Subject.", nullable=False, options=SUBJECTS)


def _status(options: tuple[str, ...], description: str) -> Column:
    return text("status", f"{description} {STAFF}", nullable=False, options=options)


_ESTIMATE = (
    at_end(number("effect", "Estimated effect (BLUP), SD of student scores; 0 is the district's average.")),
    at_end(number("standard_error", "Conditional standard error of the effect from the model, SD.", 0)),
    at_end(number("ci_low", "Lower end of the 95 % interval of the effect, SD.")),
    at_end(number("ci_high", "Upper end of the 95 % interval of the effect, SD.")),
    at_end(number("reliability", "1 - standard error squared over the variance of effects: 0 is noise, 1 is certainty.", 0, 1)),
)
_SUPPORT = (
    whole("students", "Students in the model.", 0, nullable=False),
    number("student_weight", "Sum of the students' dosages.", 0, nullable=False),
    whole("years_used", "School years with students in the model.", 0, nullable=False),
    at_end(number("mean_residual", "Effect by the students' residuals alone, SD: not shrunken.")),
    at_end(number("mean_residual_error", "Sampling error of the mean residual, SD.", 0)),
    at_end(text("label", "Above or Below only with evidence (interval without 0, effect large enough); `insufficient`: too few students, "
            "too little "
         "reliability, or a placebo that could not be run.", options=LABELS)),
    text("placebo", "Verdict of the placebo of the subject and year.", nullable=False, options=PLACEBO),
    _status(EFFECT_STATUSES, "Whether there are numbers, and why not; `withheld`: the placebo failed."),
)  # fmt: skip

STUDENT_SCORES = Table(
    "value_added.student_scores",
    "A student's final score in a subject with what was known of the student before the year's teaching.",
    (
        student_key(),
        _subject,
        text("assessment_id", "Test.", nullable=False),
        text("school_id", "School with most of the student's days in the year."),
        text("grade", "Grade tested.", nullable=False, options=GRADES),
        text("class_id", "Section with most of the student's days in the subject; else main teacher, school and grade."),
        number("score", "Final score, standardised within test, grade and year; missing where all scores are equal."),
        number("prior", "Score of the last earlier year with tests, standardised likewise."),
        text("prior_school_year", "That year: two years back where spring tests were not given."),
        number("prior_other", "Mean of that year's scores in the other subjects."),
        number("prior_prior", "Score of the tested year before that; used by the placebo only."),
        number("prior_prior_other", "Mean of that year's scores in the other subjects."),
        flag("frl", "Free or reduced-price lunch."),
        flag("ell", "English learner."),
        flag("ese", "Exceptional student education (IEP)."),
        flag("advanced", "The course is honors, AP, IB or dual; missing without sections."),
        number("peer_mean_prior", "Mean prior of the classmates, the student left out; 0 where no classmate has one.", nullable=False),
        number("peer_mean_prior_prior", "The same of the tested year before.", nullable=False),
        number("class_size", "Students whose class this is.", 0),
        text("status", "Whether the models use the row, else the first reason why not.", nullable=False, options=STUDENT_STATUSES),
        *lineage_columns(),
    ),
    ("student_key", "subject", "school_year"),
    (_student, _school),
)

MODEL_KINDS = ("one_year", "pooled", "placebo")
MODELS = Table(
    "value_added.models",
    "A fitted value-added model: subject and kind, with its coefficients and variances.",
    (
        _subject,
        text("model", "`one_year`, `pooled` over years, or the `placebo` on last year's scores.", nullable=False, options=MODEL_KINDS),
        whole("students", "Students in the model.", 0, nullable=False),
        whole("teachers", "Teachers in the model.", 0, nullable=False),
        whole("schools", "Schools in the model.", 0, nullable=False),
        number("teacher_variance", "Variance of teachers' effects, SD squared.", 0),
        number("school_variance", "Variance of schools' effects (of the placebo: of grades in schools), SD squared.", 0),
        number("residual_variance", "Variance of a student's score beyond the model, SD squared.", 0),
        number("log_likelihood", "Restricted log-likelihood."),
        text("coefficients", "Fixed effects as JSON: name -> [estimate, standard error].", nullable=False),
        text("between_only", "Covariates that vary within no teacher, comma-separated: their coefficients rest on teachers' differences."),
        text("manifest", "JSON: covariates, years, data hash, library versions, settings.", nullable=False),
        _status(STATUSES, "What the solver says; numbers only where `converged` or `singular` (a variance is zero)."),
        *lineage_columns(),
    ),
    ("subject", "model", "school_year"),
)

PLACEBO_RUNS = Table(
    "value_added.placebo",
    "The verdict on a subject's models: whether teachers seem to explain what their students scored before they met.",
    (
        _subject,
        whole("students", "Students with two prior scores.", 0, nullable=False),
        whole("teachers", "Their teachers.", 0, nullable=False),
        number("teacher_variance", "Variance of teachers' effects on this year's scores, SD squared.", 0),
        number("placebo_variance", "Variance of teachers' seeming effects on last year's scores, within grade and school; should be 0.", 0),
        number("variance_share", "The second over the first.", 0),
        number("likelihood_ratio", "Likelihood ratio of the placebo variance.", 0),
        number("p_value", "Its p-value (half chi-squared with one degree).", 0, 1),
        number("sorting_slope", "Slope of teachers' mean residuals on prior-prior scores of their other students; should be 0."),
        number("sorting_slope_error", "Its spread when students of a grade in a school change places.", 0),
        number("sorting_p_value", "Its p-value.", 0, 1),
        number(
            "assignment_p_value", "Likeness of a teacher's students in last year's scores against chance: p-value of the subject.", 0, 1
        ),
        number("year_p_value", "The same of all testable subjects of the year together.", 0, 1),
        number("year_variance_share", "Placebo variance over teacher variance, testable subjects summed.", 0),
        number("years_p_value", "The same of this year and the two before it together.", 0, 1),
        number("years_variance_share", "Placebo variance over teacher variance, those years and subjects summed.", 0),
        whole("years_judged", "Years in it.", 0),
        text("reason", "The verdict in words.", nullable=False),
        _status(PLACEBO, "`failed` withholds all effects of the subject and year; `not_testable` withholds labels."),
        *lineage_columns(),
    ),
    ("subject", "school_year"),
)

TEACHER_EFFECTS = Table(
    "value_added.teacher_effects",
    "A teacher's effect in a subject, estimated from one school year.",
    (staff_key(), _subject, *_ESTIMATE, *_SUPPORT, *lineage_columns()),
    ("staff_key", "subject", "school_year"),
    (_staff,),
)
SCHOOL_EFFECTS = Table(
    "value_added.school_effects",
    "A school's effect in a subject beyond that of its teachers, estimated from one school year.",
    (text("school_id", "School number.", nullable=False), _subject, *_ESTIMATE, *_SUPPORT, *lineage_columns()),
    ("school_id", "subject", "school_year"),
    (_school,),
)
TEACHER_EFFECTS_POOLED = Table(
    "value_added.teacher_effects_pooled",
    "A teacher's effect in a subject, estimated from this school year and the two before it whose placebo did not fail.",
    (staff_key(), _subject, *_ESTIMATE, *_SUPPORT, *lineage_columns()),
    ("staff_key", "subject", "school_year"),
    (_staff,),
)
PERSISTENCE = Table(
    "value_added.persistence",
    "How far the effects of a subject's teachers in an earlier year agree with this year's.",
    (
        _subject,
        text("earlier_school_year", "The earlier year.", nullable=False),
        whole("teachers", "Teachers with an effect from enough students in both years.", 0, nullable=False),
        number("correlation", "Pearson correlation of the effects.", -1, 1),
        number("ci_low", "Lower end of its 95 % interval.", -1, 1),
        number("ci_high", "Upper end of its 95 % interval.", -1, 1),
        number("disattenuated", "The correlation over the square root of the two mean reliabilities; may exceed 1."),
        number("mean_reliability", "Mean reliability of the effects in both years.", 0, 1),
        _status(persisting.STATUSES, "Whether there is a correlation, and why not."),
        *lineage_columns(),
    ),
    ("subject", "earlier_school_year", "school_year"),
)
FORECAST = Table(
    "value_added.forecast",
    "A teacher's effect in a subject as foretold for this year from all earlier years, drift allowed for.",
    (
        staff_key(),
        _subject,
        *_ESTIMATE,
        whole("years_used", "Earlier years with an effect.", 0, nullable=False),
        text("last_year_used", "The latest of them."),
        _status(forecasting.STATUSES, "Whether there is a forecast, and why not."),
        *lineage_columns(),
    ),
    ("staff_key", "subject", "school_year"),
    (_staff,),
)
FORECAST_EVALUATION = Table(
    "value_added.forecast_evaluation",
    "How a subject's forecasts for this year agree with what came, and how simpler ways to foretell would have.",
    (
        _subject,
        text("forecast_by", "`drift`: the published forecast; `last_year`: last year's effect; `pooled`: that of the three years before; "
             "`zero`: all are average.", nullable=False, options=evaluating.WAYS),
        whole("teachers", "Teachers foretold in this way, with an effect last year and one this year.", 0, nullable=False),
        number("correlation", "Correlation of what was foretold with this year's mean residual, noisy teachers weighing less.", -1, 1),
        number("correlation_low", "Lower end of its 95 % interval.", -1, 1),
        number("correlation_high", "Upper end of its 95 % interval.", -1, 1),
        number("slope", "Slope of what came on what was foretold: 1 without bias, less where differences were foretold too large."),
        number("slope_error", "Its standard error.", 0),
        number("squared_miss", "Mean squared miss less the outcome's own noise, SD squared; may fall below 0 by chance."),
        number("squared_miss_error", "Its standard error.", 0),
        number("coverage", "Share of outcomes within the 95 % interval of the forecast and their noise; of `drift`.", 0, 1),
        number("coverage_low", "Lower end of its 95 % interval.", 0, 1),
        number("coverage_high", "Upper end of its 95 % interval.", 0, 1),
        _status(evaluating.STATUSES, "Whether there are figures, and why not."),
        *lineage_columns(),
    ),
    ("subject", "forecast_by", "school_year"),
)  # fmt: skip
LINK_COVERAGE = Table(
    "value_added.link_coverage",
    "A school's tested students in a subject, and how many are linked to a teacher of it.",
    (
        text("school_id", "School with most of the students' days; `unknown` without any.", nullable=False),
        _subject,
        whole("students", "Students with a score of the subject's test in any window.", 1, nullable=False),
        whole("linked", "Of them, linked to a teacher.", 0, nullable=False),
        number("coverage", "The share linked.", 0, 1, nullable=False),
        number("mean_dosage", "Mean sum of the linked students' weights.", 0),
        text("status", "Whether the share reaches the district's limit (95 %).", nullable=False, options=coverage.STATUSES),
        *lineage_columns(),
    ),
    ("school_id", "subject", "school_year"),
)
PRINCIPAL_BRIEFS = Table(
    "value_added.principal_briefs",
    "A brief for a school's principal: a PDF with the school's pooled effects and their uncertainty.",
    (
        text("school_id", "School number.", nullable=False),
        text("status", "Whether there is a file, or why not.", nullable=False, options=BRIEF_STATUSES),
        text("path", "The PDF, below the root of the files for people; null without a file."),
        Column("bytes", pl.Int64, "Its size.", nullable=True, minimum=1),
        text("sha256", "Its SHA-256.", pattern="^[0-9a-f]{64}$"),
        whole("teachers", "Teachers with a number in the brief (10 students or more).", 0, nullable=False),
        whole("without_number", "Teachers of the school without a number: too few students, or withheld.", 0, nullable=False),
        *lineage_columns(),
    ),
    ("school_id", "school_year"),
    (_school,),
    restricted=True,
)
