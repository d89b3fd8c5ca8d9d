"""Observed scores: state progress monitoring, end-of-course exams, interim tests and the college entrance test.

Each sitting has a day in its window, an error of measurement, and a chance of being missed that grows with absence (so
missing scores are not missing at random). Scales and cut scores resemble the vendors' but are invented.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from la_resources.sources.simulated_district.calendar import SPRING_WINDOWS, WINDOWS, SchoolCalendar
from la_resources.sources.simulated_district.courses import INDEX
from la_resources.sources.simulated_district.parameters import Parameters
from la_resources.sources.simulated_district.randomness import Streams, logistic, normal_cdf
from la_resources.sources.simulated_district.stays import Mobility

SUBJECTS = ("ELA", "Math")
FAST_GRADES = {"ELA": range(3, 11), "Math": range(3, 9)}
FAST_MEANS = {
    "ELA": {3: 200, 4: 211, 5: 220, 6: 224, 7: 230, 8: 236, 9: 240, 10: 245},
    "Math": {3: 199, 4: 210, 5: 220, 6: 227, 7: 233, 8: 241},
}
"""Mean PM3 score by grade on the vertical scale; the SD within grade is 20."""
WINDOW_SHIFT = {"PM1": -15, "PM2": -7, "PM3": 0, "fall": -9, "winter": -4, "spring": 0}
LEVEL_CUTS = (-14.0, 0.0, 12.0, 26.0)
"""Lowest scores of levels 2 to 5, from the grade's PM3 mean; the same in all windows."""
MAP_MEANS = {
    "Math": {2: 189, 3: 201, 4: 210, 5: 218, 6: 222, 7: 226, 8: 230},
    "ELA": {2: 186, 3: 197, 4: 204, 5: 210, 6: 214, 7: 217, 8: 221},
}
EOC_COURSES = {"Algebra 1": ("ALG1",), "Geometry": ("GEO", "GEOH"), "Biology": ("BIO", "BIOH")}
EOC_MEAN, EOC_SD = 402.0, 27.0
EOC_CUTS = (379.0, 400.0, 418.0, 435.0)
STANDARDS = 8
CATEGORIES = {
    "ELA": ("Reading Prose and Poetry",) * 3 + ("Reading Informational Text",) * 3 + ("Reading Across Genres and Vocabulary",) * 2,
    "Math": ("Number Sense and Operations",) * 2
    + ("Algebraic Reasoning",) * 2
    + ("Geometric Reasoning, Measurement, and Data Analysis",) * 4,
}
_BENCHMARKS = {
    "ELA": ("R.1.1", "R.1.2", "R.1.3", "R.2.1", "R.2.2", "R.2.3", "R.3.1", "V.1.3"),
    "Math": ("NSO.1.1", "NSO.2.1", "AR.1.1", "AR.2.1", "GR.1.1", "GR.2.1", "M.1.1", "DP.1.1"),
}


def benchmarks(subject: str, grade: int) -> list[str]:
    """The eight benchmark codes tested in a subject and grade (Florida's B.E.S.T. numbering)."""
    prefix = "ELA" if subject == "ELA" else "MA"
    return [f"{prefix}.{grade}.{code}" for code in _BENCHMARKS[subject]]


@dataclass
class Sitting:
    """Scores of one test in one window: student rows, day numbers, scores, and who missed it.

    Attributes
    ----------
    rows, day, score : numpy.ndarray
        Students tested, instructional day, scale score.
    missed : numpy.ndarray
        Students who were enrolled and should have been tested but were not.
    """

    rows: np.ndarray
    day: np.ndarray
    score: np.ndarray
    missed: np.ndarray


class Testing:
    """The year's tests: who sits which, when, and with what score."""

    def __init__(
        self,
        streams: Streams,
        calendar: SchoolCalendar,
        mobility: Mobility,
        exit_day: np.ndarray,
        absence: np.ndarray,
        *,
        parameters: Parameters,
    ) -> None:
        self.streams, self.calendar, self.parameters = streams, calendar, parameters
        self.entry, self.exit = mobility.entry_day, exit_day
        base = np.log(parameters.test_missing_rate / (1 - parameters.test_missing_rate))
        self.p_missing = logistic(base + parameters.test_missing_absence * (absence - 0.07)).clip(0, 0.8)

    def given(self, window: str) -> bool:
        """Whether the window takes place in this year at all."""
        return not (window in SPRING_WINDOWS and self.calendar.label in self.parameters.years_without_spring_tests)

    def sit(self, name: str, window: str, rows: np.ndarray, truth: np.ndarray, error: float, *, low: float, high: float) -> Sitting:
        """Test the students of ``rows`` whose true scale score is ``truth``; scores are whole and within ``low..high``.

        Every student's draws are made before anything is left out, so a later as-of date only adds sittings.
        """
        rng = self.streams.of(f"test {name} {window}", self.calendar.start)
        first, last = WINDOWS[window]
        day = rng.integers(first, last + 1, rows.size)
        score = np.round(truth + error * rng.normal(size=rows.size)).clip(low, high)
        missing = rng.random(rows.size) < self.p_missing[rows]
        enrolled = (self.entry[rows] <= day) & (day <= self.exit[rows])
        if not self.given(window):
            enrolled[:] = False
        taken = enrolled & ~missing
        return Sitting(rows[taken], day[taken], score[taken], rows[enrolled & missing])


def fast_truth(theta: np.ndarray, grade: np.ndarray, subject: str, window: str) -> np.ndarray:
    """True state-test score of achievement ``theta`` (SD within grade)."""
    means = np.array([FAST_MEANS[subject].get(g, 0) for g in range(13)], dtype=float)
    return means[grade] + WINDOW_SHIFT[window] + 20.0 * theta


def fast_level(score: np.ndarray, grade: int, subject: str) -> np.ndarray:
    """Achievement level 1 to 5."""
    return 1 + np.searchsorted(np.array(LEVEL_CUTS) + FAST_MEANS[subject][grade], score, side="right")


def eoc_level(score: np.ndarray) -> np.ndarray:
    return 1 + np.searchsorted(np.array(EOC_CUTS), score, side="right")


def percentile(z: np.ndarray) -> np.ndarray:
    """Percentile rank 1 to 99 of a standardised score."""
    return np.floor(100 * normal_cdf(z)).clip(1, 99).astype(int)


def mastery(streams: Streams, start: int, subject: str, grade: int, theta: np.ndarray, *, rows: np.ndarray, students: int) -> np.ndarray:
    """True probability of a point on each standard, shape (rows, 8).

    A standard has a difficulty for good; a student has strengths that last the year.
    """
    difficulty = streams.of(f"standards {subject}", grade).normal(0.0, 0.5, STANDARDS)
    strengths = streams.of(f"strengths {subject}", start).normal(0.0, 0.6, (students, STANDARDS))[rows]
    return logistic(0.4 + 0.9 * theta[:, None] - difficulty + strengths)


def points_possible(streams: Streams, subject: str, grade: int, window: str) -> np.ndarray:
    """Points that each of the eight standards offers on a form."""
    return streams.of(f"points {subject} {window}", grade).integers(2, 6, STANDARDS)


def eoc_rows(courses: np.ndarray, exam: str) -> np.ndarray:
    """Students who take the exam's course; ``courses`` is catalogue indices, shape (students, slots)."""
    return np.flatnonzero(np.isin(courses, [INDEX[c] for c in EOC_COURSES[exam]]).any(axis=1))
