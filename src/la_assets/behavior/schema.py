"""Contracts of the behaviour tables: incidents, and positive points apart from them."""

from la_assets.landing.schema import day, number, text, whole
from la_resources.contracts import ForeignKey, Table, lineage_columns, student_key

ACTIONS = ("none", "conference", "detention", "ISS", "OSS", "expulsion", "other")

_student = ForeignKey(("student_key",), "roster.students", ("student_key",))

INCIDENTS = Table(
    "behavior.incidents",
    "A student's part in a behaviour incident.",
    (
        text("incident_id", "Incident; several students may share one.", nullable=False),
        student_key(),
        text("school_id", "School."),
        day("date", "Day.", nullable=False),
        text("type", "Incident type, as sent."),
        whole("severity", "1 (minor) to 4.", 1, 4),
        text("action", "Action: ISS and OSS are suspensions in and out of school.", options=ACTIONS),
        number("days", "School days of the action.", 0, 365),
        *lineage_columns(),
    ),
    ("incident_id", "student_key", "school_year"),
    (_student, ForeignKey(("school_id",), "roster.schools", ("school_id",))),
)

POINTS = Table(
    "behavior.points",
    "Positive behaviour points of a student on a day for a reason.",
    (
        student_key(),
        day("date", "Day.", nullable=False),
        text("reason", "Reason, as sent; `unspecified` where none is given.", nullable=False),
        number("points", "Points, added over the day's awards for the reason.", 0, nullable=False),
        whole("awards", "Awards added up.", 1, nullable=False),
        *lineage_columns(),
    ),
    ("student_key", "date", "reason"),
    (_student,),
)
