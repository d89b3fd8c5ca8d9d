"""The OneRoster 1.1 bundle of a year: orgs, sessions, users, courses, classes, enrolments and demographics.

The only files of the district that hold names, e-mail addresses and full birth dates. Past years are zips, the current year a folder.
Headers follow the 1EdTech CSV binding.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from la_resources.sources.simulated_district.courses import CATALOG
from la_resources.sources.simulated_district.identifiers import sourced_ids, staff_numbers
from la_resources.sources.simulated_district.landing_folder import LandingFolder, zipped
from la_resources.sources.simulated_district.names import FAMILY_NAMES, GIVEN_NAMES
from la_resources.sources.simulated_district.parameters import GRADES
from la_resources.sources.simulated_district.school_year import SchoolYear
from la_resources.sources.simulated_district.text_columns import constant, dates_text, days_text, pick

STUDENT, STAFF, ORG, SEAT = 1, 2, 3, 4
"""Kinds of sourcedIds."""
FILES = ("academicSessions", "classes", "courses", "demographics", "enrollments", "orgs", "users")
SUBJECT_TITLES = {
    "LA": "English Language Arts",
    "MA": "Mathematics",
    "SC": "Science",
    "SS": "Social Studies",
    "WL": "World Languages",
    "FA": "Fine Arts",
    "PE": "Physical Education",
    "CT": "Career and Technical",
}


def write_oneroster(year: SchoolYear, folder: LandingFolder, current: bool) -> None:
    """Write the bundle: a folder for the current year, a zip that arrived in June for a past one."""
    label = year.calendar.label
    modified = folder.now.date() if current else date(year.calendar.start + 1, 6, 12)
    members = {f"{name}.csv": frame for name, frame in bundle(year, f"{modified.isoformat()}T05:00:00.000Z").items()}
    if not current:
        folder.write_bytes(f"oneroster/{label}.zip", zipped(members, modified), modified)
        return
    for name, frame in members.items():
        folder.write(f"oneroster/{label}/{name}", frame, modified)


def bundle(year: SchoolYear, stamp: str) -> dict[str, pl.DataFrame]:
    """All files of the bundle by name."""
    n_schools = year.schools.level.size
    orgs = sourced_ids(year.seed, ORG, np.arange(n_schools + 1))
    frames = {
        "manifest": _manifest(),
        "orgs": _orgs(year, orgs),
        "academicSessions": _sessions(year),
        "users": _users(year, orgs),
        "courses": _courses(year, orgs),
        "classes": _classes(year, orgs),
        "enrollments": _enrollments(year, orgs),
        "demographics": _demographics(year),
    }
    return {name: frame if name == "manifest" else _stamped(frame, stamp) for name, frame in frames.items()}


def _stamped(frame: pl.DataFrame, stamp: str) -> pl.DataFrame:
    """Put status and dateLastModified after sourcedId."""
    first, *others = frame.columns
    return frame.select(first, pl.lit("active").alias("status"), pl.lit(stamp).alias("dateLastModified"), *others)


def _manifest() -> pl.DataFrame:
    files = {
        f"file.{name}": "bulk" if name in FILES else "absent"
        for name in (*FILES, "categories", "classResources", "courseResources", "lineItems", "resources", "results")
    }
    rows = {
        "manifest.version": "1.0",
        "oneroster.version": "1.1",
        **dict(sorted(files.items())),
        "source.systemName": "Simulated SIS",
        "source.systemCode": "SIMSIS",
    }
    return pl.DataFrame({"propertyName": list(rows), "value": list(rows.values())})


def _orgs(year: SchoolYear, orgs: pl.Series) -> pl.DataFrame:
    n = year.schools.level.size
    return pl.DataFrame(
        {
            "sourcedId": orgs,
            "name": [*year.schools.name, "Simulated District"],
            "type": ["school"] * n + ["district"],
            "identifier": [*year.schools.number, "99"],
            "parentSourcedId": [orgs[n]] * n + [None],
        }
    )


def session_id(label: str, name: str) -> str:
    return f"{label}-{name}"


def _sessions(year: SchoolYear) -> pl.DataFrame:
    c, label = year.calendar, year.calendar.label
    spans = {"YEAR": (0, 179), "S1": (0, 89), "S2": (90, 179), "Q1": (0, 44), "Q2": (45, 89), "Q3": (90, 134), "Q4": (135, 179)}
    kinds = {"YEAR": "schoolYear", "S1": "semester", "S2": "semester"}
    parents = {"YEAR": None, "S1": "YEAR", "S2": "YEAR", "Q1": "S1", "Q2": "S1", "Q3": "S2", "Q4": "S2"}
    return pl.DataFrame(
        {
            "sourcedId": [session_id(label, k) for k in spans],
            "title": [f"{label} {k}" for k in spans],
            "type": [kinds.get(k, "gradingPeriod") for k in spans],
            "startDate": [c.date(a).isoformat() for a, _ in spans.values()],
            "endDate": [c.date(b).isoformat() for _, b in spans.values()],
            "parentSourcedId": [session_id(label, p) if p else None for p in (parents[k] for k in spans)],
            "schoolYear": [c.start + 1] * len(spans),
        }
    )


def _people(index: np.ndarray, kind: int) -> tuple[pl.Series, pl.Series]:
    """Given and family names: a fixed function of the person."""
    a = (index.astype(np.int64) * 7_919 + kind * 31) % len(GIVEN_NAMES)
    b = (index.astype(np.int64) * 104_729 + index // 97 + kind * 17) % len(FAMILY_NAMES)
    return pick(GIVEN_NAMES, a), pick(FAMILY_NAMES, b)


def _users(year: SchoolYear, orgs: pl.Series) -> pl.DataFrame:
    return pl.concat([_student_users(year, orgs), _teacher_users(year, orgs)])


def _student_users(year: SchoolYear, orgs: pl.Series) -> pl.DataFrame:
    rows = known_students(year)
    stays = year.known_stays
    school = np.zeros(len(year.students), dtype=np.int64)
    school[stays.student] = stays.school
    given, family = _people(year.students.person[rows], STUDENT)
    number = pick(year.numbers, rows)
    frame = pl.DataFrame(
        {
            "sourcedId": pick(year.sourced, rows),
            "enabledUser": "true",
            "orgSourcedIds": pick(orgs, school[rows]),
            "role": "student",
            "username": number,
            "userIds": "{StateID:" + pick(year.states, rows) + "}",
            "givenName": given,
            "familyName": family,
            "middleName": constant(None, rows.size),
            "identifier": number,
        }
    )
    return _contact(frame, pick(GRADES, year.students.grade[rows]))


def _teacher_users(year: SchoolYear, orgs: pl.Series) -> pl.DataFrame:
    pairs = np.unique(np.stack([year.sections.teacher, year.sections.school], axis=1), axis=0)
    staff, school = pairs[:, 0], pairs[:, 1]
    given, family = _people(staff, STAFF)
    number = staff_numbers(staff)
    frame = pl.DataFrame(
        {
            "sourcedId": sourced_ids(year.seed, STAFF, staff),
            "enabledUser": "true",
            "orgSourcedIds": pick(orgs, school),
            "role": "teacher",
            "username": number,
            "userIds": constant(None, staff.size),
            "givenName": given,
            "familyName": family,
            "middleName": constant(None, staff.size),
            "identifier": number,
        }
    )
    return _contact(frame, constant(None, staff.size))


def _contact(frame: pl.DataFrame, grades: pl.Series) -> pl.DataFrame:
    """Close a users frame with synthetic contact data (example.org, 555-01xx) and the grades."""
    last_two = pl.col("identifier").str.slice(-2)
    email = pl.concat_str(
        pl.col("givenName").str.to_lowercase(),
        pl.lit("."),
        pl.col("familyName").str.to_lowercase(),
        pl.lit("."),
        "identifier",
        pl.lit("@example.org"),
    )
    blank = pl.lit(None, dtype=pl.String)
    return frame.with_columns(
        email.alias("email"),
        blank.alias("sms"),
        pl.concat_str(pl.lit("555-01"), last_two).alias("phone"),
        blank.alias("agentSourcedIds"),
        grades.alias("grades"),
        blank.alias("password"),
    )


def known_students(year: SchoolYear) -> np.ndarray:
    """Rows of the students who have come by the as-of date."""
    return np.unique(year.known_stays.student)


def _courses(year: SchoolYear, orgs: pl.Series) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "sourcedId": [c.code for c in CATALOG],
            "schoolYearSourcedId": session_id(year.calendar.label, "YEAR"),
            "title": [c.title for c in CATALOG],
            "courseCode": [c.code for c in CATALOG],
            "grades": constant(None, len(CATALOG)),
            "orgSourcedId": orgs[-1],
            "subjects": [SUBJECT_TITLES[c.subject] for c in CATALOG],
            "subjectCodes": constant(None, len(CATALOG)),
        }
    )


def _classes(year: SchoolYear, orgs: pl.Series) -> pl.DataFrame:
    s, label = year.sections, year.calendar.label
    code = year.section_codes
    elementary = s.course < 24
    return pl.DataFrame(
        {
            "sourcedId": code,
            "title": pick([c.title for c in CATALOG], s.course) + " " + pl.Series(s.number + 1).cast(pl.String),
            "grades": pick(GRADES, np.where(s.course < 36, s.course // 4, -1)),
            "courseSourcedId": pick([c.code for c in CATALOG], s.course),
            "classCode": code,
            "classType": pick(["scheduled", "homeroom"], (elementary & (s.subject == 0)).astype(int)),
            "location": "R" + pl.Series(100 + s.teacher % 200).cast(pl.String),
            "schoolSourcedId": pick(orgs, s.school),
            "termSourcedIds": f"{session_id(label, 'S1')},{session_id(label, 'S2')}",
            "subjects": pick([SUBJECT_TITLES[c.subject] for c in CATALOG], s.course),
            "subjectCodes": constant(None, s.course.size),
            "periods": pl.Series(1 + s.number % 7).cast(pl.String),
        }
    )


def _enrollments(year: SchoolYear, orgs: pl.Series) -> pl.DataFrame:
    """Seats of students from the stay's first to its last day (blank while it lasts), then teachers for the whole year."""
    c, s = year.calendar, year.sections
    begun = year.stays.begin < c.known_days
    stays, seats = year.known_stays, s.seat[begun]
    stay, slot = np.nonzero(seats >= 0)
    section = seats[stay, slot]
    ongoing = (stays.end[stay] >= 179) & bool(c.days[-1] >= year.as_of)
    second = np.flatnonzero(s.second >= 0)
    held = np.r_[np.arange(s.school.size), second]
    staff = np.r_[s.teacher, s.second[second]]
    n, m = stay.size, held.size
    user = pl.concat([pick(year.sourced, stays.student[stay]), sourced_ids(year.seed, STAFF, staff)])
    return pl.DataFrame(
        {
            "sourcedId": sourced_ids(year.seed, SEAT, np.arange(n + m) + c.start * 100_000_000),
            "classSourcedId": pick(year.section_codes, np.r_[section, held]),
            "schoolSourcedId": pick(orgs, s.school[np.r_[section, held]]),
            "userSourcedId": user,
            "role": pick(["student", "teacher"], np.r_[np.zeros(n), np.ones(m)]),
            "primary": pick(["false", "true"], np.r_[np.zeros(n), np.ones(s.school.size), np.zeros(second.size)]),
            "beginDate": days_text(c, np.r_[stays.begin[stay], np.zeros(m)].astype(int), "iso"),
            "endDate": days_text(
                c, np.r_[np.where(ongoing, -1, stays.end[stay]), np.full(m, -1 if c.days[-1] >= year.as_of else 179)], "iso"
            ),
        }
    )


def _demographics(year: SchoolYear) -> pl.DataFrame:
    rows = known_students(year)
    s = year.students
    race, hispanic = s.race[rows], s.hispanic[rows]
    two = race == 6

    def yes(values: np.ndarray) -> pl.Series:
        return pick(["false", "true"], values.astype(int))

    blank = constant(None, rows.size)
    return pl.DataFrame(
        {
            "sourcedId": pick(year.sourced, rows),
            "birthDate": dates_text(s.birth[rows], "iso"),
            "sex": pick(["female", "male", "other"], s.gender[rows]),
            "americanIndianOrAlaskaNative": yes(race == 0),
            "asian": yes(race == 1),
            "blackOrAfricanAmerican": yes((race == 2) | two),
            "nativeHawaiianOrOtherPacificIslander": yes(race == 4),
            "white": yes((race == 5) | two | hispanic),
            "demographicRaceTwoOrMoreRaces": yes(two),
            "hispanicOrLatinoEthnicity": yes(hispanic),
            "countryOfBirthCode": blank,
            "stateOfBirthAbbreviation": blank,
            "cityOfBirth": blank,
            "publicSchoolResidenceStatus": blank,
        }
    )
