"""Contracts of the forecast tables: features, fitted models, what each candidate says, which wins, predictions, evaluation.

Data flows down this file. The final score stands only where it is known: beside the features there is none, so that a model
can be shown it only by joining ``assessments.scores`` of earlier years. How each table is computed stands in the room's plain modules.
"""

from la_assets.forecasts.targets import AS_OF_POINTS, CANDIDATE_COLUMNS, CANDIDATES, EXPECTED, PROGRESS_SUBJECTS, SUBJECTS, slug
from la_assets.landing.schema import GRADES, at_end, day, flag, number, text, whole
from la_resources.contracts import ForeignKey, Table, lineage_columns, student_key

MODEL_STATUSES = (
    "fitted",
    "fitted for calibration only",
    "not enough years with final scores",
    "too few students with final scores",
    "all final scores are equal",
)
"""One earlier year with final scores gives a model whose errors calibrate the next year's intervals; it predicts for nobody."""

PREDICTION_STATUSES = (
    "predicted",
    "predicted, too few past errors for an interval",
    "no model: not enough years with final scores",
    "no model: too few students with final scores",
    "no model: all final scores are equal",
    "no model: not fitted yet",
)

EVALUATION_STATUSES = (
    "evaluated",
    "no final scores yet",
    "no final scores in this year",
    "no predictions in this year",
    "nobody to predict at this as-of point",
    "too few students",
    "all final scores are equal",
)

_student = ForeignKey(("student_key",), "roster.students", ("student_key",))
_subject = text("subject", "Subject whose final score is predicted (ELA, Math: PM3; the others: EOC).", nullable=False, options=SUBJECTS)
_point = text("as_of_point", "The progress window after which the prediction is made.", nullable=False, options=tuple(AS_OF_POINTS))
_candidate = text("candidate", "Kind of model, one of five.", nullable=False, options=CANDIDATES)
_as_of = day("as_of", "The as-of date: nothing known later is used.", nullable=False)


FEATURES = Table(
    "forecasts.features",
    "What was known of a student on the as-of date after a progress window; no final score of the year is in it.",
    (
        student_key(),
        _point,
        _as_of,
        text("grade_level", "Grade level of the stay on the as-of date.", options=GRADES),
        *(
            flag(EXPECTED[s], f"Expected to take the final {s} test: grade tested, or enrolled in the course.", nullable=False)
            for s in SUBJECTS
        ),
        *(
            at_end(number(f"{slug(s)}_{name}", f"{s}: {what}"))
            for s in PROGRESS_SUBJECTS
            for name, what in (
                ("pm1", "PM1 scale score of this year."),
                ("pm2", "PM2 scale score of this year; always missing after PM1."),
                ("growth", "points from PM1 to PM2 of this year; always missing after PM1."),
                ("mastery", "share of the points on the standards of the latest progress test."),
                ("weak_standards", "standards under half of the points on the latest progress test."),
                ("interim", "standing on the latest interim test (MAP Growth, i-Ready) of this year, in SD within test, window and grade."),
                ("prior_progress", "latest progress (PM1, PM2) score of the year before."),
            )
        ),
        *(
            number(f"{slug(s)}_{name}", f"{s}: {what}")
            for s in SUBJECTS
            for name, what in (
                ("final_1", "final score of the year before."),
                ("final_2", "final score of two years before."),
            )
        ),
        number("attendance_rate", "Share of enrolled days attended this year, up to the as-of date.", 0, 1),
        number("days_absent", "Days missed this year, up to the as-of date.", 0),
        number("prior_attendance_rate", "Share of enrolled days attended in the year before.", 0, 1),
        *(
            number(name, f"1 if {what}, 0 if not; missing where not known by the as-of date.", 0, 1)
            for name, what in (
                ("frl", "eligible for free or reduced-price lunch"),
                ("ell", "an English learner"),
                ("ese", "in exceptional student education (IEP)"),
                ("section_504", "with a 504 plan"),
                ("gifted", "gifted"),
                ("homeless", "homeless"),
                ("honors", "in an honors, AP, IB or dual section"),
            )
        ),
        *lineage_columns(),
    ),
    ("student_key", "as_of_point", "school_year"),
    (_student,),
)

MODELS = Table(
    "forecasts.models",
    "A candidate model of a subject and as-of point, fitted on the years before this one only.",
    (
        _subject,
        _point,
        _candidate,
        text("status", "Whether there is a model, and if not why.", nullable=False, options=MODEL_STATUSES),
        text("model_id", "SHA-256 over artifact and manifest, first 16 digits; missing without a model."),
        text("artifact_format", "How the artifact is written.", options=("coefficients JSON", "XGBoost JSON", "trees JSON")),
        text("artifact", "The fitted model; with the manifest it predicts anew, bit for bit."),
        text("manifest", "JSON: features, medians, training years and rows, data hash, hyper-parameters, seed, library versions."),
        text("training_years", "School years trained on, with commas.", nullable=False),
        whole("training_rows", "Students with a final score trained on.", 0, nullable=False),
        text("hyperparameters", "JSON: what the inner, time-ordered split chose."),
        number("inner_rmse", "RMSE of the choice in the inner split, in scale-score points; missing where there was nothing to split.", 0),
        *lineage_columns(),
    ),
    ("subject", "as_of_point", "candidate", "school_year"),
)

CANDIDATE_PREDICTIONS = Table(
    "forecasts.candidate_predictions",
    "What every candidate says of a student's final score; the walk-forward's raw material, not for use with students.",
    (
        student_key(),
        _subject,
        _point,
        _as_of,
        text("grade_level", "Grade level on the as-of date.", options=GRADES),
        *(number(column, f"Final score as predicted by {name}; missing without a model.") for name, column in CANDIDATE_COLUMNS.items()),
        *lineage_columns(),
    ),
    ("student_key", "subject", "as_of_point", "school_year"),
    (_student,),
)

SELECTION = Table(
    "forecasts.selection",
    "How a candidate did in the outer folds before this year, and whether it is the one that predicts this year.",
    (
        _subject,
        _point,
        _candidate,
        flag("is_winner", "This year's predictions are made by this candidate.", nullable=False),
        whole("folds", "Earlier years predicted from the years before them, with final scores since.", 0, nullable=False),
        whole("students", "Students in these folds.", 0, nullable=False),
        text("fold_rmse", "JSON: RMSE in points by school year of the fold."),
        number("mean_rmse", "Mean over the folds of the RMSE, in points.", 0),
        number("excess_squared_error", "Mean squared error over that of the best candidate, paired by student, in points squared."),
        number("excess_standard_error", "Standard error of that excess.", 0),
        text(
            "reason",
            "Why it predicts or does not.",
            nullable=False,
            options=(
                "lowest RMSE",
                "simplest within one standard error of the lowest",
                "higher RMSE",
                "not the simplest of equals",
                "no folds",
            ),
        ),
        *lineage_columns(),
    ),
    ("subject", "as_of_point", "candidate", "school_year"),
)

PREDICTIONS = Table(
    "forecasts.predictions",
    "The predicted final scale score of a student in a subject at an as-of point, with intervals and the chance of proficiency.",
    (
        student_key(),
        _subject,
        _point,
        _as_of,
        text("grade_level", "Grade level on the as-of date.", options=GRADES),
        text("status", "Whether there is a prediction, and if not why.", nullable=False, options=PREDICTION_STATUSES),
        text("candidate", "The candidate that predicts; missing without a prediction.", options=CANDIDATES),
        text("model_id", "The model's row in forecasts.models of the same year."),
        number("predicted_score", "Predicted final scale score, in points."),
        number("standard_error", "Standard error of the prediction, in points: spread of past errors at the grade and score band.", 0),
        number("lower_80", "Lower end of the 80 % interval, in points."),
        number("upper_80", "Upper end of the 80 % interval, in points."),
        number("lower_95", "Lower end of the 95 % interval, in points."),
        number("upper_95", "Upper end of the 95 % interval, in points."),
        number(
            "proficiency_cut", "Lowest final score of level 3, from earlier years' final scores of the grade; missing where none tells."
        ),
        number("probability_proficient", "Chance of a final score at level 3 or above.", 0, 1),
        flag("bubble", "Predicted score within one standard error of the proficiency cut, either side; missing without a cut."),
        *lineage_columns(),
    ),
    ("student_key", "subject", "as_of_point", "school_year"),
    (_student,),
)

EVALUATION = Table(
    "forecasts.evaluation",
    "How a candidate's predictions of a year fared against its final scores, for all grades together and for each grade.",
    (
        _subject,
        _point,
        _candidate,
        text("grade_level", "Grade level, or `all`.", nullable=False, options=("all", *GRADES)),
        text("scored_year", "School year predicted, the row's own; its final scores came in before the row was made.", nullable=False),
        text("status", "Whether there are figures, and if not why.", nullable=False, options=EVALUATION_STATUSES),
        flag("is_winner", "This candidate's predictions were the published ones.", nullable=False),
        whole("students", "Students with both a prediction and a final score.", 0, nullable=False),
        whole("predicted", "Students with a prediction.", 0, nullable=False),
        at_end(number("rmse", "Root mean squared error, in points.", 0)),
        at_end(number("mae", "Mean absolute error, in points.", 0)),
        at_end(number("r2", "1 - squared error over the variance of the final scores.")),
        at_end(number("bias", "Mean of final score less prediction, in points.")),
        at_end(number("coverage_80", "Share of final scores within the 80 % interval; the published candidate only.", 0, 1)),
        at_end(number("coverage_95", "Share of final scores within the 95 % interval; the published candidate only.", 0, 1)),
        at_end(number("width_80", "Mean width of the 80 % interval, in points.", 0)),
        at_end(whole("students_with_interval", "Students with a final score and an interval.", 0)),
        at_end(number("proficiency_rate", "Share of final scores at level 3 or above.", 0, 1)),
        at_end(number("brier", "Brier score of the chance of proficiency.", 0, 1)),
        at_end(number("bubble_rate", "Share of students on the bubble.", 0, 1)),
        *lineage_columns(),
    ),
    ("subject", "as_of_point", "candidate", "grade_level", "school_year"),
)

FORECAST_TABLES: tuple[Table, ...] = (FEATURES, MODELS, CANDIDATE_PREDICTIONS, SELECTION, PREDICTIONS, EVALUATION)
