"""The SQL file: any client opens it, in another process and for as long as it likes; neither waits for the other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl
import pytest

from la_assets.definitions import TABLES
from la_resources.contracts import Column, Table
from la_resources.duckdb import Warehouse
from la_resources.lake import Lake


def table(name: str, *, restricted: bool = False, extra: tuple[Column, ...] = ()) -> Table:
    columns = (Column("id", pl.Int64, "A student's number."), Column("school_year", pl.String, "Year."), *extra)
    return Table(name, "A student's row.", columns, ("id",), restricted=restricted)


SCORES, GRADES = table("assessments.scores"), table("coursework.grades")
NAMES = table("directory.names", restricted=True)

CLIENT = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read")
print("open", flush=True)
for line in sys.stdin:
    try:
        print(connection.execute(line).fetchall(), flush=True)
    except duckdb.Error as error:
        print("error", str(error).replace("\\n", " "), flush=True)
"""


class Client:
    """Another program that holds the SQL file open."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def ask(self, sql: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(sql + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@contextmanager
def client(path: Path, mode: str) -> Iterator[Client]:
    process = subprocess.Popen([sys.executable, "-c", CLIENT, str(path), mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "open"
    yield Client(process)
    process.communicate(timeout=60)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    fill(lake, SCORES, "2022-23")
    return lake


@pytest.fixture
def warehouse(lake: Lake, tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "sql" / "warehouse.duckdb", lake)


def fill(lake: Lake, of: Table, year: str, rows: int = 3) -> None:
    more = [pl.lit(None, c.dtype).alias(c.name) for c in of.columns[2:]]
    lake.publish(of, year, pl.DataFrame({"id": range(rows), "school_year": [year] * rows}).with_columns(more))


def asked(warehouse: Warehouse, sql: str) -> list[tuple]:
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_a_view_shows_every_year_with_the_contracts_words(lake: Lake, warehouse: Warehouse) -> None:
    fill(lake, SCORES, "2023-24", rows=2)
    assert warehouse.refresh([SCORES, GRADES]) == ["assessments.scores"]
    assert asked(warehouse, "SELECT school_year, count(*) FROM assessments.scores GROUP BY 1 ORDER BY 1") == [
        ("2022-23", 3),
        ("2023-24", 2),
    ]
    assert asked(warehouse, "SELECT comment FROM duckdb_views() WHERE view_name = 'scores'") == [("A student's row.",)]
    assert asked(warehouse, "SELECT comment FROM duckdb_columns() WHERE table_name = 'scores' AND column_name = 'id'") == [
        ("A student's number.",)
    ]


def test_a_column_that_came_after_the_files_is_null_until_a_file_has_it(lake: Lake, warehouse: Warehouse) -> None:
    warehouse.refresh([SCORES])
    later = table(SCORES.name, extra=(Column("standards", pl.List(pl.String), "Standards.", nullable=True),))
    warehouse.refresh([later])
    assert asked(warehouse, "SELECT typeof(standards), count(*) FROM assessments.scores GROUP BY 1") == [("VARCHAR[]", 3)]
    frame = pl.DataFrame({"id": [9], "school_year": ["2023-24"], "standards": [["MA.3.FR.1"]]})
    lake.publish(later, "2023-24", frame)
    warehouse.refresh([later])
    assert asked(warehouse, "SELECT standards FROM assessments.scores WHERE id = 9") == [(["MA.3.FR.1"],)]


def test_every_type_of_the_contracts_is_the_type_duckdb_reads_from_parquet(tmp_path: Path) -> None:
    types = {column.dtype for contract in TABLES for column in contract.columns}
    of_all = table("assessments.all", extra=tuple(Column(f"c{n}", dtype, "C.", nullable=True) for n, dtype in enumerate(types)))
    fill(lake := Lake(tmp_path / "lake"), of_all, "2022-23")
    warehouse = Warehouse(tmp_path / "sql" / "warehouse.duckdb", lake)
    warehouse.refresh([of_all])
    path = Path(lake.files(of_all)[0])
    read = duckdb.sql(f"DESCRIBE FROM read_parquet('{path}')").fetchall()
    seen = asked(warehouse, "DESCRIBE assessments.all")
    assert [row[:2] for row in seen] == [row[:2] for row in read]


def test_restricted_tables_have_no_view(lake: Lake, warehouse: Warehouse) -> None:
    fill(lake, NAMES, "2022-23")
    warehouse.refresh([SCORES, NAMES])
    assert asked(warehouse, "SELECT name FROM la.views") == [("assessments.scores",)]
    assert b"directory" not in warehouse.path.read_bytes()


def test_a_new_year_appears_without_a_new_file(lake: Lake, warehouse: Warehouse) -> None:
    warehouse.refresh([SCORES])
    before = warehouse.path.stat()
    fill(lake, SCORES, "2023-24")
    warehouse.refresh([SCORES])
    assert (warehouse.path.stat().st_ino, warehouse.path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert asked(warehouse, "SELECT count(*) FROM assessments.scores") == [(6,)]


def test_a_column_that_older_years_lack_is_null_there(lake: Lake, warehouse: Warehouse) -> None:
    warehouse.refresh([SCORES])
    wider = table("assessments.scores", extra=(Column("level", pl.String, "Level.", nullable=True),))
    fill(lake, wider, "2023-24")
    warehouse.refresh([wider])
    assert asked(warehouse, "SELECT school_year, count(level), count(*) FROM assessments.scores GROUP BY 1 ORDER BY 1") == [
        ("2022-23", 0, 3),
        ("2023-24", 0, 3),
    ]


@pytest.mark.parametrize("mode", ["read", "write"])
def test_a_client_and_a_run_never_block_each_other(lake: Lake, warehouse: Warehouse, mode: str) -> None:
    warehouse.refresh([SCORES])
    with client(warehouse.path, mode) as other:
        assert other.ask("SELECT count(*) FROM assessments.scores") == "[(3,)]"
        before = warehouse.path.stat().st_ino
        Warehouse(warehouse.path, lake).refresh([SCORES])
        assert warehouse.path.stat().st_ino == before, "what is up to date is seen to be, whoever holds it"
        fill(lake, SCORES, "2023-24")
        fill(lake, GRADES, "2023-24")
        assert warehouse.refresh([SCORES, GRADES]) == ["assessments.scores", "coursework.grades"]
        assert other.ask("SELECT count(*) FROM assessments.scores") == "[(6,)]", "the file it opened stays whole"
        assert "error" in other.ask("SELECT count(*) FROM coursework.grades")
        with client(warehouse.path, "write") as second:
            assert second.ask("SELECT count(*) FROM coursework.grades") == "[(3,)]"
        assert warehouse.refresh([SCORES, GRADES]) == ["assessments.scores", "coursework.grades"]


def test_what_a_client_writes_never_makes_the_next_file_unreadable(lake: Lake, warehouse: Warehouse) -> None:
    """A client's write-ahead log lies beside the file under its name, also after another file took that name."""
    warehouse.refresh([SCORES])
    with client(warehouse.path, "write") as other:
        other.ask("CREATE TABLE mine AS SELECT 1")
        fill(lake, GRADES, "2023-24")
        warehouse.refresh([SCORES, GRADES])
        assert asked(warehouse, "SELECT count(*) FROM coursework.grades") == [(3,)]
        other.ask("CHECKPOINT")
        other.ask("CREATE TABLE mine_too AS SELECT 2")
        warehouse.refresh([SCORES, GRADES])
        assert asked(warehouse, "SELECT count(*) FROM coursework.grades") == [(3,)]
        assert other.ask("SELECT * FROM mine") == "[(1,)]"


@pytest.mark.parametrize("content", [b"", b"no database", b"x" * 20_000])
def test_a_file_that_is_no_database_is_replaced(warehouse: Warehouse, content: bytes) -> None:
    warehouse.path.parent.mkdir()
    warehouse.path.write_bytes(content)
    assert warehouse.refresh([SCORES]) == ["assessments.scores"]
    assert asked(warehouse, "SELECT count(*) FROM assessments.scores") == [(3,)]


def test_another_process_reads_in_the_note_what_the_file_has_and_does_not_open_it(
    lake: Lake, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.refresh([SCORES])
    with monkeypatch.context() as patched:
        patched.setattr("duckdb.connect", None)
        assert Warehouse(warehouse.path, lake).refresh([SCORES]) == ["assessments.scores"]


@pytest.mark.parametrize("note", ["", "[]", "{}", '{"identity": null, "views": {"assessments.scores": "SELECT 1"}}'])
def test_a_note_that_is_not_of_the_present_file_is_void(lake: Lake, warehouse: Warehouse, note: str) -> None:
    warehouse.refresh([SCORES])
    path = warehouse.path.with_name(f".{warehouse.path.name}.views.json")
    if note:
        path.write_text(note)
    else:  # the file was replaced since, by one without views
        warehouse.path.unlink()
        duckdb.connect(str(warehouse.path)).close()
    another = Warehouse(warehouse.path, lake)
    assert another.refresh([SCORES]) == ["assessments.scores"]
    assert asked(another, "SELECT count(*) FROM assessments.scores") == [(3,)]


def test_four_processes_that_refresh_at_once_leave_one_whole_file(lake: Lake, warehouse: Warehouse) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[3])\n"
        "from test_duckdb import GRADES, SCORES, fill, table\n"
        "from la_resources.duckdb import Warehouse; from la_resources.lake import Lake\n"
        "lake = Lake(sys.argv[1]); mine = table(f'finance.part{sys.argv[4]}'); fill(lake, mine, '2023-24')\n"
        "for _ in range(5): Warehouse(sys.argv[2], lake).refresh([SCORES, *(table(f'finance.part{i}') for i in range(4))])"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", script, str(lake.root), str(warehouse.path), str(Path(__file__).parent), str(i)])
        for i in range(4)
    ]
    assert [run.wait(120) for run in runs] == [0] * 4
    assert asked(warehouse, "SELECT name FROM la.views ORDER BY name") == [
        ("assessments.scores",),
        *((f"finance.part{i}",) for i in range(4)),
    ]
    assert sorted(f.name for f in warehouse.path.parent.iterdir()) == [".warehouse.duckdb.views.json", "warehouse.duckdb"]
