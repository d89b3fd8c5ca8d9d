"""What a model of the early-warning room is: one definition serves every target.

Dropout, course failure and the college-readiness targets differ in their rows, their label and their features, and in nothing else.
A definition names them; training, scoring, evaluation and the fairness audit read it and know no target by name. A label is always the
outcome to warn of (``not_on_track``, not ``on_track``), so that a high probability is a high risk for every target.
A definition holds no data and fits nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

AUDIT = ("race_ethnicity", "gender", "frl", "ell", "ese")
"""Subgroup columns. They serve the fairness audit; none is a feature unless the definition says so."""

LEVELS = ("Low", "Medium", "High")


@dataclass(frozen=True, eq=False)
class ModelDefinition:
    """The rows, the label and the features of one target.

    Attributes
    ----------
    name : str
        Of the target, such as ``dropout``.
    label : str
        Boolean (or 0/1) column: the outcome to warn of; null while its window is open.
    features : tuple of str
        Numeric or boolean columns, or text columns listed in ``categories``; null where not known. Columns that are not
        named here are never read by a model.
    keys : tuple of str
        Columns that name a row.
    unit : str
        What a row is, in words.
    cluster : str
        Student of a row: rows of one student are resampled together and never count as independent.
    time : str
        Column of the school year (or term); its values sort in time.
    as_of, known_on, label_known_on : str or None
        Dates: the snapshot's, the day at which the row's features were known, the day at which the label's window closed. A row with
        ``known_on`` after its ``as_of`` and a label with ``label_known_on`` after the training's as-of date are never trained on.
        None where a data set has no dates.
    event_on : str or None
        Date of the outcome (the drop), for the lead time.
    school : str or None
        School of a row, for the baseline that knows the school alone.
    audit : tuple of str
        Subgroup columns of the fairness audit.
    audit_as_features : tuple of str
        Audit columns that are features nevertheless; recorded in the manifest. Text ones need their ``categories``.
    categories : mapping
        Text feature to the values that get an indicator column each; any other value has none.
    rule_flags : mapping
        Name to boolean expression over the feature columns: the rules that a school would use without a model
        (attendance, behaviour, course failure). Students are ranked by how many are raised.
    thresholds : (float, float)
        Risk is Low below the first, High from the second on; the first is the cut at which students are flagged.
    capacities : tuple of float
        Shares of students that help can reach: precision and recall are taken at these cuts too.
    periods : {'time', 'folds'}
        ``folds`` for public data without time: the ``time`` column holds fold numbers and a fold is scored by a model of all others.
        Never for a district.
    """

    name: str
    label: str
    features: tuple[str, ...]
    keys: tuple[str, ...] = ("student_key", "school_year")
    unit: str = "a student in a school year"
    cluster: str = "student_key"
    time: str = "school_year"
    as_of: str | None = "as_of_date"
    known_on: str | None = "known_on"
    label_known_on: str | None = "label_known_on"
    event_on: str | None = None
    school: str | None = "school_id"
    audit: tuple[str, ...] = AUDIT
    audit_as_features: tuple[str, ...] = ()
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rule_flags: Mapping[str, pl.Expr] = field(default_factory=dict)
    thresholds: tuple[float, float] = (0.30, 0.60)
    capacities: tuple[float, ...] = (0.05, 0.10)
    periods: Literal["time", "folds"] = "time"

    def __post_init__(self) -> None:
        leaked = set(self.features) & ({self.label, self.cluster, self.event_on, self.label_known_on} | set(self.audit))
        if leaked:
            raise ValueError(f"{self.name}: {sorted(leaked)} cannot be features; audit columns are named in audit_as_features")
        if unknown := set(self.audit_as_features) - set(self.audit):
            raise ValueError(f"{self.name}: {sorted(unknown)} are no audit columns")
        if len(set(self.features)) < len(self.features):
            raise ValueError(f"{self.name}: a feature is named twice")

    @property
    def model_features(self) -> tuple[str, ...]:
        """The features a model sees: the definition's own, then the audit columns that are switched on."""
        return self.features + self.audit_as_features

    def level(self, probability: pl.Expr) -> pl.Expr:
        """Low, Medium or High; null where the probability is."""
        low, high = self.thresholds
        level = pl.when(probability < low).then(pl.lit(LEVELS[0])).when(probability < high).then(pl.lit(LEVELS[1]))
        return pl.when(probability.is_not_null()).then(level.otherwise(pl.lit(LEVELS[2])))

    def flag_count(self) -> pl.Expr:
        """How many rule flags a row raises; a flag whose columns are null is not raised."""
        flags = [flag.fill_null(False).cast(pl.Int32) for flag in self.rule_flags.values()]
        return pl.sum_horizontal(flags) if flags else pl.lit(0, pl.Int32)
