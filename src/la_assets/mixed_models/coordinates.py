"""Fixed effects and outcome in coordinates fit for computing, and the way back to the units of the data.

Fixed effects are orthonormal; the outcome is taken less its least-squares fit and in units of what is left. So a model in points or in
standard deviations is the same computation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from la_assets.mixed_models.criterion import Likelihood, Profile
from la_assets.mixed_models.orthogonal import Orthonormal, orthonormal

_NOTHING = 1e-10
"""An outcome whose residual is shorter than this share of it is reproduced by the fixed effects."""


@dataclass(frozen=True)
class CannotFit(Exception):
    """Nothing to search: status and reason."""

    status: str
    reason: str


@dataclass(frozen=True)
class Coordinates:
    """The coordinates of one data set.

    Attributes
    ----------
    basis : Orthonormal
        Of the fixed effects.
    start : numpy.ndarray, shape (kept,)
        Least-squares fit of the outcome in the basis.
    unit : float
        Root mean square of what the fit leaves of the outcome.
    table : numpy.ndarray, shape (n, kept + 1)
        ``[X y]``: the basis, and what it leaves of the outcome in its unit.
    """

    basis: Orthonormal
    start: np.ndarray
    unit: float
    table: np.ndarray

    @classmethod
    def of(cls, fixed: np.ndarray, outcome: np.ndarray) -> Coordinates:
        """The coordinates of fixed effects, shape (n, p), and an outcome, shape (n,).

        Raises
        ------
        CannotFit
            If the fixed effects reproduce the outcome.
        """
        found = orthonormal(fixed)
        start = found.basis.T @ outcome
        residual = outcome - found.basis @ start
        residual -= found.basis @ (found.basis.T @ residual)
        length = float(np.linalg.norm(residual))
        if length <= _NOTHING * float(np.linalg.norm(outcome)):
            raise CannotFit("no_variation", "the fixed effects reproduce the outcome: there is no variance to divide")
        unit = length / np.sqrt(outcome.size)
        return cls(found, start, unit, np.column_stack([found.basis, residual / unit]))

    def fixed_effects(self, found: Profile) -> tuple[np.ndarray, np.ndarray]:
        """Estimates of the kept fixed effects and their covariance, in units of the data."""
        back = self.basis.back
        return back @ (self.start + found.beta * self.unit), back @ found.unscaled @ back.T * found.residual_variance * self.unit**2

    def log_likelihood(self, found: Profile, likelihood: Likelihood) -> float:
        """Of the data in their own units: other units of the outcome, and under REML of the fixed effects, add constants."""
        deviance = found.deviance + 2 * likelihood.freedom * float(np.log(self.unit))
        if likelihood.reml:
            deviance -= 2 * float(np.linalg.slogdet(self.basis.back)[1])
        return -deviance / 2
