"""The truth can be found again in the files: hazards in the labels, teacher and program effects in the scores."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from la_resources.sources.simulated_district import SimulatedDistrict
from la_resources.sources.simulated_district.identifiers import state_numbers, student_numbers
from la_resources.sources.simulated_district.randomness import normal_cdf, systematic, with_mean

Read = Callable[[str], pl.DataFrame]
Scores = Callable[[str, str], pl.DataFrame]


def test_dropouts_happen_at_the_true_hazard(truth: Read) -> None:
    high = truth("student_years").filter(pl.col("hazard") > 0)
    by_year = high.group_by("school_year").agg(pl.col("hazard").sum(), pl.col("dropped").sum())
    assert ((by_year["hazard"] - by_year["dropped"]).abs() <= 1).all()
    risky, safe = high.filter(pl.col("hazard") > 0.03), high.filter(pl.col("hazard") < 0.01)
    for group in (risky, safe):
        assert group["dropped"].mean() == pytest.approx(group["hazard"].mean(), rel=0.35)


def test_nobody_below_grade_9_drops_out(truth: Read) -> None:
    below = truth("student_years").filter(pl.col("grade_level").is_in(["KG", "01", "02", "03", "04", "05", "06", "07", "08"]))
    assert below["hazard"].max() == 0
    assert not below["dropped"].any()


def test_attendance_failure_and_mobility_raise_the_hazard(truth: Read) -> None:
    high = truth("student_years").filter(pl.col("hazard") > 0)
    assert high.select(pl.corr("hazard", "absence_probability")).item() > 0.4
    assert high.filter(pl.col("failed") > 1)["hazard"].mean() > 1.5 * high.filter(pl.col("failed") == 0)["hazard"].mean()


def test_teacher_and_school_effects_have_the_documented_spread(district: SimulatedDistrict) -> None:
    teachers = pl.read_parquet(district.truth / "teachers.parquet")
    assert teachers["effect_math"].std() == pytest.approx(0.15, rel=0.15)
    assert abs(teachers["effect_math"].mean()) < 0.03


def test_true_teacher_effects_show_in_score_gains(district: SimulatedDistrict, truth: Read, files: Read) -> None:
    """Mean residual growth by teacher, from true achievement, follows the teacher's effect (students are assigned at random)."""
    years = truth("student_years").filter(pl.col("grade_level").is_in(["03", "04", "05", "06", "07", "08"]))
    residual = (
        pl.col("end_math") - pl.col("start_math") - (pl.col("end_math") - pl.col("start_math")).mean().over("school_year", "grade_level")
    )
    links = files("sis/links/instructional_links_*.csv").filter(pl.col("SUBJ_CD") == "MA", pl.col("WEIGHT").cast(pl.Float64) > 0.9)
    growth = years.select("student_number", "school_year", growth=residual)
    by_teacher = (
        links.join(growth, left_on=["STUDENT_NUMBER", "school_year"], right_on=["student_number", "school_year"])
        .group_by("STAFF_NUMBER")
        .agg(pl.col("growth").mean(), pl.len())
        .filter(pl.col("len") >= 40)
        .join(pl.read_parquet(district.truth / "teachers.parquet"), left_on="STAFF_NUMBER", right_on="staff_number")
    )
    assert by_teacher.height >= 20
    assert by_teacher.select(pl.corr("growth", "effect_math")).item() > 0.6


def test_the_lottery_recovers_the_tutoring_effect(truth: Read) -> None:
    lottery = truth("programs").filter(pl.col("program") == "MATH-TUTORING")
    end = truth("student_years").select("student_number", "school_year", growth=pl.col("end_math") - pl.col("start_math"))
    means = (
        lottery.join(end, on=["student_number", "school_year"]).group_by("treated").agg(pl.col("growth").mean()).sort("treated")["growth"]
    )
    assert means[1] - means[0] == pytest.approx(0.20, abs=0.06)


def test_the_reading_block_is_a_sharp_cut_at_the_known_score(truth: Read, files: Read) -> None:
    block = truth("programs").filter(pl.col("program") == "READING-BLOCK")
    assert (block["treated"] == (block["running"] <= block["cut"])).all()
    taking_part = files("programs/participation_2025-26.csv").filter(pl.col("PROGRAM_NO") == "READING-BLOCK")["STUDENT_NUMBER"]
    treated = block.filter(pl.col("treated"), pl.col("school_year") == "2025-26")["student_number"]
    assert set(taking_part) <= set(treated)
    assert len(taking_part) > 0.97 * len(treated)


def test_scores_follow_true_achievement(truth: Read, fast_scores: Scores) -> None:
    years = truth("student_years").with_columns(start=pl.col("school_year").str.slice(0, 4).cast(pl.Int32))
    persons = np.arange(20_000)
    names = pl.DataFrame({"id": state_numbers(persons), "student_number": student_numbers(persons)})
    scores = fast_scores("Math", "PM3").filter(pl.col("grade") == 5).join(names, on="id")
    both = scores.join(years, on=["student_number", "start"])
    assert both.height == scores.height
    error = both["score"] - both["end_math"] * 20 - 220
    assert error.std() == pytest.approx(7.0, rel=0.15)
    assert abs(error.mean()) < 1.0


def test_standards_are_probabilities_for_every_student_tested(truth: Read) -> None:
    standards = truth("standards")
    assert standards.select(pl.col(f"p{k}").is_between(0, 1).all() for k in range(1, 9)).row(0) == (True,) * 8


def test_systematic_sampling_keeps_each_probability_and_the_total() -> None:
    probability = np.array([0.1, 0.5, 0.9, 0.25, 0.25])
    draws = np.array([systematic(np.random.default_rng(seed), probability) for seed in range(4000)])
    assert set(draws.sum(axis=1).tolist()) == {2}
    assert draws.mean(axis=0) == pytest.approx(probability, abs=0.03)


def test_the_hazards_intercept_gives_the_mean_asked_for() -> None:
    assert with_mean(np.array([-1.0, 0.0, 2.0]), 0.02).mean() == pytest.approx(0.02)


def test_the_normal_distribution_function_agrees_with_the_table() -> None:
    assert normal_cdf(np.array([-1.96, 0.0, 1.0])) == pytest.approx([0.0249979, 0.5, 0.8413447], abs=2e-7)
