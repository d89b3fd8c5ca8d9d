"""Row-level security over the wire: the same rows as through the local door, for every role, and nothing without a policy.

The server is PostgreSQL behind the stand-in's door, which turns Redshift's policies into its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from people import CLASS_GRANTS, POLICIES, RULES, SECTIONS, STUDENT_GRANTS, STUDENTS, TABLES, door, grant, key, policy, publish_facts, rows
from tests import redshift_server, served_s3
from tests.redshift_server import RedshiftServer

from la_resources import school_year
from la_resources.contracts import Column, Table
from la_resources.lake import Lake
from la_resources.redshift import row_policies
from la_resources.redshift.ddl import is_offered
from la_resources.redshift.engine import Redshift
from la_resources.redshift.settings import RedshiftSettings

pytestmark = pytest.mark.needs("/usr/lib/postgresql")
NOW = dt.datetime.now(dt.UTC)
TODAY = NOW.date()
YEAR = school_year.of_date(TODAY)
BEFORE = school_year.shift(YEAR, -1)
USERS = ("u0", "u1", "u2")
WITHHELD = ("frl", "homeless")
SHOWN = {"marts.student_360": "student_key", "marts.class_overview": "section_id", "marts.school_overview": "school_id"}
SCOPES = (f"staff:{key('t1')}", f"staff:{key('t2')}", "school:0101", "grade:0101:03", "district")


@pytest.fixture(scope="module")
def lake(s3_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """Facts and empty policies in a bucket, as the graph leaves them."""
    with pytest.MonkeyPatch.context() as patch:
        staging = str(tmp_path_factory.mktemp("staging"))
        for name, value in {**served_s3.ENVIRONMENT, "LA_S3_ENDPOINT": s3_server, "LA_STAGING_ROOT": staging}.items():
            patch.setenv(name, value)
        lake = Lake(f"s3://{served_s3.new_bucket(s3_server)}/lake")
        publish_facts(lake, (BEFORE, YEAR))
        for table in (POLICIES, STUDENT_GRANTS, CLASS_GRANTS):
            lake.publish(table, YEAR, rows(table, YEAR, []))
        yield lake


@pytest.fixture(scope="module")
def server(s3_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedshiftServer]:
    with redshift_server.served(tmp_path_factory.mktemp("policies"), s3_server) as server:
        yield server


@pytest.fixture(scope="module")
def engine(lake: Lake, server: RedshiftServer, s3_server: str) -> Redshift:
    """Redshift with everything loaded and the policies applied, twice: the second time changes nothing."""
    secret = served_s3.new_secret(s3_server, server.user, server.password)
    settings = RedshiftSettings(
        "127.0.0.1", server.port, server.database, secret=secret, secrets_endpoint=s3_server, encrypted=False, patience=20
    )
    engine = Redshift(settings, lake)
    for table in TABLES.values():
        if is_offered(table):
            for year in lake.school_years(table):
                engine.load(table, year)
    assert "CREATE ROLE la_reader" in row_policies.apply(engine, TABLES, RULES, WITHHELD)
    assert "CREATE ROLE la_reader" not in row_policies.apply(engine, TABLES, RULES, WITHHELD)
    for user in (*USERS, "stranger"):
        server.query(f'create user "{user}"')
    for user in USERS:
        server.query(f'grant la_reader to "{user}"')
    return engine


@pytest.fixture(scope="module")
def cursors(engine: Redshift, server: RedshiftServer) -> Iterator[dict[str, Any]]:
    """A connection of each user."""
    import redshift_connector

    made = {
        user: redshift_connector.connect(host="127.0.0.1", port=server.port, database=server.database, user=user, password="x", ssl=False)
        for user in (*USERS, "stranger")
    }
    for connection in made.values():
        connection.autocommit = True
    yield {user: connection.cursor() for user, connection in made.items()}
    for connection in made.values():
        connection.close()


def put(server: RedshiftServer, policies: list[dict], grants: list[dict], classes: list[dict]) -> None:
    """Rows of the policy tables in the server, in place of those before."""
    sql = ["truncate access.policies, access.student_grants, access.class_grants"]
    for table, of_table in ((POLICIES, policies), (STUDENT_GRANTS, grants), (CLASS_GRANTS, classes)):
        for row in rows(table, YEAR, of_table).iter_rows(named=True):
            values = ", ".join("null" if value is None else f"'{value}'" for value in row.values())
            sql.append(f"insert into {table.name} ({', '.join(row)}) values ({values})")
    server.query("; ".join(sql))


def over_the_wire(cursor: Any, table: str, column: str, view_as: str | None) -> list[tuple]:
    cursor.execute("SELECT set_config('la.view_as', %s, FALSE)", (view_as or "",))
    cursor.execute(f"SELECT {column}, school_year FROM {table}")
    return sorted(tuple(row) for row in cursor.fetchall())


def through_the_door(asking: Any, table: str, column: str) -> list[tuple]:
    found = asking.read(table).rows
    return sorted(found.select(column, "school_year").rows()) if found.height else []


def _day(offset: int) -> dt.date:
    """A day near today, within the school year as the room cuts it."""
    day = TODAY + dt.timedelta(offset)
    return min(max(day, school_year.first_day(YEAR)), school_year.last_day(YEAR))


_span = st.tuples(st.sampled_from((-9, -1, 0, 1)), st.sampled_from((-1, 0, 1, 9))).map(lambda days: (_day(days[0]), _day(days[1])))
_policies = st.lists(
    st.tuples(st.sampled_from(USERS), st.sampled_from(SCOPES), _span, st.sampled_from(("granted", "granted", "unknown staff"))),
    max_size=6,
    unique_by=lambda row: (row[0], row[1]),
)
_grants = st.lists(
    st.tuples(st.sampled_from(SCOPES[:4]), st.sampled_from(STUDENTS), _span), max_size=12, unique_by=lambda row: (row[0], row[1], row[2][0])
)
_classes = st.lists(
    st.tuples(st.sampled_from(SCOPES[:2]), st.sampled_from([*SECTIONS]), _span),
    max_size=5,
    unique_by=lambda row: (row[0], row[1], row[2][0]),
)
_LONG = (_day(-9), _day(9))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(policies=_policies, grants=_grants, classes=_classes, other=st.sampled_from((*USERS, "nobody")))
@example(
    policies=[("u0", SCOPES[0], _LONG, "granted"), ("u1", SCOPES[2], _LONG, "granted"), ("u2", "district", _LONG, "granted")],
    grants=[(SCOPES[0], "s1", _LONG), (SCOPES[0], "s2", _LONG), (SCOPES[2], "s2", _LONG), (SCOPES[2], "s3", _LONG)],
    classes=[(SCOPES[0], "A", _LONG), (SCOPES[0], "C", _LONG)],
    other="u0",
)
@example(
    policies=[
        ("u0", SCOPES[0], (_day(-9), _day(-1)), "granted"),
        ("u1", SCOPES[2], _LONG, "unknown staff"),
        ("u2", "district", _LONG, "unknown staff"),
    ],
    grants=[(SCOPES[0], "s1", _LONG), (SCOPES[2], "s2", _LONG)],
    classes=[(SCOPES[0], "A", _LONG)],
    other="u1",
)
def test_the_database_shows_what_the_door_shows(
    cursors: dict[str, Any],
    server: RedshiftServer,
    lake_of_policies: Lake,
    tmp_path: Path,
    policies: list,
    grants: list,
    classes: list,
    other: str,
) -> None:
    lines = [policy(user, scope, "teacher", *span, line=n + 2, status=status) for n, (user, scope, span, status) in enumerate(policies)]
    linked = [grant(scope, student, *span) for scope, student, span in grants]
    taught = [
        {"scope": scope, "section_id": section, "valid_from": first, "valid_until": last} for scope, section, (first, last) in classes
    ]
    put(server, lines, linked, taught)
    for table, given_rows in ((POLICIES, lines), (STUDENT_GRANTS, linked), (CLASS_GRANTS, taught)):
        lake_of_policies.publish(table, YEAR, rows(table, YEAR, given_rows))
    access = door(lake_of_policies, tmp_path / "log", NOW)
    for user in USERS:
        for view_as in (None, other):
            asking = access.open(user, "instruction", view_as=view_as)
            for table, column in SHOWN.items():
                assert over_the_wire(cursors[user], table, column, view_as) == through_the_door(asking, table, column)
            told = over_the_wire(cursors[user], "marts.district_overview", "source", view_as)
            assert len(told) == asking.read("marts.district_overview").rows.height == (2 if asking.status == "open" else 0)


@pytest.fixture(scope="module")
def lake_of_policies(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The same facts in a folder, for the door."""
    lake = Lake(tmp_path_factory.mktemp("door") / "lake")
    publish_facts(lake, (BEFORE, YEAR))
    return lake


def refused(cursor: Any, sql: str) -> str:
    import redshift_connector

    with pytest.raises(redshift_connector.ProgrammingError) as caught:
        cursor.execute(sql)
    return str(caught.value)


def test_without_the_role_or_without_a_rule_nothing_is_read(cursors: dict[str, Any], server: RedshiftServer) -> None:
    put(server, [policy(user, "district", "district", *_LONG) for user in ("u0", "stranger")], [], [])
    assert len(over_the_wire(cursors["u0"], "marts.student_360", "student_key", None)) == 10
    assert "permission denied" in refused(cursors["stranger"], "SELECT student_key FROM marts.student_360")
    for table in ("early_warning.model", "access.policies", "access.student_grants", "access.class_grants"):
        assert "permission denied" in refused(cursors["u0"], f"SELECT * FROM {table}")
    for column in ("*", *WITHHELD):
        assert "permission denied" in refused(cursors["u0"], f"SELECT {column} FROM marts.student_360")


def test_a_reader_cannot_lift_the_protection(cursors: dict[str, Any]) -> None:
    for attempt in (
        "ALTER TABLE marts.student_360 ROW LEVEL SECURITY OFF",
        "DROP RLS POLICY la_student_rows CASCADE",
        "INSERT INTO access.policies SELECT * FROM access.policies",
        "DELETE FROM marts.student_360",
    ):
        assert any(word in refused(cursors["u1"], attempt) for word in ("permission denied", "must be owner"))


def test_a_load_after_the_policies_replaces_the_whole_year(engine: Redshift, server: RedshiftServer) -> None:
    """The loader sees all rows; one that did not would leave old ones behind."""
    count = "select count(*) from marts.student_360"
    before = server.query(count)
    assert engine.load(TABLES["marts.student_360"], YEAR) == len(STUDENTS)
    assert server.query(count) == before == [("10",)]
    assert server.statements.index("GRANT IGNORE RLS TO ROLE la_loader") < server.statements.index(
        'ALTER TABLE "marts"."student_360" ROW LEVEL SECURITY ON'
    )


def test_a_table_that_loses_its_rule_is_closed(engine: Redshift, cursors: dict[str, Any], server: RedshiftServer) -> None:
    put(server, [policy("u0", "district", "district", *_LONG)], [], [])
    fewer = {name: rule for name, rule in RULES.items() if name != "marts.school_overview"}
    row_policies.apply(engine, TABLES, fewer, WITHHELD)
    assert "permission denied" in refused(cursors["u0"], "SELECT * FROM marts.school_overview")
    row_policies.apply(engine, TABLES, RULES, WITHHELD)
    assert len(over_the_wire(cursors["u0"], "marts.school_overview", "school_id", None)) == 4


def test_a_protected_table_without_a_policy_shows_nothing(cursors: dict[str, Any], server: RedshiftServer, engine: Redshift) -> None:
    put(server, [policy("u0", "district", "district", *_LONG)], [], [])
    with engine.connection() as connection:
        connection.cursor().execute("DROP RLS POLICY IF EXISTS la_student_rows CASCADE")
    assert over_the_wire(cursors["u0"], "marts.student_360", "student_key", None) == []
    row_policies.apply(engine, TABLES, RULES, WITHHELD)
    assert len(over_the_wire(cursors["u0"], "marts.student_360", "student_key", None)) == 10


# -- the text ---------------------------------------------------------------------------------------------------------------


def test_rows_are_protected_before_anyone_is_let_in() -> None:
    made = row_policies.statements(TABLES, RULES, WITHHELD, "loader")
    first_grant = next(n for n, statement in enumerate(made) if statement.startswith("GRANT SELECT") and "TO ROLE" in statement)
    assert max(n for n, statement in enumerate(made) if "ROW LEVEL SECURITY ON" in statement) < first_grant
    assert not any("directory" in statement for statement in made)
    assert 'REVOKE ALL ON TABLE "access"."policies" FROM ROLE la_reader' in made
    (created,) = [s for s in made if s.startswith("CREATE RLS POLICY la_student_rows")]
    assert created.startswith("CREATE RLS POLICY la_student_rows WITH (student_key VARCHAR(128)) USING (")
    assert 'ATTACH RLS POLICY la_student_rows ON TABLE "marts"."student_360" TO ROLE la_reader' in made


def test_tables_of_a_policy_must_agree_in_their_types() -> None:
    other = Table("marts.other", "Other.", (Column("student_key", pl.String, "Key."),), ("student_key",))
    with pytest.raises(ValueError, match=r"la_student_rows: student_key is of the types VARCHAR\(128\), VARCHAR\(4096\)"):
        row_policies.create_policy("student", [TABLES["marts.student_360"], other])


def test_the_stand_in_is_as_strict_as_it_says(engine: Redshift) -> None:
    with engine.connection() as connection:
        cursor = connection.cursor()
        cursor.execute(
            "CREATE RLS POLICY la_try WITH (student_key VARCHAR(128)) USING (student_key IN (SELECT scope FROM access.policies))"
        )
        assert "ungranted lookup" in refused(cursor, "ATTACH RLS POLICY la_try ON TABLE marts.student_360 TO ROLE la_reader")
        cursor.execute("GRANT SELECT ON TABLE access.policies TO RLS POLICY la_try")
        assert "lookup table" in refused(cursor, "ATTACH RLS POLICY la_try ON TABLE access.policies TO ROLE la_reader")
        assert "does not exist" in refused(cursor, "ATTACH RLS POLICY la_try ON TABLE marts.school_overview TO ROLE la_reader")
        cursor.execute("DROP RLS POLICY la_try CASCADE")
