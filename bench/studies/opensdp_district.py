"""A district simulated by OpenSDPsynthR: who in grade 8 will leave high school without a diploma? The latest two cohorts are predicted.

Features are those of grade 8 and before: attendance, mobility, state tests, programs. Students who transferred out have no outcome here.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from bench.studies.study import Study
from la_assets.early_warning.model_definition import ModelDefinition

COHORTS = (2008, 2013)
"""First and last school year of grade 8 with more than a handful of students."""


def load(folder: Path) -> pl.DataFrame:
    """A row per student, at the end of their first grade 8."""
    years = pl.read_parquet(folder / "stu_year.parquet").sort("sid", "year")
    history = years.with_columns(
        pl.col("att_rate").shift(1).over("sid").alias("attendance_before"),
        pl.col("att_rate").cum_min().over("sid").alias("attendance_lowest"),
        (pl.col("att_rate").cum_sum().over("sid") / pl.col("att_rate").cum_count().over("sid")).alias("attendance_so_far"),
        (pl.col("schid") != pl.col("schid").shift(1)).fill_null(False).cast(pl.Int32).cum_sum().over("sid").alias("school_changes"),
        (pl.col("grade") == pl.col("grade").shift(1)).fill_null(False).cast(pl.Int32).cum_sum().over("sid").alias("retentions"),
        (pl.col("frpl").cum_sum().over("sid") / pl.col("frpl").cum_count().over("sid")).alias("share_frl"),
    )
    grade_8 = history.filter(pl.col("grade") == "8").unique("sid", keep="first", maintain_order=True)
    tests = pl.read_parquet(folder / "stu_assess.parquet").rename({"year": "test_year"}).select("sid", "test_year", "math_ss", "rdg_ss")
    scores = grade_8.select("sid", "year").join(tests, on="sid").filter(pl.col("test_year") <= pl.col("year")).sort("sid", "test_year")
    scores = scores.group_by("sid", maintain_order=True).agg(
        pl.col("math_ss").last().alias("math"), pl.col("rdg_ss").last().alias("reading"),
        pl.col("math_ss").mean().alias("math_mean"), pl.col("rdg_ss").mean().alias("reading_mean"),
        (pl.col("math_ss").last() - pl.col("math_ss").first()).alias("math_change"),
    )  # fmt: skip
    outcomes = pl.read_parquet(folder / "hs_outcomes.parquet").select("sid", "grad", "hs_status")
    people = pl.read_parquet(folder / "demog_master.parquet").select("sid", pl.col("Race").alias("race"), pl.col("Sex").alias("sex"))
    rows = grade_8.join(scores, on="sid", how="left").join(outcomes, on="sid", how="left").join(people, on="sid", how="left")
    known = pl.when(pl.col("hs_status") != "transferout").then(pl.col("grad") == 0)
    return rows.filter(pl.col("year").is_between(*COHORTS)).with_columns(
        known.alias("no_diploma"), pl.col("schid").cast(pl.String).alias("school_id")
    )


STUDY = Study(
    "OpenSDP district, grade 8",
    "leaves without a diploma; known at the end of grade 8; latest two cohorts predicted",
    "OpenSDPsynthR, seed 11213 (MIT)",
    ModelDefinition(
        name="opensdp",
        label="no_diploma",
        unit="a student in grade 8",
        features=(
            "school_id", "att_rate", "attendance_before",
             "attendance_lowest", "attendance_so_far", "school_changes", "retentions", "age", "gifted",
            "iep", "share_frl", "math", "reading", "math_mean", "reading_mean", "math_change",
        ),
        keys=("sid",),
        cluster="sid",
        time="year",
        as_of=None,
        known_on=None,
        label_known_on=None,
        audit=("race", "sex", "frpl", "ell"),
        categories={"school_id": tuple(map(str, range(1, 13)))},
        rule_flags={
            "attendance": pl.col("att_rate") <= 0.90, "retained": pl.col("retentions") > 0, "below": pl.col("math") < -1,
        },
    ),
    load,
    "opensdp_district",
    (2012, 2013),
    0.73,
)  # fmt: skip
