"""The sensors on real runs of a real instance: what opens an incident, what does not, and what closes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

from la_assets import incidents
from la_assets.definitions import defs as whole_graph
from la_assets.school_years import SCHOOL_YEARS
from la_resources.environments import NotifierResource
from la_resources.notifications import Incident
from tests.thrown_away import thrown_away_instance

KEY, OTHER = "2023-07-01", "2022-07-01"


class Fuse:
    blown = True


@dg.asset(key=["attendance", "daily"], partitions_def=SCHOOL_YEARS)
def daily() -> int:
    if Fuse.blown:
        raise ValueError("student 5000037 'Ann Lee' has two rows")
    return 1


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    Fuse.blown = True
    with thrown_away_instance() as made:
        yield made


@pytest.fixture
def notifier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NotifierResource:
    monkeypatch.delenv("LA_NOTIFY", raising=False)
    monkeypatch.setenv("LA_PUBLIC_URL", "https://dagster.district.org/")
    return NotifierResource(outbox=str(tmp_path))


def ran(instance: dg.DagsterInstance, notifier: NotifierResource, key: str = KEY, tags: dict[str, str] | None = None) -> dg.DagsterRun:
    """A run of the asset for one year, seen by the sensor that it is for."""
    result = dg.materialize([daily], partition_key=key, instance=instance, raise_on_error=False, tags=tags)
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    kind = dg.DagsterEventType.RUN_SUCCESS if result.success else dg.DagsterEventType.RUN_FAILURE
    event = next(e for e in result.all_events if e.event_type == kind)
    sensor = incidents.run_recoveries if result.success else incidents.run_failures
    context = dg.build_run_status_sensor_context(sensor_name=sensor.name, dagster_event=event, dagster_instance=instance, dagster_run=run)
    sensor(context if result.success else context.for_run_failure(), notifier=notifier)
    return run


def open_incidents(notifier: NotifierResource) -> list[Incident]:
    return [i for i in notifier.notifier().incidents() if not i.closed]


def test_a_failed_table_is_one_incident_however_often_it_fails(instance: dg.DagsterInstance, notifier: NotifierResource) -> None:
    run = ran(instance, notifier)
    (incident,) = open_incidents(notifier)
    assert (incident.kind, incident.about, incident.school_years, incident.told) == ("run failed", ("attendance.daily",), ("2023-24",), 1)
    assert incident.what == "ValueError: student [...] [...] has two rows"
    assert incident.link == f"https://dagster.district.org/runs/{run.run_id}"
    ran(instance, notifier)
    assert open_incidents(notifier) == [incident]
    ran(instance, notifier, OTHER)
    assert [i.school_years for i in open_incidents(notifier)] == [("2023-24",), ("2022-23",)]


def test_a_run_that_builds_the_table_closes_its_incident_and_no_other(instance: dg.DagsterInstance, notifier: NotifierResource) -> None:
    ran(instance, notifier)
    ran(instance, notifier, OTHER)
    Fuse.blown = False
    ran(instance, notifier)
    assert [i.school_years for i in open_incidents(notifier)] == [("2022-23",)]
    assert sorted(i.told for i in notifier.notifier().incidents()) == [1, 2]


def test_a_run_that_dagster_repeats_by_itself_is_no_incident(instance: dg.DagsterInstance, notifier: NotifierResource) -> None:
    ran(instance, notifier, tags={"dagster/will_retry": "true"})
    assert open_incidents(notifier) == []


def late(instance: dg.DagsterInstance, state: FreshnessState) -> None:
    """What the daemon writes when the freshness of attendance.daily changes."""
    key = dg.AssetKey(["attendance", "daily"])
    change = FreshnessStateChange(key=key, new_state=state, previous_state=FreshnessState.UNKNOWN, state_change_timestamp=1_790_000_000.0)
    instance._report_runless_asset_event(change)


def test_a_table_whose_policy_fails_is_late_until_it_passes(instance: dg.DagsterInstance, notifier: NotifierResource) -> None:
    def look() -> None:
        context = dg.build_sensor_context(instance=instance, repository_def=whole_graph.get_repository_def())
        incidents.late_tables(context, notifier=notifier)

    look()
    assert open_incidents(notifier) == []
    for state in (FreshnessState.FAIL, FreshnessState.FAIL):
        late(instance, state)
        look()
    (incident,) = open_incidents(notifier)
    assert (incident.kind, incident.about) == ("table is late", ("attendance.daily",))
    assert incident.link == "https://dagster.district.org/assets/attendance/daily"
    late(instance, FreshnessState.PASS)
    look()
    assert open_incidents(notifier) == []


def test_an_incident_outlives_the_process_that_opened_it(instance: dg.DagsterInstance, notifier: NotifierResource, tmp_path: Path) -> None:
    ran(instance, notifier)
    (file,) = (tmp_path / "incidents").iterdir()
    assert json.loads(file.read_text())["told"] == 1
    ran(instance, NotifierResource(outbox=str(tmp_path)))
    assert len(open_incidents(notifier)) == 1
