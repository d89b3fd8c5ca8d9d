"""The sample that the project ships: 60 students, one school year, from committed files to tables, twice; and from bucket to bucket."""

import datetime as dt
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import time_machine

from la_assets.access.readable import READABLE
from la_assets.access.schema import POLICIES
from la_assets.attendance.schema import STUDENT_YEAR
from la_assets.landing.schema import FILES
from la_assets.marts.assets import READS
from la_assets.marts.schema import STUDENT_360
from la_assets.roster.schema import ENROLLMENTS, INSTRUCTIONAL_LINKS, STUDENTS
from la_assets.student_access import readable_tables
from la_resources.contracts import Table
from la_resources.district_settings.access import AccessSettings
from la_resources.lake import Lake
from la_resources.redshift.ddl import is_offered, quoted
from la_resources.s3 import S3Storage
from la_resources.storage import FolderStorage
from la_resources.student_access.access_log import AccessLog
from la_resources.student_access.session import StudentAccess
from tests import redshift_server, served_s3
from tests.redshift_server import RedshiftServer

from .conftest import PROJECT, BuiltDistrict, build_years
from .marts.equal_rows import different_columns

YEAR, KEY = "2025-26", "2025-07-01"
ARRIVED = dt.datetime(2026, 6, 15, tzinfo=dt.UTC).timestamp()
SAMPLE = PROJECT / "data" / "sample"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> BuiltDistrict:
    folder = tmp_path_factory.mktemp("sample")
    shutil.copytree(SAMPLE, folder / "landing")
    for file in (folder / "landing").rglob("*"):  # a checkout has no arrival times of its own
        os.utime(file, (ARRIVED, ARRIVED))
    return build_years(folder, KEY, KEY)


def test_the_sample_is_small() -> None:
    assert sum(f.stat().st_size for f in SAMPLE.rglob("*") if f.is_file()) < 1_000_000


def test_the_sample_builds_without_a_failure(sample: BuiltDistrict) -> None:
    assert sample.failed_steps == []
    files = sample.lake.scan(FILES, [YEAR]).collect()
    assert files.filter(pl.col("status") == "unclaimed")["source_file"].to_list() == ["sis/notes.pdf"]
    assert files["rows_loaded"].sum() > 5_000


def test_every_student_has_attendance_for_the_year(sample: BuiltDistrict) -> None:
    students = sample.lake.scan(STUDENTS, [YEAR]).select("student_key")
    attendance = sample.lake.scan(STUDENT_YEAR, [YEAR])
    assert students.join(attendance, on="student_key", how="semi").collect().height >= 55
    rate = attendance.select(1 - pl.col("days_absent").sum() / pl.col("days_enrolled").sum()).collect().item()
    assert 0.85 < rate < 0.98


def test_users_of_the_sample_see_their_students_and_leavers_and_strangers_see_nobody(sample: BuiltDistrict, tmp_path: Path) -> None:
    settings, day = AccessSettings(), dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
    log = AccessLog(FolderStorage(tmp_path / "log"))
    roles = (settings.purposes, settings.names_for, settings.columns_for)
    access = StudentAccess(sample.lake, log, readable_tables(), READABLE, *roles, lambda: day)
    users = sample.lake.scan(POLICIES, [YEAR]).select(pl.col("user_name").unique().sort()).collect()["user_name"]
    sessions = {user: access.open(user, "instruction") for user in users}
    answers = {user: session.read(STUDENT_360.name, school_years=[YEAR]).rows for user, session in sessions.items()}
    seen = {user: set(rows["student_key"]) for user, rows in answers.items() if rows.height}
    links = sample.lake.scan(INSTRUCTIONAL_LINKS, [YEAR]).collect()
    scope = sample.lake.scan(POLICIES, [YEAR]).filter(user_name="teacher.one").select("staff_key").collect().item()
    assert set() < seen["teacher.one"] <= set(links.filter(staff_key=scope)["student_key"])
    stays = (
        sample.lake.scan(ENROLLMENTS, [YEAR]).filter((pl.col("entry_date") <= day.date()) & (pl.col("exit_date") >= day.date())).collect()
    )
    assert seen["principal.middle"] == set(stays.filter(school_id="2001")["student_key"])
    assert seen["counselor.high"] == set(stays.filter(pl.col("grade_level").is_in(["09", "10"]), school_id="3001")["student_key"])
    assert set() < seen["coach.elementary"] < set(stays.filter(school_id="0101")["student_key"])
    assert len(seen["district.office"]) == sample.lake.scan(STUDENTS, [YEAR]).select(pl.len()).collect().item()
    assert {user: session.status for user, session in sessions.items() if session.status != "open"} == {
        "substitute": "expired",
        "left.the.district": "no access: unknown staff",
        "vendor": "no access: unknown role",
    }
    assert len(list(log.events(YEAR))) == 2 * len(users) == 18


def _bytes(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*.parquet"))}


def test_building_again_leaves_every_file_as_it_was(sample: BuiltDistrict) -> None:
    before = _bytes(sample.folder / "lake")
    assert build_years(sample.folder, KEY, KEY).failed_steps == []
    after = _bytes(sample.folder / "lake")
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] != after[name]] == []


def test_building_from_nothing_gives_the_same_tables(sample: BuiltDistrict, tmp_path: Path) -> None:
    """Landing order, threads and processes leave no trace: a second lake from the same files has the same bytes."""
    shutil.copytree(sample.landing, tmp_path / "landing")
    again = build_years(tmp_path, KEY, KEY)
    assert again.failed_steps == []
    one, two = _bytes(sample.folder / "lake"), _bytes(again.folder / "lake")
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


# -- the same graph in a bucket ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    with served_s3.served() as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def redshift(s3_endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedshiftServer]:
    with redshift_server.served(tmp_path_factory.mktemp("redshift"), s3_endpoint) as server:
        yield server


@pytest.fixture(scope="module")
def bucket(sample: BuiltDistrict, s3_endpoint: str, redshift: RedshiftServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a bucket with the sample in its landing zone; the environment is ``aws`` meanwhile, with Glue and Redshift."""
    name = served_s3.new_bucket(s3_endpoint)
    settings = {
        **served_s3.ENVIRONMENT,
        "LA_ENVIRONMENT": "aws",
        "LA_BUCKET": name,
        "LA_S3_ENDPOINT": s3_endpoint,
        "LA_STAGING_ROOT": str(tmp_path_factory.mktemp("staging")),
        "LA_GLUE": "yes",
        "LA_GLUE_ENDPOINT": s3_endpoint,
        "LA_REDSHIFT_HOST": "127.0.0.1",
        "LA_REDSHIFT_PORT": str(redshift.port),
        "LA_REDSHIFT_DATABASE": redshift.database,
        "LA_REDSHIFT_SECRET": served_s3.new_secret(s3_endpoint, redshift.user, redshift.password),
        "LA_REDSHIFT_SSL": "no",
        "LA_SECRETS_ENDPOINT": s3_endpoint,
        "LA_MARTS_ENGINE": "redshift",
    }
    with pytest.MonkeyPatch.context() as patch:
        for setting, value in settings.items():
            patch.setenv(setting, value)
        landing = S3Storage(f"s3://{name}/landing")
        with time_machine.travel(ARRIVED, tick=False):
            for file in sorted(SAMPLE.rglob("*")):
                if file.is_file():
                    landing.put(file.read_bytes(), file.relative_to(SAMPLE).as_posix())
        yield f"s3://{name}"


@pytest.fixture(scope="module")
def in_a_bucket(bucket: str, tmp_path_factory: pytest.TempPathFactory) -> BuiltDistrict:
    return build_years(tmp_path_factory.mktemp("bucket"), KEY, KEY)


def test_in_a_bucket_every_file_of_the_lake_is_what_it_is_in_a_folder(
    sample: BuiltDistrict, in_a_bucket: BuiltDistrict, bucket: str
) -> None:
    assert in_a_bucket.failed_steps == []
    there = _bytes(sample.folder / "lake")
    here = {name: S3Storage(f"{bucket}/lake").get(name) for name in there if not name.startswith("marts/")}
    assert [name for name in here if here[name] != there[name]] == []
    listed = served_s3.client(os.environ["LA_S3_ENDPOINT"]).get_paginator("list_objects_v2").paginate(Bucket=bucket[5:], Prefix="lake/")
    files = {found["Key"].removeprefix("lake/") for page in listed for found in page["Contents"]}
    assert {file for file in files if file.endswith(".parquet")} == there.keys()


def test_nothing_of_a_run_in_a_bucket_lies_anywhere_else(in_a_bucket: BuiltDistrict, bucket: str) -> None:
    assert [path.name for path in in_a_bucket.folder.iterdir()] == []
    assert [*Path(os.environ["LA_STAGING_ROOT"]).iterdir()] == []
    assert S3Storage(bucket).folders("") == ["deliverables", "lake", "landing"]
    assert S3Storage(bucket).names("deliverables/mtss/teacher_workbooks/school_year=2025-26") != []


def test_marts_made_on_redshift_have_the_rows_that_duckdb_makes(sample: BuiltDistrict, in_a_bucket: BuiltDistrict, bucket: str) -> None:
    here, there = Lake(f"{bucket}/lake"), sample.lake
    rows = {mart: (here.scan(mart, [YEAR]).collect(), there.scan(mart, [YEAR]).collect()) for mart in READS}
    assert {mart.name: different_columns(mart, *both) for mart, both in rows.items()} == {mart.name: {} for mart in READS}
    assert rows[STUDENT_360][0].height == there.scan(STUDENTS, [YEAR]).select(pl.len()).collect().item() > 50
    assert all(both[0].height for both in rows.values())


def test_redshift_has_the_rows_of_every_table_that_is_for_sql(in_a_bucket: BuiltDistrict, bucket: str, redshift: RedshiftServer) -> None:
    lake, tables = Lake(f"{bucket}/lake"), [table for table in _tables() if is_offered(table) and _has_year(bucket, table)]
    counted = " union all ".join(f"select '{t.name}', count(*) from {quoted(t.name)}" for t in tables)
    there = {name: int(rows) for name, rows in redshift.query(counted)}
    assert there == {t.name: lake.scan(t, [YEAR]).select(pl.len()).collect().item() for t in tables}
    assert len(there) > 70
    students = lake.scan(STUDENT_360, [YEAR]).select("student_key").collect()["student_key"].sort().to_list()
    assert [key for (key,) in redshift.query("select student_key from marts.student_360 order by 1")] == students
    schemas = {schema for (schema,) in redshift.query("select distinct table_schema from information_schema.tables")}
    assert not schemas & {"directory", "landing"}


def test_the_catalog_has_every_table_that_is_not_restricted(in_a_bucket: BuiltDistrict, bucket: str, s3_endpoint: str) -> None:
    glue = served_s3.client(s3_endpoint, "glue")
    databases = [d["Name"] for d in glue.get_databases()["DatabaseList"] if d["Name"].startswith("district_")]
    found = {f"{d.removeprefix('district_')}.{t['Name']}" for d in databases for t in glue.get_tables(DatabaseName=d)["TableList"]}
    assert found == {t.name for t in _tables() if not t.restricted and _has_year(bucket, t) and t.schema != "landing"}


def _tables() -> list[Table]:
    from la_assets.definitions import defs

    return list(defs.resources["lake_io_manager"].contracts.values())


def _has_year(bucket: str, table: Table) -> bool:
    return bool(Lake(f"{bucket}/lake").paths(table, [YEAR]))


def test_a_second_landing_of_the_bucket_reads_nothing_again(in_a_bucket: BuiltDistrict, bucket: str) -> None:
    from la_assets.definitions import defs
    from la_assets.landing.assets import intake
    from la_assets.landing.schema import LANDING_TABLES

    told: list[str] = []
    desk = intake(defs.resources["landing_zone"], defs.resources["lake"])
    records = desk.land({YEAR}, set(LANDING_TABLES), told.append)
    assert told == []
    assert len(records) > 10
