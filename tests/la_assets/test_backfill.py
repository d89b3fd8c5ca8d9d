"""Backfills through a real web server and daemon, and what is said when there is none."""

import http.server
import os
import threading
from collections.abc import Iterator

import dagster as dg
import pytest

from la_assets import backfill as shell
from la_assets.backfill import backfill, cancel, years_between
from la_assets.dagster_api import DagsterUnreachable, query, switch_on
from la_assets.demo import SENSORS
from la_assets.local_dagster import free_port, running_dagster
from la_assets.roster.schema import STUDENTS as ROSTER_STUDENTS
from la_resources.school_year import partition_key
from tests.served_dagster import STUDENTS, ServedDagster

_PARTITIONS = """query { assetNodes { assetKey { path } assetPartitionStatuses {
  ... on TimePartitionStatuses { ranges { startKey endKey status } } } } }"""
_SENSORS = """query($where: RepositorySelector!) { sensorsOrError(repositorySelector: $where) {
  ... on Sensors { results { name sensorState { status } } } } }"""
_STATUS = "query($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }"
_WHERE = {"repositoryLocationName": "learning_analytics", "repositoryName": "__repository__"}


def test_a_backfill_through_the_daemon_builds_the_year_of_every_table(served_dagster: ServedDagster) -> None:
    assert served_dagster.result.failures == []
    assert served_dagster.result.succeeded
    key = partition_key(served_dagster.school_year)
    without = _reading_earlier_years_only()
    for node in query(served_dagster.url, _PARTITIONS)["assetNodes"]:
        if ".".join(node["assetKey"]["path"]) in without:
            continue
        ranges = node["assetPartitionStatuses"]["ranges"]
        assert [(r["startKey"], r["endKey"], r["status"]) for r in ranges] == [(key, key, "MATERIALIZED")], node["assetKey"]


def _reading_earlier_years_only() -> set[str]:
    """Models learn from earlier years only; a backfill of one year into an empty lake leaves them out: there is nothing to learn from."""
    from la_assets.definitions import defs

    graph = defs.resolve_asset_graph()

    def last_year_read(key: dg.AssetKey) -> int:
        mappings = (graph.get_partition_mapping(key, parent) for parent in graph.get(key).parent_keys)
        return max((getattr(mapping, "end_offset", 0) for mapping in mappings), default=0)

    return {".".join(key.path) for key in graph.materializable_asset_keys if last_year_read(key) < 0}


def test_cheap_tables_of_one_backfill_share_one_run(served_dagster: ServedDagster) -> None:
    assert served_dagster.result.runs == 1


def test_the_lake_holds_what_the_backfill_built(served_dagster: ServedDagster) -> None:
    students = served_dagster.lake.scan(ROSTER_STUDENTS).collect()
    assert set(students["school_year"]) == {served_dagster.school_year}
    assert students.height >= 0.8 * STUDENTS


def test_a_table_that_is_none_is_refused_by_name(served_dagster: ServedDagster) -> None:
    with pytest.raises(ValueError, match=r"no table roster.pupils in the graph; it has .*roster.students"):
        backfill(served_dagster.url, [served_dagster.school_year], ["roster.pupils"])


def test_a_year_that_is_none_is_refused_by_name(served_dagster: ServedDagster) -> None:
    with pytest.raises(ValueError, match="no school year 2001-02 in the graph; it has 2018-19, "):
        backfill(served_dagster.url, ["2001-02"], ["roster.students"])


def test_a_cancelled_backfill_does_not_go_on(served_dagster: ServedDagster) -> None:
    class NoLongerWanted(Exception): ...

    launched: list[str] = []

    def change_of_mind(backfill_id: str) -> None:
        launched.append(backfill_id)
        raise NoLongerWanted

    with pytest.raises(NoLongerWanted):
        backfill(served_dagster.url, [served_dagster.school_year], ["finance.school_year"], launched=change_of_mind)
    cancel(served_dagster.url, launched[0])
    state = query(served_dagster.url, _STATUS, {"id": launched[0]})["partitionBackfillOrError"]["status"]
    assert state in {"CANCELING", "CANCELED"}


def test_sensors_are_switched_on_by_name_and_stay_on(served_dagster: ServedDagster) -> None:
    for _ in range(2):
        switch_on(served_dagster.url, SENSORS)
    sensors = query(served_dagster.url, _SENSORS, {"where": _WHERE})["sensorsOrError"]["results"]
    found = {s["name"]: s["sensorState"]["status"] for s in sensors}
    assert found == dict.fromkeys(SENSORS, "RUNNING") | dict.fromkeys(("queued_arrivals", "stream_arrivals"), "STOPPED")


def test_a_sensor_that_is_none_is_named(served_dagster: ServedDagster) -> None:
    with pytest.raises(RuntimeError, match="nonsense could not be switched on"):
        switch_on(served_dagster.url, ["nonsense"])


def test_a_wrong_question_says_what_is_wrong(served_dagster: ServedDagster) -> None:
    with pytest.raises(RuntimeError, match="noSuchField"):
        query(served_dagster.url, "query { noSuchField }")


def test_without_a_dagster_the_error_says_how_to_start_one(capsys: pytest.CaptureFixture[str]) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(DagsterUnreachable, match=rf"no Dagster answers at {url} .*make ui"):
        backfill(url, ["2021-22"])
    assert shell.main(["--first", "2021-22", "--url", url]) == 2
    assert "make ui" in capsys.readouterr().err


@pytest.fixture
def other_server() -> Iterator[str]:
    class Refusing(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_error(404)

        def log_message(self, *_: object) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_server_that_is_no_dagster_is_told_apart(other_server: str) -> None:
    with pytest.raises(RuntimeError, match=r"answers 404 .* is that the address of Dagster"):
        backfill(other_server, ["2021-22"])


def test_a_taken_port_is_named_with_another_to_try(other_server: str) -> None:
    port = int(other_server.rpartition(":")[2])
    with pytest.raises(RuntimeError, match=rf"port {port} is taken .*PORT={port + 1}"), running_dagster(port):
        pass


def test_a_home_without_settings_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"is not a folder \(absolute\) with a dagster.yaml"), running_dagster(free_port()):
        pass
    assert not os.listdir(tmp_path)


def test_years_between_two_years_include_both() -> None:
    assert years_between("2021-22", "2023-24") == ["2021-22", "2022-23", "2023-24"]
    with pytest.raises(ValueError, match="2023-24 is after 2021-22"):
        years_between("2023-24", "2021-22")
