"""The storage contract of the lake, each point a test, in a folder and in a bucket, with real processes where processes matter."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from la_resources.contracts import SCHOOL_YEAR_PATTERN, Column, ContractError, Table
from la_resources.lake import Lake

ROWS = Table(
    "attendance.sample",
    "A student's day.",
    (
        Column("student_key", pl.String, "Key."),
        Column("date", pl.Date, "Day."),
        Column("absent", pl.Float64, "Share missed.", nullable=True, minimum=0, maximum=1),
        Column("school_year", pl.String, "Year.", pattern=SCHOOL_YEAR_PATTERN),
    ),
    ("student_key", "date"),
)


def days(students: int, *, year: str = "2023-24", absent: float = 0.0) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "student_key": [f"s{i:06d}" for i in range(students)],
            "date": [dt.date(int(year[:4]), 9, 1)] * students,
            "absent": [absent] * students,
            "school_year": [year] * students,
        }
    )


@pytest.fixture
def lake(lake_root: str) -> Lake:
    return Lake(lake_root)


@pytest.fixture
def folder_lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


PART = f"{Lake.partition_folder(ROWS, '2023-24')}/part.parquet"


def _staged(lake: Lake) -> list[Path]:
    return [*lake.storage.working_folder.iterdir()]


def test_a_write_replaces_exactly_its_partition(lake: Lake) -> None:
    lake.publish(ROWS, "2022-23", days(3, year="2022-23"))
    lake.publish(ROWS, "2023-24", days(5))
    lake.publish(ROWS, "2023-24", days(2, absent=1.0))
    counts = lake.scan(ROWS).group_by("school_year").agg(pl.len(), pl.col("absent").sum()).sort("school_year").collect().rows()
    assert counts == [("2022-23", 3, 0.0), ("2023-24", 2, 2.0)]


def test_one_partition_is_one_file_where_the_layout_says(lake: Lake) -> None:
    written = lake.publish(ROWS, "2023-24", days(5))
    assert written.path == f"{lake.root}/attendance/sample/school_year=2023-24/part.parquet"
    assert lake.files(ROWS) == [written.path]
    assert (written.rows, written.bytes) == (5, lake.storage.size(PART))


def test_a_rerun_leaves_identical_bytes(lake: Lake) -> None:
    lake.publish(ROWS, "2023-24", days(1000))
    first = lake.storage.get(PART)
    lake.publish(ROWS, "2023-24", days(1000).reverse())
    assert lake.storage.get(PART) == first


def test_a_rerun_of_a_large_table_leaves_identical_bytes(folder_lake: Lake) -> None:
    """Its row groups end where they ended before, however the engine cut the rows while it sorted them."""
    rows = days(400_000)
    first = Path(folder_lake.publish(ROWS, "2023-24", rows.sample(fraction=1, shuffle=True, seed=1)).path).read_bytes()
    again = [Path(folder_lake.publish(ROWS, "2023-24", rows.sample(fraction=1, shuffle=True, seed=s)).path).read_bytes() for s in (2, 3)]
    assert [first == other for other in again] == [True, True]


def test_columns_go_by_name(lake: Lake) -> None:
    lake.publish(ROWS, "2023-24", days(2).select("school_year", "absent", "date", "student_key"))
    assert lake.scan(ROWS).collect().equals(days(2))


def test_a_row_of_another_year_is_refused_with_its_key(lake: Lake) -> None:
    lake.publish(ROWS, "2023-24", days(2))
    wrong = pl.concat([days(2), days(3, year="2021-22").tail(1)])
    with pytest.raises(ContractError, match=r"2021-22.*s000002.*2021, 9, 1"):
        lake.publish(ROWS, "2023-24", wrong)
    assert lake.scan(ROWS).collect().height == 2


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (days(3, absent=1.5), r"absent.*less_than_or_equal_to\(1\).*3 row"),
        (days(3).with_columns(student_key=pl.lit(None, dtype=pl.String)), "student_key.*not_nullable"),
        (days(3).drop("student_key"), "missing columns: student_key"),
        (days(3).rename({"absent": "absend"}), "missing columns: absent.*absend"),
        (days(3).with_columns(pl.col("absent").cast(pl.String)), "absent is String, not Float64"),
        (pl.concat([days(3), days(1)]), r"not unique: 1 row\(s\).*s000000"),
    ],
)
def test_what_breaks_the_contract_never_reaches_the_lake(lake: Lake, frame: pl.DataFrame, message: str) -> None:
    lake.publish(ROWS, "2023-24", days(2))
    with pytest.raises(ContractError, match=message):
        lake.publish(ROWS, "2023-24", frame)
    assert lake.scan(ROWS).collect().equals(days(2))


def test_a_year_without_data_loads_as_a_typed_empty_frame(lake: Lake) -> None:
    assert lake.scan(ROWS, ["2019-20"]).collect_schema() == ROWS.polars_schema()
    assert lake.scan(ROWS, ["2019-20"]).collect().is_empty()
    lake.publish(ROWS, "2026-27", ROWS.empty())
    assert lake.scan(ROWS).collect().is_empty()


def test_only_the_partitions_asked_for_are_read(lake: Lake) -> None:
    lake.publish(ROWS, "2022-23", days(3, year="2022-23"))
    lake.storage.put(b"not parquet: reading it would fail", PART)
    assert lake.scan(ROWS, ["2022-23"]).collect().height == 3


def test_a_column_that_old_files_lack_is_null_there(lake: Lake, tmp_path: Path) -> None:
    old = tmp_path / "old.parquet"
    days(2, year="2021-22").drop("absent").write_parquet(old)
    lake.storage.put(old.read_bytes(), PART.replace("2023-24", "2021-22"))
    assert lake.scan(ROWS).select("absent").collect()["absent"].to_list() == [None, None]


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("in_order", [False, True])
def test_rows_lie_in_the_order_of_the_key_whoever_makes_them(folder_lake: Lake, in_order: bool, lazy: bool) -> None:
    """A table whose maker says that they come so, and is wrong, is written twice and no worse."""
    rows = days(50).sample(fraction=1, shuffle=True, seed=3)
    folder_lake.publish(replace(ROWS, in_order=in_order), "2023-24", rows.lazy() if lazy else rows)
    assert_frame_equal(folder_lake.scan(ROWS).collect(), rows.sort(ROWS.key))


def test_a_lazy_frame_is_streamed_and_not_collected(folder_lake: Lake, tmp_path: Path) -> None:
    """3 million rows from disk to lake within far less memory than their 1.5 GB in a frame."""
    source = tmp_path / "big.parquet"
    wide = days(1000).with_columns(student_key=pl.col("student_key") + "x" * 400)
    pl.concat(
        [wide.lazy().with_columns(student_key=pl.format("{}{}", pl.lit(f"{n:05d}"), "student_key")) for n in range(3000)]
    ).sink_parquet(source)
    script = (
        "import re, sys, polars as pl; sys.path.insert(0, sys.argv[3])\n"
        "from test_lake import ROWS; from la_resources.lake import Lake\n"
        "import la_resources.lake as module; module._INSPECTED_AT_ONCE = 100_000\n"
        "from dataclasses import replace\n"
        "Lake(sys.argv[1]).publish(replace(ROWS, in_order=True), '2023-24', pl.scan_parquet(sys.argv[2]))\n"
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) // 1024)"  # not ru_maxrss: it inherits
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(folder_lake.root), str(source), str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert folder_lake.scan(ROWS).select(pl.len()).collect().item() == 3_000_000
    assert int(run.stdout) < 900


def _publish_slowly(root: str, started: str) -> None:
    """A writer that is still streaming rows when it is killed."""

    def crawl(frame: pl.DataFrame) -> pl.DataFrame:
        Path(started).touch()
        time.sleep(60)
        return frame

    Lake(root).publish(ROWS, "2023-24", days(10, absent=1.0).lazy().map_batches(crawl, schema=ROWS.polars_schema()))


def test_a_killed_writer_leaves_the_old_partition_whole(lake: Lake, tmp_path: Path) -> None:
    lake.publish(ROWS, "2023-24", days(4))
    started = tmp_path / "started"
    writer = multiprocessing.get_context("spawn").Process(target=_publish_slowly, args=(str(lake.root), str(started)))
    writer.start()
    while not started.exists():
        time.sleep(0.05)
        assert writer.is_alive()
    os.kill(writer.pid or 0, signal.SIGKILL)
    writer.join()
    assert lake.scan(ROWS).collect().equals(days(4))
    assert _staged(lake)
    lake.publish(ROWS, "2023-24", days(6))
    assert not _staged(lake), "what the killed writer left is cleaned by the next one"
    assert lake.scan(ROWS).collect().height == 6


def test_readers_see_the_old_or_the_new_table_never_a_mixture(lake: Lake) -> None:
    lake.publish(ROWS, "2023-24", days(2000, absent=0.0))
    writer = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; sys.path.insert(0, sys.argv[2])\n"
            "from test_lake import ROWS, days; from la_resources.lake import Lake\n"
            "for i in range(12): Lake(sys.argv[1]).publish(ROWS, '2023-24', days(2000, absent=float(i % 2)))",
            str(lake.root),
            str(Path(__file__).parent),
        ]
    )
    seen = set()
    while writer.poll() is None:
        frame = lake.scan(ROWS).collect()
        assert frame.height == 2000
        seen.add(tuple(frame["absent"].unique()))
    assert writer.returncode == 0
    assert seen <= {(0.0,), (1.0,)}


def test_a_root_of_another_kind_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"gopher://.*use a folder, a file:// or an s3:// URL"):
        Lake("gopher://bucket/prefix")


def test_a_root_may_be_a_file_url(tmp_path: Path) -> None:
    assert Lake(f"{tmp_path.as_uri()}/a%20lake").root == tmp_path / "a lake"


def test_restricted_tables_lie_in_a_folder_only_the_owner_may_open(folder_lake: Lake) -> None:
    table = Table("directory.sample", ROWS.grain, ROWS.columns, ROWS.key, restricted=True)
    folder_lake.publish(table, "2023-24", days(1))
    assert (Path(folder_lake.root) / "directory").stat().st_mode & 0o077 == 0


def test_an_error_over_a_restricted_table_shows_no_value(lake: Lake) -> None:
    table = Table("directory.sample", ROWS.grain, ROWS.columns, ROWS.key, restricted=True)
    with pytest.raises(ContractError, match=r"absent.*3 row") as caught:
        lake.publish(table, "2023-24", days(3, absent=7.25))
    assert "7.25" not in str(caught.value)
