"""Days in the learning management system: the rules of ``engagement.lms_daily`` as statements."""

from typing import Any

import polars as pl

from la_assets.engagement.checks import activity_adds_up
from la_assets.engagement.lms_daily import lms_daily
from la_assets.engagement.schema import LMS_DAILY
from la_assets.landing.schema import LMS_ACTIVITY
from la_assets.roster.schema import IDENTIFIERS

from ..roster.landed import OCTOBER, SEPTEMBER, d, kept, landed, student


def activity(**more: Any) -> dict[str, Any]:
    day = {"student_key": student("ann"), "section_id": "s", "date": d("2023-08-30")}
    return day | {"logins": 1, "minutes": 20.0, "submissions": 1, "late": 0} | more


def table(*frames: pl.LazyFrame) -> pl.DataFrame:
    return kept(LMS_DAILY, lms_daily(pl.concat(frames), IDENTIFIERS.empty()))


def test_a_day_told_again_is_replaced_and_not_added() -> None:
    early = landed(LMS_ACTIVITY, activity(minutes=20.0), at=SEPTEMBER)
    final = landed(LMS_ACTIVITY, activity(minutes=45.0), at=OCTOBER, file="b.csv")
    assert table(final, early).select("minutes", "known_on", "loaded_at").rows() == [(45.0, d("2023-08-30"), OCTOBER)]


def test_a_day_has_a_row_for_each_section() -> None:
    assert table(landed(LMS_ACTIVITY, activity(), activity(section_id="t")))["section_id"].to_list() == ["s", "t"]


def test_activity_that_contradicts_itself_is_counted() -> None:
    rows = table(landed(LMS_ACTIVITY, activity(late=2), activity(section_id="t", logins=0), activity(section_id="u")))
    assert activity_adds_up(rows.lazy())[::2] == (False, {"more_late_than_submitted": 1, "minutes_without_login": 1})


def test_a_year_without_activity_is_an_empty_table() -> None:
    assert table(LMS_ACTIVITY.empty()).is_empty()
    assert activity_adds_up(LMS_DAILY.empty())[0]
