"""The simulated districts that the figures work on: written once, zips unpacked for both sides, the last day held back.

Simulating is never part of a time. A folder that already holds the same district is used again (``--folder``).
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Literal

import polars as pl

from bench.places import Place
from bench.sizes import LAST_YEAR, SEED
from la_resources.school_year import from_start
from la_resources.sources.simulated_district import simulate

DAILY_FILES = {"sis/attendance": "ATT_DATE", "lms": "activity_date"}
"""Folders whose sources deliver every day, and the column that holds the day."""


def simulated(place: Place, students: int, years: int, attendance: Literal["negative", "daily"]) -> None:
    """Write a district's files of some finished school years, unless they are there."""
    wanted = {"students": students, "years": years, "attendance": attendance, "seed": SEED}
    mark = place.root / "district.json"
    if mark.exists() and json.loads(mark.read_text()) == wanted:
        return
    if place.root.exists():
        shutil.rmtree(place.root)
    simulate(
        place.landing,
        students=students,
        seed=SEED,
        first_year=from_start(LAST_YEAR - years + 1),
        as_of=dt.date(LAST_YEAR + 1, 6, 30),
        attendance=attendance,
        truth=place.root / "truth",
    )
    unpack(place.landing)
    if attendance == "daily":
        hold_back_last_day(place)
    mark.write_text(json.dumps(wanted))


def unpack(landing: Path) -> None:
    """Replace each zip by a folder of its members, so that both sides read the same files."""
    for archive in sorted(landing.rglob("*.zip")):
        folder, arrived = archive.with_suffix(""), archive.stat().st_mtime
        with zipfile.ZipFile(archive) as zipped:
            zipped.extractall(folder)
        for member in folder.rglob("*"):
            os.utime(member, (arrived, arrived))
        archive.unlink()


def files(landing: Path) -> tuple[int, int]:
    """Number and bytes of the CSV files."""
    sizes = [file.stat().st_size for file in landing.rglob("*.csv")]
    return len(sizes), sum(sizes)


def hold_back_last_day(place: Place) -> None:
    """Take the last school day out of the newest file of each daily source and keep it aside, as files of their own."""
    for folder, column in DAILY_FILES.items():
        newest = max((place.landing / folder).glob(f"*_{from_start(LAST_YEAR)}_[0-1][0-9].csv"), key=lambda file: file.stat().st_mtime)
        held = place.root / "held" / folder / f"{newest.stem}_last_day.csv"
        arrived = newest.stat().st_mtime
        rows = pl.read_csv(newest, infer_schema=False)
        day = pl.coalesce(pl.col(column).str.to_date(spelling, strict=False) for spelling in ("%m/%d/%Y", "%Y-%m-%d"))
        last = rows.select(day.max()).item()
        held.parent.mkdir(parents=True, exist_ok=True)
        rows.filter(day == last).write_csv(held)
        rows.filter(day < last).write_csv(newest)
        os.utime(newest, (arrived, arrived))


def deliver_last_day(place: Place) -> int:
    """Let the held-back files arrive; their rows."""
    rows = 0
    for folder in DAILY_FILES:
        for held in sorted((place.root / "held" / folder).glob("*.csv")):
            rows += pl.scan_csv(held, infer_schema=False).select(pl.len()).collect().item()
            shutil.copyfile(held, place.landing / folder / held.name)
    return rows


def take_back_last_day(place: Place) -> None:
    """The held-back files have not arrived yet."""
    for held in (place.root / "held").rglob("*.csv"):
        (place.landing / held.relative_to(place.root / "held")).unlink(missing_ok=True)
