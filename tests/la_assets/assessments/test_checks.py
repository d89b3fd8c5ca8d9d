"""The checks of the assessments room pass on sound data and name what is wrong."""

import polars as pl

from la_assets.assessments.checks import final_score_completeness, one_official_attempt, points_within_possible
from la_assets.assessments.schema import SCORES, STANDARDS
from la_assets.roster.schema import STUDENTS

from ..roster.landed import canonical, student

CLASS = [student(str(n)) for n in range(4)]
ON_THE_ROSTER = canonical(STUDENTS, *({"student_key": who} for who in CLASS))


def scored(*rows: tuple[int, str, bool]) -> pl.LazyFrame:
    test = {"assessment_id": "FAST", "subject": "ELA", "attempt": 1, "scale_score": 210.0, "is_vertical_scale": True}
    return canonical(SCORES, *({"student_key": CLASS[n], "window": window, "is_official": official} | test for n, window, official in rows))


def test_two_official_attempts_are_found_and_results_ruled_out_are_counted() -> None:
    passed, _, counts = one_official_attempt(scored((0, "PM1", True), (0, "PM1", True), (1, "PM1", False), (2, "PM1", True)))
    assert not passed
    assert counts == {"sittings": 3, "several_official": 1, "all_ruled_out": 1}


def test_students_tested_in_autumn_without_a_final_score_are_missed() -> None:
    frame = scored(*((n, "PM1", True) for n in range(4)), *((n, "PM3", True) for n in range(3)))
    passed, words, counts = final_score_completeness(frame, ON_THE_ROSTER, tests_held=True)
    assert not passed
    assert words.startswith("75.0%")
    assert counts == {"ELA students": 4, "ELA with PM3": 3}
    assert final_score_completeness(frame, ON_THE_ROSTER, tests_held=True, expected=0.75)[0]


def test_before_the_final_window_nothing_is_missing() -> None:
    assert final_score_completeness(scored((0, "PM1", True)), ON_THE_ROSTER, tests_held=True)[0]


def test_no_spring_tests_in_2019_20_is_no_error() -> None:
    assert final_score_completeness(scored((0, "PM1", True), (1, "PM3", True)), ON_THE_ROSTER, tests_held=False)[0]
    assert final_score_completeness(SCORES.empty(), ON_THE_ROSTER, tests_held=True)[0]


def test_more_points_than_possible_are_found() -> None:
    points = ({"student_key": CLASS[0], "points_earned": earned, "points_possible": 2.0} for earned in (2.0, 3.0, None))
    rows = canonical(STANDARDS, *points)
    assert points_within_possible(rows) == (False, "1 rows have more points earned than possible", {"over_possible": 1})
