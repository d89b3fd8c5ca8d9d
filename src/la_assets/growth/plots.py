"""The picture of growth: the average student's curve by subject with the spread of true scores around it; no student is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from la_assets.growth.models import FORMS, STUDENT, GrowthModel
from la_assets.growth.panel import FIRST_GRADE, KNOT_GRADE

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def growth_curves(chosen: Mapping[str, GrowthModel], panel: pl.DataFrame, school_year: str) -> Figure:
    """The average curve, the 95 % interval of it, and the band that holds 80 % of students' true scores, a panel a subject."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6 * len(chosen), 3.6), layout="constrained")
    for place, (subject, model) in enumerate(chosen.items(), start=1):
        own = panel.filter(pl.col("subject") == subject)
        grades = np.arange(int(own["grade_number"].min()), int(own["grade_number"].max()) + 1)  # type: ignore[arg-type]
        mean, error, spread = _curve(model, grades - FIRST_GRADE)
        axes = figure.add_subplot(1, len(chosen), place)
        axes.fill_between(grades, mean - 1.2816 * spread, mean + 1.2816 * spread, color="#dbe4ea", label="80 % of students")
        axes.fill_between(grades, mean - 1.96 * error, mean + 1.96 * error, color="#7ba3b8", label="95 % interval of the average")
        axes.plot(grades, mean, color="#1f4e66", linewidth=1.6, label=f"average ({model.form})")
        axes.set_title(f"{subject}, scores to {school_year}", fontsize=10)
        axes.set_xlabel("grade")
        axes.set_ylabel({"vertical": "score points", "standardised": "SD (average growth is zero)"}[own["scale"][0]] if place == 1 else "")
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        if place == 1:
            axes.legend(fontsize=7, frameon=False)
    return figure


def _curve(model: GrowthModel, time: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, its standard error, and the SD of students' true scores at each time."""
    fitted = model.reml
    assert fitted is not None
    shapes = {"time": time, "time_squared": time**2, "time_after_knot": np.maximum(time - (KNOT_GRADE - FIRST_GRADE), 0)}
    x = np.column_stack([shapes[name] if name in FORMS[model.form] else np.ones(time.size) for name in fitted.fixed["effect"]]).astype(
        float
    )
    mean = x @ fitted.fixed["estimate"].fill_null(0.0).to_numpy()
    error = np.sqrt(np.einsum("ij,jk,ik->i", x, np.nan_to_num(fitted.fixed_covariance), x))
    parts = fitted.variance_components.filter(pl.col("group") == STUDENT)
    both = parts.drop_nulls("with_effect")["value"]
    variance = fitted.variance(STUDENT) + time**2 * fitted.variance(STUDENT, "time") + 2 * time * (both[0] if both.len() else 0.0)
    return mean, error, np.sqrt(np.maximum(variance, 0))
