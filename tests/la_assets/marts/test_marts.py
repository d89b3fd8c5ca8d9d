"""The marts tell what the tables say, nothing of few students, and nothing that is not known; a build changes nothing until it is done."""

import json
import math
import statistics
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from la_assets.marts.assets import PROJECT, READS, SOURCES
from la_assets.marts.schema import CLASS_OVERVIEW, DISTRICT_OVERVIEW, EARLY_WARNING_ROSTER, EQUITY_GAPS, SCHOOL_OVERVIEW, STUDENT_360
from la_assets.roster.schema import STUDENTS
from la_resources.contracts import validate
from la_resources.dbt.in_process import parsed
from la_resources.dbt.on_duckdb import DATABASE, OnDuckDB
from la_resources.dbt.project import DbtFailed
from la_resources.district_settings.marts import MartsSettings
from la_resources.lake import Lake

from . import small_district
from .small_district import LATER, REASONS, RECOMMENDATIONS, SIZES, YEAR, students, write, write_models

SETTINGS = MartsSettings().model_dump()


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = Lake(tmp_path_factory.mktemp("lake"))
    for year in (YEAR, LATER):
        write(made, year)
    write_models(made, LATER)
    return made


@pytest.fixture(scope="module")
def both_years(lake: Lake) -> Iterator[dict[str, pl.DataFrame]]:
    with OnDuckDB(lake).built(PROJECT, [mart.name for mart in READS], [YEAR, LATER], SETTINGS) as frames:
        yield {name: frame.collect() for name, frame in frames.items()}


@pytest.fixture(scope="module")
def marts(both_years: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The year of which no model has said anything."""
    return {name: rows.filter(school_year=YEAR) for name, rows in both_years.items()}


def test_every_mart_keeps_its_contract(both_years: dict[str, pl.DataFrame]) -> None:
    for mart in READS:
        rows = both_years[mart.name].select(mart.names)
        validate(mart, rows)
        assert not rows.select(mart.key).is_duplicated().any()


def test_every_student_stands_in_the_mart_once(marts: dict[str, pl.DataFrame]) -> None:
    mart = marts[STUDENT_360.name]
    assert sorted(mart["student_key"]) == sorted(k for k, _, _ in students())
    assert dict(mart.group_by("school_id").len().iter_rows()) == SIZES


def test_what_no_file_has_said_is_missing_not_zero(marts: dict[str, pl.DataFrame]) -> None:
    mart = marts[STUDENT_360.name]
    for column in ("incidents", "suspensions", "lms_minutes", "gpa", "math_level"):
        assert mart[column].null_count() == mart.height, column
    district = marts[DISTRICT_OVERVIEW.name].row(0, named=True)
    assert district["suspended_share"] is None
    assert district["proficient_math_share"] is None
    assert district["suppressed"] is None


def test_lists_become_words_in_their_order_without_nulls_and_empty_ones(both_years: dict[str, pl.DataFrame]) -> None:
    roster = both_years[EARLY_WARNING_ROSTER.name].sort("student_key").head(5)
    assert set(roster["school_year"]) == {LATER}
    assert (roster["reasons"].to_list(), roster["recommendations"].to_list()) == (REASONS, RECOMMENDATIONS)


def test_the_district_s_shares_are_those_of_its_students(marts: dict[str, pl.DataFrame]) -> None:
    district = marts[DISTRICT_OVERVIEW.name].row(0, named=True)
    assert district["students"] == 59
    assert district["chronic_absence_share"] == pytest.approx(25 / 59)
    assert district["proficient_ela_share"] == pytest.approx((15 + 12 + 2) / 59)
    assert district["mean_attendance_rate"] == pytest.approx((25 * 0.88 + 34 * 0.98) / 59)


def test_a_school_of_four_students_tells_nothing_and_the_smaller_other_school_neither(marts: dict[str, pl.DataFrame]) -> None:
    """The district less school A and school B would be school C."""
    schools = {row["school_id"]: row for row in marts[SCHOOL_OVERVIEW.name].iter_rows(named=True)}
    told = {s: row["chronic_absence_share"] for s, row in schools.items()}
    assert told == {"A": pytest.approx(12 / 30), "B": None, "C": None}
    for school in ("B", "C"):
        assert "chronic_absence_share" in schools[school]["suppressed"]
    assert "suspended_share" not in (schools["C"]["suppressed"] or ""), "there was nothing to withhold"


def test_a_class_of_four_students_tells_nothing(marts: dict[str, pl.DataFrame]) -> None:
    classes = {row["section_id"]: row for row in marts[CLASS_OVERVIEW.name].iter_rows(named=True)}
    assert classes["C-ELA"]["mean_attendance_rate"] is None
    assert classes["A-ELA"]["proficient_ela_share"] == pytest.approx(15 / 30)
    assert {s: row["students"] for s, row in classes.items()} == {f"{s}-ELA": n for s, n in SIZES.items()}


def _gap(marts: dict[str, pl.DataFrame], attribute: str, group: str) -> dict:
    return marts[EQUITY_GAPS.name].filter(attribute=attribute, student_group=group, subject="ELA").row(0, named=True)


def test_a_gap_is_that_of_the_student_rows(marts: dict[str, pl.DataFrame]) -> None:
    """Hedges g and its standard error by hand, from Python's statistics."""
    rows = marts[STUDENT_360.name]
    mean, sd = statistics.fmean(rows["ela_score"]), statistics.stdev(rows["ela_score"])
    girls, boys = ([(x - mean) / sd for x in rows.filter(gender=g)["ela_score"]] for g in ("Female", "Male"))
    n, m = len(girls), len(boys)
    pooled = math.sqrt(((n - 1) * statistics.variance(girls) + (m - 1) * statistics.variance(boys)) / (n + m - 2))
    g = (1 - 3 / (4 * (n + m - 2) - 1)) * (statistics.fmean(girls) - statistics.fmean(boys)) / pooled
    gap = _gap(marts, "gender", "Female")
    assert (gap["status"], gap["students"], gap["reference_students"]) == ("told", n, m)
    assert gap["hedges_g"] == pytest.approx(g, abs=0.0005)
    assert gap["hedges_g_se"] == pytest.approx(math.sqrt((n + m) / (n * m) + g * g / (2 * (n + m))), abs=0.0005)


def test_a_group_of_four_has_no_gap(marts: dict[str, pl.DataFrame]) -> None:
    gap = _gap(marts, "ese", "yes")
    assert gap["status"] == "suppressed"
    assert {gap[c] for c in ("students", "reference_students", "proficiency_gap", "hedges_g", "hedges_g_se")} == {None}


def test_a_larger_smallest_cell_withholds_more(lake: Lake) -> None:
    """With a cell of 14 the twelve chronically absent students of school A and of school B are too few to tell of."""
    with OnDuckDB(lake).built(PROJECT, [SCHOOL_OVERVIEW.name], [YEAR], SETTINGS | {"min_cell": 14}) as frames:
        assert list(frames) == [SCHOOL_OVERVIEW.name]
        assert frames[SCHOOL_OVERVIEW.name].collect()["chronic_absence_share"].to_list() == [None] * 3


def test_of_two_schools_as_small_the_same_one_is_withheld_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two builds that withhold B and C, then A and C, would together tell all three."""
    monkeypatch.setattr(small_district, "SIZES", {"A": 25, "B": 25, "C": 4})
    lake = Lake(tmp_path)
    write(lake)
    withheld = set()
    for _ in range(2):
        with OnDuckDB(lake).built(PROJECT, [SCHOOL_OVERVIEW.name], [YEAR], SETTINGS) as frames:
            rows = frames[SCHOOL_OVERVIEW.name].collect()
        withheld.add(tuple(rows.filter(pl.col("chronic_absence_share").is_null())["school_id"].sort()))
    assert withheld == {("A", "C")}


def test_a_failing_dbt_test_hands_over_nothing_and_names_itself(tmp_path: Path) -> None:
    """A student who stands in the roster twice, past the lake's own contract."""
    lake = Lake(tmp_path)
    write(lake)
    roster = Path(lake.files(STUDENTS, [YEAR])[0])
    pl.read_parquet(roster).head(1).write_parquet(roster.with_name("again.parquet"))
    with pytest.raises(DbtFailed, match="unique_together_student_360"), OnDuckDB(lake).built(PROJECT, [STUDENT_360.name], [YEAR], SETTINGS):
        pytest.fail("a mart with a student twice was handed over")
    assert not any((tmp_path / ".staging").iterdir()), "the private database is gone"


def test_the_graph_says_what_dbt_reads() -> None:
    manifest = parsed(PROJECT.folder, DATABASE).to_dict()
    names = {i: f"{n['schema']}.{n['name']}" for i, n in {**manifest["nodes"], **manifest["sources"]}.items()}
    found = {
        names[i]: {names[d] for d in node["depends_on"]["nodes"]}
        for i, node in manifest["nodes"].items()
        if node["resource_type"] == "model"
    }
    assert found == {mart.name: {table.name for table in reads} for mart, reads in READS.items()}
    assert {names[i] for i in manifest["sources"]} == {table.name for table in SOURCES}
    assert json.dumps(manifest["exposures"]).count("depends_on") == 2
