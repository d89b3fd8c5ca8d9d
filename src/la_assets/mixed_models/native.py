"""The native engine: the minimum of the criterion becomes a ``MixedModelFit``, or the reason why there is none becomes its status.

It puts the parts together; formulas stand in ``criterion.py``, ``one_group.py`` and ``several_groups.py``.
"""

from __future__ import annotations

import numpy as np

from la_assets.mixed_models.blas import one_blas_thread
from la_assets.mixed_models.coordinates import CannotFit
from la_assets.mixed_models.coupling import TooLarge
from la_assets.mixed_models.design import Design
from la_assets.mixed_models.identification import obstacle
from la_assets.mixed_models.problem import Problem
from la_assets.mixed_models.result import STATUSES, MixedModelFit
from la_assets.mixed_models.result_frames import Estimates, filled, without_numbers


def fit_native(design: Design, method: str, conditional_sds: bool = True) -> MixedModelFit:
    """Fit a design by REML or ML; see ``model.fit``."""
    if found := obstacle(design):
        return without_numbers(design, method, "native", *found)
    try:
        with one_blas_thread():
            return _fitted(design, method, conditional_sds)
    except CannotFit as error:
        return without_numbers(design, method, "native", error.status, error.reason)
    except TooLarge as error:
        return without_numbers(design, method, "native", "engine_failed", str(error))
    except np.linalg.LinAlgError as error:
        return without_numbers(design, method, "native", "not_converged", f"the search left the numbers a computer has: {error}")


def _fitted(design: Design, method: str, conditional_sds: bool) -> MixedModelFit:
    problem = Problem(design, method == "REML")
    least = problem.minimum()
    details = {"path": problem.path, "evaluations": least.evaluations, "gradient": least.gradient, "point": least.point}
    if least.status not in ("converged", "singular"):
        return without_numbers(design, method, "native", least.status, STATUSES[least.status], details=details)
    found = problem.profile(least.point)
    beta, covariance = problem.fixed_effects(found)
    return filled(
        design,
        method,
        "native",
        least.status,
        Estimates(
            problem.kept,
            beta,
            covariance,
            problem.residual_variance(found.residual_variance),
            problem.log_likelihood(found),
            problem.term_estimates(least.point, found, conditional_sds),
            details,
        ),
    )
