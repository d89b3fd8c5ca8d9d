"""The students of the district: who they are, and how a year's population becomes the next.

Arrays of the students enrolled this year only; those who leave are dropped once their exit is written, so memory does not grow with
the years. What happens within a year is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from la_resources.sources.simulated_district.parameters import Parameters
from la_resources.sources.simulated_district.schools import Schools


@dataclass
class Students:
    """One entry per student enrolled in the year; two columns mean ELA and mathematics.

    Attributes
    ----------
    person : running index of the person, never reused.
    grade : grade index, 0 (KG) to 12.
    zone, school : attendance zone and school index.
    gender : 0 female, 1 male, 2 another. race : index into ``RACES``.
    ability, slope : long-run achievement at grade 6 and trend a grade, shape (n, 2), in SD.
    drift : deviation from the long-run level at the end of last year, shape (n, 2).
    absence, behavior : propensities on the log scale.
    accelerated, honors : takes Algebra 1 in grade 8; takes honors courses.
    cohort : calendar year of first entry into grade 9, 0 before.
    failures : courses failed last year.
    entered : starting year of the first school year here.
    """

    person: np.ndarray
    grade: np.ndarray
    zone: np.ndarray
    school: np.ndarray
    gender: np.ndarray
    race: np.ndarray
    hispanic: np.ndarray
    frl: np.ndarray
    ell: np.ndarray
    ese: np.ndarray
    section_504: np.ndarray
    gifted: np.ndarray
    homeless: np.ndarray
    birth: np.ndarray
    ability: np.ndarray
    slope: np.ndarray
    drift: np.ndarray
    absence: np.ndarray
    behavior: np.ndarray
    accelerated: np.ndarray
    honors: np.ndarray
    cohort: np.ndarray
    repeating: np.ndarray
    failures: np.ndarray
    entered: np.ndarray

    def __len__(self) -> int:
        return self.person.size

    def take(self, rows: np.ndarray) -> Students:
        return Students(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def joined(self, other: Students) -> Students:
        return Students(**{f.name: np.concatenate([getattr(self, f.name), getattr(other, f.name)]) for f in fields(self)})

    def level(self, grade: np.ndarray | None = None) -> np.ndarray:
        """Long-run achievement at a grade (default: this year's), shape (n, 2)."""
        at = self.grade if grade is None else grade
        return self.ability + self.slope * (at[:, None] - 6)


def entrants(
    rng: np.random.Generator, grade: np.ndarray, first_person: int, start: int, schools: Schools, *, parameters: Parameters
) -> Students:
    """Draw new students of the given grades, entering in the school year that begins in ``start``."""
    n = grade.size
    p = parameters
    zone = rng.integers(0, schools.zones, n)
    race = rng.choice(len(p.race_shares), n, p=np.array(p.race_shares) / sum(p.race_shares))
    frl_odds = np.array(p.frl_rates)[race]
    frl = rng.random(n) < 1 / (1 + (1 - frl_odds) / frl_odds * np.exp(-schools.zone_poverty[zone]))
    language = np.where(race == 3, 0.30, np.where(race == 1, 0.18, 0.02)) * np.where(grade < 6, 1.2, 0.7)
    ell = rng.random(n) < language
    ese = rng.random(n) < np.where(frl, 0.155, 0.115)
    section_504 = ~ese & (rng.random(n) < 0.045)
    homeless = rng.random(n) < np.where(frl, 0.035, 0.003)
    gap = np.array(p.ability_gaps)[race] + p.frl_gap * frl + p.ell_gap * ell + p.ese_gap * ese
    expected = -0.50  # the mean of the gaps in this population, so that achievement centres on 0
    shared, own = rng.normal(size=(n, 1)), rng.normal(size=(n, 2))
    ability = (gap - expected)[:, None] + p.ability_sd * (np.sqrt(0.85) * shared + np.sqrt(0.15) * own)
    slope = rng.normal(0.0, p.slope_sd, (n, 2))
    school = schools.of(zone, grade)
    drift = rng.normal(0.0, 0.45, (n, 2)) + 2.0 * schools.effect[school] * np.minimum(grade, 3)[:, None] / 3
    mean = ability.mean(axis=1)
    absence = rng.normal(0.0, p.absence_sd, n) - 0.15 * shared[:, 0] + 0.30 * frl + 0.20 * ese + 0.60 * homeless
    absence += np.array([0.3, -0.4, 0.05, 0.0, 0.1, 0.0, 0.05])[race]
    behavior = rng.normal(0.0, 0.9, n) + 0.35 * absence - 0.2 * shared[:, 0]
    gender = rng.choice(3, n, p=[0.486, 0.508, 0.006])
    behavior += np.where(gender == 1, 0.35, 0.0)
    turned_five = np.array(start - 1970 - 5 - grade, dtype="datetime64[Y]")
    birth = turned_five.astype("datetime64[D]") - np.timedelta64(121, "D") + rng.integers(0, 365, n).astype("timedelta64[D]")
    return Students(
        person=first_person + np.arange(n),
        grade=grade.astype(np.int8),
        zone=zone,
        school=school,
        gender=gender.astype(np.int8),
        race=race.astype(np.int8),
        hispanic=race == 3,
        frl=frl,
        ell=ell,
        ese=ese,
        section_504=section_504,
        gifted=~ese & (mean + rng.normal(0, 0.3, n) > 1.35),
        homeless=homeless,
        birth=birth,
        ability=ability,
        slope=slope,
        drift=drift,
        absence=absence,
        behavior=behavior,
        accelerated=ability[:, 1] + rng.normal(0, 0.4, n) > 0.65,
        honors=ability[:, 0] + rng.normal(0, 0.4, n) > 0.40,
        cohort=np.where(grade >= 9, start - (grade - 9), 0).astype(np.int16),
        repeating=np.zeros(n, dtype=bool),
        failures=np.zeros(n, dtype=np.int8),
        entered=np.full(n, start, dtype=np.int16),
    )


def first_population(rng: np.random.Generator, students: int, start: int, schools: Schools, parameters: Parameters) -> Students:
    """The students of the first year, thirteen grades of about equal size."""
    grade = np.sort(np.arange(students) % 13)
    drawn = entrants(rng, grade, 0, start, schools, parameters=parameters)
    drawn.entered[:] = start - np.minimum(grade, 3)
    return drawn


def next_population(
    rng: np.random.Generator,
    now: Students,
    stays: np.ndarray,
    retained: np.ndarray,
    students: int,
    *,
    next_person: int,
    start: int,
    schools: Schools,
    parameters: Parameters,
) -> Students:
    """Promote or retain those who stay and fill the district up to ``students`` with newcomers.

    Parameters
    ----------
    now : Students
        This year's students.
    stays, retained : numpy.ndarray of bool
        Who is here next year, and who of them repeats the grade.
    students, next_person, start : int
        Size to reach, next free person index, and the new starting year.
    """
    keep = now.take(stays)
    again = retained[stays]
    keep.grade = (keep.grade + ~again).astype(np.int8)
    keep.repeating = again
    keep.cohort = np.where((keep.grade == 9) & (keep.cohort == 0), start, keep.cohort).astype(np.int16)
    keep.ell = keep.ell & (rng.random(len(keep)) > 0.12)
    keep.frl = keep.frl ^ (rng.random(len(keep)) < np.where(keep.frl, 0.03, 0.035))
    changes_level = schools.level[keep.school] != schools.level[schools.of(keep.zone, keep.grade)]
    keep.school = np.where(changes_level, schools.of(keep.zone, keep.grade), keep.school)
    room = max(0, students - len(keep))
    missing = np.maximum(students / 13 - np.bincount(keep.grade, minlength=13), 0.0)
    share = missing / missing.sum() if missing.sum() > 0 else np.full(13, 1 / 13)
    grade = np.sort(np.searchsorted(np.cumsum(share), (np.arange(room) + rng.random()) / max(room, 1), side="right").clip(0, 12))
    return keep.joined(entrants(rng, grade, next_person, start, schools, parameters=parameters))
