"""The arrival sensor on real files in a folder: which runs a tick asks for, and which it does not."""

import datetime as dt
import os
from pathlib import Path

import dagster as dg
import pytest
import time_machine

from la_assets.definitions import defs
from la_assets.landing import deliveries
from la_assets.landing.assets import landing
from la_assets.landing.schema import FILES
from la_assets.landing.sensors import landing_arrivals
from la_resources.environments import DistrictResource, LakeResource, LandingZoneResource
from la_resources.lake import Lake

MAPPINGS = Path(__file__).parents[3] / "data" / "mappings"
TODAY = dt.datetime(2026, 11, 21, 15, tzinfo=dt.UTC)
HEADER = "STUDENT_NUMBER,SCHOOL_NO,ATT_DATE,ABS_CODE,ABS_PORTION,TARDY_FLG,EARLY_DISM_FLG,MIN_ATT\n"
MARCH_2022 = HEADER + "5000037,0101,3/07/2022,U,1,N,N,0\n5000037,0101,3/08/2022,E,1,N,N,0\n"
MARCH_2024 = HEADER + "5000037,0101,3/07/2024,U,1,N,N,0\n"
SCHOOLS_2024 = (
    "SCHOOL_YEAR,SCHOOL_NO,SCHOOL_NAME,SCHOOL_LVL,SCHOOL_TYPE,LOCALE_CD,DISTRICT_NO,TITLE1_FLG\n2023-2024,0101,Elm,E,REG,11,48,Y\n"
)


class District:
    """A landing zone and a lake in a folder, with the sensor and the landing step over them."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "landing"
        self.zone = LandingZoneResource(root=str(self.root), mappings=[str(MAPPINGS / "simulated_district")])
        self.lake = LakeResource(root=str(folder / "lake"))
        self.instance = dg.DagsterInstance.ephemeral()

    def drop(self, path: str, content: str | bytes) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_suffix(".tmp")
        fresh.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.utime(fresh, (TODAY.timestamp(), TODAY.timestamp() + len(content)))
        fresh.replace(file)

    def tick(self, cursor: str | None = None) -> dg.SensorResult | dg.SkipReason:
        context = dg.build_sensor_context(cursor=cursor, repository_def=defs.get_repository_def(), instance=self.instance)
        return landing_arrivals(context, landing_zone=self.zone, lake=self.lake)

    def land(self, *keys: str) -> None:
        """The landing step of some years, as a backfill or a sensor's run does it."""
        for key in keys:
            resources = {"landing_zone": self.zone, "lake": self.lake, "district": DistrictResource()}
            assert dg.materialize([landing], partition_key=key, resources=resources | {"lake_io_manager": dg.mem_io_manager}).success


@pytest.fixture
def district(tmp_path: Path):
    with time_machine.travel(TODAY):
        yield District(tmp_path)


def years(result: dg.SensorResult | dg.SkipReason) -> list[str | None]:
    assert isinstance(result, dg.SensorResult)
    return [request.partition_key for request in result.run_requests or []]


def tables(request: dg.RunRequest) -> set[str]:
    return {".".join(key.path) for key in request.asset_selection or []}


def test_an_empty_landing_zone_asks_for_nothing(district: District) -> None:
    assert isinstance(district.tick(), dg.SkipReason)


def test_a_new_file_runs_the_school_year_its_dates_tell(district: District) -> None:
    district.drop("sis/attendance/attendance_2021-22_03.csv", MARCH_2022)
    assert years(district.tick()) == ["2021-07-01"]


def test_files_of_two_years_are_two_runs_and_files_of_one_year_one(district: District) -> None:
    district.drop("sis/attendance/attendance_2021-22_03.csv", MARCH_2022)
    district.drop("sis/attendance/attendance_2023-24_03.csv", MARCH_2024)
    district.drop("sis/schools/schools_2023-24.csv", SCHOOLS_2024)
    assert years(district.tick()) == ["2021-07-01", "2023-07-01"]


def test_a_run_builds_what_hangs_on_the_files_and_nothing_else(district: District) -> None:
    district.drop("sis/attendance/attendance_2021-22_03.csv", MARCH_2022)
    built = tables(district.tick().run_requests[0])
    assert {"landing.attendance", "landing.files", "directory.quarantine", "attendance.daily", "attendance.student_year"} <= built
    assert not {name for name in built if name.split(".")[0] in ("roster", "coursework", "assessments", "finance")}


def test_the_cursor_survives_a_restart(district: District) -> None:
    """It is text that Dagster keeps: a process that starts later goes on where the other left off."""
    district.drop("sis/attendance/attendance_2021-22_03.csv", MARCH_2022)
    cursor = district.tick().cursor
    assert isinstance(district.tick(cursor), dg.SkipReason)
    district.drop("sis/attendance/attendance_2023-24_03.csv", MARCH_2024)
    assert years(district.tick(cursor)) == ["2023-07-01"]


def test_the_run_key_is_path_and_content(district: District) -> None:
    """Dagster runs a key once: the same file never runs twice, a corrected one does."""
    path = "sis/attendance/attendance_2021-22_03.csv"
    district.drop(path, MARCH_2022)
    first = district.tick().run_requests[0].run_key
    assert path in first
    district.drop(path, MARCH_2022)
    assert district.tick().run_requests[0].run_key == first
    district.drop(path, MARCH_2022 + "5000038,0101,3/09/2022,E,1,N,N,0\n")
    assert district.tick().run_requests[0].run_key != first


def test_files_that_were_read_already_start_no_run(district: District) -> None:
    """Switching the sensor on after a backfill starts nothing; also not for files that nobody claims, or that were refused."""
    district.drop("sis/attendance/attendance_2021-22_03.csv", MARCH_2022)
    district.drop("sis/notes.pdf", b"%PDF-1.4")
    district.drop("sis/attendance/attendance_2023-24_03.csv", b"\x00\x01garbage")
    district.drop("oneroster/broken.zip", b"not a zip")
    district.land("2021-07-01", "2023-07-01", "2026-07-01")
    result = district.tick()
    assert years(result) == []
    assert result.skip_reason.skip_message == "4 read before"
    assert isinstance(district.tick(result.cursor), dg.SkipReason)


def test_a_file_that_changed_under_the_same_size_and_time_starts_a_run(district: District) -> None:
    path = "sis/attendance/attendance_2021-22_03.csv"
    district.drop(path, MARCH_2022)
    district.land("2021-07-01")
    assert years(district.tick()) == []
    district.drop(path, MARCH_2022.replace(",0\n", ",1\n"))
    assert years(district.tick()) == ["2021-07-01"]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("sis/attendance/attendance_latest.csv", HEADER + "5000037,0101,3/07/1998,U,1,N,N,0\n"),
        ("sis/attendance/attendance_2031-32_03.csv", HEADER + "5000037,0101,3/07/2032,U,1,N,N,0\n"),
        ("sis/attendance/attendance_2023-24_04.csv", b"\x00\x01\x02 garbage"),
        ("sis/notes.pdf", b"%PDF-1.4"),
        ("oneroster/broken.zip", b"not a zip"),
    ],
    ids=["before the first year", "in the future", "no year at all", "nobody's file", "broken archive"],
)
def test_a_file_without_a_known_year_goes_to_the_current_year_and_is_named_there(
    district: District, path: str, content: str | bytes
) -> None:
    district.drop(path, content)
    assert years(district.tick()) == ["2026-07-01"]
    district.land("2026-07-01")
    ledger = Lake(district.lake.root).scan(FILES, ["2026-27"]).collect()
    assert [(name.partition("!")[0], status) for name, status in ledger.select("source_file", "status").rows()] == [
        (path, "unclaimed" if path.endswith("pdf") else "quarantined")
    ]
    assert ledger["reason"].item()


def test_a_file_that_changes_its_year_rebuilds_the_year_it_leaves(district: District) -> None:
    district.drop("sis/attendance/attendance_march.csv", MARCH_2022)
    district.land("2021-07-01")
    district.drop("sis/attendance/attendance_march.csv", MARCH_2024)
    assert years(district.tick()) == ["2021-07-01", "2023-07-01"]


def test_an_export_whose_rows_may_be_of_any_year_is_one_run_over_all_of_them(district: District) -> None:
    district.drop("map_growth/results.csv", "TermName,DistrictName,StudentID\nFall 2022-2023,Elm,1\n")
    [request] = district.tick().run_requests
    assert request.partition_key is None
    assert request.tags["dagster/asset_partition_range_start"] == "2018-07-01"
    assert request.tags["dagster/asset_partition_range_end"] == "2026-07-01"
    assert "assessments.scores" in tables(request)


def test_a_tick_opens_a_bounded_number_of_files_and_the_next_goes_on(district: District, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "FILES_PER_TICK", 2)
    for month in range(1, 6):
        district.drop(f"sis/attendance/attendance_2021-22_0{month}.csv", MARCH_2022.replace("3/", f"{month}/"))
    cursor, handled = None, []
    while isinstance(result := district.tick(cursor), dg.SensorResult):
        handled.append(result.run_requests[0].tags["landing/files"])
        cursor = result.cursor
    assert handled == ["2", "2", "1"]


def test_a_tick_opens_a_bounded_number_of_bytes_but_at_least_one_file(district: District, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "BYTES_PER_TICK", 10)
    district.drop("sis/attendance/attendance_2021-22_03.csv", MARCH_2022)
    district.drop("sis/attendance/attendance_2023-24_03.csv", MARCH_2024)
    first = district.tick()
    assert len(years(first)) == 1
    assert len(years(district.tick(first.cursor))) == 1


def test_a_file_that_arrives_leaves_fitted_models_of_its_year_alone_but_makes_those_that_are_missing(district: District) -> None:
    district.drop("sis/attendance/attendance_2023-24_03.csv", MARCH_2024)
    (request,) = district.tick().run_requests
    assert {"early_warning.dropout_model", "early_warning.dropout_scores", "forecasts.models"} <= tables(request)
    fitted = district.lake.lake().storage
    fitted.put(b"fitted in October", "early_warning/dropout_model/school_year=2023-24/part.parquet")
    fitted.put(b"fitted for another year", "forecasts/models/school_year=2022-23/part.parquet")
    (request,) = district.tick().run_requests
    assert "early_warning.dropout_model" not in tables(request)
    assert {"early_warning.dropout_scores", "forecasts.models"} <= tables(request)


def test_a_file_whose_run_is_recorded_starts_no_other_although_its_neighbours_do(district: District) -> None:
    """As when the queue's sensor was faster, or a run is still waiting for its turn."""
    district.drop("sis/attendance/attendance_2021-22_03.csv", MARCH_2022)
    (request,) = district.tick().run_requests
    district.instance.create_run_for_job(_A_RUN, tags=request.tags)
    district.drop("sis/attendance/attendance_2021-22_02.csv", MARCH_2022.replace("3/", "2/"))
    (request,) = district.tick().run_requests
    assert request.run_key.startswith("2021-07-01:sis/attendance/attendance_2021-22_02.csv:")


@dg.job
def _A_RUN() -> None:
    """Stands for any job: only its record matters."""
