"""What a school would do without a model: count the rule flags, or know a student's school. Rates are learned from training rows.

The logistic regression, the third baseline, has its own module. A baseline's rate serves as its probability; at equal numbers of flagged
students only the order matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from la_assets.early_warning.learner_settings import LearnerSettings
from la_assets.early_warning.model_definition import ModelDefinition


@dataclass(frozen=True)
class Baselines:
    """Share of positives overall, by number of raised flags (0, 1, ...) and by school."""

    rate: float
    by_flags: tuple[float, ...]
    by_school: Mapping[str, float]

    def rules(self, flags: pl.Expr) -> pl.Expr:
        """Rate of students with as many flags."""
        return flags.replace_strict(dict(enumerate(self.by_flags)), default=self.rate, return_dtype=pl.Float64)

    def school(self, school: pl.Expr) -> pl.Expr:
        """Rate of the school; the district's for a school without training rows."""
        if not self.by_school:
            return pl.lit(self.rate)
        return school.cast(pl.String).replace_strict(dict(self.by_school), default=self.rate, return_dtype=pl.Float64)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"rate": self.rate, "by_flags": list(self.by_flags), "by_school": dict(self.by_school)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Baselines:
        """The same rates."""
        return cls(values["rate"], tuple(values["by_flags"]), dict(values["by_school"]))


def fit(rows: pl.DataFrame, definition: ModelDefinition, settings: LearnerSettings) -> Baselines:
    """Rates of training rows.

    A school's rate is drawn towards the district's by ``school_prior`` students' worth, so that a small school without a dropout is
    not taken for safe. Rates by number of flags never fall with more flags (neighbours that do are pooled).
    """
    from sklearn.isotonic import isotonic_regression

    label = pl.col(definition.label).cast(pl.Float64)
    rate = float(rows.select(label.mean()).item())
    possible = range(len(definition.rule_flags) + 1)
    seen = rows.group_by(definition.flag_count().alias("flags")).agg(label.sum().alias("positives"), pl.len().alias("rows"))
    counts = {flags: (positives, n) for flags, positives, n in seen.iter_rows()}
    drawn = [_drawn(*counts.get(flags, (0.0, 0)), rate, settings.school_prior) for flags in possible]
    weights = [counts.get(flags, (0.0, 0))[1] + settings.school_prior for flags in possible]
    by_flags = tuple(float(v) for v in isotonic_regression(drawn, sample_weight=weights))
    by_school: dict[str, float] = {}
    if definition.school is not None:
        school = pl.col(definition.school).cast(pl.String)
        known = (
            rows.filter(school.is_not_null()).group_by(school.alias("school")).agg(label.sum().alias("positives"), pl.len().alias("rows"))
        )
        by_school = {name: _drawn(positives, n, rate, settings.school_prior) for name, positives, n in known.sort("school").iter_rows()}
    return Baselines(rate, by_flags, by_school)


def _drawn(positives: float, rows: int, rate: float, prior: float) -> float:
    """Share of positives, drawn towards ``rate`` by ``prior`` rows' worth."""
    return float((positives + prior * rate) / (rows + prior))
