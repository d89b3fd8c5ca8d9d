"""Days in the learning management system: the rules of ``engagement.lms_daily`` as statements."""

import datetime as dt
from random import Random
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from la_assets.engagement.checks import activity_adds_up
from la_assets.engagement.lms_daily import lms_daily
from la_assets.engagement.schema import LMS_DAILY
from la_assets.landing.schema import LMS_ACTIVITY
from la_assets.roster.schema import IDENTIFIERS

from ..roster.landed import OCTOBER, SEPTEMBER, canonical, d, kept, landed, student


def activity(**more: Any) -> dict[str, Any]:
    day = {"student_key": student("ann"), "section_id": "s", "date": d("2023-08-30")}
    return day | {"logins": 1, "minutes": 20.0, "submissions": 1, "late": 0} | more


def table(*frames: pl.LazyFrame) -> pl.DataFrame:
    return kept(LMS_DAILY, lms_daily(pl.concat(frames), IDENTIFIERS.empty()))


def test_a_day_told_again_is_replaced_and_not_added() -> None:
    early = landed(LMS_ACTIVITY, activity(minutes=20.0), at=SEPTEMBER)
    final = landed(LMS_ACTIVITY, activity(minutes=45.0), at=OCTOBER, file="b.csv")
    assert table(final, early).select("minutes", "known_on", "loaded_at").rows() == [(45.0, d("2023-08-30"), OCTOBER)]


def piece(event_id: str, hour: int = 9, **more: Any) -> dict[str, Any]:
    """A piece of the day, as an event tells it."""
    whole = {"student_key": student("ann"), "section_id": "s", "date": d("2023-08-30")}
    return whole | {"event_id": event_id, "event_time": dt.datetime(2023, 8, 30, hour, tzinfo=dt.UTC)} | more


def test_the_events_of_a_day_add_up_each_of_them_once() -> None:
    batch = landed(
        LMS_ACTIVITY, piece("a", minutes=10.0, logins=1), piece("b", minutes=5.0), piece("c", submissions=1, late=1), file="1.csv"
    )
    overlapping = landed(LMS_ACTIVITY, piece("b", minutes=5.0), piece("a", minutes=10.0, logins=1), file="2.csv", at=OCTOBER)
    assert table(batch, overlapping).select("minutes", "logins", "submissions", "late", "missing", "posts").rows() == [
        (15.0, 1, 1, 1, 0, 0)
    ]


def test_a_day_that_a_file_tells_is_as_the_file_tells_it_and_nothing_is_added() -> None:
    file = landed(LMS_ACTIVITY, activity(minutes=60.0), at=SEPTEMBER)
    events = landed(LMS_ACTIVITY, piece("a", minutes=10.0), piece("b", minutes=9.0, section_id="t"), file="e.csv", at=OCTOBER)
    assert table(events, file).select("section_id", "minutes").rows() == [("s", 60.0), ("t", 9.0)]


def test_a_day_has_1440_minutes_however_many_devices() -> None:
    assert table(landed(LMS_ACTIVITY, piece("a", minutes=1000.0), piece("b", minutes=1000.0)))["minutes"].to_list() == [1440.0]


def test_an_event_is_known_under_every_number_of_its_student() -> None:
    other = canonical(IDENTIFIERS, {"kind": "student", "identifier_key": student("old ann"), "person_key": student("ann")})
    rows = landed(LMS_ACTIVITY, piece("a", minutes=1.0), piece("b", minutes=2.0, student_key=student("old ann")))
    assert kept(LMS_DAILY, lms_daily(rows, other))["minutes"].to_list() == [3.0]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 3)), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_however_batches_overlap_a_day_is_the_sum_of_its_events(copies: list[tuple[int, int]], shuffle: Random) -> None:
    rows = [(event, f"{file}.csv") for event, files in copies for file in range(files)]
    shuffle.shuffle(rows)
    landings = [landed(LMS_ACTIVITY, piece(str(event), hour=event, minutes=float(2**event)), file=file) for event, file in rows]
    assert table(*landings)["minutes"].to_list() == [float(sum(2**event for event in {event for event, _ in copies}))]


def test_a_day_has_a_row_for_each_section() -> None:
    assert table(landed(LMS_ACTIVITY, activity(), activity(section_id="t")))["section_id"].to_list() == ["s", "t"]


def test_activity_that_contradicts_itself_is_counted() -> None:
    rows = table(landed(LMS_ACTIVITY, activity(late=2), activity(section_id="t", logins=0), activity(section_id="u")))
    assert activity_adds_up(rows.lazy())[::2] == (False, {"more_late_than_submitted": 1, "minutes_without_login": 1})


def test_a_year_without_activity_is_an_empty_table() -> None:
    assert table(LMS_ACTIVITY.empty()).is_empty()
    assert activity_adds_up(LMS_DAILY.empty())[0]
