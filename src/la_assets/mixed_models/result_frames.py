"""Estimates of any engine, as arrays, become the frames of a ``MixedModelFit``; and so does a reason for having none.

Names and layout only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from la_assets.mixed_models.design import Design, TermRows
from la_assets.mixed_models.result import RESIDUAL, MixedModelFit


@dataclass(frozen=True)
class TermEstimates:
    """Of one random term.

    Attributes
    ----------
    covariance : numpy.ndarray, shape (q, q)
        Of the effects, in squared units of the outcome.
    factor : numpy.ndarray, shape (q, q)
        Lower Cholesky factor of the covariance over the residual variance.
    blups : numpy.ndarray, shape (levels, q)
    conditional : numpy.ndarray, shape (levels, q, q), optional
    """

    covariance: np.ndarray
    factor: np.ndarray
    blups: np.ndarray
    conditional: np.ndarray | None


@dataclass(frozen=True)
class Estimates:
    """What an engine found; ``kept`` are the positions of the fixed effects that ``beta`` and ``covariance`` speak of."""

    kept: np.ndarray
    beta: np.ndarray
    covariance: np.ndarray
    residual_variance: float
    log_likelihood: float
    terms: Sequence[TermEstimates]
    details: Mapping[str, Any] = field(default_factory=dict)


def filled(design: Design, method: str, engine: str, status: str, found: Estimates) -> MixedModelFit:
    """A fit with numbers."""
    p = len(design.names)
    estimates, errors = np.full(p, math.nan), np.full(p, math.nan)
    estimates[found.kept], errors[found.kept] = found.beta, np.sqrt(np.diag(found.covariance))
    covariance = np.full((p, p), math.nan)
    covariance[np.ix_(found.kept, found.kept)] = found.covariance
    sizes = [len(rows.term.names) for rows in design.terms]
    return MixedModelFit(
        status,
        _sentence(design, status, found.kept.size),
        engine,
        method,
        design.formula,
        tuple(rows.term for rows in design.terms),
        design.n,
        design.dropped,
        pl.DataFrame({"effect": list(design.names), "estimate": estimates, "standard_error": errors}).with_columns(
            pl.exclude("effect").fill_nan(None)
        ),
        covariance,
        _components(design, [term.covariance for term in found.terms], found.residual_variance),
        found.residual_variance,
        found.log_likelihood,
        found.kept.size + sum(q * (q + 1) // 2 for q in sizes) + 1,
        {rows.term.group: _levels(rows, term) for rows, term in zip(design.terms, found.terms, strict=True)},
        {rows.term.group: term.factor for rows, term in zip(design.terms, found.terms, strict=True)},
        found.details,
        design.weight_column,
        design.weight_meaning,
        design.spec,
    )


def without_numbers(
    design: Design, method: str, engine: str, status: str, message: str, *, details: Mapping[str, Any] | None = None
) -> MixedModelFit:
    """A fit whose status is all there is: fixed effects and variances are named and null, BLUPs are absent."""
    p = len(design.names)
    fixed = pl.DataFrame({"effect": list(design.names)}, schema={"effect": pl.String}).with_columns(
        estimate=pl.lit(None, pl.Float64), standard_error=pl.lit(None, pl.Float64)
    )
    unknown = [np.full((len(rows.term.names),) * 2, math.nan) for rows in design.terms]
    return MixedModelFit(
        status, message, engine, method, design.formula, tuple(rows.term for rows in design.terms), design.n, design.dropped,
        fixed, np.full((p, p), math.nan), _components(design, unknown, math.nan),
        levels={rows.term.group: _levels(rows, None) for rows in design.terms}, details=details or {},
    )  # fmt: skip


def lower_factor(matrix: np.ndarray) -> np.ndarray:
    """Lower Cholesky factor of a covariance that may be singular."""
    values, vectors = np.linalg.eigh(matrix)
    triangle = np.asarray(np.linalg.qr((vectors * np.sqrt(np.maximum(values, 0))).T, mode="r")).T
    return triangle * np.where(np.diag(triangle) < 0, -1.0, 1.0)


def _sentence(design: Design, status: str, estimated: int) -> str:
    dropped = len(design.names) - estimated
    collinear = f"; {dropped} fixed effects are determined by others and not estimated" if dropped else ""
    border = "on the border: a variance is zero or a correlation is one" if status == "singular" else "inside the parameter space"
    return f"the minimum lies {border}{collinear}"


def _components(design: Design, covariances: Sequence[np.ndarray], residual: float) -> pl.DataFrame:
    rows: list[tuple[str, str, str | None, float, float]] = []
    for term, covariance in zip(design.terms, covariances, strict=True):
        names, sds = term.term.names, np.sqrt(np.maximum(np.diag(covariance), 0))
        rows += [(term.term.group, name, None, float(covariance[k, k]), float(sds[k])) for k, name in enumerate(names)]
        for k, name in enumerate(names):
            for j in range(k):
                product = sds[k] * sds[j]
                rows.append(
                    (term.term.group, names[j], name, float(covariance[k, j]), float(covariance[k, j] / product) if product else math.nan)
                )
    rows.append((RESIDUAL, RESIDUAL, None, residual, math.sqrt(residual)))
    schema = {"group": pl.String, "effect": pl.String, "with_effect": pl.String, "value": pl.Float64, "sd_or_correlation": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.col("value", "sd_or_correlation").fill_nan(None))


def _levels(rows: TermRows, found: TermEstimates | None) -> pl.DataFrame:
    """A row per level: rows, BLUPs, conditional standard deviations and covariances; no rows without numbers."""
    names = rows.term.names
    count = np.bincount(rows.codes, minlength=rows.levels.len())
    columns: dict[str, Any] = {"n": pl.Series(count, dtype=pl.Int64)}
    for k, name in enumerate(names):
        columns[name] = pl.Series(None if found is None else found.blups[:, k], dtype=pl.Float64) if found else _nulls(rows)
        columns[f"{name}_sd"] = (
            pl.Series(np.sqrt(np.maximum(found.conditional[:, k, k], 0))) if found and found.conditional is not None else _nulls(rows)
        )
    for k, name in enumerate(names):
        for j in range(k):
            columns[f"{names[j]}_{name}_covariance"] = (
                pl.Series(found.conditional[:, k, j]) if found and found.conditional is not None else _nulls(rows)
            )
    frame = rows.levels.alias(rows.term.group).to_frame().with_columns(**columns)
    return frame if found else frame.clear()


def _nulls(rows: TermRows) -> pl.Series:
    return pl.Series([None], dtype=pl.Float64).new_from_index(0, rows.levels.len())
