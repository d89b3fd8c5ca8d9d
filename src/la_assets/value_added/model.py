"""The value-added model of a subject: its rows, its fit, and what it says of each teacher and school.

    score = b0 + b1 prior + b2 prior^2 + covariates + peer mean prior + class size + (dosage | teacher) + (1 | school) + e

by REML (``la_assets.mixed_models``). Dosage is the teacher's share of the student's instruction, 1 for most: a student receives
that share of the teacher's effect (multiple membership; Browne, Goldstein and Rasbash 2001, Statistical Modelling 1). A student
whom several taught has a row for each, in which the shares of the others are noise. Rows weighted by dosage instead, each with
the whole effect, showed a sixth less variance between teachers than a simulated district has. The same model with last year's
score as its outcome is the placebo. It decides nothing about publication.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from la_assets.mixed_models import MixedModelFit, RandomTerm, fit

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
        less fixed effects and the school's effect.
    covariates : tuple of str
        Columns of the fixed part.
    between_only : tuple of str
        Covariates that do not vary within any teacher: their coefficients rest on differences between teachers alone.
    fitted : MixedModelFit, optional
        None where no model was called.
    """

    status: str
    rows: pl.DataFrame
    covariates: tuple[str, ...] = ()
    between_only: tuple[str, ...] = ()
    fitted: MixedModelFit | None = None

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

    def levels(self, group: str) -> pl.DataFrame:
        """Effect and standard error of each level: the group's column, ``effect``, ``standard_error``; empty without numbers."""
        if self.fitted is None or not self.usable or group not in self.fitted.levels:
            return pl.DataFrame(schema={group: pl.String, "effect": pl.Float64, "standard_error": pl.Float64})
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


def fit_value_added(rows: pl.DataFrame, outcome: Outcome = SCORE, *, teachers: bool = True, scored: bool = False) -> ValueAdded:
    """Fit the model of one subject.

    Parameters
    ----------
    rows : polars.DataFrame
        Rows of :func:`model_rows` of one subject.
    outcome : Outcome
        ``SCORE``, or ``PRIOR_SCORE`` for the placebo.
    teachers : bool
        False leaves the teachers out, for a test of their variance.
    scored : bool
        Whether anyone has a final score, which tells a year without tests from one without prior scores.
    """
    ready, covariates = _ready(rows, outcome)
    if rows.is_empty() and not scored:
        return ValueAdded("no_scores", ready)
    if ready.is_empty():
        return ValueAdded("no_prior_scores", ready)
    if ready[TEACHER].n_unique() < 2:
        return ValueAdded("one_teacher", ready)
    terms = [RandomTerm(TEACHER, f"0 + {DOSAGE}")] if teachers else []
    terms += [RandomTerm(outcome.place)] if ready[outcome.place].n_unique() > 1 else []
    if not terms:
        raise ValueError("a model of one school without teachers has no random part")
    formula = f"outcome ~ 1 + {' + '.join(covariates)}"
    fitted = fit(formula, ready, terms, conditional_sds=teachers)
    found = ValueAdded(fitted.status, ready, covariates, _between_only(ready, covariates), fitted)
    return replace(found, rows=_with_residuals(found)) if found.usable else found


def _ready(rows: pl.DataFrame, outcome: Outcome) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Rows with all columns of the model filled, and the names of its covariates.

    A missing program flag or score in another subject is set to the average and marked by a column of its own, so that the row stays.
    Columns that do not vary are left out.
    """
    ready = rows.drop_nulls([outcome.score, outcome.prior]).select(
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
    names = [
        "prior",
        "prior_squared",
        "prior_other",
        *FLAGS,
        "peer_mean_prior",
        "class_size",
        *(str(f.meta.output_name()) for f in filled),
    ]
    return ready, tuple(name for name in names if ready[name].n_unique() > 1)


def _between_only(ready: pl.DataFrame, covariates: Sequence[str]) -> tuple[str, ...]:
    spread = ready.group_by(TEACHER).agg((pl.col(c).max() - pl.col(c).min()).alias(c) for c in covariates)
    return tuple(c for c in covariates if not (spread[c] > 0).any())


def _with_residuals(found: ValueAdded) -> pl.DataFrame:
    """The rows with ``residual``: the outcome less the fixed part and the school's effect."""
    assert found.fitted is not None
    fixed = dict(found.fitted.fixed.select("effect", "estimate").iter_rows())
    names = {name: value for name, value in fixed.items() if name in found.covariates and value is not None}
    constant = next((value for name, value in fixed.items() if name not in found.covariates and value is not None), 0.0)
    expected = pl.lit(constant) + pl.sum_horizontal(pl.col(name) * value for name, value in names.items()) if names else pl.lit(constant)
    schools = found.levels(SCHOOL).select(SCHOOL, school_effect="effect")
    return (
        found.rows.with_columns(expected=expected)
        .join(schools, on=SCHOOL, how="left", maintain_order="left")
        .with_columns(residual=pl.col("outcome") - pl.col("expected") - pl.col("school_effect").fill_null(0.0))
        .drop("expected", "school_effect")
    )
