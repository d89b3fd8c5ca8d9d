"""Learning-management activity: core sections of grades 6 to 12, only days with something in them.

Engaged students (higher achievement, lower absence) appear more often. Volume is kept modest: about one school day in nine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from la_resources.sources.simulated_district.randomness import Streams
from la_resources.sources.simulated_district.sections import Sections
from la_resources.sources.simulated_district.stays import Stays

SLICE = 60_000


@dataclass(frozen=True)
class Activity:
    """Active student-section-days: stay, section, day, and counts."""

    stay: np.ndarray
    section: np.ndarray
    day: np.ndarray
    logins: np.ndarray
    minutes: np.ndarray
    views: np.ndarray
    submissions: np.ndarray
    late: np.ndarray
    missing: np.ndarray
    posts: np.ndarray


def month_activity(
    streams: Streams,
    start: int,
    month: int,
    first: int,
    after: int,
    *,
    stays: Stays,
    sections: Sections,
    grade: np.ndarray,
    engagement: np.ndarray,
) -> Iterator[Activity]:
    """Draw the activity of the days ``first`` to ``after - 1``, a slice of seats at a time.

    Parameters
    ----------
    engagement : numpy.ndarray
        True engagement by student, about standard normal.
    """
    days = np.arange(first, after)
    stay, slot = np.nonzero((sections.seat[:, :4] >= 0) & (grade[stays.student] >= 6)[:, None])
    section = sections.seat[stay, slot]
    for part, at in enumerate(range(0, stay.size, SLICE)):
        rng = streams.of("lms", start, month * 1000 + part)
        s, sec = stay[at : at + SLICE], section[at : at + SLICE]
        e = engagement[stays.student[s]]
        chance = (0.11 * np.exp(0.35 * e)).clip(0.01, 0.6).astype(np.float32)
        active = rng.random((s.size, days.size), dtype=np.float32) < chance[:, None]
        active &= (stays.begin[s][:, None] <= days) & (stays.end[s][:, None] >= days)
        r, c = np.nonzero(active)
        n = r.size
        minutes = np.round(8 + 22 * rng.standard_exponential(n, dtype=np.float32) * np.exp(0.2 * e[r]), 1).clip(1, 240)
        submitted = (rng.random(n, dtype=np.float32) < 0.45).astype(np.int8)
        u = rng.random(n, dtype=np.float32)
        yield Activity(
            s[r],
            sec[r],
            days[c],
            1 + (3 * rng.random(n, dtype=np.float32)).astype(np.int8),
            minutes,
            np.ceil(minutes * 0.8).astype(np.int16),
            submitted,
            (submitted * (u < 0.12)).astype(np.int8),
            (u > 1 - 0.10 * np.exp(-0.5 * e[r])).astype(np.int8),
            (u * 37 % 1 < 0.15).astype(np.int8),
        )
