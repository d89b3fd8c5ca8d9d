"""Contracts of the outcome tables: exits from the district, and post-secondary enrolments."""

from la_assets.landing.schema import day, text, whole
from la_resources.contracts import ForeignKey, Table, lineage_columns, student_key

STATUSES = ("graduated", "dropped_out", "transferred", "continuing", "unknown")

EXITS = Table(
    "outcomes.exits",
    "A student's last exit of a school year, or the status at its end.",
    (
        student_key(),
        text("status", "What the exit code means; unknown where the district's list lacks the code.", nullable=False, options=STATUSES),
        text("exit_code", "Exit code, as sent.", nullable=False),
        day("exit_date", "Last day in the district."),
        day("observed_on", "The day the district knew."),
        whole("cohort_year_9th", "Calendar year in which grade 9 was entered first.", 1990, 2100),
        whole("exits", "Exits of the student in the year; more than one after a return.", 1, nullable=False),
        *lineage_columns(),
    ),
    ("student_key", "school_year"),
    (ForeignKey(("student_key",), "roster.students", ("student_key",)),),
)

POSTSECONDARY = Table(
    "outcomes.postsecondary",
    "A student's enrolment after high school.",
    (
        student_key(),
        day("enrolled_on", "First day.", nullable=False),
        text("institution_type", "Type of institution.", options=("2-year", "4-year", "less than 2-year", "unknown")),
        day("observed_on", "The day the district knew."),
        *lineage_columns(),
    ),
    ("student_key", "enrolled_on"),
)
