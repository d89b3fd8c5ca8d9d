"""Rows of students: everyone with a final score, priors from the last year with tests, classmates without oneself."""

import datetime as dt

import polars as pl
import pytest

from la_assets.value_added.final_scores import final_scores, latest_tested_years, with_priors
from la_assets.value_added.link_coverage import link_coverage
from la_assets.value_added.student_scores import main_schools, student_scores

TESTS = [("Math", "FAST", "PM3"), ("Math", "EOC", "EOC")]
DAY = dt.date(2024, 5, 10)


def scores(rows: list[tuple]) -> pl.LazyFrame:
    columns = ["student_key", "school_year", "assessment_id", "window", "grade_level", "scale_score"]
    return pl.LazyFrame(rows, schema=columns, orient="row").with_columns(
        pl.col("scale_score").cast(pl.Float64),
        subject=pl.lit("Math"),
        attempt=pl.lit(1),
        is_official=pl.lit(True),
        standard_error=pl.lit(None, dtype=pl.Float64),
        level=pl.lit(3),
        is_vertical_scale=pl.lit(True),
        known_on=pl.lit(DAY),
        loaded_at=pl.lit(dt.datetime(2024, 6, 1, tzinfo=dt.UTC)),
    )


def test_scores_are_standardised_within_test_grade_and_year() -> None:
    made = final_scores(
        scores([(s, y, "FAST", "PM3", "05", v) for y in ("2022-23", "2023-24") for s, v in (("a", 200), ("b", 210), ("c", 220))]), TESTS
    )
    assert made.collect().sort("school_year", "student_key")["score"].to_list() == pytest.approx([-1, 0, 1, -1, 0, 1])


def test_equal_scores_have_no_standardised_score() -> None:
    made = final_scores(scores([(s, "2023-24", "FAST", "PM3", "05", 200) for s in "abc"]), TESTS).collect()
    assert made["score"].null_count() == 3


def test_only_the_final_window_counts_and_the_test_named_first() -> None:
    rows = [
        ("a", "2023-24", "FAST", "PM1", "08", 180),
        ("a", "2023-24", "EOC", "EOC", "08", 410),
        ("a", "2023-24", "FAST", "PM3", "08", 240),
    ]
    assert final_scores(scores(rows), TESTS).collect().select("assessment_id", "scale_score").rows() == [("FAST", 240.0)]


def test_the_prior_of_2020_21_lies_two_years_back() -> None:
    assert latest_tested_years(["2019-20", "2018-19", "2017-18"], ("2019-20",), 2) == ["2018-19", "2017-18"]
    rows = [
        ("a", "2018-19", "FAST", "PM3", "03", 200),
        ("b", "2018-19", "FAST", "PM3", "03", 220),
        ("a", "2020-21", "FAST", "PM3", "05", 230),
    ]
    made = with_priors(final_scores(scores(rows), TESTS), "2020-21", ["2018-19"], ["scale_score"]).collect()
    assert made["scale_score_1"].to_list() == [200.0]


@pytest.fixture
def made() -> pl.DataFrame:
    """Four students of grade 5: d has no link, c no prior score."""
    rows = [(s, "2023-24", "FAST", "PM3", "05", v) for s, v in (("a", 200), ("b", 210), ("c", 220), ("d", 230))]
    rows += [(s, "2022-23", "FAST", "PM3", "04", v) for s, v in (("a", 190), ("b", 200), ("d", 210))]
    everyone = pl.LazyFrame({"student_key": list("abcd")})
    stays = everyone.with_columns(
        school_id=pl.lit("1"), entry_date=pl.date(2023, 8, 10), exit_date=pl.lit(None, dtype=pl.Date), is_primary=True
    )
    links = pl.LazyFrame({"student_key": list("abc"), "staff_key": ["t"] * 3, "subject": ["Math"] * 3, "weight": [1.0] * 3})
    sections = pl.LazyFrame({"section_id": ["s1", "s1"], "subject": ["Math", "Math"], "course_level": ["honors", "honors"]})
    seats = everyone.with_columns(section_id=pl.lit("s1"), begin_date=pl.date(2023, 8, 10), end_date=pl.lit(None, dtype=pl.Date))
    return (
        student_scores(
            final_scores(scores(rows), TESTS),
            links,
            everyone.with_columns(frl=True, ell=False, ese=None),
            stays,
            sections,
            seats,
            school_year="2023-24",
            earlier=["2022-23"],
            last_day=dt.date(2024, 6, 30),
        )
        .collect()
        .sort("student_key")
    )


def test_every_final_score_has_one_row_and_a_status(made: pl.DataFrame) -> None:
    assert made["status"].to_list() == ["used", "used", "no_prior_score", "no_teacher"]


def test_peers_are_classmates_without_the_student(made: pl.DataFrame) -> None:
    assert made["peer_mean_prior"].to_list() == pytest.approx([0.5, 0.0, 0.0, -0.5])
    assert made["class_size"].to_list() == [4.0] * 4
    assert made["advanced"].to_list() == [True] * 4


def test_a_student_belongs_to_the_school_with_most_days() -> None:
    stays = pl.LazyFrame(
        {"student_key": ["a", "a"], "school_id": ["1", "2"], "entry_date": [dt.date(2023, 8, 10), dt.date(2023, 10, 1)],
         "exit_date": [dt.date(2023, 9, 30), None], "is_primary": [True, True]}
    )  # fmt: skip
    assert main_schools(stays, dt.date(2024, 6, 30)).collect().row(0) == ("a", "2")


def test_links_of_a_school_count_tested_students() -> None:
    tested = scores([(f"{i}", "2023-24", "FAST", "PM1", "05", 200 + i) for i in range(20)])
    links = pl.LazyFrame({"student_key": [f"{i}" for i in range(18)], "subject": ["Math"] * 18, "weight": [1.0] * 18})
    schools = pl.LazyFrame({"student_key": [f"{i}" for i in range(20)], "school_id": ["1"] * 20})
    row = link_coverage(tested, links, schools, TESTS, 0.95).collect().row(0, named=True)
    assert (row["students"], row["linked"], row["coverage"], row["status"]) == (20, 18, 0.9, "under_the_limit")
