"""Marks and grade point averages: the rules of the coursework tables as statements."""

import datetime as dt
from typing import Any

import polars as pl
import pytest

from la_assets.coursework.checks import marks_with_a_course, no_impossible_marks
from la_assets.coursework.grades import grades
from la_assets.coursework.schema import GRADES, STUDENT_YEAR
from la_assets.coursework.student_years import student_year
from la_assets.landing.schema import GRADES_POSTED
from la_assets.roster.schema import IDENTIFIERS, SECTIONS

from ..roster.landed import OCTOBER, SEPTEMBER, canonical, d, kept, landed, student

ANN = student("ann")
ALGEBRA = {"section_id": "alg-1", "course_id": "1200310", "school_id": "7", "subject": "Algebra 1", "course_level": "honors"}
ROSTER = canonical(SECTIONS, *({**ALGEBRA, "class_size": 20, "term": term} for term in ("S1", "S2")))


def mark(
    letter: str | None = "B", points: float | None = 3.0, *, section: str = "alg-1", period: str = "Q1", **more: Any
) -> dict[str, Any]:
    return {"student_key": ANN, "section_id": section, "grading_period": period, "letter": letter, "gpa_points": points} | more


def table(*frames: pl.LazyFrame) -> pl.DataFrame:
    return kept(GRADES, grades(pl.concat(frames), IDENTIFIERS.empty(), ROSTER))


def year(*rows: dict[str, Any]) -> dict[str, Any]:
    return kept(STUDENT_YEAR, student_year(table(landed(GRADES_POSTED, *rows)).lazy())).row(0, named=True)


def test_a_mark_carries_course_and_subject_of_its_section_once_for_two_terms() -> None:
    marks = table(landed(GRADES_POSTED, mark()))
    assert marks.select("course_id", "subject", "course_level", "school_id").rows() == [("1200310", "Algebra 1", "honors", "7")]


def test_a_mark_in_a_section_nobody_listed_is_kept() -> None:
    assert table(landed(GRADES_POSTED, mark(section="?")))["course_id"].to_list() == [None]


def test_a_mark_posted_again_replaces_the_first() -> None:
    first = landed(GRADES_POSTED, mark("F", 0.0), at=SEPTEMBER)
    changed = landed(GRADES_POSTED, mark("C", 2.0), at=OCTOBER, file="late.csv")
    assert table(changed, first)["letter"].to_list() == ["C"]


def test_a_mark_is_known_when_posted_else_when_it_arrived() -> None:
    rows = landed(GRADES_POSTED, mark(posted_on=d("2023-10-20")), mark(period="Q2"), at=SEPTEMBER)
    assert table(rows)["known_on"].to_list() == [d("2023-10-20"), SEPTEMBER.date()]


def test_the_grade_point_average_weighs_by_credits() -> None:
    passed = mark("A", 4.0, credits_attempted=1.0, credits_earned=1.0)
    row = year(passed, mark("F", 0.0, period="Q2", credits_attempted=0.5, credits_earned=0.0))
    assert row["gpa"] == pytest.approx(4.0 * 1.0 / 1.5)
    assert (row["credits_attempted"], row["credits_earned"]) == (1.5, 1.0)


def test_without_credits_all_marks_weigh_the_same() -> None:
    row = year(mark("A", 4.0), mark("C", 2.0, period="Q2"), mark("P", None, period="Q3"))
    assert (row["gpa"], row["credits_attempted"], row["marks"]) == (3.0, None, 3)


def test_without_grade_points_there_is_no_average() -> None:
    assert year(mark("P", None))["gpa"] is None


def test_ds_and_fs_are_counted_with_plus_and_minus() -> None:
    row = year(mark("D+", 1.3), mark("d-", 0.7, period="Q2"), mark("F", 0.0, period="Q3"), mark("B", 3.0, period="Q4"))
    assert (row["ds"], row["fs"]) == (2, 1)


def test_a_year_without_marks_is_an_empty_table() -> None:
    empty = table(GRADES_POSTED.empty())
    assert empty.is_empty()
    assert kept(STUDENT_YEAR, student_year(empty.lazy())).is_empty()


def test_contradictory_marks_are_counted_by_kind() -> None:
    marks = table(landed(GRADES_POSTED, mark("F", 2.0), mark("B", 3.0, period="Q2", credits_attempted=0.5, credits_earned=1.0)))
    passed, _, counts = no_impossible_marks(marks.lazy())
    assert not passed
    assert counts == {"more_earned_than_attempted": 1, "credit_for_an_f": 0, "points_for_an_f": 1, "gpa_outside_0_to_5": 0}


def test_marks_without_a_course_are_counted() -> None:
    marks = table(landed(GRADES_POSTED, mark(), mark(section="?")))
    assert marks_with_a_course(marks.lazy())[::2] == (False, {"marks": 2, "with_course": 1})
    assert marks_with_a_course(GRADES.empty())[0]


def test_of_the_events_of_a_mark_the_last_that_happened_stands() -> None:
    posted, corrected = (
        {"event_id": f"{hour}", "event_time": dt.datetime(2023, 10, 2, hour, tzinfo=dt.UTC), "posted_on": d("2023-10-02")}
        for hour in (8, 9)
    )
    late = landed(GRADES_POSTED, mark("F", 0.0, **posted), file="b.csv", at=OCTOBER)
    last = landed(GRADES_POSTED, mark("B", 3.0, **corrected), file="a.csv", at=SEPTEMBER)
    assert table(late, last, last).select("letter", "known_on").rows() == [("B", d("2023-10-02"))]
