"""From labelled rows to a fitted model: which rows may be learned from, the candidates, their calibration, and the choice between them.

A model for a year sees rows of earlier years whose features were known at their snapshot and whose label's window had closed. The same
rule holds inside: every year that serves to stop trees, to calibrate or to choose is predicted by models of rows that were usable at
that year's own snapshot. Rows are never split at random. What the medians, spreads, bins and rates are is learned here and nowhere else.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
import polars as pl

from la_assets.early_warning import baselines, boosting, logistic
from la_assets.early_warning.calibration import Calibration, chosen_calibration, recentred
from la_assets.early_warning.design_matrix import Design, usable_features
from la_assets.early_warning.drift import reference
from la_assets.early_warning.fitted_model import FittedModel
from la_assets.early_warning.learner_settings import LearnerSettings
from la_assets.early_warning.metrics import auc_influence
from la_assets.early_warning.model_definition import ModelDefinition

MIN_HELD_OUT = 5
"""Positives, and negatives, that a year needs to be of use for stopping, calibration and choice."""

LEAST_SHARE = 1 / 3
"""Of the rows learned from in the end: a held-out year whose own models had fewer does not speak for the final one."""

LIBRARIES = ("numpy", "polars", "scikit-learn", "xgboost-cpu")


@dataclass(frozen=True)
class HeldOut:
    """A year predicted by models of what was usable at its snapshot.

    Attributes
    ----------
    year : str
        The year.
    label, student : numpy.ndarray
        Outcome and number of the student, shape (rows,).
    margins : dict
        Candidate to log odds, shape (rows,); of as many trees as the year before asked for, so that this year can judge them.
    stopped_on_itself : bool
        No earlier year had told how many trees to grow: the number was read off this very year.
    rounds : int
        Trees that this year asks for.
    of_rounds : callable
        Log odds of the trees, for any number of them.
    """

    year: str
    label: np.ndarray
    student: np.ndarray
    margins: dict[str, np.ndarray]
    stopped_on_itself: bool
    rounds: int
    of_rounds: Callable[[int], np.ndarray]


def training_rows(
    frame: pl.DataFrame, definition: ModelDefinition, before: str | int, as_of: dt.date | None
) -> tuple[pl.DataFrame, dict[str, int]]:
    """The rows that a model for ``before`` may learn from, and how many were left out and why.

    Parameters
    ----------
    frame : polars.DataFrame
        Rows of any years.
    definition : ModelDefinition
        Names the columns.
    before : str or int
        The period to be scored: only earlier ones are learned from (with ``periods="folds"``: only others).
    as_of : date or None
        Labels whose window closed later do not exist yet.

    Returns
    -------
    (polars.DataFrame, dict)
        Rows sorted by time and keys, and the counts ``rows``, ``not_earlier``, ``label_open``, ``known_too_late`` and ``used``;
        the last four add up to the first.

    Raises
    ------
    ValueError
        If two rows have the same keys.
    """
    d = definition
    keys = [d.time, *(k for k in d.keys if k != d.time)]
    if frame.select(keys).is_duplicated().any():
        raise ValueError(f"{d.name}: rows with the same {keys}; a student would count twice")
    time = pl.col(d.time)
    earlier = time != before if d.periods == "folds" else time < before
    closed = pl.col(d.label).is_not_null()
    if d.label_known_on is not None and as_of is not None:
        closed &= (pl.col(d.label_known_on) <= as_of).fill_null(False)
    on_time = pl.lit(True)
    if d.known_on is not None and d.as_of is not None:
        on_time = (pl.col(d.known_on) <= pl.col(d.as_of)).fill_null(False)
    reason = (
        pl.when(~earlier.fill_null(False)).then(pl.lit("not_earlier"))
        .when(~closed).then(pl.lit("label_open"))
        .when(~on_time).then(pl.lit("known_too_late"))
        .otherwise(pl.lit("used"))
    )  # fmt: skip
    judged = frame.with_columns(reason.alias("_reason"))
    counts = dict(judged["_reason"].value_counts().iter_rows())
    account = {"rows": frame.height} | {name: counts.get(name, 0) for name in ("not_earlier", "label_open", "known_too_late", "used")}
    return judged.filter(pl.col("_reason") == "used").drop("_reason").sort(keys), account


def train(
    frame: pl.DataFrame, definition: ModelDefinition, settings: LearnerSettings, *, before: str | int, as_of: dt.date | None
) -> FittedModel:
    """Fit everything for the year ``before`` on what was known by ``as_of`` of the years before it.

    Parameters
    ----------
    frame : polars.DataFrame
        Keys, time, dates, label, school, and the feature columns; may hold years that must not be used.
    definition : ModelDefinition
        The target.
    settings : LearnerSettings
        How to fit.
    before : str or int
        The school year to be scored.
    as_of : date or None
        Snapshot date of that year; None where the data set has no dates.

    Returns
    -------
    FittedModel
        Always one. Its status says how it was fitted, or why there is no model:

        - ``fitted``: both candidates were compared on later years, and calibrated.
        - ``no_later_year``: no year with both outcomes lies late enough to stop, calibrate and compare on (one labelled year only,
          say). Then it is the logistic regression, whose probabilities are used as they are.
        - ``no_labelled_rows``, ``one_class``, ``too_few_positives`` (or negatives), ``no_usable_features``: no model.
    """
    rows, account = training_rows(frame, definition, before, as_of)
    label = rows[definition.label].cast(pl.Int8).to_numpy().astype(np.float64)
    positives = int(label.sum())
    design, left_out = usable_features(definition, rows) if rows.height else (Design(()), {})
    manifest: dict[str, Any] = {
        "target": definition.name,
        "unit": definition.unit,
        "periods": definition.periods,
        "scored_year": str(before),
        "as_of": as_of.isoformat() if as_of else None,
        "training_years": [str(year) for year in rows[definition.time].unique().sort()],
        "features": list(design.features),
        "features_left_out": left_out,
        "audit_features": list(definition.audit_as_features),
        "categories": {f: list(v) for f, v in design.categories.items()},
        "rule_flags": sorted(definition.rule_flags),
        "rows": account,
        "n_positives": positives,
        "data_hash": "",
        "settings": {k: v for k, v in asdict(settings).items() if k not in ("threads", "scheduler")},
        "libraries": {name: version(name) for name in LIBRARIES},
    }
    status = _no_model(rows.height, positives, design, settings)
    if status:
        return FittedModel(definition.name, str(before), status, manifest)
    matrix = design.matrix(rows)
    manifest["data_hash"] = _data_hash(rows, definition, matrix, label)
    manifest["grown_on_workers"] = settings.workers if settings.worth_workers(len(label)) else 0
    held_out = _held_out(rows, matrix, label, definition, settings)
    parts: dict[str, Any] = {
        "logistic": logistic.fit(matrix, label, settings),
        "baselines": baselines.fit(rows, definition, settings),
        "reference": reference(rows, design),
    }
    manifest["held_out_years"] = [h.year for h in held_out]
    if not held_out:
        curves = {"logistic": Calibration("none")}
        return FittedModel(definition.name, str(before), "no_later_year", manifest, design, "logistic", None, calibrations=curves, **parts)
    chosen, manifest["choice"] = _choice(held_out)
    manifest["held_out_auc"] = manifest["choice"]["auc"]
    rounds = manifest["rounds"] = int(np.median([h.rounds for h in held_out]))
    booster = boosting.grow(matrix, label, settings, rounds=rounds).booster
    margins = {"logistic": [h.margins["logistic"] for h in held_out], "xgboost": [h.of_rounds(rounds) for h in held_out]}
    newest = rows[definition.time].cast(pl.String).is_in(manifest["held_out_years"]).to_numpy()
    final = {"logistic": parts["logistic"].margins(matrix[newest]), "xgboost": boosting.margins(booster, matrix[newest])}
    curves, manifest["calibration"] = {}, {}
    for name, by_year in margins.items():
        curve, manifest["calibration"][name] = chosen_calibration(by_year, [h.label for h in held_out])
        curves[name] = recentred(curve, final[name], label[newest])
    return FittedModel(
        definition.name, str(before), "fitted", manifest, design, chosen, boosting.as_text(booster, rounds), calibrations=curves, **parts
    )


def _no_model(rows: int, positives: int, design: Design, settings: LearnerSettings) -> str | None:
    if not rows:
        return "no_labelled_rows"
    if positives in (0, rows):
        return "one_class"
    if min(positives, rows - positives) < settings.min_positives:
        return "too_few_positives"
    return None if design.features else "no_usable_features"


def _held_out(
    rows: pl.DataFrame, matrix: np.ndarray, label: np.ndarray, definition: ModelDefinition, settings: LearnerSettings
) -> list[HeldOut]:
    """The latest years, each predicted by candidates that were fitted on what was usable at its snapshot, in order of time."""
    splits = _splits(rows, label, definition, settings)
    student = rows[definition.cluster].cast(pl.String).rank("dense").to_numpy()
    done: list[HeldOut] = []
    for year, train_on, later in splits:
        grown = boosting.grow(
            matrix[train_on], label[train_on], settings, rounds=settings.max_rounds, later=(matrix[later], label[later])
        )  # fmt: skip
        margins = {
            "logistic": logistic.fit(matrix[train_on], label[train_on], settings).margins(matrix[later]),
            "xgboost": grown.margins(matrix[later], done[-1].rounds if done else grown.rounds),
        }
        of_rounds = partial(grown.margins, matrix[later])
        done.append(HeldOut(year, label[later], student[later], margins, not done, grown.rounds, of_rounds))
    return done


def _splits(
    rows: pl.DataFrame, label: np.ndarray, definition: ModelDefinition, settings: LearnerSettings
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Latest years that can be held out, and as masks the rows usable at their snapshot and their own rows; in order of time.

    Such a year has both outcomes, and enough rows were usable at its snapshot; only the latest may have had fewer than ``LEAST_SHARE``.
    """
    time = rows[definition.time]
    found: list[tuple[str, np.ndarray, np.ndarray]] = []
    for year in time.unique().sort(descending=True):
        later = (time == year).to_numpy()
        usable = (time != year if definition.periods == "folds" else time < year).to_numpy()
        if definition.label_known_on is not None and definition.as_of is not None:
            snapshot = rows.filter(time == year)[definition.as_of].min()
            usable &= (rows[definition.label_known_on] <= snapshot).fill_null(False).to_numpy()
        speaks = not found or usable.sum() >= LEAST_SHARE * rows.height
        if speaks and _both(label[later], MIN_HELD_OUT) and _both(label[usable], settings.min_positives):
            found.append((str(year), usable, later))
        if len(found) == settings.held_out_years:
            break
    return found[::-1]


def _both(label: np.ndarray, least: int) -> bool:
    positives = int(label.sum())
    return min(positives, len(label) - positives) >= least


def _choice(held_out: Sequence[HeldOut]) -> tuple[str, dict[str, Any]]:
    """XGBoost if its AUC on later years exceeds the logistic regression's by more than one standard error of the difference.

    Years on which trees were stopped do not judge them, if there are others.
    """
    judges = [h for h in held_out if not h.stopped_on_itself] or list(held_out)
    auc: dict[str, float] = {}
    influence: dict[str, np.ndarray] = {}
    for name in ("logistic", "xgboost"):
        by_year = [auc_influence(h.margins[name], h.label) for h in judges]
        auc[name] = float(np.mean([a for a, _ in by_year]))
        influence[name] = np.concatenate([i for _, i in by_year]) / len(judges)
    student = np.concatenate([h.student for h in judges]).astype(np.intp)
    by_student = np.bincount(student, influence["xgboost"] - influence["logistic"])
    error = float(np.sqrt((by_student**2).sum()))
    difference = auc["xgboost"] - auc["logistic"]
    chosen = "xgboost" if difference > error else "logistic"
    return chosen, {
        "rule": "higher mean AUC on later years; within one standard error the simpler",
        "years": [h.year for h in judges],
        "stopped_on_the_same_year": judges[0].stopped_on_itself,
        "auc": auc,
        "difference": difference,
        "standard_error": error,
        "chosen": chosen,
    }


def _data_hash(rows: pl.DataFrame, definition: ModelDefinition, matrix: np.ndarray, label: np.ndarray) -> str:
    """Hash of the rows learned from: keys, label and features."""
    digest = hashlib.sha256()
    keys = dict.fromkeys([definition.time, *definition.keys])
    text = rows.select(
        pl.concat_str([pl.col(k).cast(pl.String) for k in keys], separator="\x1f", ignore_nulls=True).str.join("\x1e")
    ).item()
    digest.update(text.encode())
    digest.update(label.astype(np.int8).tobytes())
    digest.update(np.where(np.isnan(matrix), np.float32("nan"), matrix).tobytes())
    return digest.hexdigest()[:16]
