"""The student system's register: schools, calendar, student records, enrolments, courses, exits, and teacher links.

Column names, codes and date spellings are this district's own; the mappings under ``data/mappings/simulated_district``
translate them. Only what is known at the as-of date is written.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from la_resources.sources.simulated_district.calendar import INSTRUCTIONAL_DAYS
from la_resources.sources.simulated_district.courses import CATALOG, CORE
from la_resources.sources.simulated_district.defects import UNKNOWN_CODES, Defects, spaced
from la_resources.sources.simulated_district.identifiers import staff_numbers, student_numbers
from la_resources.sources.simulated_district.landing_folder import LandingFolder
from la_resources.sources.simulated_district.parameters import GRADES
from la_resources.sources.simulated_district.school_year import SchoolYear
from la_resources.sources.simulated_district.text_columns import constant, dates_text, days_text, flags, pick, spelled

RACE_CODES = ("I", "A", "B", "H", "P", "W", "M")


def long_year(start: int) -> str:
    """``2023-2024``."""
    return f"{start}-{start + 1}"


def year_closed(year: SchoolYear) -> date:
    """When the year's final extracts arrive."""
    return date(year.calendar.start + 1, 6, 12)


def write_schools(year: SchoolYear, folder: LandingFolder) -> None:
    s = year.schools
    n = s.level.size
    folder.write(
        f"sis/schools/schools_{year.calendar.label}.csv",
        pl.DataFrame(
            {
                "SCHOOL_YEAR": [long_year(year.calendar.start)] * n,
                "SCHOOL_NO": s.number,
                "SCHOOL_NAME": s.name,
                "SCHOOL_LVL": pick(["E", "M", "H"], s.level),
                "SCHOOL_TYPE": ["REG"] * n,
                "LOCALE_CD": s.locale,
                "DISTRICT_NO": ["99"] * n,
                "TITLE1_FLG": flags(s.title1),
            }
        ),
        date(year.calendar.start, 8, 1),
    )


def write_calendar(year: SchoolYear, folder: LandingFolder) -> None:
    """The published calendar: every weekday of the year at every school, planned days of the current year included."""
    c, s = year.calendar, year.schools
    first, last = c.days[0], c.days[-1]
    every = np.arange(first, last + 1)
    every = every[(every.astype("int64") + 3) % 7 < 5]
    position = np.searchsorted(c.days, every)
    instructional = c.days[position] == every
    kind = np.where(instructional & (position < c.open_days), 0, np.where(instructional, 2, 1))
    schools = np.repeat(np.arange(s.level.size), every.size)
    lap = np.tile(np.arange(every.size), s.level.size)
    folder.write(
        f"sis/calendar/calendar_{c.label}.csv",
        pl.DataFrame(
            {
                "SCHOOL_NO": pick(s.number, schools),
                "CAL_DATE": pick(dates_text(every, "usd"), lap),
                "DAY_TYPE": pick(["I", "H", "C"], kind[lap]),
                "TERM_CD": pick(["S1", "S2"], (position >= 90).astype(int)[lap]),
            }
        ),
        date(c.start, 8, 1),
    )


def write_students(year: SchoolYear, folder: LandingFolder, defects: Defects) -> None:
    """One record at entry, another for those who move or change status; conflicting twins where the plan says so.

    Earlier records are no longer active; a reduced-price lunch is a fifth of the eligible.
    """
    st, stays, c = year.students, year.known_stays, year.calendar
    changes = year.changes
    known = np.flatnonzero((changes.day < c.known_days) & (changes.day < year.outcomes.exit_day[changes.rows]))
    changed, lunch = changes.rows[known], changes.lunch[known]
    superseded = np.isin(stays.student, changed)
    rows = np.r_[stays.student, changed]
    begin = np.r_[stays.begin, changes.day[known]]
    school = np.r_[stays.school, st.school[changed]]
    last = np.r_[
        (stays.end >= np.minimum(year.outcomes.exit_day, INSTRUCTIONAL_DAYS - 1)[stays.student]) & ~superseded,
        np.ones(known.size, dtype=bool),
    ]
    frl = st.frl[rows] ^ np.r_[np.zeros(len(stays), dtype=bool), lunch]
    ese = st.ese[rows] | np.r_[np.zeros(len(stays), dtype=bool), ~lunch]
    order = np.lexsort((begin, rows))
    rows, begin = rows[order], begin[order]
    frame = pl.DataFrame(
        {
            "STUDENT_NUMBER": pick(year.numbers, rows),
            "EFF_DATE": days_text(c, begin, "us"),
            "ACTIVE_FLG": flags(last[order]),
            "SCHOOL_NO": pick(year.schools.number, school[order]),
            "GRADE_CD": pick(GRADES, st.grade[rows]),
            "BIRTH_YR": st.birth.astype("datetime64[Y]").astype(int)[rows] + 1970,
            "SEX_CD": pick(["F", "M", "X"], st.gender[rows]),
            "RACE_ETH_CD": pick(RACE_CODES, st.race[rows]),
            "HISP_FLG": flags(st.hispanic[rows]),
            "LUNCH_CD": pick(["N", "F", "R"], np.where(frl[order], 1 + (st.person[rows] % 5 == 0), 0)),
            "ELL_CD": pick(["ZZ", "LY"], st.ell.astype(int)[rows]),
            "ESE_FLG": flags(ese[order]),
            "SEC504_FLG": flags(st.section_504[rows] & ~ese[order]),
            "GIFTED_FLG": flags(st.gifted[rows] & ~ese[order]),
            "HOMELESS_FLG": flags(st.homeless[rows]),
            "COHORT_YR": pl.Series(st.cohort[rows]).cast(pl.String).replace("0", None),
            "RETAINED_FLG": flags(st.repeating[rows]),
        }
    )
    path = f"sis/students/students_{c.label}.csv"
    twins = _conflicting(frame, defects.conflicts.get(c.start, 0))
    defects.record("conflicting_demographics", path, twins.height)
    folder.write(path, pl.concat([frame, twins]), year_closed(year))


def _conflicting(frame: pl.DataFrame, wanted: int) -> pl.DataFrame:
    """Second active records of the same day with another gender (even ones) or race (odd ones)."""
    once = frame.filter(pl.col("STUDENT_NUMBER").is_unique() & (pl.col("ACTIVE_FLG") == "Y"))
    chosen = once[spaced(once.height, wanted)].with_row_index("at")
    sex = pl.when(pl.col("at") % 2 == 0).then(pl.col("SEX_CD").replace({"F": "M", "M": "F", "X": "F"})).otherwise("SEX_CD")
    race = pl.when(pl.col("at") % 2 == 1).then(
        pl.col("RACE_ETH_CD").replace({"W": "B", "B": "W", "H": "W", "A": "W", "I": "W", "P": "W", "M": "W"})
    )
    return chosen.with_columns(sex.alias("SEX_CD"), race.otherwise("RACE_ETH_CD").alias("RACE_ETH_CD")).drop("at").select(frame.columns)


def write_enrollments(
    year: SchoolYear, folder: LandingFolder, defects: Defects, no_shows: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    """Stays with entry and withdrawal codes, second enrolments, and no-shows.

    Parameters
    ----------
    no_shows : tuple of numpy.ndarray
        Person, grade index and school index of those who were expected in August and never came.
    """
    stays, c = year.known_stays, year.calendar
    rows = stays.student
    whole = stays.end >= INSTRUCTIONAL_DAYS - 1
    left = year.exit_known[rows] & (stays.end == year.outcomes.exit_day[rows])
    open_stay = whole & ~left & (not c.complete or bool(c.days[-1] >= year.as_of))
    entry = np.where(stays.second, 2, np.where(stays.begin > 0, 1, 0))
    code = pl.Series(np.where(left, year.code[rows], np.where(open_stay, "", np.where(whole, "EOY", "T01"))).tolist()).replace("", None)
    frame = pl.DataFrame(
        {
            "STUDENT_NUMBER": pick(year.numbers, rows),
            "SCHOOL_NO": pick(year.schools.number, stays.school),
            "ENTRY_DATE": days_text(c, stays.begin, "iso"),
            "ENTRY_CD": pick(["E01", "E02", "R01"], entry),
            "WDRAW_DATE": days_text(c, np.where(open_stay, -1, stays.end), "iso"),
            "WDRAW_CD": code,
            "PRIMARY_FLG": ["Y"] * len(stays),
            "NOSHOW_FLG": ["N"] * len(stays),
            "GRADE_CD": pick(GRADES, year.students.grade[rows]),
        }
    )
    person, grade, school = no_shows
    first = constant(spelled(c.date(0), "iso"), person.size)
    absent = pl.DataFrame(
        {
            "STUDENT_NUMBER": student_numbers(person),
            "SCHOOL_NO": pick(year.schools.number, school),
            "ENTRY_DATE": first,
            "ENTRY_CD": constant("E01", person.size),
            "WDRAW_DATE": first,
            "WDRAW_CD": constant("DNE", person.size),
            "PRIMARY_FLG": constant("Y", person.size),
            "NOSHOW_FLG": constant("Y", person.size),
            "GRADE_CD": pick(GRADES, grade),
        }
    )
    path = f"sis/school_enrollments/enrollments_{c.label}.csv"
    settled = whole & ~left & ~stays.second & (stays.begin == 0)
    second = _second_enrollments(year, frame, stays.school, settled, defects.double_enrolled.get(c.start, 0))
    defects.record("double_enrollment", path, second.height)
    folder.write(path, pl.concat([frame, second, absent]), year_closed(year))


def _second_enrollments(year: SchoolYear, frame: pl.DataFrame, school: np.ndarray, settled: np.ndarray, wanted: int) -> pl.DataFrame:
    """Rows of some settled students again, at another school of their level and not primary; the highest level that has two schools."""
    level = year.schools.level[school]
    count, first = np.array(year.schools.count)[level], np.array(year.schools.first)[level]
    possible = settled & (count > 1)
    candidates = np.flatnonzero(possible & (level == level[possible].max(initial=0)))
    rows = candidates[spaced(candidates.size, wanted)]
    other = first + (school - first + 1) % count
    return frame[rows].with_columns(pick(year.schools.number, other[rows]).alias("SCHOOL_NO"), pl.lit("N").alias("PRIMARY_FLG"))


def write_courses(year: SchoolYear, folder: LandingFolder) -> None:
    folder.write(
        f"sis/courses/courses_{year.calendar.label}.csv",
        pl.DataFrame(
            {
                "SCHOOL_YEAR": [long_year(year.calendar.start)] * len(CATALOG),
                "COURSE_CODE": [c.code for c in CATALOG],
                "COURSE_TITLE": [c.title for c in CATALOG],
                "SUBJ_CD": [c.subject for c in CATALOG],
                "LEVEL_CD": [c.level for c in CATALOG],
                "CREDITS": [c.credits for c in CATALOG],
            }
        ),
        date(year.calendar.start, 8, 1),
    )


def write_exits(year: SchoolYear, folder: LandingFolder, defects: Defects) -> None:
    """Those who left, as recorded before the as-of date; some transfers get codes nobody knows, where the plan says so."""
    rows = np.flatnonzero(year.exit_known)
    code = year.code[rows].astype(object)
    transfers = np.flatnonzero(np.isin(year.code[rows], ["W02", "W03", "W04"]))
    spoiled = transfers[spaced(transfers.size, defects.unknown_exits.get(year.calendar.start, 0))]
    code[spoiled] = np.array(UNKNOWN_CODES, dtype=object)[np.arange(spoiled.size) % 2]
    path = f"sis/exits/exits_{year.calendar.label}.csv"
    defects.record("unknown_exit_code", path, spoiled.size)
    frame = pl.DataFrame(
        {
            "STUDENT_NUMBER": pick(year.numbers, rows),
            "WDRAW_CD": pl.Series(code.tolist(), dtype=pl.String),
            "WDRAW_DATE": dates_text(year.exit_date[rows], "us"),
            "RECORDED_DATE": dates_text(year.recorded_on[rows], "us"),
            "COHORT_YR": pl.Series(year.students.cohort[rows]).cast(pl.String).replace("0", None),
        }
    )
    folder.write(path, frame, date(year.calendar.start + 1, 9, 5))


def write_links(year: SchoolYear, folder: LandingFolder, defects: Defects) -> None:
    """Who taught whom the core subjects, with the share of the year; part of one school's links is lost where the plan says so."""
    stays, sections = year.known_stays, year.sections
    begun = year.stays.begin < year.calendar.known_days
    seat = sections.seat[begun][:, : len(CORE)]
    share = (stays.end - stays.begin + 1) / INSTRUCTIONAL_DAYS
    stay, slot = np.nonzero(seat >= 0)
    section = seat[stay, slot]
    second = sections.second[section]
    w = np.where(second >= 0, 0.4, 0.0)
    first_links = (stay, slot, sections.teacher[section], share[stay] * (1 - w))
    again = second >= 0
    second_links = (stay[again], slot[again], second[again], share[stay[again]] * 0.4)
    stay, slot, teacher, weight = (np.concatenate(pair) for pair in zip(first_links, second_links, strict=True))
    kept = np.ones(stay.size, dtype=bool)
    path = f"sis/links/instructional_links_{year.calendar.label}.csv"
    if defects.missing_links == year.calendar.start:
        kept = ~_lost_links(stays.school[stay], teacher, slot)
        defects.record("missing_links", path, int((~kept).sum()))
    folder.write(
        path,
        pl.DataFrame(
            {
                "SCHOOL_YEAR": constant(long_year(year.calendar.start), int(kept.sum())),
                "STUDENT_NUMBER": pick(year.numbers, stays.student[stay[kept]]),
                "STAFF_NUMBER": pick(staff_numbers(np.arange(year.faculty.hired.size)), teacher[kept]),
                "SUBJ_CD": pick(CORE, slot[kept]),
                "WEIGHT": np.floor(weight[kept] * 10_000 + 1e-6) / 10_000,
                "LINK_SRC": constant("SCHED", int(kept.sum())),
            }
        ),
        year_closed(year),
    )


def _lost_links(school: np.ndarray, teacher: np.ndarray, slot: np.ndarray) -> np.ndarray:
    """The links of one school's first teachers in ELA and mathematics: enough of them that coverage falls below 90 %."""
    here = (school == school.min()) & (slot < 2)
    staff, count = np.unique(teacher[here], return_counts=True)
    enough = 1 + int(np.searchsorted(np.cumsum(count), 0.10 * here.sum()))
    return here & np.isin(teacher, staff[:enough])
