"""The stream's sensor on a real stream: what a tick lands and asks for, and what it leaves to the run that is under way."""

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import time_machine

from la_assets.definitions import defs
from la_assets.landing.assets import landing
from la_assets.landing.sensors import landing_arrivals
from la_assets.school_years import current_school_year
from la_assets.stream_arrivals import ATTEMPT_TAG, STREAM_TAG, WHOLE_EVERY, WHOLE_TAG, followed, stream_arrivals
from la_resources.environments import DistrictResource, LakeResource, LandingZoneResource
from tests.kinesis_server import KINESIS_LOCAL, kinesis_local
from tests.la_resources.streams.desk import Desk, event, new_stream

pytestmark = pytest.mark.needs("node", str(KINESIS_LOCAL))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with kinesis_local() as url:
        yield url


class Sensor:
    """The sensor over a stream of one shard, with an instance of its own and the landing step of its runs."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.instance = desk, dg.DagsterInstance.ephemeral()
        self.zone = LandingZoneResource(root=str(desk.zone), mappings=[])
        self.lake = LakeResource(root=str(desk.lake.root))

    def tick(self) -> dg.SensorResult | dg.SkipReason:
        context = dg.build_sensor_context(instance=self.instance, repository_def=defs.get_repository_def())
        result = stream_arrivals(context, landing_zone=self.zone, lake=self.lake)
        assert isinstance(result, dg.SensorResult | dg.SkipReason)
        return result

    def requested(self) -> dg.RunRequest:
        result = self.tick()
        assert isinstance(result, dg.SensorResult)
        [request] = result.run_requests or []
        return request

    def skipped(self) -> str:
        result = self.tick()
        assert isinstance(result, dg.SkipReason)
        return result.skip_message or ""

    def land(self, key: str) -> None:
        resources = {"landing_zone": self.zone, "lake": self.lake, "district": DistrictResource()}
        assert dg.materialize([landing], partition_key=key, resources=resources | {"lake_io_manager": dg.mem_io_manager}).success


@pytest.fixture
def sensor(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sensor:
    for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(name, os.environ.get(name, value))
    desk = new_stream(server, tmp_path)
    monkeypatch.setenv("LA_STREAM", desk.name)
    monkeypatch.setenv("LA_KINESIS_ENDPOINT", server)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setattr("la_assets.stream_arrivals.PATIENCE", 0.0)
    return Sensor(desk)


def test_without_a_stream_a_tick_says_what_to_set(sensor: Sensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LA_STREAM")
    assert sensor.skipped().startswith("LA_STREAM is not set")


def test_a_stream_that_is_not_there_fails_the_tick_with_the_next_step(sensor: Sensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LA_STREAM", "misspelled")
    with pytest.raises(dg.Failure, match=r"misspelled .*correct LA_STREAM"):
        sensor.tick()


def test_events_are_landed_and_a_run_of_their_year_is_asked_for_until_one_has_read_them(sensor: Sensor) -> None:
    assert "0 events landed; no file" in sensor.skipped()
    sensor.desk.put(event("1"), event("2", "attendance"))
    request = sensor.requested()
    assert request.partition_key == current_school_year().key
    assert request.tags[STREAM_TAG] == sensor.desk.name
    assert sensor.requested().run_key == request.run_key, "Dagster starts a run key once"
    sensor.land(current_school_year().key)
    assert "no file" in sensor.skipped()
    assert sensor.desk.rows("landing.attendance")["event_id"].to_list() == ["2"]


def test_while_a_run_of_the_stream_is_under_way_events_are_landed_and_wait(sensor: Sensor) -> None:
    sensor.desk.put(event("1"))
    first = sensor.requested()
    run = sensor.instance.create_run_for_job(
        defs.resolve_implicit_global_asset_job_def(), tags={STREAM_TAG: sensor.desk.name}, status=dg.DagsterRunStatus.STARTED
    )
    sensor.desk.put(event("2"))
    assert "wait for the run that is under way" in sensor.skipped()
    assert len(sensor.desk.files()) == 2
    sensor.instance.report_run_failed(run)
    again = sensor.requested()
    assert ATTEMPT_TAG not in again.tags
    assert again.run_key != first.run_key
    assert again.tags["landing/files"] == "2", "what a failed run did not read is asked for again with what is new"


def test_a_run_that_failed_after_it_had_read_its_files_is_begun_again_but_not_for_ever(sensor: Sensor) -> None:
    sensor.desk.put(event("1"))
    request = sensor.requested()
    sensor.land(current_school_year().key)
    asked = []
    while request is not None:
        run = sensor.instance.create_run_for_job(
            defs.resolve_implicit_global_asset_job_def(), tags={**request.tags, "dagster/partition": request.partition_key}
        )
        asked.append((request.run_key, request.tags.get(ATTEMPT_TAG)))
        sensor.instance.report_run_failed(run)
        result = sensor.tick()
        [request] = (result.run_requests or [None]) if isinstance(result, dg.SensorResult) else [None]
    assert [attempt for _, attempt in asked] == [None, "2", "3"]
    assert len({key for key, _ in asked}) == 3
    sensor.desk.put(event("2"))
    assert ATTEMPT_TAG not in sensor.requested().tags, "new events are run whatever became of the earlier ones"


def test_a_tick_waits_for_the_run_under_way_and_then_asks_at_once(sensor: Sensor, monkeypatch: pytest.MonkeyPatch) -> None:
    run = sensor.instance.create_run_for_job(
        defs.resolve_implicit_global_asset_job_def(), tags={STREAM_TAG: sensor.desk.name}, status=dg.DagsterRunStatus.STARTED
    )
    sensor.desk.put(event("1"))

    def while_waiting(_: float) -> None:
        sensor.desk.put(event("2"))
        sensor.instance.report_run_failed(sensor.instance.get_run_by_id(run.run_id))  # type: ignore[arg-type]

    monkeypatch.setattr("la_assets.stream_arrivals.PATIENCE", 60.0)
    monkeypatch.setattr("la_assets.stream_arrivals.time.sleep", while_waiting)
    assert sensor.requested().tags["landing/files"] == "1"
    [file] = sensor.desk.files()
    assert len(file.read_text().splitlines()) == 3, "what came meanwhile goes with it, in one file"


def test_files_of_a_tick_that_was_killed_before_it_could_ask_are_found_by_the_next(sensor: Sensor) -> None:
    sensor.desk.put(event("1"))
    assert len(sensor.desk.consume().files) == 1
    assert sensor.requested().tags["landing/files"] == "1"


def test_events_of_an_earlier_year_are_a_run_of_that_year(sensor: Sensor) -> None:
    sensor.desk.put(event("1"), event("2", date="2025-09-02"))
    result = sensor.tick()
    assert isinstance(result, dg.SensorResult)
    assert [request.partition_key for request in result.run_requests or []] == ["2025-07-01", current_school_year().key]


def test_a_run_in_ten_minutes_of_each_year_makes_all_tables_and_evaluates_their_checks(sensor: Sensor) -> None:
    unmatched, gaps = dg.AssetKey(["attendance", "unmatched"]), dg.AssetKey(["marts", "equity_gaps"])

    def run_of(request: dg.RunRequest) -> dg.DagsterRun:
        job = defs.resolve_implicit_global_asset_job_def()
        run = sensor.instance.create_run_for_job(job, tags=request.tags | {"dagster/partition": request.partition_key})
        sensor.instance.report_run_canceled(run)
        return run

    sensor.desk.put(event("e1"))
    request = sensor.requested()
    assert {unmatched, gaps} < set(request.asset_selection)
    assert request.asset_check_keys is None  # all of its tables
    run_of(request)
    request = sensor.requested()
    assert (request.asset_check_keys, WHOLE_TAG in request.tags) == ([], False)
    assert not {unmatched, gaps} & set(request.asset_selection)
    with time_machine.travel(dt.datetime.now(dt.UTC) + WHOLE_EVERY + dt.timedelta(minutes=1)):
        assert WHOLE_TAG in sensor.requested().tags


def test_all_tables_are_made_after_the_last_events_of_a_day(sensor: Sensor) -> None:
    tags = {STREAM_TAG: sensor.desk.name, "dagster/partition": current_school_year().key}

    def ended(tags: dict[str, str]) -> dg.DagsterRun:
        job = defs.resolve_implicit_global_asset_job_def()
        return sensor.instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.SUCCESS)

    ended(tags | {WHOLE_TAG: "yes"})
    assert sensor.skipped()
    last = ended(tags)
    assert sensor.skipped(), "all tables were made minutes ago"
    with time_machine.travel(dt.datetime.now(dt.UTC) + WHOLE_EVERY + dt.timedelta(minutes=1)):
        request = sensor.requested()
        assert request.run_key == f"{current_school_year().key}:all after {last.run_id}"
        assert (WHOLE_TAG in request.tags, request.asset_check_keys) == (True, None)
        ended(request.tags | {"dagster/partition": current_school_year().key})
        assert sensor.skipped()


def test_the_sensor_of_other_arrivals_passes_over_the_stream(sensor: Sensor) -> None:
    sensor.desk.put(event("1"))
    sensor.desk.consume()
    context = dg.build_sensor_context(instance=sensor.instance, repository_def=defs.get_repository_def())
    result = landing_arrivals(context, landing_zone=sensor.zone, lake=sensor.lake)
    assert isinstance(result, dg.SensorResult)
    assert not result.run_requests


def test_a_run_of_the_stream_goes_to_the_marts_of_today_and_past_no_model() -> None:
    graph = defs.resolve_asset_graph()
    tables, whole = ({".".join(key.path) for key in followed(graph, whole=w)} for w in (False, True))
    assert {"landing.attendance", "landing.files", "directory.quarantine"} < tables
    assert {"attendance.daily", "attendance.student_year", "engagement.lms_daily", "coursework.student_year"} < tables
    assert {"marts.student_360", "marts.class_overview", "marts.school_overview"} < tables
    assert whole - tables == {"attendance.unmatched", "marts.district_overview", "marts.equity_gaps"}
    assert not {table for table in whole if table.split(".")[0] in {"early_warning", "forecasts", "mtss", "reports"}}
