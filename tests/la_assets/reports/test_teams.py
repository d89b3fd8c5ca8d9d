"""Who belongs to which team, and what is compared: small schools written by hand."""

import datetime as dt
from typing import Any

import polars as pl
import pytest
from scipy import stats

from la_assets.assessments.schema import SCORES
from la_assets.reports import team_tests
from la_assets.reports.teams import (
    COMPARED,
    COMPARISON,
    GAIN,
    INSUFFICIENT,
    SCORE,
    instruction,
    placed,
    results,
    teams,
    with_intervals,
)
from la_assets.roster.schema import INSTRUCTIONAL_LINKS, STAFF, STUDENTS

from .two_classes import TAUGHT_AS, frame, link

WINDOWS = {"FAST": ("PM1", "PM2", "PM3"), "EOC": ("EOC",)}
NORTH, NORTH_TOO, SOUTH, WEST, NOWHERE = "a1", "a2", "b", "c", "d"
STAFF_ROWS = frame(
    STAFF,
    *({"staff_key": k, "school_id": s} for k, s in ((NORTH, "1"), (NORTH_TOO, "1"), (SOUTH, "2"), (WEST, "3"), (NOWHERE, None))),
)  # fmt: skip


def score(student: str, value: float | None, window: str = "PM1", **more: Any) -> dict[str, Any]:
    made = {
        "student_key": student, "assessment_id": "FAST", "subject": "ELA", "window": window, "attempt": 1, "scale_score": value,
        "grade_level": "04", "is_official": True, "is_vertical_scale": True,
    }  # fmt: skip
    return made | more


def members(*scored: dict[str, Any], links: list[dict[str, Any]], students: list[dict[str, Any]] | None = None) -> pl.DataFrame:
    taught = instruction(frame(INSTRUCTIONAL_LINKS, *links), TAUGHT_AS)
    rows = results(frame(SCORES, *scored), frame(STUDENTS, *(students or [])), WINDOWS)
    return placed(rows, taught, STAFF_ROWS).sort(*COMPARISON, "student_key").collect()


def class_of(teacher: str, values: list[float], window: str = "PM1", subject: str = "ELA", **more: Any) -> tuple[list, list]:
    """Scores and links of students whose keys begin with the teacher's."""
    keys = [f"{teacher}-{more.get('grade_level', '04')}-{n}" for n in range(len(values))]
    return [score(k, v, window, subject=subject, **more) for k, v in zip(keys, values, strict=True)], [
        link(k, teacher, subject) for k in keys
    ]


def together(*classes: tuple[list, list]) -> pl.DataFrame:
    scored = [row for rows, _ in classes for row in rows]
    return members(*scored, links=[row for _, rows in classes for row in rows])


def rising(n: int, first: float = 200.0) -> list[float]:
    return [first + 3 * k for k in range(n)]


def test_a_student_counts_for_the_school_that_gave_most_of_the_instruction() -> None:
    links = [link("s", NORTH, weight=0.3), link("s", NORTH_TOO, weight=0.3), link("s", SOUTH, weight=0.4)]
    assert members(score("s", 200.0), links=links)["school_id"].to_list() == ["1"]


@pytest.mark.parametrize(
    "links",
    [
        [],
        [link("s", NORTH, "Math")],
        [link("s", NOWHERE)],
        [link("s", NORTH, weight=0.4), link("s", SOUTH, weight=0.4)],
        [link("s", "unknown")],
    ],
    ids=["no link", "another subject", "a teacher without a school", "no school for half of the year", "a teacher not in the roster"],
)
def test_a_student_no_team_taught_is_kept_and_counted_without_a_team(links: list) -> None:
    made = members(score("s", 200.0), links=links)
    assert made["school_id"].to_list() == [None]
    assert team_tests.comparisons(made.lazy())["students_without_team"].to_list() == [1]


def test_a_course_goes_with_the_subject_it_is_taught_as_unless_it_has_links_of_its_own() -> None:
    exam = {"assessment_id": "EOC", "window": "EOC", "subject": "Algebra 1"}
    links = [link("s", NORTH, "Math"), link("t", NORTH, "Math"), link("t", SOUTH, "Algebra 1")]
    assert members(score("s", 400.0, **exam), score("t", 400.0, **exam), links=links)["school_id"].to_list() == ["1", "2"]


def test_only_official_results_with_a_score_in_listed_windows_are_compared() -> None:
    rows = [
        score("s", 200.0), score("t", 210.0, is_official=False), score("u", None), score("v", 500.0, assessment_id="SAT", window="none"),
    ]  # fmt: skip
    assert members(*rows, links=[])["student_key"].to_list() == ["s"]


def test_the_grade_is_the_one_tested_else_the_roster_s_else_said_to_be_unknown() -> None:
    rows = [score("s", 200.0), score("t", 200.0, grade_level=None), score("u", 200.0, grade_level=None)]
    made = members(*rows, links=[], students=[{"student_key": k, "grade_level": "05"} for k in "st"])
    assert dict(made.select("student_key", "grade_level").iter_rows()) == {"s": "04", "t": "05", "u": "unknown"}


def test_a_gain_starts_at_the_first_window_and_needs_both_scores_on_one_scale() -> None:
    rows = [
        score("s", 200.0), score("s", 207.0, "PM2"), score("s", 203.0, "PM3"),
        score("t", 190.0, "PM2"),
        score("u", 200.0, is_vertical_scale=False), score("u", 210.0, "PM2"),
    ]  # fmt: skip
    gains = members(*rows, links=[]).filter(measure=GAIN)
    assert gains.select("student_key", "window", "value").rows() == [("s", "PM2", 7.0), ("s", "PM3", 3.0)]


def test_a_gain_is_known_when_its_later_score_is() -> None:
    early, late = dt.date(2025, 9, 20), dt.date(2026, 1, 20)
    rows = [score("s", 200.0, known_on=late), score("s", 207.0, "PM2", known_on=early)]
    assert members(*rows, links=[]).filter(measure=GAIN)["known_on"].to_list() == [late]


def all_teams(made: pl.DataFrame, links: list[dict[str, Any]]) -> pl.DataFrame:
    taught = instruction(frame(INSTRUCTIONAL_LINKS, *links), TAUGHT_AS)
    return with_intervals(teams(made.lazy(), taught, STAFF_ROWS).sort("school_id").collect())


def test_a_team_under_ten_students_shows_its_size_and_nothing_else() -> None:
    classes = class_of(NORTH, rising(10)), class_of(SOUTH, rising(9))
    made = together(*classes)
    first, second = all_teams(made, classes[0][1] + classes[1][1]).iter_rows(named=True)
    assert (first["status"], first["students"], first["teachers"]) == (COMPARED, 10, 1)
    assert (second["status"], second["students"]) == (INSUFFICIENT, 9)
    figures = ("mean", "mean_low", "mean_high", "standard_deviation", "lower_quartile", "median", "upper_quartile")
    assert [second[name] for name in figures] == [None] * 7
    low, high = stats.t.interval(0.95, 9, loc=213.5, scale=stats.sem(rising(10)))
    assert (first["mean"], first["mean_low"], first["mean_high"]) == pytest.approx((213.5, low, high))


def test_the_teachers_of_a_team_are_those_of_its_school_in_the_subject() -> None:
    scored, links = class_of(NORTH, rising(10))
    links += [
        link(f"{NORTH}-04-0", NORTH_TOO, weight=0.5),
        link(f"{NORTH}-04-1", SOUTH, weight=0.3),
        link(f"{NORTH}-04-2", NORTH_TOO, "Math"),
    ]
    made = members(*scored, links=links)
    assert all_teams(made, links)["teachers"].to_list() == [2]


def test_small_teams_are_in_no_test_but_their_students_are_counted() -> None:
    made = together(class_of(NORTH, rising(10)), class_of(SOUTH, rising(15, 210.0)), class_of(WEST, rising(9, 900.0)))
    row = team_tests.comparisons(made.lazy()).row(0, named=True)
    assert (row["status"], row["teams"], row["students"], row["students_in_small_teams"]) == (COMPARED, 2, 25, 9)
    assert row["anova_p"] == pytest.approx(stats.f_oneway(rising(10), rising(15, 210.0)).pvalue)


@pytest.mark.parametrize(
    ("classes", "status"),
    [
        ([class_of(NORTH, rising(2))], "no team has enough students"),
        ([class_of(NORTH, rising(12)), class_of(SOUTH, rising(2))], "only one team has enough students"),
        ([class_of(NORTH, [200.0] * 12), class_of(SOUTH, [210.0] * 12)], "all values in a team are equal"),
    ],
    ids=["a teacher with two students", "one team", "constant scores"],
)
def test_what_cannot_be_compared_says_why_and_shows_no_number(classes: list, status: str) -> None:
    row = team_tests.comparisons(together(*classes).lazy()).row(0, named=True)
    assert row["status"] == status
    assert {row[name] for name in ("anova_f", "p", "p_adjusted", "read", "finding", "eta_squared")} == {None}


def test_a_year_without_results_has_no_rows() -> None:
    made = team_tests.comparisons(members(links=[]).lazy())
    assert made.is_empty()
    assert team_tests.team_pairs(all_teams(members(links=[]), []), made).is_empty()


def test_a_difference_by_chance_of_many_comparisons_is_not_told_as_one() -> None:
    """One comparison at p = 0.03 is a finding; among twenty without a difference it is not."""
    low, high = [190.0 + 2 * k for k in range(15)], [197.5 + 2 * k for k in range(15)]
    alone = together(class_of(NORTH, low), class_of(SOUTH, high))
    first = team_tests.comparisons(alone.lazy()).row(0, named=True)
    assert 0.01 < first["p"] < 0.05
    assert first["finding"] == team_tests.DIFFER
    others = [class_of(f, low, grade_level=f"{g:02}") for g in range(5, 12) for f in (NORTH, SOUTH)]
    many = team_tests.comparisons(together(class_of(NORTH, low), class_of(SOUTH, high), *others).lazy())
    same = many.filter(grade_level="04").row(0, named=True)
    assert (same["p"], same["finding"]) == (pytest.approx(first["p"]), team_tests.NOT_SHOWN)
    assert same["p_adjusted"] > first["p_adjusted"]


def pairs_of(*classes: tuple[list, list]) -> pl.DataFrame:
    made = together(*classes)
    compared = team_tests.comparisons(made.lazy())
    return team_tests.team_pairs(all_teams(made, [row for _, links in classes for row in links]), compared)


def test_pairs_are_first_minus_second_and_name_the_higher_team() -> None:
    made = pairs_of(class_of(NORTH, rising(12)), class_of(SOUTH, rising(12, 250.0)), class_of(WEST, rising(3)))
    row = made.row(0, named=True)
    assert made.height == 1
    assert (row["school_id"], row["other_school_id"], row["difference"]) == ("1", "2", -50.0)
    assert row["finding"] == team_tests.SECOND_HIGHER
    assert row["p"] == row["tukey_p"]


def test_where_variances_are_unequal_the_pair_is_read_by_games_and_howell() -> None:
    narrow, wide = [200.0 + k / 10 for k in range(30)], [180.0 + 3 * k for k in range(12)]
    row = pairs_of(class_of(NORTH, narrow), class_of(SOUTH, wide)).row(0, named=True)
    assert row["p"] == row["games_howell_p"] != row["tukey_p"]


def test_scores_and_gains_are_separate_comparisons() -> None:
    classes = [class_of(f, rising(12, start), w) for f in (NORTH, SOUTH) for start, w in ((200.0, "PM1"), (210.0, "PM2"))]
    made = team_tests.comparisons(together(*classes).lazy())
    assert made.select("window", "measure").rows() == [("PM1", SCORE), ("PM2", GAIN), ("PM2", SCORE)]
    assert made.filter(measure=GAIN)["status"].to_list() == ["all values in a team are equal"]


def test_a_pair_is_told_only_where_the_teams_as_a_whole_differ() -> None:
    """Tukey's chance is below 0.05, but the comparison's own, adjusted for all of the year, is not."""
    low, high = [190.0 + 2 * k for k in range(15)], [197.5 + 2 * k for k in range(15)]
    others = [class_of(f, low, grade_level=f"{g:02}") for g in range(5, 12) for f in (NORTH, SOUTH)]
    made = pairs_of(class_of(NORTH, low), class_of(SOUTH, high), *others).filter(grade_level="04").row(0, named=True)
    assert made["p"] < 0.05
    assert made["finding"] == team_tests.NOT_SHOWN
    alone = pairs_of(class_of(NORTH, low), class_of(SOUTH, high)).row(0, named=True)
    assert (alone["p"], alone["finding"]) == (pytest.approx(made["p"]), team_tests.SECOND_HIGHER)
