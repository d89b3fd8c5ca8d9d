"""Does the model serve every subgroup alike: rates per subgroup, differences from a reference group, and a verdict.

A verdict needs evidence. A difference passes only if its whole interval lies within the bound; it is a gap if it exceeds the bound and the
interval excludes zero; anything else is ``insufficient evidence``, never a pass for want of data. Small groups are suppressed, and
where one group alone is, the counts of the next smallest go too, or the first could be had by subtraction.

Sources: Hardt, Price and Srebro (2016) for equal opportunity; Dwork et al. (2012) for demographic parity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from la_assets.early_warning.bootstrap import draws, interval, sums_by_student
from la_assets.early_warning.learner_settings import FairnessSettings
from la_assets.early_warning.model_definition import ModelDefinition
from la_assets.early_warning.repeatable import one_thread

PASS, GAP, NO_EVIDENCE = VERDICTS = ("pass", "gap", "insufficient evidence")
RATES = ("selection_rate", "tpr", "fpr", "precision", "calibration_gap")
DIFFERENCES = {"equal_opportunity_difference": "tpr", "demographic_parity_difference": "selection_rate"}
"""A difference and the rate it is taken of: group minus reference."""
MEASURES = (*RATES, *DIFFERENCES)
UNKNOWN = "not on record"

FAIRNESS_COLUMNS = {
    "scored_year": pl.String,
    "subgroup": pl.String,  # audit column
    "group": pl.String,  # its value
    "is_reference": pl.Boolean,
    "measure": pl.String,
    "estimate": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "bound": pl.Float64,  # of the two differences
    "verdict": pl.String,  # of the two differences; null for rates and for the reference group
    "group_verdict": pl.String,  # the worst of the two; null for the reference group
    "n": pl.Int64,  # rows of the group with an outcome; null where suppressed
    "positives": pl.Int64,
    "status": pl.String,
}
FAIRNESS_STATUSES = (
    "ok", "counts_suppressed", "suppressed", "too_few_events", "reference_without_rate", "no_outcomes", "no_predictions",
)  # fmt: skip
"""``counts_suppressed``: estimates stand, counts do not. ``too_few_events``: the rate's denominator is too small."""

_ROWS, _FLAGGED, _POSITIVES, _FOUND, _EXPECTED, _STUDENTS = range(6)
_SUMS = 5


@dataclass(frozen=True)
class _Group:
    """A group's sums: rows, flagged, positives, flagged positives, sum of probabilities; then students."""

    name: str
    totals: np.ndarray
    estimates: dict[str, float]
    resampled: dict[str, np.ndarray]


def audit(scored: pl.DataFrame, definition: ModelDefinition, settings: FairnessSettings, *, by: Sequence[str] = ()) -> pl.DataFrame:
    """Measures per scored year, audit column, group and measure.

    Parameters
    ----------
    scored : polars.DataFrame
        Time, student, label, ``probability`` and the audit columns (text or boolean; null is the group ``not on record``).
    definition : ModelDefinition
        Names the audit columns and the threshold at which students are flagged.
    settings : FairnessSettings
        References, bounds, smallest cell, resamples.
    by : sequence of str
        Further columns that split the rows, such as the snapshot.

    Returns
    -------
    polars.DataFrame
        The ``by`` columns, then ``FAIRNESS_COLUMNS``. ``calibration_gap`` is mean probability minus observed share: above 0 the group's
        risk is overstated.
    """
    schema: dict[str, Any] = {c: scored.schema[c] for c in by} | FAIRNESS_COLUMNS
    parts = []
    with one_thread():
        for key, rows in scored.sort(definition.time, *by, *definition.keys).group_by([definition.time, *by], maintain_order=True):
            for column in definition.audit:
                made = pl.DataFrame(_of_column(rows, column, definition, settings, str(key[0])), schema=FAIRNESS_COLUMNS, orient="row")
                extra = [pl.lit(value, schema[c]).alias(c) for c, value in zip(by, key[1:], strict=True)]
                parts.append(made.with_columns(extra).select(list(schema)))
    return pl.concat(parts) if parts else pl.DataFrame(schema=schema)


def _of_column(rows: pl.DataFrame, column: str, definition: ModelDefinition, settings: FairnessSettings, year: str) -> list[tuple]:
    group = pl.col(column).cast(pl.String).fill_null(UNKNOWN).alias("group")
    known = rows.filter(pl.col(definition.label).is_not_null())
    judged = known.filter(pl.col("probability").is_not_null()).with_columns(group)
    names = sorted(rows.select(group).to_series().unique())
    if not judged.height:
        status = "no_predictions" if known.height else "no_outcomes"
        return [_empty((year, column), name, m, status, settings) for name in names for m in MEASURES]
    groups = _groups(judged, definition, settings)
    sizes = {name: groups[name].totals[_STUDENTS] if name in groups else 0 for name in names}
    large = {name for name, size in sizes.items() if size >= settings.min_cell}
    reference = _reference(column, groups, large, settings)
    hidden = _complementary(sizes, large)
    out = []
    for name in names:
        if name in large:
            out += _of_group(
                groups[name], groups.get(reference or ""), settings, (year, column), is_reference=name == reference, hidden=name in hidden
            )
        else:
            out += [_empty((year, column), name, m, "suppressed", settings) for m in MEASURES]
    return out


def _groups(judged: pl.DataFrame, definition: ModelDefinition, settings: FairnessSettings) -> dict[str, _Group]:
    label = judged[definition.label].cast(pl.Int8).to_numpy().astype(np.float64)
    probability = judged["probability"].to_numpy()
    flagged = (probability >= definition.thresholds[0]).astype(np.float64)
    student = judged[definition.cluster].cast(pl.String).rank("dense").to_numpy().astype(np.intp) - 1
    students = int(student.max()) + 1
    values = np.column_stack([np.ones(len(label)), flagged, label, flagged * label, probability])
    names = judged["group"].to_numpy()
    distinct = sorted(set(names))
    inside = [names == name for name in distinct]
    per_student = sums_by_student(np.hstack([values * mine[:, None] for mine in inside]), student, students)
    drawn = np.concatenate([batch @ per_student for batch in draws(students, settings.resamples, settings.seed)])
    out = {}
    for at, (name, mine) in enumerate(zip(distinct, inside, strict=True)):
        totals = np.r_[values[mine].sum(axis=0), len(np.unique(student[mine]))]
        resampled = _rates(drawn[:, at * _SUMS : (at + 1) * _SUMS])
        out[name] = _Group(name, totals, {rate: float(v[0]) for rate, v in _rates(totals[None, :]).items()}, resampled)
    return out


def _rates(sums: np.ndarray) -> dict[str, np.ndarray]:
    rows, flagged, positives, found, expected = sums[:, :_SUMS].T
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "selection_rate": flagged / rows,
            "tpr": found / positives,
            "fpr": (flagged - found) / (rows - positives),
            "precision": found / flagged,
            "calibration_gap": (expected - positives) / rows,
        }


def _events(group: _Group, rate: str) -> float:
    """Rows that a rate is a share of."""
    t = group.totals
    rows = {"tpr": t[_POSITIVES], "fpr": t[_ROWS] - t[_POSITIVES], "precision": t[_FLAGGED]}
    return float(rows.get(rate, t[_ROWS]))


def _reference(column: str, groups: dict[str, _Group], large: set[str], settings: FairnessSettings) -> str | None:
    named = settings.references.get(column)
    if named is not None:
        return named if named in large else None
    return max(sorted(large), key=lambda name: groups[name].totals[_ROWS], default=None)


def _complementary(sizes: dict[str, int], large: set[str]) -> set[str]:
    """The smallest group that is shown, where exactly one is not."""
    return {min(sorted(large), key=lambda name: sizes[name])} if large and len(sizes) - len(large) == 1 else set()


def _of_group(
    group: _Group, reference: _Group | None, settings: FairnessSettings, where: tuple[str, str], *, is_reference: bool, hidden: bool
) -> list[tuple]:
    counts = (None, None) if hidden else (int(group.totals[_ROWS]), int(group.totals[_POSITIVES]))
    fine = "counts_suppressed" if hidden else "ok"
    rows: list[tuple] = []
    for rate in RATES:
        if _events(group, rate) < settings.min_events:
            rows.append((rate, None, None, None, None, None, "too_few_events"))
        else:
            low, high = interval(group.resampled[rate], settings.confidence)
            rows.append((rate, group.estimates[rate], *_finite(low, high), None, None, fine))
    verdicts = []
    for name, rate in DIFFERENCES.items():
        bound = settings.bounds.get(name)
        if is_reference:
            rows.append((name, 0.0, None, None, bound, None, fine))
        elif reference is None or _events(reference, rate) < settings.min_events:
            rows.append((name, None, None, None, bound, NO_EVIDENCE, "reference_without_rate"))
        elif _events(group, rate) < settings.min_events:
            rows.append((name, None, None, None, bound, NO_EVIDENCE, "too_few_events"))
        else:
            estimate = group.estimates[rate] - reference.estimates[rate]
            low, high = interval(group.resampled[rate] - reference.resampled[rate], settings.confidence)
            rows.append((name, estimate, *_finite(low, high), bound, verdict(estimate, float(low), float(high), bound), fine))
        verdicts.append(rows[-1][5])
    worst = None if is_reference else GAP if GAP in verdicts else NO_EVIDENCE if NO_EVIDENCE in verdicts else PASS
    return [(*where, group.name, is_reference, m, e, lo, hi, b, v, worst, *counts, s) for m, e, lo, hi, b, v, s in rows]


def verdict(estimate: float, low: float, high: float, bound: float | None) -> str:
    """Pass, gap or insufficient evidence of a difference with its interval."""
    if bound is None or not np.isfinite([estimate, low, high]).all():
        return NO_EVIDENCE
    if -bound <= low and high <= bound:
        return PASS
    return GAP if abs(estimate) > bound and (low > 0 or high < 0) else NO_EVIDENCE


def _empty(where: tuple[str, str], name: str, measure: str, status: str, settings: FairnessSettings) -> tuple:
    found = NO_EVIDENCE if measure in DIFFERENCES else None
    bound = settings.bounds.get(measure)
    return *where, name, False, measure, None, None, None, bound, found, NO_EVIDENCE, None, None, status


def _finite(*values: float | np.ndarray) -> tuple[float | None, ...]:
    return tuple(float(v) if np.isfinite(v) else None for v in values)
