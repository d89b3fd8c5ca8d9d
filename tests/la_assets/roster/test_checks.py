"""What a roster tells about its own quality."""

from la_assets.landing.schema import SCHOOL_ENROLLMENTS
from la_assets.roster.checks import (
    demographics_agree,
    everyone_is_enrolled,
    one_primary_school_a_day,
    sections_have_subjects,
    sent_links_cover,
    stays_are_possible,
)
from la_assets.roster.schema import DEMOGRAPHIC_CONFLICTS, ENROLLMENTS, INSTRUCTIONAL_LINKS, SECTION_ENROLLMENTS, SECTIONS, STUDENTS

from .landed import canonical, d, landed, student, teacher

ANN, BEN = student("1001"), student("1002")
BOTH = canonical(STUDENTS, {"student_key": ANN}, {"student_key": BEN})


def test_conflicts_are_counted_by_student_value_and_row() -> None:
    conflict = {"student_key": ANN, "attribute": "gender", "kept_value": "Male", "other_value": "Female", "rows": 2}
    frame = canonical(DEMOGRAPHIC_CONFLICTS, conflict, conflict | {"attribute": "birth_year"})
    passed, sentence, counts = demographics_agree(frame, BOTH)
    assert (passed, counts) == (False, {"students": 1, "conflicts": 2, "rows": 4})
    assert "1 of 2 students" in sentence
    assert demographics_agree(DEMOGRAPHIC_CONFLICTS.empty(), BOTH)[0]


def test_a_stay_that_ends_before_it_begins_is_reported_unless_it_is_flagged() -> None:
    backwards = {"student_key": ANN, "school_id": "1", "entry_date": d("2023-08-10"), "exit_date": d("2023-08-09")}
    passed, _, counts = stays_are_possible(landed(SCHOOL_ENROLLMENTS, backwards, backwards | {"is_no_show": True}))
    assert (passed, counts) == (False, {"stays": 2, "no_shows": 1, "backwards": 1})


def test_a_listed_student_without_a_school_is_counted() -> None:
    stay = canonical(ENROLLMENTS, {"student_key": ANN, "school_id": "1", "entry_date": d("2023-08-10"), "is_primary": True})
    assert everyone_is_enrolled(BOTH, stay)[2] == {"students": 2, "without_a_stay": 1}


def test_sections_without_a_subject_are_named() -> None:
    rows = canonical(SECTIONS, {"section_id": "s1", "title": "Block 4"}, {"section_id": "s2", "subject": "Math"})
    passed, sentence, counts = sections_have_subjects(rows)
    assert (passed, counts) == (False, {"sections": 2, "without_subject": 1})
    assert "Block 4" in sentence


def test_a_school_that_sent_no_links_is_named() -> None:
    seats = canonical(
        SECTION_ENROLLMENTS,
        {"student_key": ANN, "section_id": "s1", "begin_date": d("2023-08-10")},
        {"student_key": BEN, "section_id": "s2", "begin_date": d("2023-08-10")},
    )
    sections = canonical(SECTIONS, *({"section_id": f"s{n}", "school_id": f"010{n}", "subject": "Math"} for n in (1, 2)))
    link = {"staff_key": teacher("t1"), "subject": "Math", "weight": 1.0}
    links = canonical(
        INSTRUCTIONAL_LINKS, link | {"student_key": ANN, "link_source": "verified"}, link | {"student_key": BEN, "link_source": "sections"}
    )
    passed, sentence, counts = sent_links_cover(links, seats, sections)
    assert (passed, counts) == (False, {"schools": 2, "schools_below": 1, "students_of_a_subject": 2, "linked": 1})
    assert "0102" in sentence


def test_where_no_links_are_sent_none_are_missed() -> None:
    assert sent_links_cover(INSTRUCTIONAL_LINKS.empty(), SECTION_ENROLLMENTS.empty(), SECTIONS.empty())[0]


def test_two_primary_schools_on_a_day_are_found() -> None:
    stay = {"student_key": ANN, "is_primary": True}
    apart = canonical(
        ENROLLMENTS,
        stay | {"school_id": "1", "entry_date": d("2023-08-10"), "exit_date": d("2023-12-15")},
        stay | {"school_id": "2", "entry_date": d("2023-12-16")},
    )
    together = canonical(
        ENROLLMENTS, stay | {"school_id": "1", "entry_date": d("2023-08-10")}, stay | {"school_id": "2", "entry_date": d("2023-12-16")}
    )
    assert one_primary_school_a_day(apart)[0]
    assert one_primary_school_a_day(together)[2] == {"overlapping": 1}
