"""One simulated district for all tests of this folder, and plain readers of its files and its truth.

Two thousand students over nine years: large enough for the levels to be told from chance, small enough to make in seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from la_resources.sources.simulated_district import SimulatedDistrict, simulate

AS_OF = date(2026, 11, 21)
Read = Callable[[str], pl.DataFrame]


@pytest.fixture(scope="session")
def district(tmp_path_factory: pytest.TempPathFactory) -> SimulatedDistrict:
    folder = tmp_path_factory.mktemp("district")
    return simulate(folder / "landing", students=2000, seed=7, as_of=AS_OF)


def year_of(path: Path) -> str:
    found = re.search(r"\d{4}-\d{2}", path.as_posix())
    assert found, f"{path} names no school year"
    return found[0]


@pytest.fixture(scope="session")
def truth(district: SimulatedDistrict) -> Read:
    """Read a truth table over all years, with the year as ``school_year``."""

    def read(name: str) -> pl.DataFrame:
        paths = sorted(district.truth.glob(f"{name}_????-??.parquet"))
        return pl.concat(pl.read_parquet(path).with_columns(school_year=pl.lit(year_of(path))) for path in paths)

    return read


@pytest.fixture(scope="session")
def files(district: SimulatedDistrict) -> Read:
    """Read landing files of one layout by glob, all columns as text, with the year in the name as ``school_year``."""

    def read(pattern: str) -> pl.DataFrame:
        return pl.concat(
            pl.read_csv(file, infer_schema=False).with_columns(school_year=pl.lit(year_of(file)), file=pl.lit(file.name))
            for file in sorted(district.landing.glob(pattern))
        )

    return read


@pytest.fixture(scope="session")
def fast_scores(district: SimulatedDistrict) -> Callable[[str, str], pl.DataFrame]:
    """Scores of one subject and window: id, grade, starting year, score and reported level (the layout repeats column names)."""

    def read(subject: str, window: str) -> pl.DataFrame:
        frames = []
        for file in sorted(district.landing.glob(f"fast/FAST_*_{window}_Grade*_{subject}.csv")):
            frame = pl.read_csv(file, has_header=False, skip_rows=1, columns=[0, 6, 7], infer_schema=False)
            frame.columns = ["id", "score", "level"]
            grade = int(re.findall(r"Grade(\d+)", file.name)[0])
            frames.append(frame.with_columns(pl.col("score").cast(pl.Float64), grade=pl.lit(grade), start=pl.lit(int(year_of(file)[:4]))))
        return pl.concat(frames)

    return read
