"""Who is linked to whom on which days: never before, after or beside the link."""

import datetime as dt

import polars as pl

from la_assets.access import grants
from la_assets.access.schema import CLASS_GRANTS, STUDENT_GRANTS
from la_assets.programs.schema import PARTICIPATION
from la_assets.roster.schema import INSTRUCTIONAL_LINKS
from la_resources.contracts import validate

from .small_district import (
    CALENDAR_ROWS,
    FIRST,
    LAST,
    NO_LINKS,
    NO_PROGRAMS,
    STAFF_ROWS,
    classes,
    enrollments,
    in_class,
    key,
    on,
    rows,
    stay,
)

END = on(6, 30)


def granted(
    *members: dict, stays: tuple[dict, ...] = (stay("s1"),), links: pl.LazyFrame = NO_LINKS, programs: pl.LazyFrame = NO_PROGRAMS
) -> dict[str, list[tuple[str, dt.date, dt.date]]]:
    """Student, first and last day of each scope."""
    of_school = grants.stays(enrollments(*stays), CALENDAR_ROWS)
    made = grants.student_grants(classes(*members), links, STAFF_ROWS, of_school, calendar=CALENDAR_ROWS, participation=programs)
    frame = made.select(STUDENT_GRANTS.names).sort(STUDENT_GRANTS.key).collect()
    validate(STUDENT_GRANTS, frame)
    names = {key(f"s{n}"): f"s{n}" for n in range(9)} | {f"staff:{key(f't{n}')}": f"t{n}" for n in range(9)}
    found: dict[str, list[tuple[str, dt.date, dt.date]]] = {}
    for row in frame.iter_rows(named=True):
        who = names.get(row["scope"], row["scope"])
        found.setdefault(who, []).append((names[row["student_key"]], row["valid_from"], row["valid_until"]))
    return found


def test_a_teacher_and_a_student_in_a_section_are_linked_on_the_days_they_share_in_it() -> None:
    found = granted(
        in_class("A", "t1", "teacher", on(9, 1), on(1, 15)),
        in_class("A", "t2", "teacher", on(1, 16)),
        in_class("A", "s1", "student", on(8, 20), on(3, 1)),
        in_class("B", "t3", "teacher"),
        in_class("B", "s2", "student"),
    )
    assert found["t1"] == [("s1", on(9, 1), on(1, 15))]
    assert found["t2"] == [("s1", on(1, 16), on(3, 1))]
    assert "t3" not in found, "a student without a stay in the district is nobody's"


def test_who_is_in_the_section_but_not_its_teacher_has_no_link() -> None:
    found = granted(in_class("A", "t1", "teacher"), in_class("A", "t2", "aide"), in_class("A", "s1", "student"))
    assert set(found) == {"t1", "school:0101", "grade:0101:03"}


def test_what_runs_to_the_last_day_of_instruction_holds_until_the_school_year_ends() -> None:
    found = granted(in_class("A", "t1", "teacher"), in_class("A", "s1", "student"), in_class("A", "s1", "student", FIRST, on(12, 1)))
    assert found["t1"] == [("s1", FIRST, END)]
    assert found["school:0101"] == [("s1", FIRST, END)]
    early = granted(in_class("A", "t1", "teacher"), in_class("A", "s1", "student", FIRST, on(5, 21)))
    assert early["t1"] == [("s1", FIRST, on(5, 21))]


def test_a_link_without_an_end_lasts_to_the_end_of_the_year() -> None:
    found = granted(in_class("A", "t1", "teacher", last=None), in_class("A", "s1", "student", last=None), stays=(stay("s1", last=None),))
    assert found["t1"] == [("s1", FIRST, END)]


def test_a_student_who_leaves_the_district_leaves_the_teacher_and_one_who_comes_back_comes_back() -> None:
    members = (in_class("A", "t1", "teacher"), in_class("A", "s1", "student"))
    found = granted(*members, stays=(stay("s1", last=on(10, 1)), stay("s1", first=on(2, 1))))
    assert found["t1"] == [("s1", FIRST, on(10, 1)), ("s1", on(2, 1), END)]


def test_a_student_who_moves_is_the_new_school_s_from_the_move_and_the_old_one_s_until_then() -> None:
    found = granted(stays=(stay("s1", last=on(12, 19)), stay("s1", "2001", on(1, 5), grade="06")))
    assert found == {
        "school:0101": [("s1", FIRST, on(12, 19))],
        "grade:0101:03": [("s1", FIRST, on(12, 19))],
        "school:2001": [("s1", on(1, 5), END)],
        "grade:2001:06": [("s1", on(1, 5), END)],
    }


def test_an_instructional_link_as_sent_counts_while_the_student_is_at_the_teacher_s_school() -> None:
    sent = [
        {"student_key": key("s1"), "staff_key": key(t), "subject": "ELA", "weight": 1.0, "link_source": source}
        for t, source in (("t1", "sent"), ("t2", "sections"), ("t3", "sent"), ("t9", "sent"))
    ]
    found = granted(links=rows(INSTRUCTIONAL_LINKS, *sent), stays=(stay("s1", last=on(12, 19)), stay("s1", "2001", on(1, 5))))
    assert found["t1"] == [("s1", FIRST, on(12, 19))]
    assert found["t3"] == [("s1", on(1, 5), END)]
    assert "t2" not in found, "links made of sections come with the sections' days"
    assert len(found) == 6


def test_a_program_s_students_are_those_of_the_school_while_they_take_part() -> None:
    taking_part = [
        {"student_key": key("s1"), "program_id": "READ", "begin_date": on(9, 1), "end_date": on(2, 1)},
        {"student_key": key("s2"), "program_id": "READ", "begin_date": on(9, 1), "end_date": None},
    ]
    found = granted(stays=(stay("s1", last=on(1, 10)), stay("s2", "2001", last=None)), programs=rows(PARTICIPATION, *taking_part))
    assert found["program:0101:READ"] == [("s1", on(9, 1), on(1, 10))]
    assert found["program:2001:READ"] == [("s2", on(9, 1), END)]


def test_a_calendar_that_is_missing_prolongs_nothing() -> None:
    made = grants.stays(enrollments(stay("s1")), CALENDAR_ROWS.head(0)).collect()
    assert made["stay_until"].to_list() == [LAST]


def test_a_teacher_s_sections() -> None:
    members = (in_class("A", "t1", "teacher", FIRST, on(1, 1)), in_class("B", "t1", "teacher"), in_class("B", "s1", "student"))
    made = grants.class_grants(classes(*members), CALENDAR_ROWS).select(CLASS_GRANTS.names).sort(CLASS_GRANTS.key).collect()
    validate(CLASS_GRANTS, made)
    assert made.select("section_id", "valid_from", "valid_until").rows() == [("A", FIRST, on(1, 1)), ("B", FIRST, END)]
