"""Growth models of a subject: linear, quadratic, or piecewise with a knot at grade 6; compared by ML, the winner refitted by REML.

    value = fixed part in time + (1 + time | student) + e

The fixed parts are compared by AIC, BIC (lowest wins; ties to the simpler) and likelihood ratio against the linear one; the random part
is the same in all three. It says nothing of single students.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import polars as pl

from la_assets.mixed_models import MixedModelFit, RandomTerm, fit

STUDENT = "student_key"
FORMS = {"linear": ("time",), "quadratic": ("time", "time_squared"), "piecewise": ("time", "time_after_knot")}
FEWEST_GRADES = 3
"""Distinct grades below which a bend cannot be told from a line."""


@dataclass(frozen=True)
class GrowthModel:
    """One form: its ML fit, and with the winner its REML fit."""

    form: str
    status: str
    ml: MixedModelFit | None = None
    reml: MixedModelFit | None = None

    @property
    def chosen(self) -> bool:
        return self.reml is not None


def growth_models(panel: pl.DataFrame) -> list[GrowthModel]:
    """The three forms on one subject's panel, the chosen one with its REML fit.

    Parameters
    ----------
    panel : polars.DataFrame
        Rows of :func:`la_assets.growth.panel.growth_panel` of one subject.

    Returns
    -------
    list of GrowthModel
        In the order of ``FORMS``; where nothing can be fitted each says why (``no_scores``, ``too_few_grades``, or the solver's status).
    """
    if panel.is_empty():
        return [GrowthModel(form, "no_scores") for form in FORMS]
    grades = panel["grade_number"].n_unique()
    made = [_fitted(panel, form, grades) for form in FORMS]
    usable = [m for m in made if m.ml is not None and m.ml.usable]
    if not usable:
        return made
    best = min(usable, key=lambda m: (round(m.ml.bic, 6), list(FORMS).index(m.form)))  # type: ignore[union-attr]
    reml = fit(_formula(best.form), panel, [RandomTerm(STUDENT, "1 + time")])
    return [GrowthModel(m.form, reml.status, m.ml, reml) if m is best and reml.usable else m for m in made]


def likelihood_ratio(model: GrowthModel, linear: GrowthModel) -> tuple[float | None, float | None]:
    """Likelihood ratio of a form against the linear one, one degree of freedom, and its p-value; Nones where one has no numbers."""
    if model.form == "linear" or model.ml is None or linear.ml is None or not (model.ml.usable and linear.ml.usable):
        return None, None
    ratio = max(2 * (model.ml.log_likelihood - linear.ml.log_likelihood), 0.0)
    return ratio, math.erfc(math.sqrt(ratio / 2))


def _formula(form: str) -> str:
    return f"value ~ 1 + {' + '.join(FORMS[form])}"


def _fitted(panel: pl.DataFrame, form: str, grades: int) -> GrowthModel:
    if grades < (FEWEST_GRADES if form != "linear" else 2):
        return GrowthModel(form, "too_few_grades")
    found = fit(_formula(form), panel, [RandomTerm(STUDENT, "1 + time")], method="ML", conditional_sds=False)
    return GrowthModel(form, found.status, found)
