"""How good predictions were once the outcome is known, for the published probability and every baseline, with intervals.

Baselines flag as many students as the model does, so precision and recall compare like with like; where a tie straddles a cut, the
expected share of the tie is counted. Intervals are percentiles over resamples of students. The calibration line of a resample is one Newton
step from the line of all rows, which differs from refitting by less than a resample's noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from la_assets.early_warning import metrics
from la_assets.early_warning.bootstrap import draws, interval, sums_by_student
from la_assets.early_warning.calibration import logistic_line, sigmoid
from la_assets.early_warning.learner_settings import EvaluationSettings
from la_assets.early_warning.model_definition import ModelDefinition
from la_assets.early_warning.repeatable import one_thread

EVALUATION_COLUMNS = {
    "scored_year": pl.String,
    "model": pl.String,
    "metric": pl.String,
    "cut": pl.String,  # threshold_0.30, top_5_percent, top_10_percent, bin_01 and on; empty for measures of all rows
    "predicted": pl.Float64,  # mean probability of a bin, or of all rows
    "estimate": pl.Float64,  # of a bin: observed share; flagged: rows; lead_time_days: median days
    "low": pl.Float64,
    "high": pl.Float64,
    "n": pl.Int64,  # rows behind the estimate
    "positives": pl.Int64,
    "status": pl.String,
}
MODELS = {
    "published": "probability",
    "xgboost": "probability_xgboost",
    "logistic": "probability_logistic",
    "rules": "probability_rules",
    "school": "probability_school",
}
"""Name of each model and its column."""
WHOLE = ("auc_roc", "auc_pr", "brier", "calibration_slope", "calibration_intercept")
AT_CUT = ("precision", "recall", "flagged")
METRICS = (*WHOLE, *AT_CUT, "lead_time_days", "calibration_bin")
EVALUATION_STATUSES = (
    "ok", "no_outcomes", "no_predictions", "too_few_rows", "one_class", "too_few_positives", "nobody_flagged", "constant_prediction",
    "no_dates",
)  # fmt: skip


@dataclass(frozen=True)
class _Rows:
    """Rows of a year with an outcome and a probability, and who they are."""

    year: str
    label: np.ndarray
    student: np.ndarray
    students: int


@dataclass
class _Model:
    """A model's probabilities and its measures: of all rows, and of each resample."""

    name: str
    probability: np.ndarray
    rank: metrics.Ranked
    line: tuple[float, float]
    bins: np.ndarray
    sums: np.ndarray
    resampled: list[np.ndarray]


def evaluate(scored: pl.DataFrame, definition: ModelDefinition, settings: EvaluationSettings, *, by: Sequence[str] = ()) -> pl.DataFrame:
    """Measures of every scored year, model and cut.

    Parameters
    ----------
    scored : polars.DataFrame
        Time, student, label (null: outcome not known) and the ``probability*`` columns of :func:`la_assets.early_warning.scoring.score`;
        the snapshot's date and ``event_on`` for the lead time. Rows without outcome or probability are not counted in ``n``.
    definition : ModelDefinition
        Names of columns, thresholds, capacities.
    settings : EvaluationSettings
        Resamples, confidence, least evidence.
    by : sequence of str
        Further columns that split the rows, such as the snapshot.

    Returns
    -------
    polars.DataFrame
        The ``by`` columns, then ``EVALUATION_COLUMNS``. Each year has every measure of every model; one that could not be taken
        has no estimate and a ``status`` that says why. Bins stand only where there is something in them.
    """
    schema: dict[str, Any] = {c: scored.schema[c] for c in by} | EVALUATION_COLUMNS
    parts = []
    with one_thread():
        for key, rows in scored.sort(definition.time, *by, *definition.keys).group_by([definition.time, *by], maintain_order=True):
            taken = pl.DataFrame(_one_year(rows, definition, settings, str(key[0])), schema=EVALUATION_COLUMNS, orient="row")
            extra = [pl.lit(value, schema[c]).alias(c) for c, value in zip(by, key[1:], strict=True)]
            parts.append(taken.with_columns(extra).select(list(schema)))
    return pl.concat(parts) if parts else pl.DataFrame(schema=schema)


def cuts(definition: ModelDefinition) -> list[str]:
    """Names of the cuts: the threshold at which students are flagged, and the capacities."""
    return [f"threshold_{definition.thresholds[0]:.2f}"] + [f"top_{share:.0%}".replace("%", "_percent") for share in definition.capacities]


def _one_year(rows: pl.DataFrame, definition: ModelDefinition, settings: EvaluationSettings, year: str) -> list[tuple]:
    known = rows.filter(pl.col(definition.label).is_not_null())
    judged = known.filter(pl.col("probability").is_not_null())
    positives = int(judged[definition.label].sum() or 0)
    status = _why_not(rows, known, judged.height, positives, settings)
    if status != "ok":
        n = 0 if status in ("no_outcomes", "no_predictions") else judged.height
        return [_nothing(year, m, metric, cut, (n, positives, status)) for m in MODELS for metric, cut in _shape(definition, m)]
    label = judged[definition.label].cast(pl.Int8).to_numpy().astype(np.float64)
    student = judged[definition.cluster].cast(pl.String).rank("dense").to_numpy().astype(np.intp) - 1
    data = _Rows(year, label, student, int(student.max()) + 1)
    models = {name: _model(name, judged[column].to_numpy(), data, settings) for name, column in MODELS.items() if _given(judged, column)}
    lead = _lead_times(judged, definition, student)
    lead_draws = _resample(models, data, definition, settings, lead)
    out = []
    for name in MODELS:
        if name in models:
            out += _measures(models[name], models["published"], data, definition, settings)
        else:
            out += [_nothing(year, name, metric, cut, (0, 0, "no_predictions")) for metric, cut in _shape(definition, name)]
    return [*out, _lead_row(lead, lead_draws, data, definition, settings)]


def _why_not(rows: pl.DataFrame, known: pl.DataFrame, judged: int, positives: int, settings: EvaluationSettings) -> str:
    if not known.height:
        return "no_outcomes"
    if not judged:
        return "no_predictions"
    if judged < settings.min_rows:
        return "too_few_rows"
    if positives in (0, judged):
        return "one_class"
    return "too_few_positives" if min(positives, judged - positives) < settings.min_positives else "ok"


def _shape(definition: ModelDefinition, model: str) -> list[tuple[str, str]]:
    lead = [("lead_time_days", cuts(definition)[0])] if model == "published" else []
    return [(metric, "") for metric in WHOLE] + [(metric, cut) for cut in cuts(definition) for metric in AT_CUT] + lead


def _nothing(year: str, model: str, metric: str, cut: str, tally: tuple[int, int, str]) -> tuple:
    """A measure that was not taken; the tally is rows, positives and why."""
    return year, model, metric, cut, None, None, None, None, *tally


def _given(rows: pl.DataFrame, column: str) -> bool:
    return column in rows.columns and rows[column].null_count() == 0


def _model(name: str, probability: np.ndarray, data: _Rows, settings: EvaluationSettings) -> _Model:
    rank = metrics.ranked(probability)
    line = metrics.calibration_line(probability, data.label)
    bins = _bins(rank, len(probability), settings.bins)
    x = metrics.log_odds(probability)
    centred = x - x.mean()
    slope = line[0] if np.isfinite(line[0]) else 0.0
    p = sigmoid(logistic_line(centred, data.label, offset=slope * centred, slope=False)[1] + slope * centred)
    offset = sigmoid(line[1] + x)
    w, r = p * (1 - p), data.label - p
    columns = [
        np.ones(len(p)), (probability - data.label) ** 2, r, r * centred, w, w * centred, w * centred**2,
        data.label - offset, offset * (1 - offset),
    ]  # fmt: skip
    for number in range(int(bins.max()) + 1):
        inside = (bins == number).astype(np.float64)
        columns += [inside, inside * data.label]
    return _Model(name, probability, rank, line, bins, sums_by_student(np.column_stack(columns), data.student, data.students), [])


def _bins(rank: metrics.Ranked, n: int, wanted: int) -> np.ndarray:
    """Bin of each row by rising probability, about equal in rows; rows of one probability are never parted."""
    rising = np.empty(n, np.intp)
    first = np.repeat(rank.starts, np.diff(np.r_[rank.starts, n]))
    last = np.repeat(np.r_[rank.starts[1:], n] - 1, np.diff(np.r_[rank.starts, n]))
    rising[rank.order] = n - 1 - (first + last) // 2
    return np.unique(rising * wanted // n, return_inverse=True)[1]


def _flag_share(definition: ModelDefinition, published: np.ndarray, weight: np.ndarray | None = None) -> list[float]:
    """Share of rows flagged at each cut: as many as the published probability flags at the threshold, and the capacities."""
    return [float(np.average(published >= definition.thresholds[0], weights=weight)), *definition.capacities]


def _at_cuts(curve: metrics.Curve, shares: list[float]) -> list[float]:
    """Precision and recall at each cut."""
    out = []
    for share in shares:
        flagged = share * curve.rows[-1]
        found = metrics.found(curve, flagged)
        out += [found / flagged if flagged > 0 else np.nan, found / curve.positives[-1] if curve.positives[-1] > 0 else np.nan]
    return out


def _resample(
    models: dict[str, _Model],
    data: _Rows,
    definition: ModelDefinition,
    settings: EvaluationSettings,
    lead: tuple[np.ndarray, np.ndarray] | None,
) -> np.ndarray:
    """Fill every model's resampled measures; returns the resampled median lead times."""
    published = models["published"]
    medians = []
    for batch in draws(data.students, settings.resamples, settings.seed):
        totals = {name: batch @ model.sums for name, model in models.items()}
        for i, drawn in enumerate(batch):
            weight = drawn[data.student]
            shares = _flag_share(definition, published.probability, weight)
            for name, model in models.items():
                curve = metrics.curve(model.rank, data.label, weight)
                ranking = [metrics.auc_roc(curve), metrics.auc_pr(curve), *_at_cuts(curve, shares)]
                model.resampled.append(np.array([*ranking, *_from_sums(model, totals[name][i])]))
            if lead is not None:
                medians.append(_weighted_median(lead[0], drawn[lead[1]]))
    return np.array(medians)


def _from_sums(model: _Model, total: np.ndarray) -> list[float]:
    """Brier, slope, intercept and the bins' observed shares of a resample."""
    rows, brier, r, rx, w, wx, wxx, off_r, off_w = total[:9]
    determinant = w * wxx - wx * wx
    slope = model.line[0] + (w * rx - wx * r) / determinant if determinant > 1e-9 else np.nan
    intercept = model.line[1] + off_r / off_w if off_w > 0 else np.nan
    inside, observed = total[9::2], total[10::2]
    with np.errstate(invalid="ignore", divide="ignore"):
        return [brier / rows, slope, intercept, *(observed / inside)]


def _measures(model: _Model, published: _Model, data: _Rows, definition: ModelDefinition, settings: EvaluationSettings) -> list[tuple]:
    year, n, positives = data.year, len(data.label), int(data.label.sum())
    curve = metrics.curve(model.rank, data.label)
    shares = _flag_share(definition, published.probability)
    low, high = interval(np.array(model.resampled), settings.confidence)
    mean = float(model.probability.mean())
    brier = float(np.mean((model.probability - data.label) ** 2))
    names = cuts(definition)
    at_cuts = [(m, cut) for cut in names for m in ("precision", "recall")]
    keys = [("auc_roc", ""), ("auc_pr", ""), *at_cuts, ("brier", ""), ("calibration_slope", ""), ("calibration_intercept", "")]
    estimates = [metrics.auc_roc(curve), metrics.auc_pr(curve), *_at_cuts(curve, shares), brier, *model.line]
    out = []
    for at, ((metric, cut), estimate) in enumerate(zip(keys, estimates, strict=True)):
        status = "ok" if np.isfinite(estimate) else "constant_prediction" if metric == "calibration_slope" else "nobody_flagged"
        out.append(
            (year, model.name, metric, cut, mean if not cut else None, *_finite(estimate, low[at], high[at]), n, positives, status)
        )  # fmt: skip
    for cut, share in zip(names, shares, strict=True):
        out.append((year, model.name, "flagged", cut, None, share * n, None, None, n, positives, "ok" if share > 0 else "nobody_flagged"))
    for number in range(int(model.bins.max()) + 1):
        inside, at = model.bins == number, len(keys) + number
        share = data.label[inside]
        out.append((
            year, model.name, "calibration_bin", f"bin_{number + 1:02d}", float(model.probability[inside].mean()),
            *_finite(share.mean(), low[at], high[at]), int(inside.sum()), int(share.sum()), "ok",
        ))  # fmt: skip
    return out


def _finite(*values: float) -> tuple[float | None, ...]:
    return tuple(float(v) if np.isfinite(v) else None for v in values)


def _lead_times(judged: pl.DataFrame, definition: ModelDefinition, student: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Days from a student's first flag to the outcome, and the student's number; None where the rows have no dates."""
    event, as_of = definition.event_on, definition.as_of
    if event is None or as_of is None or not {event, as_of} <= set(judged.columns):
        return None
    flagged = pl.col("probability") >= definition.thresholds[0]
    rows = judged.with_columns(pl.Series("_student", student)).filter(
        flagged & (pl.col(definition.label).cast(pl.Boolean)) & (pl.col(event) >= pl.col(as_of))
    )
    first = rows.group_by("_student").agg((pl.col(event) - pl.col(as_of)).dt.total_days().max().alias("days")).sort("days", "_student")
    return first["days"].cast(pl.Float64).to_numpy(), first["_student"].to_numpy()


def _lead_row(
    lead: tuple[np.ndarray, np.ndarray] | None, medians: np.ndarray, data: _Rows, definition: ModelDefinition, settings: EvaluationSettings
) -> tuple:
    cut = cuts(definition)[0]
    if lead is None or not len(lead[0]):
        why = "no_dates" if lead is None else "nobody_flagged"
        return _nothing(data.year, "published", "lead_time_days", cut, (len(data.label), int(data.label.sum()), why))
    low, high = interval(medians[:, None], settings.confidence)
    found = len(lead[0])
    values = _finite(float(np.median(lead[0])), float(low[0]), float(high[0]))
    return (data.year, "published", "lead_time_days", cut, None, *values, found, found, "ok")


def _weighted_median(values: np.ndarray, weight: np.ndarray) -> float:
    """Lower median of sorted values, each counted ``weight`` times."""
    total = np.cumsum(weight)
    return float(values[np.searchsorted(total, total[-1] / 2)]) if len(total) and total[-1] > 0 else float("nan")
