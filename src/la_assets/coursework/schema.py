"""Contracts of the coursework tables: marks, and what they add up to in a year."""

from la_assets.landing.schema import SUBJECTS, day, number, text, whole
from la_assets.roster.schema import COURSE_LEVELS
from la_resources.contracts import ForeignKey, Table, lineage_columns, student_key

_student = ForeignKey(("student_key",), "roster.students", ("student_key",))

GRADES = Table(
    "coursework.grades",
    "A mark of a student in a section for a grading period.",
    (
        student_key(),
        text("section_id", "Section.", nullable=False),
        text("grading_period", "Grading period, as sent.", nullable=False),
        text("course_id", "Course of the section."),
        text("subject", "Subject of the section.", options=SUBJECTS),
        text("course_level", "Course level of the section.", options=COURSE_LEVELS),
        text("school_id", "School of the section."),
        text("letter", "Letter grade, as sent."),
        number("percent", "Percent.", 0, 150),
        number("gpa_points", "Grade points, 0 to 5.", 0, 5),
        number("credits_attempted", "Credits attempted.", 0, 10),
        number("credits_earned", "Credits earned.", 0, 10),
        day("posted_on", "Posted on."),
        *lineage_columns(),
    ),
    ("student_key", "section_id", "grading_period", "school_year"),
    (_student, ForeignKey(("section_id",), "roster.sections", ("section_id",))),
)

STUDENT_YEAR = Table(
    "coursework.student_year",
    "A student's marks of a school year: grade point average, credits, Ds and Fs.",
    (
        student_key(),
        number("gpa", "Mean grade points of the marks, weighted by credits attempted where those are given.", 0, 5),
        number("credits_attempted", "Credits attempted, added over the marks as sent.", 0),
        number("credits_earned", "Credits earned, added over the marks as sent.", 0),
        whole("marks", "Marks posted.", 1, nullable=False),
        whole("ds", "Marks with a letter D (D+, D, D-).", 0, nullable=False),
        whole("fs", "Marks with a letter F.", 0, nullable=False),
        *lineage_columns(),
    ),
    ("student_key", "school_year"),
    (_student,),
)
