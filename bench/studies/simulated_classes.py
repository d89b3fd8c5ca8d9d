"""Years of a simulated district as the value-added room reads them, without files: scores, links, roster, and the true effects.

The simulator's own years (`la_resources.sources.simulated_district`) without planted defects; what a district would land is skipped, so
that a study can look at dozens of districts. Days are numbers of instructional days, which is all the room needs of dates.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from la_assets.value_added.final_scores import final_scores, latest_tested_years
from la_assets.value_added.model import model_rows
from la_assets.value_added.student_scores import student_scores
from la_resources.sources.simulated_district import assessments as tests
from la_resources.sources.simulated_district.calendar import INSTRUCTIONAL_DAYS, school_calendar
from la_resources.sources.simulated_district.courses import CATALOG
from la_resources.sources.simulated_district.district import SMALLEST as _SMALLEST
from la_resources.sources.simulated_district.district import _next
from la_resources.sources.simulated_district.parameters import GRADES, Parameters
from la_resources.sources.simulated_district.population import first_population
from la_resources.sources.simulated_district.randomness import Streams
from la_resources.sources.simulated_district.school_year import SchoolYear, fast_takers, live_year
from la_resources.sources.simulated_district.schools import make_schools
from la_resources.sources.simulated_district.teachers import Faculty

SUBJECTS = ("ELA", "Math")
_CODES = {"LA": "ELA", "MA": "Math"}
_DAY = dt.date(2000, 7, 1)


@dataclass(frozen=True)
class DistrictYear:
    """A year of a district.

    Attributes
    ----------
    label : str
    rows : polars.DataFrame
        Rows of :func:`~la_assets.value_added.model.model_rows`, both subjects.
    truth : polars.DataFrame
        ``staff_key``, ``subject``, ``truth``: the true effect, in SD of the scores as the room standardises them.
    """

    label: str
    rows: pl.DataFrame
    truth: pl.DataFrame


def district_years(students: int, seed: int, *, years: int = 5, first: int = 2020, sorting: float = 0.0) -> Iterator[DistrictYear]:
    """Simulate a district and give the years that have a prior score.

    Parameters
    ----------
    students, seed : int
    years : int
        School years simulated from ``first`` on.
    first : int
        Calendar year in which the first begins; from 2020 on every spring has tests.
    sorting : float
        0: sections by chance; 1: in the order of achievement at the start of the year.
    """
    assert students >= _SMALLEST
    parameters = replace(Parameters(), sorting=sorting)
    streams, as_of = Streams(seed), dt.date(first + years, 7, 1)
    schools, faculty = make_schools(students, parameters, streams), Faculty()
    population = first_population(streams.of("population", first), students, first, schools, parameters)
    persons, scores, labels = len(population), [], []
    for start in range(first, first + years):
        calendar = school_calendar(start, as_of)
        year = live_year(streams, calendar, np.datetime64(as_of), population, schools, faculty=faculty, parameters=parameters)
        scores.append(_scores(year, parameters))
        labels.append(calendar.label)
        if len(labels) > 1:
            finals = final_scores(pl.concat(scores).lazy(), [(s, "FAST", "PM3") for s in SUBJECTS])
            yield _room_year(year, finals, labels, parameters)
        population, newcomers = _next(year, streams, students, persons, parameters)
        persons += int(newcomers.sum())


def _scores(year: SchoolYear, parameters: Parameters) -> pl.DataFrame:
    """The spring test, as ``assessments.scores`` has it."""
    made = []
    for column, subject in enumerate(SUBJECTS):
        takers = fast_takers(year.students, year.sections, year.stays, subject)
        theta = year.achievement.at("PM3")[:, column]
        truth = tests.fast_truth(theta[takers], year.students.grade[takers], subject, "PM3")
        sitting = year.testing.sit(f"FAST {subject}", "PM3", takers, truth, parameters.fast_se, low=140, high=303)
        made.append(
            pl.DataFrame(
                {
                    "student_key": _keys(year.students.person[sitting.rows]),
                    "subject": subject,
                    "grade_level": [GRADES[g] for g in year.students.grade[sitting.rows]],
                    "scale_score": sitting.score.astype(float),
                }
            )
        )
    return pl.concat(made).with_columns(
        school_year=pl.lit(year.calendar.label),
        assessment_id=pl.lit("FAST"),
        window=pl.lit("PM3"),
        attempt=pl.lit(1),
        is_official=pl.lit(True),
        is_vertical_scale=pl.lit(True),
        standard_error=pl.lit(None, dtype=pl.Float64),
        level=pl.lit(None, dtype=pl.Int32),
        known_on=pl.lit(_DAY),
        loaded_at=pl.lit(None),
    )


def _keys(persons: np.ndarray) -> list[str]:
    """Keys whose last digit is as good as by chance, like that of a keyed hash."""
    mixed = (persons.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    return [f"{p:016x}{k:016x}" for k, p in zip((mixed >> np.uint64(7)).tolist(), persons.tolist(), strict=True)]


def _room_year(year: SchoolYear, finals: pl.LazyFrame, labels: list[str], parameters: Parameters) -> DistrictYear:
    stays, sections, s = year.stays, year.sections, year.students
    keys = np.array(_keys(s.person))
    days = {"begin": [_DAY + dt.timedelta(int(d)) for d in stays.begin], "end": [_DAY + dt.timedelta(int(d)) for d in stays.end]}
    enrollments = pl.LazyFrame(
        {"student_key": keys[stays.student], "school_id": [f"{n:03d}" for n in stays.school], "is_primary": True}
        | {"entry_date": days["begin"], "exit_date": days["end"]}
    )
    people = pl.LazyFrame({"student_key": keys} | {name: getattr(s, name).astype(bool) for name in ("frl", "ell", "ese")})
    seats, links = [], []
    share = (stays.end - stays.begin + 1) / INSTRUCTIONAL_DAYS
    for slot, subject in enumerate(SUBJECTS):
        at = np.flatnonzero(sections.seat[:, slot] >= 0)
        section = sections.seat[at, slot]
        begin, end = ([days[n][i] for i in at] for n in ("begin", "end"))
        key = keys[stays.student[at]]
        seats.append(pl.DataFrame({"student_key": key, "section_id": [f"x{n}" for n in section], "begin_date": begin, "end_date": end}))
        second = sections.second[section]
        w = np.where(second >= 0, parameters.co_teacher_weight, 0.0)
        for teacher, weight in ((sections.teacher[section], share[at] * (1 - w)), (second, share[at] * w)):
            kept = weight > 0
            frame = pl.DataFrame({"student_key": key[kept], "staff_key": teacher[kept], "weight": weight[kept]})
            links.append(frame.with_columns(pl.format("t{}", "staff_key").alias("staff_key"), subject=pl.lit(subject)))
    linked = pl.concat(links).group_by("student_key", "staff_key", "subject", maintain_order=True).agg(pl.col("weight").sum())
    courses = [CATALOG[c] for c in sections.course]
    level = ["regular" if c.level == "R" else "honors" for c in courses]
    catalog = pl.LazyFrame(
        {"section_id": [f"x{n}" for n in range(len(courses))], "subject": [_CODES.get(c.subject) for c in courses], "course_level": level}
    )
    label, past = labels[-1], labels[-2::-1]
    scored = student_scores(
        finals, linked.lazy(), people, enrollments, catalog, pl.concat(seats).lazy(),
        school_year=label, earlier=latest_tested_years(past, (), 2), last_day=_DAY + dt.timedelta(INSTRUCTIONAL_DAYS - 1),
    ).collect()  # fmt: skip
    rows = model_rows(scored, linked.with_columns(school_year=pl.lit(label)))
    spread = (
        finals.filter(pl.col("school_year") == label).group_by("subject", "grade").agg(spread=pl.col("scale_score").std() / 20).collect()
    )
    seen = rows.join(spread, on=["subject", "grade"]).group_by("staff_key", "subject").agg(
        (pl.col("spread") * pl.col("weight")).sum() / pl.col("weight").sum()
    )  # fmt: skip
    effect = pl.DataFrame(
        [{"staff_key": f"t{i}", **dict(zip(SUBJECTS, e, strict=True))} for i, e in enumerate(year.faculty.effect.tolist())]
    ).unpivot(index="staff_key", variable_name="subject", value_name="effect")
    truth = effect.join(seen, on=["staff_key", "subject"]).select("staff_key", "subject", truth=pl.col("effect") / pl.col("spread"))
    return DistrictYear(label, rows, truth)
