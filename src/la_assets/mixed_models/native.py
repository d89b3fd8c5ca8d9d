"""The native engine: a design becomes sums, the criterion is minimised, and the minimum becomes a ``MixedModelFit``.

It puts the parts together and tells what cannot be estimated; formulas stand in ``criterion.py``, ``one_group.py``, ``several_groups.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from la_assets.mixed_models.blas import one_blas_thread
from la_assets.mixed_models.coupling import Coupling, TooLarge
from la_assets.mixed_models.design import Design
from la_assets.mixed_models.identification import obstacle
from la_assets.mixed_models.one_group import OneGroup, group_sums
from la_assets.mixed_models.orthogonal import Whitened, orthonormal, whitened
from la_assets.mixed_models.random_terms import INTERCEPT
from la_assets.mixed_models.result import STATUSES, MixedModelFit
from la_assets.mixed_models.result_frames import Estimates, TermEstimates, filled, lower_factor, without_numbers
from la_assets.mixed_models.search import minimum
from la_assets.mixed_models.several_groups import SeveralGroups

START = 0.5
"""Where the search begins: random effects with half the residual's standard deviation."""


def fit_native(design: Design, method: str, conditional_sds: bool = True) -> MixedModelFit:
    """Fit a design by REML or ML; see ``model.fit``."""
    if found := obstacle(design):
        return without_numbers(design, method, "native", *found)
    try:
        with one_blas_thread():
            problem = Problem(design, method == "REML")
            if problem.trivial:
                return without_numbers(design, method, "native", *problem.trivial)
            return problem.fit(method, conditional_sds)
    except TooLarge as error:
        return without_numbers(design, method, "native", "engine_failed", str(error))
    except np.linalg.LinAlgError as error:
        return without_numbers(design, method, "native", "not_converged", f"the search left the numbers a computer has: {error}")


class Problem:
    """A design in coordinates fit for computing, with its criterion.

    Attributes
    ----------
    trivial : tuple of str, optional
        Status and message, if there is nothing to search.
    order : list of int
        The terms, most levels first.
    """

    def __init__(self, design: Design, reml: bool) -> None:
        self.design, self.trivial = design, None
        root = None if design.weights is None else np.sqrt(design.weights)
        scaled = (lambda rows: rows) if root is None else (lambda rows: rows * (root if rows.ndim == 1 else root[:, None]))
        self.basis = orthonormal(scaled(design.fixed))
        outcome = scaled(design.outcome)
        self.start = self.basis.basis.T @ outcome
        residual = outcome - self.basis.basis @ self.start
        residual -= self.basis.basis @ (self.basis.basis.T @ residual)
        length, size = np.linalg.norm(residual), np.linalg.norm(outcome)
        if length <= 1e-10 * size or size == 0:
            self.trivial = ("no_variation", "the fixed effects reproduce the outcome: there is no variance to divide")
            return
        if design.observations <= self.basis.kept.size:
            self.trivial = ("too_few_rows", f"{design.n} rows for {self.basis.kept.size} fixed effects")
            return
        self.unit = length / np.sqrt(design.n)
        table = np.column_stack([self.basis.basis, residual / self.unit])
        self.order = sorted(range(len(design.terms)), key=lambda k: -design.terms[k].levels.len())
        terms = [design.terms[k] for k in self.order]
        white = [whitened(term.columns, term.term.names[0] == INTERCEPT) for term in terms]
        if None in white:
            self.trivial = ("not_identified", "an effect that varies by group is constant, or determined by the other effects of its group")
            return
        self.white: list[Whitened] = [each for each in white if each is not None]
        self.sizes = [term.columns.shape[1] for term in terms]
        precision = design.weights is not None and design.weight_meaning == "precision"
        log_weights = float(np.log(design.weights).sum()) if precision else 0.0  # type: ignore[arg-type]
        sums = [
            group_sums(term.codes, term.levels.len(), term.columns, table, root, each) for term, each in zip(terms, self.white, strict=True)
        ]
        total = table.T @ table
        self.criterion: OneGroup | SeveralGroups
        if len(terms) == 1:
            self.criterion = OneGroup(sums[0], total, design.observations, log_weights, reml)
        else:
            columns = [scaled((term.columns - each.shift) @ each.turn) for term, each in zip(terms, self.white, strict=True)]
            coupling = Coupling([term.codes for term in terms], columns, [term.levels.len() for term in terms])
            self.criterion = SeveralGroups(sums, coupling, total, design.observations, log_weights, reml)

    def factors(self, point: np.ndarray) -> list[np.ndarray]:
        """Relative factors, one per term in ``order``, from a point of the search."""
        found, begin = [], 0
        for q in self.sizes:
            factor = np.zeros((q, q))
            end = begin + q * (q + 1) // 2
            factor[np.tril_indices(q)] = point[begin:end]
            found.append(factor)
            begin = end
        return found

    def deviance(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        """The criterion and its gradient at a point of the search."""
        found, gradients = self.criterion.evaluate(self.factors(point))
        return found.deviance, np.concatenate([gradient[np.tril_indices(gradient.shape[0])] for gradient in gradients])

    def fit(self, method: str, conditional_sds: bool) -> MixedModelFit:
        """Search the minimum and read the model off it."""
        start = np.concatenate([START * np.eye(q)[np.tril_indices(q)] for q in self.sizes])
        diagonal = np.concatenate([np.eye(q, dtype=bool)[np.tril_indices(q)] for q in self.sizes])
        found = minimum(self.deviance, start, diagonal)
        details: dict[str, Any] = {"evaluations": found.evaluations, "gradient": found.gradient}
        details["path"] = "one group" if isinstance(self.criterion, OneGroup) else "sparse" if self.criterion.sparse else "dense"
        if found.status not in ("converged", "singular"):
            return without_numbers(self.design, method, "native", found.status, STATUSES[found.status], details)
        factors = self.factors(found.point)
        profile, _ = self.criterion.evaluate(factors)
        effects = self.criterion.effects(factors, profile, conditional_sds)
        beta = self.basis.back @ (self.start + profile.beta * self.unit)
        covariance = self.basis.back @ profile.unscaled @ self.basis.back.T * profile.residual_variance * self.unit**2
        logdet_back = -2 * float(np.log(np.abs(np.linalg.det(self.basis.back)))) if method == "REML" else 0.0
        terms: list[TermEstimates] = [None] * len(self.sizes)  # type: ignore[list-item]
        for place, factor, white, (blups, covariances) in zip(self.order, factors, self.white, effects, strict=True):
            to_effects = white.to_effects
            relative = to_effects @ factor
            terms[place] = TermEstimates(
                relative @ relative.T * profile.residual_variance * self.unit**2,
                lower_factor(relative @ relative.T),
                blups @ to_effects.T * self.unit,
                None if covariances is None else to_effects @ covariances @ to_effects.T * self.unit**2,
            )
        freedom = self.design.observations - (self.basis.kept.size if method == "REML" else 0)
        deviance = found.deviance + logdet_back + freedom * 2 * float(np.log(self.unit))
        return filled(
            self.design, method, "native", found.status,
            Estimates(self.basis.kept, beta, covariance, profile.residual_variance * self.unit**2, -deviance / 2, terms, details),
        )  # fmt: skip
