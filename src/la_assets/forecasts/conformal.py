"""Prediction intervals, standard errors and chances from past errors: conformal, on years later than those fitted on.

An error is final less prediction, of a model that never saw its year. Errors are put on the scale of their grade and compared
within bands of the predicted score (Mondrian conformal prediction: Vovk, Gammerman and Shafer 2005; normalised scores: Papadopoulos et
al. 2008); ends are the order statistics of split conformal prediction, one for each tail, so a bias of the past is taken out.
The model that predicts has seen one year more than those whose errors calibrate it, so the guarantee is not exact: what holds is
the coverage measured in ``forecasts.evaluation``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BANDS = 3
SMALLEST = 10
"""Past errors without which there is no interval at all."""
_SHRINKAGE = 50
"""Errors of all grades that a grade's own spread is averaged with."""


@dataclass(frozen=True)
class Calibration:
    """What past errors say of errors to come.

    Attributes
    ----------
    spread : dict of str to float
        Root mean squared error by grade, in points; the empty grade stands for all.
    place : dict of str to (float, float)
        Mean and SD of the predictions by grade, in points, which put a prediction into a band.
    edges : numpy.ndarray
        Ends of the bands, in SD of the grade's predictions, shape (bands - 1,).
    errors : tuple of numpy.ndarray
        Errors over spread by band, ascending.
    """

    spread: dict[str, float]
    place: dict[str, tuple[float, float]]
    edges: np.ndarray
    errors: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, predicted: np.ndarray, final: np.ndarray, grade: np.ndarray, group: int) -> Calibration | None:
        """Learn from past predictions.

        Parameters
        ----------
        predicted, final, grade : numpy.ndarray
            Predictions and final scores, in points, and grade levels as text, shape (n,).
        group : int
            Errors that a band needs; with fewer than ``BANDS`` times as many there is one band.

        Returns
        -------
        Calibration or None
            None with fewer than ``SMALLEST`` errors, or errors without any spread.
        """
        error = final - predicted
        if len(error) < SMALLEST or not (error**2).mean() > 0:
            return None
        overall = float((error**2).mean())
        spread, place = {"": float(np.sqrt(overall))}, {"": (float(predicted.mean()), _positive(predicted.std()))}
        for g in np.unique(grade):
            of_grade = grade == g
            n = int(of_grade.sum())
            spread[str(g)] = float(np.sqrt(((error[of_grade] ** 2).sum() + _SHRINKAGE * overall) / (n + _SHRINKAGE)))
            if n >= SMALLEST:
                place[str(g)] = (float(predicted[of_grade].mean()), _positive(predicted[of_grade].std()))
        position = _position(place, predicted, grade)
        banded = len(error) >= BANDS * group
        edges = np.quantile(position, np.arange(1, BANDS) / BANDS) if banded else np.array([])
        band = np.searchsorted(edges, position, side="right")
        scaled = error / _of_grade(spread, grade)
        errors = tuple(np.sort(scaled[band == b]) for b in range(len(edges) + 1))
        if min(map(len, errors)) < SMALLEST:  # many equal predictions fall into one band
            edges, errors = np.array([]), (np.sort(scaled),)
        return cls(spread, place, edges, errors)

    def interval(self, predicted: np.ndarray, grade: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends, in points, shape (n,); NaN where the band has too few errors for the level."""
        low, high = (np.array([_end(errors, level, upper) for errors in self.errors]) for upper in (False, True))
        band, spread = self._band(predicted, grade), _of_grade(self.spread, grade)
        return predicted + spread * low[band], predicted + spread * high[band]

    def standard_error(self, predicted: np.ndarray, grade: np.ndarray) -> np.ndarray:
        """Root mean squared error to expect, in points, shape (n,)."""
        rms = np.array([np.sqrt((errors**2).mean()) for errors in self.errors])
        return _of_grade(self.spread, grade) * rms[self._band(predicted, grade)]

    def chance_above(self, cut: np.ndarray, predicted: np.ndarray, grade: np.ndarray) -> np.ndarray:
        """Chance that the final score reaches the cut, shape (n,): the share of past errors that would, never quite 0 or 1."""
        needed = (cut - predicted) / _of_grade(self.spread, grade)
        band = self._band(predicted, grade)
        chance = np.full(len(predicted), np.nan)
        for b, errors in enumerate(self.errors):
            here = band == b
            enough = len(errors) - np.searchsorted(errors, needed[here], side="left")
            chance[here] = (enough + 0.5) / (len(errors) + 1)
        return np.where(np.isnan(needed), np.nan, chance)

    def _band(self, predicted: np.ndarray, grade: np.ndarray) -> np.ndarray:
        return np.searchsorted(self.edges, _position(self.place, predicted, grade), side="right")


def _end(errors: np.ndarray, level: float, upper: bool) -> float:
    """The order statistic that ends an interval: rank ceil((n + 1)(1 + level) / 2) from below, or as far from above."""
    n = len(errors)
    rank = int(np.ceil(np.round((n + 1) * (1 + level) / 2, 9)))
    if rank > n:
        return np.nan
    return float(errors[rank - 1] if upper else errors[n - rank])


def _positive(spread: float) -> float:
    return float(spread) if spread > 0 else 1.0


def _of_grade(values: dict[str, float], grade: np.ndarray) -> np.ndarray:
    known, where = np.unique(grade, return_inverse=True)
    return np.array([values.get(str(g), values[""]) for g in known])[where]


def _position(place: dict[str, tuple[float, float]], predicted: np.ndarray, grade: np.ndarray) -> np.ndarray:
    known, where = np.unique(grade, return_inverse=True)
    mean, spread = np.array([place.get(str(g), place[""]) for g in known]).reshape(-1, 2).T
    return (predicted - mean[where]) / spread[where]
