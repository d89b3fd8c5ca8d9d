"""From labelled rows to a fitted model: which rows may be learned from, candidates, calibration, the choice. Signatures first."""

from __future__ import annotations

import datetime as dt

import polars as pl

from la_assets.early_warning.fitted_model import FittedModel
from la_assets.early_warning.learner_settings import LearnerSettings
from la_assets.early_warning.model_definition import ModelDefinition


def training_rows(
    frame: pl.DataFrame, definition: ModelDefinition, before: str | int, as_of: dt.date | None
) -> tuple[pl.DataFrame, dict[str, int]]:
    """The rows a model for ``before`` may learn from, and how many were left out and why.

    Kept: time before ``before``; label known (not null, ``label_known_on`` not after ``as_of``); features known at their snapshot
    (``known_on`` not after the row's ``as_of``) .

    Returns
    -------
    (polars.DataFrame, dict)
        Rows sorted by time and keys; counts ``rows``, ``not_earlier``, ``label_open``, ``known_too_late``, ``used`` (they add up).
    """
    raise NotImplementedError


def train(
    frame: pl.DataFrame, definition: ModelDefinition, settings: LearnerSettings, *, before: str | int, as_of: dt.date | None
) -> FittedModel:
    """Fit everything for the year ``before`` on the years before it.

    Parameters
    ----------
    frame : polars.DataFrame
        Keys, time, dates, label, school, features (and audit columns that are switched on); may hold years that must not be used.
    before : str
        The school year to be scored; no row of it or later is learned from.
    as_of : date or None
        Labels that became known after it do not exist.

    Returns
    -------
    FittedModel
        Always one; its ``status`` says if and why there is no model (``no_labelled_years``, ``one_class``, ``too_few_positives``,
        ``no_usable_features``), or how it was fitted (``fitted``, ``single_year``).
    """
    raise NotImplementedError
