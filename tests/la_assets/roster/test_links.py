"""Who taught a student a subject: links as sent, else the days shared in sections; never more than the whole."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from la_assets.landing.schema import INSTRUCTIONAL_LINKS as LANDED
from la_assets.roster.links import instructional_links, scaled
from la_assets.roster.schema import IDENTIFIERS, INSTRUCTIONAL_LINKS, SECTIONS

from .classes import class_enrollment, dated
from .landed import SEPTEMBER, canonical, d, kept, landed, student, teacher

ANN, BEN = student("1001"), student("1002")
TINA, TOM = teacher("t1"), teacher("t2")


def section(section_id: str, subject: str | None, begin: str = "2023-08-01", end: str = "2023-11-08", term: str = "S1") -> dict[str, Any]:
    """A section of 100 days, unless other dates are given."""
    return {
        "section_id": section_id,
        "term": term,
        "subject": subject,
        "course_level": "regular",
        "class_size": 1,
        "begin_date": d(begin),
        "end_date": d(end),
    }


def seat(student_key: str, section_id: str = "s1", begin: str = "2023-08-01", end: str | None = "2023-11-08") -> dict[str, Any]:
    return class_enrollment(student_key, section_id, begin=begin, end=end)


def taught(staff: str, section_id: str = "s1", begin: str = "2023-08-01", end: str | None = "2023-11-08", **said: Any) -> dict[str, Any]:
    return class_enrollment(None, section_id, begin=begin, end=end, staff=staff, **({"role": "teacher"} | said))


def sent(staff: str, weight: float, **said: Any) -> dict[str, Any]:
    return {"student_key": ANN, "staff_key": staff, "subject": "Math", "weight": weight, **said}


def links(
    *rows: dict[str, Any],
    told: tuple[dict[str, Any], ...] = (),
    sections: tuple[dict[str, Any], ...] = (section("s1", "Math"),),
    identifiers: pl.LazyFrame | None = None,
) -> dict[tuple[str, str, str], float]:
    identifiers = IDENTIFIERS.empty() if identifiers is None else identifiers
    frame = instructional_links(landed(LANDED, *told, source="sis"), dated(*rows), canonical(SECTIONS, *sections), identifiers)
    table = kept(INSTRUCTIONAL_LINKS, frame)
    return {row[:3]: pytest.approx(row[3]) for row in table.select("student_key", "staff_key", "subject", "weight").iter_rows()}


def test_links_as_sent_keep_their_weights_also_below_the_whole() -> None:
    assert links(told=(sent(TINA, 0.5), sent(TOM, 0.3))) == {(ANN, TINA, "Math"): 0.5, (ANN, TOM, "Math"): 0.3}


def test_weights_that_sum_to_more_than_1_are_scaled_to_1() -> None:
    assert links(told=(sent(TINA, 1.0), sent(TOM, 0.6))) == {(ANN, TINA, "Math"): 0.625, (ANN, TOM, "Math"): 0.375}


def test_a_link_sent_again_is_corrected_not_added() -> None:
    assert links(told=(sent(TINA, 0.4, landed_at=SEPTEMBER), sent(TINA, 0.9))) == {(ANN, TINA, "Math"): 0.4}


def test_links_under_two_identifiers_are_one_link() -> None:
    people = canonical(
        IDENTIFIERS,
        {"kind": "student", "identifier_key": student("guid"), "person_key": ANN},
        {"kind": "staff", "identifier_key": teacher("guid"), "person_key": TINA},
    )
    told = (sent(TINA, 0.9), sent(teacher("guid"), 0.9, student_key=student("guid")))
    assert links(told=told, identifiers=people) == {(ANN, TINA, "Math"): 0.9}


def test_a_student_and_subject_with_a_sent_link_takes_nothing_from_sections_but_others_do() -> None:
    made = links(seat(ANN), seat(BEN), taught(TOM), told=(sent(TINA, 0.7),))
    assert made == {(ANN, TINA, "Math"): 0.7, (BEN, TOM, "Math"): 1.0}


def test_a_whole_year_with_one_teacher_is_the_whole() -> None:
    assert links(seat(ANN), taught(TINA)) == {(ANN, TINA, "Math"): 1.0}


def test_a_student_who_came_late_was_taught_the_share_of_days_that_was_left() -> None:
    assert links(seat(ANN, begin="2023-10-20"), taught(TINA)) == {(ANN, TINA, "Math"): 0.2}


def test_a_teacher_who_took_over_gets_the_days_after() -> None:
    rows = (seat(ANN), taught(TINA, end="2023-08-30"), taught(TOM, begin="2023-08-31"))
    assert links(*rows) == {(ANN, TINA, "Math"): 0.3, (ANN, TOM, "Math"): 0.7}


def test_co_teachers_share_the_whole() -> None:
    assert links(seat(ANN), taught(TINA), taught(TOM)) == {(ANN, TINA, "Math"): 0.5, (ANN, TOM, "Math"): 0.5}


def test_where_a_teacher_is_flagged_primary_only_that_one_is_of_record() -> None:
    assert links(seat(ANN), taught(TINA, primary=True), taught(TOM)) == {(ANN, TINA, "Math"): 1.0}


def test_aides_and_administrators_are_not_teachers_of_record() -> None:
    assert links(seat(ANN), taught(TINA, role="aide"), taught(TOM, role="administrator")) == {}


def test_a_transfer_gives_each_school_its_teachers_share() -> None:
    rows = (seat(ANN, "s1", end="2023-09-19"), taught(TINA, "s1"), seat(ANN, "s2", begin="2023-09-20"), taught(TOM, "s2"))
    assert links(*rows, sections=(section("s1", "Math"), section("s2", "Math"))) == {(ANN, TINA, "Math"): 0.5, (ANN, TOM, "Math"): 0.5}


def test_days_between_terms_do_not_count_against_anyone() -> None:
    terms = (section("s1", "Math", "2023-08-01", "2023-09-19"), section("s1", "Math", "2024-01-01", "2024-02-19", term="S2"))
    rows = (
        seat(ANN, end="2023-09-19"),
        seat(ANN, begin="2024-01-01", end="2024-02-19"),
        taught(TINA, end="2023-09-19"),
        taught(TINA, begin="2024-01-01", end="2024-02-19"),
    )
    assert links(*rows, sections=terms) == {(ANN, TINA, "Math"): 1.0}


def test_a_section_without_a_subject_links_nobody() -> None:
    assert links(seat(ANN), taught(TINA), sections=(section("s1", None),)) == {}


def test_a_section_without_term_dates_is_as_long_as_its_enrolments() -> None:
    open_section = section("s1", "Math") | {"begin_date": None, "end_date": None}
    assert links(seat(ANN, end="2023-09-19"), seat(BEN), taught(TINA), sections=(open_section,)) == {
        (ANN, TINA, "Math"): 0.5,
        (BEN, TINA, "Math"): 1.0,
    }


def test_a_derived_link_is_known_from_the_first_shared_day() -> None:
    frame = instructional_links(
        LANDED.empty(), dated(seat(ANN, begin="2023-09-01"), taught(TINA)), canonical(SECTIONS, section("s1", "Math")), IDENTIFIERS.empty()
    )
    row = kept(INSTRUCTIONAL_LINKS, frame).row(0, named=True)
    assert (row["known_on"], row["link_source"], row["source"]) == (d("2023-09-01"), "sections", "oneroster")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 1)), min_size=1, max_size=12))
def test_weights_of_a_student_and_subject_never_sum_to_more_than_1_and_keep_their_proportions(rows: list[tuple[str, float]]) -> None:
    frame = pl.LazyFrame(
        {"student_key": [s for s, _ in rows], "subject": "Math", "before": [w for _, w in rows], "weight": [w for _, w in rows]}
    )
    after = scaled(frame).collect()
    sums = after.group_by("student_key").agg(pl.col("weight", "before").sum())
    assert all(w <= 1 + 1e-8 for w in sums["weight"])
    for total, before in sums.select("weight", "before").iter_rows():
        assert total == pytest.approx(min(before, 1), abs=1e-8)
