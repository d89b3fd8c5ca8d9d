"""Negative and daily attendance tell the same story: daily files add the days on which nothing happened."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from la_resources.sources.simulated_district import simulate


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """All attendance rows of one year in each mode, and the truth of the year."""
    held: dict[str, pl.DataFrame] = {}
    for mode in ("negative", "daily"):
        folder: Path = tmp_path_factory.mktemp(mode)
        simulate(folder / "landing", students=200, seed=5, first_year="2024-25", as_of=date(2025, 6, 30), attendance=mode, defects=False)
        paths = sorted((folder / "landing").glob("sis/attendance/*.csv"))
        held[mode] = pl.concat(pl.read_csv(path, infer_schema=False) for path in paths)
        held["truth"] = pl.read_parquet(folder / "truth" / "student_years_2024-25.parquet")
    return held


def test_daily_attendance_has_a_row_for_every_enrolled_day(both: dict[str, pl.DataFrame]) -> None:
    assert both["daily"].height == both["truth"]["days_enrolled"].sum()
    assert both["daily"].select("STUDENT_NUMBER", "ATT_DATE").is_unique().all()


def test_negative_attendance_is_the_daily_one_without_plain_presence(both: dict[str, pl.DataFrame]) -> None:
    order = ["STUDENT_NUMBER", "ATT_DATE"]
    assert both["daily"].filter(pl.col("ABS_CODE") != "P").sort(order).equals(both["negative"].sort(order))


def test_portions_flags_and_minutes_agree_with_the_code(both: dict[str, pl.DataFrame]) -> None:
    kinds = both["daily"].select("ABS_CODE", "ABS_PORTION", "TARDY_FLG", "EARLY_DISM_FLG", "MIN_ATT").unique()
    assert set(kinds.rows()) == {
        ("P", "0", "N", "N", "390"),
        ("E", "1", "N", "N", "0"),
        ("E", "0.5", "N", "N", "195"),
        ("U", "1", "N", "N", "0"),
        ("U", "0.5", "N", "N", "195"),
        ("T", "0", "Y", "N", "370"),
        ("D", "0", "N", "Y", "330"),
    }
