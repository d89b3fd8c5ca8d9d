"""What intervention clusters are made from: the newest tier of each student with score, growth, attendance, marks and services.

The frame has a row per student and subject; :func:`matrix` turns one tier and subject of it into standardised numbers and codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from la_assets import exact_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUMERIC = ("score", "growth_percentile", "attendance_rate", "gpa")
NOT_SAID, NOT_USED = "not said", "not used"


def cluster_features(
    tiers: pl.LazyFrame, students: pl.LazyFrame, attendance: pl.LazyFrame, marks: pl.LazyFrame, *, with_race_ethnicity: bool = False
) -> pl.LazyFrame:
    """The table ``mtss.cluster_features`` of one school year, without ``school_year``.

    Parameters
    ----------
    tiers, students, attendance, marks : polars.LazyFrame
        ``mtss.tiers``, ``roster.students``, ``attendance.student_year`` and ``coursework.student_year`` of the year.
    with_race_ethnicity : bool
        Whether race and ethnicity is carried along; off by default.
    """
    peers = ["subject", "window", "grade_level"]
    spread = exact_sums.deviation(pl.col("scale_score"), peers, ddof=0)
    score = pl.when(spread > 0).then((pl.col("scale_score") - exact_sums.mean(pl.col("scale_score"), peers)) / spread)
    newest = tiers.filter(pl.col("status") == "tiered").with_columns(score.alias("score")).filter("is_latest")
    race = pl.col("race_ethnicity").fill_null(NOT_SAID) if with_race_ethnicity else pl.lit(NOT_USED)
    person = students.select(
        "student_key",
        *(_said(name) for name in ("ell", "ese", "frl")),
        pl.col("gender").fill_null(NOT_SAID),
        race.alias("race_ethnicity"),
    )
    present = attendance.select(
        "student_key", pl.col("rate").alias("attendance_rate"), pl.col("known_on").alias("present_known"), pl.col("loaded_at").alias("l1")
    )
    graded = marks.select("student_key", "gpa", pl.col("known_on").alias("marks_known"), pl.col("loaded_at").alias("l2"))
    return (
        newest.join(person, on="student_key", how="left")
        .join(present, on="student_key", how="left")
        .join(graded, on="student_key", how="left")
        .with_columns(
            pl.col("ell", "ese", "frl", "gender").fill_null(NOT_SAID),
            pl.col("race_ethnicity").fill_null(NOT_SAID if with_race_ethnicity else NOT_USED),
            pl.max_horizontal("known_on", "present_known", "marks_known").alias("known_on"),
            pl.max_horizontal("loaded_at", "l1", "l2").alias("loaded_at"),
            pl.lit("mtss").alias("source"),
        )
    )


def _said(name: str) -> pl.Expr:
    return pl.when(pl.col(name)).then(pl.lit("yes")).when(~pl.col(name)).then(pl.lit("no")).otherwise(pl.lit(NOT_SAID)).alias(name)


@dataclass(frozen=True)
class Scaling:
    """How a tier and subject's features become numbers: means and standard deviations, and the categories in code order.

    Attributes
    ----------
    numeric : tuple of (name, mean, standard deviation)
        Numeric features that vary; missing values stand at the mean.
    categorical : tuple of (name, categories)
        Categorical features; a category that the model has not seen has no code and matches nothing.
    """

    numeric: tuple[tuple[str, float, float], ...]
    categorical: tuple[tuple[str, tuple[str, ...]], ...]

    @classmethod
    def of(cls, features: pl.DataFrame, categorical: Sequence[str]) -> Scaling:
        """Of the features of one tier and subject."""
        moments = features.select(
            *(exact_sums.mean(pl.col(c)).alias(f"{c} mean") for c in NUMERIC),
            *(exact_sums.deviation(pl.col(c), ddof=0).alias(f"{c} sd") for c in NUMERIC),
        ).row(0, named=True)
        numeric = tuple((c, moments[f"{c} mean"], moments[f"{c} sd"]) for c in NUMERIC if (moments[f"{c} sd"] or 0.0) > 1e-9)
        codes = tuple((c, tuple(features[c].fill_null(NOT_SAID).unique().sort().to_list())) for c in categorical)
        return cls(numeric, codes)

    def matrix(self, features: pl.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """Standardised numbers (n, p) and codes (n, q) of the rows."""
        scaled = features.select(((pl.col(c) - mean) / sd).fill_null(0.0).alias(c) for c, mean, sd in self.numeric)
        numbers = scaled.to_numpy() if self.numeric else np.empty((features.height, 0))  # a frame without columns has no rows
        codes = features.select(
            pl.col(c).fill_null(NOT_SAID).replace_strict(list(known), list(range(len(known))), default=-1, return_dtype=pl.Int32).alias(c)
            for c, known in self.categorical
        ).to_numpy()
        return np.ascontiguousarray(numbers, np.float64), np.ascontiguousarray(codes, np.int32)

    def as_json(self) -> dict[str, Any]:
        return {
            "numeric": [{"name": n, "mean": m, "sd": s} for n, m, s in self.numeric],
            "categorical": [{"name": n, "categories": list(c)} for n, c in self.categorical],
        }

    @classmethod
    def from_json(cls, model: dict[str, Any]) -> Scaling:
        return cls(
            tuple((f["name"], f["mean"], f["sd"]) for f in model["numeric"]),
            tuple((f["name"], tuple(f["categories"])) for f in model["categorical"]),
        )
