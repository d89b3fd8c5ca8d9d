"""Incidents and positive points: the rules of the behaviour tables as statements."""

from typing import Any

import polars as pl

from la_assets.behavior.checks import suspensions_have_days
from la_assets.behavior.incidents import incidents
from la_assets.behavior.points import points
from la_assets.behavior.schema import INCIDENTS, POINTS
from la_assets.landing import schema as landing
from la_assets.roster.schema import IDENTIFIERS, SCHOOL_IDENTIFIERS

from ..roster.landed import OCTOBER, SEPTEMBER, canonical, d, kept, landed, student

ANN, BEN = student("ann"), student("ben")


def part(who: str = ANN, action: str = "OSS", days: float | None = 2.0, incident: str = "i1") -> dict[str, Any]:
    return {"incident_id": incident, "student_key": who, "school_id": "org-7", "date": d("2023-08-30"), "action": action, "days": days}


def parts(*frames: pl.LazyFrame) -> pl.DataFrame:
    schools = canonical(SCHOOL_IDENTIFIERS, {"alias": "org-7", "school_id": "7"})
    return kept(INCIDENTS, incidents(pl.concat(frames), IDENTIFIERS.empty(), schools))


def award(value: float, reason: str | None = "kindness") -> dict[str, Any]:
    return {"student_key": ANN, "date": d("2023-08-30"), "points": value, "reason": reason}


def awards(*frames: pl.LazyFrame) -> pl.DataFrame:
    return kept(POINTS, points(pl.concat(frames), IDENTIFIERS.empty()))


def test_two_students_of_one_incident_have_a_row_each() -> None:
    assert parts(landed(landing.INCIDENTS, part(ANN), part(BEN, "ISS", 1.0)))["incident_id"].to_list() == ["i1", "i1"]


def test_an_incident_reported_again_replaces_the_first_report() -> None:
    first = landed(landing.INCIDENTS, part(action="none", days=None), at=SEPTEMBER)
    final = landed(landing.INCIDENTS, part(), at=OCTOBER, file="b.csv")
    assert parts(final, first).select("action", "days", "school_id").rows() == [("OSS", 2.0, "7")]


def test_an_incident_is_known_on_its_day() -> None:
    assert parts(landed(landing.INCIDENTS, part()))["known_on"].to_list() == [d("2023-08-30")]


def test_a_suspension_without_days_is_found() -> None:
    rows = parts(landed(landing.INCIDENTS, part(), part(BEN, "ISS", None), part(BEN, "conference", 3.0, "i2")))
    passed, _, counts = suspensions_have_days(rows.lazy())
    assert not passed
    assert counts == {"suspensions": 2, "suspensions_without_days": 1, "days_without_suspension": 1}


def test_awards_of_a_day_for_one_reason_are_added_up() -> None:
    given = awards(landed(landing.BEHAVIOR_POINTS, award(5.0), award(3.0), award(1.0, None)))
    assert given.select("reason", "points", "awards").rows() == [("kindness", 8.0, 2), ("unspecified", 1.0, 1)]


def test_awards_told_again_by_a_later_file_are_not_added_twice() -> None:
    first = landed(landing.BEHAVIOR_POINTS, award(5.0), award(3.0), at=SEPTEMBER)
    again = landed(landing.BEHAVIOR_POINTS, award(5.0), award(4.0), at=OCTOBER, file="b.csv")
    assert awards(again, first).select("points", "loaded_at").rows() == [(9.0, OCTOBER)]


def test_a_year_without_data_is_an_empty_table() -> None:
    assert parts(landing.INCIDENTS.empty()).is_empty()
    assert awards(landing.BEHAVIOR_POINTS.empty()).is_empty()
    assert suspensions_have_days(INCIDENTS.empty())[0]
