"""Attempts and the official one: the rules of ``assessments.scores`` as statements."""

import datetime as dt
from typing import Any

import polars as pl

from la_assets.assessments.schema import SCORES
from la_assets.assessments.scores import scores
from la_assets.landing.schema import ASSESSMENT_SCORES
from la_assets.roster.schema import IDENTIFIERS

from ..roster.landed import OCTOBER, SEPTEMBER, canonical, d, kept, landed, student

ANN, BEN = student("ann"), student("ben")


def attempt(who: str = ANN, score: float | None = 200.0, on: str | None = "2023-09-12", **more: Any) -> dict[str, Any]:
    test = {"assessment_id": "FAST", "subject": "Math", "window": "PM1", "grade_level": "05"}
    return {"student_key": who, "scale_score": score, "administered_on": on and d(on)} | test | more


def table(*frames: pl.LazyFrame, identifiers: pl.LazyFrame | None = None) -> pl.DataFrame:
    return kept(SCORES, scores(pl.concat(frames), IDENTIFIERS.empty() if identifiers is None else identifiers))


def told(*rows: dict[str, Any], at: dt.datetime = SEPTEMBER, file: str = "fast.csv") -> pl.LazyFrame:
    return landed(ASSESSMENT_SCORES, *rows, source="fast", at=at, file=file)


def official(scored: pl.DataFrame) -> list[float | None]:
    return scored.filter("is_official")["scale_score"].to_list()


def test_a_retest_is_kept_and_the_first_result_is_official() -> None:
    scored = table(told(attempt(score=230.0, on="2023-09-20"), attempt(score=200.0)))
    assert scored.height == 2
    assert official(scored) == [200.0]


def test_the_attempt_that_the_source_names_is_official() -> None:
    assert official(table(told(attempt(score=200.0), attempt(score=230.0, on="2023-09-20", is_official=True)))) == [230.0]


def test_of_two_attempts_named_by_the_source_one_is_official() -> None:
    named = [attempt(score=200.0, is_official=True), attempt(score=230.0, on="2023-09-20", is_official=True)]
    assert official(table(told(*named))) == [200.0]


def test_a_rushed_or_deactivated_attempt_is_kept_but_never_official() -> None:
    scored = table(told(attempt(score=150.0, is_official=False), attempt(score=200.0, on="2023-09-20")))
    assert scored.height == 2
    assert official(scored) == [200.0]


def test_where_the_source_rules_out_every_attempt_none_is_official() -> None:
    assert official(table(told(attempt(score=150.0, is_official=False)))) == []


def test_an_attempt_named_by_the_source_without_a_result_does_not_hide_the_one_with_a_result() -> None:
    assert official(table(told(attempt(score=None, is_official=True), attempt(score=200.0, on="2023-09-20")))) == [200.0]


def test_a_student_not_tested_has_a_row_with_the_reason_and_no_official_attempt() -> None:
    scored = table(told(attempt(score=None, on=None, reason_not_tested="absent")))
    assert scored.select("reason_not_tested", "is_official", "attempt").rows() == [("absent", False, 1)]


def test_a_result_may_be_a_level_alone() -> None:
    assert table(told(attempt(score=None, level=3)))["is_official"].to_list() == [True]


def test_each_student_test_subject_and_window_has_its_own_official_attempt() -> None:
    rows = [
        attempt(who, subject=subject, window=window, assessment_id=test)
        for who in (ANN, BEN)
        for subject in ("Math", "ELA")
        for window in ("PM1", "PM2", None)
        for test in ("FAST", "MAP Growth")
    ]
    assert table(told(*rows))["is_official"].to_list() == [True] * 24


def test_a_test_without_windows_has_the_window_none() -> None:
    assert table(told(attempt(window=None)))["window"].to_list() == ["none"]


def test_attempts_are_numbered_by_date_and_the_sources_number_is_kept() -> None:
    scored = table(told(attempt(on="2023-09-20", attempt=7), attempt(on="2023-09-12", attempt=3), attempt(on="2023-09-20", attempt=8)))
    assert scored.select("attempt", "source_attempt").rows() == [(1, 3), (2, 7), (3, 8)]


def test_a_corrected_score_replaces_the_score() -> None:
    first, corrected = told(attempt(score=200.0)), told(attempt(score=210.0), at=OCTOBER, file="a_correction.csv")
    assert table(corrected, first).select("scale_score", "loaded_at").rows() == [(210.0, OCTOBER)]


def test_one_student_under_two_numbers_has_one_official_attempt() -> None:
    other = student("ann's state number")
    identifiers = canonical(IDENTIFIERS, {"kind": "student", "identifier_key": other, "person_key": ANN})
    scored = table(told(attempt(score=200.0), attempt(other, score=230.0, on="2023-09-20")), identifiers=identifiers)
    assert scored["student_key"].to_list() == [ANN, ANN]
    assert official(scored) == [200.0]


def test_scores_compare_across_grades_only_where_the_source_says_so() -> None:
    rows = [attempt(is_vertical_scale=True), attempt(BEN), attempt(subject="ELA", is_vertical_scale=False)]
    assert sorted(table(told(*rows))["is_vertical_scale"].to_list()) == [False, False, True]


def test_a_score_is_known_when_reported_else_when_tested_else_when_it_arrived() -> None:
    rows = [attempt(reported_on=d("2023-10-01")), attempt(on=None, window="PM2"), attempt(window="PM3")]
    assert table(told(*rows))["known_on"].to_list() == [d("2023-10-01"), SEPTEMBER.date(), d("2023-09-12")]


def test_a_year_without_tests_is_an_empty_table() -> None:
    assert table(told()).is_empty()
