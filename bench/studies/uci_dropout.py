"""UCI "Predict students' dropout and academic success": dropout against the rest, at enrolment and after two semesters.

The data set has no time. Five folds are its convention, so folds stand where a district has years: said in the definition, and recorded
in every model's manifest. Folds are taken by row number within each outcome, so they are the same everywhere.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from bench.studies.study import Study
from la_assets.early_warning.model_definition import ModelDefinition

FOLDS = 5
CODED = (
    "Course",
    "Application mode",
    "Previous qualification",
    "Mother's qualification",
    "Father's qualification",
    "Mother's occupation",
    "Father's occupation",
    "Marital status",
    "Nacionality",
)
"""Answers given as codes. Each is a feature twice: as a number, since neighbouring codes are akin, and by ``CATEGORIES``."""
CATEGORIES = {
    "Course": (33, 171, 8014, 9003, 9070, 9085, 9119, 9130, 9147, 9238, 9254, 9500, 9556, 9670, 9773, 9853, 9991),
    "Application mode": (1, 7, 15, 16, 17, 18, 39, 42, 43, 44, 51, 53),
    "Previous qualification": (1, 2, 3, 4, 6, 12, 19, 39, 40, 42),
    "Mother's qualification": (1, 2, 3, 4, 5, 12, 19, 34, 37, 38),
    "Father's qualification": (1, 2, 3, 4, 5, 12, 19, 34, 37, 38),
    "Mother's occupation": (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 90, 99, 191, 192, 193, 194),
    "Father's occupation": (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 90, 99, 163, 171, 175, 181, 192, 193),
    "Marital status": (1, 2, 4, 5),
}
"""Values of the codes that are frequent enough for a column of their own."""

AT_ENROLMENT = (
    *CODED, *(f"{name} (category)" for name in CATEGORIES),
    "Application order", "Daytime/evening attendance", "Previous qualification (grade)", "Admission grade", "Displaced",
    "Educational special needs", "Debtor", "Tuition fees up to date", "Scholarship holder", "Age at enrollment", "International",
    "Unemployment rate", "Inflation rate", "GDP",
)  # fmt: skip
SEMESTERS = tuple(
    f"Curricular units {semester} sem ({what})"
    for semester in ("1st", "2nd")
    for what in ("credited", "enrolled", "evaluations", "approved", "grade", "without evaluations")
)
SHARES = ("approved_share_1", "approved_share_2")


def load(folder: Path) -> pl.DataFrame:
    """A row per student with its fold."""
    rows = pl.read_parquet(folder / "students.parquet").with_row_index("student")
    rows = rows.with_columns((pl.col("Target") == "Dropout").alias("dropped_out"), pl.col("Course").cast(pl.String).alias("school_id"))
    return rows.with_columns(
        (pl.int_range(pl.len()).over("dropped_out") % FOLDS).cast(pl.Int64).alias("fold"),
        *(pl.col(name).cast(pl.String).alias(f"{name} (category)") for name in CATEGORIES),
        *(
            (pl.col(f"Curricular units {semester} sem (approved)") / pl.col(f"Curricular units {semester} sem (enrolled)")).alias(share)
            for semester, share in zip(("1st", "2nd"), SHARES, strict=True)
        ),
    )


def _definition(name: str, features: tuple[str, ...], rule_flags: dict[str, pl.Expr]) -> ModelDefinition:
    return ModelDefinition(
        name=name,
        label="dropped_out",
        unit="a student",
        features=features,
        keys=("student",),
        cluster="student",
        time="fold",
        as_of=None,
        known_on=None,
        label_known_on=None,
        audit=("Gender",),
        categories={f"{name} (category)": tuple(map(str, values)) for name, values in CATEGORIES.items()},
        rule_flags=rule_flags,
        periods="folds",
    )


_SOURCE = "UCI Machine Learning Repository, data set 697 (CC BY 4.0)"
ENROLMENT = Study(
    "UCI, at enrolment",
    "drops out; known at enrolment; five folds",
    _SOURCE,
    _definition(
        "uci_enrolment", AT_ENROLMENT, {"fees": pl.col("Tuition fees up to date") == 0, "debt": pl.col("Debtor") == 1}
    ),
    load,
    "uci_dropout",
    tuple(range(FOLDS)),
    0.82,
)  # fmt: skip
AFTER_TWO_SEMESTERS = Study(
    "UCI, after two semesters",
    "drops out; known after the second semester; five folds",
    _SOURCE,
    _definition(
        "uci_semester_2",
        (*AT_ENROLMENT, *SEMESTERS, *SHARES),
        {"fees": pl.col("Tuition fees up to date") == 0, "first": pl.col(SHARES[0]) < 0.5, "second": pl.col(SHARES[1]) < 0.5},
    ),
    load,
    "uci_dropout",
    tuple(range(FOLDS)),
    0.92,
)
