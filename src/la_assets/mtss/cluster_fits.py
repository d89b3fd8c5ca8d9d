"""The K-Prototypes models of a year, one per subject and tier, as rows: centroids, scaling, how k was chosen, and a manifest.

A fitted model is JSON in a row; :func:`assigned_clusters` reads it back and puts students to its centroids.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np
import polars as pl

from la_assets.mtss.cluster_choice import choose
from la_assets.mtss.cluster_features import Scaling
from la_assets.mtss.k_prototypes import Prototypes, assigned

TIERS = (1, 2, 3)
_LIBRARIES = ("numpy", "numba", "kmodes")
_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "subject": pl.String,
    "tier": pl.Int32,
    "status": pl.String,
    "students": pl.Int32,
    "clusters": pl.Int32,
    "gamma": pl.Float64,
    "cost": pl.Float64,
    "stability": pl.Float64,
    "model": pl.String,
    "curve": pl.String,
    "manifest": pl.String,
    "known_on": pl.Date,
    "source": pl.String,
    "loaded_at": pl.Datetime("us", "UTC"),
}


def cluster_fits(features: pl.DataFrame, *, categorical: Sequence[str], settings: Mapping[str, Any]) -> pl.DataFrame:
    """The table ``mtss.cluster_fits`` of one school year, without ``school_year``: a row per subject with students, and tier.

    Parameters
    ----------
    features : polars.DataFrame
        ``mtss.cluster_features`` of the year.
    categorical : sequence of str
        Categorical features used.
    settings : mapping
        Arguments of ``cluster_choice.choose``.
    """
    subjects = features.sort("subject", "student_key").partition_by("subject", as_dict=True, maintain_order=True)
    rows = [_fit_row(str(subject), tier, of, categorical, settings) for (subject,), of in subjects.items() for tier in TIERS]
    return pl.DataFrame(rows, schema=pl.Schema(_SCHEMA), orient="row")


def _fit_row(subject: str, tier: int, of_subject: pl.DataFrame, categorical: Sequence[str], settings: Mapping[str, Any]) -> dict[str, Any]:
    group = of_subject.filter(pl.col("tier") == tier)
    scaling = Scaling.of(group, categorical)
    numeric, codes = scaling.matrix(group)
    choice = choose(numeric, codes, **settings)
    model = None
    if choice.prototypes:
        model = scaling.as_json() | {
            "gamma": choice.prototypes.gamma,
            "centres": choice.prototypes.centres.tolist(),
            "modes": choice.prototypes.modes.tolist(),
        }
    data = hashlib.sha256(numeric.tobytes() + codes.tobytes()).hexdigest()[:16]
    manifest = {"features": scaling.as_json(), "settings": dict(settings), "data": data, "libraries": _versions()}
    seen = group if group.height else of_subject  # an empty tier is known when the subject's students are
    return {
        "subject": subject,
        "tier": tier,
        "status": choice.status,
        "students": group.height,
        "clusters": len(choice.prototypes.modes) if choice.prototypes else 1,
        "gamma": choice.prototypes.gamma if choice.prototypes else None,
        "cost": choice.prototypes.cost if choice.prototypes else None,
        "stability": choice.stability,
        "model": json.dumps(model) if model else None,
        "curve": json.dumps(choice.curve),
        "manifest": json.dumps(manifest),
        "known_on": seen["known_on"].max(),
        "source": "mtss",
        "loaded_at": seen["loaded_at"].max(),
    }


@cache
def _versions() -> dict[str, str]:
    return {name: version(name) for name in _LIBRARIES}


def prototypes_of(model: str) -> tuple[Scaling, Prototypes]:
    """Scaling and centroids of a stored model (without labels)."""
    read = json.loads(model)
    centres, modes = np.array(read["centres"], np.float64), np.array(read["modes"], np.int32)
    return Scaling.from_json(read), Prototypes(centres, modes, read["gamma"], np.empty(0, np.int32), float("nan"), 0)


def assigned_clusters(features: pl.DataFrame, fits: pl.DataFrame) -> pl.DataFrame:
    """Each student's nearest centroid in the model of the own subject and tier.

    Parameters
    ----------
    features, fits : polars.DataFrame
        ``mtss.cluster_features`` and ``mtss.cluster_fits`` of the year.

    Returns
    -------
    polars.DataFrame
        The features with ``status``, ``number`` (of the centroid; null without a model), ``distance``, and
        ``fit_known`` and ``fit_loaded`` of the model.
    """
    models = {(row["subject"], row["tier"]): row for row in fits.iter_rows(named=True)}
    parts = [
        _group(group, models.get((subject, tier))) for (subject, tier), group in features.group_by("subject", "tier", maintain_order=True)
    ]
    extra: dict[str, Any] = {
        "status": pl.String,
        "number": pl.Int32,
        "distance": pl.Float64,
        "fit_known": pl.Date,
        "fit_loaded": pl.Datetime("us", "UTC"),
    }
    return pl.concat(parts) if parts else features.with_columns(pl.lit(None, t).alias(c) for c, t in extra.items())


def _group(group: pl.DataFrame, row: Mapping[str, Any] | None) -> pl.DataFrame:
    if row is None or row["model"] is None:
        return group.with_columns(
            pl.lit(row["status"] if row else "not fitted yet").alias("status"),
            pl.lit(None, pl.Int32).alias("number"),
            pl.lit(None, pl.Float64).alias("distance"),
            pl.lit(row["known_on"] if row else None, pl.Date).alias("fit_known"),
            pl.lit(row["loaded_at"] if row else None, pl.Datetime("us", "UTC")).alias("fit_loaded"),
        )
    scaling, prototypes = prototypes_of(row["model"])
    labels, distances, _ = assigned(*scaling.matrix(group), prototypes.centres, prototypes.modes, gamma=prototypes.gamma)
    return group.with_columns(
        pl.lit("clustered").alias("status"),
        pl.Series("number", labels, pl.Int32),
        pl.Series("distance", distances, pl.Float64),
        pl.lit(row["known_on"], pl.Date).alias("fit_known"),
        pl.lit(row["loaded_at"], pl.Datetime("us", "UTC")).alias("fit_loaded"),
    )
