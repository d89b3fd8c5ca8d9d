"""Pictures of the forecasts for the pages of their assets: errors by candidate and year, coverage, predicted against actual.

Figures only; cells of fewer than ten students are left empty, so that no student can be told from a picture.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from la_assets.forecasts.targets import CANDIDATES, SUBJECTS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FEWEST = 10
_COLORS = dict(zip(CANDIDATES, ("#999999", "#0072b2", "#009e73", "#e69f00", "#cc79a7"), strict=True))
_POINT = "after PM2"


def rmse_by_year(selection: pl.DataFrame) -> Figure:
    """RMSE of every candidate in every outer fold after PM2, a panel per subject."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 2.8))
    panels = figure.subplots(1, len(SUBJECTS))
    figure.subplots_adjust(left=0.05, right=0.99, top=0.9, bottom=0.28, wspace=0.2)
    for panel, subject in zip(panels, SUBJECTS, strict=True):
        rows = selection.filter(pl.col("subject") == subject, pl.col("as_of_point") == _POINT, pl.col("fold_rmse").is_not_null())
        for row in rows.iter_rows(named=True):
            folds = json.loads(row["fold_rmse"])
            style = {"linewidth": 2.5 if row["is_winner"] else 1.2, "marker": "o", "markersize": 3, "color": _COLORS[row["candidate"]]}
            panel.plot([year[2:] for year in folds], list(folds.values()), label=row["candidate"], **style)
        panel.set_title(subject, fontsize=10)
        panel.tick_params(labelsize=7, axis="x", rotation=45)
        panel.tick_params(labelsize=8, axis="y")
    panels[0].set_ylabel("RMSE, points")
    handles, labels = panels[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="lower center", ncols=len(CANDIDATES), fontsize=8, frameon=False)
    return figure


def coverage_and_fit(evaluation: pl.DataFrame, told: pl.DataFrame) -> Figure:
    """Measured coverage of both intervals by subject, and predicted against actual ELA and Math scores, after PM2.

    Parameters
    ----------
    evaluation : polars.DataFrame
        ``forecasts.evaluation`` of the year.
    told : polars.DataFrame
        ``subject``, ``predicted_score`` and ``final_score`` of students, after PM2.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.2))
    panels = figure.subplots(1, 3)
    figure.subplots_adjust(left=0.05, right=0.99, top=0.9, bottom=0.16, wspace=0.2)
    rows = evaluation.filter(
        pl.col("is_winner"), pl.col("as_of_point") == _POINT, pl.col("grade_level") == "all", pl.col("coverage_80").is_not_null()
    )
    for level, marker in ((80, "o"), (95, "s")):
        panels[0].plot(rows["subject"], rows[f"coverage_{level}"], marker, label=f"{level} % interval")
        panels[0].axhline(level / 100, color="#999999", linewidth=0.8)
    panels[0].set(ylim=(0.5, 1.0), title="Share of final scores within the interval")
    panels[0].tick_params(labelsize=8)
    if rows.height:
        panels[0].legend(loc="lower right", fontsize=8)
    for panel, subject in zip(panels[1:], ("ELA", "Math"), strict=True):
        of_subject = told.filter(pl.col("subject") == subject)
        panel.set(title=f"{subject}: final against predicted", xlabel="predicted, points", ylabel="final, points")
        if of_subject.height >= _FEWEST:
            predicted, final = of_subject["predicted_score"].to_numpy(), of_subject["final_score"].to_numpy()
            panel.hexbin(predicted, final, gridsize=28, mincnt=_FEWEST, cmap="viridis", linewidths=0)
            ends = np.array([min(predicted.min(), final.min()), max(predicted.max(), final.max())])
            panel.plot(ends, ends, color="#d55e00", linewidth=1)
    return figure
