"""The simulated district over all its years: files into the landing folder, truth beside it.

Runs one year after the other and keeps only the current students, the teachers and last year's graduates in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np

from la_resources.school_year import from_start
from la_resources.sources.simulated_district import truth as truth_files
from la_resources.sources.simulated_district.calendar import SchoolCalendar, school_calendar
from la_resources.sources.simulated_district.defects import Defects, plan_defects
from la_resources.sources.simulated_district.landing_folder import LandingFolder
from la_resources.sources.simulated_district.outcomes import Graduates, graduates
from la_resources.sources.simulated_district.parameters import Parameters
from la_resources.sources.simulated_district.population import first_population, next_population
from la_resources.sources.simulated_district.randomness import Streams
from la_resources.sources.simulated_district.school_year import SchoolYear, live_year
from la_resources.sources.simulated_district.schools import make_schools
from la_resources.sources.simulated_district.teachers import Faculty
from la_resources.sources.simulated_district.write_days import write_attendance, write_lms
from la_resources.sources.simulated_district.write_i_ready import write_i_ready
from la_resources.sources.simulated_district.write_marks import (
    write_discipline,
    write_grades,
    write_postsecondary,
    write_programs,
    write_spending,
    write_staff,
)
from la_resources.sources.simulated_district.write_oneroster import write_oneroster
from la_resources.sources.simulated_district.write_register import (
    write_calendar,
    write_courses,
    write_enrollments,
    write_exits,
    write_links,
    write_schools,
    write_students,
)
from la_resources.sources.simulated_district.write_tests import write_eoc, write_fast, write_map, write_sat

SMALLEST = 40
"""Students below which a grade may be empty."""
NoShows = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class SimulatedDistrict:
    """What was simulated.

    Attributes
    ----------
    landing, truth : Path
        Folders of the files and of the truth.
    years : tuple of str
        School years with files; the last may be in progress.
    files : tuple of str
        All files below ``landing``.
    defects : dict
        Planted rows by kind; details in ``truth/defects.json``.
    """

    landing: Path
    truth: Path
    students: int
    seed: int
    as_of: date
    years: tuple[str, ...]
    files: tuple[str, ...] = field(repr=False)
    defects: dict[str, int] = field(default_factory=dict)


def simulate(
    out: Path,
    *,
    students: int = 5000,
    seed: int = 20261121,
    first_year: str = "2018-19",
    as_of: date,
    attendance: Literal["negative", "daily"] = "negative",
    defects: bool = True,
    sorting: float = 0.0,
    truth: Path | None = None,
    parameters: Parameters | None = None,
) -> SimulatedDistrict:
    """Simulate a district and write its files as they stand in the morning of ``as_of``.

    Parameters
    ----------
    out : Path
        Landing folder; files of the same names are replaced, others stay: start from an empty one for another as-of date.
    students : int
        Students enrolled in each year, about.
    seed : int
        The same seed and as-of date give the same bytes.
    first_year : str
        First school year, e.g. ``2018-19``.
    as_of : date
        Only what was known before this day is written.
    attendance : {"negative", "daily"}
        Exceptions only, or a row per enrolled day.
    defects : bool
        Whether to plant defects.
    sorting : float
        0 to 1: how far sections are ordered by prior achievement.
    truth : Path, optional
        Folder of the truth; ``truth`` beside ``out`` by default.
    parameters : Parameters, optional
        True parameters, if not the documented ones.

    Raises
    ------
    ValueError
        If the district is too small, the year is misspelled, or the as-of date precedes the first school day.
    """
    first = starting_year(first_year)
    if students < SMALLEST:
        raise ValueError(f"{students} students are too few for thirteen grades: give at least {SMALLEST}")
    if attendance not in ("negative", "daily"):
        raise ValueError(f"attendance {attendance!r} is neither 'negative' nor 'daily'")
    out, truth = Path(out), Path(truth) if truth else Path(out).parent / "truth"
    p = replace(parameters or Parameters(), sorting=sorting)
    current = as_of.year if as_of.month >= 7 else as_of.year - 1
    calendars = [school_calendar(y, as_of, p.closures.get(from_start(y))) for y in range(first, current + 1)]
    calendars = [c for c in calendars if c.known_days > 0]
    if not calendars:
        raise ValueError(f"no school day of {first_year} or later lies before {as_of}: choose a later as_of or an earlier first_year")
    streams, now = Streams(seed), np.datetime64(as_of)
    folder = LandingFolder(out, as_of)
    plan = plan_defects([c.start for c in calendars if _over(c, now)]) if defects else Defects()
    schools, faculty = make_schools(students, p, streams), Faculty()
    population = first_population(streams.of("population", first), students, first, schools, p)
    newcomers = np.ones(len(population), dtype=bool)
    persons, last_class = len(population), None
    none = np.empty(0, dtype=np.int64)
    no_shows: NoShows = (none, none, none)
    for c in calendars:
        year = live_year(streams, c, now, population, schools, faculty=faculty, parameters=p)
        in_progress = not _over(c, now)
        _write_files(year, folder, streams, p, plan, no_shows=no_shows, last_class=last_class, in_progress=in_progress)
        days = write_attendance(year, folder, streams, p, plan, daily=attendance == "daily")
        missed = write_fast(year, folder, streams, p) | write_eoc(year, folder, p) | write_map(year, folder, p) | write_sat(year, folder)
        missed |= write_i_ready(year, folder, p)
        truth_files.write_year(truth, year, streams, days, missed, newcomers=newcomers)
        last_class = graduates(streams.of("graduates", c.start), population, year.end, year.achievement.end)
        no_shows = _expected(year)
        population, newcomers = _next(year, streams, students, persons, p)
        persons += int(newcomers.sum())
    if plan.unclaimed:
        folder.write_bytes("sis/notes.pdf", b"%PDF-1.4\n% notes of the registrar, not data\n%%EOF\n", as_of)
        plan.record("unclaimed_file", "sis/notes.pdf", 1)
    run: dict[str, object] = {
        "students": students,
        "seed": seed,
        "first_year": first_year,
        "as_of": as_of.isoformat(),
        "attendance": attendance,
    }
    truth_files.write_static(truth, schools, faculty, p, plan, run=run)
    return SimulatedDistrict(out, truth, students, seed, as_of, tuple(c.label for c in calendars), tuple(folder.files), plan.totals())


def starting_year(label: str) -> int:
    """``2018-19`` to 2018."""
    start = label[:4]
    if not start.isdigit() or label != from_start(int(start)):
        raise ValueError(f"{label!r} is not a school year; write it like 2018-19")
    return int(start)


def _over(calendar: SchoolCalendar, now: np.datetime64) -> bool:
    """Whether the school year lies before the as-of date, its last day included."""
    return bool(calendar.days[-1] < now)


def _write_files(
    year: SchoolYear,
    folder: LandingFolder,
    streams: Streams,
    p: Parameters,
    plan: Defects,
    *,
    no_shows: NoShows,
    last_class: Graduates | None,
    in_progress: bool,
) -> None:
    """Write all of a year's files but attendance and tests."""
    write_oneroster(year, folder, in_progress)
    for write in (write_schools, write_calendar, write_courses, write_staff):
        write(year, folder)
    write_students(year, folder, plan)
    write_enrollments(year, folder, plan, no_shows)
    write_exits(year, folder, plan)
    write_links(year, folder, plan)
    write_grades(year, folder, plan)
    write_discipline(year, folder, streams)
    write_programs(year, folder, streams)
    write_lms(year, folder, streams)
    write_spending(year, folder, streams, p)
    write_postsecondary(year, folder, streams, last_class)


def _expected(year: SchoolYear) -> NoShows:
    """The summer leavers whom next year's rolls still hold: person, grade and school."""
    rows = np.flatnonzero(year.end.no_show)
    grade = (year.students.grade[rows] + ~year.end.retained[rows]).astype(np.int64)
    zone = year.mobility.new_zone[rows]
    return year.students.person[rows], grade, year.schools.of(zone, grade)


def _next(year: SchoolYear, streams: Streams, students: int, persons: int, p: Parameters) -> tuple:
    """Next year's population and who of it is new."""
    s, start = year.students, year.calendar.start + 1
    year.changes.apply(s)
    s.school, s.zone, s.failures = year.mobility.new_school, year.mobility.new_zone, year.failed.astype(np.int8)
    population = next_population(
        streams.of("population", start),
        s,
        year.code == "",
        year.end.retained,
        students,
        next_person=persons,
        start=start,
        schools=year.schools,
        parameters=p,
    )
    return population, population.entered == start
