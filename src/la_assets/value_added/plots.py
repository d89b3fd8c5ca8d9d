"""Pictures of effects without names: the caterpillar of the district, and the figures that an asset's page plots by year."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FEWEST = 10
"""Effects below which no picture is drawn: fewer could be told apart by who knows the schools."""

_COLORS = {"Above": "#1b7f5c", "Below": "#b5472f", "Average": "#5b6770", "insufficient": "#b8c0c6"}


def effect_figures(effects: pl.DataFrame) -> dict[str, float | int]:
    """Numbers of a year: effects with a number, withheld, insufficient, and the mean reliability by subject."""
    made: dict[str, float | int] = {
        "with_number": effects["effect"].count(),
        "withheld": int((effects["status"] == "withheld").sum()),
        "labelled_insufficient": int((effects["label"] == "insufficient").sum()),
    }
    for subject, mean in effects.group_by("subject", maintain_order=True).agg(pl.col("reliability").mean()).iter_rows():
        if mean is not None:
            made[f"mean_reliability_{subject}"] = mean
    return made


def caterpillar(effects: pl.DataFrame, school_year: str) -> Figure:
    """Effects of the district in order, each with its 95 % interval, a panel a subject; nobody is named."""
    from matplotlib.figure import Figure

    known = effects.drop_nulls("effect")
    subjects = known["subject"].unique(maintain_order=True).to_list()
    figure = Figure(figsize=(4.6 * len(subjects), 3.6), layout="constrained")
    for place, subject in enumerate(subjects, start=1):
        axes = figure.add_subplot(1, len(subjects), place)
        _draw_intervals(axes, known.filter(pl.col("subject") == subject).sort("effect"))
        axes.set_title(f"{subject}, {school_year}", fontsize=10)
        axes.set_xticks([])
        axes.set_ylabel("effect, SD of student scores" if place == 1 else "")
    figure.supxlabel("in order of the estimate; bars are 95 % intervals; color by label; no one is named", fontsize=8)
    return figure


def misses(evaluation: pl.DataFrame, school_year: str) -> Figure:
    """Squared miss of each way to foretell with its 95 % interval, a panel a subject; less is better."""
    from matplotlib.figure import Figure

    known = evaluation.drop_nulls("squared_miss")
    subjects = known["subject"].unique(maintain_order=True).to_list()
    figure = Figure(figsize=(4.2 * len(subjects), 2.6), layout="constrained")
    for place, subject in enumerate(subjects, start=1):
        axes, rows = figure.add_subplot(1, len(subjects), place), known.filter(pl.col("subject") == subject)
        miss, half = rows["squared_miss"].to_numpy(), 1.96 * rows["squared_miss_error"].to_numpy()
        ways = [str(way) for way in rows["forecast_by"]]
        colors = ["#1b7f5c" if way == "drift" else "#5b6770" for way in ways]
        axes.hlines(range(len(ways)), miss - half, miss + half, colors=colors, linewidth=2)
        axes.scatter(miss, range(len(ways)), color=colors, s=24, zorder=3)
        axes.set_yticks(range(len(ways)), [way.replace("_", " ") for way in ways])
        axes.invert_yaxis()
        axes.set_title(f"{subject}, {school_year} ({int(rows['teachers'].sum() / max(rows.height, 1))} teachers)", fontsize=10)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    figure.supxlabel("mean squared miss without the outcome's noise, SD squared; bars are 95 % intervals", fontsize=8)
    return figure


def _draw_intervals(axes: Axes, rows: pl.DataFrame) -> None:
    """Intervals first, the estimate as a small mark within them, and the line of the district's average."""
    for label, color in _COLORS.items():
        chosen = [i for i, value in enumerate(rows["label"]) if value == label]
        low, high, mid = (rows[c].gather(chosen).to_list() for c in ("ci_low", "ci_high", "effect"))
        axes.vlines(chosen, low, high, color=color, linewidth=1.2, alpha=0.75)
        axes.plot(chosen, mid, "_", color="#20262b", markersize=3, linestyle="none")
    axes.axhline(0, color="#20262b", linewidth=0.8, linestyle=":")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
