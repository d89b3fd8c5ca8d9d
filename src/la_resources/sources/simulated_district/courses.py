"""The course catalogue and which courses a student takes in a grade.

Codes, titles and levels are the district's own; core subjects come first because teacher links, tests and engagement
concern them. Who sits in which section is decided in ``sections.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from la_resources.sources.simulated_district.parameters import GRADES
from la_resources.sources.simulated_district.population import Students

CORE = ("LA", "MA", "SC", "SS")
"""Core subject codes; the first two have teacher effects on tests."""


@dataclass(frozen=True)
class Course:
    """A course: local code, title, subject code (LA MA SC SS WL FA PE CT), level (R, H, AP) and credits."""

    code: str
    title: str
    subject: str
    level: str = "R"
    credits: float = 0.0


_WORDS = {"LA": "English Language Arts", "MA": "Mathematics", "SC": "Science", "SS": "Social Studies"}
_HIGH: dict[str, list[tuple[str, str]]] = {
    "LA": [("ENG1", "English 1"), ("ENG2", "English 2"), ("ENG3", "English 3"), ("ENG4", "English 4")],
    "MA": [("ALG1", "Algebra 1"), ("GEO", "Geometry"), ("ALG2", "Algebra 2"), ("PREC", "Precalculus")],
    "SC": [("BIO", "Biology 1"), ("CHEM", "Chemistry 1"), ("PHYS", "Physics 1"), ("ENVS", "Environmental Science")],
    "SS": [
        ("WGEO", "World Geography"),
        ("WHIS", "World History"),
        ("USHIS", "United States History"),
        ("GOVT", "Government and Economics"),
    ],
}
_ADVANCED = {
    "ENG3": "AP English Language",
    "ENG4": "AP English Literature",
    "USHIS": "AP United States History",
    "GOVT": "AP Government",
    "PHYS": "AP Physics 1",
    "ENVS": "AP Environmental Science",
}
ELECTIVES = (
    Course("SPAN1", "Spanish 1", "WL", credits=1.0),
    Course("ART1", "Visual Art 1", "FA", credits=1.0),
    Course("BAND1", "Band 1", "FA", credits=1.0),
    Course("PE1", "Physical Education", "PE", credits=1.0),
    Course("HEALTH", "Health and Fitness", "PE", credits=1.0),
    Course("CTE1", "Career Foundations", "CT", credits=1.0),
)


def _catalog() -> tuple[Course, ...]:
    courses = [Course(f"{s}{g}", f"{_WORDS[s]} {g}", s) for g in GRADES[:9] for s in CORE]
    for subject in CORE:
        for code, title in _HIGH[subject]:
            courses.append(Course(code, title, subject, credits=1.0))
            if code != "ALG1":
                advanced = _ADVANCED.get(code)
                courses.append(
                    Course(f"{code}{'AP' if advanced else 'H'}", advanced or f"{title} Honors", subject, "AP" if advanced else "H", 1.0)
                )
    courses.append(Course("STAT", "AP Statistics", "MA", "AP", 1.0))
    courses += [Course(f"M{c.code}", f"Middle {c.title}", c.subject) for c in ELECTIVES]
    return (*courses, *ELECTIVES)


CATALOG = _catalog()
INDEX = {course.code: number for number, course in enumerate(CATALOG)}
SUBJECTS = ("LA", "MA", "SC", "SS", "WL", "FA", "PE", "CT")
SUBJECT_OF = np.array([SUBJECTS.index(course.subject) for course in CATALOG])
CREDITS = np.array([course.credits for course in CATALOG])
BONUS = np.array([{"R": 0.0, "H": 0.5, "AP": 1.0}[course.level] for course in CATALOG])
"""Grade points added for an honors or AP course."""


def chosen_courses(rng: np.random.Generator, students: Students) -> np.ndarray:
    """The courses of each student: catalogue index by slot (four core, two electives), -1 for none; shape (n, 6)."""
    n = len(students)
    table = np.full((13, 2, 6), -1)
    for grade in range(9):
        table[grade, :, :4] = [INDEX[f"{s}{GRADES[grade]}"] for s in CORE]
    for grade in range(9, 13):
        for slot, subject in enumerate(CORE):
            code = _HIGH[subject][grade - 9][0]
            table[grade, 0, slot] = INDEX[code]
            table[grade, 1, slot] = INDEX.get(f"{code}AP", INDEX.get(f"{code}H", INDEX[code]))
    taken = table[students.grade, students.honors.astype(int)]
    fast = students.accelerated & (students.grade >= 8)
    ahead = np.array([INDEX["ALG1"], INDEX["GEOH"], INDEX["ALG2H"], INDEX["PRECH"], INDEX["STAT"]])
    taken[fast, 1] = ahead[students.grade[fast] - 8]
    plain = np.array([-1] * 9 + [INDEX["ALG1"], INDEX["GEO"], INDEX["ALG2"], INDEX["PREC"]])
    slow = ~students.accelerated & (students.grade >= 9)
    taken[slow, 1] = plain[students.grade[slow]]
    first = rng.integers(0, len(ELECTIVES), n)
    second = (first + rng.integers(1, len(ELECTIVES), n)) % len(ELECTIVES)
    middle = np.array([INDEX[f"M{c.code}"] for c in ELECTIVES])
    high = np.array([INDEX[c.code] for c in ELECTIVES])
    for slot, pick in ((4, first), (5, second)):
        taken[:, slot] = np.where(students.grade >= 9, high[pick], np.where(students.grade >= 6, middle[pick], -1))
    return taken
