"""Pictures for the asset's page: ROC, calibration, reasons, scores by subgroup. Signatures first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from la_assets.early_warning.model_definition import ModelDefinition

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def roc_figure(scored: pl.DataFrame, definition: ModelDefinition, title: str) -> Figure:
    """ROC of the published probability and every baseline; ``scored`` as for ``evaluate``, one year."""
    raise NotImplementedError


def calibration_figure(evaluation: pl.DataFrame, title: str) -> Figure:
    """Observed against predicted share by bin, with intervals; rows of one year of ``evaluate``."""
    raise NotImplementedError


def reasons_figure(reasons: pl.DataFrame, title: str) -> Figure:
    """Mean absolute contribution per feature: columns ``feature``, ``mean_abs_contribution`` of ``reasons.importance``."""
    raise NotImplementedError


def distribution_figure(scored: pl.DataFrame, subgroup: str, title: str, *, min_cell: int = 10) -> Figure:
    """Distribution of ``probability`` by group of an audit column; groups under ``min_cell`` are left out and counted."""
    raise NotImplementedError
