"""The figures themselves: which work, beside which yardstick, with which goal (``design/performance.md``).

Each runs real processes: a Dagster run is the command a data engineer would type, timed from its start to its exit. The yardstick
runs right before and right after the work, so that a busy machine slows both.
"""

from __future__ import annotations

import json
import shutil
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from bench.district import deliver_last_day, files, simulated, take_back_last_day
from bench.dropout_model import dropout_model, scoring_one_row
from bench.figure import Figure, Goal
from bench.growth_percentiles import growth_percentiles
from bench.k_prototypes import k_prototypes
from bench.measured import Measured
from bench.mixed_model import growth_model, value_added_model
from bench.places import Place, partition_keys
from bench.queries import LEVELS, query
from bench.sizes import LAST_YEAR, Sizes
from bench.steps import slowest_steps
from bench.worker_steps import WORKERS, worker_steps

GIB = 1024**3
DATA_ROOMS = (
    "landing", "directory", "roster", "attendance", "assessments", "coursework",
    "behavior", "engagement", "outcomes", "programs", "finance",
)  # fmt: skip
"""Schemas of the tables that say what the files say; what is modelled on them comes after."""
_CANONICAL = " or ".join(f'group:"{schema}"' for schema in DATA_ROOMS)


def historical_load(folder: Path, sizes: Sizes) -> Figure:
    """Years of files to landing tables, canonical tables and their checks, against DuckDB copying the files to Parquet."""
    place = _history(folder, sizes)
    _start_over(place)
    count, size = files(place.landing)
    before = _plain_copy(place)
    run = place.materialize(partition_keys(sizes.years, LAST_YEAR), "historical_load", select=_CANONICAL)
    after = _plain_copy(place)
    return Figure(
        "historical_load",
        f"files of {sizes.students:,} students x {sizes.years} years, attendance by day, to landing and canonical tables",
        run.seconds,
        run.cpu_seconds,
        run.peak_bytes,
        Goal(300, 3, 8 * GIB),
        "DuckDB copies the same CSV files to Parquet",
        *_means(before, after),
        {"files": count, "csv_bytes": size, **_accounted(place), "slowest_steps": slowest_steps(place.log("historical_load"))},
    )


def daily_increment(folder: Path, sizes: Sizes) -> Figure:
    """One more day's files arrive and a run reads them and rebuilds what hangs on them, against a Dagster run that does nothing.

    The run is the arrival sensor's: landing, every table downstream of the two sources that delivered, and their checks; fitted
    models stay as they are.
    """
    place = _loaded_history(folder, sizes)
    before = _empty_run(place)
    rows = deliver_last_day(place)
    (newest,) = partition_keys(1, LAST_YEAR)
    run = place.materialize([newest], "daily_increment", select=_rebuilt_by_a_day(place, newest))
    after = _empty_run(place)
    return Figure(
        "daily_increment",
        f"a day's attendance and activity of {sizes.students:,} students: the arrival sensor's run of the newest year",
        run.seconds,
        run.cpu_seconds,
        run.peak_bytes,
        Goal(30),
        "a Dagster run of one empty asset",
        *_means(before, after),
        {"rows_delivered": rows, **_accounted(place), "slowest_steps": slowest_steps(place.log("daily_increment"))},
    )


def mtss_and_forecasts(folder: Path, sizes: Sizes) -> Figure:
    """A school year's whole MTSS family: panel, growth, tiers, clusters, team comparison, forecasts, all fits and all files for people.

    The years before are there; the files of the year are not, so that every workbook is written.
    """
    place = _loaded_history(folder, sizes)
    (newest,) = partition_keys(1, LAST_YEAR)
    shutil.rmtree(place.root / "deliverables", ignore_errors=True)
    before = _empty_run(place)
    run = place.materialize([newest], "mtss_and_forecasts", select='group:"mtss" or group:"forecasts"')
    after = _empty_run(place)
    workbooks = sorted((place.root / "deliverables" / "mtss").rglob("*.xlsx"))
    return Figure(
        "mtss_and_forecasts",
        f"MTSS and forecasts of one school year of {sizes.students:,} students, five subjects: every fit, table and workbook",
        run.seconds,
        run.cpu_seconds,
        run.peak_bytes,
        Goal(180),
        "a Dagster run of one empty asset",
        *_means(before, after),
        {"workbooks": len(workbooks), "slowest_steps": slowest_steps(place.log("mtss_and_forecasts"))},
    )


def _rebuilt_by_a_day(place: Place, key: str) -> str:
    """What the arrival sensor asks for when attendance and activity arrive, in Dagster's words."""
    from la_assets.definitions import defs
    from la_assets.landing.deliveries import rebuilt_by
    from la_resources.lake import Lake

    keys = rebuilt_by({"landing.attendance", "landing.lms_activity"}, [key], Lake(place.lake), defs.resolve_asset_graph())
    return " or ".join(f'key:"{asset.to_user_string()}"' for asset in keys)


def code_location_load(folder: Path, sizes: Sizes) -> Figure:
    """A fresh Python imports the graph, against one that imports Dagster; medians."""
    place = Place(folder / "code_location")
    ours: list[Measured] = []
    theirs: list[Measured] = []
    for _ in range(sizes.repeats):
        theirs.append(place.python(["-c", "import dagster"], "import_dagster"))
        ours.append(place.python(["-c", "import la_assets.definitions"], "import_definitions"))
    return Figure(
        "code_location_load",
        "python -c 'import la_assets.definitions'",
        statistics.median(m.seconds for m in ours),
        statistics.median(m.cpu_seconds for m in ours),
        max(m.peak_bytes for m in ours),
        Goal(2.5),
        "python -c 'import dagster'",
        statistics.median(m.seconds for m in theirs),
        statistics.median(m.cpu_seconds for m in theirs),
        {"repeats": sizes.repeats},
    )


def whole_graph(folder: Path, sizes: Sizes) -> Figure:
    """A smaller district's many files through the whole graph in one run."""
    place = Place(folder / f"graph_{sizes.graph_students}x{sizes.graph_years}")
    simulated(place, sizes.graph_students, sizes.graph_years, "negative")
    _start_over(place)
    count, size = files(place.landing)
    before = _plain_copy(place)
    run = place.materialize(partition_keys(sizes.graph_years, LAST_YEAR), "whole_graph")
    after = _plain_copy(place)
    return Figure(
        "whole_graph",
        f"files of {sizes.graph_students:,} students x {sizes.graph_years} years to every table and check",
        run.seconds,
        run.cpu_seconds,
        run.peak_bytes,
        Goal(180),
        "DuckDB copies the same CSV files to Parquet",
        *_means(before, after),
        {"files": count, "csv_bytes": size, **_accounted(place), "slowest_steps": slowest_steps(place.log("whole_graph"))},
    )


def _query(level: str, folder: Path, sizes: Sizes) -> Figure:
    """Questions to the marts of the historical load."""
    return query(level, _loaded_history(folder, sizes), sizes)


def stream_latency(folder: Path, sizes: Sizes) -> Figure:
    """Events of a stream to the mart's row with the daemon running, in the district of the whole graph; the 95th percentile of seconds."""
    place = Place(folder / f"graph_{sizes.graph_students}x{sizes.graph_years}")
    simulated(place, sizes.graph_students, sizes.graph_years, "negative")
    if not (place.lake / "marts").exists():
        place.materialize(partition_keys(sizes.graph_years, LAST_YEAR), "before_stream_latency", select=f'{_CANONICAL} or group:"marts"')
    before = _empty_run(place)
    run = place.python(["-m", "bench.stream_latency", str(place.root), "120"], "stream_latency")
    after = _empty_run(place)
    told = json.loads(place.log("stream_latency").read_text().splitlines()[-1])
    return Figure(
        "stream_latency",
        f"a mark put into a stream to its student's row in marts.student_360, {sizes.graph_students:,} students; 95th percentile of 120",
        told["p95"],
        run.cpu_seconds,
        run.peak_bytes,
        Goal(15),
        "a Dagster run of one empty asset",
        *_means(before, after),
        told,
    )


def steps_by_workers(folder: Path, sizes: Sizes) -> Figure:
    """A run of small steps handed to two workers by a queue, against the same run in one process."""
    several, one = worker_steps(folder)
    return Figure(
        "steps_by_workers",
        f"{several.steps} small steps of a run by {WORKERS} workers from Redis, run history in PostgreSQL; from the run's start to its end",
        several.seconds,
        several.command.cpu_seconds,
        several.command.peak_bytes,
        Goal(),
        "the same run in one process",
        one.seconds,
        one.command.cpu_seconds,
        {
            "steps": several.steps,
            "steps_a_second": round(several.per_second, 3),
            "steps_a_second_in_one_process": round(one.per_second, 3),
            "overhead_a_step_seconds": round(WORKERS * several.seconds / several.steps - one.seconds / one.steps, 3),
        },
    )


RUN: dict[str, Callable[[Path, Sizes], Figure]] = {
    "historical_load": historical_load,
    "daily_increment": daily_increment,
    "mtss_and_forecasts": mtss_and_forecasts,
    "code_location_load": code_location_load,
    "whole_graph": whole_graph,
    "stream_latency": stream_latency,
    "steps_by_workers": steps_by_workers,
    "growth_model": growth_model,
    "value_added_model": value_added_model,
    "growth_percentiles": growth_percentiles,
    "k_prototypes": k_prototypes,
    "dropout_model": dropout_model,
    "scoring_one_row": scoring_one_row,
} | {f"query_{level}": partial(_query, level) for level in LEVELS}


def _history(folder: Path, sizes: Sizes) -> Place:
    place = Place(folder / f"history_{sizes.students}x{sizes.years}")
    simulated(place, sizes.students, sizes.years, "daily")
    return place


def _loaded_history(folder: Path, sizes: Sizes) -> Place:
    """The district of the historical load with every year's tables and models in the lake; what is missing is made now, untimed."""
    place = _history(folder, sizes)
    if not (place.lake / "marts").exists():
        rest = f"not ({_CANONICAL})" if (place.lake / "finance").exists() else "*"
        place.materialize(partition_keys(sizes.years, LAST_YEAR), "before_daily_increment", select=rest)
    return place


def _start_over(place: Place) -> None:
    """No lake, no SQL file, no run history, nothing for people, no events of an earlier bench; the held-back day has not arrived."""
    take_back_last_day(place)
    for folder in (place.lake, place.root / "dagster", place.root / "copy", place.root / "deliverables", place.landing / "stream"):
        shutil.rmtree(folder, ignore_errors=True)
    (place.root / "warehouse.duckdb").unlink(missing_ok=True)


def _plain_copy(place: Place) -> Measured:
    return place.python(["-m", "bench.plain_copy", str(place.landing), str(place.root / "copy")], "plain_copy")


def _empty_run(place: Place) -> Measured:
    return place.materialize([], "empty_run", "bench.empty_run")


def _means(*yardsticks: Measured) -> tuple[float, float]:
    """Mean seconds on the wall and of processors."""
    return statistics.fmean(m.seconds for m in yardsticks), statistics.fmean(m.cpu_seconds for m in yardsticks)


def _accounted(place: Place) -> dict[str, Any]:
    """Source rows read and what became of them, and rows of attendance: a fast figure that lost rows would show here."""
    files = pl.scan_parquet(place.lake / "landing" / "files" / "*" / "*.parquet", hive_partitioning=False)
    columns = ["rows_read", "rows_loaded", "rows_duplicate", "rows_skipped", "rows_quarantined"]
    counts: dict[str, Any] = files.select(pl.col(columns).sum()).collect().row(0, named=True)
    daily = pl.scan_parquet(place.lake / "attendance" / "daily" / "*" / "*.parquet", hive_partitioning=False)
    return counts | {"attendance_days": daily.select(pl.len()).collect().item()}
