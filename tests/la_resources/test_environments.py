"""One variable chooses the environment; what is missing or wrong is said at once, with what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from la_resources.environments import Places, build_resources
from la_resources.privacy import SECRET_VARIABLE, MissingSecret, secret_from_environment

SETTINGS = (
    "LA_ENVIRONMENT",
    "LA_DATA_ROOT",
    "LA_LANDING_ROOT",
    "LA_LAKE_ROOT",
    "LA_WAREHOUSE",
    "LA_DELIVERABLES_ROOT",
    "LA_MAPPINGS",
    "LA_DISTRICT_FILE",
    "LA_BUCKET",
    "LA_GLUE",
    "LA_REDSHIFT_HOST",
    "LA_MARTS_ENGINE",
)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)


def test_an_unknown_environment_is_refused_with_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LA_ENVIRONMENT", "azure")
    with pytest.raises(ValueError, match=r"LA_ENVIRONMENT='azure' is not an environment; choose one of .*local"):
        build_resources([])


def test_everything_lies_below_the_data_root_unless_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LA_DATA_ROOT", str(tmp_path))
    monkeypatch.setenv("LA_LAKE_ROOT", "elsewhere/lake")
    monkeypatch.setenv("LA_MAPPINGS", "one:two")
    assert Places.from_environment() == Places(
        landing=str(tmp_path / "landing"),
        lake="elsewhere/lake",
        warehouse=str(tmp_path / "warehouse.duckdb"),
        deliverables=str(tmp_path / "deliverables"),
        outbox=str(tmp_path / "outbox"),
        access_log=str(tmp_path / "access_log"),
        mappings=("one", "two"),
    )


def test_on_aws_everything_but_the_mappings_lies_in_the_bucket_unless_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {"LA_ENVIRONMENT": "aws", "LA_DATA_ROOT": str(tmp_path), "LA_BUCKET": "d", "LA_LANDING_ROOT": "s3://in/x"}.items():
        monkeypatch.setenv(name, value)
    resources = build_resources([])
    assert resources["lake"].lake().root == resources["lake_io_manager"].lake.root == "s3://d/lake"
    assert resources["lake_io_manager"].engines == (), "no SQL file of this machine over files that are elsewhere"
    assert resources["landing_zone"].zone().root == "s3://in/x"
    assert resources["deliverables"].place().root == "s3://d/deliverables"
    assert resources["landing_zone"].mappings == [str(tmp_path / "mappings")]


def test_on_aws_the_sql_engines_are_those_that_the_settings_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from la_resources.redshift.catalog import GlueCatalog
    from la_resources.redshift.engine import Redshift

    told = {"LA_ENVIRONMENT": "aws", "LA_BUCKET": "d", "LA_GLUE": "yes", "LA_REDSHIFT_HOST": "rs", "LA_REDSHIFT_SECRET": "s"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert [type(engine) for engine in build_resources([])["lake_io_manager"].engines] == [GlueCatalog, Redshift]


ON_REDSHIFT = {
    "LA_ENVIRONMENT": "aws",
    "LA_BUCKET": "d",
    "LA_REDSHIFT_HOST": "rs",
    "LA_REDSHIFT_SECRET": "s",
    "LA_MARTS_ENGINE": "redshift",
}


def test_marts_are_built_on_duckdb_unless_redshift_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from la_resources.dbt.on_duckdb import OnDuckDB
    from la_resources.dbt.on_redshift import OnRedshift

    for name, value in ON_REDSHIFT.items():
        monkeypatch.setenv(name, value)
    assert isinstance(build_resources([])["marts_engine"].engine(), OnRedshift)
    monkeypatch.delenv("LA_MARTS_ENGINE")
    assert isinstance(build_resources([])["marts_engine"].engine(), OnDuckDB)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"LA_MARTS_ENGINE": "oracle"}, "LA_MARTS_ENGINE='oracle' is not an engine of the marts; choose one of duckdb, redshift"),
        ({"LA_ENVIRONMENT": ""}, "is not an environment"),
        ({"LA_ENVIRONMENT": "local"}, "LA_MARTS_ENGINE=redshift needs LA_ENVIRONMENT=aws, LA_REDSHIFT_HOST and a lake in a bucket"),
        ({"LA_REDSHIFT_HOST": ""}, "LA_MARTS_ENGINE=redshift needs LA_ENVIRONMENT=aws, LA_REDSHIFT_HOST and a lake in a bucket"),
        ({"LA_LAKE_ROOT": "lake"}, "LA_MARTS_ENGINE=redshift needs LA_ENVIRONMENT=aws, LA_REDSHIFT_HOST and a lake in a bucket"),
    ],
)
def test_an_engine_of_the_marts_that_cannot_be_is_refused_at_once(
    told: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (ON_REDSHIFT | told).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=message):
        build_resources([])


def test_aws_without_a_bucket_says_which_setting_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LA_ENVIRONMENT", "aws")
    with pytest.raises(ValueError, match="LA_ENVIRONMENT=aws needs LA_BUCKET"):
        build_resources([])


def test_the_resources_stand_where_the_places_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LA_DATA_ROOT", str(tmp_path))
    resources = build_resources([])
    assert resources["lake"].lake().root == resources["lake_io_manager"].lake.root == tmp_path / "lake"
    assert resources["lake_io_manager"].engines[0].path == tmp_path / "warehouse.duckdb"
    assert resources["landing_zone"].zone().root == tmp_path / "landing"
    assert resources["deliverables"].place().root == tmp_path / "deliverables"
    assert resources["lake"].checks().storage.root == tmp_path / "lake"


def test_a_lake_on_a_storage_that_is_not_there_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LA_LAKE_ROOT", "gopher://lake")
    with pytest.raises(ValueError, match=r"gopher://.*use a folder"):
        build_resources([])


def test_a_wrong_district_file_is_an_error_when_it_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LA_DATA_ROOT", str(tmp_path))
    monkeypatch.setenv("LA_DISTRICT_FILE", str(tmp_path / "nothing.yaml"))
    with pytest.raises(ValueError, match=r"nothing\.yaml, which is not a file"):
        build_resources([])["district"].settings()


@pytest.mark.parametrize("value", [None, "", "too short a secret"])
def test_without_a_secret_nothing_is_hashed_and_the_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is None:
        monkeypatch.delenv(SECRET_VARIABLE, raising=False)
    else:
        monkeypatch.setenv(SECRET_VARIABLE, value)
    with pytest.raises(MissingSecret, match=f"{SECRET_VARIABLE} must be set to at least 32 characters; `make demo`") as error:
        secret_from_environment()
    assert not value or value not in str(error.value)


@pytest.mark.parametrize(
    ("setting", "message"),
    [({"LA_ENVIRONMENT": "azure"}, "is not an environment; choose one of"), ({"LA_LAKE_ROOT": "gopher://lake"}, "gopher://")],
)
def test_a_code_location_with_a_wrong_setting_says_so_where_it_is_loaded(setting: dict[str, str], message: str, tmp_path: Path) -> None:
    import os

    run = subprocess.run(
        [sys.executable, "-c", "import la_assets.definitions"],
        env={**os.environ, "LA_DATA_ROOT": str(tmp_path), **setting}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode != 0
    assert message in run.stderr.splitlines()[-1]
