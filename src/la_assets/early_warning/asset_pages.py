"""What the asset pages show beside rows: figures that Dagster plots by year, and pictures. No figure is of fewer than ten students.

Figures are of every target, pictures of a family's first one that has something to show: a page that is read, in a time worth spending.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from la_assets.early_warning import plots
from la_assets.early_warning.evaluated_years import published
from la_assets.early_warning.targets import Target
from la_assets.figures import picture

_SMALL = 10
_FIGURES = {"auc_roc": "AUC", "auc_pr": "AUC-PR", "brier": "Brier score", "calibration_slope": "calibration slope"}


def of_models(rows: Sequence[pl.DataFrame]) -> dict[str, Any]:
    """Status, rows and held-out AUC of each target's model."""
    shows: dict[str, Any] = {}
    for row in (frame.row(0, named=True) for frame in rows):
        name = row["target"]
        shows[f"{name}: status"] = row["status"]
        shows[f"{name}: rows learned from"] = row["n_rows"] or 0
        if row["held_out_auc"] is not None:
            shows[f"{name}: held-out AUC"] = row["held_out_auc"]
    return shows


def of_scores(scores: pl.DataFrame, targets: Sequence[Target]) -> dict[str, Any]:
    """Shares scored and at high risk of each target, reasons, and the distribution of the scores by subgroup."""
    shows: dict[str, Any] = {}
    drawn = False
    for target in targets:
        mine = scores.filter(pl.col("target") == target.name)
        if mine.height < _SMALL:
            continue
        newest = mine.filter(pl.col("as_of_date") == pl.col("as_of_date").max(), pl.col("probability").is_not_null())
        shows[f"{target.name}: share scored"] = 1 - mine["probability"].null_count() / mine.height
        if newest.height < _SMALL:
            continue
        for level in ("High", "Medium"):
            many = int((newest["level"] == level).sum())
            if many >= _SMALL:
                shows[f"{target.name}: share at {level.lower()} risk"] = many / newest.height
        if drawn:
            continue
        drawn = True
        title = f"{target.name.replace('_', ' ')}, {newest.item(0, 'school_year')}"
        words = "free or reduced-price lunch"
        figure = plots.distribution_figure(newest, "frl", f"Risk of {title}, by {words}", min_cell=_SMALL)
        shows[f"{target.name}: scores by {words}"] = picture(figure, f"Distribution of the risk of {title}, by {words}")
    return shows


def of_evaluation(rows: pl.DataFrame, due: pl.DataFrame, target: Target, snapshot: str, *, draw: bool = True) -> dict[str, Any]:
    """Figures at the decision snapshot of the newest scored year that came due, with ROC and calibration if drawn."""
    shows: dict[str, Any] = {}
    for metric, words in _FIGURES.items():
        value = published(rows, metric, snapshot)
        if value is not None:
            shows[f"{target.name}: {words}"] = value
    if not shows or not draw:
        return shows
    year = rows.filter(pl.col("snapshot") == snapshot, pl.col("metric") == "auc_roc", pl.col("status") == "ok")["scored_year"].max()
    at = pl.col("snapshot") == snapshot
    title = f"{target.name.replace('_', ' ')}, scores of {year!s} at {snapshot}"
    roc = plots.roc_figure(due.filter(at, pl.col("school_year") == year), target.definition, f"ROC: {title}")
    curve = plots.calibration_figure(rows.filter(at, pl.col("scored_year") == year), f"Calibration: {title}")
    shows[f"{target.name}: ROC"] = picture(roc, f"ROC curves of {title}")
    shows[f"{target.name}: calibration"] = picture(curve, f"Observed against predicted share of {title}")
    return shows


def of_fairness(rows: pl.DataFrame) -> dict[str, Any]:
    """How many differences passed, failed, or lacked evidence."""
    verdicts = dict(rows.filter(pl.col("verdict").is_not_null()).group_by("verdict").len().iter_rows())
    return {f"differences: {verdict}": int(verdicts.get(verdict, 0)) for verdict in ("pass", "gap", "insufficient evidence")}
