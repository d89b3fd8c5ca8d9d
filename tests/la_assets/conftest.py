"""A small simulated district, landed and built through the whole graph once for all tests that look at it."""

import datetime as dt
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import pytest
import time_machine

from la_resources.lake import Lake
from tests.thrown_away import thrown_away_instance

AS_OF = dt.date(2026, 11, 20)
FIRST_YEAR, FIRST_KEY, LAST_KEY = "2022-23", "2022-07-01", "2026-07-01"
PROJECT = Path(__file__).resolve().parents[2]


@dataclass
class BuiltDistrict:
    """Where the district's files, truth, lake and SQL file are, and what Dagster said of the run."""

    folder: Path
    result: dg.ExecuteInProcessResult
    evaluations: dict[tuple[str, str], dg.AssetCheckEvaluation] = field(default_factory=dict)

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
    built = BuiltDistrict(folder, result)
    built.evaluations = {(".".join(e.asset_key.path), e.check_name): e for e in result.get_asset_check_evaluations()}
    return built


@pytest.fixture(scope="session")
def built_district(tmp_path_factory: pytest.TempPathFactory) -> BuiltDistrict:
    """200 students over five school years with planted defects, from files to tables."""
    from la_resources.sources.simulated_district import simulate

    folder = tmp_path_factory.mktemp("district")
    simulate(folder / "landing", students=200, seed=7, first_year=FIRST_YEAR, as_of=AS_OF, truth=folder / "truth")
    return build_years(folder)
