"""The storage contract through the real IO manager: Dagster runs write and read partitions of a real lake."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl
import pytest
from one_year_run import DAYS, NAMES, asset_of, io_manager, students
from tests.thrown_away import thrown_away_instance

from la_assets.school_years import SCHOOL_YEARS, earlier_years
from la_resources.contracts import ContractError, Table
from la_resources.lake import Lake

FIRST, SECOND, THIRD = "2021-07-01", "2022-07-01", "2023-07-01"
RANGE = {"dagster/asset_partition_range_start": FIRST, "dagster/asset_partition_range_end": THIRD}


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with thrown_away_instance() as instance:
        yield instance


class Runs:
    """Materialises assets over one lake."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self.folder, self.instance, self.lake = folder, instance, Lake(folder / "lake")

    def year(self, key: str, *assets: dg.AssetsDefinition, **options: Any) -> dg.ExecuteInProcessResult:
        return dg.materialize(
            list(assets), instance=self.instance, resources={"lake_io_manager": io_manager(self.folder)}, partition_key=key, **options
        )

    def years(self, *assets: dg.AssetsDefinition, **options: Any) -> dg.ExecuteInProcessResult:
        return dg.materialize(
            list(assets), instance=self.instance, resources={"lake_io_manager": io_manager(self.folder)}, tags=RANGE, **options
        )

    def stored(self, table: Table = DAYS) -> dict[str, int]:
        return dict(self.lake.scan(table).group_by("school_year").len().sort("school_year").collect().rows())


@pytest.fixture
def runs(tmp_path: Path, instance: dg.DagsterInstance) -> Runs:
    return Runs(tmp_path, instance)


def every_year(keys: list[str]) -> dict[str, pl.LazyFrame]:
    return {key: students(key, count).lazy() for count, key in enumerate(keys, start=1)}


# -- writing ----------------------------------------------------------------------------------------------------------------


def test_four_runs_of_different_years_in_four_processes_never_wait_for_each_other(tmp_path: Path) -> None:
    keys = ["2020-07-01", FIRST, SECOND, THIRD]
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    program = Path(__file__).with_name("one_year_run.py")
    with dg.DagsterInstance.from_config(str(home)):  # the schema of the run storage is there before four runs need it
        processes = [
            subprocess.Popen(
                [sys.executable, str(program), str(tmp_path), key, str(len(keys))],
                env={**os.environ, "DAGSTER_HOME": str(home)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )
            for key in keys
        ]  # fmt: skip
        outputs = [process.communicate(timeout=240) for process in processes]
    assert [p.returncode for p in processes] == [0] * 4, outputs[0][1][-3000:]
    times = [json.loads((tmp_path / f"times-{key}.json").read_text()) for key in keys]
    assert max(t["began"] for t in times) < min(t["ended"] for t in times), "all four were writing at the same moment"
    assert Lake(tmp_path / "lake").scan(DAYS).collect().height == 4 * 3
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM attendance.sample").fetchall() == [(12,)]


def test_a_run_over_several_years_writes_each_of_them(runs: Runs) -> None:
    runs.year("2020-07-01", asset_of(DAYS, lambda keys: students(keys[0], 9)))
    runs.years(asset_of(DAYS, every_year))
    assert runs.stored() == {"2020-21": 9, "2021-22": 1, "2022-23": 2, "2023-24": 3}


def test_a_frame_of_several_years_is_told_apart_by_its_school_year(runs: Runs) -> None:
    runs.years(asset_of(DAYS, lambda keys: pl.concat([students(key, 2) for key in keys if key != SECOND])))
    assert runs.stored() == {"2021-22": 2, "2023-24": 2}
    assert runs.lake.school_years(DAYS) == ["2021-22", "2022-23", "2023-24"], "a year of the run without rows is written empty"


def test_a_rerun_leaves_identical_bytes(runs: Runs) -> None:
    made = asset_of(DAYS, lambda keys: students(keys[0], 50))
    runs.year(FIRST, made)
    file = Path(*runs.lake.files(DAYS))
    before = file.read_bytes()
    runs.year(FIRST, asset_of(DAYS, lambda keys: students(keys[0], 50).reverse().lazy()))
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("returns", "message"),
    [
        (lambda keys: students("2019-07-01"), r"3 row\(s\) do not belong to the partition 2021-22.*2019-20.*s0"),
        (lambda keys: students(keys[0]).drop("days_absent"), "missing columns: days_absent"),
        (lambda keys: students(keys[0]).with_columns(pl.col("days_absent").cast(pl.Int64)), "days_absent is Int64, not Float64"),
        (lambda keys: students(keys[0], absent=-1.0), "days_absent.*greater_than_or_equal_to"),
        (lambda keys: students(keys[0]).with_columns(school_year=pl.lit(None, pl.String)), "school_year.*not_nullable"),
        (lambda keys: {SECOND: students(SECOND)}, r"returned the partitions \['2022-07-01'\], the run asked for \['2021-07-01'\]"),
        (lambda keys: [1, 2], "returns a polars frame or a mapping of frames, not list"),
        (lambda keys: None, "not NoneType"),
    ],
)  # fmt: skip
def test_what_an_asset_returns_against_its_contract_is_refused_and_the_old_year_stays(
    runs: Runs, returns: Callable[[list[str]], Any], message: str
) -> None:
    runs.lake.publish(DAYS, "2021-22", students(FIRST, 7))
    result = runs.year(FIRST, asset_of(DAYS, returns), raise_on_error=False)
    failure = result.failure_data_for_node("attendance__sample")
    assert failure is not None
    assert re.search(f"ContractError: .*{message}", failure.error.to_string(), re.DOTALL), failure.error.to_string()
    assert not result.asset_materializations_for_node("attendance__sample")
    assert runs.stored() == {"2021-22": 7}


@pytest.mark.parametrize(
    ("returns", "message"),
    [
        (lambda keys: pl.concat([students(key) for key in [*keys, "2019-07-01"]]), "outside the run's years.*2019-20"),
        (lambda keys: students(keys[0]).with_columns(school_year=pl.lit(None, pl.String)), "outside the run's years.*None"),
        (lambda keys: pl.concat([students(key) for key in keys]).drop("school_year"), "needs the column school_year"),
        (lambda keys: {key: students(key) for key in keys[:2]}, "the run asked for"),
    ],
)  # fmt: skip
def test_a_row_outside_the_years_of_a_run_is_refused_before_any_year_is_written(
    runs: Runs, returns: Callable[[list[str]], Any], message: str
) -> None:
    with pytest.raises(ContractError, match=message):
        runs.years(asset_of(DAYS, returns))
    assert runs.stored() == {}


def test_an_asset_without_a_contract_is_named_with_what_to_do(runs: Runs) -> None:
    unknown = Table("attendance.unheard_of", "A row.", DAYS.columns, DAYS.key)
    with pytest.raises(dg.Failure, match=r"attendance\.unheard_of has no contract; add its Table"):
        runs.year(FIRST, asset_of(unknown, lambda keys: students(keys[0])))


# -- reading ----------------------------------------------------------------------------------------------------------------


def reader(seen: list, annotation: Any, mapping: dg.PartitionMapping | None = None) -> dg.AssetsDefinition:
    def read(sample) -> None:
        seen.append(sample)

    read.__annotations__["sample"] = annotation
    return dg.asset(
        name="reader",
        ins={"sample": dg.AssetIn(key=DAYS.name.split("."), partition_mapping=mapping, input_manager_key="lake_io_manager")},
        partitions_def=SCHOOL_YEARS,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )(read)


def source() -> dg.AssetsDefinition:
    return asset_of(DAYS, every_year)


@pytest.mark.parametrize(("annotation", "kind"), [(pl.LazyFrame, pl.LazyFrame), (pl.DataFrame, pl.DataFrame)])
def test_an_input_is_lazy_unless_the_asset_asks_for_a_frame(runs: Runs, annotation: type, kind: type) -> None:
    seen: list = []
    runs.years(source())
    runs.year(SECOND, source(), reader(seen, annotation), selection=["reader"])
    (frame,) = seen
    assert isinstance(frame, kind)
    assert frame.lazy().select("school_year").collect()["school_year"].to_list() == ["2022-23"] * 2


def test_an_input_holds_the_years_of_its_mapping_and_no_other_file_is_opened(runs: Runs) -> None:
    seen: list = []
    runs.years(source())
    Path(runs.lake.files(DAYS, ["2023-24"])[0]).write_bytes(b"not parquet: opening it would fail")
    runs.year(THIRD, source(), reader(seen, pl.LazyFrame, earlier_years(2)), selection=["reader"])
    assert sorted(seen[0].collect()["school_year"].unique()) == ["2021-22", "2022-23"]


@pytest.mark.parametrize("annotation", [pl.LazyFrame, pl.DataFrame])
def test_years_that_do_not_exist_or_were_never_made_load_typed_and_empty(runs: Runs, annotation: type) -> None:
    seen: list = []
    runs.year("2018-07-01", source(), reader(seen, annotation, earlier_years(5)), selection=["reader"])
    runs.year("2025-07-01", source(), reader(seen, annotation), selection=["reader"])
    for frame in seen:
        assert frame.lazy().collect_schema() == DAYS.polars_schema()
        assert frame.lazy().collect().is_empty()


# -- what the UI shows --------------------------------------------------------------------------------------------------------


def test_every_partition_of_a_run_tells_its_own_rows_bytes_and_preview(runs: Runs) -> None:
    result = runs.years(asset_of(DAYS, every_year))
    shown = {event.partition: event.metadata for event in result.asset_materializations_for_node("attendance__sample")}
    assert sorted(shown) == [FIRST, SECOND, THIRD]
    for count, (key, year) in enumerate([(FIRST, "2021-22"), (SECOND, "2022-23"), (THIRD, "2023-24")], start=1):
        file = Path(*runs.lake.files(DAYS, [year]))
        assert shown[key]["dagster/row_count"].value == count
        assert shown[key]["bytes"].value == file.stat().st_size
        assert shown[key]["school_year"].value == year
        assert shown[key]["path"].value == str(file)
        preview = shown[key]["preview"].value
        assert preview.splitlines()[0] == "| student_key | days_absent | school_year |"
        assert preview.count(year) == count


def test_a_preview_shows_a_few_rows_and_no_layout_of_its_own(runs: Runs) -> None:
    odd = students(FIRST, 40).with_columns(student_key="a|b" + pl.col("student_key"), days_absent=pl.lit(None, pl.Float64))
    result = runs.year(FIRST, asset_of(DAYS, lambda keys: odd))
    (event,) = result.asset_materializations_for_node("attendance__sample")
    rows = event.metadata["preview"].value.splitlines()[2:]
    assert len(rows) == 5
    assert rows[0] == "| a\\|bs0 |  | 2021-22 |"


def test_a_table_without_preview_shows_counts_but_never_a_row(runs: Runs) -> None:
    """Scores of students are not restricted, yet the first rows of them are of no use on a page, and are somebody's."""
    quiet = replace(DAYS, preview=False)
    result = dg.materialize(
        [asset_of(quiet, lambda keys: students(keys[0]))],
        instance=runs.instance,
        resources={"lake_io_manager": io_manager(runs.folder, [quiet])},
        partition_key=FIRST,
    )
    (event,) = result.asset_materializations_for_node("attendance__sample")
    assert event.metadata["dagster/row_count"].value == 3
    assert "preview" not in event.metadata
    assert "student_key" not in str(event.metadata)


def test_a_restricted_table_shows_counts_but_never_a_row(runs: Runs) -> None:
    result = runs.year(FIRST, asset_of(NAMES, lambda keys: students(keys[0])))
    (event,) = result.asset_materializations_for_node("directory__sample")
    assert event.metadata["dagster/row_count"].value == 3
    assert "preview" not in event.metadata
    assert "s0" not in str(event.metadata)


def test_the_sql_file_follows_the_tables_and_leaves_out_restricted_ones(runs: Runs) -> None:
    runs.year(FIRST, asset_of(DAYS, lambda keys: students(keys[0])), asset_of(NAMES, lambda keys: students(keys[0])))
    with duckdb.connect(str(runs.folder / "warehouse.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT name FROM la.views").fetchall() == [("attendance.sample",)]


@pytest.mark.parametrize("mode", ["True", "False"], ids=["reading", "writing"])
def test_a_client_that_holds_the_sql_file_open_does_not_stop_a_run(runs: Runs, mode: str) -> None:
    runs.year(FIRST, asset_of(DAYS, lambda keys: students(keys[0])))
    script = f"import duckdb, sys\nc = duckdb.connect(sys.argv[1], read_only={mode}); print('open', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(runs.folder / "warehouse.duckdb")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "open\n"
    assert runs.year(SECOND, asset_of(DAYS, lambda keys: students(keys[0]))).success
    assert holder.poll() is None
    holder.communicate(timeout=60)
    assert runs.stored() == {"2021-22": 3, "2022-23": 3}
