"""The assets of the room called as Dagster calls them: contracts, files in their place, reruns, years that are not kept, checks."""

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
import time_machine

from la_assets.assessments.schema import SCORES
from la_assets.forecasts.schema import FORECAST_TABLES
from la_assets.mtss import schema as mtss
from la_assets.reports import assets, checks, schema
from la_assets.reports.teams import COMPARED
from la_assets.roster.schema import INSTRUCTIONAL_LINKS, ROSTER_TABLES, STAFF
from la_resources.contracts import Table, validate
from la_resources.school_year import partition_key

from ..called_assets import called_resources, contracts
from . import two_classes as given
from .test_teams import NORTH, SOUTH, STAFF_ROWS, class_of, rising
from .two_classes import YEAR, frame

TEAM_ORDER = ("teams", "team_comparison", "team_pairs", "team_reports")
WORKBOOK_ORDER = ("teacher_workbooks", "coach_workbooks")
TABLES = {t.name: t for t in (*ROSTER_TABLES.values(), *FORECAST_TABLES, SCORES, *contracts(mtss).values(), *contracts(schema).values())}
RESULTS = dict(
    zip(
        (t.name for t in (*assets._RESULTS, mtss.CLUSTER_PROFILES)),
        (*vars(given.TABLES).values(), given.PROFILE_ROWS),
        strict=True,
    )
)
CLASSES = RESULTS | {
    "roster.staff": given.STAFF_ROWS,
    "roster.schools": given.SCHOOL_ROWS,
    "directory.students": given.STUDENT_NAMES,
    "directory.staff": given.STAFF_NAMES,
}


@pytest.fixture(autouse=True)
def _in_the_school_year() -> Iterator[None]:
    with time_machine.travel(dt.datetime(2026, 2, 2, 12, tzinfo=dt.UTC)):
        yield


def made(order: tuple[str, ...], files: Path, frames: Mapping[str, pl.LazyFrame], year: str = YEAR) -> dict[str, pl.DataFrame]:
    """The tables of some assets, held to their contracts and unique keys, with inputs that are not given empty."""
    known = {name: table.empty() for name, table in TABLES.items()} | dict(frames)
    rows: dict[str, pl.DataFrame] = {}
    for function in order:
        asset = getattr(assets, function)
        table = TABLES[".".join(asset.key.path)]
        inputs = {name: known[".".join(key.path)] for name, key in asset.keys_by_input_name.items()}
        with dg.build_asset_context(partition_key=partition_key(year), resources=called_resources(str(files))) as context:
            # A context of a direct call has no step to carry what the page shows; a run's has.
            vars(context)["add_asset_metadata"] = lambda shows, **_: None
            frame = asset(context, **inputs)[partition_key(year)].lazy().select(table.names).sort(table.key).collect()
        validate(table, frame)
        assert not frame.select(table.key).is_duplicated().any()
        rows[table.name], known[table.name] = frame, frame.lazy()
    return rows


def two_teams() -> dict[str, pl.LazyFrame]:
    classes = [class_of(f, rising(n, start), w) for f, n, start in ((NORTH, 12, 200.0), (SOUTH, 14, 215.0)) for w in ("PM1", "PM2")]
    key = {f"{f}-04-{n}": hashlib.md5(f"{f}{n}".encode(), usedforsecurity=False).hexdigest() for f in (NORTH, SOUTH) for n in range(14)}
    staff = {name: hashlib.md5(name.encode(), usedforsecurity=False).hexdigest() for name in STAFF_ROWS.collect()["staff_key"]}
    scored = frame(SCORES, *(row for rows, _ in classes for row in rows))
    links = frame(INSTRUCTIONAL_LINKS, *(row for _, rows in classes[::2] for row in rows))
    replaced = {"student_key": key, "staff_key": staff}
    hashed = [
        f.with_columns(*(pl.col(c).replace(k) for c, k in replaced.items() if c in f.collect_schema())) for f in (scored, links, STAFF_ROWS)
    ]
    return {"roster.schools": given.SCHOOL_ROWS} | dict(zip((SCORES.name, INSTRUCTIONAL_LINKS.name, STAFF.name), hashed, strict=True))


@pytest.fixture(scope="module")
def teams(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, pl.DataFrame]]:
    files = tmp_path_factory.mktemp("teams")
    with time_machine.travel(dt.datetime(2026, 2, 2, tzinfo=dt.UTC)):
        return files, made(TEAM_ORDER, files, two_teams())


@pytest.fixture(scope="module")
def workbooks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, pl.DataFrame]]:
    files = tmp_path_factory.mktemp("workbooks")
    with time_machine.travel(dt.datetime(2026, 2, 2, tzinfo=dt.UTC)):
        return files, made(WORKBOOK_ORDER, files, CLASSES)


def test_results_become_teams_comparisons_pairs_and_a_pdf(teams: tuple[Path, dict[str, pl.DataFrame]]) -> None:
    files, rows = teams
    assert rows["mtss.teams"]["status"].unique().to_list() == [COMPARED]
    assert rows["mtss.team_comparison"]["window"].to_list() == ["PM1", "PM2", "PM2"]
    assert rows["mtss.team_pairs"].height == 2  # the gains are all alike
    (row,) = rows["mtss.team_reports"].iter_rows(named=True)
    content = (files / row["path"]).read_bytes()
    assert (row["status"], row["bytes"], row["sha256"]) == ("written", len(content), hashlib.sha256(content).hexdigest())
    assert row["path"] == "mtss/team_reports/school_year=2025-26/team-comparison_ELA.pdf"


def test_every_written_row_has_its_file_and_every_file_its_row(workbooks: tuple[Path, dict[str, pl.DataFrame]]) -> None:
    files, rows = workbooks
    for name in ("mtss.teacher_workbooks", "mtss.coach_workbooks"):
        written = rows[name].filter(status="written")
        assert written.height
        for path, size, digest in written.select("path", "bytes", "sha256").iter_rows():
            content = (files / path).read_bytes()
            assert (size, digest) == (len(content), hashlib.sha256(content).hexdigest())
        folder = files / TABLES[name].path
        assert {p.relative_to(files).as_posix() for p in folder.rglob("*.xlsx")} == set(written["path"])
        assert (
            rows[name].filter(pl.col("status") != "written").select("path", "bytes", "sha256", "sheets").null_count().row(0)
            == (rows[name].height - written.height,) * 4
        )


def test_workbooks_lie_in_folders_that_only_their_owner_may_open(workbooks: tuple[Path, dict[str, pl.DataFrame]]) -> None:
    files, _ = workbooks
    assert {(files / "mtss" / name).stat().st_mode & 0o777 for name in WORKBOOK_ORDER} == {0o700}
    assert schema.TEACHER_WORKBOOKS.restricted
    assert schema.COACH_WORKBOOKS.restricted


def test_the_indexes_hold_no_name_and_no_student(workbooks: tuple[Path, dict[str, pl.DataFrame]]) -> None:
    told = "".join(rows.write_csv() for rows in workbooks[1].values())
    assert not any(part in told for name in given.NAMES.values() for part in name)
    assert not any(part in told for part in ("Abel", "Boyd", "Cole", *given.NAMES))


def test_a_rerun_is_the_same_to_the_byte(workbooks: tuple[Path, dict[str, pl.DataFrame]], tmp_path: Path) -> None:
    again = made(WORKBOOK_ORDER, tmp_path, CLASSES)
    for name, rows in workbooks[1].items():
        assert again[name].equals(rows)


def test_a_year_that_is_no_longer_kept_loses_its_files_and_keeps_its_rows(tmp_path: Path) -> None:
    made(WORKBOOK_ORDER, tmp_path, CLASSES)
    assert list(tmp_path.rglob("*.xlsx"))
    with time_machine.travel(dt.datetime(2026, 9, 1, tzinfo=dt.UTC)):
        made(WORKBOOK_ORDER, tmp_path, CLASSES)
        assert list(tmp_path.rglob("*.xlsx"))
    with time_machine.travel(dt.datetime(2027, 7, 2, tzinfo=dt.UTC)):
        later = made((*WORKBOOK_ORDER, *TEAM_ORDER), tmp_path, CLASSES | two_teams())
    assert not list(tmp_path.rglob("*.*"))
    assert {s for name in ("teacher_workbooks", "coach_workbooks", "team_reports") for s in later[f"mtss.{name}"]["status"]} == {
        "older than the years kept"
    }
    assert later["mtss.team_comparison"].height == 3


@pytest.mark.parametrize("year", ["2018-19", "2025-26"])
def test_a_year_without_data_makes_empty_tables_and_no_file(year: str, tmp_path: Path) -> None:
    assert all(rows.is_empty() for rows in made((*TEAM_ORDER, *WORKBOOK_ORDER), tmp_path, {}, year).values())
    assert not list(tmp_path.rglob("*.*"))


# -- checks -------------------------------------------------------------------------------------------------------------------


def judged(name: str, *frames: pl.LazyFrame) -> tuple[bool, Mapping[str, Any]]:
    passed, _, counts = getattr(checks, name)(*frames)
    return passed, counts


def test_checks_pass_on_what_belongs_together(
    teams: tuple[Path, dict[str, pl.DataFrame]], workbooks: tuple[Path, dict[str, pl.DataFrame]]
) -> None:
    of = {name: rows.lazy() for name, rows in (teams[1] | workbooks[1]).items()}
    assert judged("teams_add_up", of["mtss.teams"], of["mtss.team_comparison"]) == (True, {"teams": 78, "comparisons": 78})
    assert judged("students_have_a_team", of["mtss.team_comparison"])[0]
    assert judged("every_pair_is_there", of["mtss.team_pairs"], of["mtss.team_comparison"]) == (True, {"pairs": 2, "expected": 2})


def test_checks_find_what_is_missing(teams: tuple[Path, dict[str, pl.DataFrame]], workbooks: tuple[Path, dict[str, pl.DataFrame]]) -> None:
    of = {name: rows.lazy() for name, rows in (teams[1] | workbooks[1]).items()}
    assert not judged("teams_add_up", of["mtss.teams"].limit(1), of["mtss.team_comparison"])[0]
    assert not judged("every_pair_is_there", of["mtss.team_pairs"].limit(1), of["mtss.team_comparison"])[0]
    lost = of["mtss.team_comparison"].with_columns(students_without_team=pl.lit(20, pl.Int32))
    assert judged("students_have_a_team", lost) == (False, {"results": 138, "without_team": 60, "in_small_teams": 0})
    assert judged("tiered_students_reach_a_teacher", given.TIER_ROWS, given.LINKS) == (False, {"students": 6, "without_teacher": 1})
    assert judged("schools_have_workbooks", of["mtss.coach_workbooks"]) == (False, {"schools": 3, "no_links": 1, "no_results": 1})


def test_checks_on_an_empty_year_pass() -> None:
    empty = {name: TABLES[name].empty() for name in TABLES}
    for found in checks.CHECKS.values():
        for check in found:
            assert check.inputs
    assert judged("teams_add_up", empty["mtss.teams"], empty["mtss.team_comparison"])[0]
    assert judged("students_have_a_team", empty["mtss.team_comparison"])[0]
    assert judged("every_pair_is_there", empty["mtss.team_pairs"], empty["mtss.team_comparison"])[0]
    assert judged("tiered_students_reach_a_teacher", empty["mtss.tiers"], empty["roster.instructional_links"])[0]
    assert judged("schools_have_workbooks", empty["mtss.coach_workbooks"])[0]


def test_every_table_has_its_checks_by_name() -> None:
    tables: set[str] = {value.name for value in vars(schema).values() if isinstance(value, Table)}
    assert checks.CHECKS.keys() <= tables
