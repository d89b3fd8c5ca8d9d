"""The i-Ready Diagnostic for reading, kindergarten to grade 2, of the one year in which the district bought it.

The vendor's layout with names left blank. A few sittings carry a red rush flag.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl

from la_resources.sources.simulated_district import assessments as tests
from la_resources.sources.simulated_district.calendar import WINDOWS
from la_resources.sources.simulated_district.landing_folder import LandingFolder
from la_resources.sources.simulated_district.parameters import Parameters
from la_resources.sources.simulated_district.randomness import Streams
from la_resources.sources.simulated_district.school_year import SchoolYear
from la_resources.sources.simulated_district.text_columns import constant, days_text, flags, pick
from la_resources.sources.simulated_district.vendor_headers import I_READY_HEADER, blank_frame

MEANS = np.array([375.0, 425.0, 475.0])
"""Mean overall scale score at the end of kindergarten, grade 1 and grade 2; the SD within grade is 38."""
SHIFT = {"fall": -30.0, "winter": -14.0, "spring": 0.0}
NORMING = {"fall": "Fall (Beginning - November 15)", "winter": "Winter (November 16 - March 1)", "spring": "Spring (March 2 - End)"}
PLACEMENTS = ("Emerging K", "Grade K", "Grade 1", "Grade 2", "Grade 3")


def write_i_ready(year: SchoolYear, folder: LandingFolder, parameters: Parameters) -> dict[str, np.ndarray]:
    """Write a file per season of the year ``parameters.i_ready_year``; return who missed it."""
    c = year.calendar
    missed: dict[str, np.ndarray] = {}
    if c.label != parameters.i_ready_year:
        return missed
    for season in NORMING:
        takers = np.flatnonzero(year.students.grade <= 2)
        centre = MEANS[year.students.grade[takers]] + SHIFT[season]
        theta = year.achievement.at(season)[takers, 0]
        sitting = year.testing.sit("i-Ready", season, takers, centre + 36.0 * theta, parameters.i_ready_se, low=100, high=800)
        missed[f"i-Ready {season}"] = sitting.missed
        rows = np.flatnonzero(sitting.day < c.known_days)
        if rows.size:
            path = f"i-ready/iReady_{c.label}_{season}_ela.csv"
            folder.write(path, _frame(year, season, sitting, rows), c.date(WINDOWS[season][1]) + timedelta(days=7))
    return missed


def _frame(year: SchoolYear, season: str, sitting: tests.Sitting, rows: np.ndarray) -> pl.DataFrame:
    c, n = year.calendar, rows.size
    student, day, score = sitting.rows[rows], sitting.day[rows], sitting.score[rows]
    grade = year.students.grade[student]
    placement = (np.searchsorted([340.0, 400.0, 450.0, 500.0], score, side="right")).astype(int)
    below = np.maximum(grade + 1 - placement, 0)
    rushed = Streams(year.seed).of(f"i-Ready rush {season}", c.start).random(len(year.students))[student] < 0.02
    taken = days_text(c, day, "us")
    return blank_frame(
        I_READY_HEADER,
        n,
        {
            "Student ID": pick(year.numbers, student),
            "Student Grade": pick(["K", "1", "2"], grade),
            "Academic Year": constant(f"{c.start}-{c.start + 1}", n),
            "School": pick(year.schools.name, year.students.school[student]),
            "Enrolled": constant("Enrolled", n),
            "Student State ID": pick(year.states, student),
            "Start Date": taken,
            "Completion Date": taken,
            "Norming Window": constant(NORMING[season], n),
            "Baseline Diagnostic (Y/N)": flags(np.full(n, season == "fall")),
            "Most Recent Diagnostic YTD (Y/N)": flags(np.full(n, season == "spring")),
            "Duration (min)": pl.Series(25 + (student * 7 + day) % 40).cast(pl.String),
            "Rush Flag": pick(["Red"], np.where(rushed, 0, -1)),
            "Read Aloud": constant("Off", n),
            "Overall Scale Score": pl.Series(score.astype(int)).cast(pl.String),
            "Overall Placement": pick(PLACEMENTS, placement),
            "Overall Relative Placement": pick(
                ["Mid or Above Grade Level", "1 Grade Level Below", "2 Grade Levels Below", "3 or More Grade Levels Below"],
                np.minimum(below, 3),
            ),
            "Percentile": pl.Series(tests.percentile((score - MEANS[grade] - SHIFT[season]) / 38.0)).cast(pl.String),
        },
    )
