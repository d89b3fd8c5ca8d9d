"""Pictures of tiers and clusters for the pages of their assets.

Figures only; a bar or a cell of fewer than ten students is left empty, so that no student can be told from a picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from la_assets.mtss.cluster_profiles import MEASURES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEWEST = 10
_TIER_COLORS = {1: "#7fb77e", 2: "#f2c14e", 3: "#d1495b"}
_SHORT = {
    "score": "score",
    "growth_percentile": "growth",
    "attendance_rate": "attendance",
    "gpa": "GPA",
    "ell": "ELL",
    "ese": "IEP",
    "frl": "FRL",
    "female": "girls",
}


def tier_counts(tiers: pl.DataFrame) -> pl.DataFrame:
    """Students by subject, window and tier, in the order of the windows; groups of fewer than ten are left out."""
    return (
        tiers.filter(pl.col("tier").is_not_null())
        .group_by("subject", "window_order", "window", "tier")
        .agg(pl.len().alias("students"))
        .filter(pl.col("students") >= FEWEST)
        .sort("subject", "window_order", "tier")
    )


def tiers_by_window(counts: pl.DataFrame) -> Figure:
    """Bars of students by tier after each window, a panel per subject."""
    from matplotlib.figure import Figure

    subjects = counts["subject"].unique(maintain_order=True).to_list()
    figure = Figure(figsize=(2.6 * max(len(subjects), 1), 2.8))
    panels = figure.subplots(1, max(len(subjects), 1), squeeze=False)[0]
    figure.subplots_adjust(left=0.08, right=0.99, top=0.88, bottom=0.24, wspace=0.35)
    for panel, subject in zip(panels, subjects, strict=False):
        rows = counts.filter(pl.col("subject") == subject)
        windows = rows.sort("window_order")["window"].unique(maintain_order=True).to_list()
        bottom = np.zeros(len(windows))
        for tier, color in _TIER_COLORS.items():
            found = dict(rows.filter(pl.col("tier") == tier).select("window", "students").iter_rows())
            heights = np.array([found.get(window, 0) for window in windows], float)
            panel.bar(windows, heights, bottom=bottom, color=color, label=f"tier {tier}", width=0.7)
            bottom += heights
        panel.set_title(subject, fontsize=10)
        panel.tick_params(labelsize=8)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("students")
    if subjects:
        figure.legend(*panels[0].get_legend_handles_labels(), loc="lower center", ncols=3, fontsize=8, frameon=False)
    return figure


def profile_heat_map(profiles: pl.DataFrame) -> Figure:
    """What sets each cluster apart: means against the tier as a whole, in the tier's standard deviations.

    Parameters
    ----------
    profiles : polars.DataFrame
        From ``cluster_profiles.cluster_profiles``, with its columns ``<measure> apart``.
    """
    from matplotlib.figure import Figure

    rows = profiles.filter(pl.col("status") == "clustered", pl.col("students") >= FEWEST)
    values = rows.select(pl.col(f"{m} apart").cast(pl.Float64) for m in MEASURES).to_numpy()
    figure = Figure(figsize=(6.5, 1.2 + 0.2 * max(rows.height, 1)))
    panel = figure.subplots()
    if not rows.height:
        panel.set_axis_off()
        panel.text(0.5, 0.5, "no clusters", ha="center")
        return figure
    drawn = panel.imshow(np.ma.masked_invalid(values), cmap="RdBu", vmin=-1.5, vmax=1.5, aspect="auto")
    panel.set_xticks(range(len(MEASURES)), [_SHORT[m] for m in MEASURES], fontsize=8)
    panel.xaxis.tick_top()
    named = rows.select("subject", "tier", "cluster", "students").iter_rows()
    panel.set_yticks(range(rows.height), [f"{subject}, tier {tier}, {letter} ({n:,})" for subject, tier, letter, n in named], fontsize=7)
    figure.colorbar(drawn, ax=panel, shrink=0.5, label="SD from the mean of the tier")
    return figure
