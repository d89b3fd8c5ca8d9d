"""The truth behind the files, written apart from them: effects, propensities, hazards, mastery, assignments, defects.

One Parquet file per table and year, with the local numbers that the files carry, and a README that says what each column
means. The pipeline never reads these; tests and evaluations do.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import polars as pl

from la_resources.school_year import from_start
from la_resources.sources.simulated_district import assessments as tests
from la_resources.sources.simulated_district.behavior import expected_incidents
from la_resources.sources.simulated_district.defects import Defects
from la_resources.sources.simulated_district.identifiers import staff_numbers
from la_resources.sources.simulated_district.parameters import GRADES, RACES, Parameters
from la_resources.sources.simulated_district.randomness import Streams
from la_resources.sources.simulated_district.school_year import SchoolYear, fast_takers
from la_resources.sources.simulated_district.schools import LEVELS, Schools
from la_resources.sources.simulated_district.teachers import Faculty
from la_resources.sources.simulated_district.text_columns import constant, pick

README = """# The truth of the simulated district

Written beside the landing files by `simulate`; nothing of it is in them. Numbers are local student, staff and school
numbers. Achievement and effects are in student standard deviations within grade. The current year is simulated to its
end here, although the files stop at the as-of date: `known` says whether an event was on record by then.

- `parameters.json`: every rate, effect and cut of the simulation, the seed, the size and the as-of date.
- `cuts.json`: test means, window shifts and lowest scores of levels 2 to 5.
- `defects.json`: each planted defect (`kind`, `file`, `rows`) and totals by kind.
- `schools.parquet`, a school: `effect_ela`, `effect_math` on a full year's growth.
- `teachers.parquet`, a teacher ever employed: `effect_ela`, `effect_math`, years of experience when hired, first year here.
- `students_<year>.parquet`, a student who entered the district that year: `ability_*` (long-run level at grade 6), `slope_*`
  (SD a grade), `absence_propensity`, `behavior_propensity` (log scale), `accelerated`, `honors`.
- `student_years_<year>.parquet`, a student and year: `start_*` and `end_*` achievement; `teacher_effect_*` and
  `school_effect_*` received, weighted by days and dosage; `absence_probability` a day; `incident_rate` a year;
  `days_enrolled` and `days_absent` up to the as-of date; `failed` courses of the year; `moved` and `left` (mid-year);
  `hazard` of dropping out this year and the label `dropped`; `retained`, `graduated`, `summer_leaver`; `exit_date`,
  `recorded_on`, `known`.
- `standards_<year>.parquet`, a student and subject: `p1` to `p8`, the true probability of a point on each benchmark at the
  end of the year; `benchmarks` names them in order.
- `missing_tests_<year>.parquet`, a student and a missed `test`; the chance of missing grows with absence.
- `programs_<year>.parquet`, a student considered for a program: `running` (PM1 score), `cut`, `treated`, and the `effect`
  on the year's growth of those treated. Tutoring is a lottery below the cut, the reading block a sharp cut.

In spring 2020 PM3, end-of-course, spring interim tests and the SAT were not given; attendance ends on 13 March 2020.
"""


def write_static(
    folder: Path, schools: Schools, faculty: Faculty, parameters: Parameters, defects: Defects, *, run: dict[str, object]
) -> None:
    """Write what does not belong to one year."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text(README)
    _json(folder / "parameters.json", {"run": run, "parameters": asdict(parameters)})
    _json(
        folder / "cuts.json",
        {
            "fast": {
                "means": tests.FAST_MEANS,
                "window_shift": tests.WINDOW_SHIFT,
                "level_cuts_from_pm3_mean": tests.LEVEL_CUTS,
                "sd": 20.0,
            },
            "eoc": {"mean": tests.EOC_MEAN, "sd": tests.EOC_SD, "level_cuts": tests.EOC_CUTS},
            "map": {"means": tests.MAP_MEANS, "sd": 14.6},
        },
    )
    _json(folder / "defects.json", {"totals": defects.totals(), "planted": defects.planted})
    pl.DataFrame(
        {
            "school_id": schools.number,
            "level": pick(LEVELS, schools.level),
            "effect_ela": schools.effect[:, 0],
            "effect_math": schools.effect[:, 1],
        }
    ).write_parquet(folder / "schools.parquet")
    pl.DataFrame(
        {
            "staff_number": staff_numbers(np.arange(faculty.hired.size)),
            "effect_ela": faculty.effect[:, 0],
            "effect_math": faculty.effect[:, 1],
            "experience_when_hired": faculty.experience,
            "first_year": pick([from_start(y) for y in range(2000, 2100)], faculty.hired - 2000),
        }
    ).write_parquet(folder / "teachers.parquet")


def _json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n")


def write_year(
    folder: Path,
    year: SchoolYear,
    streams: Streams,
    attendance: tuple[np.ndarray, np.ndarray],
    missed: dict[str, np.ndarray],
    *,
    newcomers: np.ndarray,
) -> None:
    """Write the truth of one year.

    Parameters
    ----------
    attendance : tuple of numpy.ndarray
        Days enrolled and days absent by student.
    missed : dict
        Student rows that missed each test and window.
    newcomers : numpy.ndarray of bool
        Students seen for the first time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    label = year.calendar.label
    _new_students(year, np.flatnonzero(newcomers)).write_parquet(folder / f"students_{label}.parquet")
    _student_years(year, attendance).write_parquet(folder / f"student_years_{label}.parquet")
    _standards(year, streams).write_parquet(folder / f"standards_{label}.parquet")
    pl.concat(
        [pl.DataFrame({"student_number": pick(year.numbers, rows), "test": constant(test, rows.size)}) for test, rows in missed.items()]
    ).write_parquet(folder / f"missing_tests_{label}.parquet")
    pl.concat(
        [
            pl.DataFrame(
                {
                    "student_number": pick(year.numbers, p.eligible),
                    "program": constant(p.name, p.eligible.size),
                    "running": p.running.astype(float),
                    "cut": p.cut.astype(float),
                    "treated": p.treated,
                    "effect": np.full(p.eligible.size, p.effect),
                }
            )
            for p in year.programs
        ]
    ).write_parquet(folder / f"programs_{label}.parquet")


def _new_students(year: SchoolYear, rows: np.ndarray) -> pl.DataFrame:
    s = year.students
    return pl.DataFrame(
        {
            "student_number": pick(year.numbers, rows),
            "race_ethnicity": pick(RACES, s.race[rows]),
            "frl": s.frl[rows],
            "ell": s.ell[rows],
            "ese": s.ese[rows],
            "ability_ela": s.ability[rows, 0],
            "ability_math": s.ability[rows, 1],
            "slope_ela": s.slope[rows, 0],
            "slope_math": s.slope[rows, 1],
            "absence_propensity": s.absence[rows],
            "behavior_propensity": s.behavior[rows],
            "accelerated": s.accelerated[rows],
            "honors": s.honors[rows],
        }
    )


def _student_years(year: SchoolYear, attendance: tuple[np.ndarray, np.ndarray]) -> pl.DataFrame:
    s, a, o, e = year.students, year.achievement, year.outcomes, year.end
    leaves = year.code != ""
    exit_date = pl.Series(year.exit_date.astype("datetime64[D]"))
    recorded = pl.Series(year.recorded_on.astype("datetime64[D]"))
    frame = pl.DataFrame(
        {
            "student_number": year.numbers,
            "grade_level": pick(GRADES, s.grade),
            "school_id": pick(year.schools.number, s.school),
            "start_ela": a.start[:, 0],
            "start_math": a.start[:, 1],
            "end_ela": a.end[:, 0],
            "end_math": a.end[:, 1],
            "teacher_effect_ela": a.teacher_effect[:, 0],
            "teacher_effect_math": a.teacher_effect[:, 1],
            "school_effect_ela": a.school_effect[:, 0],
            "school_effect_math": a.school_effect[:, 1],
            "absence_probability": year.absence,
            "incident_rate": expected_incidents(s, year.calendar.label == "2020-21"),
            "days_enrolled": attendance[0],
            "days_absent": attendance[1],
            "failed": year.failed,
            "repeating": s.repeating,
            "moved": year.mobility.moved,
            "left": year.mobility.left,
            "hazard": o.hazard,
            "dropped": o.dropped,
            "retained": e.retained,
            "graduated": e.graduated,
            "summer_leaver": e.summer_leaver,
            "cohort_year_9th": pl.Series(s.cohort.astype(np.int32)).replace(0, None),
            "exit_date": exit_date,
            "recorded_on": recorded,
            "known": year.exit_known,
        }
    )
    return frame.with_columns(pl.when(pl.Series(leaves)).then(pl.col("exit_date", "recorded_on")))


def _standards(year: SchoolYear, streams: Streams) -> pl.DataFrame:
    frames = []
    for column, subject in enumerate(tests.FAST_GRADES):
        takers = fast_takers(year.students, year.sections, year.stays, subject)
        for grade in tests.FAST_GRADES[subject]:
            rows = takers[year.students.grade[takers] == grade]
            p = tests.mastery(
                streams, year.calendar.start, subject, grade, year.achievement.end[rows, column], rows=rows, students=len(year.students)
            )
            frames.append(
                pl.DataFrame(
                    {
                        "student_number": pick(year.numbers, rows),
                        "subject": constant(subject, rows.size),
                        "benchmarks": constant(",".join(tests.benchmarks(subject, grade)), rows.size),
                        **{f"p{k + 1}": p[:, k].astype(np.float32) for k in range(tests.STANDARDS)},
                    }
                )
            )
    return pl.concat(frames)
