"""Effects of teachers and schools as they may be published: with their uncertainty, or with the reason why there is no number.

A label needs evidence: the interval leaves out zero, the effect is large enough, and there are students and reliability enough.
Nothing is fitted here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from la_assets import exact_sums
from la_assets.value_added.model import DOSAGE, SCHOOL, STATUSES, TEACHER, ValueAdded

TWO_SIDED_95 = 1.959963984540054
Group = Literal["staff_key", "school_id"]
LABELS = ("Above", "Average", "Below", "insufficient")
PLACEBO = ("passed", "failed", "not_testable")
EFFECT_STATUSES = ("estimated", "withheld", "no_usable_students", "no_variance", *STATUSES[2:])
"""``estimated`` comes with numbers; ``withheld`` has none because the placebo failed; the others say why none could be made."""


@dataclass(frozen=True)
class Evidence:
    """What a label needs: a size, students, reliability."""

    label_effect: float = 0.15
    minimum_students: int = 10
    minimum_reliability: float = 0.5


def effects(
    found: ValueAdded,
    group: Group,
    expected: pl.DataFrame,
    placebo: str,
    evidence: Evidence,
) -> pl.DataFrame:
    """A row per teacher (or school) of one subject.

    Parameters
    ----------
    found : ValueAdded
        The fitted model.
    group : "staff_key" or "school_id"
        Whose effects.
    expected : polars.DataFrame
        Column ``group``: everyone who is to have a row; those without students in the model get one that says so.
    placebo : str
        One of ``PLACEBO``. A failed placebo takes all numbers away; one that could not be run takes the labels away.
    evidence : Evidence
        What a label needs.

    Returns
    -------
    polars.DataFrame
        ``group``, ``effect``, ``standard_error``, ``ci_low``, ``ci_high``, ``reliability``, ``students``, ``student_weight``,
        ``years_used``, ``mean_residual``, ``mean_residual_error``, ``label``, ``placebo``, ``status``. Effects in SD of student scores.
    """
    counted = found.rows.group_by(group).agg(
        students=pl.col("student_key").n_unique().cast(pl.Int32),
        student_weight=exact_sums.total(pl.col(DOSAGE)),
        information=exact_sums.total(pl.col(DOSAGE) ** 2),
        years_used=pl.col("school_year").n_unique().cast(pl.Int32),
        mean_residual=exact_sums.total(pl.col("residual") * pl.col(DOSAGE)) / exact_sums.total(pl.col(DOSAGE) ** 2)
        if "residual" in found.rows.columns
        else pl.lit(None, dtype=pl.Float64),
    )
    variance, residual, spread = found.variance(group), found.variance("residual"), found.effect_variance(group)
    rows = (
        expected.select(group)
        .unique()
        .sort(group)
        .join(counted, on=group, how="left", maintain_order="left")
        .join(found.levels(group), on=group, how="left", maintain_order="left")
        .with_columns(
            pl.col("students", "years_used").fill_null(0),
            pl.col("student_weight").fill_null(0.0),
            reliability=(1 - pl.col("standard_error") ** 2 / spread).clip(0, 1) if variance and spread else pl.lit(None, dtype=pl.Float64),
            mean_residual_error=(residual / pl.col("information")).sqrt() if residual else pl.lit(None, dtype=pl.Float64),
            placebo=pl.lit(placebo),
            status=_status(found, variance, placebo),
        )
        .with_columns(
            ci_low=pl.col("effect") - TWO_SIDED_95 * pl.col("standard_error"),
            ci_high=pl.col("effect") + TWO_SIDED_95 * pl.col("standard_error"),
        )
    )
    numbers = ["effect", "standard_error", "ci_low", "ci_high", "reliability", "mean_residual", "mean_residual_error"]
    return (
        rows.with_columns(pl.when(pl.col("status") == "estimated").then(pl.col(numbers)))
        .with_columns(label=_label(evidence))
        .select(group, *numbers[:5], "students", "student_weight", "years_used", *numbers[5:], "label", "placebo", "status")
    )


def _status(found: ValueAdded, variance: float | None, placebo: str) -> pl.Expr:
    if placebo == "failed":
        return pl.lit("withheld")
    if not found.usable:
        return pl.lit(found.status)
    if not variance:
        return pl.lit("no_variance")
    return pl.when(pl.col("effect").is_null()).then(pl.lit("no_usable_students")).otherwise(pl.lit("estimated"))


def _label(evidence: Evidence) -> pl.Expr:
    """Above or Below only with evidence; ``insufficient`` where there is too little to say even Average; null without a number."""
    little = (
        (pl.col("students") < evidence.minimum_students)
        | (pl.col("reliability") < evidence.minimum_reliability)
        | (pl.col("placebo") != "passed")
    )
    large = pl.col("effect").abs() > evidence.label_effect
    return (
        pl.when(pl.col("effect").is_null())
        .then(None)
        .when(little)
        .then(pl.lit("insufficient"))
        .when(large & (pl.col("ci_low") > 0))
        .then(pl.lit("Above"))
        .when(large & (pl.col("ci_high") < 0))
        .then(pl.lit("Below"))
        .otherwise(pl.lit("Average"))
    )


__all__ = ["EFFECT_STATUSES", "LABELS", "PLACEBO", "SCHOOL", "TEACHER", "TWO_SIDED_95", "Evidence", "effects"]
