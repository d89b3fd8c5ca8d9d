"""Observations that belong to several levels at once: a student taught by two teachers, each with a share (multiple membership).

The criterion of a model with one such grouping column and at most one other, a whole observation per unit. The levels of all terms
are one system, dense while small, else sparse. Browne, Goldstein & Rasbash (2001), Statistical Modelling 1; formulas as in
``several_groups.py``. Nothing is searched here.

Notation: V = I + Z L L' Z' in units of the residual variance, L a relative standard deviation per level, A = [X y], S = I + L Z'Z L.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from la_assets.mixed_models.coordinates import Coordinates
from la_assets.mixed_models.criterion import Likelihood, Profile
from la_assets.mixed_models.design import Design
from la_assets.mixed_models.selected_inverse import entries, selected_inverse, sparse_factor

_DENSE = 300
"""Levels up to which the system is factored as an array."""


@dataclass(frozen=True)
class LevelEstimates:
    """Effects of all levels, term after term, in units of the outcome.

    Attributes
    ----------
    blups : numpy.ndarray, shape (levels,)
    conditional : numpy.ndarray, shape (levels,)
        Conditional variance given all parameters; lme4's.
    prediction_error : numpy.ndarray, shape (levels,)
        Variance of estimate less effect, with the uncertainty of the fixed effects in it (Henderson 1975, Biometrics 31).
    """

    blups: np.ndarray
    conditional: np.ndarray
    prediction_error: np.ndarray


class SharedLevels:
    """A design in which rows of a unit are one observation.

    Parameters
    ----------
    design : Design
        One effect a term. Rows of a unit agree in outcome, fixed effects and in the levels of all terms but the first.
    unit : numpy.ndarray of int, shape (n,)
        Unit of each row.

    Raises
    ------
    CannotFit
        If the fixed effects reproduce the outcome.
    """

    def __init__(self, design: Design, unit: np.ndarray) -> None:
        from scipy import sparse

        _, first, at = np.unique(unit, return_index=True, return_inverse=True)
        self.units, self.sizes = first.size, [term.levels.len() for term in design.terms]
        parts = [_members(design.terms[0].codes, design.terms[0].columns[:, 0], at, (first.size, self.sizes[0]))]
        for term in design.terms[1:]:
            parts.append(_members(term.codes[first], term.columns[first, 0], np.arange(first.size), (first.size, term.levels.len())))
        z = sparse.hstack(parts, format="csc")
        self._coordinates = Coordinates.of(design.fixed[first], design.outcome[first])
        self.kept, table = self._coordinates.basis.kept, self._coordinates.table
        self._squares, self._products = (z.T @ z).tocsc(), np.asarray(z.T @ table)
        self._likelihood = Likelihood(table.T @ table, float(first.size), 0.0, True)
        self._term = np.repeat(np.arange(len(self.sizes)), self.sizes)
        self._dense = self._squares.toarray() if self._term.size <= _DENSE else None

    @property
    def path(self) -> str:
        return "shared levels, sparse" if self._dense is None else "shared levels, dense"

    def profile(self, ratios: np.ndarray) -> Profile:
        """The criterion at one relative standard deviation per term."""
        return self._solve(ratios)[0]

    def deviance(self, ratios: np.ndarray) -> float:
        return self.profile(ratios).deviance

    def estimates(self, ratios: np.ndarray) -> tuple[Profile, LevelEstimates]:
        """Effects at one relative standard deviation per term."""
        found, scale, solved, inverse = self._solve(ratios)
        load = scale[:, None] * solved
        size = found.residual_variance * self._coordinates.unit**2
        conditional = size * scale**2 * inverse()
        fixed = size * np.einsum("ij,jk,ik->i", load[:, :-1], found.unscaled, load[:, :-1])
        blups = load @ np.append(-found.beta, 1.0) * self._coordinates.unit
        return found, LevelEstimates(blups, conditional, conditional + fixed)

    def fixed_effects(self, found: Profile) -> tuple[np.ndarray, np.ndarray]:
        """Estimates of the kept fixed effects and their covariance, in units of the data."""
        return self._coordinates.fixed_effects(found)

    def residual_variance(self, found: Profile) -> float:
        return found.residual_variance * self._coordinates.unit**2

    def log_likelihood(self, found: Profile) -> float:
        """Restricted, of the data in their own units."""
        return self._coordinates.log_likelihood(found, self._likelihood)

    def _solve(self, ratios: np.ndarray) -> tuple[Profile, np.ndarray, np.ndarray, Any]:
        """The criterion, L, ``S^-1 L Z'A``, and how to get the diagonal of ``S^-1``."""
        scale = np.asarray(ratios, dtype=float)[self._term]
        right = scale[:, None] * self._products
        if self._dense is not None:
            from scipy.linalg import cho_factor, cho_solve

            system = scale[:, None] * self._dense * scale + np.eye(scale.size)
            factor = cho_factor(system, lower=True, check_finite=False)
            log_determinant = 2 * float(np.log(np.diag(factor[0])).sum())
            solved = cho_solve(factor, right, check_finite=False)

            def diagonal() -> np.ndarray:
                return np.asarray(np.diag(cho_solve(factor, np.eye(scale.size), check_finite=False)))
        else:
            from scipy import sparse

            spread = sparse.diags(scale)
            sparse_one = sparse_factor((spread @ self._squares @ spread + sparse.identity(scale.size)).tocsc())
            log_determinant, solved = sparse_one.log_determinant, sparse_one.solve(right)

            def diagonal() -> np.ndarray:
                every = np.arange(scale.size)
                return np.asarray(entries(selected_inverse(sparse_one), sparse_one.order, every, every))

        return self._likelihood.profile(right.T @ solved, log_determinant), scale, solved, diagonal


def _members(codes: np.ndarray, values: np.ndarray, at: np.ndarray, shape: tuple[int, int]) -> Any:
    """Units by levels; what a unit has twice of a level is added up."""
    from scipy import sparse

    return sparse.csc_matrix((values, (at, codes)), shape=shape)
