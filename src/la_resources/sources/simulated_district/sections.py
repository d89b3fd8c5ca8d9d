"""Sections of a year: which class each student sits in for each course, and who teaches it.

Within school and course, students enter sections at random (or, with ``sorting`` above 0, partly in the order of prior
achievement), which is what makes the true teacher effects recoverable. Elementary students have one homeroom for all
subjects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from la_resources.sources.simulated_district.courses import CATALOG, SUBJECT_OF, chosen_courses
from la_resources.sources.simulated_district.parameters import Parameters
from la_resources.sources.simulated_district.population import Students
from la_resources.sources.simulated_district.randomness import Streams
from la_resources.sources.simulated_district.schools import Schools
from la_resources.sources.simulated_district.stays import Stays
from la_resources.sources.simulated_district.teachers import Faculty


@dataclass
class Sections:
    """The year's sections and the seats in them.

    Attributes
    ----------
    school, course, number, size : numpy.ndarray of int, by section
        School index, catalogue index, running number in school and course, distinct seats.
    teacher, second : numpy.ndarray of int, by section
        Staff index of the teacher and of a second teacher (-1 for none).
    seat : numpy.ndarray of int, shape (stays, 6)
        Section of each stay by course slot; -1 for none.
    """

    school: np.ndarray
    course: np.ndarray
    number: np.ndarray
    size: np.ndarray
    teacher: np.ndarray
    second: np.ndarray
    seat: np.ndarray

    @property
    def subject(self) -> np.ndarray:
        return SUBJECT_OF[self.course]

    def codes(self, schools: Schools, year: str) -> pl.Series:
        """Section identifiers as the student system writes them, ``2324-0301-ENG1-02``."""
        course = pl.Series([c.code for c in CATALOG])
        prefix = year[2:4] + year[5:7]
        number = pl.Series(self.number + 1).cast(pl.String).str.zfill(2)
        return prefix + "-" + schools.number.gather(self.school) + "-" + course.gather(self.course) + "-" + number


def _spread(order_score: np.ndarray, key: np.ndarray, aim: int, largest: int) -> np.ndarray:
    """Section number of each member of a group ``key``: groups are cut into equal sections of about ``aim`` members."""
    order = np.lexsort((order_score, key))
    sorted_key = key[order]
    start = np.flatnonzero(np.r_[True, sorted_key[1:] != sorted_key[:-1]])
    size = np.diff(np.r_[start, key.size])
    sections = np.maximum(np.maximum(1, np.round(size / aim)), np.ceil(size / largest)).astype(np.int64)
    group = np.repeat(np.arange(start.size), size)
    position = np.arange(key.size) - start[group]
    number = np.empty(key.size, dtype=np.int64)
    number[order] = position * sections[group] // size[group]
    return number


def make_sections(
    streams: Streams,
    year: int,
    students: Students,
    stays: Stays,
    schools: Schools,
    *,
    faculty: Faculty,
    prior: np.ndarray,
    parameters: Parameters,
) -> Sections:
    """Seat the year's stays in sections and give every section its teacher.

    Parameters
    ----------
    prior : numpy.ndarray, shape (students, 2)
        Achievement at the end of last year, used only when ``parameters.sorting`` is above 0.
    """
    rng = streams.of("sections", year)
    _, aim, largest = parameters.class_size
    courses = chosen_courses(streams.of("courses", year), students)[stays.student]
    grade = students.grade[stays.student]
    elementary = grade < 6
    seat = np.full(courses.shape, -1, dtype=np.int64)
    keys: list[np.ndarray] = []
    places: list[tuple[np.ndarray, np.ndarray]] = []
    homeroom = np.zeros(len(stays), dtype=np.int64)
    for slots in ([0], [1], [2], [3], [4, 5]):  # the two electives draw on the same courses
        rows, column = np.nonzero(courses[:, slots] >= 0)
        column += slots[0]
        level = prior[stays.student[rows], np.minimum(column, 1)]
        score = parameters.sorting * level + np.sqrt(1 - parameters.sorting**2) * rng.normal(size=rows.size)
        group = stays.school[rows].astype(np.int64) * 1000 + courses[rows, column]
        number = _spread(score, group, aim, largest)
        if slots == [0]:
            homeroom[rows] = number
        keys.append(group * 1000 + np.where(elementary[rows], homeroom[rows], number))
        places.append((rows, column))
    distinct, which = np.unique(np.concatenate(keys), return_inverse=True)
    at = 0
    for rows, column in places:
        seat[rows, column] = which[at : at + rows.size]
        at += rows.size
    school, course, number = distinct // 1_000_000, distinct // 1000 % 1000, distinct % 1000
    size = np.bincount(which, minlength=distinct.size)
    teacher, second = _teachers(streams.of("teachers", year), year, school, course, number, faculty=faculty, parameters=parameters)
    return Sections(school, course, number, size, teacher, second, seat)


def _teachers(
    rng: np.random.Generator,
    year: int,
    school: np.ndarray,
    course: np.ndarray,
    number: np.ndarray,
    *,
    faculty: Faculty,
    parameters: Parameters,
) -> tuple[np.ndarray, np.ndarray]:
    """Teacher and second teacher of each section."""
    subject = SUBJECT_OF[course]
    elementary = course < 24
    shuffled = rng.random(course.size)
    group = np.where(elementary, course // 4, 20 + subject)
    pool = school * 100 + group
    order = np.lexsort((shuffled, pool))
    start = np.flatnonzero(np.r_[True, pool[order][1:] != pool[order][:-1]])
    position = np.empty(course.size, dtype=np.int64)
    position[order] = np.arange(course.size) - np.repeat(start, np.diff(np.r_[start, course.size]))
    place = np.where(elementary, number, position // parameters.sections_per_teacher)
    post = pool * 1000 + place
    needed, at = np.unique(post, return_inverse=True)
    holder = faculty.staff_posts(rng, needed, year, parameters)
    teacher = holder[at]
    neighbour = np.where(np.r_[needed[1:] // 1000, -1] == needed // 1000, np.r_[holder[1:], -1], np.r_[-1, holder[:-1]])
    same_pool = np.r_[needed[1:] // 1000 == needed[:-1] // 1000, False] | np.r_[False, needed[1:] // 1000 == needed[:-1] // 1000]
    partner = np.where(same_pool, neighbour, -1)[at]
    shared = rng.random(course.size) < parameters.co_taught
    if elementary.any():
        room = np.unique(post[elementary], return_inverse=True)[1]
        shared[elementary] = (rng.random(room.max() + 1) < parameters.co_taught)[room]
    return teacher, np.where(shared & (subject < 4), partner, -1)
