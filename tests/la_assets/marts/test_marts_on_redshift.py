"""A build on Redshift is seen by nobody until it has passed, and leaves nothing behind; ``test_sample`` holds its rows to DuckDB's."""

import logging
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pytest
import yaml

from la_assets.coursework.schema import STUDENT_YEAR as COURSEWORK
from la_assets.marts.assets import PROJECT, READS, SOURCES
from la_assets.marts.schema import DISTRICT_OVERVIEW, EARLY_WARNING_ROSTER, STUDENT_360
from la_assets.roster.schema import STUDENTS
from la_resources.dbt.on_redshift import OnRedshift, profile
from la_resources.dbt.project import DbtFailed
from la_resources.district_settings.marts import MartsSettings
from la_resources.lake import Lake
from la_resources.redshift import ddl
from la_resources.redshift.engine import Redshift, RedshiftError
from la_resources.redshift.settings import RedshiftSettings
from tests import redshift_server, served_s3
from tests.redshift_server import RedshiftServer

from .equal_rows import different_columns
from .small_district import LATER, REASONS, RECOMMENDATIONS, YEAR, write, write_models

pytestmark = pytest.mark.needs("/usr/lib/postgresql")
SETTINGS = MartsSettings().model_dump()
EVERYONE = [(YEAR, "59", "59"), (LATER, "59", "59")]
ABANDONED, NEIGHBOUR = "la_build_20200101000000_0123abcd", "la_build_tools"


@dataclass
class District:
    """The small district in a bucket, the Redshift beside it, and how to get there."""

    server: RedshiftServer
    redshift: Redshift
    staging: Path

    @property
    def lake(self) -> Lake:
        return self.redshift.lake

    def schemas(self) -> list[str]:
        return [name for (name,) in self.server.query("select nspname from pg_namespace where nspname like 'la_build%' order by 1")]

    def students(self) -> list[tuple]:
        return self.server.query("select school_year, count(*), count(distinct student_key) from marts.student_360 group by 1 order by 1")


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    folder = tmp_path_factory.mktemp("redshift")
    with served_s3.served() as s3, redshift_server.served(folder / "server", s3) as server, pytest.MonkeyPatch.context() as patch:
        name = served_s3.new_bucket(s3)
        settings = {
            **served_s3.ENVIRONMENT,
            "LA_ENVIRONMENT": "aws",
            "LA_MARTS_ENGINE": "redshift",
            "LA_BUCKET": name,
            "LA_S3_ENDPOINT": s3,
            "LA_STAGING_ROOT": str(folder / "staging"),
            "LA_REDSHIFT_HOST": "127.0.0.1",
            "LA_REDSHIFT_PORT": str(server.port),
            "LA_REDSHIFT_DATABASE": server.database,
            "LA_REDSHIFT_SECRET": served_s3.new_secret(s3, server.user, server.password),
            "LA_REDSHIFT_SSL": "no",
            "LA_SECRETS_ENDPOINT": s3,
        }
        for setting, value in settings.items():
            patch.setenv(setting, value)
        lake = Lake(f"s3://{name}/lake")
        for year in (YEAR, LATER):
            write(lake, year)
        write_models(lake, LATER)
        named = RedshiftSettings.from_environment()
        assert named is not None
        yield District(server, Redshift(named, lake), folder / "staging")


@dataclass
class Built:
    """The marts of a build, what it wrote and said on the way, and the schemas there were while it was at work."""

    marts: dict[str, pl.DataFrame]
    written: bytes
    said: str
    schemas: list[str]


@pytest.fixture(scope="module")
def built(district: District) -> Built:
    """All marts, built on Redshift, and published as every table is."""
    district.server.query(f"create schema {ABANDONED}; create table {ABANDONED}.x (y int); create schema {NEIGHBOUR}")
    district.lake.storage.put(b"rows", f".unloaded/{ABANDONED}/marts.x/0000_part_00.parquet")
    said: list[str] = []
    handler, root = logging.Handler(), logging.getLogger()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    level = root.level
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    try:
        with OnRedshift(district.redshift).built(PROJECT, [mart.name for mart in READS], [YEAR, LATER], SETTINGS) as frames:
            marts = {name: frame.collect() for name, frame in frames.items()}
            written = b"".join(file.read_bytes() for file in district.staging.rglob("*") if file.is_file())
            schemas = district.schemas()
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    for mart in READS:
        written_years = [district.lake.publish(mart, year, marts[mart.name].filter(school_year=year)) for year in (YEAR, LATER)]
        district.redshift.published(mart, written_years, READS)
    return Built(marts, written, "\n".join(said), schemas)


def test_lists_become_words_in_their_order_without_nulls_and_empty_ones(built: Built) -> None:
    roster = built.marts[EARLY_WARNING_ROSTER.name].sort("student_key").head(5)
    assert set(roster["school_year"]) == {LATER}
    assert (roster["reasons"].to_list(), roster["recommendations"].to_list()) == (REASONS, RECOMMENDATIONS)


def test_what_redshift_was_never_given_is_missing_not_zero(district: District, built: Built) -> None:
    assert district.server.query(f"select 1 from pg_tables where schemaname = '{COURSEWORK.schema}'") == []
    missing = built.marts[STUDENT_360.name].group_by("school_year").agg(pl.all().null_count()).rows_by_key("school_year", named=True)
    of_a_model = ("incidents", "lms_minutes", "dropout_probability", "ela_tier")
    never_sent = ("gpa", "fs", "math_score")
    assert {missing[YEAR][0][column] for column in never_sent + of_a_model} == {59}
    assert {missing[LATER][0][column] for column in never_sent} == {59}
    assert [missing[LATER][0][column] for column in of_a_model] == [0, 0, 15, 0], "no model for every fourth; no row of incidents is none"


def test_a_build_leaves_nothing_and_drops_what_killed_ones_of_days_ago_left(district: District, built: Built) -> None:
    assert built.schemas == [NEIGHBOUR]
    assert district.lake.storage.names(f".unloaded/{ABANDONED}/marts.x") == []
    assert district.lake.storage.folders(".unloaded") == []
    assert [*district.staging.iterdir()] == []


def test_the_password_is_given_to_dbt_alone_and_written_nowhere(district: District, built: Built) -> None:
    password = district.server.password
    assert b"build --target redshift" in built.written, "dbt's log is among what was looked at"
    assert b'"unique_id"' in built.written, "and so are its artifacts"
    assert password.encode() not in built.written
    assert "Running dbt command" in built.said
    assert password not in built.said + "\n".join([*district.server.statements, *os.environ.values()])


def test_every_source_of_the_marts_is_in_redshift() -> None:
    assert [table.name for table in SOURCES if not ddl.is_offered(table)] == []


def test_the_models_say_nothing_of_an_engine() -> None:
    models = "".join(file.read_text() for file in (PROJECT.folder / "models").rglob("*") if file.is_file())
    assert not [word for word in ("target.", "adapter", "redshift", "duckdb") if word in models.lower()]


def test_the_profile_reads_what_the_settings_say(district: District) -> None:
    """With a secret, and with the rights of the role; as dbt's own adapter takes it."""
    from dbt.adapters.redshift.connections import RedshiftCredentials

    outputs = yaml.safe_load((PROJECT.folder / "profiles.yml").read_text())["marts"]["outputs"]
    by_role = RedshiftSettings("h.us-west-2.redshift-serverless.amazonaws.com", workgroup="w", region="us-west-2")
    for settings, wanted in ((district.redshift.settings, "redshift"), (by_role, "redshift_iam")):
        target, environment = profile(settings)
        assert target == wanted
        told = environment | {"DBT_REDSHIFT_SCHEMA": "la_build"}
        said = {key: _rendered(value, told) for key, value in outputs[target].items()}
        assert {name for value in outputs[target].values() for name in re.findall(r"env_var\('(\w+)'\)", str(value))} <= set(told)
        made = RedshiftCredentials.from_dict({**said, "port": int(said["port"])})
        assert (made.host, made.port, made.database, made.schema) == (settings.host, settings.port, settings.database, "la_build")
    assert (made.method, made.is_serverless, made.serverless_work_group, made.region) == ("iam_role", True, "w", "us-west-2")
    assert made.sslmode == "verify-ca"


def _rendered(value: object, environment: dict[str, str]) -> object:
    found = re.match(r"\{\{ env_var\('(\w+)'", str(value))
    return environment.get(found[1], "") if found else value


# -- builds that fail -------------------------------------------------------------------------------------------------------


def test_a_failing_dbt_test_publishes_nothing_and_its_schema_goes(district: District, built: Built) -> None:
    """A student who stands in the roster twice, past the lake's own contract."""
    storage, path = district.lake.storage, f"{STUDENTS.path}/school_year={YEAR}/part.parquet"
    again = path.replace("part.", "again.")
    storage.put(storage.get(path), again)
    try:
        with (
            pytest.raises(DbtFailed, match="unique_together_student_360"),
            OnRedshift(district.redshift).built(PROJECT, [STUDENT_360.name], [YEAR], SETTINGS),
        ):
            pytest.fail("a mart with a student twice was handed over")
    finally:
        storage.remove(again)
        district.redshift.load(STUDENTS, YEAR)
    assert district.schemas() == [NEIGHBOUR]
    assert district.students() == EVERYONE


@contextmanager
def when_dbt_builds(server: RedshiftServer, what: Callable[[], None]) -> Iterator[None]:
    """Do something at the moment when dbt makes its first table."""
    before, over = len(server.statements), threading.Event()

    def watch() -> None:
        while not over.wait(0.005):
            if any("__dbt_tmp" in statement for statement in server.statements[before:]):
                what()
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_killed_build_leaves_the_marts_of_before(district: District, built: Built) -> None:
    program = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.la_assets.marts.one_build"],
        cwd=Path(__file__).parents[3],
        start_new_session=True,
        stdout=subprocess.PIPE,
    )
    with when_dbt_builds(district.server, lambda: os.killpg(program.pid, signal.SIGKILL)):
        said, _ = program.communicate(timeout=300)
    assert (program.returncode, b"built" in said) == (-signal.SIGKILL, False)
    assert district.students() == EVERYONE
    assert len(district.schemas()) == 2, "what it made is not yet old enough to be sure that nobody is at work there"


def test_a_redshift_that_goes_away_in_the_middle_is_named_and_the_same_build_completes_when_it_is_back(
    district: District, built: Built
) -> None:
    """The build that was cut off is begun again at once, and says so if Redshift is still away then."""
    impatient = OnRedshift(Redshift(replace(district.redshift.settings, patience=1.0), district.lake))
    marts = (DISTRICT_OVERVIEW, STUDENT_360)
    with (
        when_dbt_builds(district.server, district.server.proxy.close_door),
        pytest.raises(
            RedshiftError,
            match=r"making the schema of a build in Redshift 127\.0\.0\.1/district: no answer for 1 s .*; nothing was published, the "
            r"tables of before stand\. See whether the workgroup runs and can be reached, then run this again",
        ),
        impatient.built(PROJECT, [mart.name for mart in marts], [YEAR], SETTINGS),
    ):
        pytest.fail("half a build was handed over")
    district.server.proxy.open_door()
    assert district.students() == EVERYONE
    with impatient.built(PROJECT, [mart.name for mart in marts], [YEAR], SETTINGS) as frames:
        for mart in marts:
            rows = frames[mart.name].collect()
            assert different_columns(mart, rows, built.marts[mart.name].filter(school_year=YEAR)) == {}
            district.redshift.published(mart, [district.lake.publish(mart, YEAR, rows)], READS)
    assert district.students() == EVERYONE
    assert district.server.query("select count(*), count(distinct school_year) from marts.district_overview") == [("2", "2")]
