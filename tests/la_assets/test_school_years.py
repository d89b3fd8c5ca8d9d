"""School years as partitions, and each trap they have already set for somebody."""

import datetime as dt
from zoneinfo import ZoneInfo

import dagster as dg
import polars as pl
import pytest
import time_machine

from la_assets.automation import corrections, keep_current
from la_assets.school_years import SCHOOL_YEARS, TIMEZONE, SchoolYear, current_school_year, earlier_years, own_and_earlier_years, years_of
from la_resources.contracts import SCHOOL_YEAR_PATTERN, Column, Table
from la_resources.io_managers import LakeIOManager
from la_resources.lake import Lake
from tests.thrown_away import thrown_away_instance

ZONE = ZoneInfo(TIMEZONE)
YEAR_COLUMN = Column("school_year", pl.String, "Year.", pattern=SCHOOL_YEAR_PATTERN)


def at(*when: int) -> time_machine.travel:
    return time_machine.travel(dt.datetime(*when, tzinfo=ZONE), tick=True)


def test_a_new_year_appears_on_the_first_of_july_without_a_redeploy() -> None:
    with at(2027, 6, 30, 23, 30):
        assert SCHOOL_YEARS.get_partition_keys()[-1] == "2026-07-01"
        assert current_school_year().label == "2026-27"
    with at(2027, 7, 1, 0, 30):
        assert SCHOOL_YEARS.get_partition_keys()[-1] == "2027-07-01"
        assert current_school_year().label == "2027-28"


def test_the_first_year_is_fixed_and_does_not_move_with_the_clock() -> None:
    for when in ((2026, 11, 21), (2040, 1, 1)):
        with at(*when):
            assert SCHOOL_YEARS.get_partition_keys()[0] == "2018-07-01"


def test_the_next_year_is_no_partition_so_that_automation_does_not_fill_it() -> None:
    with at(2026, 11, 21):
        assert SCHOOL_YEARS.end_offset == 1
        assert not SCHOOL_YEARS.has_partition_key("2027-07-01")


def test_a_mapping_that_would_read_its_own_or_a_later_year_as_earlier_is_refused() -> None:
    with pytest.raises(ValueError, match="least >= 1"):
        earlier_years(3, least=0)


def test_earlier_years_load_and_years_before_the_first_do_not_exist() -> None:
    with at(2026, 11, 21):
        mapping = earlier_years(5)
        result = mapping.get_upstream_mapped_partitions_result_for_partitions(
            downstream_partitions_subset=SCHOOL_YEARS.subset_with_partition_keys(["2020-07-01"]),
            downstream_partitions_def=SCHOOL_YEARS,
            upstream_partitions_def=SCHOOL_YEARS,
        )
        assert sorted(result.partitions_subset.get_partition_keys()) == ["2018-07-01", "2019-07-01"]


def test_partition_keys_become_school_years_oldest_first() -> None:
    assert [y.label for y in years_of(["2023-07-01", "2019-07-01"])] == ["2019-20", "2023-24"]
    assert SchoolYear("2023-24").last_day == dt.date(2024, 6, 30)


def _graph(tmp_path) -> dg.Definitions:
    """Grades of a year, and a table that reads the year and the two before."""
    columns = (Column("student_key", pl.String, "Key."), Column("n", pl.Int64, "Rows seen."), YEAR_COLUMN)
    tables = [Table(name, "A row.", columns, ("student_key",)) for name in ("t.grades", "t.trend")]

    @dg.asset(key=["t", "grades"], partitions_def=SCHOOL_YEARS, io_manager_key="lake", backfill_policy=dg.BackfillPolicy.single_run())
    def grades(context: dg.AssetExecutionContext):
        years = [y.label for y in years_of(context.partition_keys)]
        return pl.LazyFrame({"student_key": ["a"] * len(years), "n": [1] * len(years), "school_year": years})

    @dg.asset(
        key=["t", "trend"],
        partitions_def=SCHOOL_YEARS,
        io_manager_key="lake",
        ins={"grades": dg.AssetIn(["t", "grades"], partition_mapping=own_and_earlier_years(2))},
        automation_condition=keep_current() | corrections(),
    )
    def trend(context: dg.AssetExecutionContext, grades: pl.LazyFrame):
        year = SchoolYear.of_key(context.partition_key)
        return grades.select(pl.len().alias("n").cast(pl.Int64)).with_columns(student_key=pl.lit("a"), school_year=pl.lit(year.label))

    return dg.Definitions(assets=[grades, trend], resources={"lake": LakeIOManager(Lake(tmp_path / "lake"), tables)})


def _run(defs: dg.Definitions, instance: dg.DagsterInstance, asset: str, first: str, last: str) -> None:
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    job = defs.resolve_implicit_global_asset_job_def()
    key = dg.AssetKey(["t", asset])
    if first == last:
        assert job.execute_in_process(instance=instance, asset_selection=[key], partition_key=first).success
    else:
        assert job.execute_in_process(instance=instance, asset_selection=[key], tags=tags).success


def test_a_run_over_several_years_writes_each_of_them(tmp_path) -> None:
    with at(2026, 11, 21), thrown_away_instance() as instance:
        defs = _graph(tmp_path)
        _run(defs, instance, "grades", "2018-07-01", "2026-07-01")
        lake = Lake(tmp_path / "lake")
        assert sorted(p.name for p in (lake.root / "t" / "grades").iterdir())[0] == "school_year=2018-19"
        assert len(list((lake.root / "t" / "grades").glob("*/part.parquet"))) == 9
        assert len(instance.get_materialized_partitions(dg.AssetKey(["t", "grades"]))) == 9


def test_a_correction_to_an_old_year_reaches_exactly_the_years_that_depend_on_it(tmp_path) -> None:
    defs = _graph(tmp_path)
    with thrown_away_instance() as instance:
        with at(2026, 11, 20, 8):
            _run(defs, instance, "grades", "2018-07-01", "2026-07-01")
            for year in range(2018, 2027):
                _run(defs, instance, "trend", f"{year}-07-01", f"{year}-07-01")
            first = dg.evaluate_automation_conditions(defs, instance)
        with at(2026, 11, 20, 9):
            quiet = dg.evaluate_automation_conditions(defs, instance, cursor=first.cursor)
            assert quiet.total_requested == 0, "nothing changed, nothing runs"
            _run(defs, instance, "grades", "2020-07-01", "2020-07-01")
        with at(2026, 11, 20, 10):
            result = dg.evaluate_automation_conditions(defs, instance, cursor=quiet.cursor)
    assert result.get_requested_partitions(dg.AssetKey(["t", "trend"])) == {"2020-07-01", "2021-07-01", "2022-07-01"}


def test_a_correction_never_builds_years_that_were_not_built_before(tmp_path) -> None:
    defs = _graph(tmp_path)
    with thrown_away_instance() as instance:
        with at(2026, 11, 20, 8):
            _run(defs, instance, "grades", "2018-07-01", "2025-07-01")
            _run(defs, instance, "trend", "2021-07-01", "2021-07-01")
            first = dg.evaluate_automation_conditions(defs, instance)
        with at(2026, 11, 20, 9):
            _run(defs, instance, "grades", "2020-07-01", "2020-07-01")
            result = dg.evaluate_automation_conditions(defs, instance, cursor=first.cursor)
    assert result.get_requested_partitions(dg.AssetKey(["t", "trend"])) == {"2021-07-01"}


def test_the_default_condition_rebuilds_the_current_year_only(tmp_path) -> None:
    defs = _graph(tmp_path)
    with thrown_away_instance() as instance:
        with at(2026, 11, 20, 8):
            _run(defs, instance, "grades", "2018-07-01", "2026-07-01")
            _run(defs, instance, "trend", "2026-07-01", "2026-07-01")
            first = dg.evaluate_automation_conditions(defs, instance)
        with at(2026, 11, 20, 9):
            _run(defs, instance, "grades", "2026-07-01", "2026-07-01")
            result = dg.evaluate_automation_conditions(defs, instance, cursor=first.cursor)
    assert result.get_requested_partitions(dg.AssetKey(["t", "trend"])) == {"2026-07-01"}


def test_what_depends_on_a_year_is_that_year_and_the_two_after(tmp_path) -> None:
    """What a backfill from the asset graph follows and one from an asset job does not: the mapping between years."""
    with at(2026, 11, 21):
        children = own_and_earlier_years(2).get_downstream_partitions_for_partitions(
            SCHOOL_YEARS.subset_with_partition_keys(["2020-07-01"]), SCHOOL_YEARS, SCHOOL_YEARS
        )
        assert sorted(children.get_partition_keys()) == ["2020-07-01", "2021-07-01", "2022-07-01"]


def test_the_empty_new_year_blocks_nothing(tmp_path) -> None:
    """On 1 July a year without a row is written as a typed empty partition, and what reads it runs."""
    defs = _graph(tmp_path)
    empty = Table(
        "t.grades", "A row.", (Column("student_key", pl.String, "Key."), Column("n", pl.Int64, "Rows."), YEAR_COLUMN), ("student_key",)
    )
    with at(2027, 7, 1, 1), thrown_away_instance() as instance:
        _run(defs, instance, "grades", "2025-07-01", "2026-07-01")
        Lake(tmp_path / "lake").publish(empty, "2027-28", empty.empty())
        _run(defs, instance, "trend", "2027-07-01", "2027-07-01")
        assert Lake(tmp_path / "lake").scan(empty, ["2027-28"]).collect().is_empty()
