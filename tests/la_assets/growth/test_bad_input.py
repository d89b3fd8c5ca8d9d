"""Growth and value-added on years that cannot be: every asset keeps its contract, every row has a status, no number comes from nowhere."""

import datetime as dt
from collections.abc import Callable

import dagster as dg
import numpy as np
import polars as pl
import pytest

from la_assets.assessments.schema import SCORES
from la_assets.growth import assets as growth
from la_assets.growth import schema as growth_schema
from la_assets.growth.checks import CHECKS as GROWTH_CHECKS
from la_assets.roster import schema as roster
from la_assets.value_added import assets as value_added
from la_assets.value_added import schema as value_added_schema
from la_assets.value_added.checks import CHECKS as VALUE_ADDED_CHECKS
from la_resources.contracts import Table, validate
from la_resources.district import District

from ..called_assets import called_resources, contracts

YEARS = ("2021-22", "2022-23", "2023-24")
NOW, KEY = YEARS[-1], "2023-07-01"
ORDER = (
    (value_added, "student_scores"), (value_added, "placebo"), (value_added, "models"), (value_added, "teacher_effects"),
    (value_added, "school_effects"), (value_added, "teacher_effects_pooled"), (value_added, "persistence"), (value_added, "forecast"),
    (value_added, "forecast_evaluation"), (value_added, "link_coverage"),
    (growth, "models"), (growth, "trajectories"), (growth, "percentiles"), (growth, "variance_shares"),
)  # fmt: skip
"""Every asset of the two rooms but the briefs, which are files of what the others say."""


def key(number: int, kind: str = "0") -> str:
    return f"{kind}{number:031x}"


def stamped(rows: pl.DataFrame, year: str = NOW) -> pl.DataFrame:
    label = pl.col("school_year") if "school_year" in rows.columns else pl.lit(year)
    return rows.with_columns(
        school_year=label,
        known_on=pl.lit(dt.date(2024, 5, 20)),
        source=pl.lit("test"),
        loaded_at=pl.lit(dt.datetime(2024, 6, 1, tzinfo=dt.UTC)),
    )


def filled(table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with all columns of the table; what is not given is null."""
    rows = stamped(rows)
    return rows.select((pl.col(c.name) if c.name in rows.columns else pl.lit(None).alias(c.name)).cast(c.dtype) for c in table.columns)


def district(students: int = 360, teachers: int = 12, schools: int = 3) -> dict[Table, pl.DataFrame]:
    """Three years of scores in two subjects; classes of thirty in grades 5 to 7, a teacher a class, schools in equal parts."""
    rng = np.random.default_rng(11)
    at = np.arange(students)
    ability, teacher, effect = rng.normal(size=students), at % teachers, 0.15 * rng.normal(size=teachers)
    grade = 5 + (teacher // schools) % 3
    scores, links = [], []
    for back, year in enumerate(reversed(YEARS)):
        for subject in ("Math", "ELA"):
            value = (
                300 + 12 * (grade - back) + 20 * (0.85 * ability + 0.5 * rng.normal(size=students) + (effect[teacher] if not back else 0))
            )
            frame = {"student_key": [key(i) for i in at], "scale_score": value, "grade_level": [f"{g - back:02d}" for g in grade]}
            scores.append(pl.DataFrame(frame).with_columns(subject=pl.lit(subject), school_year=pl.lit(year)))
    for subject in ("Math", "ELA"):
        keys = {"student_key": [key(i) for i in at], "staff_key": [key(t, "1") for t in teacher]}
        links.append(pl.DataFrame(keys).with_columns(subject=pl.lit(subject), weight=pl.lit(1.0), link_source=pl.lit("test")))
    students_rows = pl.DataFrame({"student_key": [key(i) for i in at], "grade_level": [f"{g:02d}" for g in grade]})
    school = [f"{t % schools:04d}" for t in teacher]
    stays = students_rows.with_columns(school_id=pl.Series(school), entry_date=pl.lit(dt.date(2023, 8, 10)), is_primary=pl.lit(True))
    tests = pl.concat(scores).with_columns(
        assessment_id=pl.lit("FAST"), window=pl.lit("PM3"), attempt=pl.lit(1), is_official=pl.lit(True), is_vertical_scale=pl.lit(True),
        level=pl.lit(3),
    )  # fmt: skip
    return {
        SCORES: filled(SCORES, tests),
        roster.INSTRUCTIONAL_LINKS: filled(roster.INSTRUCTIONAL_LINKS, pl.concat(links)),
        roster.STUDENTS: filled(roster.STUDENTS, students_rows),
        roster.ENROLLMENTS: filled(roster.ENROLLMENTS, stays),
        roster.SCHOOLS: filled(roster.SCHOOLS, pl.DataFrame({"school_id": sorted(set(school))}).with_columns(name=pl.lit("S"))),
    }


def built(given: dict[Table, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Every asset of both rooms for the year, each held to its contract and to a unique key; and every check of theirs asked."""
    frames = {table.name: table.empty() for table in roster.ROSTER_TABLES.values()}
    frames |= {table.name: rows.lazy() for table, rows in given.items()}
    tables = contracts(value_added_schema) | contracts(growth_schema)
    made: dict[str, pl.DataFrame] = {}
    for room, name in ORDER:
        asset = getattr(room, name)
        table = tables[".".join(asset.key.path)]
        context = dg.build_asset_context(partition_key=KEY, resources=called_resources())
        context.add_asset_metadata = lambda *_, **__: None  # what a page shows has no place outside a run
        inputs = {parameter: frames[".".join(k.path)] for parameter, k in asset.keys_by_input_name.items()}
        rows = asset(context, **inputs)[KEY].lazy().select(table.names).sort(table.key).collect()
        validate(table, rows)
        assert not rows.select(table.key).is_duplicated().any()
        numbers = rows.select(pl.selectors.float())
        assert not numbers.select(pl.any_horizontal(~pl.all().is_finite()).fill_null(False).any()).item() if numbers.width else True
        made[table.name], frames[table.name] = rows, rows.lazy()
    for name, checks in (VALUE_ADDED_CHECKS | GROWTH_CHECKS).items():
        for check in checks:
            passed, words, _ = check.judge(_YearOfFrames(frames))
            assert isinstance(passed, bool), (name, check.name)
            assert words
    return made


class _YearOfFrames:
    """A year as a check sees it."""

    label, district = NOW, District()

    def __init__(self, frames: dict[str, pl.LazyFrame]) -> None:
        self.frames = frames

    def __getitem__(self, table: Table) -> pl.LazyFrame:
        return self.frames[table.name]


def statuses(rows: pl.DataFrame) -> set[str]:
    return set(rows["status"])


def test_a_year_in_order_has_numbers_everywhere() -> None:
    """So that what the others show is what was done to them."""
    made = built(district())
    assert statuses(made["value_added.teacher_effects"]) == {"estimated"}
    assert statuses(made["growth.variance_shares"]) >= {"estimated"}
    assert made["growth.models"]["is_chosen"].sum() == 2
    assert made["growth.trajectories"]["slope"].null_count() == 0


def only_now(given: dict[Table, pl.DataFrame]) -> None:
    given[SCORES] = given[SCORES].filter(pl.col("school_year") == NOW)


def none_now(given: dict[Table, pl.DataFrame]) -> None:
    given[SCORES] = given[SCORES].filter(pl.col("school_year") != NOW)


def nothing(given: dict[Table, pl.DataFrame]) -> None:
    given |= {table: rows.clear() for table, rows in given.items()}


def equal_scores(given: dict[Table, pl.DataFrame]) -> None:
    given[SCORES] = given[SCORES].with_columns(scale_score=pl.lit(300.0))


def one_student(given: dict[Table, pl.DataFrame]) -> None:
    given |= {table: rows.filter(pl.col("student_key") == key(0)) for table, rows in given.items() if "student_key" in rows.columns}


def one_school(given: dict[Table, pl.DataFrame]) -> None:
    given[roster.ENROLLMENTS] = given[roster.ENROLLMENTS].with_columns(school_id=pl.lit("0000"))
    given[roster.SCHOOLS] = given[roster.SCHOOLS].head(1)


def one_grade(given: dict[Table, pl.DataFrame]) -> None:
    given[SCORES] = given[SCORES].with_columns(grade_level=pl.lit("05"))
    given[roster.STUDENTS] = given[roster.STUDENTS].with_columns(grade_level=pl.lit("05"))


def one_teacher(given: dict[Table, pl.DataFrame]) -> None:
    links = given[roster.INSTRUCTIONAL_LINKS]
    given[roster.INSTRUCTIONAL_LINKS] = links.with_columns(staff_key=pl.lit(key(0, "1")))


def no_links(given: dict[Table, pl.DataFrame]) -> None:
    given[roster.INSTRUCTIONAL_LINKS] = given[roster.INSTRUCTIONAL_LINKS].clear()


def no_prior_scores_in_a_grade(given: dict[Table, pl.DataFrame]) -> None:
    earlier, grade = (
        pl.col("school_year") != NOW,
        pl.col("student_key").is_in(given[roster.STUDENTS].filter(grade_level="06")["student_key"]),
    )
    given[SCORES] = given[SCORES].filter(~(earlier & grade))


def a_teacher_of_one(given: dict[Table, pl.DataFrame]) -> None:
    alone = pl.when(pl.col("student_key") == key(0)).then(pl.lit(key(99, "1"))).otherwise("staff_key")
    given[roster.INSTRUCTIONAL_LINKS] = given[roster.INSTRUCTIONAL_LINKS].with_columns(staff_key=alone)


NUMBERS = {
    "value_added.teacher_effects": "effect",
    "value_added.school_effects": "effect",
    "value_added.teacher_effects_pooled": "effect",
    "growth.percentiles": "percentile",
    "growth.variance_shares": "share",
}
WITHOUT_EFFECTS = {
    only_now: {"no_prior_scores"},
    none_now: {"no_scores"},
    equal_scores: {"no_prior_scores", "no_variation", "no_scores"},
    one_teacher: {"one_teacher"},
}


@pytest.mark.parametrize("change", WITHOUT_EFFECTS, ids=lambda change: change.__name__)
def test_where_teachers_cannot_be_told_apart_no_teacher_has_a_number_and_all_have_a_reason(change: Callable) -> None:
    given = district()
    change(given)
    effects = built(given)["value_added.teacher_effects"]
    assert effects.height
    assert effects["effect"].null_count() == effects.height
    assert statuses(effects) <= WITHOUT_EFFECTS[change], statuses(effects)


@pytest.mark.parametrize(
    "change", [nothing, one_student, one_school, one_grade, no_links, no_prior_scores_in_a_grade], ids=lambda c: c.__name__
)
def test_whatever_is_missing_every_row_has_a_number_or_a_reason(change: Callable) -> None:
    given = district()
    change(given)
    made = built(given)
    for name, number in NUMBERS.items():
        rows = made[name]
        silent = rows.filter((pl.col("status") == "estimated") == pl.col(number).is_null())
        assert silent.is_empty(), (name, silent.select("status", number))


def test_a_teacher_of_one_student_has_an_effect_that_says_how_little_it_is_worth() -> None:
    given = district()
    a_teacher_of_one(given)
    effects = built(given)["value_added.teacher_effects"]
    alone = effects.filter((pl.col("staff_key") == key(99, "1")) & (pl.col("subject") == "Math")).row(0, named=True)
    assert alone["students"] == 1
    assert alone["label"] == "insufficient"
    assert alone["reliability"] < effects.filter(pl.col("students") > 10)["reliability"].min()


def test_one_grade_carries_no_growth_model() -> None:
    given = district()
    one_grade(given)
    made = built(given)
    assert statuses(made["growth.models"]) == {"too_few_grades"}
    assert made["growth.trajectories"]["slope"].null_count() == made["growth.trajectories"].height


def test_a_year_without_tests_says_so_in_every_table() -> None:
    given = district()
    none_now(given)
    made = built(given)
    assert made["value_added.student_scores"].is_empty()
    assert statuses(made["value_added.placebo"]) == {"not_testable"}
    assert made["growth.percentiles"].is_empty()
    assert statuses(made["growth.variance_shares"]) == {"no_scores"}
