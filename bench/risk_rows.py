"""Students with a known risk: rows on which the early-warning learner is timed and tested, with the probability behind every outcome.

Attendance, grades, incidents and tests move together within a student and over years; the risk is not linear in them, so that trees have
something to find. Nothing here resembles a real student, and no figure of quality from it is a claim about a district.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from la_assets.early_warning.model_definition import ModelDefinition

NOISE = 14
"""Features that say nothing about the outcome."""
FEATURES = (
    "attendance_rate", "unexcused_absences", "tardies", "gpa", "course_failures", "credits_behind", "incidents", "suspensions",
    "test_level", "test_growth", "retained", "mobility", "advanced_courses", "lms_days", *(f"noise_{i:02d}" for i in range(NOISE)),
)  # fmt: skip
DEFINITION = ModelDefinition(
    name="simulated_dropout",
    label="dropped_out",
    features=FEATURES,
    event_on="event_on",
    rule_flags={
        "attendance": pl.col("attendance_rate") <= 0.90,
        "behaviour": pl.col("suspensions") >= 1,
        "course_failure": pl.col("course_failures") >= 1,
    },
)
SCHOOLS = 12


def risk_rows(students: int, years: int, *, first_year: int = 2018, seed: int = 7, base: float = -5.2) -> pl.DataFrame:
    """One row per student and school year.

    Parameters
    ----------
    students, years : int
        Students of each year (the same ones), and years.
    base : float
        Log odds of a student without trouble; the default gives about three in a hundred.

    Returns
    -------
    polars.DataFrame
        Columns of ``DEFINITION`` and ``true_probability``. Labels become known two years on; the frame has them for all years, and
        it is the learner's business not to use what was not known.
    """
    random = np.random.default_rng(seed)
    trouble, talent = random.normal(size=students), random.normal(size=students)
    school = random.integers(0, SCHOOLS, students)
    race = random.choice(["A", "B", "C", "D"], students, p=[0.5, 0.3, 0.19, 0.01])
    lasting = {"talent": talent, "school": school, "race": race}
    return pl.concat([_year(random, first_year + at, trouble + 0.4 * random.normal(size=students), lasting, base) for at in range(years)])


def _year(random: np.random.Generator, year: int, trouble: np.ndarray, lasting: dict[str, np.ndarray], base: float) -> pl.DataFrame:
    n, talent, school, race = len(trouble), lasting["talent"], lasting["school"], lasting["race"]
    attendance = np.clip(0.95 - 0.04 * trouble + 0.03 * random.normal(size=n), 0.3, 1)
    gpa = np.clip(2.8 + 0.6 * talent - 0.5 * trouble + 0.3 * random.normal(size=n), 0, 4)
    failures = random.poisson(np.exp(-1.2 + 0.7 * trouble - 0.4 * talent))
    incidents = random.poisson(np.exp(-1.5 + 0.8 * trouble))
    suspensions = random.binomial(incidents, 0.3)
    level = np.clip(np.round(3 + talent + 0.5 * random.normal(size=n)), 1, 5)
    retained = random.random(n) < 0.03 + 0.05 * (gpa < 1.5)
    log_odds = (
        base + 25 * np.maximum(0.93 - attendance, 0) + 1.1 * (gpa < 2) + 0.35 * np.minimum(failures, 4) + 0.5 * np.minimum(suspensions, 3)
        + 0.9 * retained + 0.8 * ((attendance < 0.9) & (gpa < 2)) - 0.25 * (level - 3) + 0.05 * (school - SCHOOLS / 2)
    )  # fmt: skip
    probability = 1 / (1 + np.exp(-log_odds))
    label = random.random(n) < probability
    snapshot = dt.date(year + 1, 1, 31)
    leaving = np.array(snapshot, "datetime64[D]") + random.integers(20, 400, n)
    values = {
        "attendance_rate": attendance, "unexcused_absences": np.round(180 * (1 - attendance) * random.random(n)),
        "tardies": random.poisson(4 * np.exp(0.3 * trouble)), "gpa": gpa, "course_failures": failures,
        "credits_behind": 0.5 * failures, "incidents": incidents, "suspensions": suspensions, "test_level": level,
        "test_growth": random.normal(size=n) * 10, "retained": retained, "mobility": random.poisson(0.2, n),
        "advanced_courses": random.poisson(np.exp(0.5 * talent - 0.5)), "lms_days": random.poisson(60 * np.exp(-0.1 * trouble)),
        **{f"noise_{i:02d}": random.normal(size=n).astype(np.float32) for i in range(NOISE)},
    }  # fmt: skip
    untested = random.random(n) < 0.08
    return pl.DataFrame(
        {
            "student_key": [f"s{i:07d}" for i in range(n)],
            "school_year": f"{year}-{(year + 1) % 100:02d}",
            "as_of_date": snapshot,
            "known_on": snapshot,
            "school_id": [f"{s:04d}" for s in school],
            "race_ethnicity": race,
            "gender": np.where(random.random(n) < 0.5, "F", "M"),
            "frl": trouble + random.normal(size=n) > 0.5,
            "ell": random.random(n) < 0.1,
            "ese": random.random(n) < 0.12,
            **values,
            "dropped_out": label,
            "label_known_on": dt.date(year + 2, 6, 30),
            "event_on": pl.Series(leaving.astype("datetime64[D]")),
            "true_probability": probability,
        }
    ).with_columns(
        pl.when(pl.Series(~untested)).then(pl.col("test_level", "test_growth")), pl.when(pl.col("dropped_out")).then(pl.col("event_on"))
    )
