"""Settings of learning, evaluation, audit and drift, with the defaults of the design.

Plain values only; a district's own settings are turned into these where assets are made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class LearnerSettings:
    """How models are fitted.

    Attributes
    ----------
    max_depth, learning_rate, max_rounds, early_stopping_rounds, bins, min_child_weight, column_share, l2 : int or float
        Of XGBoost (hist). Rounds are stopped on a later year than those trained on.
    many_rows, learning_rate_of_many : int, float
        From so many rows on, trees learn at the second rate: smaller steps no longer buy a better ranking, only time.
    class_weight : bool
        Positives weigh as much as negatives together while trees are grown; calibration repairs the probabilities.
    logistic_l2 : float
        Ridge penalty of the logistic regression on standardised columns.
    held_out_years : int
        Latest labelled years predicted by models of earlier years only: calibration is fitted, and the candidate chosen, on them.
    min_positives : int
        Fewer positives or negatives among the rows to train on: no model, and the status says so.
    school_prior : float
        Students' worth of district rate in a school's rate (the school-only baseline).
    seed, threads : int
        Fixed seed; threads change the time, never the result.
    rows_for_workers : int, optional
        From so many rows on, trees are grown by Dask's workers, each with a share of the rows; None: never.
    workers, scheduler : int, str
        How many; address of their scheduler (``tcp://host:8786``), empty: processes of this machine, started for the time.
    """

    max_depth: int = 4
    learning_rate: float = 0.05
    many_rows: int = 100_000
    learning_rate_of_many: float = 0.15
    max_rounds: int = 400
    early_stopping_rounds: int = 10
    bins: int = 64
    min_child_weight: float = 5.0
    column_share: float = 0.4
    l2: float = 2.0
    class_weight: bool = True
    logistic_l2: float = 1.0
    held_out_years: int = 3
    min_positives: int = 30
    school_prior: float = 20.0
    seed: int = 20261125
    threads: int = 2
    rows_for_workers: int | None = None
    workers: int = 2
    scheduler: str = ""

    def worth_workers(self, rows: int) -> bool:
        """Whether so many rows are grown on workers."""
        return self.rows_for_workers is not None and rows >= self.rows_for_workers


@dataclass(frozen=True)
class EvaluationSettings:
    """Resamples and the least evidence: fewer rows or positives give a status instead of a figure."""

    resamples: int = 400
    confidence: float = 0.95
    min_rows: int = 20
    min_positives: int = 5
    bins: int = 10
    seed: int = 20261125


@dataclass(frozen=True)
class FairnessSettings:
    """Bounds of the audit.

    Attributes
    ----------
    references : mapping
        Audit column to its reference group; the largest group where none is named.
    bounds : mapping
        Largest difference from the reference that passes.
    min_cell : int
        Groups of fewer students are suppressed.
    min_events : int
        Rates over fewer students (positives, for TPR) are no evidence.
    """

    references: Mapping[str, str] = field(default_factory=dict)
    bounds: Mapping[str, float] = field(
        default_factory=lambda: {"equal_opportunity_difference": 0.10, "demographic_parity_difference": 0.10}
    )
    min_cell: int = 10
    min_events: int = 10
    resamples: int = 400
    confidence: float = 0.95
    seed: int = 20261125


@dataclass(frozen=True)
class DriftSettings:
    """When features or a model count as drifted."""

    psi_watch: float = 0.10
    psi_drift: float = 0.25
    min_rows: int = 100
    auc_drop: float = 0.05
    slope_bounds: tuple[float, float] = (0.8, 1.25)
