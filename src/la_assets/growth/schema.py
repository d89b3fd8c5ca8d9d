"""Contracts of the growth tables: models, trajectories, growth percentiles, variance shares.

Growth on a vertical scale is in score points; else in standardised units, where the average student's growth is zero by
construction (`scale` says which). Numbers are null unless ``status`` says why they are there.
"""

from la_assets.growth import growth_percentiles as percentiles_of
from la_assets.growth import trajectories as trajectories_of
from la_assets.growth import variance_shares as shares_of
from la_assets.growth.models import FORMS
from la_assets.growth.panel import SCALES
from la_assets.landing.schema import GRADES, SUBJECTS, flag, number, text, whole
from la_assets.mixed_models import STATUSES
from la_assets.reports.ethical_use import STAFF, STUDENTS
from la_resources.contracts import ForeignKey, Table, lineage_columns, student_key

_student = ForeignKey(("student_key",), "roster.students", ("student_key",))
_subject = text("subject", "Subject.", nullable=False, options=SUBJECTS)
_scale = text(
    "scale", "`vertical`: score points; `standardised`: SD within grade and year, average growth is zero by construction.", options=SCALES
)

MODELS = Table(
    "growth.models",
    "A form of a subject's growth model, compared with the others on all scores known by the year's end.",
    (
        _subject,
        text("form", "Fixed part in time since grade 3.", nullable=False, options=tuple(FORMS)),
        _scale,
        whole("students", "Students with a score.", 0, nullable=False),
        whole("scores", "Their scores.", 0, nullable=False),
        number("log_likelihood", "By ML."),
        number("aic", "Akaike's criterion (ML)."),
        number("bic", "Schwarz's criterion (ML); the lowest is chosen, ties go to the simpler form."),
        number("likelihood_ratio", "Against the linear form.", 0),
        number("p_value", "Of the likelihood ratio, one degree.", 0, 1),
        flag("is_chosen", "The form that trajectories use, refitted by REML.", nullable=False),
        text("coefficients", "Of the chosen form by REML, JSON: name -> [estimate, standard error]."),
        text("variances", "Of the chosen form by REML, JSON: intercept, slope (time), their correlation, residual."),
        text("manifest", "JSON: years, data hash, library versions.", nullable=False),
        text(
            "status",
            f"What the solver says, or `no_scores`, `too_few_grades`. {STAFF}",
            nullable=False,
            options=(*STATUSES, "no_scores", "too_few_grades"),
        ),
        *lineage_columns(),
    ),
    ("subject", "form", "school_year"),
)

TRAJECTORIES = Table(
    "growth.trajectories",
    "A student's growth in a subject: intercept, slope, foretold score with interval, and what stands out.",
    (
        student_key(),
        _subject,
        _scale,
        text("grade", "Grade level of the year.", nullable=False, options=GRADES),
        number("intercept", "Score at grade 3 by the student's own line, in units of the scale."),
        number("intercept_se", "Its standard error.", 0),
        number("slope", "Change over the last grade by the student's own line, units a year."),
        number("slope_se", "Its standard error.", 0),
        number("relative_slope", "Slope against the average student of the same grades, SD a year."),
        number("relative_slope_se", "Its standard error.", 0),
        whole("scores_used", "Final scores of the student known by the year's end.", 0, nullable=False),
        whole("target_grade", "Grade that the prediction aims at: 8, or 12 from grade 8 on, not beyond the last tested grade.", 3, 12),
        number("predicted", "Score foretold at the target grade."),
        number("predicted_low", "Lower end of the 95 % interval for the score to be seen."),
        number("predicted_high", "Upper end of the 95 % interval for the score to be seen."),
        number("expected", "Score of the average student at the target grade."),
        number(
            "p_below_proficiency",
            "Probability of a score below level 3 at the target grade; missing without a vertical scale and levels.",
            0,
            1,
        ),
        text("pattern", "Declining, Stable or Improving against the average student.", options=trajectories_of.PATTERNS),
        flag("off_track", "Foretold at least 0.5 SD under expectation."),
        flag("at_risk", "More likely than not below proficiency at the target grade."),
        text(
            "status",
            f"Whether there are numbers; `past_last_tested_grade`: no prediction is due. {STUDENTS}",
            nullable=False,
            options=trajectories_of.STATUSES,
        ),
        *lineage_columns(),
    ),
    ("student_key", "subject", "school_year"),
    (_student,),
)

PERCENTILES = Table(
    "growth.percentiles",
    "A student's growth percentile in a subject: the place of this year's score among students with the same scores before.",
    (
        student_key(),
        _subject,
        text("assessment_id", "Test.", nullable=False),
        text("grade", "Grade tested.", nullable=False, options=GRADES),
        whole("percentile", "Growth percentile 1 to 99; 50 is typical growth.", 1, 99),
        whole("percentile_low", "Percentile of the score 1.96 standard errors of measurement lower.", 1, 99),
        whole("percentile_high", "Percentile of the score 1.96 standard errors of measurement higher.", 1, 99),
        text(
            "error_source",
            "Where the error of measurement is from: the test's report, or the district's assumed reliability.",
            options=("test", "assumed"),
        ),
        whole("priors_used", "Prior scores conditioned on.", 1, 2),
        whole("peers", "Students of the norm: same subject, test, grade and progression.", 0),
        text("status", f"Whether there is a percentile, and why not. {STUDENTS}", nullable=False, options=percentiles_of.STATUSES),
        *lineage_columns(),
    ),
    ("student_key", "subject", "school_year"),
    (_student,),
)

VARIANCE_SHARES = Table(
    "growth.variance_shares",
    "How much of the differences between scores of up to three years lies between students, classes, schools, districts.",
    (
        _subject,
        text(
            "part",
            "Part of the variance; `residual` is change within a student and error of measurement.",
            nullable=False,
            options=shares_of.PARTS,
        ),
        whole("members", "Students, classes, ...; of the residual, scores.", 0, nullable=False),
        whole("rows", "Scores.", 0, nullable=False),
        number("variance", "Variance of standardised scores.", 0),
        number("share", "Share of the sum of the parts estimated (intraclass correlation).", 0, 1),
        text("status", f"Whether the part could be estimated, and why not. {STAFF}", nullable=False, options=shares_of.STATUSES),
        *lineage_columns(),
    ),
    ("subject", "part", "school_year"),
)
