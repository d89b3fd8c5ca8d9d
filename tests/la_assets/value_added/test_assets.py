"""The room's assets on small frames: nothing from the future, nothing published against a failed placebo, everyone accounted for."""

import datetime as dt
from io import BytesIO

import dagster as dg
import polars as pl
import pytest
import time_machine
from pypdf import PdfReader

from la_assets.reports.ethical_use import STAFF
from la_assets.roster.schema import DIRECTORY_STAFF, INSTRUCTIONAL_LINKS, SCHOOLS
from la_assets.roster.schema import STAFF as STAFF_TABLE
from la_assets.value_added import assets
from la_assets.value_added.assets import VALUE_ADDED_ASSETS
from la_assets.value_added.checks import links_cover_students, models_have_numbers, placebo_is_clean
from la_assets.value_added.schema import (
    LINK_COVERAGE,
    MODELS,
    PLACEBO_RUNS,
    PRINCIPAL_BRIEFS,
    STUDENT_SCORES,
    TEACHER_EFFECTS,
    TEACHER_EFFECTS_POOLED,
)
from la_resources.contracts import Table, validate

from ..called_assets import called_resources
from .classes_of_teachers import drawn_classes

YEAR, KEY = "2023-24", "2023-07-01"
LINEAGE = {
    "school_year": pl.lit(YEAR),
    "known_on": pl.lit(dt.date(2024, 5, 20)),
    "source": pl.lit("test"),
    "loaded_at": pl.lit(dt.datetime(2024, 6, 1, tzinfo=dt.UTC)),
}


def filled(table: Table, frame: pl.DataFrame, **values: object) -> pl.LazyFrame:
    """The frame with the table's columns: lineage and given values, else null."""
    given = frame.with_columns(
        **{name: value if isinstance(value, pl.Expr) else pl.lit(value) for name, value in (LINEAGE | values).items()}
    )
    return given.select(
        (pl.col(c.name) if c.name in given.columns else pl.lit(None).alias(c.name)).cast(c.dtype) for c in table.columns
    ).lazy()


def made(asset: dg.AssetsDefinition, given: dict[Table, pl.LazyFrame], deliverables: str = "") -> pl.DataFrame:
    frames = {table.name: frame for table, frame in given.items()}
    inputs = {name: frames[".".join(key.path)] for name, key in asset.keys_by_input_name.items()}
    context = dg.build_asset_context(partition_key=KEY, resources=called_resources(deliverables))
    context.add_asset_metadata = lambda *_, **__: None  # what a page shows has no place outside a run
    return asset(context, **inputs)[KEY].lazy().collect()


@pytest.fixture(scope="module")
def room() -> dict[Table, pl.LazyFrame]:
    """Sixty teachers' classes, sorted at the schools; keys as in the lake."""
    rows, _ = drawn_classes(teachers=60, schools=6, sorting=1.0)
    rows = rows.with_columns(staff_key=pl.lit("0" * 28) + pl.col("staff_key").str.slice(1))
    students = filled(STUDENT_SCORES, rows, status="used", assessment_id="FAST")
    links = filled(INSTRUCTIONAL_LINKS, rows, link_source="test")
    frames = {STUDENT_SCORES: students, INSTRUCTIONAL_LINKS: links}
    frames[PLACEBO_RUNS] = made(assets.placebo, frames).lazy()
    return frames


def test_sorted_students_are_found_and_no_effect_is_published(room) -> None:
    verdicts = dict(room[PLACEBO_RUNS].select("subject", "status").collect().iter_rows())
    assert verdicts == {"Math": "failed", "ELA": "not_testable"}
    assert not placebo_is_clean(room[PLACEBO_RUNS])[0]
    for asset, table in ((assets.teacher_effects, TEACHER_EFFECTS), (assets.teacher_effects_pooled, TEACHER_EFFECTS_POOLED)):
        rows = made(asset, room)
        validate(table, rows)
        assert rows["status"].unique().to_list() == ["withheld"]
        assert rows.select("effect", "ci_low", "ci_high", "mean_residual", "label").null_count().row(0) == (60,) * 5


def test_the_placebo_of_a_year_is_judged_with_the_two_before_it_and_no_other() -> None:
    rows, _ = drawn_classes(teachers=24, schools=4)
    rows = rows.with_columns(staff_key=pl.lit("0" * 28) + pl.col("staff_key").str.slice(1))
    given = {}
    for table, more in ((STUDENT_SCORES, {"status": "used"}), (INSTRUCTIONAL_LINKS, {"link_source": "test"})):
        years = [filled(table, rows, **more, school_year=y) for y in ("2020-21", "2021-22", "2022-23", "2023-24", "2024-25")]
        given[table] = pl.concat(years)
    made_rows = made(assets.placebo, given)
    validate(PLACEBO_RUNS, made_rows)
    assert made_rows.filter(pl.col("subject") == "Math")["years_judged"].to_list() == [3]


def test_with_a_passed_placebo_every_linked_teacher_has_a_row_and_a_model_stands_behind(room) -> None:
    passed = room | {PLACEBO_RUNS: room[PLACEBO_RUNS].with_columns(status=pl.lit("passed"))}
    rows = made(assets.teacher_effects, passed)
    validate(TEACHER_EFFECTS, rows)
    assert rows["effect"].count() == rows.height == 60
    models = made(assets.models, passed)
    validate(MODELS, models)
    assert models.select("subject", "model").n_unique() == 6
    assert models_have_numbers(models.lazy().filter(pl.col("subject") == "Math"), room[STUDENT_SCORES])[0]
    assert not models_have_numbers(models.lazy(), room[STUDENT_SCORES])[0]


def test_a_rerun_gives_the_same_rows(room) -> None:
    assert made(assets.models, room).equals(made(assets.models, room))


def test_no_asset_reads_a_later_year_and_the_forecast_not_its_own() -> None:
    offsets = {}
    for asset in VALUE_ADDED_ASSETS:
        for key in asset.dependency_keys:
            mapping = asset.get_partition_mapping(key)
            offsets[asset.key.path[-1], ".".join(key.path)] = getattr(mapping, "end_offset", 0)
    assert all(offset <= 0 for offset in offsets.values())
    assert offsets["forecast", TEACHER_EFFECTS.name] == -1


def test_every_table_carries_the_ethical_use_statement() -> None:
    for table in (MODELS, PLACEBO_RUNS, TEACHER_EFFECTS, TEACHER_EFFECTS_POOLED):
        assert STAFF in table.by_name["status"].description


def test_briefs_name_teachers_in_a_restricted_file_and_leave_out_small_numbers(room, tmp_path) -> None:
    passed = room | {PLACEBO_RUNS: room[PLACEBO_RUNS].with_columns(status=pl.lit("passed"))}
    effects = made(assets.teacher_effects_pooled, passed).with_columns(
        students=pl.when(pl.col("staff_key") == "0" * 31 + "1").then(4).otherwise("students").cast(pl.Int32)
    )
    keys = effects.select("staff_key").unique().sort("staff_key").with_row_index("i")
    staff = keys.with_columns(school_id=pl.lit("s") + (pl.col("i") // 30).cast(pl.String))
    given = {
        TEACHER_EFFECTS_POOLED: effects.lazy(),
        PLACEBO_RUNS: passed[PLACEBO_RUNS],
        LINK_COVERAGE: LINK_COVERAGE.empty(),
        STAFF_TABLE: filled(STAFF_TABLE, staff),
        SCHOOLS: filled(SCHOOLS, pl.DataFrame({"school_id": ["s0"], "name": ["Osprey Point"]})),
        DIRECTORY_STAFF: filled(
            DIRECTORY_STAFF, keys.with_columns(family_name=pl.lit("Ní Bhriain"), given_name=pl.col("i").cast(pl.String))
        ),
    }
    with time_machine.travel(dt.datetime(2025, 6, 30, 12, tzinfo=dt.UTC)):
        index = made(assets.principal_briefs, given, str(tmp_path))
        again = made(assets.principal_briefs, given, str(tmp_path))
    validate(PRINCIPAL_BRIEFS, index)
    assert PRINCIPAL_BRIEFS.restricted
    assert index.select("school_id", "status", "teachers", "without_number").rows() == [
        ("s0", "written", 29, 1),
        ("s1", "written", 30, 0),
    ]
    files = [(tmp_path / path).read_bytes() for path in index["path"]]
    assert [len(file) for file in files] == index["bytes"].to_list()
    assert again["sha256"].to_list() == index["sha256"].to_list()
    pages = [page.extract_text() for page in PdfReader(BytesIO(files[0])).pages]
    assert all("sole criterion" in page for page in pages)
    words = " ".join(" ".join(pages).split())
    assert all(f"Ní Bhriain, {i}" in words for i in range(30))
    assert words.count("too few students") == 1
    assert words.count(" to +") + words.count(" to -") == 29, "an interval for every teacher with a number, and for no other"
    assert "Teachers with fewer than 10 students have no number" in words
    with time_machine.travel(dt.datetime(2025, 7, 2, tzinfo=dt.UTC)):
        later = made(assets.principal_briefs, given, str(tmp_path))
    validate(PRINCIPAL_BRIEFS, later)
    assert later.select("school_id", "status", "path", "teachers", "without_number").rows() == [
        ("s0", "older than the years kept", None, 29, 1),
        ("s1", "older than the years kept", None, 30, 0),
    ]
    assert not list(tmp_path.rglob("*.pdf"))


def test_links_under_95_percent_fail_the_check() -> None:
    rows = pl.LazyFrame(
        {"school_id": ["1", "2"], "subject": ["ELA", "ELA"], "coverage": [0.99, 0.8], "status": ["covered", "under_the_limit"]}
    )
    passed, words, _ = links_cover_students(rows, 0.95)
    assert not passed
    assert "school 2, ELA: 80%" in words
    assert links_cover_students(rows.head(1), 0.95)[0]
