"""From log odds to probabilities that mean what they say: Platt's curve or an isotonic one, fitted on years later than the trees'.

Both are stored as plain numbers. Which one is used is decided on a later year than the one it was fitted on. The isotonic curve is
joined linearly between the centres of its steps, so that students keep their order except beyond the first and last centre.

Sources: Platt (1999) with the targets of Lin, Lin and Weng (2007); Ayer et al. (1955) for pooling adjacent violators.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

METHODS = ("platt", "isotonic", "none")
MIN_ISOTONIC_POSITIVES = 100
"""An isotonic curve on fewer positives has steps of a handful of students."""
MIN_STEP, MIN_STEP_SHARE = 20, 0.01
"""Steps of an isotonic curve are joined until they hold so many rows, and so large a share of all rows."""


@dataclass(frozen=True)
class Calibration:
    """A curve from log odds to probability: ``sigmoid(a * margin + b)``, or knots joined by lines."""

    method: Literal["platt", "isotonic", "none"]
    a: float = 1.0
    b: float = 0.0
    margins: tuple[float, ...] = ()
    probabilities: tuple[float, ...] = ()

    def __call__(self, margin: np.ndarray) -> np.ndarray:
        """Probabilities, shape as given."""
        if self.method == "isotonic":
            return np.interp(margin, np.array(self.margins), np.array(self.probabilities))
        return sigmoid(self.a * margin + self.b)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "method": self.method, "a": self.a, "b": self.b, "margins": list(self.margins), "probabilities": list(self.probabilities),
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Calibration:
        """The same curve."""
        return cls(values["method"], values["a"], values["b"], tuple(values["margins"]), tuple(values["probabilities"]))


def sigmoid(margin: np.ndarray) -> np.ndarray:
    """Probability of log odds, without overflow."""
    small = np.exp(-np.abs(margin))
    return np.where(margin >= 0, 1 / (1 + small), small / (1 + small))


def platt(margin: np.ndarray, label: np.ndarray) -> Calibration:
    """Platt's curve. Where the margins do not rise with the label the curve is flat at the share of positives.

    Parameters
    ----------
    margin, label : numpy.ndarray
        Shape (n,); labels 0 and 1, both present.
    """
    positives = label.sum()
    target = np.where(label == 1, (positives + 1) / (positives + 2), 1 / (len(label) - positives + 2))
    share = target.mean()
    intercept = float(np.log(share / (1 - share)))
    if np.ptp(margin) < 1e-9:
        return Calibration("platt", 0.0, intercept)
    centre, spread = margin.mean(), margin.std()
    a, b = logistic_line((margin - centre) / spread, target)
    if a <= 0:
        return Calibration("platt", 0.0, intercept)
    return Calibration("platt", float(a / spread), float(b - a * centre / spread))


def isotonic(margin: np.ndarray, label: np.ndarray) -> Calibration:
    """The rising curve closest to the labels, as knots at the centres of its steps, kept off 0 and 1 by half a student."""
    order = np.argsort(margin, kind="stable")
    x, y = margin[order], label[order].astype(np.float64)
    from sklearn.isotonic import isotonic_regression

    starts = np.flatnonzero(np.r_[True, np.diff(x) > 0])
    counts = np.diff(np.r_[starts, len(x)]).astype(np.float64)
    fitted = isotonic_regression(np.add.reduceat(y, starts) / counts, sample_weight=counts)
    steps = np.flatnonzero(np.r_[True, np.diff(fitted) > 1e-12])
    steps = steps[_joined(np.add.reduceat(counts, steps), max(MIN_STEP, MIN_STEP_SHARE * len(x)))]
    weight = np.add.reduceat(counts, steps)
    centre = np.add.reduceat(x[starts] * counts, steps) / weight
    share = np.add.reduceat(fitted * counts, steps) / weight
    share = np.maximum.accumulate(np.clip(share, 0.5 / weight, 1 - 0.5 / weight))
    return Calibration("isotonic", margins=tuple(map(float, centre)), probabilities=tuple(map(float, share)))


def _joined(rows: np.ndarray, least: float) -> list[int]:
    """Positions at which steps start once neighbours are joined until each has ``least`` rows; the last takes what is left over."""
    starts, held = [0], 0.0
    for position, count in enumerate(rows):
        if held >= least:
            starts.append(position)
            held = 0.0
        held += count
    return starts[:-1] if held < least and len(starts) > 1 else starts


def calibration_error(probability: np.ndarray, label: np.ndarray, bins: int = 10) -> float:
    """Mean absolute difference of predicted and observed share over bins of equal counts, weighted by their rows."""
    order = np.argsort(probability, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    return float(sum(abs(probability[part].mean() - label[part].mean()) * len(part) for part in parts) / len(order))


def surprise(probability: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Log loss of each row; lower is better."""
    return -np.log(np.where(label == 1, probability, 1 - probability))


def chosen_calibration(margins: list[np.ndarray], labels: list[np.ndarray]) -> tuple[Calibration, dict[str, Any]]:
    """The curve for what comes next, from held-out margins of successive years.

    With two or more years, both curves are fitted on all but the last and compared on the last. The isotonic one is taken if it has enough
    positives, the lower calibration error there, and a log loss that is lower by more than one standard error of the difference.
    The winner is fitted again on all years. With one year it is Platt's.

    Parameters
    ----------
    margins, labels : list of numpy.ndarray
        Per year, in order of time.

    Returns
    -------
    (Calibration, dict)
        The curve, and what decided: ``years``, ``compared``, ``error_*``, ``gain_*``.
    """
    every_margin, every_label = np.concatenate(margins), np.concatenate(labels)
    record: dict[str, Any] = {"years": len(margins), "compared": False}
    earlier_positives = sum(int(label.sum()) for label in labels[:-1])
    if len(margins) > 1 and earlier_positives >= MIN_ISOTONIC_POSITIVES:
        early_margin, early_label = np.concatenate(margins[:-1]), np.concatenate(labels[:-1])
        smooth, stepped = (fit(early_margin, early_label)(margins[-1]) for fit in (platt, isotonic))
        record |= {
            "compared": True,
            "error_platt": calibration_error(smooth, labels[-1]),
            "error_isotonic": calibration_error(stepped, labels[-1]),
        }
        gain = surprise(smooth, labels[-1]) - surprise(stepped, labels[-1])
        record |= {"gain_isotonic": float(gain.mean()), "gain_standard_error": float(gain.std() / np.sqrt(len(gain)))}
        if record["error_isotonic"] < record["error_platt"] and record["gain_isotonic"] > record["gain_standard_error"]:
            return isotonic(every_margin, every_label), record
    return platt(every_margin, every_label), record


def recentred(curve: Calibration, margin: np.ndarray, label: np.ndarray) -> Calibration:
    """The curve moved on the log odds until its mean over these rows is their share of positives; its shape stays.

    A curve is fitted on margins of models of fewer years. If the held-out year differed from those (a pandemic's absences), their
    margins were off as a whole and the curve takes that back; the final model has learned from that year and is not off, so taking
    it back once more would leave every probability too low or too high.

    Parameters
    ----------
    margin, label : numpy.ndarray
        The final model's margins of the held-out rows, and their outcomes, shape (n,).
    """
    if curve.method == "platt":
        moved = logistic_line(margin, label, offset=curve.a * margin, slope=False)[1]
        return Calibration("platt", curve.a, float(moved))
    knots = np.array(curve.probabilities)
    for _ in range(5):  # between knots the curve is straight in the probability, not in its log odds: moved in a few steps
        p = np.interp(margin, np.array(curve.margins), knots)
        moved = logistic_line(margin, label, offset=np.log(p / (1 - p)), slope=False)[1]
        knots = sigmoid(np.log(knots / (1 - knots)) + moved)
    return Calibration("isotonic", margins=curve.margins, probabilities=tuple(map(float, knots)))


def logistic_line(x: np.ndarray, target: np.ndarray, offset: np.ndarray | float = 0.0, slope: bool = True) -> tuple[float, float]:
    """Slope and intercept of a logistic regression of ``target`` (shares allowed) on ``x``, by Newton's method.

    ``offset`` is added to the log odds; with ``slope=False`` the slope is held at 0.
    """
    a = b = 0.0
    for _ in range(50):
        p = sigmoid(a * x + b + offset)
        weight = np.maximum(p * (1 - p), 1e-12)
        residual = target - p
        g_b, h_bb = residual.sum(), weight.sum()
        if not slope:
            step_a, step_b = 0.0, g_b / h_bb
        else:
            g_a, h_aa, h_ab = (residual * x).sum(), (weight * x * x).sum(), (weight * x).sum()
            determinant = h_aa * h_bb - h_ab * h_ab
            if determinant <= 0:
                break
            step_a, step_b = (h_bb * g_a - h_ab * g_b) / determinant, (h_aa * g_b - h_ab * g_a) / determinant
        limit = max(abs(step_a), abs(step_b)) / 5.0  # a step of more than 5 on the log-odds scale is cut: far steps may not return
        a, b = a + step_a / max(1.0, limit), b + step_b / max(1.0, limit)
        if max(abs(step_a), abs(step_b)) < 1e-10:
            break
    return float(a), float(b)
