"""Contract of the engagement table: days of activity in the learning management system."""

from la_assets.landing.schema import day, number, text, whole
from la_resources.contracts import ForeignKey, Table, lineage_columns, student_key

LMS_DAILY = Table(
    "engagement.lms_daily",
    "A student's day in the learning management system for a section; days without activity have no row.",
    (
        student_key(),
        text("section_id", "Section.", nullable=False),
        day("date", "Day.", nullable=False),
        whole("logins", "Logins.", 0),
        number("minutes", "Minutes active.", 0, 1440),
        whole("page_views", "Page views.", 0),
        whole("submissions", "Submissions.", 0),
        whole("late", "Late submissions.", 0),
        whole("missing", "Assignments that fell due unsubmitted.", 0),
        whole("posts", "Discussion posts.", 0),
        *lineage_columns(),
    ),
    ("student_key", "section_id", "date"),
    (
        ForeignKey(("student_key",), "roster.students", ("student_key",)),
        ForeignKey(("section_id",), "roster.sections", ("section_id",)),
    ),
)
