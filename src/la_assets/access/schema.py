"""Contracts of access: who may see which students and classes, and on which days. How rows are made stands in the plain modules.

A line of the district's list of users becomes scopes (``access.policies``); a scope has students and classes
(``access.student_grants``, ``access.class_grants``). Whoever asks is let in where the two meet on the day. Nobody signs in here.
"""

import polars as pl

from la_assets.access.grants import LINKS
from la_assets.access.users import ROLES, STATUSES
from la_assets.landing.schema import day, text, whole
from la_resources.contracts import Column, Table, lineage_columns, staff_key, student_key

POLICIES = Table(
    "access.policies",
    "A scope that a line of the district's list of users gives to a user, from when to when; or why the line gives none.",
    (
        text("user_name", "Name the person signs in with, lower case.", nullable=False),
        whole("line", "Line of the list, the header being 1.", 1, nullable=False),
        text(
            "scope",
            "What is seen: staff:<key>, school:<id>, grade:<school>:<grade>, program:<school>:<id>, district; or none.",
            nullable=False,
        ),
        text("role", "Role; missing where the list's word is not known.", options=ROLES),
        staff_key("The person in the roster.", nullable=True),
        text("school_id", "School."),
        day("valid_from", "First day, within the school year."),
        day("valid_until", "Last day, inclusive, within the school year."),
        text("status", "`granted`, or why the line gives nothing.", nullable=False, options=STATUSES),
        *lineage_columns(),
    ),
    ("user_name", "line", "scope", "school_year"),
    restricted=True,
)

STUDENT_GRANTS = Table(
    "access.student_grants",
    "A student in a scope, from when to when, and by what link.",
    (
        text("scope", "Scope, as in access.policies.", nullable=False),
        student_key(),
        text("link", "What links the student to the scope.", nullable=False, options=LINKS),
        day("valid_from", "First day.", nullable=False),
        day("valid_until", "Last day, inclusive.", nullable=False),
        *lineage_columns(),
    ),
    ("scope", "student_key", "link", "valid_from", "school_year"),
)

CLASS_GRANTS = Table(
    "access.class_grants",
    "A section that a teacher teaches, from when to when.",
    (
        text("scope", "Scope, as in access.policies.", nullable=False),
        text("section_id", "Section.", nullable=False),
        day("valid_from", "First day.", nullable=False),
        day("valid_until", "Last day, inclusive.", nullable=False),
        *lineage_columns(),
    ),
    ("scope", "section_id", "valid_from", "school_year"),
)

LOG = Table(
    "access.log",
    "A look at students' data, or an attempt: who, at what, when, for what, and what became of it.",
    (
        text("event_id", "Identifier of the event.", nullable=False),
        Column("at", pl.Datetime("us", "UTC"), "When (UTC)."),
        text("action", "open: a session was asked for; read: a table was.", nullable=False, options=("open", "read")),
        text("user_name", "Who asked.", nullable=False),
        text("view_as", "As whom, if not as themselves."),
        text("purpose", "For what; missing if it was none of the district's purposes."),
        day("as_of", "The day whose rights counted."),
        text("table_name", "Which table; missing where a session was opened."),
        text("outcome", "open, answered, or why nothing was shown.", nullable=False),
        Column("rows", pl.Int64, "Rows handed out.", minimum=0),
        Column("students", pl.Int64, "Distinct students in them.", minimum=0),
        text("filters", "Columns that were filtered on, in order of name."),
        text("students_asked", "Keys of students that were asked for by key (100 at most)."),
        text("years_asked", "School years that were asked for; missing: all."),
        *lineage_columns(),
    ),
    ("at", "event_id"),
    restricted=True,
)
