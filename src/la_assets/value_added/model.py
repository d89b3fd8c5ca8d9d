"""The value-added model of a subject: its rows, its fit, and what it says of each teacher and school.

    score = b_grade,year + b1 prior + b2 prior^2 + covariates + peer mean prior + class size
            + sum of dosage x teacher + (1 | school) + e

by REML (``la_assets.mixed_models``). Dosage is the teacher's share of the student's instruction, 1 for most: a student receives
that share of each teacher's effect, and is one observation however many teach (multiple membership; Browne, Goldstein and Rasbash
2001, Statistical Modelling 1). An intercept a test, grade and year, because scores are standardised within them: what a grade's teachers
have in common is not seen, and effects are as uncertain as that makes them. Effects are averaged over what the data leave open of
the variances. The same model with last year's score as its outcome is the placebo. It decides nothing about publication.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import polars as pl

from la_assets.mixed_models import AveragedEffects, MixedModelFit, RandomTerm, fit_shared

TEACHER: Final = "staff_key"
SCHOOL: Final = "school_id"
DOSAGE = "dosage"

PROGRAMS = ("frl", "ell", "ese")
FLAGS = (*PROGRAMS, "advanced")
"""Programs of the student, and whether the course is an advanced one: students choose it by what one prior score does not tell."""
STATUSES = (
    "converged", "singular", "not_identified", "no_variation", "too_few_rows", "not_converged", "engine_failed",
    "no_scores", "no_prior_scores", "one_teacher",
)  # fmt: skip
"""Statuses of a fit, those of the mixed-model library and those known before it is called."""


@dataclass(frozen=True)
class Outcome:
    """Which columns play which part: the score explained, the prior, the prior in other subjects and of peers, the place."""

    score: str
    prior: str
    prior_other: str
    peer_mean: str
    place: str = "school_id"


SCHOOL_GRADE = "school_grade"
SCORE = Outcome("score", "prior", "prior_other", "peer_mean_prior")
PRIOR_SCORE = Outcome("prior", "prior_prior", "prior_prior_other", "peer_mean_prior_prior", SCHOOL_GRADE)
"""The placebo: no teacher can have moved the score of the year before.

Its place is the grade in the school: all classes of a grade come from the same teachers of the grade before, whose real effects are
in last year's scores. What is left between classes of a grade is sorting.
"""


@dataclass(frozen=True)
class ValueAdded:
    """A fitted value-added model of one subject.

    Attributes
    ----------
    status : str
        One of ``STATUSES``.
    rows : polars.DataFrame
        Rows of the fit: student, teacher, school, year, ``dosage``, covariates, and with numbers ``residual``: the score
        less fixed effects, the school's effect and those of the student's other teachers.
    covariates : tuple of str
        Columns of the fixed part.
    between_only : tuple of str
        Covariates that do not vary within any teacher: their coefficients rest on differences between teachers alone.
    fitted : MixedModelFit, optional
        None where no model was called.
    averaged : mapping of str to AveragedEffects
        Effects of teachers and schools averaged over the variances; empty where not asked for.
    likelihood_ratio : float, optional
        Of the teachers' variance.
    """

    status: str
    rows: pl.DataFrame
    covariates: tuple[str, ...] = ()
    between_only: tuple[str, ...] = ()
    fitted: MixedModelFit | None = None
    averaged: Mapping[str, AveragedEffects] = field(default_factory=dict)
    likelihood_ratio: float | None = None

    @property
    def usable(self) -> bool:
        return self.fitted is not None and self.fitted.usable

    def _effect(self, group: str) -> str:
        return DOSAGE if group == TEACHER else "intercept"

    def variance(self, group: str) -> float | None:
        """Variance of teachers, schools or ``residual``; None without numbers or without that group."""
        if self.fitted is None or not self.usable or (group == SCHOOL and all(term.group != SCHOOL for term in self.fitted.terms)):
            return None
        return self.fitted.variance(group, self._effect(group))

    def effect_variance(self, group: str) -> float | None:
        """Variance between levels averaged as their effects are; without an average the estimate."""
        return self.averaged[group].variance if group in self.averaged else self.variance(group)

    def levels(self, group: str) -> pl.DataFrame:
        """Effect and standard error of each level: the group's column, ``effect``, ``standard_error``; empty without numbers."""
        if self.fitted is None or not self.usable or group not in self.fitted.levels:
            return pl.DataFrame(schema={group: pl.String, "effect": pl.Float64, "standard_error": pl.Float64})
        if group in self.averaged:
            return self.averaged[group].levels
        return self.fitted.levels[group].select(group, effect=self._effect(group), standard_error=f"{self._effect(group)}_sd")

    def coefficients(self) -> str:
        """Fixed effects as JSON: name -> [estimate, standard error]."""
        if self.fitted is None or not self.usable:
            return "{}"
        return json.dumps({row[0]: list(row[1:]) for row in self.fitted.fixed.select("effect", "estimate", "standard_error").iter_rows()})


def model_rows(student_scores: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """A row per student, subject, year and teacher of record, of the students whom the models use.

    Parameters
    ----------
    student_scores : polars.DataFrame
        ``value_added.student_scores`` of one or more years.
    links : polars.DataFrame
        ``roster.instructional_links`` of the same years; ``weight`` is the dosage.
    """
    return (
        student_scores.filter(pl.col("status") == "used")
        .drop("status")
        .join(
            links.filter(pl.col("weight") > 0).select("student_key", TEACHER, "subject", "school_year", "weight"),
            on=["student_key", "subject", "school_year"],
        )
        .sort("school_year", "student_key", TEACHER)
    )


def fit_value_added(rows: pl.DataFrame, outcome: Outcome = SCORE, *, scored: bool = False, averaged: bool = True) -> ValueAdded:
    """Fit the model of one subject.

    Parameters
    ----------
    rows : polars.DataFrame
        Rows of :func:`model_rows` of one subject.
    outcome : Outcome
        ``SCORE``, or ``PRIOR_SCORE`` for the placebo.
    scored : bool
        Whether anyone has a final score, which tells a year without tests from one without prior scores.
    averaged : bool
        Whether effects are wanted: averaged over the variances, as they are published.
    """
    ready, covariates = _ready(rows, outcome)
    if rows.is_empty() and not scored:
        return ValueAdded("no_scores", ready)
    if ready.is_empty():
        return ValueAdded("no_prior_scores", ready)
    if ready[TEACHER].n_unique() < 2:
        return ValueAdded("one_teacher", ready)
    terms = [RandomTerm(TEACHER, f"0 + {DOSAGE}")]
    terms += [RandomTerm(outcome.place)] if ready[outcome.place].n_unique() > 1 else []
    formula = f"outcome ~ 1 + {' + '.join(covariates)}"
    shared = fit_shared(formula, ready, terms, unit="unit", averaged=averaged)
    between = _between_only(ready, covariates)
    found = ValueAdded(shared.fitted.status, ready, covariates, between, shared.fitted, shared.averaged, shared.likelihood_ratio)
    return replace(found, rows=_with_residuals(found)) if found.usable else found


def _ready(rows: pl.DataFrame, outcome: Outcome) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Rows with all columns of the model filled, and the names of its covariates.

    A missing program flag or score in another subject is set to the average and marked by a column of its own, so that the row stays.
    Columns that do not vary are left out. ``unit`` numbers the observations.
    """
    ready = rows.drop_nulls([outcome.score, outcome.prior]).sort("school_year", "student_key", TEACHER).select(
        pl.struct("school_year", "student_key").rle_id().alias("unit"),
        pl.concat_str("assessment_id", "grade", "school_year", separator="_").str.replace_all("[^A-Za-z0-9]", "_").alias("test"),
        "student_key", TEACHER, SCHOOL, "school_year", pl.col("weight").alias(DOSAGE),
        pl.concat_str(SCHOOL, "grade", separator="|").alias(SCHOOL_GRADE),
        outcome=pl.col(outcome.score),
        prior=pl.col(outcome.prior),
        prior_squared=pl.col(outcome.prior) ** 2,
        prior_other=pl.col(outcome.prior_other),
        peer_mean_prior=pl.col(outcome.peer_mean),
        class_size=pl.col("class_size") / 10,
        **{name: pl.col(name).cast(pl.Float64) for name in FLAGS},
    )  # fmt: skip
    filled = []
    for name in ("prior_other", *FLAGS, "class_size"):
        if ready[name].null_count():
            filled.append(pl.col(name).is_null().cast(pl.Float64).alias(f"{name}_missing"))
    ready = ready.with_columns(filled).with_columns(pl.col("prior_other", *FLAGS, "class_size").fill_null(strategy="mean").fill_null(0.0))
    tests = ready["test"].unique().sort().to_list()[1:]
    ready = ready.with_columns((pl.col("test") == test).cast(pl.Float64).alias(f"test_{test}") for test in tests)
    names = [
        "prior",
        "prior_squared",
        "prior_other",
        *FLAGS,
        "peer_mean_prior",
        "class_size",
        *(str(f.meta.output_name()) for f in filled),
        *(f"test_{test}" for test in tests),
    ]
    return ready, tuple(name for name in names if ready[name].n_unique() > 1)


def _between_only(ready: pl.DataFrame, covariates: Sequence[str]) -> tuple[str, ...]:
    spread = ready.group_by(TEACHER).agg((pl.col(c).max() - pl.col(c).min()).alias(c) for c in covariates)
    return tuple(c for c in covariates if not c.startswith("test_") and not (spread[c] > 0).any())


def _with_residuals(found: ValueAdded) -> pl.DataFrame:
    """The rows with ``residual``: the outcome less the fixed part, the school's effect, and the shares of the student's other teachers."""
    assert found.fitted is not None
    fixed = dict(found.fitted.fixed.select("effect", "estimate").iter_rows())
    names = {name: value for name, value in fixed.items() if name in found.covariates and value is not None}
    constant = next((value for name, value in fixed.items() if name not in found.covariates and value is not None), 0.0)
    expected = pl.lit(constant) + pl.sum_horizontal(pl.col(name) * value for name, value in names.items()) if names else pl.lit(constant)
    schools = found.levels(SCHOOL).select(SCHOOL, school_effect="effect")
    teachers = found.levels(TEACHER).select(TEACHER, received="effect")
    received = pl.col("received") * pl.col(DOSAGE)
    return (
        found.rows.with_columns(expected=expected)
        .join(schools, on=SCHOOL, how="left", maintain_order="left")
        .join(teachers, on=TEACHER, how="left", maintain_order="left")
        .with_columns(
            residual=pl.col("outcome")
            - pl.col("expected")
            - pl.col("school_effect").fill_null(0.0)
            - (received.sum().over("unit") - received)
        )
        .drop("expected", "school_effect", "received")
    )
