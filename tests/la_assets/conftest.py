"""A small simulated district, landed and built through the whole graph once for all tests that look at it."""

import datetime as dt
import fcntl
import json
import os
import pickle
from dataclasses import dataclass
from pathlib import Path

import pytest
import time_machine

from la_resources.lake import Lake
from tests.thrown_away import thrown_away_instance

AS_OF = dt.date(2026, 11, 20)
FIRST_YEAR, FIRST_KEY, LAST_KEY = "2022-23", "2022-07-01", "2026-07-01"
PROJECT = Path(__file__).resolve().parents[2]


@dataclass
class Evaluation:
    """What a check said."""

    passed: bool
    description: str


@dataclass
class BuiltDistrict:
    """Where the district's files, truth, lake and SQL file are; what Dagster said of the run, and the names of what each page shows."""

    folder: Path
    failed_steps: list[str]
    evaluations: dict[tuple[str, str], Evaluation]
    shown: dict[str, set[str]]

    @property
    def landing(self) -> Path:
        return self.folder / "landing"

    @property
    def lake(self) -> Lake:
        return Lake(self.folder / "lake")

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.duckdb"

    def planted(self, kind: str) -> list[dict]:
        """The planted defects of one kind: file and rows."""
        planted = json.loads((self.folder / "truth" / "defects.json").read_text())["planted"]
        return [defect for defect in planted if defect["kind"] == kind]


def build_years(folder: Path, first: str = FIRST_KEY, last: str = LAST_KEY) -> BuiltDistrict:
    """Materialise the whole graph for a range of years, in this process, with an instance that is thrown away."""
    os.environ |= {"LA_DATA_ROOT": str(folder), "LA_MAPPINGS": str(PROJECT / "data" / "mappings")}
    import importlib

    from la_assets import definitions

    defs = importlib.reload(definitions).defs
    with thrown_away_instance() as instance, time_machine.travel(dt.datetime(2026, 11, 21, 6, tzinfo=dt.UTC)):
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        result = defs.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance, tags=tags, raise_on_error=False)
    failed = [e.step_key for e in result.all_events if e.event_type_value == "STEP_FAILURE"]
    assert result.success == (not failed), failed
    said = {
        (".".join(e.asset_key.path), e.check_name): Evaluation(e.passed, e.description or "") for e in result.get_asset_check_evaluations()
    }
    shown: dict[str, set[str]] = {}
    for event in result.all_events:
        if event.is_step_materialization:
            materialization = event.step_materialization_data.materialization
            shown.setdefault(".".join(materialization.asset_key.path), set()).update(materialization.metadata)
    return BuiltDistrict(folder, failed, said, shown)


@pytest.fixture(scope="session")
def built_district(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> BuiltDistrict:
    """200 students over five school years with planted defects, from files to tables; built once for all test processes."""
    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "built_district"
    shared.mkdir(exist_ok=True)
    done = shared / "built.pickle"
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            from la_resources.sources.simulated_district import simulate

            simulate(shared / "landing", students=200, seed=7, first_year=FIRST_YEAR, as_of=AS_OF, truth=shared / "truth")
            done.write_bytes(pickle.dumps(build_years(shared)))
    built: BuiltDistrict = pickle.loads(done.read_bytes())
    return built
