"""The defects planted in the files, and the exact record of them.

Real extracts contain such things; the pipeline must find each. A plan says what goes where; the writers ask for it and
record what they did. Without defects the plan is empty.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from la_resources.school_year import from_start

IMPOSSIBLE_POINTS = ("9.7", "-1")
UNKNOWN_CODES = ("W99", "ZZ")


@dataclass
class Defects:
    """Plan and record.

    Attributes
    ----------
    duplicates : dict
        Rows to repeat by (kind, starting year, month or quarter).
    impossible_points : dict
        Marks to spoil by (starting year, quarter).
    conflicts : dict
        Students with two contradicting records by starting year.
    unknown_exits : dict
        Exit codes to replace by starting year.
    late : dict
        Rows held back for a supplement by (kind, starting year, month or quarter).
    double_enrolled : dict
        Students with a second, not primary enrolment all year, by starting year (not an error, but easily counted twice).
    wrong_year : int or None
        The file of this starting year that holds the rows of the year before.
    missing_links : int or None
        Starting year in which one school lacks links.
    planted : list of dict
        What was planted: kind, file, rows.
    """

    duplicates: dict[tuple[str, int, str], int] = field(default_factory=dict)
    impossible_points: dict[tuple[int, str], int] = field(default_factory=dict)
    conflicts: dict[int, int] = field(default_factory=dict)
    unknown_exits: dict[int, int] = field(default_factory=dict)
    late: dict[tuple[str, int, str], int] = field(default_factory=dict)
    double_enrolled: dict[int, int] = field(default_factory=dict)
    wrong_year: int | None = None
    missing_links: int | None = None
    unclaimed: bool = False
    planted: list[dict[str, object]] = field(default_factory=list)

    def record(self, kind: str, file: str, rows: int) -> None:
        if rows:
            self.planted.append({"kind": kind, "file": file, "rows": rows})

    def totals(self) -> dict[str, int]:
        """Rows by kind."""
        totals: dict[str, int] = {}
        for entry in self.planted:
            totals[str(entry["kind"])] = totals.get(str(entry["kind"]), 0) + int(str(entry["rows"]))
        return totals


def plan_defects(complete_years: list[int]) -> Defects:
    """The plan for a district with these completed years."""
    plan = Defects(unclaimed=True)
    if not complete_years:
        return plan
    last, first = complete_years[-1], complete_years[0]
    before = complete_years[-2] if len(complete_years) > 1 else last
    for year in complete_years[-3:]:
        plan.duplicates["attendance", year, "10"] = 10
    plan.duplicates["grades", last, "Q2"] = 12
    plan.duplicates["grades", before, "Q4"] = 8
    plan.impossible_points[last, "Q1"] = 6
    plan.impossible_points[first, "Q3"] = 4
    plan.conflicts[last] = 8
    plan.conflicts[first] = plan.conflicts.get(first, 0) or 4
    plan.unknown_exits[last] = 5
    plan.late["grades", 2023 if 2023 in complete_years else last, "Q3"] = 40
    plan.late["attendance", 2024 if 2024 in complete_years else last, "03"] = 30
    pairs = [y for y in complete_years if y - 1 in complete_years]
    plan.wrong_year = 2022 if 2022 in pairs else (pairs[-1] if pairs else None)
    plan.double_enrolled[last] = 6
    plan.missing_links = before
    return plan


def spaced(rows: int, wanted: int) -> np.ndarray:
    """``wanted`` distinct positions (fewer if there are fewer rows) spread evenly over ``rows``."""
    wanted = min(wanted, rows)
    return (np.arange(wanted) * rows) // max(wanted, 1)


def repeated(frame: pl.DataFrame, wanted: int) -> pl.DataFrame:
    """The rows that are to stand twice, for appending at the end of the file."""
    return frame[spaced(frame.height, wanted)]


def late_name(path: str) -> str:
    return path.replace(".csv", "_late.csv")


def wrong_year_name(path: str, year: int) -> str:
    """The path of a file that claims ``year`` but holds the year before."""
    return path.replace(from_start(year - 1), from_start(year)).replace(".csv", "_resend.csv")
