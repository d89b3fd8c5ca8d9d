"""Stays in programs: the rules of ``programs.participation`` as statements."""

from typing import Any

import polars as pl

from la_assets.landing.schema import PROGRAM_PARTICIPATION
from la_assets.programs.checks import stays_end_after_they_begin
from la_assets.programs.participation import participation
from la_assets.programs.schema import PARTICIPATION
from la_assets.roster.schema import IDENTIFIERS

from ..roster.landed import OCTOBER, SEPTEMBER, d, kept, landed, student


def stay(begin: str = "2023-09-04", end: str | None = None, **more: Any) -> dict[str, Any]:
    return {"student_key": student("ann"), "program_id": "tutoring", "begin_date": d(begin), "end_date": end and d(end)} | more


def table(*frames: pl.LazyFrame) -> pl.DataFrame:
    return kept(PARTICIPATION, participation(pl.concat(frames), IDENTIFIERS.empty()))


def test_a_stay_reported_again_gets_its_end_and_dosage() -> None:
    begun = landed(PROGRAM_PARTICIPATION, stay(), at=SEPTEMBER)
    ended = landed(PROGRAM_PARTICIPATION, stay(end="2023-09-29", dosage_minutes=300.0), at=OCTOBER, file="b.csv")
    assert table(ended, begun).select("end_date", "dosage_minutes", "known_on").rows() == [(d("2023-09-29"), 300.0, d("2023-09-04"))]


def test_a_second_stay_in_a_program_is_a_second_row() -> None:
    assert table(landed(PROGRAM_PARTICIPATION, stay(), stay("2024-01-08"))).height == 2


def test_a_stay_that_ends_before_it_begins_is_found() -> None:
    rows = table(landed(PROGRAM_PARTICIPATION, stay(end="2023-09-01"), stay("2024-01-08", "2024-01-08")))
    assert stays_end_after_they_begin(rows.lazy())[::2] == (False, {"ends_before_begin": 1})


def test_a_year_without_programs_is_an_empty_table() -> None:
    assert table(PROGRAM_PARTICIPATION.empty()).is_empty()
