"""Files of what students did and received: quarter marks, incidents, behaviour points, programs, spending, staff, and college enrolment.

Each file holds what was known before the as-of date, in the district's own columns.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from la_resources.sources.simulated_district.behavior import ACTIONS, POINT_REASONS, SEVERITY, TYPES, draw_incidents, draw_points
from la_resources.sources.simulated_district.calendar import QUARTERS, SchoolCalendar
from la_resources.sources.simulated_district.courses import BONUS, CATALOG, CREDITS
from la_resources.sources.simulated_district.coursework import LETTERS, PASSING, letter_index
from la_resources.sources.simulated_district.defects import IMPOSSIBLE_POINTS, Defects, late_name, repeated, spaced
from la_resources.sources.simulated_district.identifiers import staff_numbers, student_numbers
from la_resources.sources.simulated_district.landing_folder import LandingFolder
from la_resources.sources.simulated_district.outcomes import Graduates
from la_resources.sources.simulated_district.parameters import Parameters
from la_resources.sources.simulated_district.programs import FIRST_DAY, LAST_DAY
from la_resources.sources.simulated_district.randomness import Streams
from la_resources.sources.simulated_district.school_year import SchoolYear
from la_resources.sources.simulated_district.text_columns import constant, dates_text, days_text, pick
from la_resources.sources.simulated_district.write_days import LATE_ARRIVALS

POSTING_LAG = timedelta(days=4)


def posted_on(calendar: SchoolCalendar, quarter: int) -> date:
    """Marks are posted four days after the quarter's last day."""
    return calendar.date(calendar.quarter_days(quarter)[1]) + POSTING_LAG


def write_grades(year: SchoolYear, folder: LandingFolder, defects: Defects) -> None:
    """One file a quarter, for the students enrolled on its last day; semester credits with Q2 and Q4."""
    c, stays, sections = year.calendar, year.stays, year.sections
    for q, quarter in enumerate(QUARTERS):
        posted = posted_on(c, q)
        if np.datetime64(posted) >= year.as_of:
            continue
        last = c.quarter_days(q)[1]
        present = (stays.begin <= last) & (stays.end >= last)
        stay, slot = np.nonzero((sections.seat >= 0) & present[:, None])
        section = sections.seat[stay, slot]
        percent = year.percent[stay, slot, q]
        letter = letter_index(percent)
        course = sections.course[section]
        credit = CREDITS[course] / 2 if q % 2 else np.zeros(stay.size)
        semester = year.percent[stay, slot, max(q - 1, 0) : q + 1].mean(axis=1)
        points = pl.Series(np.where(letter > 0, letter + BONUS[course], 0.0)).cast(pl.String)
        frame = pl.DataFrame(
            {
                "STUDENT_NUMBER": pick(year.numbers, stays.student[stay]),
                "SECTION_ID": pick(year.section_codes, section),
                "COURSE_CODE": pick([x.code for x in CATALOG], course),
                "MARK_PD": pick(QUARTERS, np.full(stay.size, q)),
                "LETTER": pick(LETTERS, letter),
                "PCT": percent.astype(int),
                "GPA_PTS": points,
                "CR_ATT": credit,
                "CR_EARN": np.where(semester >= PASSING, credit, 0.0),
                "POST_DATE": constant(posted.isoformat(), stay.size),
            }
        )
        _write_quarter(f"sis/grades/grades_{c.label}_{quarter}.csv", frame, c.start, quarter, posted, folder=folder, defects=defects)


def _write_quarter(
    path: str, frame: pl.DataFrame, start: int, quarter: str, posted: date, *, folder: LandingFolder, defects: Defects
) -> None:
    """Write one quarter's file with the defects planned for it."""
    held = min(defects.late.get(("grades", start, quarter), 0), frame.height // 2)
    if held:
        folder.write(late_name(path), frame.tail(held), date(*LATE_ARRIVALS["grades"]))
        defects.record("late_file", late_name(path), held)
        frame = frame.head(frame.height - held)
    spoiled = spaced(frame.height, defects.impossible_points.get((start, quarter), 0))
    if spoiled.size:
        wrong = pl.Series([IMPOSSIBLE_POINTS[i % 2] for i in range(spoiled.size)])
        frame = frame.with_columns(frame["GPA_PTS"].scatter(spoiled, wrong))
        defects.record("impossible_gpa_points", path, spoiled.size)
    copies = repeated(frame, defects.duplicates.get(("grades", start, quarter), 0))
    defects.record("duplicate_rows", path, copies.height)
    folder.write(path, pl.concat([frame, copies]), posted + timedelta(days=1))


def write_discipline(year: SchoolYear, folder: LandingFolder, streams: Streams) -> None:
    c, m = year.calendar, year.mobility
    last = year.outcomes.exit_day
    incidents = draw_incidents(streams.of("incidents", c.start), year.students, m, last, c.open_days, remote=c.label == "2020-21")
    known = np.flatnonzero(incidents.day < c.known_days)
    rows, day, kind, action = incidents.rows[known], incidents.day[known], incidents.type[known], incidents.action[known]
    arrival = date(c.start + 1, 6, 5)
    folder.write(
        f"sis/discipline/incidents_{c.label}.csv",
        pl.DataFrame(
            {
                "INCIDENT_NO": f"{c.start % 100:02d}-" + pl.Series(known + 1).cast(pl.String).str.zfill(7),
                "STUDENT_NUMBER": pick(year.numbers, rows),
                "SCHOOL_NO": pick(year.schools.number, school_on(year, rows, day)),
                "INC_DATE": days_text(c, day, "us"),
                "INC_TYPE": pick(TYPES, kind),
                "SEVERITY_LVL": SEVERITY[kind],
                "ACTION_CD": pick(ACTIONS, action),
                "ACTION_DAYS": incidents.length[known],
            }
        ),
        arrival,
    )
    rows, day, points, reason = draw_points(streams.of("points", c.start), year.students, m, last, c.open_days)
    known = np.flatnonzero(day < c.known_days)
    folder.write(
        f"sis/discipline/points_{c.label}.csv",
        pl.DataFrame(
            {
                "POINT_NO": known + 1,
                "STUDENT_NUMBER": pick(year.numbers, rows[known]),
                "POINT_DATE": days_text(c, day[known], "us"),
                "POINTS": points[known],
                "REASON_CD": pick(POINT_REASONS, reason[known]),
            }
        ),
        arrival,
    )


def school_on(year: SchoolYear, rows: np.ndarray, day: np.ndarray) -> np.ndarray:
    """School index of students on given days."""
    m = year.mobility
    return np.where(day >= m.move_day[rows], m.new_school[rows], year.students.school[rows])


def write_programs(year: SchoolYear, folder: LandingFolder, streams: Streams) -> None:
    """Participants only; an open end date where the program still runs."""
    c = year.calendar
    if c.known_days <= FIRST_DAY:
        return
    frames = []
    for program in year.programs:
        rng = streams.of(program.name, c.start, 1)
        rows = program.participants
        end = np.minimum(np.minimum(LAST_DAY, c.open_days - 1), year.outcomes.exit_day[rows])
        fidelity = rng.beta(8, 2, rows.size).round(2)
        began = end >= FIRST_DAY
        running = end >= c.known_days
        days = np.minimum(end, c.known_days - 1) - FIRST_DAY + 1
        each = 30.0 if program.subject else 45.0
        frames.append(
            pl.DataFrame(
                {
                    "STUDENT_NUMBER": pick(year.numbers, rows),
                    "PROGRAM_NO": constant(program.name, rows.size),
                    "SUBJ_CD": constant(("LA", "MA")[program.subject], rows.size),
                    "START_DT": days_text(c, np.full(rows.size, FIRST_DAY), "iso"),
                    "END_DT": days_text(c, np.where(running, -1, end), "iso"),
                    "TIER": np.full(rows.size, 2),
                    "MINUTES": np.round(days * 0.6 * each * fidelity),
                    "FIDELITY": fidelity,
                    "COST_USD": np.full(rows.size, 900.0 if program.subject else 640.0),
                    "ASSIGNED_BY": constant(program.assignment, rows.size),
                }
            ).filter(pl.Series(began))
        )
    folder.write(f"programs/participation_{c.label}.csv", pl.concat(frames), date(c.start + 1, 5, 15))


def write_staff(year: SchoolYear, folder: LandingFolder) -> None:
    """Teachers of the year with experience and degree; no names."""
    sections, f = year.sections, year.faculty
    pairs = np.unique(np.stack([sections.teacher, sections.school], axis=1), axis=0)
    staff, school = pairs[:, 0], pairs[:, 1]
    folder.write(
        f"hr/staff_{year.calendar.label}.csv",
        pl.DataFrame(
            {
                "FISCAL_YR": np.full(staff.size, year.calendar.start + 1),
                "EMPLOYEE_NO": pick(staff_numbers(np.arange(f.hired.size)), staff),
                "SCHOOL_NO": pick(year.schools.number, school),
                "YRS_EXP": (f.experience[staff] + year.calendar.start - f.hired[staff]).astype(int),
                "DEGREE_CD": pick(["BA", "MA", "PHD"], f.degree[staff]),
            }
        ),
        date(year.calendar.start, 9, 15),
    )


def write_spending(year: SchoolYear, folder: LandingFolder, streams: Streams, parameters: Parameters) -> None:
    """Spending per pupil by school and category, published in the November after the year."""
    published = date(year.calendar.start + 1, 11, 1)
    if np.datetime64(published) >= year.as_of:
        return
    categories = {"INSTR": 6400.0, "SUPPORT": 1900.0, "ADMIN": 820.0, "FACIL": 1150.0, "TRANSP": 410.0}
    rng = streams.of("spending", year.calendar.start)
    n = year.schools.level.size
    price = 1.03 ** (year.calendar.start - 2018) * np.where(year.schools.title1, 1.06, 1.0)
    amounts = np.stack([base * price * rng.lognormal(0.0, 0.06, n) for base in categories.values()], axis=1)
    school, category = np.divmod(np.arange(amounts.size), len(categories))
    folder.write(
        f"finance/spending_{year.calendar.label}.csv",
        pl.DataFrame(
            {
                "FISCAL_YR": np.full(amounts.size, year.calendar.start + 1),
                "SCHOOL_NO": pick(year.schools.number, school),
                "CATEGORY_CD": pick(list(categories), category),
                "PER_PUPIL_USD": amounts.ravel().round(2),
            }
        ),
        published,
    )


def write_postsecondary(year: SchoolYear, folder: LandingFolder, streams: Streams, classes: Graduates | None) -> None:
    """College enrolment of last year's graduates, as the clearing house reports it in mid-November."""
    observed = date(year.calendar.start, 11, 15)
    if classes is None or np.datetime64(observed) >= year.as_of:
        return
    rng = streams.of("postsecondary", year.calendar.start)
    who = np.flatnonzero(classes.enrolls)
    days = np.datetime64(f"{year.calendar.start}-08-20") + rng.integers(0, 20, classes.person.size)[who].astype("timedelta64[D]")
    folder.write(
        f"nsc/postsecondary_{year.calendar.label}.csv",
        pl.DataFrame(
            {
                "YOUR_UNIQUE_ID": student_numbers(classes.person[who]),
                "ENROLLMENT_BEGIN": dates_text(days, "packed"),
                "TWO_FOUR_YEAR": pick(["2", "4"], classes.four_year[who].astype(int)),
                "REPORT_DATE": dates_text(np.full(who.size, np.datetime64(observed)), "packed"),
            }
        ),
        observed,
    )
