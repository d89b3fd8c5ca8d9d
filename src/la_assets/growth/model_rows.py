"""Growth models as rows: criteria of every form, coefficients and variances of the chosen one, and a manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import polars as pl

from la_assets.growth.models import GrowthModel, likelihood_ratio

_SCHEMA = {
    "subject": pl.String,
    "form": pl.String,
    "scale": pl.String,
    "students": pl.Int32,
    "scores": pl.Int32,
    "log_likelihood": pl.Float64,
    "aic": pl.Float64,
    "bic": pl.Float64,
    "likelihood_ratio": pl.Float64,
    "p_value": pl.Float64,
    "is_chosen": pl.Boolean,
    "coefficients": pl.String,
    "variances": pl.String,
    "manifest": pl.String,
    "status": pl.String,
}


def models_frame(fits: Mapping[str, Sequence[GrowthModel]], panel: pl.DataFrame) -> pl.DataFrame:
    """A row per subject and form.

    Parameters
    ----------
    fits : mapping of subject to models
        As :func:`la_assets.growth.models.growth_models` gives them, the linear form first.
    panel : polars.DataFrame
        The panel they were fitted to.
    """
    rows = []
    for subject, found in fits.items():
        own = panel.filter(pl.col("subject") == subject)
        manifest = json.dumps(
            {
                "years": sorted(own["school_year"].unique().to_list()),
                "data_sha256": hashlib.sha256(
                    own.select("student_key", "time", "value").hash_rows(seed=0).to_numpy().tobytes()
                ).hexdigest(),
                "versions": {name: version(name) for name in ("numpy", "scipy", "polars")},
            },
            sort_keys=True,
        )
        common = {
            "subject": subject,
            "scale": own["scale"][0] if own.height else None,
            "students": own["student_key"].n_unique() if own.height else 0,
            "scores": own.height,
            "manifest": manifest,
        }
        rows += [common | _of_form(model, found[0]) for model in found]
    return pl.DataFrame(rows, schema=_SCHEMA)


def _of_form(model: GrowthModel, linear: GrowthModel) -> dict[str, Any]:
    made: dict[str, Any] = {"form": model.form, "status": model.status, "is_chosen": model.chosen}
    if model.ml is not None and model.ml.usable:
        ratio, p_value = likelihood_ratio(model, linear)
        made |= {
            "log_likelihood": model.ml.log_likelihood,
            "aic": model.ml.aic,
            "bic": model.ml.bic,
            "likelihood_ratio": ratio,
            "p_value": p_value,
        }
    if model.reml is not None:
        fixed = model.reml.fixed.select("effect", "estimate", "standard_error").iter_rows()
        parts = model.reml.variance_components.select("effect", "with_effect", "value", "sd_or_correlation").iter_rows()
        made["coefficients"] = json.dumps({name: [estimate, error] for name, estimate, error in fixed})
        made["variances"] = json.dumps({"~".join(filter(None, (a, b))): [value, sd] for a, b, value, sd in parts})
    return made
