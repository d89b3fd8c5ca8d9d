"""`make demo`: simulate a district, backfill every school year through Dagster, say what was built, open the UI.

It refuses to write simulated files beside files it did not write. Running it again with the same size and seed changes nothing.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

from la_assets.backfill import BackfillResult, backfill, cancel, years_between
from la_assets.dagster_api import switch_on
from la_assets.local_dagster import LocalDagster, free_port, require_free, running_dagster
from la_resources.environments import Places
from la_resources.privacy import secret_from_environment

_MARK = ".simulated.json"
SENSORS = ("landing_arrivals", "keep_current_and_corrections", "run_failures", "run_recoveries", "late_tables")
"""Switched on when the UI stays open, so that a file dropped into the landing zone shows within a minute."""

_SAY_EVERY = 10.0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=_number_of_students, default=5000)
    parser.add_argument("--seed", type=int, default=20261121)
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--as-of", type=dt.date.fromisoformat, default=None, help="last day of the simulated data (default: today)")
    parser.add_argument("--no-ui", action="store_true", help="stop after the backfill")
    options = parser.parse_args(arguments)
    places = Places.from_environment()
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    try:
        secret_from_environment()
        return _demo(options, places)
    except KeyboardInterrupt:
        print("\nStopped.", flush=True)
        return 130
    except (RuntimeError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2


def _number_of_students(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a district has at least one student")
    return number


def _demo(options: argparse.Namespace, places: Places) -> int:
    started = time.monotonic()
    port = free_port() if options.no_ui else options.port
    require_free(port)
    require_mappings(places)
    simulate_once(Path(places.landing), options.students, options.seed, options.as_of)
    with running_dagster(port) as dagster:
        result = _backfill_everything(dagster, f"demo: {options.students} students, seed {options.seed}")
        for line in result.failures:
            print("  failed: " + line, file=sys.stderr)
        print_summary(places)
        seconds = time.monotonic() - started
        print(f"\n{'Done' if result.succeeded else 'FAILED'} in {seconds:.0f} s ({result.runs} Dagster run(s)).", flush=True)
        if not result.succeeded:
            print(f"Dagster's log is {dagster.log}; `make ui` shows the failed run.", file=sys.stderr)
            return 1
        if not options.no_ui:
            switch_on(dagster.url, SENSORS)
            print(f"The Dagster UI is at {dagster.url} - start with the asset graph; Ctrl-C stops it.")
            print(f"Files dropped into {places.landing} are picked up within a minute: the sensors are on.", flush=True)
            _until_interrupted(dagster)
    return 0


def require_mappings(places: Places) -> None:
    """Refuse a folder of mappings that is not there: without it most files of a district are claimed by nothing.

    Raises
    ------
    ValueError
        With the folder and the setting.
    """
    for folder in places.mappings:
        if not Path(folder).is_dir():
            raise ValueError(f"no mappings in {folder}: it is not a folder; set LA_MAPPINGS (the project's own are in data/mappings)")


def _backfill_everything(dagster: LocalDagster, title: str) -> BackfillResult:
    from la_assets.school_years import FIRST_SCHOOL_YEAR, current_school_year

    years = years_between(FIRST_SCHOOL_YEAR, current_school_year().label)
    print(f"Backfilling {years[0]} to {years[-1]} through Dagster (its log: {dagster.log}) ...", flush=True)
    began = last = time.monotonic()

    def say(state: str) -> None:
        nonlocal last
        if time.monotonic() - last > _SAY_EVERY:
            last = time.monotonic()
            print(f"  {last - began:4.0f} s  {state}", flush=True)

    backfills: list[str] = []

    def start(backfill_id: str) -> None:
        backfills.append(backfill_id)
        dagster.start_daemon()

    try:
        return backfill(dagster.url, years, title=title, launched=start, progress=say)
    except KeyboardInterrupt:
        for backfill_id in backfills:
            cancel(dagster.url, backfill_id)
        raise


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
    import polars as pl

    from la_resources.lake import Lake

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Dagster names every parameter that is in beta, a hundred lines
        from la_assets.definitions import TABLES
        from la_assets.landing.schema import FILES
    lake = Lake(places.lake)
    print(f"\n{'table':<34}{'years':>7}{'rows':>14}")
    for table in TABLES:
        years = lake.school_years(table)
        rows = lake.scan(table).select(pl.len()).collect().item()
        print(f"{table.name:<34}{len(years):>7}{rows:>14,}")
    files = lake.scan(FILES).group_by("status").len().sort("status").collect()
    print("\nfiles         " + ", ".join(f"{count:,} {status}" for status, count in files.iter_rows()))
    print(f"landing zone  {places.landing}\nlake          {places.lake}\nSQL file      {places.warehouse}")


def _until_interrupted(dagster: LocalDagster) -> None:
    """Wait for Ctrl-C (or the end of Dagster)."""
    try:
        while True:
            time.sleep(1)
            dagster.check_alive()
    except KeyboardInterrupt:
        print("\nStopping Dagster ...", flush=True)


if __name__ == "__main__":
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
    sys.exit(main())
