"""`make demo`: simulate a district, backfill every school year through Dagster, say what was built, open the UI.

It refuses to write simulated files beside files it did not write. Running it again with the same size and seed changes nothing.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from la_assets.backfill import backfill, running_dagster, years_between
from la_resources.environments import Places

_MARK = ".simulated.json"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=20261121)
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--as-of", type=dt.date.fromisoformat, default=None, help="last day of the simulated data (default: today)")
    parser.add_argument("--no-ui", action="store_true", help="stop after the backfill")
    options = parser.parse_args(arguments)
    places = Places.from_environment()

    started = time.monotonic()
    try:
        simulate_once(Path(places.landing), options.students, options.seed, options.as_of)
        port = _free_port() if options.no_ui else options.port
        with running_dagster(port) as url:
            from la_assets.school_years import FIRST_SCHOOL_YEAR, current_school_year

            years = years_between(FIRST_SCHOOL_YEAR, current_school_year().label)
            print(f"Backfilling {years[0]} to {years[-1]} through Dagster ...", flush=True)
            result = backfill(url, years, title=f"demo: {options.students} students, seed {options.seed}")
            for line in result.failures:
                print("  failed: " + line, file=sys.stderr)
            print_summary(places)
            seconds = time.monotonic() - started
            print(f"\n{'Done' if result.succeeded else 'FAILED'} in {seconds:.0f} s ({result.runs} Dagster run(s)).", flush=True)
            if not result.succeeded:
                return 1
            if not options.no_ui:
                print(f"The Dagster UI is at {url} - start with the asset graph; Ctrl-C stops it.", flush=True)
                _until_interrupted()
    except (RuntimeError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def simulate_once(landing: Path, students: int, seed: int, as_of: dt.date | None) -> None:
    """Write the simulated district's files, unless they are there already.

    Raises
    ------
    ValueError
        If the landing zone holds other files; they are never mixed or replaced.
    """
    wanted = {"students": students, "seed": seed}
    mark = landing / _MARK
    if mark.is_file():
        there = json.loads(mark.read_text())
        if {k: there[k] for k in wanted} != wanted:
            raise ValueError(f"{landing} holds another simulated district ({there}); `make clean` removes it")
        as_of = as_of or dt.date.fromisoformat(there["as_of"])
        if as_of.isoformat() == there["as_of"] and there["complete"]:
            print(f"The simulated district is in {landing} already.", flush=True)
            return
    elif landing.is_dir() and any(p for p in landing.iterdir() if not p.name.startswith(".")):
        raise ValueError(f"{landing} holds files that were not simulated; set LA_LANDING_ROOT to another folder for the demo")
    as_of = as_of or dt.datetime.now(dt.UTC).date()
    from la_resources.sources.simulated_district import simulate

    landing.mkdir(parents=True, exist_ok=True)
    mark.write_text(json.dumps(wanted | {"as_of": as_of.isoformat(), "complete": False}))
    began = time.monotonic()
    print(f"Simulating {students:,} students (seed {seed}) up to {as_of} ...", flush=True)
    simulate(landing, students=students, seed=seed, as_of=as_of, truth=landing.parent / "truth")
    mark.write_text(json.dumps(wanted | {"as_of": as_of.isoformat(), "complete": True}))
    print(f"  {sum(1 for f in landing.rglob('*') if f.is_file()):,} files in {time.monotonic() - began:.0f} s", flush=True)


def print_summary(places: Places) -> None:
    """What was built and where: rows of every table, by school year."""
    from la_assets.definitions import TABLES
    from la_resources.lake import Lake

    lake = Lake(places.lake)
    import polars as pl

    print(f"\n{'table':<34}{'years':>7}{'rows':>14}")
    for table in TABLES:
        years = lake.school_years(table)
        rows = lake.scan(table).select(pl.len()).collect().item()
        print(f"{table.name:<34}{len(years):>7}{rows:>14,}")
    print(f"\nlanding zone  {places.landing}\nlake          {places.lake}\nSQL file      {places.warehouse}")


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _until_interrupted() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        print("\nStopping Dagster ...", flush=True)


if __name__ == "__main__":
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
    sys.exit(main())
