"""What a fitted mixed model says: estimates with their uncertainty, or a status that says why there are none.

The same type for every engine. It holds numbers and frames only: nothing here estimates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from la_assets.mixed_models.random_terms import RandomTerm

STATUSES = {
    "converged": "The criterion has a stationary minimum inside the parameter space.",
    "singular": "The minimum lies on the border: a variance is zero or a correlation is one. The numbers are that minimum's.",
    "not_identified": "These rows cannot tell the variances apart: one level, a row per level, two groups that are the same, no residual.",
    "no_variation": "The outcome is constant, or the fixed effects reproduce it exactly: there is no variance to divide.",
    "too_few_rows": "No rows are left, or not more than there are fixed effects.",
    "not_converged": "The search ended at no stationary point.",
    "engine_failed": "The engine refused or broke; the message holds what it said.",
}
"""Every status a fit can have. Only ``converged`` and ``singular`` come with numbers."""

RESIDUAL = "residual"


@dataclass(frozen=True)
class MixedModelFit:
    """A fitted linear mixed model, or the reason why there is none.

    Attributes
    ----------
    status : str
        A key of ``STATUSES``.
    message : str
        The status in a sentence about these data.
    engine, method : str
        ``native``, ``pymer4`` or ``statsmodels``; ``REML`` or ``ML``.
    formula : str
        Fixed part; ``terms`` holds the random part.
    terms : tuple of RandomTerm
    n : int
        Rows used.
    dropped : mapping of str to int
        Rows not used, by reason: ``missing`` (a null or non-finite value in a column of the model, a null group) and ``weight``
        (zero, negative or missing). ``n`` plus these is the number of rows given.
    fixed : polars.DataFrame
        A row per fixed effect: ``effect``, ``estimate``, ``standard_error``. A column that the others determine is not
        estimated: both numbers are null.
    fixed_covariance : numpy.ndarray, shape (p, p)
        Covariance of the estimates in the order of ``fixed``; NaN where not estimated.
    variance_components : polars.DataFrame
        A row per variance and covariance: ``group``, ``effect``, ``with_effect`` (null for a variance), ``value`` (in squared units of the
        outcome), ``sd_or_correlation``; the last row is ``residual``.
    residual_variance : float
        Variance of a row of weight 1.
    log_likelihood : float
        Restricted under REML: comparable only between models with the same fixed effects.
    n_parameters : int
        Fixed effects estimated, variances and covariances, residual variance.
    levels : mapping of str to polars.DataFrame
        Per grouping column a frame with a row per level, sorted by it: the column itself, ``n`` (rows), and per effect ``<effect>``
        (BLUP, the conditional mean) and ``<effect>_sd`` (conditional standard deviation, given the estimated parameters); with several
        effects also ``<effect>_<other>_covariance`` (conditional).
    theta : mapping of str to numpy.ndarray
        Per grouping column the lower Cholesky factor of the covariance of its effects over the residual variance.
    details : mapping
        What the engine did: evaluations, largest gradient, path taken.
    weights, weight_meaning : str
        The column and what it means; no column, no weights.
    spec : formulaic.ModelSpec, optional
        Categories and knots that the formula took from the rows.
    """

    status: str
    message: str
    engine: str
    method: str
    formula: str
    terms: tuple[RandomTerm, ...]
    n: int
    dropped: Mapping[str, int]
    fixed: pl.DataFrame
    fixed_covariance: np.ndarray
    variance_components: pl.DataFrame
    residual_variance: float = math.nan
    log_likelihood: float = math.nan
    n_parameters: int = 0
    levels: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    theta: Mapping[str, np.ndarray] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    weights: str | None = None
    weight_meaning: str = "precision"
    spec: Any = field(default=None, repr=False)

    @property
    def usable(self) -> bool:
        """Whether there are numbers."""
        return self.status in ("converged", "singular")

    @property
    def deviance(self) -> float:
        """Minus twice the log-likelihood."""
        return -2 * self.log_likelihood

    @property
    def aic(self) -> float:
        """Akaike's criterion; compare models with different fixed effects under ML only."""
        return self.deviance + 2 * self.n_parameters

    @property
    def bic(self) -> float:
        """Schwarz's criterion with the number of rows, as lme4 has it."""
        return self.deviance + math.log(self.n) * self.n_parameters if self.n else math.nan

    def variance(self, group: str, effect: str = "intercept") -> float:
        """Variance of a random effect, or of the residual; NaN without numbers.

        Raises
        ------
        KeyError
            If the model has no such effect.
        """
        rows = self.variance_components.filter(
            (pl.col("group") == group) & ((pl.col("effect") == effect) | (group == RESIDUAL)) & pl.col("with_effect").is_null()
        )
        if rows.height == 0:
            raise KeyError(f"no random effect {effect!r} by {group!r}")
        value = rows["value"].item()
        return math.nan if value is None else float(value)

    def estimate(self, effect: str) -> tuple[float, float]:
        """A fixed effect and its standard error (NaN where not estimated).

        Raises
        ------
        KeyError
            If the model has no such effect.
        """
        rows = self.fixed.filter(pl.col("effect") == effect)
        if rows.height == 0:
            raise KeyError(f"no fixed effect {effect!r}; there are {', '.join(self.fixed['effect'])}")
        return tuple(math.nan if value is None else float(value) for value in rows.select("estimate", "standard_error").row(0))  # type: ignore[return-value]

    def shares(self) -> pl.DataFrame:
        """Share of each intercept's variance, and of the residual, in their sum (ICC): ``group``, ``variance``, ``share``.

        With random slopes the shares depend on the covariate; these are the ones where it is zero.
        """
        kept = self.variance_components.filter(pl.col("with_effect").is_null() & pl.col("effect").is_in(["intercept", RESIDUAL]))
        return kept.select("group", variance="value", share=pl.col("value") / pl.col("value").sum())

    def predict(self, frame: pl.DataFrame, *, with_levels: bool = True) -> pl.DataFrame:
        """Predict rows of a frame.

        Parameters
        ----------
        frame : polars.DataFrame
            With the columns of the model (the outcome is not needed).
        with_levels : bool
            Add the BLUPs of each row's levels; a level the model has not seen adds nothing.

        Returns
        -------
        polars.DataFrame
            In the order of ``frame``: ``prediction`` (null where a column is missing or there is no model), ``known_levels`` (how
            many of the grouping columns' levels the model knows).
        """
        from la_assets.mixed_models.prediction import predicted

        return predicted(self, frame, with_levels=with_levels)
