"""Sections in terms, their sizes and subjects, and the students in them."""

from typing import Any

import polars as pl
import pytest

from la_assets.landing.schema import (
    COURSE_CATALOG,
    ONEROSTER_ACADEMIC_SESSIONS,
    ONEROSTER_CLASSES,
    ONEROSTER_COURSES,
    ONEROSTER_ENROLLMENTS,
)
from la_assets.roster.schema import IDENTIFIERS, SCHOOL_IDENTIFIERS, SECTION_ENROLLMENTS, SECTIONS
from la_assets.roster.sections import class_enrollments, section_enrollments, sections

from .landed import SEPTEMBER, canonical, d, kept, landed, student, teacher

ANN, BEN, TINA = student("1001"), student("1002"), teacher("t1")
SESSIONS = landed(
    ONEROSTER_ACADEMIC_SESSIONS,
    {"sourced_id": "fall", "title": "S1", "type": "semester", "start_date": d("2023-08-10"), "end_date": d("2023-12-15")},
    {"sourced_id": "spring", "title": "S2", "type": "semester", "start_date": d("2024-01-08"), "end_date": d("2024-05-24")},
)
COURSES = landed(ONEROSTER_COURSES, {"sourced_id": "c-guid", "course_code": "ALG1", "title": "Algebra I"})


def section(sourced_id: str = "s1", terms: str | None = "fall,spring", **said: Any) -> dict[str, Any]:
    return {"sourced_id": sourced_id, "term_sourced_ids": terms, "course_sourced_id": "c-guid", "school_sourced_id": "org-1", **said}


def seat(sourced_id: str, key: str | None, begin: str | None = None, end: str | None = None, **said: Any) -> dict[str, Any]:
    dates = {"begin_date": begin and d(begin), "end_date": end and d(end)}
    return {"sourced_id": sourced_id, "class_sourced_id": "s1", "user_key": key, "role": "student", **dates, **said}


def enrolled(*seats: dict[str, Any], classes: pl.LazyFrame | None = None) -> pl.LazyFrame:
    people = canonical(IDENTIFIERS, {"kind": "student", "identifier_key": student("guid"), "person_key": ANN})
    schools = canonical(SCHOOL_IDENTIFIERS, {"alias": "org-1", "school_id": "0101"})
    classes = landed(ONEROSTER_CLASSES, section()) if classes is None else classes
    return class_enrollments(landed(ONEROSTER_ENROLLMENTS, *seats), classes, SESSIONS, people, schools)


def made(
    *classes: dict[str, Any],
    seats: tuple[dict[str, Any], ...] = (),
    catalog: tuple[dict[str, Any], ...] = (),
    courses: pl.LazyFrame = COURSES,
    translations: dict[str, str] | None = None,
) -> list[dict[str, Any]]:
    frame = landed(ONEROSTER_CLASSES, *classes)
    schools = canonical(SCHOOL_IDENTIFIERS, {"alias": "org-1", "school_id": "0101"})
    rows = sections(
        frame,
        courses,
        SESSIONS,
        landed(COURSE_CATALOG, *catalog, source="sis"),
        enrolled(*seats, classes=frame),
        school_identifiers=schools,
        translations=translations or {},
    )
    return kept(SECTIONS, rows).to_dicts()


def test_a_class_in_two_terms_has_a_row_for_each() -> None:
    rows = made(section())
    assert [(r["section_id"], r["term"], r["begin_date"], r["end_date"], r["known_on"]) for r in rows] == [
        ("s1", "S1", d("2023-08-10"), d("2023-12-15"), d("2023-08-10")),
        ("s1", "S2", d("2024-01-08"), d("2024-05-24"), d("2024-01-08")),
    ]


def test_a_class_without_a_term_has_one_row_for_the_year() -> None:
    rows = made(section(terms=None), seats=(seat("e1", ANN),))
    assert [(r["term"], r["begin_date"], r["known_on"], r["class_size"]) for r in rows] == [("Year", None, d("2023-07-01"), 1)]


def test_a_term_that_the_bundle_does_not_describe_keeps_its_identifier() -> None:
    assert [r["term"] for r in made(section(terms="summer"))] == ["summer"]


def test_class_size_counts_the_distinct_students_of_the_term() -> None:
    seats = (
        seat("e1", ANN, "2023-08-10", "2024-05-24"),
        seat("e2", ANN, "2023-09-10", "2023-10-01"),
        seat("e3", BEN, "2023-08-10", "2023-12-15"),
        seat("e4", TINA, role="teacher"),
    )
    assert [(r["term"], r["class_size"]) for r in made(section(), seats=seats)] == [("S1", 2), ("S2", 1)]


def test_a_section_that_nobody_attends_has_size_zero() -> None:
    assert {r["class_size"] for r in made(section())} == {0}


def test_a_student_listed_under_two_identifiers_takes_one_seat() -> None:
    rows = made(section(terms="fall"), seats=(seat("e1", ANN), seat("e2", student("guid"))))
    assert [r["class_size"] for r in rows] == [1]


def test_course_and_school_go_by_their_numbers() -> None:
    row = made(section(terms="fall"))[0]
    assert (row["course_id"], row["school_id"]) == ("ALG1", "0101")


def test_a_course_without_a_code_goes_by_its_sourced_id() -> None:
    assert made(section(terms="fall"), courses=landed(ONEROSTER_COURSES))[0]["course_id"] == "c-guid"


def test_the_catalogue_decides_subject_and_level() -> None:
    entry = {"course_id": "ALG1", "subject": "Math", "course_level": "honors"}
    row = made(section(terms="fall", subject_codes="01001"), catalog=(entry,))[0]
    assert (row["subject"], row["course_level"]) == ("Math", "honors")


def test_without_a_catalogue_the_code_decides_then_the_title() -> None:
    assert made(section(terms="fall", subject_codes="03051", title="Algebra I"))[0]["subject"] == "Biology"
    assert made(section(terms="fall"))[0]["subject"] == "Algebra 1"


def test_the_districts_own_translation_goes_before_codes() -> None:
    row = made(section(terms="fall", subjects="Lectura ", subject_codes="02052"), translations={"lectura": "ELA"})[0]
    assert row["subject"] == "ELA"


def test_a_subject_that_nobody_can_tell_is_missing() -> None:
    assert made(section(terms="fall", title="Block 4"), courses=landed(ONEROSTER_COURSES))[0]["subject"] is None


@pytest.mark.parametrize(
    ("title", "level"),
    [
        ("AP Biology", "AP"),
        ("English I Honors", "honors"),
        ("IB History HL", "IB"),
        ("Dual Enrollment ENC1101", "dual"),
        ("Map Skills", "regular"),
    ],
)
def test_the_title_tells_the_level(title: str, level: str) -> None:
    assert made(section(terms="fall", title=title))[0]["course_level"] == level


def test_a_seat_is_known_from_its_first_day_under_the_students_key() -> None:
    rows = kept(
        SECTION_ENROLLMENTS,
        section_enrollments(enrolled(seat("e1", student("guid"), "2023-09-01", "2023-12-15"), seat("e2", TINA, role="teacher"))),
    )
    assert rows.select("student_key", "section_id", "begin_date", "end_date", "known_on").rows() == [
        (ANN, "s1", d("2023-09-01"), d("2023-12-15"), d("2023-09-01"))
    ]


def test_missing_dates_of_a_seat_are_those_of_the_sections_terms() -> None:
    rows = enrolled(seat("e1", ANN)).collect()
    assert rows.select("begin_date", "end_date", "school_id").rows() == [(d("2023-08-10"), d("2024-05-24"), "0101")]


def test_one_seat_in_two_semesters_is_two_rows_and_the_same_seat_twice_is_one() -> None:
    seats = (
        seat("e1", ANN, "2023-08-10", "2023-12-15"),
        seat("e2", ANN, "2024-01-08", "2024-05-24"),
        seat("e3", student("guid"), "2024-01-08", "2024-05-01"),
    )
    rows = kept(SECTION_ENROLLMENTS, section_enrollments(enrolled(*seats)))
    assert rows.select("begin_date", "end_date").rows() == [(d("2023-08-10"), d("2023-12-15")), (d("2024-01-08"), d("2024-05-01"))]


def test_a_seat_deleted_by_a_delta_is_gone() -> None:
    delta = landed(ONEROSTER_ENROLLMENTS, seat("e1", ANN, status="tobedeleted"), source="oneroster_delta", at=SEPTEMBER)
    both = pl.concat([landed(ONEROSTER_ENROLLMENTS, seat("e1", ANN), seat("e2", BEN)), delta])
    rows = class_enrollments(both, landed(ONEROSTER_CLASSES, section()), SESSIONS, IDENTIFIERS.empty(), SCHOOL_IDENTIFIERS.empty())
    assert rows.collect()["student_key"].to_list() == [BEN]
