"""Subjects of courses from SCED codes and words."""

import polars as pl
import pytest

from la_assets.landing.schema import SUBJECTS
from la_assets.roster.subjects import SCED_AREAS, SCED_COURSES, WORDS, subject, subject_of_code, subject_of_text


def one(value: str | None, expression: pl.Expr) -> str | None:
    return pl.DataFrame({"value": [value]}, schema={"value": pl.String}).select(expression).item()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("01001", "ELA"),
        ("02052", "Algebra 1"),
        ("02072", "Geometry"),
        ("02056", "Math"),
        ("03051", "Biology"),
        ("03101", "Science"),
        ("04101", "Social Studies"),
        ("24052", "World Languages"),
        ("02052,02053", "Algebra 1"),
        ("02052G1.00", "Algebra 1"),
        ("1200310", None),
        ("02", None),
        ("99123", None),
        ("", None),
        (None, None),
    ],
)
def test_sced_codes_give_the_subject_and_other_numbers_do_not(code: str | None, expected: str | None) -> None:
    assert one(code, subject_of_code(pl.col("value"))) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("English/Language Arts I (9th grade)", "ELA"),
        ("Algebra I", "Algebra 1"),
        ("ALGEBRA 1 HONORS", "Algebra 1"),
        ("Algebra II", "Math"),
        ("Geometry", "Geometry"),
        ("Biology 1", "Biology"),
        ("Mathematics", "Math"),
        ("Grade 3 Reading", "ELA"),
        ("U.S. History", "Social Studies"),
        ("Earth/Space Science", "Science"),
        ("AP Computer Science A", "Career"),
        ("Spanish 2", "World Languages"),
        ("Visual Arts", "Arts"),
        ("PE", "PE"),
        ("Homeroom", "Other"),
        ("Block 4", None),
        (None, None),
    ],
)
def test_words_of_a_title_give_the_subject(text: str | None, expected: str | None) -> None:
    assert one(text, subject_of_text(pl.col("value"))) == expected


def test_every_subject_made_is_in_the_contract() -> None:
    assert {*SCED_COURSES.values(), *SCED_AREAS.values(), *(name for _, name in WORDS)} <= set(SUBJECTS)


def test_a_code_goes_before_words_and_the_districts_translation_before_both() -> None:
    frame = pl.DataFrame({"code": ["02072"], "title": ["Biology"]})
    assert frame.select(subject(["code"], ["title"], {})).item() == "Geometry"
    assert frame.select(subject(["code"], ["title"], {"biology": "Science"})).item() == "Science"
