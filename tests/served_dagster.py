"""A real Dagster over a small simulated district, started once for all tests that talk to it: web server, daemon, one school year."""

import datetime as dt
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from la_assets.backfill import BackfillResult, backfill
from la_assets.local_dagster import free_port, running_dagster
from la_resources import school_year
from la_resources.lake import Lake
from la_resources.sources.simulated_district import simulate

PROJECT = Path(__file__).resolve().parents[1]
STUDENTS = 60


@dataclass(frozen=True)
class ServedDagster:
    """Address of the web server, the school year that was backfilled through it, how that ended, and the lake it filled."""

    url: str
    school_year: str
    result: BackfillResult
    lake: Lake


@pytest.fixture(scope="session")
def served_dagster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedDagster]:
    """The year that began at least four months ago, because in July the year in progress has no files yet."""
    folder = tmp_path_factory.mktemp("served")
    today = dt.datetime.now(dt.UTC).date()
    year = school_year.of_date(today - dt.timedelta(days=120))
    simulate(folder / "landing", students=STUDENTS, seed=5, first_year=year, as_of=today, truth=folder / "truth")
    home = folder / "dagster"
    (home / "storage").mkdir(parents=True)
    shutil.copy(PROJECT / "dagster.yaml", home)
    settings = {"LA_DATA_ROOT": folder, "LA_MAPPINGS": PROJECT / "data" / "mappings", "DAGSTER_HOME": home}
    settings |= {"LA_DAGSTER_STORAGE": home / "storage", "PYTHONPATH": PROJECT / "src", "PYTHONWARNINGS": "ignore"}
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("LA_") and name != "LA_STUDENT_KEY_SECRET"]:
            patch.delenv(name)
        for name, value in settings.items():
            patch.setenv(name, str(value))
        with running_dagster(free_port()) as dagster:
            result = backfill(dagster.url, [year], launched=lambda _: dagster.start_daemon())
            yield ServedDagster(dagster.url, year, result, Lake(folder / "lake"))
