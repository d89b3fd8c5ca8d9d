"""The list of users: what a line gives, and that whatever is not in order gives nothing and says why."""

import datetime as dt

import polars as pl
import pytest

from la_assets.access.checks import lines_in_order, teachers_have_students
from la_assets.access.schema import POLICIES, STUDENT_GRANTS
from la_assets.access.users import newest_list, policies
from la_assets.landing.schema import ACCESS_USERS, FILES
from la_resources.contracts import validate
from la_resources.district_settings.access import AccessSettings

from .small_district import ARRIVED, SCHOOL_ROWS, STAFF_ROWS, key, on, rows, user, users

ROLES = AccessSettings().roles


def judged(*lines: dict) -> pl.DataFrame:
    made = policies(users(*lines), STAFF_ROWS, SCHOOL_ROWS, ROLES).select(POLICIES.names).sort(POLICIES.key).collect()
    validate(POLICIES, made)
    assert not made.select(POLICIES.key).is_duplicated().any()
    return made


def scopes(*lines: dict) -> dict[str, list[str]]:
    granted = judged(*lines).filter(status="granted").sort("scope")
    return {name: of["scope"].to_list() for (name,), of in granted.group_by(["user_name"])}


def test_a_role_gives_its_scopes() -> None:
    given = scopes(
        user("Ana.T", "Teacher", staff_key=key("t1")),
        user("cora", "counsellor", school_id="2001", grades="06; 07", programs="READ"),
        user("mo", "MTSS coach", school_id="0101", programs="READ, MATH TUTOR"),
        user("pri", "assistant principal", school_id="0101"),
        user("dora", "district"),
    )
    assert given == {
        "ana.t": [f"staff:{key('t1')}"],
        "cora": ["grade:2001:06", "grade:2001:07", "program:2001:READ"],
        "mo": ["program:0101:MATH TUTOR", "program:0101:READ"],
        "pri": ["school:0101"],
        "dora": ["district"],
    }


def test_a_person_with_two_jobs_has_the_scopes_of_both() -> None:
    given = scopes(
        user("ana", "teacher", staff_key=key("t1")), user("ANA ", "coach", staff_key=key("t1"), school_id="0101", programs="READ")
    )
    assert given == {"ana": ["program:0101:READ", f"staff:{key('t1')}"]}


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ({"role": "superuser"}, "unknown role"),
        ({"role": ""}, "unknown role"),
        ({"role": None}, "unknown role"),
        ({"valid_from": None}, "no dates"),
        ({"valid_until": None}, "no dates"),
        ({"valid_from": on(2, 1), "valid_until": on(1, 1)}, "dates reversed"),
        ({"valid_from": dt.date(2024, 8, 1), "valid_until": dt.date(2025, 6, 30)}, "outside the year"),
        ({"valid_from": dt.date(2026, 7, 1), "valid_until": dt.date(2027, 6, 30)}, "outside the year"),
        ({"staff_key": None}, "no staff number"),
        ({"staff_key": key("gone")}, "unknown staff"),
        ({"role": "principal"}, "no school"),
        ({"role": "principal", "school_id": " "}, "no school"),
        ({"role": "principal", "school_id": "9999"}, "unknown school"),
        ({"role": "district", "staff_key": key("gone")}, "unknown staff"),
        ({"role": "counselor", "grades": "03"}, "no school"),
        ({"role": "counselor", "school_id": "0101"}, "no caseload"),
        ({"role": "coach", "school_id": "0101", "grades": " ; "}, "no caseload"),
    ],
)
def test_a_line_that_is_not_in_order_gives_nothing_and_says_why(line: dict, status: str) -> None:
    made = judged(user("ana", "teacher", staff_key=key("t1")) | line)
    assert made.select("status", "scope").rows() == [(status, "none")]
    passed, told, _ = lines_in_order(made.lazy())
    assert (passed, f"{status}: 1" in told) == (False, True)


def test_validity_is_cut_to_the_school_year() -> None:
    made = judged(user("dora", "district", valid_from=dt.date(2020, 1, 1), valid_until=dt.date(2099, 1, 1)))
    assert made.select("valid_from", "valid_until").row(0) == (on(7, 1), on(6, 30))


def test_one_name_for_two_persons_gives_nothing_to_either() -> None:
    made = judged(user("ana", "teacher", staff_key=key("t1")), user("ana", "teacher", staff_key=key("t2")), user("bo", "district"))
    assert made.select("user_name", "status").rows() == [("ana", "two persons"), ("ana", "two persons"), ("bo", "granted")]


def test_two_overlapping_validities_of_a_role_give_nothing_and_two_in_turn_are_two() -> None:
    twice = [user("pri", "principal", school_id="0101", valid_until=on(12, 31)), user("pri", "principal", school_id="0101")]
    assert judged(*twice)["status"].to_list() == ["two validities"] * 2
    twice[1] |= {"valid_from": on(1, 1)}
    assert judged(*twice)["status"].to_list() == ["granted"] * 2
    assert judged(twice[0], user("pri", "principal", school_id="2001"))["status"].to_list() == ["granted"] * 2


def listed(name: str, day: int, content: str = "") -> dict:
    arrived = ARRIVED + dt.timedelta(days=day)
    told = {"source_file": name, "definition": "test", "status": "loaded", "content_hash": content or name, "is_late": False}
    return told | {"landed_at": arrived}


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ([listed("a.csv", 0), listed("b.csv", 1)], ["bo"]),
        ([listed("b.csv", 0), listed("a.csv", 1)], ["ana"]),
        ([listed("a.csv", 0), listed("b.csv", 1), listed("empty.csv", 2)], []),
        ([listed("a.csv", 0, "same"), listed("b.csv", 1), listed("a_again.csv", 2, "same")], ["ana"]),
        ([listed("a.csv", 0), listed("b.csv", 0)], ["bo"]),
        ([], []),
    ],
    ids=["the newest", "whatever its name", "an empty one ends all", "an old one delivered again", "at the same moment", "no ledger"],
)
def test_only_the_newest_list_counts(files: list[dict], left: list[str]) -> None:
    lines = rows(ACCESS_USERS, user("ana", "district") | {"source_file": "a.csv"}, user("bo", "district") | {"source_file": "b.csv"})
    assert newest_list(lines, rows(FILES, *files)).collect()["user_name"].to_list() == left


def test_an_empty_list_is_nobody() -> None:
    assert judged().is_empty()
    assert lines_in_order(judged().lazy())[0]


def test_a_teacher_without_students_is_told() -> None:
    made = judged(user("ana", "teacher", staff_key=key("t1")), user("bo", "teacher", staff_key=key("t2"))).lazy()
    grant = {"scope": f"staff:{key('t1')}", "student_key": key("s1"), "link": "section", "valid_from": on(8, 11), "valid_until": on(6, 30)}
    assert teachers_have_students(made, rows(STUDENT_GRANTS, grant))[:2] == (False, "1 of 2 teachers with access have no student")
