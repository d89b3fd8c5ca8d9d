"""Textbook measures of a ranking and of probabilities, with ties counted as chance would have it.

Arrays in, numbers out; intervals are made elsewhere. Sources: Hanley and McNeil (1982) and DeLong et al. (1988) for AUC and its
variance, Obuchowski (1997) for rows that share a student, Cox (1958) for the calibration line.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from la_assets.early_warning.calibration import logistic_line

FLOOR = 1e-6
"""Probabilities nearer to 0 or 1 count as this near on the log-odds scale."""


class Ranked(NamedTuple):
    """Rows by falling score: their order, where each tie starts, and how many rows there are."""

    order: np.ndarray
    starts: np.ndarray
    score: np.ndarray


def ranked(score: np.ndarray) -> Ranked:
    """Order rows by falling score; ``starts`` are positions in that order."""
    order = np.argsort(-score, kind="stable")
    falling = score[order]
    return Ranked(order, np.flatnonzero(np.r_[True, np.diff(falling) < 0]), falling)


class Curve(NamedTuple):
    """Weight of positives and of all rows with at least each distinct score, from the highest on."""

    positives: np.ndarray
    rows: np.ndarray


def curve(rank: Ranked, label: np.ndarray, weight: np.ndarray | None = None) -> Curve:
    """Cumulative counts at each distinct score, shape (distinct scores,)."""
    y = label[rank.order].astype(np.float64)
    w = np.ones(len(y)) if weight is None else weight[rank.order]
    ends = np.r_[rank.starts[1:], len(y)] - 1
    return Curve(np.cumsum(w * y)[ends], np.cumsum(w)[ends])


def auc_roc(c: Curve) -> float:
    """Chance that a positive scores above a negative, ties half; NaN without both classes."""
    negatives = c.rows - c.positives
    total = c.positives[-1] * negatives[-1]
    if total <= 0:
        return float("nan")
    before = np.r_[0.0, negatives[:-1]]
    positives = np.diff(c.positives, prepend=0.0)
    below = negatives[-1] - before - 0.5 * np.diff(negatives, prepend=0.0)
    return float((positives * below).sum() / total)


def auc_pr(c: Curve) -> float:
    """Average precision: precision at each score, weighted by the positives found there; NaN without positives."""
    if c.positives[-1] <= 0:
        return float("nan")
    return float((np.diff(c.positives, prepend=0.0) * c.positives / np.maximum(c.rows, 1e-300)).sum() / c.positives[-1])


def found(c: Curve, flagged: float) -> float:
    """Positives among the ``flagged`` rows of highest score; of a tie that straddles the cut, the expected share."""
    return float(np.interp(flagged, np.r_[0.0, c.rows], np.r_[0.0, c.positives]))


def auc_influence(score: np.ndarray, label: np.ndarray) -> tuple[float, np.ndarray]:
    """AUC and each row's influence on it; the variance is the sum of squares of the influences, summed by student first."""
    positive, negative = np.sort(score[label == 1]), np.sort(score[label == 0])
    values = np.empty(len(score))
    values[label == 1] = _share_below(score[label == 1], negative)
    values[label == 0] = 1 - _share_below(score[label == 0], positive)
    auc = float(values[label == 1].mean())
    return auc, (values - auc) / np.where(label == 1, len(positive), len(negative))


def _share_below(score: np.ndarray, others: np.ndarray) -> np.ndarray:
    return (np.searchsorted(others, score, "left") + np.searchsorted(others, score, "right")) / (2 * len(others))


def log_odds(probability: np.ndarray) -> np.ndarray:
    """Log odds, with probabilities kept off 0 and 1."""
    p = np.clip(probability, FLOOR, 1 - FLOOR)
    return np.log(p / (1 - p))


def calibration_line(probability: np.ndarray, label: np.ndarray) -> tuple[float, float]:
    """Slope of the outcome on the log odds (1: neither too sure nor too timid), and the intercept at slope 1 (0: right on average).

    The slope is NaN where all probabilities are equal.
    """
    x = log_odds(probability)
    target = label.astype(np.float64)
    slope = logistic_line(x - x.mean(), target)[0] if np.ptp(x) > 1e-9 else float("nan")
    return slope, logistic_line(x, target, offset=x, slope=False)[1]
