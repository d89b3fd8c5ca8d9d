"""Test files in the vendors' own layouts: Florida FAST and end-of-course exams, NWEA MAP Growth, the College Board's SAT.

Headers are the vendors'; name and birth columns stay blank. A FAST file repeats the header group Category, Benchmark,
Points Earned, Points Possible once per standard.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from la_resources.sources.simulated_district import assessments as tests
from la_resources.sources.simulated_district.calendar import WINDOWS
from la_resources.sources.simulated_district.landing_folder import LandingFolder
from la_resources.sources.simulated_district.parameters import GRADES, Parameters
from la_resources.sources.simulated_district.randomness import Streams
from la_resources.sources.simulated_district.school_year import SchoolYear, course_indices, fast_takers
from la_resources.sources.simulated_district.text_columns import constant, days_text, pick
from la_resources.sources.simulated_district.vendor_headers import MAP_HEADER, SAT_HEADER, blank_frame

STANDARD_HEADER = ("Category", "Benchmark", "Points Earned", "Points Possible")


def _arrival(year: SchoolYear, window: str) -> date:
    """Results arrive ten days after the window closes."""
    return year.calendar.date(WINDOWS[window][1]) + timedelta(days=10)


def _known(year: SchoolYear, sitting: tests.Sitting) -> np.ndarray:
    return np.flatnonzero(sitting.day < year.calendar.known_days)


def write_fast(year: SchoolYear, folder: LandingFolder, streams: Streams, parameters: Parameters) -> dict[str, np.ndarray]:
    """Write a file per window, grade and subject; return who missed which window, by ``subject window``."""
    missed: dict[str, np.ndarray] = {}
    for column, subject in enumerate(tests.FAST_GRADES):
        takers = fast_takers(year.students, year.sections, year.stays, subject)
        for window in ("PM1", "PM2", "PM3"):
            theta = year.achievement.at(window)[:, column]
            if window == "PM1":
                sitting = year.fall_tests[subject]
            else:
                truth = tests.fast_truth(theta[takers], year.students.grade[takers], subject, window)
                sitting = year.testing.sit(f"FAST {subject}", window, takers, truth, parameters.fast_se, low=140, high=303)
            missed[f"{subject} {window}"] = sitting.missed
            known = _known(year, sitting)
            for grade in tests.FAST_GRADES[subject]:
                rows = known[year.students.grade[sitting.rows[known]] == grade]
                if rows.size:
                    _write_fast_file(year, folder, streams, subject, window, grade=grade, sitting=sitting, rows=rows, theta=theta)
    return missed


def _write_fast_file(
    year: SchoolYear,
    folder: LandingFolder,
    streams: Streams,
    subject: str,
    window: str,
    *,
    grade: int,
    sitting: tests.Sitting,
    rows: np.ndarray,
    theta: np.ndarray,
) -> None:
    c, student = year.calendar, sitting.rows[rows]
    label = f"Grade {grade} FAST {'ELA Reading' if subject == 'ELA' else 'Mathematics'}"
    score = sitting.score[rows]
    mean = tests.FAST_MEANS[subject][grade] + tests.WINDOW_SHIFT[window]
    columns: dict[str, object] = {
        "Student ID": pick(year.states, student),
        "Student Name": constant(None, rows.size),
        "Enrolled School": pick(year.schools.name, _school(year, sitting, rows)),
        "Enrolled Grade": pick(GRADES, year.students.grade[student]),
        "Test Reason": constant(window, rows.size),
        "Date Taken": days_text(c, sitting.day[rows], "usd"),
        f"{label} Scale Score": score.astype(int),
        f"{label} Achievement Level": pick([f"Level {x}" for x in range(1, 6)], tests.fast_level(score, grade, subject) - 1),
        f"{label} Percentile Rank": tests.percentile((score - mean) / 21.2),
    }
    header = list(columns)
    possible = tests.points_possible(streams, subject, grade, window)
    chance = tests.mastery(streams, c.start, subject, grade, theta[student], rows=student, students=len(year.students))
    earned = streams.of(f"earned {subject} {window}", c.start, grade).binomial(possible, chance)
    for k, code in enumerate(tests.benchmarks(subject, grade)):
        header += STANDARD_HEADER
        columns |= {
            f"c{k}": constant(tests.CATEGORIES[subject][k], rows.size),
            f"b{k}": constant(code, rows.size),
            f"e{k}": earned[:, k],
            f"p{k}": np.full(rows.size, possible[k]),
        }
    path = f"fast/FAST_{c.label}_{window}_Grade{grade}_{subject}.csv"
    folder.write(path, pl.DataFrame(columns), _arrival(year, window), header)


def _school(year: SchoolYear, sitting: tests.Sitting, rows: np.ndarray) -> np.ndarray:
    m, student = year.mobility, sitting.rows[rows]
    return np.where(sitting.day[rows] >= m.move_day[student], m.new_school[student], year.students.school[student])


def write_eoc(year: SchoolYear, folder: LandingFolder, parameters: Parameters) -> dict[str, np.ndarray]:
    """Write a file per exam; return who missed it."""
    missed: dict[str, np.ndarray] = {}
    taken = course_indices(year)
    for exam in tests.EOC_COURSES:
        takers = tests.eoc_rows(taken, exam)
        theta = year.achievement.end.mean(axis=1) if exam == "Biology" else year.achievement.end[:, 1]
        sitting = year.testing.sit(exam, "EOC", takers, tests.EOC_MEAN + tests.EOC_SD * theta[takers], parameters.eoc_se, low=325, high=475)
        missed[f"{exam} EOC"] = sitting.missed
        rows = _known(year, sitting)
        if not rows.size:
            continue
        label = "Biology 1 EOC" if exam == "Biology" else f"B.E.S.T. {exam} EOC"
        student, score = sitting.rows[rows], sitting.score[rows]
        folder.write(
            f"eoc/EOC_{year.calendar.label}_{exam}.csv",
            pl.DataFrame(
                {
                    "Student ID": pick(year.states, student),
                    "Student Name": constant(None, rows.size),
                    "Enrolled School": pick(year.schools.name, _school(year, sitting, rows)),
                    "Enrolled Grade": pick(GRADES, year.students.grade[student]),
                    "Test Reason": constant(f"Spring {year.calendar.start + 1}", rows.size),
                    "Date Taken": days_text(year.calendar, sitting.day[rows], "usd"),
                    f"{label} Scale Score": score.astype(int),
                    f"{label} Achievement Level": pick([f"Level {x}" for x in range(1, 6)], tests.eoc_level(score) - 1),
                    f"{label} Percentile Rank": tests.percentile((score - tests.EOC_MEAN) / 28.2),
                }
            ),
            _arrival(year, "EOC"),
        )
    return missed


def write_map(year: SchoolYear, folder: LandingFolder, parameters: Parameters) -> dict[str, np.ndarray]:
    """Write a file per season with both subjects; some rushed sittings are followed by a retest a week later."""
    missed: dict[str, np.ndarray] = {}
    for season in ("fall", "winter", "spring"):
        frames = []
        for column, subject in enumerate(("ELA", "Math")):
            grade = year.students.grade
            takers = np.flatnonzero((grade >= 2) & (grade <= 8))
            theta = year.achievement.at(season)[takers, column]
            means = np.array([tests.MAP_MEANS[subject].get(g, 0) for g in range(13)], dtype=float)[grade[takers]]
            truth = means + tests.WINDOW_SHIFT[season] + 14.6 * theta
            sitting = year.testing.sit(f"MAP {subject}", season, takers, truth, parameters.map_se, low=120, high=300)
            missed[f"MAP {subject} {season}"] = sitting.missed
            rng = year_rng(year, f"rushed {subject} {season}")
            rushed = rng.random(takers.size)[np.searchsorted(takers, sitting.rows)] < 0.02
            retested = rushed & (rng.random(takers.size)[np.searchsorted(takers, sitting.rows)] < 0.6)
            loss = np.where(rushed, rng.integers(8, 25, takers.size)[np.searchsorted(takers, sitting.rows)], 0)
            first = (np.arange(sitting.rows.size), sitting.day, sitting.score - loss, rushed)
            again = np.flatnonzero(retested)
            second = (
                again,
                np.minimum(sitting.day[again] + 5, WINDOWS[season][1] + 2),
                sitting.score[again],
                np.zeros(again.size, dtype=bool),
            )
            at, day, score, fast = (np.concatenate(pair) for pair in zip(first, second, strict=True))
            known = np.flatnonzero(day < min(year.calendar.known_days, year.calendar.open_days))
            if known.size:
                frames.append(
                    _map_frame(year, subject, season, sitting.rows[at[known]], day[known], score=score[known], rushed=fast[known])
                )
        if frames:
            folder.write(f"map_growth/MAP_{year.calendar.label}_{season}.csv", pl.concat(frames), _arrival(year, season))
    return missed


def year_rng(year: SchoolYear, domain: str) -> np.random.Generator:
    return Streams(year.seed).of(domain, year.calendar.start)


def _map_frame(
    year: SchoolYear, subject: str, season: str, student: np.ndarray, day: np.ndarray, *, score: np.ndarray, rushed: np.ndarray
) -> pl.DataFrame:
    c, n = year.calendar, student.size
    grade = year.students.grade[student]
    mean = np.array([tests.MAP_MEANS[subject].get(g, 0) for g in range(13)], dtype=float)[grade] + tests.WINDOW_SHIFT[season]
    rank = tests.percentile((score - mean) / 15.0)
    title = "Language Arts" if subject == "ELA" else "Mathematics"
    course = "Reading" if subject == "ELA" else "Math K-12"
    test = f"Growth: {'Reading' if subject == 'ELA' else 'Math'} "
    school = np.where(day >= year.mobility.move_day[student], year.mobility.new_school[student], year.students.school[student])
    seconds = 9 * 3600 + (student * 37 + day * 61) % 14_400
    clock = [f"{h:02d}:{m:02d}:00" for h in range(9, 14) for m in range(60)]
    return blank_frame(
        MAP_HEADER,
        n,
        {
            "TermName": constant(f"{season.title()} {c.start}-{c.start + 1}", n),
            "DistrictName": constant("Simulated District", n),
            "District_StateID": constant("99", n),
            "SchoolName": pick(year.schools.name, school),
            "School_StateID": pick(year.schools.number, school),
            "StudentID": pick(year.numbers, student),
            "Student_StateID": pick(year.states, student),
            "Subject": constant(title, n),
            "Course": constant(course, n),
            "GrowthMeasureYN": pick(["TRUE", "FALSE"], rushed.astype(int)),
            "NormsReferenceData": constant("2020", n),
            "TestType": constant("Survey With Goals", n),
            "TestName": pick([test + "2-5", test + "6+"], (grade >= 6).astype(int)),
            "TestID": pl.Series(700_000_000 + (student * 3 + ("fall", "winter", "spring").index(season)) % 90_000_000).cast(pl.String),
            "TestStartDate": days_text(c, day, "usd"),
            "TestStartTime": pick(clock, (seconds - 9 * 3600) // 60 % len(clock)),
            "TestDurationMinutes": pl.Series(np.where(rushed, 11, 35 + (student + day) % 40)).cast(pl.String),
            "TestRITScore": pl.Series(score.astype(int)).cast(pl.String),
            "TestStandardError": pick(["3.10", "3.30", "3.50"], (student + day) % 3),
            "TestPercentile": pl.Series(rank).cast(pl.String),
            "AchievementQuintile": pick(["Low", "LoAvg", "Avg", "HiAvg", "High"], np.minimum(rank // 20, 4)),
            "PercentCorrect": pl.Series(42 + (student * 7 + day) % 20).cast(pl.String),
            "RapidGuessingPercentage": pick(
                ["0.0000", "4.0000", "38.0000", "52.0000"], np.where(rushed, 2 + student % 2, (student + day) % 5 == 0)
            ),
        },
    )


def write_sat(year: SchoolYear, folder: LandingFolder) -> dict[str, np.ndarray]:
    """Write the school-day SAT of grade 11; section scores of 200 to 800 in tens."""
    rng = year_rng(year, "sat scores")
    n = len(year.students)
    juniors = np.flatnonzero((year.students.grade == 11) & (rng.random(n) < 0.9))
    theta = year.achievement.at("SAT")
    parts = 515 + 92 * theta + 28 * rng.normal(size=(n, 2))
    section = (np.round(parts / 10) * 10).clip(200, 800).astype(int)
    sitting = year.testing.sit("SAT", "SAT", juniors, section[juniors].sum(axis=1).astype(float), 0.0, low=400, high=1600)
    rows = _known(year, sitting)
    if rows.size:
        student = sitting.rows[rows]
        reading, math = section[student, 0], section[student, 1]

        def text(values: np.ndarray) -> pl.Series:
            return pl.Series(values).cast(pl.String)

        frame = blank_frame(
            SAT_HEADER,
            rows.size,
            {
                "AI_CODE": pick(year.schools.number, _school(year, sitting, rows)),
                "COHORT_YEAR": text(np.full(rows.size, year.calendar.start + 2)),
                "DISTRICT_NAME": constant("Simulated District", rows.size),
                "SECONDARY_ID": pick(year.numbers, student),
                "LATEST_SAT_DATE": days_text(year.calendar, sitting.day[rows], "us"),
                "LATEST_SAT_GRADE": constant("7", rows.size),
                "LATEST_SAT_REVISED": constant("Y", rows.size),
                "LATEST_SAT_TOTAL": text(reading + math),
                "LATEST_SAT_EBRW": text(reading),
                "LATEST_SAT_MATH_SECTION": text(math),
                "PERCENTILE_NATREP_SAT_TOTAL": text(tests.percentile((reading + math - 1030) / 190.0)),
                "PERCENTILE_NATREP_SAT_EBRW": text(tests.percentile((reading - 515) / 98.0)),
                "PERCENTILE_NATREP_SAT_MATH_SECTION": text(tests.percentile((math - 515) / 98.0)),
                "EBRW_CCR_BENCHMARK": pick(["N", "Y"], (reading >= 480).astype(int)),
                "MATH_CCR_BENCHMARK": pick(["N", "Y"], (math >= 530).astype(int)),
            },
        )
        folder.write(f"sat/SAT_{year.calendar.label}.csv", frame, _arrival(year, "SAT"))
    return {"SAT": sitting.missed}
