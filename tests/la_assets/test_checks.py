"""Checks in real Dagster runs: they judge the years of the run, and no rerun hides a year that fails."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
import time_machine

from la_assets.checks import TableCheck, table_checks
from la_assets.roster.schema import CALENDAR
from la_assets.school_years import SCHOOL_YEARS
from la_assets.yearly_tables import asset_key
from la_resources.contracts import SCHOOL_YEAR_PATTERN, Column, ForeignKey, Table
from la_resources.environments import DistrictResource, LakeResource
from la_resources.io_managers import LakeIOManager
from la_resources.school_year import of_partition_key
from tests.thrown_away import thrown_away_instance

COLUMNS = (
    Column("student", pl.String, "Student."),
    Column("grade", pl.String, "Grade.", nullable=True),
    Column("exit_day", pl.Date, "Last day.", nullable=True, fills_at_end=True),
    Column("school_year", pl.String, "Year.", pattern=SCHOOL_YEAR_PATTERN),
    Column("loaded_at", pl.Datetime("us", "UTC"), "Arrival."),
)
STUDENTS = Table("roster.sample", "A student.", COLUMNS, ("student",))
MARKS = Table(
    "coursework.sample", "A mark.", COLUMNS, ("student",), foreign_keys=(ForeignKey(("student",), "roster.sample", ("student",)),)
)

FIRST, SECOND, CURRENT = "2024-07-01", "2025-07-01", "2026-07-01"
TODAY = datetime(2026, 11, 24, 15, tzinfo=UTC)


def rows(
    key: str, count: int, *, grade: str | None = "05", exits: bool = True, arrived: datetime = TODAY, students: str = "s"
) -> pl.DataFrame:
    """So many students of one year."""
    n = range(count)
    day = date(int(key[:4]) + 1, 6, 1) if exits else None
    return pl.DataFrame(
        {"student": [f"{students}{i}" for i in n], "grade": [grade] * count, "exit_day": [day] * count,
            "school_year": [of_partition_key(key)] * count, "loaded_at": [arrived] * count},
        schema=STUDENTS.polars_schema(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with thrown_away_instance() as instance:
        yield instance


class Checked:
    """A table whose rows the test gives, with its check step."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance, table: Table = STUDENTS, **options) -> None:
        self.instance, self.table = instance, table
        self.lake = LakeResource(root=str(folder / "lake"))
        self.resources = {
            "lake": self.lake,
            "district": DistrictResource(),
            "lake_io_manager": LakeIOManager(self.lake.lake(), [STUDENTS, MARKS, CALENDAR]),
        }
        self.checks = table_checks(table, **options)

    def publish(self, key: str, frame: pl.DataFrame, table: Table | None = None) -> None:
        self.lake.lake().publish(table or self.table, of_partition_key(key), frame)

    def run(self, given: dict[str, pl.DataFrame]) -> dict[str, dg.AssetCheckEvaluation]:
        """Materialise a year (or a range of them) and judge it; what each check said."""
        first, last = min(given), max(given)

        @dg.asset(
            key=asset_key(self.table),
            partitions_def=SCHOOL_YEARS,
            backfill_policy=dg.BackfillPolicy.single_run(),
            io_manager_key="lake_io_manager",
        )
        def made(context) -> dict:
            return {key: given[key] for key in context.partition_keys}

        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last} if first != last else {}
        with time_machine.travel(TODAY, tick=True):
            result = dg.materialize(
                [made, self.checks],
                instance=self.instance,
                resources=self.resources,
                partition_key=None if first != last else first,
                tags=tags,
            )
        return {e.check_name: e for e in result.get_asset_check_evaluations()}

    def run_alone(self) -> dict[str, dg.AssetCheckEvaluation]:
        """The check step launched by itself, without partition."""
        with time_machine.travel(TODAY, tick=True):
            job = dg.Definitions(
                assets=[dg.AssetSpec(asset_key(self.table))],
                asset_checks=[self.checks],
                jobs=[dg.define_asset_job("only_checks", dg.AssetSelection.checks(self.checks))],
                resources=self.resources,
            ).resolve_job_def("only_checks")
            result = job.execute_in_process(instance=self.instance)
        return {e.check_name: e for e in result.get_asset_check_evaluations()}

    def judged(self, check: str) -> list[str]:
        """The years of which the ledger knows something."""
        return list(self.lake.checks().outcomes(self.table.name, check))


def test_a_failing_year_is_not_hidden_by_another_years_passing_rerun(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    checked = Checked(tmp_path, instance)
    checked.publish("2023-07-01", rows("2023-07-01", 400))
    checked.run({FIRST: rows(FIRST, 400)})
    failed = checked.run({SECOND: rows(SECOND, 100)})["row_count_is_plausible"]
    assert not failed.passed
    rerun = checked.run({FIRST: rows(FIRST, 410)})["row_count_is_plausible"]
    assert not rerun.passed, "2024-25 passes now, 2025-26 still fails"
    assert (rerun.description or "").startswith("2025-26: 100 rows against 400 the year before (-75%, tolerance 25%)")
    assert rerun.metadata["failing_years"].value == 1
    assert "| 2024-25 | yes | 410 |" in rerun.metadata["by_year"].value
    assert "| 2025-26 | **no** | 100 |" in rerun.metadata["by_year"].value
    repaired = checked.run({SECOND: rows(SECOND, 390)})["row_count_is_plausible"]
    assert (repaired.passed, repaired.description) == (True, "passes in 2 school year(s)")


def test_a_check_step_judges_exactly_the_years_of_its_run(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    checked = Checked(tmp_path, instance)
    checked.publish(FIRST, rows(FIRST, 400))
    checked.publish(CURRENT, rows(CURRENT, 400))
    checked.run({SECOND: rows(SECOND, 400)})
    assert checked.judged("key_is_unique") == ["2025-26"]
    checked.run({FIRST: rows(FIRST, 400), SECOND: rows(SECOND, 400)})
    assert checked.judged("key_is_unique") == ["2024-25", "2025-26"]
    checked.run_alone()
    assert checked.judged("key_is_unique") == ["2024-25", "2025-26", "2026-27"], "launched alone it judges every stored year"


def test_a_year_in_progress_is_not_held_to_what_comes_at_its_end(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    checked = Checked(tmp_path, instance)
    checked.publish(SECOND, rows(SECOND, 400))
    found = checked.run({CURRENT: rows(CURRENT, 150, exits=False)})
    assert found["row_count_is_plausible"].passed
    assert found["columns_stay_filled"].passed
    found = checked.run({CURRENT: rows(CURRENT, 150, grade=None)})
    assert "grade (100% -> 0%)" in (found["columns_stay_filled"].description or "")


def test_references_look_into_the_same_school_year_only(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    checked = Checked(tmp_path, instance, MARKS)
    checked.publish(FIRST, rows(FIRST, 9), STUDENTS)
    checked.publish(SECOND, rows(SECOND, 3), STUDENTS)
    found = checked.run({SECOND: rows(SECOND, 5)})["references_exist"]
    assert not found.passed
    assert "2 row(s) with 2 value(s) of (student) that roster.sample does not have" in (found.description or "")
    assert found.severity == dg.AssetCheckSeverity.WARN
    assert checked.run({FIRST: rows(FIRST, 9)})["references_exist"].passed is False, "2025-26 still has its two"


@pytest.mark.parametrize(("arrived", "passed"), [((2026, 11, 20), True), ((2026, 11, 18), True), ((2026, 11, 17), False)])
def test_the_current_year_is_fresh_by_the_schools_calendar(
    tmp_path: Path, instance: dg.DagsterInstance, arrived: tuple[int, int, int], passed: bool
) -> None:
    """Today is Tuesday 24 November; Monday was a holiday; two school days without a delivery are allowed."""
    days = [date(2026, 11, d) for d in (16, 17, 18, 19, 20, 23, 24)]
    calendar = pl.DataFrame(
        {
            "school_id": "1", "date": days, "is_instructional": [d.day != 23 for d in days], "term": None, "school_year": "2026-27",
            "known_on": days, "source": "test", "loaded_at": TODAY,
        },
        schema=CALENDAR.polars_schema(),
    )  # fmt: skip
    checked = Checked(tmp_path, instance, fresh=True)
    checked.publish(CURRENT, calendar, CALENDAR)
    found = checked.run({CURRENT: rows(CURRENT, 3, arrived=datetime(*arrived, 12, tzinfo=UTC))})
    assert found["current_year_is_fresh"].passed == passed
    assert checked.run({SECOND: rows(SECOND, 3, arrived=datetime(2025, 9, 1, tzinfo=UTC))})["current_year_is_fresh"].passed == passed


def test_a_rooms_own_check_is_judged_by_year_with_its_severity(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    few = TableCheck(
        "has_students",
        (STUDENTS,),
        lambda year: (year[STUDENTS].collect().height > 2, f"{year.label} has few students", {"n": year[STUDENTS].collect().height}),
        "There are students.",
        dg.AssetCheckSeverity.ERROR,
    )
    checked = Checked(tmp_path, instance, extra=(few,), generic=False)
    found = checked.run({FIRST: rows(FIRST, 2), SECOND: rows(SECOND, 3)})
    assert list(found) == ["has_students"]
    assert (found["has_students"].passed, found["has_students"].severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert found["has_students"].description == "2024-25: 2024-25 has few students"
