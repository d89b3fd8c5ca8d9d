"""Contract of the programs table: stays in programs and interventions."""

from la_assets.landing.schema import SUBJECTS, at_end, day, number, text, whole
from la_resources.contracts import ForeignKey, Table, lineage_columns, student_key

PARTICIPATION = Table(
    "programs.participation",
    "A stay of a student in a program or intervention.",
    (
        student_key(),
        text("program_id", "Program.", nullable=False),
        text("subject", "Subject; missing where the program has none.", options=SUBJECTS),
        day("begin_date", "First day.", nullable=False),
        at_end(day("end_date", "Last day, inclusive; missing while it lasts.")),
        whole("tier", "MTSS tier.", 1, 3),
        number("dosage_minutes", "Minutes received, as known when the row arrived.", 0),
        number("fidelity", "Fidelity of implementation, 0 to 1.", 0, 1),
        number("cost", "Cost per student, dollars.", 0),
        text("assignment", "How students were assigned.", options=("random", "tier cut", "referral", "unknown")),
        *lineage_columns(),
    ),
    ("student_key", "program_id", "begin_date"),
    (ForeignKey(("student_key",), "roster.students", ("student_key",)),),
)
