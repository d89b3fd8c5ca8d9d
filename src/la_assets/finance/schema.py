"""Contract of the finance table: per-pupil spending of schools by category."""

from la_assets.landing.schema import number, text
from la_resources.contracts import ForeignKey, Table, lineage_columns

SCHOOL_YEAR = Table(
    "finance.school_year",
    "Per-pupil spending of a school in a school year for one category.",
    (
        text("school_id", "School.", nullable=False),
        text("category", "Category, as sent.", nullable=False),
        number("per_pupil_spending", "Dollars per pupil.", 0, nullable=False),
        *lineage_columns(),
    ),
    ("school_id", "category", "school_year"),
    (ForeignKey(("school_id",), "roster.schools", ("school_id",)),),
)
