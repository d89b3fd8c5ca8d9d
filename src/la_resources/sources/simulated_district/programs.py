"""Two interventions with known effects: tutoring by lottery and a reading block by cut score.

Both are assigned by the PM1 score after the window closes. The lottery's control group and the running variable are in
the truth; the district's own file holds participants only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from la_resources.sources.simulated_district.assessments import FAST_MEANS, LEVEL_CUTS, WINDOW_SHIFT, Sitting
from la_resources.sources.simulated_district.parameters import Parameters
from la_resources.sources.simulated_district.population import Students

FIRST_DAY, LAST_DAY = 36, 150
TUTORING, READING = "MATH-TUTORING", "READING-BLOCK"


@dataclass
class Program:
    """One program in one year.

    Attributes
    ----------
    name, assignment : str
        Program number in the files, and ``random`` or ``tier cut``.
    subject : int
        0 ELA, 1 mathematics.
    eligible : numpy.ndarray of int
        Student rows with a PM1 score in the program's grades (lottery: at or below the cut).
    running, cut : numpy.ndarray
        PM1 score and the grade's cut.
    treated : numpy.ndarray of bool
    effect : float
        True effect on the year's growth, in SD.
    """

    name: str
    assignment: str
    subject: int
    eligible: np.ndarray
    running: np.ndarray
    cut: np.ndarray
    treated: np.ndarray
    effect: float

    @property
    def participants(self) -> np.ndarray:
        return self.eligible[self.treated]


def tutoring(rng: np.random.Generator, students: Students, pm1: Sitting, parameters: Parameters) -> Program:
    """A lottery among students of grades 4 to 8 whose PM1 mathematics score is not above the grade's usual PM1 mean."""
    grade = students.grade[pm1.rows]
    cut = np.array([FAST_MEANS["Math"].get(g, 0) for g in range(13)])[grade] + WINDOW_SHIFT["PM1"]
    inside = (grade >= 4) & (grade <= 8) & (pm1.score <= cut)
    treated = rng.random(pm1.rows.size)[inside] < parameters.program_random_share
    return Program(TUTORING, "random", 1, pm1.rows[inside], pm1.score[inside], cut[inside], treated, parameters.program_random_effect)


def reading_block(students: Students, pm1: Sitting, parameters: Parameters) -> Program:
    """Every student of grades 3 to 8 at or below the cut: 14 points under the grade's usual PM1 mean. No exceptions (sharp)."""
    grade = students.grade[pm1.rows]
    cut = np.array([FAST_MEANS["ELA"].get(g, 0) for g in range(13)])[grade] + WINDOW_SHIFT["PM1"] + LEVEL_CUTS[0]
    inside = (grade >= 3) & (grade <= 8)
    return Program(
        READING, "tier cut", 0, pm1.rows[inside], pm1.score[inside], cut[inside], (pm1.score <= cut)[inside], parameters.program_cut_effect
    )


def program_effects(students: int, programs: list[Program]) -> np.ndarray:
    """Effect received by each student, shape (students, 2)."""
    received = np.zeros((students, 2))
    for program in programs:
        received[program.participants, program.subject] += program.effect
    return received
