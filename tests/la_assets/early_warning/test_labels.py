"""A label is what happened, known by the as-of date; everything else is said, counted, and not trained on."""

import datetime as dt
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from la_assets.assessments.schema import SCORES
from la_assets.coursework.schema import GRADES
from la_assets.early_warning import labels
from la_assets.early_warning.labels import OUTCOMES, LabelSettings, OutcomeSources
from la_assets.outcomes.schema import EXITS, POSTSECONDARY
from la_assets.roster.schema import ENROLLMENTS

from ..roster.landed import d, student
from .test_features import ANN, BEN, mark, rows, stay

SNAPSHOT = d("2022-10-31")
LONG_AFTER = d("2026-06-30")
SETTINGS = LabelSettings()


def unit(who: str = ANN, section: str = "", as_of: dt.date = SNAPSHOT, year: str = "2022-23") -> dict[str, Any]:
    return {"student_key": who, "section_id": section, "snapshot": "Q1", "as_of_date": as_of, "school_year": year,
            "status": "scored"}  # fmt: skip  # a score's own column, which must not be taken for an exit's


def exit_of(who: str, status: str, day: str, *, observed: str | None = None, year: str = "2022-23") -> dict[str, Any]:
    return {
        "student_key": who, "status": status, "exit_code": status, "exit_date": d(day), "observed_on": d(observed or day), "exits": 1,
        "known_on": d(observed or day), "school_year": year,
    }  # fmt: skip


def _nothing(**tables: pl.LazyFrame) -> OutcomeSources:
    empty = {"exits": EXITS, "stays": ENROLLMENTS, "grades": GRADES, "scores": SCORES, "postsecondary": POSTSECONDARY}
    return OutcomeSources(**{name: tables.get(name, table.empty()) for name, table in empty.items()})


def outcome(label: Any, units: list[dict[str, Any]], as_of: dt.date = LONG_AFTER, **tables: pl.LazyFrame) -> list[tuple[Any, str]]:
    frame = label(pl.LazyFrame(units), _nothing(**tables), as_of, SETTINGS).collect()
    assert frame.height == len(units), "the same rows, none more and none fewer"
    assert set(frame.columns) == {*units[0], "label", "outcome", "event_on", "label_known_on"}
    assert set(frame["outcome"]) <= set(OUTCOMES)
    assert frame.filter(pl.col("event_on").is_not_null() & ~pl.col("label").fill_null(False)).is_empty()
    return list(frame.select("label", "outcome").iter_rows())


def leaving(*exits: dict[str, Any], as_of: dt.date = LONG_AFTER, stays: list[dict[str, Any]] | None = None) -> tuple[Any, str]:
    here = rows(ENROLLMENTS, *(stays or [stay(ANN, "2022-08-10", "2023-05-20", school_year="2022-23")]))
    return outcome(labels.dropout, [unit()], as_of, exits=rows(EXITS, *exits), stays=here)[0]


# -- dropout ----------------------------------------------------------------------------------------------------------------


def test_leaving_without_diploma_or_transfer_by_the_end_of_the_next_school_year_is_a_dropout() -> None:
    assert leaving(exit_of(ANN, "dropped_out", "2024-03-01", year="2023-24")) == (True, "dropped out")


def test_a_transfer_out_is_not_a_dropout_and_neither_is_a_diploma() -> None:
    assert leaving(exit_of(ANN, "transferred", "2023-03-01")) == (False, "transferred")
    assert leaving(exit_of(ANN, "graduated", "2023-05-20")) == (False, "graduated")


def test_a_student_who_leaves_after_the_window_stayed_through_it() -> None:
    long = [stay(ANN, "2024-08-10", "2025-05-20", school_year="2024-25")]
    assert leaving(exit_of(ANN, "dropped_out", "2024-07-01", year="2024-25"), stays=long)[1] == "still enrolled"
    assert leaving(exit_of(ANN, "dropped_out", "2024-06-30", year="2023-24"), stays=long)[1] == "dropped out"


def test_the_exit_that_counts_is_after_the_snapshot() -> None:
    long = [stay(ANN, "2024-08-10", "2025-05-20", school_year="2024-25")]
    assert leaving(exit_of(ANN, "dropped_out", "2022-10-31"), stays=long) == (False, "still enrolled")


def test_unknown_exits_and_vanished_students_have_no_label() -> None:
    assert leaving(exit_of(ANN, "unknown", "2023-03-01")) == (None, "unknown exit")
    assert leaving() == (None, "no exit on record")


def test_who_dropped_out_and_came_back_did_drop_out() -> None:
    both = (exit_of(ANN, "dropped_out", "2023-03-01"), exit_of(ANN, "graduated", "2024-05-20", year="2023-24"))
    assert leaving(*both) == (True, "dropped out")


def test_nobody_has_a_label_before_the_window_has_closed() -> None:
    """Also not the early leavers: a model of early leavers only would learn a biased year."""
    gone = exit_of(ANN, "dropped_out", "2022-12-01")
    closes = d("2024-06-30")
    assert leaving(gone, as_of=closes - dt.timedelta(days=1)) == (None, "open")
    assert leaving(gone, as_of=closes) == (True, "dropped out")
    slow = labels.dropout(pl.LazyFrame([unit()]), _nothing(exits=rows(EXITS, gone)), closes, LabelSettings(settling_days=1)).collect()
    assert slow["outcome"].to_list() == ["open"], "where exits settle later, the label comes later"


def test_an_exit_that_became_known_after_the_as_of_date_does_not_exist() -> None:
    late = exit_of(ANN, "dropped_out", "2023-03-01", observed="2025-08-01")
    assert leaving(late, as_of=d("2025-07-31")) == (None, "no exit on record")
    assert leaving(late, as_of=d("2025-08-01")) == (True, "dropped out")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["dropped_out", "graduated", "transferred", "unknown", "continuing"]), st.integers(-200, 900)), max_size=4
    ),
    st.integers(0, 1200),
)
def test_what_becomes_known_later_never_changes_a_label_of_today(exits: list[tuple[str, int]], known_after: int) -> None:
    as_of = SNAPSHOT + dt.timedelta(days=known_after)
    told = [
        exit_of(ANN, status, (SNAPSHOT + dt.timedelta(days=days)).isoformat(), year=f"{2022 + k}-{23 + k}")
        for k, (status, days) in enumerate(exits)
    ]
    by_then = [row for row in told if row["known_on"] <= as_of]
    assert leaving(*told, as_of=as_of) == leaving(*by_then, as_of=as_of)


# -- courses ----------------------------------------------------------------------------------------------------------------


def course(*marks: dict[str, Any], as_of: dt.date = LONG_AFTER) -> tuple[Any, str]:
    return outcome(labels.course_failure, [unit(section="m1", year="2022-23")], as_of, grades=rows(GRADES, *marks))[0]


def test_a_course_is_failed_when_its_marks_average_under_passing() -> None:
    year = {"school_year": "2022-23"}
    first = mark(ANN, "m1", "Q1", 70, "2022-10-20", **year)
    assert course(first, mark(ANN, "m1", "Q2", 49, "2023-01-15", **year)) == (True, "failed")
    assert course(first, mark(ANN, "m1", "Q2", 50, "2023-01-15", **year)) == (False, "passed")
    assert course(first, mark(BEN, "m1", "Q2", 10, "2023-01-15", **year)) == (None, "left the course")
    assert course(first, mark(ANN, "m1", "Q2", 49, "2023-01-15", **year), as_of=d("2023-06-29")) == (None, "open")


def test_without_percents_grade_points_decide() -> None:
    points = [
        mark(ANN, "m1", f"Q{k}", None, f"2023-0{k}-15", school_year="2022-23") | {"gpa_points": value} for k, value in ((1, 0.0), (2, 1.0))
    ]
    assert course(*points) == (True, "failed")


# -- college readiness ------------------------------------------------------------------------------------------------------


def credit(earned: float, letter: str = "B", subject: str = "Math") -> dict[str, Any]:
    given = mark(ANN, f"m{earned}{letter}{subject}", "Q4", 80, "2023-05-30", school_year="2022-23")
    return given | {"credits_attempted": 3.0, "credits_earned": earned, "letter": letter, "subject": subject}


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ([credit(2.5), credit(2.5, subject="ELA")], (False, "on track")),
        ([credit(2.5), credit(2.0, subject="ELA")], (True, "not on track")),
        ([credit(3.0, "F"), credit(3.0, subject="ELA")], (False, "on track")),
        ([credit(3.0, "F"), credit(3.0, "F", subject="ELA")], (True, "not on track")),
        ([credit(3.0, "F", subject="Arts"), credit(3.0, "F", subject="ELA")], (False, "on track")),
        ([], (None, "no credits on record")),
    ],
    ids=["five credits", "under five", "one core F", "two core Fs", "an F in arts", "nothing"],
)
def test_on_track_is_five_credits_and_at_most_one_core_f(marks: list[dict[str, Any]], expected: tuple[Any, str]) -> None:
    assert outcome(labels.not_on_track, [unit()], grades=rows(GRADES, *marks))[0] == expected


def test_who_dropped_out_in_grade_nine_is_not_on_track_and_who_transferred_has_no_label() -> None:
    marks = rows(GRADES, credit(3.0), credit(2.5, subject="ELA"))
    gone = [rows(EXITS, exit_of(ANN, status, "2023-03-01")) for status in ("dropped_out", "transferred", "unknown")]
    assert [outcome(labels.not_on_track, [unit()], grades=marks, exits=e)[0] for e in gone] == [
        (True, "not on track"), (None, "transferred"), (None, "unknown exit"),
    ]  # fmt: skip


def sat(subject: str, score: float, day: str = "2023-03-28") -> dict[str, Any]:
    return {
        "student_key": ANN, "assessment_id": "SAT", "subject": subject, "window": "none", "scale_score": score, "administered_on": d(day),
        "known_on": d(day), "school_year": "2022-23", "attempt": 1,
    }  # fmt: skip


def test_the_sat_benchmark_wants_both_sections_and_counts_only_sittings_after_the_snapshot() -> None:
    def found(*scores: dict[str, Any]) -> tuple[Any, str]:
        return outcome(labels.sat_benchmark_missed, [unit()], scores=rows(SCORES, *scores))[0]

    assert found(sat("ELA", 480), sat("Math", 530)) == (False, "benchmark met")
    assert found(sat("ELA", 480), sat("Math", 529)) == (True, "benchmark missed")
    assert found(sat("ELA", 480)) == (None, "not tested")
    assert found(sat("ELA", 480, "2022-10-01"), sat("Math", 530, "2022-10-01")) == (None, "not tested")


def test_without_ap_exams_on_record_there_is_no_source_and_an_ap_course_is_not_taken_for_one() -> None:
    exam = sat("Other", 3.0) | {"assessment_id": "AP Biology"}
    assert outcome(labels.no_ap_success, [unit()], scores=rows(SCORES, sat("Math", 700)))[0] == (None, "no source")
    assert outcome(labels.no_ap_success, [unit()], scores=rows(SCORES, exam))[0] == (False, "succeeded")
    assert outcome(labels.no_ap_success, [unit()], scores=rows(SCORES, exam | {"scale_score": 2.0}))[0] == (True, "did not succeed")
    assert outcome(labels.no_ap_success, [unit(), unit(BEN)], scores=rows(SCORES, exam))[1] == (None, "not tested")


def test_no_college_needs_a_file_of_enrolments_of_that_autumn() -> None:
    def found(who: str, *enrolled: dict[str, Any], **more: pl.LazyFrame) -> tuple[Any, str]:
        return outcome(labels.no_college, [unit(who)], postsecondary=rows(POSTSECONDARY, *enrolled), **more)[0]

    went = {"student_key": ANN, "enrolled_on": d("2023-08-25"), "known_on": d("2023-11-15"), "school_year": "2023-24"}
    assert found(ANN, went) == (False, "enrolled in college")
    assert found(BEN, went) == (True, "not enrolled in college")
    assert found(BEN) == (None, "no source")
    assert found(BEN, went, exits=rows(EXITS, exit_of(BEN, "transferred", "2023-02-01"))) == (None, "transferred")
    assert found(BEN, went | {"enrolled_on": d("2022-08-25")}) == (None, "no source")


def test_two_students_in_one_frame_keep_their_own_outcomes() -> None:
    exits = rows(
        EXITS,
        exit_of(ANN, "dropped_out", "2023-03-01"),
        exit_of(BEN, "graduated", "2023-05-20"),
        exit_of(student("x"), "graduated", "2023-05-20"),
    )
    assert outcome(labels.dropout, [unit(ANN), unit(BEN)], exits=exits) == [(True, "dropped out"), (False, "graduated")]
