"""Role by student: from the raw rows of a district to what a user reads, against a plain statement of who may see whom on a day."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from la_assets.access import grants, users
from la_assets.access.schema import CLASS_GRANTS, POLICIES, STUDENT_GRANTS
from la_assets.programs.schema import PARTICIPATION
from la_assets.roster.schema import INSTRUCTIONAL_LINKS
from la_resources.district_settings.access import AccessSettings
from la_resources.lake import Lake
from la_resources.student_access.session import AccessSession
from tests.la_resources.people import NAMES, SECTIONS, STUDENTS, door, publish_facts

from .small_district import (
    CALENDAR_ROWS,
    FIRST,
    LAST,
    SCHOOL_ROWS,
    STAFF_ROWS,
    YEAR,
    classes,
    enrollments,
    in_class,
    key,
    on,
    rows,
    stay,
    user,
)
from .small_district import users as listed

END = on(6, 30)
DAYS = (FIRST, on(9, 1), on(10, 15), on(12, 19), on(1, 5), on(2, 10), on(3, 20), LAST)
TEACHERS = {"t1": "0101", "t2": "0101", "t3": "2001"}
EVERYONE = frozenset(STUDENTS)
ROLES = AccessSettings().roles


@dataclass(frozen=True)
class District:
    """Raw rows: stays (student, school, from, until, grade), members of classes (section, person, role, from, until), programs
    (student, program, from, until), links as sent (student, teacher), and the list of users."""

    stays: list[tuple]
    members: list[tuple]
    programs: list[tuple]
    links: list[tuple]
    lines: list[dict]


_span = st.tuples(st.sampled_from(DAYS), st.sampled_from((*DAYS, None))).filter(lambda days: days[1] is None or days[0] <= days[1])
_student, _school = st.sampled_from(STUDENTS), st.sampled_from(("0101", "2001"))
_line = st.fixed_dictionaries(
    {
        "role": st.sampled_from(("teacher", "Teacher", "counselor", "coach", "principal", "district", "boss", "")),
        "staff_key": st.sampled_from((key("t1"), key("t2"), key("t3"), key("gone"), None)),
        "school_id": st.sampled_from(("0101", "2001", "9999", None)),
        "grades": st.sampled_from(("03", "03;06", None)),
        "programs": st.sampled_from(("READ", None)),
        "valid_from": st.sampled_from((on(7, 1), on(8, 1), on(1, 5), None)),
        "valid_until": st.sampled_from((END, on(2, 10), on(12, 19), dt.date(2030, 1, 1), None)),
    }
)
_person = st.one_of(st.tuples(_student, st.just("student")), st.tuples(st.sampled_from([*TEACHERS]), st.sampled_from(("teacher", "aide"))))


@st.composite
def districts(draw: st.DrawFn) -> District:
    stays = [(s, draw(_school), *draw(_span), draw(st.sampled_from(("03", "06", None)))) for s in STUDENTS if draw(st.integers(0, 4))]
    stays += [(draw(_student), draw(_school), *draw(_span), "03") for _ in range(draw(st.integers(0, 2)))]
    members = [(draw(st.sampled_from([*SECTIONS])), *draw(_person), *draw(_span)) for _ in range(draw(st.integers(0, 10)))]
    programs = [(draw(_student), "READ", *draw(_span)) for _ in range(draw(st.integers(0, 3)))]
    links = [(draw(_student), draw(st.sampled_from([*TEACHERS]))) for _ in range(draw(st.integers(0, 2)))]
    return District(stays, members, programs, links, [draw(_line) for _ in range(4)])


# -- the plain statement ----------------------------------------------------------------------------------------------------


def until(last: dt.date | None) -> dt.date:
    """What runs to the last day of instruction, or has no end, holds until 30 June."""
    return END if last is None or last >= LAST else last


def places(d: District, student: str, day: dt.date) -> set[tuple[str, str | None]]:
    """School and grade of a student on a day."""
    return {(school, grade) for s, school, first, last, grade in d.stays if s == student and first <= day <= until(last)}


def sections_of(d: District, person: str, role: str, day: dt.date) -> set[str]:
    return {section for section, p, r, first, last in d.members if (p, r) == (person, role) and first <= day <= until(last)}


def teacher(line: dict) -> str | None:
    return next((t for t in TEACHERS if key(t) == line["staff_key"]), None)


def in_order(line: dict, day: dt.date) -> bool:
    role, first, last = ROLES.get(line["role"].lower()), line["valid_from"], line["valid_until"]
    if role is None or first is None or last is None or not first <= day <= last:
        return False
    if (line["staff_key"] is not None and teacher(line) is None) or line["school_id"] == "9999":
        return False
    if role == "teacher":
        return teacher(line) is not None
    if role == "district":
        return True
    return line["school_id"] is not None and (role == "principal" or bool(line["grades"] or line["programs"]))


def may_see(d: District, line: dict, student: str, day: dt.date) -> bool:
    """Whether a user may see a student on a day."""
    if not in_order(line, day) or day > END:
        return False
    role, there = ROLES[line["role"].lower()], places(d, student, day)
    if role == "district":
        return True
    if role == "teacher":
        who = teacher(line)
        shared = sections_of(d, str(who), "teacher", day) & sections_of(d, student, "student", day)
        linked = (student, who) in d.links and TEACHERS[str(who)] in {school for school, _ in there}
        return bool(there and shared) or linked
    here = [grade for school, grade in there if school == line["school_id"]]
    if role == "principal":
        return bool(here)
    takes_part = any(s == student and first <= day <= (last or END) for s, _, first, last in d.programs)
    return any(grade is not None and grade in (line["grades"] or "").split(";") for grade in here) or bool(
        line["programs"] and here and takes_part
    )


def may_see_class(d: District, line: dict, section: str, day: dt.date) -> bool:
    if not in_order(line, day) or day > END:
        return False
    role = ROLES[line["role"].lower()]
    own = role == "teacher" and section in sections_of(d, str(teacher(line)), "teacher", day)
    return role == "district" or own or (role == "principal" and SECTIONS[section] == line["school_id"])


# -- the platform -----------------------------------------------------------------------------------------------------------


def publish(lake: Lake, d: District) -> None:
    """The district's rows through the room's functions into the lake."""
    unique_stays = {(s, school, first): (s, school, first, last, grade) for s, school, first, last, grade in d.stays}
    d.stays[:] = unique_stays.values()
    of_school = grants.stays(enrollments(*(stay(*row) for row in d.stays)), CALENDAR_ROWS)
    members = classes(*(in_class(section, *rest, school=SECTIONS[section]) for section, *rest in d.members))
    sent = ({"student_key": key(s), "staff_key": key(t), "subject": "ELA", "weight": 1.0, "link_source": "sent"} for s, t in d.links)
    taking_part = (
        {"student_key": key(s), "program_id": program, "begin_date": first, "end_date": last} for s, program, first, last in d.programs
    )
    made = {
        POLICIES: users.policies(listed(*(user(f"u{n}", **line) for n, line in enumerate(d.lines))), STAFF_ROWS, SCHOOL_ROWS, ROLES),
        STUDENT_GRANTS: grants.student_grants(
            members,
            rows(INSTRUCTIONAL_LINKS, *sent),
            STAFF_ROWS,
            of_school,
            calendar=CALENDAR_ROWS,
            participation=rows(PARTICIPATION, *taking_part),
        ),
        CLASS_GRANTS: grants.class_grants(members, CALENDAR_ROWS),
    }
    for table, frame in made.items():
        lake.publish(table, YEAR, frame)


def seen(asking: AccessSession, table: str, column: str) -> set[str]:
    answer = asking.read(f"marts.{table}", school_years=[YEAR]).rows
    return set(answer[column]) if answer.height else set()


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("who") / "lake")
    publish_facts(lake, (YEAR,))
    return lake


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(d=districts(), day=st.sampled_from((*DAYS[1:], on(6, 15), dt.date(2026, 7, 5))))
def test_each_role_sees_exactly_its_students_and_view_as_the_intersection(lake: Lake, tmp_path: Path, d: District, day: dt.date) -> None:
    publish(lake, d)
    access = door(lake, tmp_path / "log", dt.datetime.combine(day, dt.time(9), dt.UTC))
    expected = [{s for s in STUDENTS if may_see(d, line, s, day)} for line in d.lines]
    for n, line in enumerate(d.lines):
        asking = access.open(f"u{n}", "instruction")
        assert {NAMES[k] for k in seen(asking, "student_360", "student_key")} == expected[n]
        assert seen(asking, "class_overview", "section_id") == {s for s in SECTIONS if may_see_class(d, line, s, day)}
        assert (asking.status == "open") == (in_order(line, day) and day <= END)
        other = (n + 1) % len(d.lines)
        together = access.open(f"u{n}", "instruction", view_as=f"u{other}")
        assert {NAMES[k] for k in seen(together, "student_360", "student_key")} == expected[n] & expected[other]


def test_the_plain_statement_lets_every_role_see_somebody_and_not_everybody() -> None:
    """The examples above are not all empty: a district in which each role sees some students."""
    d = District(
        stays=[(s, "0101" if n < 3 else "2001", FIRST, LAST, "03") for n, s in enumerate(STUDENTS)],
        members=[("A", "t1", "teacher", FIRST, LAST), ("A", "s1", "student", FIRST, LAST)],
        programs=[("s2", "READ", FIRST, None)],
        links=[("s4", "t3")],
        lines=[],
    )
    valid = {"valid_from": on(8, 1), "valid_until": END, "grades": None, "programs": None, "staff_key": None, "school_id": None}
    expected = {
        "t1": (valid | {"role": "teacher", "staff_key": key("t1")}, {"s1"}),
        "t3": (valid | {"role": "teacher", "staff_key": key("t3")}, {"s4"}),
        "coach": (valid | {"role": "coach", "school_id": "0101", "programs": "READ"}, {"s2"}),
        "counselor": (valid | {"role": "counselor", "school_id": "2001", "grades": "03"}, {"s4", "s5"}),
        "principal": (valid | {"role": "principal", "school_id": "0101"}, {"s1", "s2", "s3"}),
        "district": (valid | {"role": "district"}, set(STUDENTS)),
    }
    assert {name: {s for s in STUDENTS if may_see(d, line, s, on(2, 10))} for name, (line, _) in expected.items()} == {
        name: students for name, (_, students) in expected.items()
    }
