"""Ten thousand malformed rows of a dozen kinds among good ones: counted exactly, nothing lost, nothing crashes, memory bounded."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from landing_bench import ARRIVED, ATTENDANCE, Zone, keys_of

from la_assets.landing.schema import LANDING_TABLES
from la_resources.sources.definitions import parse_definitions
from la_resources.sources.landed_file import LandedFile
from la_resources.sources.landing_file import land_file, peek_years
from la_resources.sources.landing_writer import LandingFolder

HEAD = b"STUDENT,SCHOOL,DAY,ABSENT,MINUTES\n"
KINDS: dict[str, tuple[str, str]] = {
    "too few fields": ("{i},0101,2022-09-01", "too few fields"),
    "too many fields": ("{i},0101,2022-09-01,1,2,3", "too many fields"),
    "unclosed quote": ('{i},"0101,2022-09-01,1,', "unbalanced quotes"),
    "wrong type": ("{i},0101,2022-09-01,many,", "not a number"),
    "overflow": ("{i},0101,2022-09-01,1e309,", "not a number"),
    "formula": ("{i},0101,2022-09-01,=cmd|'/c calc'!A0,", "not a number"),
    "impossible date": ("{i},0101,2022-02-30,1,", "no school year; not a date"),
    "year of a typing error": ("{i},0101,0202-09-01,1,", "impossible date; no school year"),
    "other year": ("{i},0101,2019-09-01,1,", "date outside the file's school year"),
    "empty key": (",{i},2022-09-01,1,", "empty value"),
    "out of range": ("{i},0101,2022-09-01,1.5,", "above the maximum 1"),
    "whole number too large": ("{i},0101,2022-09-01,1,70000", "not a whole number"),
    "NUL byte": ("{i},01\x0001,2022-09-01,1,", "NUL byte"),
    "undecodable byte": ("{i},01\x8101,2022-09-01,1,", "undecodable bytes"),
}
HARMLESS = (
    "{i},0101,2022-09-01,1,",
    "{i},=cmd|'/c calc'!A0,2022-09-01,1,",
    '{i},"A ""good"" school, really",2022-09-02,0.5,200',
    "{i},Zo\xe9,2022-09-01,1,",
)


def malformed(seed: int, count: int) -> tuple[bytes, Counter[str], int]:
    """A file of ``count`` malformed rows among as many good ones; the expected rules and the number of good rows."""
    chance = random.Random(seed)
    rules: Counter[str] = Counter()
    rows: list[bytes] = []
    kinds = list(KINDS)
    for i in range(count):
        text, rule = KINDS[kinds[i % len(kinds)]]
        rows.append(text.format(i=1_000_000 + i).encode("latin-1"))
        rules[rule] += 1
    rows += [chance.choice(HARMLESS).format(i=i).encode("latin-1") for i in range(count)]
    chance.shuffle(rows)
    return HEAD + b"\n".join(rows) + b"\n", rules, count


@pytest.mark.parametrize(("seed", "chunk_bytes"), [(1, 1 << 24), (2, 10_000), (3, 1_000)])
def test_ten_thousand_malformed_rows_are_quarantined_exactly(zone: Zone, seed: int, chunk_bytes: int):
    count = 10_000 if chunk_bytes > 5_000 else 1_400
    content, expected, good = malformed(seed, count)
    landed = zone.land(zone.put("sis/attendance.csv", content), chunk_bytes=chunk_bytes)
    assert landed.receipt.rows_read == count + good
    assert landed.receipt.rows_loaded == good
    assert landed.receipt.rows_quarantined == count
    found = landed.quarantine.select(pl.col("rule").str.split("; ").list.sort().list.join("; "))["rule"].to_list()
    assert Counter(found) == Counter({"; ".join(sorted(rule.split("; "))): n for rule, n in expected.items()})


def test_every_row_of_a_malformed_file_is_in_exactly_one_place(zone: Zone):
    content, _, _ = malformed(4, 2_000)
    landed = zone.land(zone.put("sis/attendance.csv", content))
    rows = landed.rows("landing.attendance")["source_row"].to_list() + landed.quarantine["source_row"].to_list()
    assert sorted(rows) == list(range(2, 4_002))


def test_giant_fields_are_quarantined_and_cut(zone: Zone):
    giant = b"7," + b"x" * 1_500_000 + b",2022-09-01,1,\n"
    landed = zone.land(zone.put("sis/attendance.csv", HEAD + giant * 3 + b"8,0101,2022-09-01,1,\n"))
    assert (landed.receipt.rows_loaded, landed.receipt.reasons) == (1, {"record too long": 3})
    assert landed.quarantine["text"].str.len_chars().max() == 2_000


DEFINITION = parse_definitions(ATTENDANCE, "test.yaml")[0]
FRAGMENTS = [
    b",", b'"', b"\n", b"\r", b"\r\n", b"\x00", b"\xff", b"\xef\xbb\xbf", b"7", b"0101", b"2022-09-01", b"2021-09-01", b"1", b" ",
    b"\xc3\xa9", b'""',
    b"7,0101,2022-09-01,1,\n", b"8,0101,2022-09-01,1,\n", b'"9","0101","2022-09-01","1",""\n', b"=1+1", b"NA",
]  # fmt: skip


def lands(tmp: Path, content: bytes, chunk_bytes: int) -> None:
    """Land bytes; the receipt must balance and agree with the files written."""
    from io import BytesIO

    file = LandedFile("sis/attendance.csv", "sis", len(content), ARRIVED, lambda: BytesIO(content))
    folder = tmp / "out"
    for old in folder.rglob("*.parquet"):
        old.unlink()
    receipt = land_file(file, DEFINITION, LANDING_TABLES, keys_of, LandingFolder(folder), chunk_bytes=chunk_bytes)
    assert receipt.balanced, (receipt, content)
    written = sum(len(pl.read_parquet(p)) for p in folder.glob("landing.attendance/*.parquet"))
    assert written == receipt.rows_loaded, (receipt, content)
    rejected = list(folder.glob("quarantine.parquet"))
    whole = receipt.status == "quarantined" and bool(receipt.reason)
    assert sum(len(pl.read_parquet(p)) for p in rejected) == (1 if whole else receipt.rows_quarantined), (receipt, content)
    peek_years(file, DEFINITION, LANDING_TABLES)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=40).map(b"".join), st.booleans(), st.sampled_from([7, 100, 1 << 20]))
def test_no_mixture_of_fragments_loses_a_row_or_raises(tmp_path: Path, body: bytes, headed: bool, chunk_bytes: int):
    lands(tmp_path, HEAD * headed + body, chunk_bytes)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", HEAD, "\ufeff".encode("utf-16-le") + HEAD.decode().encode("utf-16-le")]),
    st.sampled_from([5, 1 << 20]),
)
def test_no_bytes_make_landing_raise(tmp_path: Path, body: bytes, head: bytes, chunk_bytes: int):
    lands(tmp_path, head + body, chunk_bytes)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 255))
def test_no_damaged_zip_makes_landing_raise(tmp_path: Path, body: bytes, position: int, value: int):
    zone = Zone(tmp_path / "landing", tmp_path / "out")
    zone.put_zip("sis/a.zip", {"attendance.csv": HEAD + body})
    data = bytearray((zone.root / "sis/a.zip").read_bytes())
    data[position % len(data)] = value
    from la_resources.sources.archives import members

    for member in members(zone.put("sis/a.zip", bytes(data))):
        if isinstance(member, LandedFile):
            zone.land(member)


# ru_maxrss would count the memory of the process that started this one; VmHWM is this process's own peak.
MEASURE = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from la_assets.landing.schema import LANDING_TABLES
from la_resources.sources.definitions import parse_definitions
from la_resources.sources.landed_file import local_file
from la_resources.sources.landing_file import land_file
from la_resources.sources.landing_writer import LandingFolder
from landing_bench import ATTENDANCE, keys_of
root = Path(sys.argv[1])
definition = parse_definitions(ATTENDANCE, "x")[0]
receipt = land_file(local_file(root, "sis/attendance.csv"), definition, LANDING_TABLES, keys_of, LandingFolder(root / "out"))
assert receipt.balanced and receipt.rows_loaded == int(sys.argv[2]), receipt
peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))
print(int(peak.split()[1]) // 1024)
"""


def test_memory_is_bounded_by_the_chunk_and_not_by_the_file(tmp_path: Path):
    (tmp_path / "sis").mkdir()
    students, days = 41_000, 160
    frame = pl.select(row=pl.int_range(students * days)).lazy()
    frame.select(
        STUDENT=pl.col("row") // days + 10_000_000, SCHOOL=pl.lit("0101"),
        DAY=pl.date(2022, 9, 1) + pl.duration(days=pl.col("row") % days), ABSENT=pl.col("row") % 2, MINUTES=pl.lit(420),
    ).collect().write_csv(tmp_path / "sis/attendance.csv")  # fmt: skip
    assert (tmp_path / "sis/attendance.csv").stat().st_size > 200_000_000
    tests, source = Path(__file__).parent, Path(__file__).resolve().parents[3] / "src"
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path), str(students * days), str(tests), str(source)],
        capture_output=True, text=True, check=False,
        env={**os.environ, "POLARS_MAX_THREADS": "2"},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 600, f"{run.stdout} MB for a file of 200 MB"
