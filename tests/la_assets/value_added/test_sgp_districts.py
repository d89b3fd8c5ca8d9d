"""Two real districts (SGPdata, 2020-21 to 2023-24): shared teaching is used, and mathematics effects are seen again."""

import datetime as dt
import itertools
import time
from pathlib import Path

import polars as pl
import pytest

from la_assets.mixed_models import RandomTerm, fit
from la_assets.value_added.effects import Evidence, effects
from la_assets.value_added.final_scores import final_scores
from la_assets.value_added.model import TEACHER, fit_value_added, model_rows
from la_assets.value_added.persistence import persistence
from la_assets.value_added.student_scores import student_scores

YEARS = ["2020-21", "2021-22", "2022-23", "2023-24"]
SUBJECTS = {"MATHEMATICS": "Math", "READING": "ELA"}
LABEL = pl.col("YEAR").str.slice(0, 4) + "-" + pl.col("YEAR").str.slice(7, 2)


@pytest.fixture(scope="module")
def found(shared_data: Path) -> dict:
    begun = time.process_time()
    named = {"school_year": LABEL, "subject": pl.col("CONTENT_AREA").replace_strict(SUBJECTS), "student_key": pl.col("ID").cast(pl.String)}
    raw = pl.read_parquet(shared_data / "sgp" / "scores.parquet").with_columns(**named)
    links = pl.read_parquet(shared_data / "sgp" / "instructor_links.parquet").select(
        **named, staff_key="INSTRUCTOR_NUMBER", weight="INSTRUCTOR_WEIGHT"
    )
    scores = raw.lazy().select(
        "student_key", "subject", "school_year",
        assessment_id=pl.lit("state"), window=pl.lit("spring"), attempt=pl.lit(1), is_official=pl.lit(True), is_vertical_scale=pl.lit(False),  # noqa: E501
        scale_score=pl.col("SCALE_SCORE").cast(pl.Float64), grade_level=pl.col("GRADE").cast(pl.String).str.zfill(2),
        standard_error=pl.lit(None, dtype=pl.Float64), level=pl.lit(None, dtype=pl.Int32), known_on=pl.lit(dt.date(2024, 5, 1)), loaded_at=pl.lit(None),  # noqa: E501
    )  # fmt: skip
    finals = final_scores(scores, [("Math", "state", "spring"), ("ELA", "state", "spring")]).collect().lazy()
    made, rows = [], {}
    for place, year in enumerate(YEARS):
        own, linked = raw.filter(pl.col("school_year") == year), links.filter(pl.col("school_year") == year)
        people = own.select(
            "student_key",
            **{
                n: pl.col(c).str.ends_with("Yes")
                for n, c in (("frl", "FREE_REDUCED_LUNCH_STATUS"), ("ell", "ELL_STATUS"), ("ese", "IEP_STATUS"))
            },
        ).unique("student_key", keep="first", maintain_order=True)
        stays = own.drop_nulls("SCHOOL_NUMBER").select(
            "student_key", school_id=pl.col("SCHOOL_NUMBER").cast(pl.String), entry_date=dt.date(2022, 8, 1), exit_date=None, is_primary=True  # noqa: E501
        ).unique()  # fmt: skip
        none = pl.LazyFrame(schema={"section_id": pl.String, "subject": pl.String, "course_level": pl.String})
        seats = pl.LazyFrame(schema={"student_key": pl.String, "section_id": pl.String, "begin_date": pl.Date, "end_date": pl.Date})
        students = student_scores(
            finals, linked.lazy(), people.lazy(), stays.lazy().with_columns(pl.col("exit_date").cast(pl.Date)), none, seats,
            school_year=year, earlier=YEARS[:place][::-1], last_day=dt.date(2023, 6, 30),
        ).collect()  # fmt: skip
        rows[year] = model_rows(students, linked)
        for subject in ("Math", "ELA"):
            fitted = fit_value_added(rows[year].filter(pl.col("subject") == subject), scored=True)
            teachers = linked.filter(pl.col("subject") == subject)
            made.append(
                effects(fitted, TEACHER, teachers, "passed", Evidence()).with_columns(subject=pl.lit(subject), school_year=pl.lit(year))
            )
    return {"effects": pl.concat(made), "rows": rows, "links": links, "cpu_seconds": time.process_time() - begun}


def test_all_years_and_both_subjects_take_far_under_a_minute(found: dict) -> None:
    assert found["cpu_seconds"] < 60


def test_a_student_of_several_teachers_stands_behind_each_by_the_dosage(found: dict) -> None:
    rows = found["rows"]["2023-24"].filter(pl.col("subject") == "Math")
    shared = rows.group_by("student_key").agg(pl.len(), pl.col("weight").sum())
    assert shared.filter(pl.col("len") > 1).height > 7_000
    assert shared["weight"].max() == pytest.approx(1)


def test_the_first_year_has_no_prior_scores_and_says_so(found: dict) -> None:
    first = found["effects"].filter(pl.col("school_year") == "2020-21")
    assert first["status"].unique().to_list() == ["no_prior_scores"]
    assert first["effect"].null_count() == first.height > 2000


@pytest.fixture(scope="module")
def agreement(found: dict) -> pl.DataFrame:
    """Persistence of both subjects and pairs of years, of teachers with ten students in both (fewer are no evidence)."""
    known = found["effects"].filter(pl.col("students") >= 10)
    return pl.concat(
        persistence(known.filter(pl.col("school_year") <= year), year, subject).head(1)
        for subject in ("Math", "ELA")
        for year in ("2022-23", "2023-24")
    )


def test_effects_of_adjacent_years_correlate_by_a_fifth_to_a_half(found: dict) -> None:
    """Teacher effects of both subjects, each with the same teacher's and subject's a year later."""
    known = found["effects"].filter((pl.col("students") >= 10) & (pl.col("status") == "estimated"))
    year = pl.col("school_year").str.head(4).cast(pl.Int32)
    now = known.select("staff_key", "subject", "effect", year=year)
    before = now.with_columns(pl.col("year") + 1)
    pairs = now.join(before, on=["staff_key", "subject", "year"], suffix="_before")
    assert pairs.height > 2_900
    assert 0.2 <= pairs.select(pl.corr("effect", "effect_before")).item() <= 0.5


def test_mathematics_effects_agree_more_than_reading_effects_and_all_of_them_do(agreement: pl.DataFrame) -> None:
    mean = dict(
        agreement.group_by("subject").agg((pl.col("correlation") * pl.col("teachers")).sum() / pl.col("teachers").sum()).iter_rows()
    )
    assert 0.2 <= mean["Math"] <= 0.5
    assert 0.1 <= mean["ELA"] < mean["Math"]
    assert agreement["ci_low"].min() > 0


def test_raw_correlations_stay_under_their_ceiling_and_without_noise_subjects_are_alike(agreement: pl.DataFrame) -> None:
    """Effects that did not change at all would correlate by their mean reliability: a fifth in reading."""
    assert (agreement["correlation"] < agreement["mean_reliability"]).all()
    assert agreement.filter(pl.col("subject") == "ELA")["mean_reliability"].max() < 0.23
    assert agreement["disattenuated"].is_between(0.5, 0.8).all()


def test_reading_reaches_a_fifth_only_where_a_school_counts_as_its_teachers_work(found: dict) -> None:
    """One prior score, no school: what is seen again a year later is the school and its students."""
    levels = {}
    for year in YEARS[1:]:
        rows = found["rows"][year].filter(pl.col("subject") == "ELA").with_columns(prior_squared=pl.col("prior") ** 2)
        fitted = fit("score ~ 1 + prior + prior_squared", rows, [RandomTerm(TEACHER)], weights="weight")
        enough = rows.group_by(TEACHER).len().filter(pl.col("len") >= 10)
        levels[year] = fitted.levels[TEACHER].join(enough, on=TEACHER)
    pairs = [levels[now].join(levels[before], on=TEACHER) for before, now in itertools.pairwise(YEARS[1:])]
    correlations = [pair.select(pl.corr("intercept", "intercept_right")).item() for pair in pairs]
    assert correlations == pytest.approx([0.22, 0.24], abs=0.01)
