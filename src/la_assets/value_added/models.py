"""Fitted value-added models and placebo verdicts as rows: coefficients, variances and what a reader needs to fit them again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import polars as pl

from la_assets.value_added.model import PRIOR_SCORE, SCHOOL, TEACHER, ValueAdded, fit_value_added
from la_assets.value_added.placebo import Placebo

_FIGURES = (
    "teacher_variance", "placebo_variance", "variance_share", "likelihood_ratio", "p_value",
    "sorting_slope", "sorting_slope_error", "sorting_p_value", "assignment_p_value",
    "year_p_value", "year_variance_share", "years_p_value", "years_variance_share", "years_judged",
)  # fmt: skip


def placebo_frame(verdicts: Mapping[str, Placebo]) -> pl.DataFrame:
    """A row per subject with the verdict and its figures."""
    rows = [
        {"subject": subject, "students": v.students, "teachers": v.teachers, "reason": v.reason, "status": v.status}
        | {name: v.figures.get(name) for name in _FIGURES}
        for subject, v in verdicts.items()
    ]
    numbers = dict.fromkeys(_FIGURES, pl.Float64) | {"years_judged": pl.Int32}
    whole, words = {"students": pl.Int32, "teachers": pl.Int32}, {"subject": pl.String, "reason": pl.String, "status": pl.String}
    return pl.DataFrame(rows, schema={**words, **whole, **numbers})


def models_frame(
    rows: pl.DataFrame, pooled: pl.DataFrame, subjects: Sequence[str], settings: Mapping[str, Any], scored: Collection[str]
) -> pl.DataFrame:
    """Every model of the year as a row.

    Parameters
    ----------
    rows, pooled : polars.DataFrame
        Rows of :func:`~la_assets.value_added.model.model_rows`: of the year, and of the years of the pool.
    subjects : sequence of str
        Each has its three rows, whatever the data.
    settings : mapping
        The district's settings, for the manifest.
    scored : collection of str
        Subjects in which anyone has a final score this year.
    """
    made = []
    for subject in subjects:
        own = rows.filter(pl.col("subject") == subject)
        for kind, found in (
            ("one_year", fit_value_added(own, scored=subject in scored, averaged=False)),
            ("pooled", fit_value_added(pooled.filter(pl.col("subject") == subject), scored=subject in scored, averaged=False)),
            ("placebo", fit_value_added(own, PRIOR_SCORE, scored=subject in scored, averaged=False)),
        ):
            made.append(_row(subject, kind, found, settings))
    return pl.DataFrame(made, schema=_SCHEMA)


_SCHEMA = {
    "subject": pl.String,
    "model": pl.String,
    "students": pl.Int32,
    "teachers": pl.Int32,
    "schools": pl.Int32,
    "teacher_variance": pl.Float64,
    "school_variance": pl.Float64,
    "residual_variance": pl.Float64,
    "log_likelihood": pl.Float64,
    "coefficients": pl.String,
    "between_only": pl.String,
    "manifest": pl.String,
    "status": pl.String,
}


def _row(subject: str, kind: str, found: ValueAdded, settings: Mapping[str, Any]) -> dict[str, Any]:
    place = PRIOR_SCORE.place if kind == "placebo" else SCHOOL
    has_place = found.usable and found.fitted is not None and any(term.group == place for term in found.fitted.terms)
    return {
        "subject": subject,
        "model": kind,
        **{
            name: found.rows[column].n_unique() if found.rows.height else 0
            for name, column in (("students", "student_key"), ("teachers", TEACHER), ("schools", SCHOOL))
        },
        "teacher_variance": found.variance(TEACHER),
        "school_variance": found.fitted.variance(place) if has_place and found.fitted is not None else None,
        "residual_variance": found.variance("residual"),
        "log_likelihood": found.fitted.log_likelihood if found.usable and found.fitted is not None else None,
        "coefficients": found.coefficients(),
        "between_only": ",".join(found.between_only) or None,
        "manifest": json.dumps(
            {
                "covariates": list(found.covariates),
                "years": sorted(found.rows["school_year"].unique().to_list()) if found.rows.height else [],
                "data_sha256": _data_hash(found),
                "versions": {name: version(name) for name in ("numpy", "scipy", "polars")},
                "settings": settings,
            },
            sort_keys=True,
        ),
        "status": found.status,
    }


def _data_hash(found: ValueAdded) -> str:
    columns = [
        c for c in ("student_key", TEACHER, SCHOOL, "school_year", "dosage", "outcome", *found.covariates) if c in found.rows.columns
    ]
    return hashlib.sha256(found.rows.select(columns).hash_rows(seed=0).to_numpy().tobytes()).hexdigest()
