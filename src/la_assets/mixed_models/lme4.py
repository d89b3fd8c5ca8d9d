"""The ``pymer4`` engine: lme4 in R, for those who want R's own numbers; slow beside the native one.

pymer4 fits; what it does not report (conditional standard deviations, covariances) is read off the R object. pymer4 has no weights: a
weighted model goes to lme4 through the same bridge. Needs R with lme4 and lmerTest, and the extra ``[r]``.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from la_assets.mixed_models.design import Design
from la_assets.mixed_models.identification import obstacle
from la_assets.mixed_models.orthogonal import orthonormal
from la_assets.mixed_models.result import MixedModelFit
from la_assets.mixed_models.result_frames import Estimates, TermEstimates, filled, lower_factor, without_numbers

CONTROL = "optimizer = 'bobyqa', optCtrl = list(rhoend = 1e-9, maxfun = 100000)"
"""lme4's search stops when no relative standard deviation moves by more than 1e-9."""

_WEIGHTED = f"""function(formula, rows, reml) {{
    formula <- as.formula(formula)
    environment(formula) <- environment()
    lme4::lmer(formula, rows, REML = reml, weights = weight, control = lme4::lmerControl({CONTROL}))
}}"""
_READ = """function(fit) {
    modes <- lme4::ranef(fit, condVar = TRUE)
    terms <- lapply(modes, function(found) list(blups = as.matrix(found), spread = attr(found, "postVar")))
    list(beta = lme4::fixef(fit), covariance = as.matrix(vcov(fit)),
         variances = lapply(lme4::VarCorr(fit), function(part) unclass(part)[, , drop = FALSE]),
         sigma = sigma(fit), log_likelihood = as.numeric(logLik(fit)), singular = lme4::isSingular(fit, tol = 1e-4),
         code = as.integer(fit@optinfo$conv$opt), terms = terms)
}"""


def fit_lme4(design: Design, method: str) -> MixedModelFit:
    """Fit a design with lme4; see ``model.fit``.

    Raises
    ------
    ValueError
        For frequency weights, which lme4 does not have.
    ImportError
        If pymer4, rpy2, R or lme4 is not installed.
    """
    if design.weights is not None and design.weight_meaning == "frequency":
        raise ValueError("lme4 has precision weights only; use engine='native' for frequency weights")
    if found := obstacle(design):
        return without_numbers(design, method, "pymer4", *found)
    kept = orthonormal(design.fixed).kept
    try:
        parts = _fitted(design, kept, method)
    except Exception as error:  # R's errors come as several types
        if isinstance(error, ImportError):
            raise
        return without_numbers(design, method, "pymer4", "engine_failed", f"lme4: {str(error).strip()}")
    if parts["code"] != 0:
        return without_numbers(design, method, "pymer4", "not_converged", f"lme4's optimiser ended with code {parts['code']}")
    return filled(design, method, "pymer4", "singular" if parts["singular"] else "converged", parts["estimates"])


@contextmanager
def _environment_kept() -> Iterator[None]:
    """Take back what rpy2 writes into the environment: with R's library path every Python started afterwards loads wrong libraries."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def _fitted(design: Design, kept: np.ndarray, method: str) -> dict[str, Any]:
    """Fit in R and bring the numbers over.

    The columns of the design go to R as they are, under plain names, so that both engines fit the same matrices.
    """
    import pandas as pd

    logging.getLogger("rpy2").setLevel(logging.ERROR)
    with _environment_kept(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pymer4.models import Lmer
        from rpy2 import robjects
        from rpy2.rinterface_lib import callbacks

        callbacks.consolewrite_warnerror = lambda _: None
        columns: dict[str, Any] = {"outcome": design.outcome} | {f"x{k}": design.fixed[:, k] for k in kept}
        bars = []
        for place, rows in enumerate(design.terms):
            columns[f"g{place}"] = rows.codes.astype(np.int32)
            names = [f"z{place}_{k}" for k in range(rows.columns.shape[1])]
            columns |= {name: rows.columns[:, k] for k, name in enumerate(names)}
            bars.append(f"(0 + {' + '.join(names)} | g{place})")
        formula = f"outcome ~ 0 + {' + '.join([f'x{k}' for k in kept] + bars)}"
        if design.weights is None:
            model = Lmer(formula, data=pd.DataFrame(columns))
            model.fit(REML=method == "REML", summarize=False, no_warnings=True, control=CONTROL)
            found = model.model_obj
        else:
            from pymer4.bridge import pandas2R

            found = robjects.r(_WEIGHTED)(formula, pandas2R(pd.DataFrame(columns | {"weight": design.weights})), method == "REML")
        return _read(robjects.r(_READ)(found), design, kept)


def _read(parts: Any, design: Design, kept: np.ndarray) -> dict[str, Any]:
    """R's list as arrays."""
    residual = float(np.asarray(parts.rx2("sigma"))[0]) ** 2
    terms = []
    for place, rows in enumerate(design.terms):
        q, levels = rows.columns.shape[1], rows.levels.len()
        covariance = np.asarray(parts.rx2("variances").rx2(f"g{place}")).reshape(q, q)
        own = parts.rx2("terms").rx2(f"g{place}")
        spread = np.asarray(own.rx2("spread")).reshape(q, q, levels)
        blups = np.asarray(own.rx2("blups")).reshape(levels, q)
        terms.append(TermEstimates(covariance, lower_factor(covariance / residual), blups, np.moveaxis(spread, 2, 0)))
    return {
        "code": int(np.asarray(parts.rx2("code"))[0]),
        "singular": bool(np.asarray(parts.rx2("singular"))[0]),
        "estimates": Estimates(
            kept,
            np.asarray(parts.rx2("beta")),
            np.asarray(parts.rx2("covariance")).reshape(kept.size, kept.size),
            residual,
            float(np.asarray(parts.rx2("log_likelihood"))[0]),
            terms,
            {"path": "lme4"},
        ),
    }
