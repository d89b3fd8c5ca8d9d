"""Exits and post-secondary enrolments: the rules of the outcome tables as statements."""

from typing import Any

import polars as pl
import pytest

from la_assets.landing import schema as landing
from la_assets.outcomes.checks import exit_codes_are_known
from la_assets.outcomes.exits import exits
from la_assets.outcomes.postsecondary import postsecondary
from la_assets.outcomes.schema import EXITS, POSTSECONDARY
from la_assets.roster.schema import IDENTIFIERS
from la_resources.district import District

from ..roster.landed import OCTOBER, SEPTEMBER, d, kept, landed, student

ANN = student("ann")


def leaving(code: str, on: str | None = "2023-12-15", who: str = ANN, **more: Any) -> dict[str, Any]:
    return {"student_key": who, "exit_code": code, "exit_date": on and d(on)} | more


def table(*frames: pl.LazyFrame, codes: dict[str, str] | None = None) -> pl.DataFrame:
    return kept(EXITS, exits(pl.concat(frames), IDENTIFIERS.empty(), District().exit_codes if codes is None else codes))


@pytest.mark.parametrize(
    ("code", "status"),
    [("W06", "graduated"), (" w15 ", "dropped_out"), ("W02", "transferred"), ("Promoted", "continuing"), ("W99", "unknown")],
)
def test_exit_codes_are_translated_whatever_their_case(code: str, status: str) -> None:
    assert table(landed(landing.EXITS, leaving(code)))["status"].to_list() == [status]


def test_a_transfer_out_is_not_a_dropout() -> None:
    assert table(landed(landing.EXITS, leaving("W02")))["status"].item() != "dropped_out"


def test_an_unknown_code_is_kept_with_the_code() -> None:
    assert table(landed(landing.EXITS, leaving("W99"))).select("status", "exit_code").rows() == [("unknown", "W99")]


def test_the_translation_is_the_districts_own() -> None:
    assert table(landed(landing.EXITS, leaving("Z1")), codes={"Z1": "graduated"})["status"].to_list() == ["graduated"]
    assert table(landed(landing.EXITS, leaving("W06")), codes={})["status"].to_list() == ["unknown"]


def test_a_student_who_came_back_and_left_again_has_the_last_exit() -> None:
    rows = landed(landing.EXITS, leaving("W15", "2024-03-01"), leaving("W02", "2023-10-01"))
    assert table(rows).select("status", "exits").rows() == [("dropped_out", 2)]


def test_an_exit_told_again_replaces_the_first_report() -> None:
    first = landed(landing.EXITS, leaving("W15"), at=SEPTEMBER)
    found_elsewhere = landed(landing.EXITS, leaving("W02"), at=OCTOBER, file="b.csv")
    assert table(found_elsewhere, first).select("status", "exits", "loaded_at").rows() == [("transferred", 1, OCTOBER)]


def test_an_exit_is_known_when_the_district_knew_else_when_it_happened() -> None:
    other, third = student("ben"), student("cy")
    rows = landed(
        landing.EXITS, leaving("W15", observed_on=d("2024-02-01")), leaving("W15", who=other), leaving("W15", None, third), at=SEPTEMBER
    )
    known = dict(table(rows).select("student_key", "known_on").iter_rows())
    assert known == {ANN: d("2024-02-01"), other: d("2023-12-15"), third: SEPTEMBER.date()}


def test_unknown_codes_over_the_limit_are_listed_with_counts() -> None:
    rows = table(landed(landing.EXITS, leaving("W99"), leaving("W06", who=student("ben"))))
    passed, words, counts = exit_codes_are_known(rows.lazy())
    assert not passed
    assert "1 of 2 exits (50.00%) have an unknown code ('W99')" in words
    assert counts == {"exits": 2, "unknown": 1, "share": 0.5, "code 'W99'": 1}
    assert exit_codes_are_known(rows.lazy(), limit=0.5)[0]


def test_a_student_who_enrols_twice_after_school_has_two_rows() -> None:
    rows = landed(
        landing.POSTSECONDARY,
        {"student_key": ANN, "enrolled_on": d("2023-08-20"), "institution_type": "2-year"},
        {"student_key": ANN, "enrolled_on": d("2024-01-10"), "institution_type": "4-year", "observed_on": d("2024-04-01")},
    )
    after = kept(POSTSECONDARY, postsecondary(rows, IDENTIFIERS.empty()))
    assert after.select("institution_type", "known_on").rows() == [("2-year", d("2023-08-20")), ("4-year", d("2024-04-01"))]


def test_a_year_without_data_is_an_empty_table() -> None:
    assert table(landing.EXITS.empty()).is_empty()
    assert kept(POSTSECONDARY, postsecondary(landing.POSTSECONDARY.empty(), IDENTIFIERS.empty())).is_empty()
    assert exit_codes_are_known(EXITS.empty())[0]
