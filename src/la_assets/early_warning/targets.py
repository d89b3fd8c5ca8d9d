"""The targets of early warning: what is warned of, for whom, when, from which features, and what the outcome was.

One :class:`Target` each; training, scoring and evaluation know none by name. A new target is a new entry here with its label
function (``labels.py``). What a label function reads stands there; nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from la_assets.early_warning import labels
from la_assets.early_warning.features.course_features import COURSE_FEATURES
from la_assets.early_warning.features.student_features import AUDIT, FEATURES
from la_assets.early_warning.labels import LabelSettings, OutcomeSources
from la_assets.early_warning.model_definition import ModelDefinition

Labeller = Callable[[pl.LazyFrame, OutcomeSources, date, LabelSettings], pl.LazyFrame]

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "dropout": ("dropout",),
    "course_failure": ("course_failure",),
    "college_readiness": ("not_on_track", "sat_benchmark_missed", "no_ap_success", "no_college"),
}
"""Targets by the tables that hold them: ``<family>_model``, ``_scores``, ``_evaluation``."""

_RACES = (
    "American Indian or Alaska Native", "Asian", "Black or African American", "Hispanic or Latino",
    "Native Hawaiian or Other Pacific Islander", "White", "Two or More Races",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Target:
    """What a model warns of.

    Attributes
    ----------
    definition : ModelDefinition
        Rows, label and features, for the learner.
    label : callable
        From units, outcome tables, as-of date and settings to labelled units.
    scored_grades, trained_grades : tuple of str
        CEDS grades.
    snapshots : tuple of str
        Snapshots at which it is trained and scored; empty means all. ``latest`` is always scored.
    only : polars.Expr or None
        Students at risk of the outcome at all (in an AP course), by their features.
    held_out_years : int
        Years on which a model is calibrated and chosen; a rare outcome needs more of them.
    learning_rate : float
        Of the trees; a rare outcome needs small steps.
    evaluated_at_all_snapshots : bool
        Or at the district's decision snapshot only.
    reasons_from : float
        Probability from which a row has its reasons; rows of a quiet course do not need any.
    """

    definition: ModelDefinition
    label: Labeller
    scored_grades: tuple[str, ...]
    trained_grades: tuple[str, ...]
    snapshots: tuple[str, ...] = ()
    only: pl.Expr | None = None
    held_out_years: int = 2
    learning_rate: float = 0.15
    evaluated_at_all_snapshots: bool = False
    reasons_from: float = 0.0

    @property
    def name(self) -> str:
        return self.definition.name

    def units(self, features: pl.LazyFrame, grades: tuple[str, ...]) -> pl.LazyFrame:
        """Rows of the feature table that the target is about."""
        kept = features.filter(pl.col("grade_level").is_in(list(grades)))
        if self.snapshots:
            kept = kept.filter(pl.col("snapshot").is_in([*self.snapshots, "latest"]))
        return kept if self.only is None else kept.filter(self.only)


@dataclass(frozen=True)
class TargetSettings:
    """What the targets depend on that differs between districts; see ``EarlyWarningSettings``."""

    scored_grades: tuple[str, ...]
    dropout_training_grades: tuple[str, ...]
    course_snapshots: tuple[str, ...]
    thresholds: tuple[float, float] = (0.30, 0.60)
    demographics_as_features: tuple[str, ...] = ()
    low_attendance: float = 0.90


def targets(settings: TargetSettings) -> dict[str, Target]:
    """Every target by name."""
    flags = {
        "attendance": pl.col("attendance_rate") < settings.low_attendance,
        "behaviour": pl.col("suspensions") >= 1,
        "course failure": pl.col("courses_failing") >= 1,
    }

    def definition(name: str, extra: tuple[str, ...] = (), keys: tuple[str, ...] = (), **more: object) -> ModelDefinition:
        rules = flags if not extra else flags | {"course failure": pl.col("course_points") < 1.0, "course": pl.col("course_percent") < 70}
        return ModelDefinition(
            name=name,
            label="label",
            features=(*FEATURES, *extra),
            keys=("student_key", *keys, "snapshot", "school_year"),
            event_on="event_on",
            audit=AUDIT,
            audit_as_features=settings.demographics_as_features,
            categories={"race_ethnicity": _RACES, "gender": ("Female", "Male")},
            rule_flags=rules,
            thresholds=settings.thresholds,
            **more,  # type: ignore[arg-type]
        )

    scored = settings.scored_grades
    return {
        target.name: target
        for target in (
            Target(
                definition("dropout", unit="a student at a snapshot day"),
                labels.dropout,
                scored,
                settings.dropout_training_grades,
                held_out_years=3,
                learning_rate=0.08,
                evaluated_at_all_snapshots=True,
            ),
            Target(
                definition("course_failure", tuple(COURSE_FEATURES), ("section_id",), unit="a student in a course at a snapshot day"),
                labels.course_failure,
                scored,
                scored,
                settings.course_snapshots,
                reasons_from=settings.thresholds[0] / 3,
            ),
            Target(definition("not_on_track", unit="a student of grade 9 at a snapshot day"), labels.not_on_track, ("09",), ("09",)),
            Target(
                definition("sat_benchmark_missed", unit="a student of grade 11 at a snapshot day"),
                labels.sat_benchmark_missed,
                ("11",),
                ("11",),
                settings.course_snapshots,
            ),
            Target(
                definition("no_ap_success", unit="a student in an advanced course at a snapshot day"),
                labels.no_ap_success,
                ("10", "11", "12"),
                ("10", "11", "12"),
                (),
                pl.col("advanced_courses") > 0,
            ),
            Target(definition("no_college", unit="a student of grade 12 at a snapshot day"), labels.no_college, ("12",), ("12",)),
        )
    }
