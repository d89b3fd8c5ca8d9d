"""Contracts of the assessment tables: attempts at tests, and points by standard.

An attempt is identified by what was tested, when, and the attempt's number; rows of students who were not tested are kept
with the reason. How the official attempt is chosen stands in ``scores.py``.
"""

from la_assets.landing.schema import GRADES, SUBJECTS, day, flag, number, text, whole
from la_resources.contracts import ForeignKey, Table, lineage_columns, student_key

_student = ForeignKey(("student_key",), "roster.students", ("student_key",))
_test = (
    text("assessment_id", "Test family, e.g. FAST, EOC, MAP Growth, i-Ready, SAT, ACT.", nullable=False),
    text("subject", "Subject.", nullable=False, options=SUBJECTS),
    text("window", "Window: PM1, PM2, PM3, fall, winter, spring, EOC; `none` where the test has none.", nullable=False),
    whole("attempt", "Number of the attempt by date, from 1, within student, test, subject, window and year.", 1, nullable=False),
    day("administered_on", "Tested on; missing where the source does not say or the student was not tested."),
)

SCORES = Table(
    "assessments.scores",
    "An attempt of a student at a test in a subject, tested or not.",
    (
        student_key(),
        *_test,
        whole("source_attempt", "Attempt as the source numbers it.", 1, 50),
        text("grade_level", "Grade tested.", options=GRADES),
        day("reported_on", "Result became known on."),
        number("scale_score", "Scale score."),
        number("standard_error", "Standard error of measurement.", 0),
        whole("level", "Achievement level 1..5.", 1, 5),
        number("percentile", "Percentile rank.", 0, 100),
        flag("is_official", "The one attempt of the student, test, subject, window and year that counts.", nullable=False),
        text("reason_not_tested", "Why there is no score."),
        flag("is_vertical_scale", "Scores compare across grades; only said to be so where the source is known for it.", nullable=False),
        *lineage_columns(),
    ),
    ("student_key", "assessment_id", "subject", "window", "attempt", "school_year"),
    (_student,),
)

STANDARDS = Table(
    "assessments.standards",
    "Points of a student on one standard of a test.",
    (
        student_key(),
        *_test,
        text("standard_code", "Benchmark code.", nullable=False),
        text("grade_level", "Grade tested.", options=GRADES),
        text("category", "Reporting category."),
        number("points_earned", "Points earned, over all items on the standard.", 0),
        number("points_possible", "Points possible, over all items on the standard.", 0),
        *lineage_columns(),
    ),
    ("student_key", "assessment_id", "subject", "window", "attempt", "standard_code", "school_year"),
    (_student,),
)
