"""The front door: ``fit`` takes a formula, a frame and the random terms, and hands the work to an engine.

It holds no numerics: ``design.py`` makes matrices of the frame, ``native.py`` and the two other engines estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import polars as pl

from la_assets.mixed_models.random_terms import RandomTerm
from la_assets.mixed_models.result import MixedModelFit

Engine = Literal["native", "pymer4", "statsmodels"]
Method = Literal["REML", "ML"]
WeightMeaning = Literal["precision", "frequency"]


def fit(
    formula: str,
    frame: pl.DataFrame | pl.LazyFrame,
    groups: Sequence[RandomTerm],
    *,
    weights: str | None = None,
    weight_meaning: WeightMeaning = "precision",
    method: Method = "REML",
    engine: Engine = "native",
    conditional_sds: bool = True,
) -> MixedModelFit:
    """Fit a linear mixed model ``y = X b + sum over terms of Z u + e``.

    Parameters
    ----------
    formula : str
        Outcome and fixed effects, as formulaic reads them: ``"score ~ 1 + prior + prior_squared"``. A sum of plain columns is taken
        straight from the frame (fast); anything else (``C(grade)``, ``time:frl``, ``bs(age, 4)``) goes through formulaic.
    frame : polars.DataFrame or polars.LazyFrame
        A row per observation, in any order. Rows with a missing value in a column of the model are left out and counted.
    groups : sequence of RandomTerm
        The random part: ``[RandomTerm("student_key", "1 + time")]`` or ``[RandomTerm("staff_key"), RandomTerm("school_id")]``; one term a
        grouping column. The effects of all but the term with most levels are solved as one system, which may have some ten
        thousand unknowns.
    weights : str, optional
        Column of positive weights. Rows of weight zero are left out and counted.
    weight_meaning : {"precision", "frequency"}
        ``precision``: the residual variance of a row is ``residual_variance / weight``, each row is one observation; lme4's ``weights``.
        ``frequency``: a row stands for ``weight`` observations (a student shared by two teachers: two rows of one half); the same
        as writing the row ``weight`` times, and the sum of the weights is the number of observations.
    method : {"REML", "ML"}
        ML to compare fixed effects, REML to estimate.
    engine : {"native", "pymer4", "statsmodels"}
        ``pymer4`` is lme4 through R (needs R, its package lme4 and the extra ``[r]``); ``statsmodels`` is for small data. Same result
        type; both refuse what they cannot do (frequency weights; weights).
    conditional_sds : bool
        False leaves out the conditional standard deviations (the columns are null), which saves time in large crossed models.

    Returns
    -------
    MixedModelFit
        Look at ``status`` first; without numbers the frames are empty or null, never made up.

    Raises
    ------
    ValueError
        For a call that cannot be right whatever the data: no random term, a group twice, a weight meaning the engine does not know.
    polars.exceptions.ColumnNotFoundError
        If the frame has no such column.

    References
    ----------
    Bates, Maechler, Bolker & Walker (2015), Fitting linear mixed-effects models using lme4, J. Stat. Softw. 67(1).

    Examples
    --------
    >>> frame = pl.DataFrame({"school": ["a", "a", "b", "b", "c", "c"], "score": [1.0, 1.5, 3.0, 3.2, 5.1, 5.0]})
    >>> found = fit("score ~ 1", frame, [RandomTerm("school")])
    >>> found.status
    'converged'
    """
    from la_assets.mixed_models.design import design

    terms = tuple(groups)
    if not terms or len({term.group for term in terms}) < len(terms):
        raise ValueError("give at least one random term, and one per grouping column")
    if method not in ("REML", "ML"):
        raise ValueError(f"method {method!r} is neither REML nor ML")
    made = design(formula, frame, terms, weights, weight_meaning)
    if engine == "native":
        from la_assets.mixed_models.native import fit_native

        return fit_native(made, method, conditional_sds)
    if engine == "pymer4":
        from la_assets.mixed_models.lme4 import fit_lme4

        return fit_lme4(made, method)
    if engine == "statsmodels":
        from la_assets.mixed_models.statsmodels_fit import fit_statsmodels

        return fit_statsmodels(made, method)
    raise ValueError(f"engine {engine!r} is none of native, pymer4, statsmodels")
