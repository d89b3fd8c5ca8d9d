"""Teachers: the posts they hold over the years, turnover, and their true effects on growth.

A post is a place in a school: a homeroom of a grade in elementary schools, a subject's place in middle and high
schools. Posts keep their holder from year to year except for turnover, so a teacher's effect can be seen again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from la_resources.sources.simulated_district.parameters import Parameters


@dataclass
class Faculty:
    """All teachers ever hired, and who holds each post now.

    Attributes
    ----------
    posts, holders : numpy.ndarray of int
        Sorted post numbers and the staff index that holds each.
    effect : numpy.ndarray, shape (staff, 2)
        True effect on a year's growth in ELA and mathematics, in student SD.
    experience : numpy.ndarray of float
        Years of experience when hired.
    hired : numpy.ndarray of int
        Starting year of the first school year here.
    degree : numpy.ndarray of int
        0 bachelor's, 1 master's, 2 doctorate.
    """

    posts: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    holders: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    effect: np.ndarray = field(default_factory=lambda: np.empty((0, 2)))
    experience: np.ndarray = field(default_factory=lambda: np.empty(0))
    hired: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    degree: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def _hire(self, rng: np.random.Generator, n: int, year: int, parameters: Parameters) -> np.ndarray:
        r = parameters.teacher_effect_correlation
        shared, own = rng.normal(size=(n, 1)), rng.normal(size=(n, 2))
        effect = parameters.teacher_effect_sd * (np.sqrt(r) * shared + np.sqrt(1 - r) * own)
        first = self.hired.size
        self.effect = np.concatenate([self.effect, effect])
        self.experience = np.concatenate([self.experience, np.floor(rng.gamma(1.2, 6.0, n)).clip(0, 38)])
        self.hired = np.concatenate([self.hired, np.full(n, year, dtype=np.int64)])
        self.degree = np.concatenate([self.degree, rng.choice(3, n, p=[0.56, 0.42, 0.02]).astype(np.int64)])
        return first + np.arange(n, dtype=np.int64)

    def staff_posts(self, rng: np.random.Generator, needed: np.ndarray, year: int, parameters: Parameters) -> np.ndarray:
        """Fill the posts of a year and return the holder of each.

        Parameters
        ----------
        needed : numpy.ndarray of int
            Sorted, distinct post numbers of the year.
        """
        at = np.searchsorted(self.posts, needed)
        inside = at < self.posts.size
        known = np.zeros(needed.size, dtype=bool)
        known[inside] = self.posts[at[inside]] == needed[inside]
        holder = np.full(needed.size, -1, dtype=np.int64)
        holder[known] = self.holders[at[known]]
        vacant = ~known | (rng.random(needed.size) < parameters.teacher_turnover)
        holder[vacant] = self._hire(rng, int(vacant.sum()), year, parameters)
        kept = ~np.isin(self.posts, needed)
        posts, holders = np.r_[self.posts[kept], needed], np.r_[self.holders[kept], holder]
        order = np.argsort(posts, kind="stable")
        self.posts, self.holders = posts[order], holders[order]
        return holder
