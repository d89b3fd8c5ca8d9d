"""Points by standard: the rules of ``assessments.standards`` as statements."""

from typing import Any

import polars as pl

from la_assets.assessments.schema import STANDARDS
from la_assets.assessments.standards import standards
from la_assets.landing.schema import ASSESSMENT_STANDARDS
from la_assets.roster.schema import IDENTIFIERS

from ..roster.landed import OCTOBER, SEPTEMBER, d, kept, landed, student

ANN = student("ann")


def points(
    earned: float | None, possible: float | None = 4.0, code: str = "MA.5.NSO.1.1", on: str | None = "2023-09-12", **more: Any
) -> dict[str, Any]:
    return {
        "student_key": ANN,
        "assessment_id": "FAST",
        "subject": "Math",
        "window": "PM1",
        "administered_on": on and d(on),
        "standard_code": code,
        "points_earned": earned,
        "points_possible": possible,
    } | more


def table(*frames: pl.LazyFrame) -> pl.DataFrame:
    return kept(STANDARDS, standards(pl.concat(frames), IDENTIFIERS.empty()))


def test_the_items_of_one_report_on_a_standard_are_added_up() -> None:
    items = [points(1.0, 2.0, source_row=2), points(1.0, 1.0, source_row=2), points(3.0, code="MA.5.FR.1.1", source_row=2)]
    sums = table(landed(ASSESSMENT_STANDARDS, *items)).select("standard_code", "points_earned", "points_possible")
    assert sums.rows() == [("MA.5.FR.1.1", 3.0, 4.0), ("MA.5.NSO.1.1", 2.0, 3.0)]


def test_a_later_report_replaces_an_earlier_one_and_is_not_added() -> None:
    first = landed(ASSESSMENT_STANDARDS, points(1.0), at=SEPTEMBER)
    again = landed(ASSESSMENT_STANDARDS, points(2.0), at=OCTOBER, file="b.csv")
    assert table(again, first).select("points_earned", "loaded_at").rows() == [(2.0, OCTOBER)]


def test_missing_points_stay_missing() -> None:
    assert table(landed(ASSESSMENT_STANDARDS, points(None)))["points_earned"].to_list() == [None]


def test_two_test_days_of_a_window_are_two_attempts() -> None:
    rows = landed(ASSESSMENT_STANDARDS, points(2.0, on="2023-09-20"), points(1.0), points(0.0, on=None))
    assert table(rows).select("attempt", "points_earned").rows() == [(1, 1.0), (2, 2.0), (3, 0.0)]


def test_a_year_without_standards_is_an_empty_table() -> None:
    assert table(ASSESSMENT_STANDARDS.empty()).is_empty()
