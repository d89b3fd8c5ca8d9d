"""When things run, and what the asset graph says of itself to those who read it in the UI."""

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import polars as pl
import pytest
import time_machine

from la_assets import automation
from la_assets.automation import DAILY, QUARTERLY_MODELS, WEEKLY, corrections, keep_current, nightly_schedule
from la_assets.definitions import TABLES, defs
from la_assets.school_years import SCHOOL_YEARS, TIMEZONE, own_and_earlier_years
from tests.thrown_away import thrown_away_instance

from .graph_text import SNAPSHOT, graph_text

ZONE = ZoneInfo(TIMEZONE)
SPECS = sorted(defs.resolve_all_asset_specs(), key=lambda spec: spec.key)


def at(*when: int) -> dt.datetime:
    return dt.datetime(*when, tzinfo=ZONE)


# -- the nightly schedule ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("night", "partition"),
    [
        (at(2026, 11, 21, 2), "2026-07-01"),
        (at(2027, 6, 30, 2), "2026-07-01"),
        (at(2027, 7, 1, 2), "2027-07-01"),
        (at(2027, 1, 1, 2), "2026-07-01"),
        (dt.datetime(2027, 7, 1, 3, 30, tzinfo=dt.UTC), "2026-07-01"),  # half past eleven on 30 June in the district
    ],
    ids=["in autumn", "last night of the year", "first night of the year", "on new year's day", "already July in Greenwich"],
)
def test_the_night_builds_the_school_year_in_progress_in_the_district_s_time_zone(night: dt.datetime, partition: str) -> None:
    request = nightly_schedule(dg.build_schedule_context(scheduled_execution_time=night))
    assert request.partition_key == partition


def test_a_night_runs_once_even_if_asked_twice() -> None:
    one, two = (nightly_schedule(dg.build_schedule_context(scheduled_execution_time=at(2026, 11, 21, 2))) for _ in range(2))
    assert one.run_key == two.run_key
    assert one.run_key != nightly_schedule(dg.build_schedule_context(scheduled_execution_time=at(2026, 11, 22, 2))).run_key


def test_the_night_builds_every_table_but_the_fitted_models_and_the_quarter_builds_those() -> None:
    """With all their checks: no table is left to chance."""
    models = {spec.key for spec in SPECS if spec.tags.get("cadence") == "quarterly"}
    nightly, quarterly = (defs.resolve_job_def(name).asset_layer for name in ("nightly", "quarterly_models"))
    assert nightly.executable_asset_keys == {spec.key for spec in SPECS} - models
    assert models <= quarterly.executable_asset_keys
    checks = defs.resolve_asset_graph().asset_check_keys
    assert {check for check in checks if check.asset_key not in models} <= set(nightly.asset_graph.asset_check_keys)
    assert {check for check in checks if check.asset_key in models} <= set(quarterly.asset_graph.asset_check_keys)


def test_schedule_and_sensors_wait_to_be_switched_on() -> None:
    """A clone that somebody only looks at starts nothing by itself."""
    assert nightly_schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    assert {sensor.default_status for sensor in defs.sensors} == {dg.DefaultSensorStatus.STOPPED}


# -- freshness --------------------------------------------------------------------------------------------------------------


def test_every_table_has_a_freshness_policy_of_its_source_s_rhythm() -> None:
    policies = {spec.key.to_user_string(): spec.freshness_policy for spec in SPECS}
    assert policies["attendance/daily"] == policies["roster/students"] == DAILY
    assert policies["assessments/scores"] == policies["finance/school_year"] == WEEKLY
    assert policies["forecasts/models"] == policies["early_warning/dropout_model"] == QUARTERLY_MODELS
    assert set(policies.values()) == {DAILY, WEEKLY, QUARTERLY_MODELS}


def test_a_summer_without_runs_is_no_failure() -> None:
    for policy in (DAILY, WEEKLY):
        months = policy.deadline_cron.split()[3]
        assert months == "1-5,8-12"
        assert policy.timezone == TIMEZONE


# -- what the asset pages say -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.key.to_user_string())
def test_every_table_says_what_it_is_whose_and_of_what(spec: dg.AssetSpec) -> None:
    assert spec.group_name == ("landing" if spec.metadata.get("landing") else spec.key.path[0])
    assert list(spec.owners) == ["team:data"]
    assert {"polars", "parquet"} <= spec.kinds
    assert spec.partitions_def == SCHOOL_YEARS
    columns = spec.metadata["dagster/column_schema"].columns
    assert columns
    assert all(column.description for column in columns)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.key.to_user_string())
def test_every_description_renders_as_paragraphs(spec: dg.AssetSpec) -> None:
    """A line indented by four is a code block in markdown; a docstring taken as it stands in the source is full of them."""
    assert len(spec.description) > 80
    assert not [line for line in spec.description.splitlines() if line.startswith("    ")]
    assert spec.description.count("**") % 2 == 0


def test_every_check_says_what_it_means() -> None:
    specs = [spec for definition in defs.asset_checks or () for spec in definition.check_specs]
    assert len(specs) > 100
    for spec in specs:
        assert len(spec.description or "") > 30, spec.key
        assert not [line for line in spec.description.splitlines() if line.startswith("    ")], spec.key


def test_the_graph_is_the_one_on_file() -> None:
    """Tables, groups, inputs and checks; after a change that is meant: `python -m tests.la_assets.graph_text`."""
    assert graph_text() == SNAPSHOT.read_text(), (
        "the graph changed; if that is meant, run `python -m tests.la_assets.graph_text` and commit"
    )


def test_every_contract_is_a_table_of_the_graph() -> None:
    assert {".".join(spec.key.path) for spec in SPECS} == {table.name for table in TABLES}


# -- automation -------------------------------------------------------------------------------------------------------------


def _graph() -> dg.Definitions:
    """A roster, what hangs on its year, and what hangs on its three years before too; nothing is stored."""
    rules = keep_current() | corrections()

    def table(name: str, inputs: dict[str, dg.PartitionMapping | None], *, ruled: bool = True) -> dg.AssetsDefinition:
        @dg.asset(
            key=["t", name],
            partitions_def=SCHOOL_YEARS,
            deps=[dg.AssetDep(dg.AssetKey(["t", key]), partition_mapping=mapping) for key, mapping in inputs.items()],
            automation_condition=rules if ruled else None,
            backfill_policy=dg.BackfillPolicy.single_run(),
        )
        def build() -> None: ...

        return build

    return dg.Definitions(
        [
            table("landed", {}, ruled=False),
            table("students", {"landed": None}),
            table("progression", {"students": own_and_earlier_years(3)}),
            table("unrelated", {"landed": None}),
        ]
    )


class Watched:
    """The small graph, fully built, and the automation sensor looking at it again and again."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance, self.defs, self.cursor, self.hour = instance, _graph(), None, 0
        self.run("2018-07-01", "2026-07-01", "landed", "students", "progression", "unrelated")

    def run(self, first: str, last: str, *names: str) -> None:
        self.hour += 1
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        with time_machine.travel(at(2026, 11, 20, self.hour)):
            job = self.defs.resolve_implicit_global_asset_job_def()
            keys = [dg.AssetKey(["t", name]) for name in names]
            assert job.execute_in_process(instance=self.instance, asset_selection=keys, tags=tags).success

    def look(self) -> dict[str, set[str]]:
        """What the sensor asks for now, by table."""
        self.hour += 1
        with time_machine.travel(at(2026, 11, 20, self.hour)):
            result = dg.evaluate_automation_conditions(self.defs, self.instance, cursor=self.cursor)
        self.cursor = result.cursor
        asked = {name: set(result.get_requested_partitions(dg.AssetKey(["t", name]))) for name in ("students", "progression", "unrelated")}
        return {name: keys for name, keys in asked.items() if keys}


@pytest.fixture
def watched():
    with thrown_away_instance() as instance:
        yield Watched(instance)


def test_switching_automation_on_starts_nothing(watched: Watched) -> None:
    assert watched.look() == {}
    assert watched.look() == {}


def test_a_rerun_of_everything_starts_nothing_more(watched: Watched) -> None:
    watched.look()
    watched.run("2018-07-01", "2026-07-01", "landed", "students", "progression", "unrelated")
    assert watched.look() == {}


def test_a_run_over_a_whole_old_year_still_tells_the_years_after_it(watched: Watched) -> None:
    """Dagster's own `any_deps_updated` stays silent here: the run that changed the input had the table among its tables."""
    watched.look()
    watched.run("2021-07-01", "2021-07-01", "landed", "students", "progression", "unrelated")
    assert watched.look() == {"progression": {"2022-07-01", "2023-07-01", "2024-07-01"}}


def test_the_year_in_progress_follows_a_correction_of_the_year_before(watched: Watched) -> None:
    watched.look()
    watched.run("2025-07-01", "2025-07-01", "landed", "students", "progression", "unrelated")
    assert watched.look() == {"progression": {"2026-07-01"}}


def test_a_correction_is_carried_once(watched: Watched) -> None:
    watched.look()
    watched.run("2021-07-01", "2021-07-01", "landed", "students", "progression", "unrelated")
    watched.look()
    watched.run("2022-07-01", "2024-07-01", "progression")
    assert watched.look() == {}


def test_landing_tables_react_to_files_only() -> None:
    conditions = {spec.key.to_user_string(): spec.automation_condition for spec in SPECS}
    assert conditions["landing/attendance"] is None
    assert conditions["landing/files"] is None
    assert "corrections" in str(conditions["roster/progression"].get_label() or conditions["roster/progression"])


def test_policies_are_given_in_one_place() -> None:
    """No room gives its assets a policy or a condition of its own."""
    rooms = Path(automation.__file__).parent
    for file in rooms.glob("*/assets.py"):
        text = file.read_text()
        assert "freshness_policy" not in text
        assert "automation_condition" not in text


def test_polars_types_read_as_words() -> None:
    from la_assets.yearly_tables import column_schema

    types = {column.type for table in TABLES for column in column_schema(table).columns}
    assert "Datetime (UTC)" in types
    assert not [t for t in types if "=" in t]
    assert str(pl.String()) in types
