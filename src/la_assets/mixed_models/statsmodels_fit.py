"""The ``statsmodels`` engine: an independent fit in Python for small data.

One grouping column with correlated effects, or several with intercepts (as variance components of one big group, a dense matrix of
all rows: hence the limit on rows). No weights.
"""

from __future__ import annotations

import warnings

import numpy as np

from la_assets.mixed_models.design import Design
from la_assets.mixed_models.identification import obstacle
from la_assets.mixed_models.orthogonal import orthonormal
from la_assets.mixed_models.result import MixedModelFit
from la_assets.mixed_models.result_frames import Estimates, TermEstimates, filled, lower_factor, without_numbers

MOST_ROWS_SEVERAL = 2_000
_BORDER = 1e-8


def fit_statsmodels(design: Design, method: str) -> MixedModelFit:
    """Fit a design with ``statsmodels.MixedLM``; see ``model.fit``.

    Raises
    ------
    ValueError
        For weights, for several grouping columns with slopes, and for several grouping columns of more than ``MOST_ROWS_SEVERAL`` rows.
    """
    several = len(design.terms) > 1
    if design.weights is not None:
        raise ValueError("statsmodels has no weights for mixed models; use engine='native'")
    if several and any(rows.term.names != ("intercept",) for rows in design.terms):
        raise ValueError("with several grouping columns statsmodels has intercepts only; use engine='native'")
    if several and design.n > MOST_ROWS_SEVERAL:
        raise ValueError(f"statsmodels would need a dense matrix of {design.n} rows; use engine='native'")
    if found := obstacle(design):
        return without_numbers(design, method, "statsmodels", *found)
    kept = orthonormal(design.fixed).kept
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found, terms = (_several if several else _one)(design, design.fixed[:, kept], method)
        except (ValueError, np.linalg.LinAlgError) as error:
            return without_numbers(design, method, "statsmodels", "engine_failed", f"statsmodels: {error}")
        if not found.converged:
            return without_numbers(design, method, "statsmodels", "not_converged", "statsmodels' optimiser did not converge")
        border = min(np.linalg.eigvalsh(term.covariance).min() for term in terms) < _BORDER * found.scale
        p = kept.size
        estimates = Estimates(
            kept, np.asarray(found.fe_params), np.asarray(found.cov_params())[:p, :p], float(found.scale), float(found.llf), terms,
            {"path": "statsmodels"},
        )  # fmt: skip
    return filled(design, method, "statsmodels", "singular" if border else "converged", estimates)


def _one(design: Design, fixed: np.ndarray, method: str):
    """One grouping column."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    (rows,) = design.terms
    found = MixedLM(design.outcome, fixed, groups=rows.codes, exog_re=rows.columns).fit(reml=method == "REML", method=["bfgs", "lbfgs"])
    covariance = np.asarray(found.cov_re)
    blups, spread = found.random_effects, found.random_effects_cov
    levels = range(rows.levels.len())
    term = TermEstimates(
        covariance,
        lower_factor(covariance / found.scale),
        np.array([np.asarray(blups[level]) for level in levels]),
        np.array([np.asarray(spread[level]) for level in levels]),
    )
    return found, [term]


def _several(design: Design, fixed: np.ndarray, method: str):
    """Several grouping columns: every level an indicator column of one group that holds all rows."""
    from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec

    names = [rows.term.group for rows in design.terms]
    matrices = [[(rows.codes[:, None] == np.arange(rows.levels.len())).astype(float)] for rows in design.terms]
    labels = [[[f"{name}{k}" for k in range(matrix[0].shape[1])]] for name, matrix in zip(names, matrices, strict=True)]
    model = MixedLM(design.outcome, fixed, groups=np.zeros(design.n), exog_vc=VCSpec(names, labels, matrices))
    found = model.fit(reml=method == "REML", method=["bfgs", "lbfgs"])
    blups, spread = np.asarray(found.random_effects[0]), np.asarray(found.random_effects_cov[0])
    terms, begin = [], 0
    for place, rows in enumerate(design.terms):
        end = begin + rows.levels.len()
        covariance = np.array([[float(found.vcomp[place])]])
        conditional = np.diag(spread)[begin:end][:, None, None]
        terms.append(TermEstimates(covariance, lower_factor(covariance / found.scale), blups[begin:end][:, None], conditional))
        begin = end
    return found, terms
