"""Contracts of the marts: what dashboards read. How each is made stands in the dbt project beside this file.

Above the level of a student nothing is told of fewer than ``min_cell`` students; what is withheld is missing, and named in
``suppressed``. What no file or model has said yet for a year is missing as well, never zero.
"""

from la_assets.early_warning.model_definition import LEVELS as LEVELS_OF_RISK
from la_assets.early_warning.scoring import SCORE_STATUSES
from la_assets.landing.schema import GENDERS, GRADES, RACE_ETHNICITY, SUBJECTS, day, flag, number, text, whole
from la_assets.roster.schema import COURSE_LEVELS, LEVELS, PROGRESS
from la_resources.contracts import ForeignKey, Table, lineage_columns, staff_key, student_key

GRADE_BANDS = ("K-5", "6-8", "9-12", "other")
ATTRIBUTES = ("race_ethnicity", "gender", "frl", "ell", "ese")
GAP_STATUSES = ("told", "told without counts", "suppressed", "no reference group", "no variation")

_student = ForeignKey(("student_key",), "roster.students", ("student_key",))
_school = ForeignKey(("school_id",), "roster.schools", ("school_id",))

STUDENT_360 = Table(
    "marts.student_360",
    "A student's school year in one row, from every room.",
    (
        student_key(),
        text("school_id", "School of the newest primary stay of the year."),
        text("grade_level", "Grade level (CEDS).", options=GRADES),
        text("gender", "Gender.", options=GENDERS),
        text("race_ethnicity", "Federal roll-up.", options=RACE_ETHNICITY),
        flag("frl", "Free or reduced-price lunch."),
        flag("ell", "English learner."),
        flag("ese", "Exceptional student education (IEP)."),
        text("progress", "How the grade follows on the prior one.", options=PROGRESS),
        whole("schools_in_four_years", "Distinct schools in this and the three years before.", 0),
        whole("days_enrolled", "Instructional days enrolled, up to the last day with data.", 1, 366),
        number("days_absent", "Days missed.", 0, 366),
        number("attendance_rate", "Share of enrolled days attended.", 0, 1),
        flag("chronically_absent", "Missed 10 % or more of the enrolled days."),
        number("gpa", "Mean grade points.", 0, 5),
        number("credits_attempted", "Credits attempted.", 0),
        number("credits_earned", "Credits earned.", 0),
        whole("fs", "Marks with a letter F.", 0),
        whole("incidents", "Behaviour incidents.", 0),
        whole("suspensions", "Of these with a suspension, in or out of school.", 0),
        number("ela_score", "Newest official ELA scale score with an achievement level."),
        whole("ela_level", "Its achievement level.", 1, 5),
        text("ela_window", "Its window."),
        number("math_score", "Newest official Math scale score with an achievement level."),
        whole("math_level", "Its achievement level.", 1, 5),
        text("math_window", "Its window."),
        number("lms_minutes", "Minutes active in the learning management system.", 0),
        whole("submissions", "Submissions there.", 0),
        whole("late_submissions", "Late submissions.", 0),
        whole("missing_assignments", "Assignments that fell due unsubmitted.", 0),
        number("dropout_probability", "Newest dropout probability; missing without a model.", 0, 1),
        text("dropout_risk_level", "Its level.", options=LEVELS_OF_RISK),
        whole("ela_tier", "Newest tier in ELA.", 1, 3),
        whole("math_tier", "Newest tier in Math.", 1, 3),
        *lineage_columns(),
    ),
    ("student_key", "school_year"),
    (_student, _school),
    preview=False,
)

_told = (
    whole("students", "Students.", 1, nullable=False),
    number("chronic_absence_share", "Share chronically absent.", 0, 1),
    number("suspended_share", "Share with a suspension.", 0, 1),
    number("course_failure_share", "Share with an F.", 0, 1),
    number("proficient_ela_share", "Share proficient (level 3 and above) in ELA at the newest test.", 0, 1),
    number("proficient_math_share", "Share proficient in Math at the newest test.", 0, 1),
    number("tier_3_ela_share", "Share in tier 3 in ELA, of those with a tier.", 0, 1),
    number("tier_3_math_share", "Share in tier 3 in Math, of those with a tier.", 0, 1),
    number("raised_dropout_risk_share", "Share with a medium or high dropout risk, of those scored.", 0, 1),
    number("mean_attendance_rate", "Mean attendance rate.", 0, 1),
    number("mean_gpa", "Mean grade point average.", 0, 5),
    text("suppressed", "Measures withheld because a cell is small, or would give one away; missing: none."),
    *lineage_columns(),
)

CLASS_OVERVIEW = Table(
    "marts.class_overview",
    "A class (section) in a school year, over all students who were ever enrolled in it.",
    (
        text("section_id", "Section.", nullable=False),
        text("school_id", "School."),
        text("subject", "Subject.", options=SUBJECTS),
        text("course_id", "Course."),
        text("course_level", "Course level.", options=COURSE_LEVELS),
        *_told,
    ),
    ("section_id", "school_year"),
    (_school,),
)

SCHOOL_OVERVIEW = Table(
    "marts.school_overview",
    "A school in a school year, over the students whose school it is at the newest stay.",
    (text("school_id", "School.", nullable=False), text("level", "Level.", options=LEVELS), *_told),
    ("school_id", "school_year"),
    (_school,),
)

DISTRICT_OVERVIEW = Table(
    "marts.district_overview",
    "The district in a school year.",
    (whole("schools", "Schools with students.", 0, nullable=False), *_told),
    ("school_year",),
)

EQUITY_GAPS = Table(
    "marts.equity_gaps",
    "The gap between a group of students and its reference group in a subject and grade band, with its standard error.",
    (
        text("subject", "Subject: ELA or Math.", nullable=False, options=SUBJECTS),
        text("grade_band", "Grade band.", nullable=False, options=GRADE_BANDS),
        text("attribute", "What tells the groups apart.", nullable=False, options=ATTRIBUTES),
        text("student_group", "The group; yes or no for frl, ell, ese.", nullable=False),
        text("reference_group", "The group it is held against.", nullable=False),
        text("status", "Whether the gap is told, or why not.", nullable=False, options=GAP_STATUSES),
        whole("students", "Students of the group with a score.", 1),
        whole("reference_students", "Students of the reference group with a score.", 1),
        number("proficiency_gap", "Share proficient less that of the reference group, rounded to 0.001.", -1, 1),
        number("proficiency_gap_se", "Standard error of that difference.", 0),
        number(
            "hedges_g", "Difference of mean scores, standardised within grade and window, in pooled SD; below 0: the group scores lower."
        ),
        number("hedges_g_se", "Standard error of Hedges g.", 0),
        *lineage_columns(),
    ),
    ("subject", "grade_band", "attribute", "student_group", "school_year"),
)

EARLY_WARNING_ROSTER = Table(
    "marts.early_warning_roster",
    "A student's newest dropout score of the year, with its range, reasons, recommendations and what changed.",
    (
        student_key(),
        text("school_id", "School at the snapshot."),
        text("grade_level", "Grade level at the snapshot.", options=GRADES),
        text("snapshot", "Snapshot of the score.", nullable=False),
        day("as_of_date", "The score knows nothing later.", nullable=False),
        text("status", "`scored`, or why there is no score.", nullable=False, options=SCORE_STATUSES),
        number("probability", "Probability of leaving without a diploma; missing without a model.", 0, 1),
        number("probability_low", "Lower end of the risk of students like this one.", 0, 1),
        number("probability_high", "Upper end.", 0, 1),
        text("level", "Low, Medium or High.", options=LEVELS_OF_RISK),
        text("change", "How the level changed since the scoring before; missing: it did not."),
        text("previous_level", "Level then.", options=LEVELS_OF_RISK),
        text("reasons", "The strongest reasons in words."),
        text("recommendations", "What to do, by rule."),
        text("model_version", "Model that gave the score."),
        *lineage_columns(),
    ),
    ("student_key", "school_year"),
    (_student,),
    preview=False,
)

MTSS_ROSTER = Table(
    "marts.mtss_roster",
    "A student's newest tier in a subject, with the reasons, the cluster, and the newest forecast of the final score.",
    (
        student_key(),
        text("subject", "Subject.", nullable=False, options=SUBJECTS),
        text("school_id", "School."),
        text("grade_level", "Grade level.", options=GRADES),
        staff_key("Teacher with the largest share of the instruction in the subject.", nullable=True),
        text("test_window", "Window of the tier.", nullable=False),
        whole("tier", "Tier of support.", 1, 3, nullable=False),
        text("tier_reasons", "Codes of the rules that hold."),
        number("scale_score", "Observed scale score."),
        whole("level", "Achievement level.", 1, 5),
        number("growth_percentile", "Growth percentile from the last earlier window.", 0, 100),
        text("standards_below_mastery", "Codes, worst first."),
        text("cluster", "Intervention cluster; missing without one."),
        text("cluster_name", "What sets the cluster apart."),
        number("predicted_score", "Predicted final scale score; missing without a forecast."),
        number("lower_80", "Lower end of its 80 % interval."),
        number("upper_80", "Upper end."),
        number("probability_proficient", "Chance of level 3 or above.", 0, 1),
        flag("bubble", "Within one standard error of the proficiency cut."),
        *lineage_columns(),
    ),
    ("student_key", "subject", "school_year"),
    (_student,),
    preview=False,
)
