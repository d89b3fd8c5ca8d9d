"""Pictures for the asset's page: ROC with baselines, calibration with intervals, reasons, scores by subgroup.

Figures are made without pyplot, in colours that people who do not see red or green tell apart (Okabe and Ito), each also with
its own line. No picture shows a student: curves are of at least ``MIN_ROWS`` rows, groups under the smallest cell are left out and counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from la_assets.early_warning import metrics
from la_assets.early_warning.evaluation import MODELS
from la_assets.early_warning.model_definition import ModelDefinition

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MIN_ROWS = 10
BLUE, ORANGE, GREEN, PURPLE, SKY, YELLOW, VERMILION, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#F0E442", "#D55E00", "#666666",
)  # fmt: skip
LINES = {
    "published": ("published score", BLUE, "-", 2.4),
    "xgboost": ("XGBoost", VERMILION, "--", 1.5),
    "logistic": ("logistic regression", GREEN, "-.", 1.5),
    "rules": ("rule flags", ORANGE, ":", 1.8),
    "school": ("school alone", PURPLE, (0, (5, 2, 1, 2, 1, 2)), 1.5),
}
_SUBGROUPS = {
    "frl": "free or reduced-price lunch",
    "ell": "English learner",
    "ese": "education plan",
    "race_ethnicity": "race and ethnicity",
}
GROUP_LINES = ((BLUE, "-"), (VERMILION, "--"), (GREEN, "-."), (PURPLE, ":"), (ORANGE, "-"), (SKY, "--"), (GREY, "-."), ("#000000", ":"))


def roc_figure(scored: pl.DataFrame, definition: ModelDefinition, title: str) -> Figure:
    """ROC of the published probability and every baseline, with the point at which students are flagged.

    Parameters
    ----------
    scored : polars.DataFrame
        Label and the ``probability*`` columns; rows without an outcome or a score are left out.
    """
    figure, axes = _empty_figure(title, 5.6, 5.4)
    rows = scored.filter(pl.col(definition.label).is_not_null() & pl.col("probability").is_not_null())
    label = rows[definition.label].cast(pl.Float64).to_numpy()
    positives = int(label.sum())
    if rows.height < MIN_ROWS or positives in (0, rows.height):
        return _says(figure, axes, "No curve: too few rows, or one outcome only")
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, label="chance (0.50)")
    for name, column in reversed(MODELS.items()):
        if column not in rows.columns or rows[column].null_count():
            continue
        words, colour, line, width = LINES[name]
        curve = metrics.curve(metrics.ranked(rows[column].to_numpy()), label)
        negatives = curve.rows - curve.positives
        x, y = np.r_[0, negatives / negatives[-1]], np.r_[0, curve.positives / curve.positives[-1]]
        axes.plot(x, y, color=colour, linestyle=line, linewidth=width, label=f"{words} ({metrics.auc_roc(curve):.2f})")
    flagged = rows["probability"].to_numpy() >= definition.thresholds[0]
    at = (flagged & (label == 0)).sum() / (len(label) - positives), (flagged & (label == 1)).sum() / positives
    axes.plot(*at, "o", color="black", markersize=6, label=f"flagged: risk of {definition.thresholds[0]:.2f} or more")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.set_xlabel("share of students without the outcome who would be flagged")
    axes.set_ylabel("share of students with the outcome who would be flagged")
    handles, names = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], names[::-1], loc="lower right", frameon=False, title="AUC in brackets", alignment="left", fontsize=9)
    return figure


def calibration_figure(evaluation: pl.DataFrame, title: str) -> Figure:
    """Observed against predicted share by bin of the published probability, with intervals.

    Parameters
    ----------
    evaluation : polars.DataFrame
        Rows of one year of :func:`la_assets.early_warning.evaluation.evaluate`.
    """
    figure, axes = _empty_figure(title, 5.6, 5.0)
    bins = evaluation.filter((pl.col("model") == "published") & (pl.col("metric") == "calibration_bin") & (pl.col("n") >= MIN_ROWS)).sort(
        "cut"
    )
    if not bins.height:
        return _says(figure, axes, "No curve: the outcome is not known, or too few rows")
    x, y = bins["predicted"].to_numpy(), bins["estimate"].to_numpy()
    low, high = bins["low"].fill_null(strategy="zero").to_numpy(), bins["high"].fill_null(1.0).to_numpy()
    top = min(1.0, 1.15 * float(max(x.max(), y.max(), high.max(), 0.02)))
    axes.plot([0, top], [0, top], color=GREY, linewidth=0.8, linestyle="--", label="as predicted")
    axes.errorbar(
        x, y, yerr=[np.maximum(y - low, 0), np.maximum(high - y, 0)], color=BLUE, marker="o", markersize=5, linewidth=1.4, capsize=3,
        label="observed, 95 % interval",
    )  # fmt: skip
    slope = evaluation.filter(
        (pl.col("model") == "published") & (pl.col("metric") == "calibration_slope") & pl.col("estimate").is_not_null()
    )
    if slope.height:
        estimate, least, most = slope.select("estimate", "low", "high").row(0)
        span = "" if least is None or most is None else f" ({least:.2f} to {most:.2f})"
        axes.plot([], [], " ", label=f"slope {estimate:.2f}{span}")
    axes.set(xlim=(0, top), ylim=(0, top))
    axes.set_xlabel("predicted risk (mean of students in the bin)")
    axes.set_ylabel("share of them with the outcome")
    axes.legend(loc="upper left", frameon=False, fontsize=9)
    return figure


def reasons_figure(reasons: pl.DataFrame, title: str, *, most: int = 15) -> Figure:
    """What moves the scores most, over all rows.

    Parameters
    ----------
    reasons : polars.DataFrame
        ``feature``, ``mean_abs_contribution`` of :func:`la_assets.early_warning.scoring.feature_importance`.
    """
    shown = reasons.filter(pl.col("mean_abs_contribution") > 0).head(most).reverse()
    figure, axes = _empty_figure(title, 7.0, 1.4 + 0.28 * max(shown.height, 4))
    if not shown.height:
        return _says(figure, axes, "No reasons: there is no model")
    axes.barh([name.replace("_", " ") for name in shown["feature"]], shown["mean_abs_contribution"].to_numpy(), color=BLUE)
    axes.set_xlabel("mean size of the contribution to the log odds")
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure


def distribution_figure(
    scored: pl.DataFrame, subgroup: str, title: str, *, min_cell: int = MIN_ROWS, thresholds: tuple[float, ...] = (0.30, 0.60)
) -> Figure:
    """Share of each group's students with at least a given risk; groups under ``min_cell`` are left out, and counted in a note.

    Parameters
    ----------
    scored : polars.DataFrame
        ``probability`` and the subgroup's column.
    """
    figure, axes = _empty_figure(title, 6.6, 4.6)
    value = pl.col(subgroup).cast(pl.String).replace({"true": "yes", "false": "no"}).fill_null("not on record")
    rows = scored.filter(pl.col("probability").is_not_null()).select(value.alias("group"), "probability")
    sizes = rows.group_by("group").len().sort("len", "group", descending=[True, False])
    shown = sizes.filter(pl.col("len") >= min_cell)
    if not shown.height:
        return _says(figure, axes, "No group is large enough to be shown")
    farthest = 0.0
    for at, (name, n) in enumerate(shown.iter_rows()):
        colour, line = GROUP_LINES[at % len(GROUP_LINES)]
        p = np.sort(rows.filter(pl.col("group") == name)["probability"].to_numpy())
        # Quantiles with at least half a cell beyond either end: a step for each row, or the highest score, would show a student.
        edge = min(0.5, 0.5 * min_cell / n)
        share = np.linspace(edge, 1 - edge, min(101, max(n // min_cell, 1)))
        risks = np.quantile(p, share)
        farthest = max(farthest, float(risks[-1]))
        axes.plot(
            risks, 1 - share, color=colour, linestyle=line, linewidth=1.7, label=f"{name} ({n:,})",
            marker="o" if len(share) < 5 else None, markersize=3,
        )  # fmt: skip
    top = min(1.0, max(max(thresholds, default=0.0) + 0.05, 1.1 * farthest))  # a rare outcome has no risks near 1
    axes.set(xlim=(0, top), ylim=(0, 1.01))
    left_out = sizes.height - shown.height
    note = f"\n{left_out} group{'s' if left_out > 1 else ''} of fewer than {min_cell} students not shown" if left_out else ""
    axes.set_xlabel("predicted risk" + note)
    axes.set_ylabel("share of the group with at least this risk")
    for threshold in thresholds:
        axes.axvline(threshold, color=GREY, linewidth=0.8, linestyle=":")
    axes.legend(frameon=False, fontsize=9, title=_SUBGROUPS.get(subgroup, subgroup.replace("_", " ")), alignment="left")
    return figure


def _empty_figure(title: str, width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure as New

    # No layout engine: it would draw everything several times over; the edges are cut when the picture is saved.
    figure = New(figsize=(width, height))
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=11, loc="left")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _says(figure: Figure, axes: Axes, words: str) -> Figure:
    axes.text(0.5, 0.5, words, ha="center", va="center", transform=axes.transAxes, color=GREY)
    axes.set_axis_off()
    return figure
