"""Open University (OULAD): who of those still registered in week 8 will fail or withdraw? Earlier terms teach, 2014J is predicted.

What counts as known in week 8: registration, demographics, and assessments due and handed in by day 56. The click log is not used.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from bench.studies.study import Study
from la_assets.early_warning.model_definition import ModelDefinition

WEEK_8 = 56
MODULES = ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG")
KEYS = ["code_module", "code_presentation", "id_student"]
EDUCATION = ["No Formal quals", "Lower Than A Level", "A Level or Equivalent", "HE Qualification", "Post Graduate Qualification"]
AGES = ["0-35", "35-55", "55<="]


def load(folder: Path) -> pl.DataFrame:
    """A row per student and course taken, still registered on day 56."""
    students = pl.read_parquet(folder / "student.parquet")
    registered = pl.read_parquet(folder / "student_registration.parquet")
    rows = students.join(registered, on=KEYS, how="left")
    rows = rows.filter(pl.col("date_unregistration").is_null() | (pl.col("date_unregistration") > WEEK_8))
    rows = rows.join(_work(folder), on=KEYS, how="left")
    return rows.with_columns(
        pl.col("final_result").is_in(["Fail", "Withdrawn"]).alias("failed_or_withdrew"),
        pl.col("highest_education").replace_strict(EDUCATION, list(range(5)), return_dtype=pl.Int8).alias("education_level"),
        pl.col("age_band").replace_strict(AGES, list(range(3)), return_dtype=pl.Int8).alias("age_level"),
        pl.col("imd_band").str.extract(r"^(\d+)").cast(pl.Int16).alias("deprivation_rank"),
        pl.col("code_module").alias("school_id"),
        (pl.col("handed_in") / pl.col("due")).alias("share_handed_in"),
    )


def _work(folder: Path) -> pl.DataFrame:
    """Assessments due by day 56 and what a student had handed in by then."""
    due = pl.read_parquet(folder / "assessment.parquet").filter(pl.col("date") <= WEEK_8)
    courses = due.group_by(KEYS[:2]).agg(pl.len().alias("due"))
    done = (
        pl.read_parquet(folder / "student_assessment.parquet")
        .filter(pl.col("date_submitted") <= WEEK_8)
        .join(due, on="id_assessment")
        .group_by(KEYS)
        .agg(
            pl.len().alias("handed_in"),
            pl.col("score").mean().alias("mean_score"),
            pl.col("score").min().alias("lowest_score"),
            pl.col("score").sort_by("date").last().alias("latest_score"),
            ((pl.col("score") * pl.col("weight")).sum() / pl.col("weight").sum()).alias("weighted_score"),
            (pl.col("date_submitted") - pl.col("date")).mean().alias("days_late"),
            pl.col("is_banked").any().alias("has_banked_work"),
        )
    )
    students = pl.read_parquet(folder / "student.parquet", columns=KEYS).join(courses, on=KEYS[:2], how="left")
    return students.join(done, on=KEYS, how="left").with_columns(pl.col("handed_in").fill_null(0))


STUDY = Study(
    "OULAD, week 8",
    "fails or withdraws; still registered on day 56; 2014J predicted from earlier terms",
    "Open University Learning Analytics Dataset (CC BY 4.0)",
    ModelDefinition(
        name="oulad",
        label="failed_or_withdrew",
        unit="a student in a course",
        features=(
            "code_module", "num_of_prev_attempts", "studied_credits", "disability", "education_level", "age_level", "deprivation_rank",
            "date_registration", "due", "handed_in", "share_handed_in", "mean_score", "lowest_score", "latest_score", "weighted_score",
            "days_late", "has_banked_work",
        ),
        keys=("code_module", "code_presentation", "id_student"),
        cluster="id_student",
        time="code_presentation",
        as_of=None,
        known_on=None,
        label_known_on=None,
        audit=("gender",),
        categories={"code_module": MODULES},
        rule_flags={
            "engagement": pl.col("share_handed_in") < 1,
            "course_failure": pl.col("lowest_score") < 40,
            "repeats": pl.col("num_of_prev_attempts") > 0,
        },
    ),
    load,
    "oulad",
    ("2014J",),
    0.79,
)  # fmt: skip
