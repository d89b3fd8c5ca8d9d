"""Partitions in Redshift, over the wire, with the driver a district uses: swapped whole, counted, waited for, and no secret anywhere."""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from test_lake import PART, ROWS, days
from tests import redshift_server, served_s3
from tests.redshift_server import RedshiftServer

from la_resources.contracts import Column, Table
from la_resources.lake import Lake, Written
from la_resources.redshift import ddl
from la_resources.redshift.catalog import GlueCatalog, hive_type
from la_resources.redshift.catching_up import catch_up
from la_resources.redshift.engine import Redshift, RedshiftError
from la_resources.redshift.settings import RedshiftSettings
from la_resources.redshift.unloading import unloaded

pytestmark = pytest.mark.needs("/usr/lib/postgresql")
ROLE = "arn:aws:iam::123456789012:role/reads-the-lake"
EVERYTHING = Table(
    "marts.everything",
    "A row of every type.",
    (
        Column("student_key", pl.String, "Key.", pattern="^s"),
        Column("level", pl.String, "Level.", options=("Low", "High")),
        Column("note", pl.String, "Text.", nullable=True),
        Column("small", pl.Int16, "Int16."),
        Column("whole", pl.Int32, "Int32."),
        Column("large", pl.Int64, "Int64."),
        Column("share", pl.Float64, "Float64.", nullable=True),
        Column("seen", pl.Boolean, "Boolean."),
        Column("on", pl.Date, "Date."),
        Column("loaded_at", pl.Datetime("us", "UTC"), "Time."),
        Column("standards", pl.List(pl.String), "Texts."),
        Column("school_year", pl.String, "Year.", pattern="^2"),
    ),
    ("student_key",),
)


@pytest.fixture(scope="module")
def server(s3_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedshiftServer]:
    with redshift_server.served(tmp_path_factory.mktemp("redshift"), s3_server) as server:
        yield server


@pytest.fixture
def settings(server: RedshiftServer, bucket: str, s3_server: str) -> RedshiftSettings:
    secret = served_s3.new_secret(s3_server, server.user, server.password)
    return RedshiftSettings(
        "127.0.0.1", server.port, server.database, role=ROLE, secret=secret, secrets_endpoint=s3_server, encrypted=False, patience=20
    )


@pytest.fixture
def engine(settings: RedshiftSettings, bucket: str, server: RedshiftServer) -> Redshift:
    server.query("drop schema if exists attendance cascade; drop schema if exists marts cascade")
    return Redshift(settings, Lake(f"{bucket}/lake"))


def rows(server: RedshiftServer) -> list[tuple]:
    return server.query("select school_year, count(*), sum(absent) from attendance.sample group by 1 order by 1")


def publish(engine: Redshift, frame: pl.DataFrame, year: str = "2023-24", table: Table = ROWS) -> list[Written]:
    return [engine.lake.publish(table, year, frame)]


def test_a_published_year_replaces_exactly_that_year(engine: Redshift, server: RedshiftServer) -> None:
    for year, students, absent in (("2022-23", 3, 0.0), ("2023-24", 5, 0.0), ("2023-24", 2, 1.0), ("2023-24", 2, 1.0)):
        engine.published(ROWS, publish(engine, days(students, year=year, absent=absent), year), [ROWS])
    assert rows(server) == [("2022-23", "3", "0"), ("2023-24", "2", "2")]


def of_every_type() -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "student_key": ["s1", "s2"],
            "level": ["Low", "High"],
            "note": ['a, "b"\n\\N é', None],
            "small": [-3, 4],
            "whole": [2**31 - 1, 0],
            "large": [2**62, -1],
            "share": [0.1, None],
            "seen": [True, False],
            "on": [dt.date(2024, 2, 29)] * 2,
            "loaded_at": [dt.datetime(2024, 3, 1, 12, 34, 56, 789_000, dt.UTC)] * 2,
            "standards": [["MA.4", "x'y"], []],
            "school_year": ["2023-24"] * 2,
        }
    )
    return frame.cast({c.name: c.dtype for c in EVERYTHING.columns})


def test_every_type_arrives_as_it_is_in_the_lake(engine: Redshift, server: RedshiftServer) -> None:
    frame = of_every_type()
    engine.published(EVERYTHING, publish(engine, frame, table=EVERYTHING), [EVERYTHING])
    with engine.connection() as connection:
        cursor = connection.cursor()
        cursor.execute(
            'SELECT note, small, whole, large, share, seen, "on", loaded_at, standards FROM marts.everything ORDER BY student_key'
        )
        first, second = cursor.fetchall()
    assert first[:6] == ['a, "b"\n\\N é', -3, 2**31 - 1, 2**62, 0.1, True]
    assert (first[6].isoformat(), first[7].isoformat()) == ("2024-02-29", "2024-03-01T12:34:56.789000")
    assert (json.loads(first[8]), json.loads(second[8])) == (["MA.4", "x'y"], [])
    assert (second[0], second[4]) == (None, None)


def test_what_redshift_is_behind_in_is_loaded_and_nothing_else(engine: Redshift, server: RedshiftServer) -> None:
    """A table that it never had, rows that went missing, and rows of an earlier arrival."""
    tables, years = [EVERYTHING], ["2022-23", "2023-24"]
    publish(engine, of_every_type(), table=EVERYTHING)
    one = [("marts.everything", "2023-24")]
    assert (catch_up(engine, tables, years), catch_up(engine, tables, years)) == (one, [])
    for change in (
        "delete from marts.everything where note is null",
        "update marts.everything set loaded_at = loaded_at - interval '1 day'",
    ):
        server.query(change)
        assert (catch_up(engine, tables, years), catch_up(engine, tables, years)) == (one, [])
    assert server.query("select count(*), min(loaded_at) from marts.everything") == [("2", "2024-03-01 12:34:56.789")]


def test_rows_are_unloaded_as_they_are_and_nothing_of_them_stays_in_the_bucket(engine: Redshift, tmp_path: Path) -> None:
    engine.published(EVERYTHING, publish(engine, of_every_type(), table=EVERYTHING), [EVERYTHING])
    names = [name for name in EVERYTHING.names if name != "standards"]
    query = f"""SELECT {", ".join(ddl.quoted(name) for name in names)} FROM marts.everything"""
    with engine.connection() as connection:
        files = unloaded(engine, connection, query, ".unloaded/a", tmp_path)
        none = unloaded(engine, connection, f"{query} WHERE note = 'it''s not there'", ".unloaded/b", tmp_path)
    rows = pl.scan_parquet(files).cast({name: EVERYTHING.by_name[name].dtype for name in names}).collect()
    assert rows.sort("student_key").equals(of_every_type().select(names))
    assert (len(files), none, engine.lake.storage.folders(".unloaded")) == (2, [], [])


def test_unloaded_rows_that_went_missing_are_noticed(engine: Redshift, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.published(ROWS, publish(engine, days(4)), [ROWS])
    real = engine.lake.storage.names
    monkeypatch.setattr(engine.lake.storage, "names", lambda path: real(path)[:1])
    with engine.connection() as connection, pytest.raises(RedshiftError, match="UNLOAD brought 2 of 4 rows; run this again"):
        unloaded(engine, connection, "SELECT * FROM attendance.sample", ".unloaded/a", tmp_path)


def test_a_bucket_with_a_key_of_its_own_has_unloaded_files_encrypted_with_it(
    engine: Redshift, server: RedshiftServer, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.published(ROWS, publish(engine, days(1)), [ROWS])
    monkeypatch.setenv("LA_S3_ENCRYPTION", "aws:kms")
    monkeypatch.setenv("LA_S3_KMS_KEY", "arn:aws:kms:us-east-1:123456789012:key/k")
    with engine.connection() as connection:
        keyed = Redshift(engine.settings, Lake(f"{bucket}/lake"))
        unloaded(keyed, connection, "SELECT * FROM attendance.sample", ".unloaded/a", tmp_path)
    (statement,) = [s for s in server.statements if s.startswith("UNLOAD")][-1:]
    assert statement.endswith(f"IAM_ROLE '{ROLE}' FORMAT AS PARQUET KMS_KEY_ID 'arn:aws:kms:us-east-1:123456789012:key/k' ENCRYPTED")


@pytest.mark.parametrize(
    ("statement", "refusal"),
    [
        ("SELECT snapshot FROM attendance.sample", "a reserved word as a name is not supported"),
        ("SELECT string_agg(student_key, ',') FROM attendance.sample", "STRING_AGG, ARRAY_AGG is not supported"),
        ("UNLOAD ('SELECT 1 LIMIT 1') TO 's3://b/k/' IAM_ROLE default FORMAT AS PARQUET", "LIMIT in the outer SELECT"),
    ],
)
def test_the_stand_in_refuses_what_redshift_refuses(engine: Redshift, statement: str, refusal: str) -> None:
    with pytest.raises(RedshiftError, match=refusal):
        engine.asked("trying", lambda connection: connection.cursor().execute(statement))


def test_rows_lie_by_student_and_are_sorted_by_year(engine: Redshift, server: RedshiftServer) -> None:
    engine.published(ROWS, publish(engine, days(1)), [ROWS])
    (created,) = [s for s in server.statements if s.startswith('CREATE TABLE IF NOT EXISTS "attendance"."sample"')][-1:]
    assert 'DISTSTYLE KEY DISTKEY("student_key") SORTKEY("school_year", "student_key")' in created
    assert '"absent" DOUBLE PRECISION,' in created
    assert '"school_year" VARCHAR(128) NOT NULL' in created


def test_a_year_that_left_the_lake_leaves_redshift(engine: Redshift, server: RedshiftServer) -> None:
    engine.published(ROWS, publish(engine, days(2)), [ROWS])
    engine.lake.storage.remove(PART)
    assert engine.load(ROWS, "2023-24") == 0
    assert rows(server) == []


def test_a_contract_that_gains_a_column_widens_the_table_and_old_years_stay(engine: Redshift, server: RedshiftServer) -> None:
    engine.published(ROWS, publish(engine, days(2, year="2022-23"), "2022-23"), [ROWS])
    wider = Table(ROWS.name, ROWS.grain, (*ROWS.columns, Column("reason", pl.String, "Why.", nullable=True)), ROWS.key)
    frame = days(1).with_columns(reason=pl.lit("ill"))
    engine.published(wider, publish(engine, frame, table=wider), [wider])
    assert engine.load(wider, "2022-23") == 2, "a file of before has a column less"
    assert server.query("select school_year, reason from attendance.sample order by 1") == [
        ("2022-23", ""),
        ("2022-23", ""),
        ("2023-24", "ill"),
    ]


@pytest.mark.parametrize("broken", [b"", b"PAR1 and nothing else PAR1"])
def test_a_copy_that_fails_leaves_the_old_rows(
    engine: Redshift, server: RedshiftServer, broken: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The object is replaced by something else between the look at it and the COPY."""
    engine.published(ROWS, publish(engine, days(4)), [ROWS])
    real, storage = ddl.create_staging, engine.lake.storage

    def then_broken(*arguments: object) -> str:
        storage.put(broken, PART)
        return real(*arguments)

    monkeypatch.setattr(ddl, "create_staging", then_broken)
    with pytest.raises(
        RedshiftError, match=r"loading attendance\.sample of 2023-24 into Redshift 127.0.0.1/district: .*; the rows of before stand"
    ):
        engine.load(ROWS, "2023-24")
    assert rows(server) == [("2023-24", "4", "0")]
    assert storage.folders(".manifests/attendance.sample") == storage.names(".manifests/attendance.sample") == []


def test_a_failure_between_delete_and_insert_leaves_the_old_rows(engine: Redshift, server: RedshiftServer) -> None:
    engine.published(ROWS, publish(engine, days(4)), [ROWS])
    server.query("alter table attendance.sample add constraint never check (absent < 1)")
    with pytest.raises(RedshiftError, match="never"):
        engine.published(ROWS, publish(engine, days(2, absent=1.0)), [ROWS])
    assert rows(server) == [("2023-24", "4", "0")]


def test_rows_that_copy_lost_are_noticed(engine: Redshift, server: RedshiftServer, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.published(ROWS, publish(engine, days(4)), [ROWS])
    monkeypatch.setattr("tests.redshift_server.proxy.copied", lambda *arguments: 0)
    with pytest.raises(RedshiftError, match="COPY brought 0 rows, the lake has 9; the rows of before stand, run this again"):
        engine.published(ROWS, publish(engine, days(9)), [ROWS])
    assert rows(server) == [("2023-24", "4", "0")]


def test_a_redshift_that_is_down_for_a_while_is_waited_for(engine: Redshift, server: RedshiftServer) -> None:
    years = [f"{y}-{y % 100 + 1}" for y in range(2018, 2026)]
    engine.published(ROWS, publish(engine, days(3, year=years[0]), years[0]), [ROWS])
    server.down_for(1.5)
    for year in years:
        engine.published(ROWS, publish(engine, days(3, year=year), year), [ROWS])
    assert rows(server) == [(year, "3", "0") for year in years]


def test_a_connection_that_is_cut_in_the_middle_of_a_load_doubles_and_loses_nothing(
    engine: Redshift, server: RedshiftServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.published(ROWS, publish(engine, days(4)), [ROWS])
    real, cuts = Redshift._swap, iter([True, False])

    def cut_once(connection, table, year, staging, columns):
        if next(cuts):
            server.down_for(0.5)
        real(connection, table, year, staging, columns)

    monkeypatch.setattr(Redshift, "_swap", staticmethod(cut_once))
    engine.published(ROWS, publish(engine, days(7)), [ROWS])
    assert rows(server) == [("2023-24", "7", "0")]


def test_a_redshift_that_stays_down_is_named_with_the_next_step(engine: Redshift) -> None:
    away = Redshift(replace(engine.settings, port=9, patience=1.0), engine.lake)
    publish(engine, days(1))
    with pytest.raises(RedshiftError, match=r"no answer for 1 s .*See whether the workgroup runs"):
        away.load(ROWS, "2023-24")


def test_years_loaded_at_once_wait_for_no_more_than_the_swap(engine: Redshift, server: RedshiftServer) -> None:
    years = [f"{y}-{y % 100 + 1}" for y in range(2018, 2022)]
    for year in years:
        publish(engine, days(50, year=year), year)
    engine.load(ROWS, years[0])
    threads = [threading.Thread(target=engine.load, args=(ROWS, year)) for year in years * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows(server) == [(year, "50", "0") for year in years]


def test_what_is_not_for_sql_is_not_loaded(engine: Redshift, server: RedshiftServer) -> None:
    before = len(server.statements)
    for table in (
        replace(ROWS, restricted=True),
        Table("landing.raw", ROWS.grain, ROWS.columns, ROWS.key),
        Table("x.models", ROWS.grain, (*ROWS.columns, Column("manifest", pl.String, "What it is.")), ROWS.key),
    ):
        engine.published(table, [Written(table.name, "2023-24", "", 1, 1)], [table])
    assert len(server.statements) == before


def test_the_password_is_nowhere(
    engine: Redshift, server: RedshiftServer, s3_server: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    engine.published(ROWS, publish(engine, days(1)), [ROWS])
    served_s3.client(s3_server, "secretsmanager").put_secret_value(
        SecretId=engine.settings.secret, SecretString=json.dumps({"username": server.user})
    )
    with pytest.raises(
        PermissionError, match=r"the secret redshift/district-\w+ for Redshift 127\.0\.0\.1/district holds no username and password"
    ) as caught:
        engine.load(ROWS, "2023-24")
    gone = replace(engine.settings, secret="never-made")
    with pytest.raises(PermissionError, match=r"never-made .*cannot be read \(ResourceNotFoundException\); see that it exists") as other:
        Redshift(gone, engine.lake).load(ROWS, "2023-24")
    said = "\n".join([*caplog.messages, *server.statements, repr(engine.settings), str(caught.value), str(other.value)])
    assert server.password not in said
    assert f"IAM_ROLE '{ROLE}'" in said


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"LA_REDSHIFT_HOST": "h"}, "LA_REDSHIFT_SECRET .*or LA_REDSHIFT_WORKGROUP"),
        ({"LA_REDSHIFT_HOST": "h", "LA_REDSHIFT_SECRET": "s", "LA_REDSHIFT_ROLE": "x' CREDENTIALS '"}, "is not the ARN of a role"),
    ],
)
def test_settings_that_cannot_be_are_refused(told: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RedshiftSettings.from_environment(told)


def test_without_a_host_there_is_no_redshift() -> None:
    assert RedshiftSettings.from_environment({}) is None
    told = RedshiftSettings.from_environment({"LA_REDSHIFT_HOST": "h", "LA_REDSHIFT_WORKGROUP": "w", "AWS_REGION": "us-west-2"})
    assert told is not None
    assert told.credentials() == {"iam": True, "is_serverless": True, "serverless_work_group": "w", "region": "us-west-2"}


def test_every_table_of_the_graph_has_types_in_redshift_and_glue() -> None:
    from la_assets.definitions import defs

    tables = [t for t in defs.resources["lake_io_manager"].contracts.values() if ddl.is_offered(t)]
    assert len(tables) > 70
    for table in tables:
        assert all(ddl.column_type(c.dtype, c) and hive_type(c.dtype) for c in table.columns)


# -- the Glue catalog -------------------------------------------------------------------------------------------------------


def test_the_catalog_has_every_year_and_follows_the_contract(bucket: str, s3_server: str) -> None:
    lake, glue = Lake(f"{bucket}/lake"), served_s3.client(s3_server, "glue")
    catalog = GlueCatalog(lake, prefix=f"d{bucket[-12:]}_", endpoint=s3_server)
    database = f"{catalog.prefix}marts"
    for _ in range(2):
        catalog.published(EVERYTHING, [Written(EVERYTHING.name, year, "", 1, 1) for year in ("2022-23", "2023-24")], [EVERYTHING])
    table = glue.get_table(DatabaseName=database, Name="everything")["Table"]
    types = {c["Name"]: c["Type"] for c in table["StorageDescriptor"]["Columns"]}
    assert (types["standards"], types["on"], types["loaded_at"], types["large"]) == ("array<string>", "date", "timestamp", "bigint")
    partitions = glue.get_partitions(DatabaseName=database, TableName="everything")["Partitions"]
    assert {p["Values"][0]: p["StorageDescriptor"]["Location"] for p in partitions} == {
        year: f"{bucket}/lake/marts/everything/school_year={year}/" for year in ("2022-23", "2023-24")
    }
    narrower = Table(EVERYTHING.name, EVERYTHING.grain, EVERYTHING.columns[:1], EVERYTHING.key)
    catalog.published(narrower, [Written(EVERYTHING.name, "2023-24", "", 1, 1)], [narrower])
    columns = glue.get_table(DatabaseName=database, Name="everything")["Table"]["StorageDescriptor"]["Columns"]
    assert [c["Name"] for c in columns] == ["student_key"]


def test_restricted_tables_are_in_no_catalog(bucket: str, s3_server: str) -> None:
    catalog = GlueCatalog(Lake(f"{bucket}/lake"), prefix=f"r{bucket[-12:]}_", endpoint=s3_server)
    catalog.published(replace(ROWS, restricted=True), [Written(ROWS.name, "2023-24", "", 1, 1)], [ROWS])
    names = [d["Name"] for d in served_s3.client(s3_server, "glue").get_databases()["DatabaseList"]]
    assert not [name for name in names if name.startswith(catalog.prefix)]
