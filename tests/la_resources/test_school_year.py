"""School-year arithmetic, statement by statement."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from la_resources import school_year


@pytest.mark.parametrize(
    ("day", "label"),
    [
        (dt.date(2023, 7, 1), "2023-24"),
        (dt.date(2024, 6, 30), "2023-24"),
        (dt.date(2024, 7, 1), "2024-25"),
        (dt.date(2024, 2, 29), "2023-24"),
        (dt.date(1999, 9, 1), "1999-00"),
    ],
)
def test_a_school_year_runs_from_july_to_june(day: dt.date, label: str) -> None:
    assert school_year.of_date(day) == label
    assert pl.select(school_year.of_dates(pl.lit(day))).item() == label


def test_a_missing_date_has_no_school_year() -> None:
    assert pl.select(school_year.of_dates(pl.lit(None, dtype=pl.Date))).item() is None


@pytest.mark.parametrize("text", ["2023-25", "2024", "23-24", "2023/24", "2023-2024", ""])
def test_what_is_not_a_school_year_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="not a school year"):
        school_year.start_year(text)


def test_the_partition_key_is_the_first_day_and_converts_back() -> None:
    assert school_year.partition_key("2023-24") == "2023-07-01"
    assert school_year.of_partition_key("2023-07-01") == "2023-24"
    assert school_year.shift("2023-24", -5) == "2018-19"
    assert school_year.shift("1999-00", 1) == "2000-01"
    assert school_year.last_day("2023-24") == dt.date(2024, 6, 30)
