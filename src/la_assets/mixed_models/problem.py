"""A model in coordinates fit for computing, with its criterion, and the way back to the units of the data.

The outcome is taken less its least-squares fit and in units of what is left, fixed effects are orthonormal, random effects white, weights
have mean one: so a model in points or in standard deviations is the same computation. It searches; it names nothing.
"""

from __future__ import annotations

import numpy as np

from la_assets.mixed_models.coordinates import CannotFit, Coordinates
from la_assets.mixed_models.coupling import Coupling
from la_assets.mixed_models.criterion import Likelihood, Profile
from la_assets.mixed_models.design import Design
from la_assets.mixed_models.one_group import OneGroup, group_sums
from la_assets.mixed_models.orthogonal import whitened
from la_assets.mixed_models.random_terms import INTERCEPT
from la_assets.mixed_models.result_frames import TermEstimates, lower_factor
from la_assets.mixed_models.search import Layout, Minimum, minimum
from la_assets.mixed_models.several_groups import SeveralGroups


class Problem:
    """A design with its criterion.

    Parameters
    ----------
    design : Design
    reml : bool

    Attributes
    ----------
    kept : numpy.ndarray of int
        Fixed effects that are estimated.

    Raises
    ------
    CannotFit
        If the fixed effects reproduce the outcome, or a random effect is determined by the others of its term.
    coupling.TooLarge
    """

    def __init__(self, design: Design, reml: bool) -> None:
        self._design = design
        precision = design.weights is not None and design.weight_meaning == "precision"
        self._weight = float(design.weights.mean()) if design.weights is not None and precision else 1.0
        weights = None if design.weights is None else design.weights / self._weight
        root = None if weights is None else np.sqrt(weights)
        self._coordinates = Coordinates.of(_scaled(design.fixed, root), _scaled(design.outcome, root))
        self.kept, table = self._coordinates.basis.kept, self._coordinates.table

        self._order = sorted(range(len(design.terms)), key=lambda k: -design.terms[k].levels.len())
        terms = [design.terms[k] for k in self._order]
        self._white = []
        for term in terms:
            white = whitened(term.columns, term.term.names[0] == INTERCEPT)
            if white is None:
                raise CannotFit("not_identified", f"an effect that varies by {term.term.group} is constant or determined by its others")
            self._white.append(white)
        log_weights = float(np.log(weights).sum()) if weights is not None and precision else 0.0
        self._likelihood = Likelihood(table.T @ table, design.observations, log_weights, reml)
        sums = [group_sums(term, table, root, white) for term, white in zip(terms, self._white, strict=True)]
        self._criterion: OneGroup | SeveralGroups
        if len(terms) == 1:
            self._criterion = OneGroup(sums[0], self._likelihood)
        else:
            columns = [_scaled((term.columns - white.shift) @ white.turn, root) for term, white in zip(terms, self._white, strict=True)]
            coupling = Coupling([term.codes for term in terms], columns, [term.levels.len() for term in terms])
            self._criterion = SeveralGroups(sums, coupling, self._likelihood)
        self._layout = Layout(tuple(term.columns.shape[1] for term in terms))

    @property
    def path(self) -> str:
        """Which way the criterion is computed: ``one group``, ``sparse`` or ``dense``."""
        return "one group" if isinstance(self._criterion, OneGroup) else "sparse" if self._criterion.sparse else "dense"

    @property
    def diagonal(self) -> np.ndarray:
        """Parameters of the search that may not be negative."""
        return self._layout.diagonal

    def minimum(self) -> Minimum:
        """Search, from independent random effects."""
        return minimum(self.deviance, self._layout)

    def deviance(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        """The criterion and its gradient at a point of the search: the lower triangles of the relative factors, one after the other."""
        found, gradients = self._criterion.evaluate(self._layout.factors(point))
        return found.deviance, np.concatenate([gradient[np.tril_indices(gradient.shape[0])] for gradient in gradients])

    def deviance_with_residual(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        """The same with the logarithm of the residual variance as a last parameter, not profiled out."""
        variance = float(np.exp(point[-1]))
        found, gradients = self._criterion.evaluate(self._layout.factors(point[:-1]), variance)
        slopes = [gradient[np.tril_indices(gradient.shape[0])] for gradient in gradients]
        return found.deviance, np.concatenate([*slopes, [self._likelihood.freedom - found.rss / variance]])

    def profile(self, point: np.ndarray) -> Profile:
        """The criterion at a point, whole."""
        return self._criterion.evaluate(self._layout.factors(point))[0]

    def fixed_effects(self, found: Profile) -> tuple[np.ndarray, np.ndarray]:
        """Estimates of the kept fixed effects and their covariance, in units of the data."""
        return self._coordinates.fixed_effects(found)

    def residual_variance(self, found: float) -> float:
        """A residual variance (of a row of weight one) in units of the data."""
        return found * self._coordinates.unit**2 * self._weight

    def covariances(self, point: np.ndarray, residual_variance: float) -> list[np.ndarray]:
        """Covariance of each term's effects, in the order of the design and units of the data."""
        found = [np.empty(0)] * len(self._order)
        for place, factor, white in zip(self._order, self._layout.factors(point), self._white, strict=True):
            root = white.to_effects @ factor * self._coordinates.unit
            found[place] = root @ root.T * residual_variance
        return found

    def term_estimates(self, point: np.ndarray, found: Profile, conditional_sds: bool) -> list[TermEstimates]:
        """Covariances, BLUPs and conditional covariances of each term, in the order of the design and units of the data."""
        effects = self._criterion.effects(self._layout.factors(point), found, conditional_sds)
        covariances = self.covariances(point, found.residual_variance)
        residual = self.residual_variance(found.residual_variance)
        terms: dict[int, TermEstimates] = {}
        for place, white, (blups, conditional) in zip(self._order, self._white, effects, strict=True):
            turn = white.to_effects * self._coordinates.unit
            spread = None if conditional is None else turn @ conditional @ turn.T
            terms[place] = TermEstimates(covariances[place], lower_factor(covariances[place] / residual), blups @ turn.T, spread)
        return [terms[place] for place in range(len(terms))]

    def log_likelihood(self, found: Profile) -> float:
        """Of the data in their own units."""
        return self._coordinates.log_likelihood(found, self._likelihood)


def _scaled(rows: np.ndarray, root: np.ndarray | None) -> np.ndarray:
    """Rows times the square roots of their weights."""
    return rows if root is None else rows * (root if rows.ndim == 1 else root[:, None])
