"""The simulated district from a shell: ``python -m la_resources.sources.simulated_district --as-of 2026-11-21``.

Parses arguments, calls :func:`simulate`, prints what was written.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from la_resources.sources.simulated_district.district import simulate


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="simulated_district", description="Write the landing files of a simulated district and the truth behind them."
    )
    parser.add_argument("--students", type=int, default=5000, help="students enrolled a year")
    parser.add_argument("--seed", type=int, default=20261121)
    parser.add_argument("--first-year", default="2018-19", help="first school year, e.g. 2018-19")
    parser.add_argument(
        "--as-of", type=date.fromisoformat, default=date.today(), help="write only what was known before this day (default: today)"
    )
    parser.add_argument("--attendance", choices=("negative", "daily"), default="negative")
    parser.add_argument("--no-defects", action="store_true", help="plant no defects")
    parser.add_argument("--sorting", type=float, default=0.0, help="0 random sections .. 1 ordered by prior achievement")
    parser.add_argument("--out", type=Path, default=Path("data/landing"))
    parser.add_argument("--truth", type=Path, default=Path("data/truth"))
    a = parser.parse_args(arguments)
    made = simulate(
        a.out,
        students=a.students,
        seed=a.seed,
        first_year=a.first_year,
        as_of=a.as_of,
        attendance=a.attendance,
        defects=not a.no_defects,
        sorting=a.sorting,
        truth=a.truth,
    )
    print(f"{len(made.files)} files of {made.years[0]} to {made.years[-1]} in {made.landing}; truth in {made.truth}")
    for kind, rows in sorted(made.defects.items()):
        print(f"  planted {kind}: {rows}")


if __name__ == "__main__":
    main()
