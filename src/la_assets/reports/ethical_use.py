"""What every file that shows how students or staff do must say: what the figures are for, and what they may not decide.

One place for the words, so that a PDF, a workbook and a brief never say different things. After the statements of the American
Statistical Association (2014) and the American Educational Research Association (2015) on measures of teachers from test scores.
"""

STAFF = (
    "Ethical use: these figures are estimates from tests, with uncertainty that is shown. They never are the sole criterion for a "
    "decision about a teacher, a team or a school. Students are not assigned to teams by chance, so a difference need not be "
    "the work of the team. Read them with other evidence and with the people they are about."
)
"""On every page that compares teachers, teams or schools."""

STUDENTS = (
    "Ethical use: these figures help to plan support. They are estimates with uncertainty, never the sole criterion for a decision "
    "about a student, and no label to keep. What you know of the student comes first. Confidential: student records (FERPA)."
)
"""In every file that names students."""

STUDENTS_SHORT = "Confidential student records. To plan support; estimates, never the sole criterion for a decision."
"""The same for the foot of a printed sheet, where Excel allows 255 characters in all."""
