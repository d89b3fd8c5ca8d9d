"""Levels of the simulated district that a real one would show: absence, dropout, score correlations, classes, gaps."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

Read = Callable[[str], pl.DataFrame]
Scores = Callable[[str, str], pl.DataFrame]


def chronic_rates(truth: Read) -> dict[str, float]:
    years = truth("student_years").filter(pl.col("days_enrolled") >= 10)
    chronic = pl.col("days_absent") / pl.col("days_enrolled") >= 0.10
    return dict(years.group_by("school_year").agg(chronic.mean()).sort("school_year").iter_rows())


def test_chronic_absence_lies_between_15_and_28_percent_in_every_year(truth: Read) -> None:
    assert {year: rate for year, rate in chronic_rates(truth).items() if not 0.15 <= rate <= 0.28} == {}


def test_chronic_absence_rose_with_the_pandemic(truth: Read) -> None:
    rates = chronic_rates(truth)
    assert min(rates["2020-21"], rates["2021-22"]) > rates["2018-19"] + 0.02


def test_the_absences_in_the_files_are_the_truths(truth: Read, files: Read) -> None:
    marks = files("sis/attendance/attendance_2021-22_??.csv")
    held = truth("student_years").filter(pl.col("school_year") == "2021-22")
    assert marks["ABS_PORTION"].cast(pl.Float64).sum() == held["days_absent"].sum()


def test_four_to_six_percent_of_a_ninth_grade_drop_out_within_four_years(truth: Read) -> None:
    start, cohort = pl.col("start"), pl.col("cohort_year_9th")
    high = truth("student_years").with_columns(start=pl.col("school_year").str.slice(0, 4).cast(pl.Int32))
    high = high.filter(start.is_between(cohort, cohort + 3), cohort <= 2022)
    began = high.filter(start == cohort)["student_number"].implode()
    members = high.filter(pl.col("student_number").is_in(began))
    outcome = members.group_by("student_number").agg(pl.col("dropped").any(), out=(pl.col("left") | pl.col("summer_leaver")).any())
    assert outcome.height > 500
    assert 0.04 <= outcome.filter(~pl.col("out"))["dropped"].mean() <= 0.06


@pytest.mark.parametrize("subject", ["ELA", "Math"])
def test_scores_of_consecutive_years_correlate_between_075_and_085(fast_scores: Scores, subject: str) -> None:
    now = fast_scores(subject, "PM3")
    before = now.select("id", "grade", pl.col("start") + 1, prior="score").with_columns(pl.col("grade") + 1)
    both = now.join(before, on=["id", "grade", "start"])
    centred = both.select((pl.col(c) - pl.col(c).mean().over("grade", "start")).alias(c) for c in ("score", "prior"))
    assert both.height > 1500
    assert 0.75 <= centred.select(pl.corr("score", "prior")).item() <= 0.85


@pytest.mark.parametrize("subject", ["ELA", "Math"])
def test_scores_spread_by_about_20_points_in_a_grade_and_rise_over_grades_and_windows(fast_scores: Scores, subject: str) -> None:
    final = fast_scores(subject, "PM3").group_by("grade").agg(pl.col("score").mean(), sd=pl.col("score").std()).sort("grade")
    assert final["sd"].is_between(15, 25).all()  # grade 8 mathematics is narrower: the strongest take Algebra 1
    assert (final["score"].diff().drop_nulls() > 0).all()
    means = [fast_scores(subject, window).filter(pl.col("grade") == 4)["score"].mean() for window in ("PM1", "PM2", "PM3")]
    assert means == sorted(means)


def test_core_classes_hold_18_to_28_students(files: Read) -> None:
    marks = files("sis/grades/grades_2025-26_Q1.csv").unique(["STUDENT_NUMBER", "SECTION_ID"])
    core = marks.filter(~pl.col("COURSE_CODE").str.contains("^M?(SPAN1|ART1|BAND1|PE1|HEALTH|CTE1)$"))
    sizes = core.group_by("SECTION_ID").len()["len"]
    assert 18 <= sizes.median() <= 28
    assert sizes.max() <= 29
    assert sizes.is_between(16, 28).mean() > 0.85


def test_about_five_percent_move_or_leave_in_mid_year(truth: Read) -> None:
    years = truth("student_years")
    assert 0.01 <= years["left"].mean() <= 0.025
    large = years.filter(pl.col("school_id") < "0200")  # the district has several elementary schools but few others
    assert 0.02 <= large["moved"].mean() <= 0.05


def test_two_percent_repeat_and_those_who_fail_more_often(truth: Read) -> None:
    years = truth("student_years")
    assert 0.015 <= years["retained"].mean() <= 0.025
    assert years.filter(pl.col("failed") > 1)["retained"].mean() > 3 * years.filter(pl.col("failed") == 0)["retained"].mean()


def test_poverty_goes_with_lower_achievement_and_more_absence(truth: Read) -> None:
    both = truth("student_years").join(truth("students").select("student_number", "frl"), on="student_number")
    gap = both.group_by("frl").agg(pl.col("end_math").mean(), pl.col("absence_probability").mean()).sort("frl")
    assert -1.0 < gap["end_math"][1] - gap["end_math"][0] < -0.35
    assert gap["absence_probability"][1] > 1.2 * gap["absence_probability"][0]


def test_every_student_has_a_linked_teacher_and_weights_sum_to_at_most_one(files: Read) -> None:
    links = files("sis/links/instructional_links_2025-26.csv").with_columns(pl.col("WEIGHT").cast(pl.Float64))
    sums = links.group_by("STUDENT_NUMBER", "SUBJ_CD").agg(pl.col("WEIGHT").sum(), pl.len())
    assert sums["WEIGHT"].max() <= 1.0 + 1e-9
    assert (sums["len"] > 1).mean() > 0.03
    students = files("sis/students/students_2025-26.csv")["STUDENT_NUMBER"].n_unique()
    assert links.filter(pl.col("SUBJ_CD") == "MA")["STUDENT_NUMBER"].n_unique() == students


def test_tests_are_missed_more_by_those_who_miss_school(truth: Read) -> None:
    years = truth("student_years").filter(pl.col("grade_level").is_in(["03", "04", "05", "06", "07", "08"]))
    missed = truth("missing_tests").filter(pl.col("test") == "ELA PM3").select("student_number", "school_year", missed=True)
    both = years.join(missed, on=["student_number", "school_year"], how="left").with_columns(pl.col("missed").fill_null(value=False))
    both = both.filter(pl.col("school_year") != "2019-20")
    often, seldom = both.filter(pl.col("absence_probability") > 0.12), both.filter(pl.col("absence_probability") < 0.05)
    assert often["missed"].mean() > 2 * seldom["missed"].mean() > 0
