"""The door to students' data: who sees which rows on which day, that nothing else is to be had, and that every look is on record first."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from people import (
    CLASS_GRANTS,
    NAMES,
    POLICIES,
    STUDENT_GRANTS,
    STUDENTS,
    TABLES,
    door,
    grant,
    key,
    policy,
    publish_facts,
    rows,
)

from la_assets.access import log_rows
from la_assets.access.schema import LOG
from la_resources.contracts import validate
from la_resources.lake import Lake
from la_resources.storage import FolderStorage, storage_at
from la_resources.student_access.access_log import AccessLog, AccessLogError
from la_resources.student_access.session import AccessSession, StudentAccess

YEAR, BEFORE = "2025-26", "2024-25"
NOW = dt.datetime(2026, 2, 10, 9, 30, tzinfo=dt.UTC)
TODAY = NOW.date()
FIRST, LAST = dt.date(2025, 8, 1), dt.date(2026, 6, 30)
ANA, BO = f"staff:{key('t1')}", f"staff:{key('t2')}"
LINES = [
    policy("ana", ANA, "teacher", FIRST, LAST),
    policy("bo", BO, "teacher", FIRST, LAST, line=3),
    policy("cora", "grade:0101:03", "counselor", FIRST, LAST, line=4),
    policy("cora", "program:0101:READ", "counselor", FIRST, LAST, line=4),
    policy("pri", "school:0101", "principal", FIRST, LAST, line=5),
    policy("dora", "district", "district", FIRST, LAST, line=6),
    policy("gone", "district", "district", FIRST, TODAY - dt.timedelta(1), line=7),
    policy("last", "district", "district", TODAY, TODAY, line=8),
    policy("soon", "district", "district", TODAY + dt.timedelta(1), LAST, line=9),
    policy("odd", "none", "teacher", FIRST, LAST, line=10, status="unknown staff"),
    policy("both", ANA, "teacher", FIRST, LAST, line=11),
    policy("both", "district", "district", FIRST, LAST, line=12),
    policy("caro", "grade:0101:03", "counselor", FIRST, LAST, line=13),
    policy("caro", ANA, "teacher", FIRST, LAST, line=14),
    policy("no_role", "district", None, FIRST, LAST, line=15),
]
GRANTS = [
    grant(ANA, "s1", FIRST, LAST),
    grant(ANA, "s2", FIRST, dt.date(2026, 1, 31)),
    grant(ANA, "s3", dt.date(2026, 2, 11), LAST),
    grant(BO, "s1", FIRST, LAST),
    grant(BO, "s4", FIRST, LAST),
    grant("grade:0101:03", "s2", FIRST, LAST, "grade"),
    grant("program:0101:READ", "s4", FIRST, LAST, "program"),
    *(grant("school:0101", s, FIRST, LAST, "school") for s in ("s1", "s2", "s3")),
]
CLASSES = [
    {"scope": ANA, "section_id": "A", "valid_from": FIRST, "valid_until": LAST},
    {"scope": BO, "section_id": "C", "valid_from": FIRST, "valid_until": dt.date(2026, 1, 31)},
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("people") / "lake")
    publish_facts(lake, (BEFORE, YEAR))
    lake.publish(POLICIES, YEAR, rows(POLICIES, YEAR, LINES))
    lake.publish(STUDENT_GRANTS, YEAR, rows(STUDENT_GRANTS, YEAR, GRANTS))
    lake.publish(CLASS_GRANTS, YEAR, rows(CLASS_GRANTS, YEAR, CLASSES))
    return lake


@pytest.fixture
def access(lake: Lake, tmp_path: Path) -> StudentAccess:
    return door(lake, tmp_path / "log", NOW)


def session(access: StudentAccess, user: str, as_of: dt.date | None = None, view_as: str | None = None) -> AccessSession:
    return access.open(user, "instruction", as_of, view_as)


def seen(asking: AccessSession, **how: object) -> list[str]:
    """Students of whom a session reads rows, by name."""
    return sorted({NAMES[k] for k in asking.read("marts.student_360", **how).rows.get_column("student_key", default=pl.Series([]))})


def events(access: StudentAccess, year: str = YEAR) -> list[dict]:
    return list(access.log.events(year))


# -- who sees whom ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "students"),
    [
        ("ana", ["s1"]),
        ("bo", ["s1", "s4"]),
        ("cora", ["s2", "s4"]),
        ("pri", ["s1", "s2", "s3"]),
        ("dora", list(STUDENTS)),
        ("last", list(STUDENTS)),
        (" Dora ", list(STUDENTS)),
    ],
)
def test_a_role_sees_its_students_of_the_day_and_nobody_else(access: StudentAccess, user: str, students: list[str]) -> None:
    asking = session(access, user)
    assert (asking.status, seen(asking)) == ("open", students)
    years = asking.read("marts.student_360").rows["school_year"].unique().sort().to_list()
    assert years == [BEFORE, YEAR], "a student's earlier years go with the student"


@pytest.mark.parametrize(
    ("user", "status"),
    [
        ("nobody", "unknown user"),
        ("gone", "expired"),
        ("soon", "not yet valid"),
        ("odd", "no access: unknown staff"),
        ("", "unknown user"),
        ("x' OR '1'='1", "unknown user"),
    ],
)
def test_whoever_is_unknown_or_out_of_date_sees_nothing_and_is_told_why(access: StudentAccess, user: str, status: str) -> None:
    asking = session(access, user)
    assert asking.status == status
    for table in TABLES:
        answer = asking.read(table)
        assert (answer.rows.height, answer.status) == (0, status)


def test_a_purpose_that_the_district_does_not_know_opens_nothing(access: StudentAccess) -> None:
    assert access.open("dora", "curious about Jane Doe").status == "unknown purpose"
    assert "Jane" not in json.dumps(events(access))


def test_an_empty_lake_gives_nobody_anything(tmp_path: Path) -> None:
    assert session(door(Lake(tmp_path / "lake"), tmp_path / "log", NOW), "dora").status == "unknown user"


def test_without_a_list_of_users_of_the_year_nobody_has_access(lake: Lake, tmp_path: Path) -> None:
    july = dt.datetime(2026, 7, 1, 8, tzinfo=dt.UTC)
    assert session(door(lake, tmp_path / "log", july), "dora").status == "unknown user"


# -- a day in the past ------------------------------------------------------------------------------------------------------


def test_a_past_day_has_the_links_of_that_day_and_the_knowledge_of_that_day(access: StudentAccess, lake: Lake) -> None:
    then = dt.date(2026, 1, 15)
    assert seen(session(access, "ana", then)) == ["s1", "s2"]
    early = session(access, "dora", dt.date(2025, 8, 1)).read("marts.student_360")
    assert early.rows.height == 10
    known_since = access.lake.scan(TABLES["marts.student_360"]).select(pl.col("known_on").max()).collect().item()
    assert known_since == dt.date(2025, 7, 1)


def test_what_became_known_later_is_not_shown_as_of_a_day_before(lake: Lake, tmp_path: Path) -> None:
    later = Lake(tmp_path / "lake")
    for table, given in ((POLICIES, LINES), (STUDENT_GRANTS, GRANTS), (CLASS_GRANTS, CLASSES)):
        later.publish(table, YEAR, rows(table, YEAR, given))
    news = ({"student_key": key(s), "known_on": d} for s, d in (("s1", dt.date(2026, 1, 10)), ("s2", dt.date(2026, 1, 20))))
    later.publish(TABLES["marts.student_360"], YEAR, rows(TABLES["marts.student_360"], YEAR, news))
    access = door(later, tmp_path / "log", NOW)
    assert seen(session(access, "dora", dt.date(2026, 1, 15))) == ["s1"]
    assert seen(session(access, "dora")) == ["s1", "s2"]


@pytest.mark.parametrize(("user", "status"), [("gone", "today: expired"), ("last", "not yet valid"), ("soon", "not yet valid")])
def test_a_past_day_does_not_bring_back_what_has_ended(access: StudentAccess, user: str, status: str) -> None:
    asking = session(access, user, dt.date(2026, 1, 15))
    assert (asking.status, seen(asking)) == (status, [])


def test_a_day_to_come_is_refused(access: StudentAccess) -> None:
    assert session(access, "dora", TODAY + dt.timedelta(1)).status == "a day to come"


# -- view-as ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "other", "students"),
    [("dora", "ana", ["s1"]), ("ana", "dora", ["s1"]), ("bo", "cora", ["s4"]), ("ana", "cora", []), ("pri", "bo", ["s1"])],
)
def test_view_as_shows_what_both_may_see(access: StudentAccess, user: str, other: str, students: list[str]) -> None:
    assert seen(session(access, user, view_as=other)) == students


@pytest.mark.parametrize(("other", "status"), [("nobody", "unknown user"), ("gone", "expired"), ("", "unknown user")])
def test_view_as_of_one_without_access_shows_nothing(access: StudentAccess, other: str, status: str) -> None:
    asking = session(access, "dora", view_as=other)
    assert (asking.status, seen(asking)) == (f"view-as: {status}", [])


# -- other tables -----------------------------------------------------------------------------------------------------------


def test_names_are_for_roles_entitled_to_them(access: StudentAccess) -> None:
    names = session(access, "ana").read("directory.students", school_years=[YEAR]).rows["given_name"].to_list()
    assert names == ["Name of s1"]
    answer = session(access, "dora").read("directory.students")
    assert (answer.rows.height, answer.status) == (0, "not for the role")
    both = session(access, "both")
    assert len(seen(both)) == 5
    assert both.read("directory.students", school_years=[YEAR]).rows["given_name"].to_list() == ["Name of s1"]


@pytest.mark.parametrize(
    ("user", "view_as", "shown"),
    [
        ("dora", None, {"frl", "homeless"}),
        ("cora", None, {"homeless"}),
        ("ana", None, set()),
        ("caro", None, set()),
        ("no_role", None, set()),
        ("dora", "cora", {"homeless"}),
        ("cora", "ana", set()),
    ],
)
def test_who_gets_cheaper_meals_or_is_homeless_is_told_to_those_who_need_it(
    access: StudentAccess, user: str, view_as: str | None, shown: set[str]
) -> None:
    asking = session(access, user, view_as=view_as)
    assert {"frl", "homeless"} & set(asking.read("marts.student_360").rows.columns) == shown
    for column in ("frl", "homeless"):
        status = "answered" if column in shown else "a column is not for the role"
        assert asking.read("marts.student_360", columns=["student_key", column]).status == status
        assert asking.read("marts.student_360", where={column: "yes"}).status == status


def overview(asking: AccessSession, table: str, column: str) -> list[tuple[str, str]]:
    answer = asking.read(f"marts.{table}")
    return sorted(answer.rows.select(column, "school_year").rows()) if answer.rows.height else []


def test_a_class_is_its_teacher_s_and_its_principal_s(access: StudentAccess) -> None:
    assert overview(session(access, "ana"), "class_overview", "section_id") == [("A", YEAR)]
    assert overview(session(access, "bo"), "class_overview", "section_id") == []
    assert overview(session(access, "bo", dt.date(2026, 1, 15)), "class_overview", "section_id") == [("C", YEAR)]
    of_school = [(section, year) for section in "AB" for year in (BEFORE, YEAR)]
    assert overview(session(access, "pri"), "class_overview", "section_id") == of_school
    assert len(overview(session(access, "dora"), "class_overview", "section_id")) == 6
    assert overview(session(access, "cora"), "class_overview", "section_id") == []
    assert overview(session(access, "pri", view_as="ana"), "class_overview", "section_id") == [("A", YEAR)]


def test_a_school_is_its_principal_s_and_the_district_is_everyone_s(access: StudentAccess) -> None:
    assert overview(session(access, "pri"), "school_overview", "school_id") == [("0101", BEFORE), ("0101", YEAR)]
    for user in ("ana", "cora"):
        assert session(access, user).read("marts.school_overview").status == "not for the role"
    assert session(access, "pri", view_as="ana").read("marts.school_overview").status == "not for the role"
    assert all(session(access, user).read("marts.district_overview").rows.height == 2 for user in ("ana", "cora", "pri", "dora"))


@pytest.mark.parametrize(
    "table", ["early_warning.model", "access.policies", "access.student_grants", "directory.staff", "marts.student_360 -- ", "", "nowhere"]
)
def test_a_table_without_a_policy_is_refused(access: StudentAccess, table: str) -> None:
    answer = session(access, "dora").read(table)
    assert (answer.rows.height, answer.status) == (0, "no policy for the table")


def test_a_rule_that_does_not_fit_its_table_refuses_it(access: StudentAccess) -> None:
    for rule in ("student", "everyone", ""):
        wrong = replace(access, rules=dict(access.rules) | {"marts.school_overview": rule})
        assert session(wrong, "dora").read("marts.school_overview").status == "no policy for the table"


# -- what is asked for --------------------------------------------------------------------------------------------------------


def test_columns_values_years_and_a_limit_narrow_what_is_read(access: StudentAccess) -> None:
    asking = session(access, "dora")
    answer = asking.read("marts.student_360", columns=["school_year"], where={"student_key": [key("s2"), key("s1")]}, limit=3)
    assert answer.rows.rows() == [(BEFORE,), (BEFORE,), (YEAR,)]
    assert asking.read("marts.student_360", where={"student_key": key("s2")}, school_years=[YEAR]).rows.height == 1
    assert asking.read("marts.student_360", limit=-1).rows.height == 0


def test_asking_for_a_student_one_may_not_see_gives_nothing(access: StudentAccess) -> None:
    answer = session(access, "ana").read("marts.student_360", where={"student_key": key("s5")})
    assert (answer.rows.height, answer.status) == (0, "answered")


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"columns": ["student_key", "secret"]}, "unknown column"),
        ({"where": {"1=1; --": 1}}, "unknown column"),
        ({"where": {"known_on": "not a day"}}, "a value does not fit its column"),
        ({"where": {"student_key": 7}}, "a value does not fit its column"),
    ],
)
def test_what_the_table_does_not_have_is_refused(access: StudentAccess, how: dict, status: str) -> None:
    answer = session(access, "dora").read("marts.student_360", **how)
    assert (answer.rows.height, answer.status) == (0, status)


def test_a_line_taken_from_the_list_ends_a_session_under_way(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    publish_facts(lake, (YEAR,))
    lake.publish(POLICIES, YEAR, rows(POLICIES, YEAR, LINES))
    asking = session(door(lake, tmp_path / "log", NOW), "dora")
    assert len(seen(asking)) == 5
    lake.publish(POLICIES, YEAR, rows(POLICIES, YEAR, [line for line in LINES if line["user_name"] != "dora"]))
    assert (seen(asking), asking.status) == ([], "unknown user")


# -- the log ----------------------------------------------------------------------------------------------------------------


def test_every_look_and_every_refusal_is_on_record(access: StudentAccess) -> None:
    asking = session(access, "bo", view_as="dora")
    asking.read("marts.student_360", where={"student_key": [key("s1"), "Jane"], "school_year": YEAR}, school_years=[YEAR])
    asking.read("directory.students", where={"given_name": "Jane Doe"})
    asking.read("early_warning.model")
    session(access, "nobody")
    told = events(access)
    shown = [(e["action"], e["user_name"], e["table"], e["outcome"], e["rows"], e["students"]) for e in told]
    assert shown == [
        ("open", "bo", "", "open", 0, 0),
        ("read", "bo", "marts.student_360", "answered", 1, 1),
        ("read", "bo", "directory.students", "not for the role", 0, 0),
        ("read", "bo", "early_warning.model", "no policy for the table", 0, 0),
        ("open", "nobody", "", "unknown user", 0, 0),
    ]
    first = told[1]
    assert (first["purpose"], first["view_as"], first["as_of"], first["at"][:19]) == (
        "instruction",
        "dora",
        "2026-02-10",
        "2026-02-10T09:30:00",
    )
    assert (first["filters"], first["students_asked"], first["school_years"]) == (["school_year", "student_key"], [key("s1")], [YEAR])
    assert "Jane" not in json.dumps(told)


def test_no_name_of_a_student_or_table_typed_by_mistake_is_logged(access: StudentAccess) -> None:
    session(access, "Jane Doe's mother").read("Jane Doe", where={"Jane": "Doe"}, school_years=["Jane"])
    assert "Jane" not in json.dumps(events(access))
    assert [e["table"] for e in events(access)] == ["", "(unknown)"]


class Full(FolderStorage):
    """A place that takes no more after some files."""

    left = 1

    def put(self, content: bytes, path: str, *, durable: bool = False, closed: str = "") -> None:
        assert durable
        if not self.left:
            raise OSError(28, "No space left on device")
        self.left -= 1
        super().put(content, path, durable=durable, closed=closed)


def test_if_the_log_cannot_be_written_nothing_is_shown(lake: Lake, tmp_path: Path) -> None:
    access = door(lake, Full(tmp_path / "log"), NOW)
    asking = session(access, "dora")
    with pytest.raises(AccessLogError, match=r"cannot be written \(OSError\): nothing is shown"):
        asking.read("marts.student_360")
    with pytest.raises(AccessLogError):
        session(access, "dora")
    assert len(events(access)) == 1


def test_a_read_that_fails_is_on_record_too(access: StudentAccess, monkeypatch: pytest.MonkeyPatch) -> None:
    asking = session(access, "dora")
    monkeypatch.setattr(Lake, "scan", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        asking.read("marts.student_360")
    monkeypatch.undo()
    assert events(access)[-1]["outcome"] == "failed: ZeroDivisionError"


def test_rows_are_on_record_before_they_are_handed_out(access: StudentAccess, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is stopped while the event is written has shown nothing; who is stopped after it has said so."""
    asking = session(access, "dora")
    order: list[str] = []
    real = AccessLog.record
    monkeypatch.setattr(AccessLog, "record", lambda log, event: (order.append(f"logged {event.rows}"), real(log, event))[1])
    order.append(f"answered {asking.read('marts.student_360').rows.height}")
    assert order == ["logged 10", "answered 10"]


def test_events_of_one_moment_do_not_replace_each_other(access: StudentAccess) -> None:
    access = replace(access, now=lambda: NOW)
    for _ in range(5):
        session(access, "ana")
    assert len({e["event_id"] for e in events(access)}) == 5
    assert (Path(access.log.storage.root) / f"school_year={YEAR}").stat().st_mode & 0o777 == 0o700


def test_the_log_lies_in_a_bucket_as_in_a_folder(lake: Lake, bucket: str) -> None:
    access = door(lake, storage_at(f"{bucket}/access_log", "access log"), NOW)
    assert len(seen(session(access, "dora"))) == 5
    assert [e["outcome"] for e in events(access)] == ["open", "answered"]


def test_the_log_is_a_table(access: StudentAccess) -> None:
    session(access, "ana").read("marts.student_360", where={"student_key": key("s1")})
    session(access, "", as_of=None)
    made = log_rows.rows(access.log.events(YEAR), YEAR, LOG.name, LOG.polars_schema()).select(LOG.names).sort(LOG.key)
    validate(LOG, made)
    assert made.select("user_name", "outcome", "rows", "students_asked").sort("outcome").rows() == [
        ("ana", "answered", 2, key("s1")),
        ("ana", "open", 0, None),
        ("(not a user name)", "unknown user", 0, None),
    ]
    validate(LOG, log_rows.rows([], YEAR, LOG.name, LOG.polars_schema()).select(LOG.names))
