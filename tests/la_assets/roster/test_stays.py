"""Stays at schools: exit dates are inclusive, no-shows are left out, transfers and double enrolment are data."""

from typing import Any

import polars as pl

from la_assets.landing.schema import SCHOOL_ENROLLMENTS
from la_assets.roster.schema import DIRECTORY_STUDENTS, ENROLLMENTS, IDENTIFIERS, SCHOOL_IDENTIFIERS
from la_assets.roster.stays import enrollments

from .classes import class_enrollment, dated
from .landed import SEPTEMBER, canonical, d, kept, landed, student

ANN, BEN = student("1001"), student("1002")


def stay(school: str, entry: str, exit_date: str | None = None, **said: Any) -> dict[str, Any]:
    return {"student_key": ANN, "school_id": school, "entry_date": d(entry), "exit_date": exit_date and d(exit_date), **said}


def stays(
    *sent: dict[str, Any],
    classes: pl.LazyFrame | None = None,
    directory: pl.LazyFrame | None = None,
    identifiers: pl.LazyFrame | None = None,
    schools: pl.LazyFrame | None = None,
) -> list[dict[str, Any]]:
    frame = enrollments(
        landed(SCHOOL_ENROLLMENTS, *sent, source="sis"),
        dated() if classes is None else classes,
        DIRECTORY_STUDENTS.empty() if directory is None else directory,
        IDENTIFIERS.empty() if identifiers is None else identifiers,
        SCHOOL_IDENTIFIERS.empty() if schools is None else schools,
    )
    return kept(ENROLLMENTS, frame).to_dicts()


def primary(*sent: dict[str, Any]) -> dict[str, bool]:
    return {row["school_id"]: row["is_primary"] for row in stays(*sent)}


def test_the_exit_date_is_the_last_day_and_stays_as_sent() -> None:
    assert stays(stay("1", "2023-08-10", "2024-05-24"))[0]["exit_date"] == d("2024-05-24")
    assert stays(stay("1", "2023-08-10", "2023-08-10"))[0]["exit_date"] == d("2023-08-10")


def test_an_open_stay_has_no_exit_date() -> None:
    assert stays(stay("1", "2023-08-10"))[0]["exit_date"] is None


def test_a_no_show_is_left_out() -> None:
    assert stays(stay("1", "2023-08-10", is_no_show=True)) == []


def test_a_stay_that_ends_before_it_begins_is_a_no_show() -> None:
    assert stays(stay("1", "2023-08-10", "2023-08-09")) == []


def test_a_no_show_does_not_come_back_through_the_classes_it_was_scheduled_for() -> None:
    assert stays(stay("1", "2023-08-10", is_no_show=True), classes=dated(class_enrollment(ANN, "s1"))) == []


def test_a_mid_year_transfer_is_two_stays_each_primary_in_its_time() -> None:
    assert primary(stay("1", "2023-08-10", "2023-12-15"), stay("2", "2023-12-16", "2024-05-24")) == {"1": True, "2": True}


def test_a_double_enrolment_is_kept_and_the_flagged_school_is_primary() -> None:
    both = (stay("1", "2023-08-10", "2024-05-24"), stay("2", "2023-09-01", "2024-05-24", is_primary=True))
    assert primary(*both) == {"1": False, "2": True}


def test_without_a_flag_the_longest_stay_is_primary() -> None:
    assert primary(stay("1", "2024-01-08", "2024-05-24"), stay("2", "2023-08-10", "2024-05-24")) == {"1": False, "2": True}


def test_a_school_flagged_not_primary_goes_after_an_unflagged_one() -> None:
    assert primary(stay("1", "2023-08-10", "2024-05-24", is_primary=False), stay("2", "2024-01-08", "2024-05-24")) == {
        "1": False,
        "2": True,
    }


def test_of_two_schools_flagged_primary_on_the_same_days_the_longer_stay_is() -> None:
    both = (stay("1", "2023-08-10", "2024-05-24", is_primary=True), stay("2", "2024-01-08", is_primary=True))
    assert primary(*both) == {"1": True, "2": False}


def test_stays_that_share_a_single_day_overlap() -> None:
    assert primary(stay("1", "2023-08-10", "2023-12-15"), stay("2", "2023-12-15", "2024-05-24")) == {"1": False, "2": True}


def test_equal_stays_are_decided_by_the_school_number_so_that_a_rerun_decides_alike() -> None:
    assert primary(stay("2", "2023-08-10"), stay("1", "2023-08-10")) == {"1": True, "2": False}


def test_the_only_school_is_primary_whatever_the_flag_says() -> None:
    assert primary(stay("1", "2023-08-10", is_primary=False)) == {"1": True}


def test_a_stay_sent_again_is_corrected_not_doubled() -> None:
    rows = stays(stay("1", "2023-08-10", "2023-12-15", landed_at=SEPTEMBER), stay("1", "2023-08-10"))
    assert [row["exit_date"] for row in rows] == [d("2023-12-15")]


def test_one_stay_told_under_two_identifiers_is_one_stay() -> None:
    people = canonical(IDENTIFIERS, {"kind": "student", "identifier_key": student("guid"), "person_key": ANN})
    schools = canonical(SCHOOL_IDENTIFIERS, {"alias": "org-1", "school_id": "1"})
    again = stay("org-1", "2023-08-10", student_key=student("guid"))
    rows = stays(stay("1", "2023-08-10"), again, identifiers=people, schools=schools)
    assert [(row["student_key"], row["school_id"]) for row in rows] == [(ANN, "1")]


def test_without_a_stay_the_classes_of_each_school_imply_one() -> None:
    classes = dated(
        class_enrollment(BEN, "fall", begin="2023-08-10", end="2023-12-15"),
        class_enrollment(BEN, "spring", begin="2024-01-08", end="2024-05-24"),
        class_enrollment(BEN, "elsewhere", begin="2024-03-01", end="2024-03-20", school="2"),
    )
    directory = canonical(DIRECTORY_STUDENTS, {"student_key": BEN, "grades": "9"})
    rows = stays(stay("1", "2023-08-10"), classes=classes, directory=directory)
    assert [
        (r["school_id"], r["entry_date"], r["exit_date"], r["grade_level"], r["is_primary"]) for r in rows if r["student_key"] == BEN
    ] == [
        ("1", d("2023-08-10"), d("2024-05-24"), "09", True),
        ("2", d("2024-03-01"), d("2024-03-20"), "09", False),
    ]


def test_a_stay_is_known_from_its_first_day() -> None:
    assert stays(stay("1", "2023-08-10"))[0]["known_on"] == d("2023-08-10")


def test_teachers_have_no_stays() -> None:
    assert stays(classes=dated(class_enrollment(None, "s1", staff=student("t"), role="teacher"))) == []


def test_many_students_with_the_same_dates_each_have_one_primary_school() -> None:
    everyone = [student(str(n)) for n in range(500)]
    sent = [stay(school, "2023-08-10", student_key=key) for key in everyone for school in ("1", "2")]
    assert [row["school_id"] for row in stays(*sent) if row["is_primary"]] == ["1"] * 500
