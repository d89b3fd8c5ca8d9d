"""The arrows of the house: who may import whom, what loads with a code location, and what every room has."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
SRC = PROJECT / "src"
HEAVY = {
    "pandas", "pandera", "pyarrow", "duckdb", "sklearn", "xgboost", "statsmodels", "numba", "torch", "rpy2",
    "scipy", "matplotlib", "kmodes", "formulaic", "skops", "xlsxwriter", "openpyxl", "fpdf", "pymer4",
}  # fmt: skip
DAGSTER_SIDE = {"__init__.py", "assets.py", "schema.py", "checks.py", "sensors.py", "deliveries.py"}
"""Files of a room that may speak to Dagster and to la_resources; all others are plain modules."""

ROOMS = sorted(folder.parent.name for folder in (SRC / "la_assets").glob("*/assets.py"))
MODULES = sorted(SRC.rglob("*.py"))


def imports(file: Path) -> Iterator[tuple[str, bool]]:
    """Dotted names that a module imports, and whether it does so when it is loaded (not within a function or for type checkers only)."""

    def walk(node: ast.AST, loading: bool) -> Iterator[tuple[str, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from ((alias.name, loading) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                module = child.module or ""
                yield from ((f"{module}.{alias.name}", loading) for alias in child.names)
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                yield from walk(child, False)
            else:
                yield from walk(child, loading and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))

    return walk(ast.parse(file.read_text()), True)


def package(name: str) -> str:
    return name.partition(".")[0]


def shown(file: Path) -> str:
    return file.relative_to(PROJECT).as_posix()


def test_the_walk_sees_what_it_is_to_judge(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(
        "import pandas\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pyarrow as pa\n"
        "try:\n    from duckdb import connect\nexcept ImportError:\n    raise\n"
        "def f():\n    import sklearn.svm\nclass C:\n    import numba\n    def g(self):\n        from xgboost import X\n"
    )
    assert dict(imports(file)) == {
        "pandas": True, "typing.TYPE_CHECKING": True, "pyarrow": False, "duckdb.connect": True, "sklearn.svm": False, "numba": True,
        "xgboost.X": False,
    }  # fmt: skip


def test_there_is_a_house_to_look_at() -> None:
    assert {"landing", "roster", "attendance", "assessments"} <= set(ROOMS)
    assert len(MODULES) > 60


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_its_furniture(room: str) -> None:
    missing = {"__init__.py", "assets.py", "schema.py", "checks.py"} - {f.name for f in (SRC / "la_assets" / room).iterdir()}
    assert not missing


@pytest.mark.parametrize("room", ROOMS)
def test_plain_modules_import_neither_dagster_nor_la_resources(room: str) -> None:
    plain = [f for f in (SRC / "la_assets" / room).rglob("*.py") if f.name not in DAGSTER_SIDE]
    wrong = [f"{shown(f)} imports {name}" for f in plain for name, _ in imports(f) if package(name) in {"dagster", "la_resources"}]
    assert wrong == []


def test_la_resources_never_imports_la_assets() -> None:
    wrong = [
        f"{shown(f)} imports {name}" for f in (SRC / "la_resources").rglob("*.py") for name, _ in imports(f) if package(name) == "la_assets"
    ]
    assert wrong == []


def test_dagster_is_known_only_where_resources_meet_the_graph() -> None:
    """The lake, the intake and the readers can be used without Dagster."""
    meeting = {
        "cron_intervals.py",
        "environments.py",
        "io_managers.py",
        "run_coordinator.py",
        "run_history.py",
        "run_launcher.py",
        "warm_process.py",
        "executors.py",
        "step_processes.py",
        "step_worker.py",
    }
    knows = {f.name for f in (SRC / "la_resources").rglob("*.py") for name, _ in imports(f) if package(name) in {"dagster", "dagster_aws"}}
    assert knows <= meeting


def test_nothing_heavy_is_imported_when_a_module_is_loaded() -> None:
    """But by the module that is there for it."""
    modules = [f for f in MODULES if f.name != "preloaded.py"]
    wrong = [f"{shown(f)} imports {name}" for f in modules for name, loading in imports(f) if loading and package(name) in HEAVY]
    assert wrong == []


def test_nothing_imports_the_definitions_but_the_demo_within_a_function() -> None:
    users = {(shown(f), loading) for f in MODULES for name, loading in imports(f) if f"{name}.".startswith("la_assets.definitions.")}
    assert users <= {("src/la_assets/demo.py", False)}


def test_rooms_know_each_other_only_by_their_contracts_and_plain_modules() -> None:
    wrong = [
        f"{shown(f)} imports {name}"
        for room in ROOMS
        for f in (SRC / "la_assets" / room).rglob("*.py")
        for name, _ in imports(f)
        if (parts := name.split("."))[0] == "la_assets" and len(parts) > 2 and parts[1] in ROOMS and parts[1] != room
        and parts[2] in {"assets", "checks", "sensors"}
    ]  # fmt: skip
    assert wrong == []


def test_a_code_location_loads_without_anything_heavy(tmp_path: Path) -> None:
    script = "import json, sys, la_assets.definitions; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    import os

    run = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "LA_DATA_ROOT": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert not HEAVY & set(json.loads(run.stdout.splitlines()[-1]))
    assert not any(tmp_path.iterdir()), "loading a code location writes nothing"


@pytest.mark.parametrize("file", MODULES, ids=shown)
def test_a_file_opens_with_what_it_holds(file: Path) -> None:
    if file.name != "__init__.py" or file.stat().st_size:
        assert len((ast.get_docstring(ast.parse(file.read_text())) or "").split()) >= 5


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty = re.compile(r"(^|_)(utils?|helpers?|common|misc|manager|process_data)(_|$)")
    assert [shown(f) for f in MODULES if empty.search(f.stem) or empty.search(f.parent.name)] == []


def test_nothing_is_left_to_do_or_silenced() -> None:
    marks = re.compile(r"\bTODO\b|\bFIXME\b|NotImplementedError\(|assert True\b|except[^:\n]*:\s*\n?\s*pass\b")
    tests = [f for f in (PROJECT / "tests").rglob("*.py") if f != Path(__file__)]
    assert [f"{shown(f)}: {found[0]}" for f in [*MODULES, *tests] if (found := marks.search(f.read_text()))] == []


def test_no_tracked_file_names_a_place_on_one_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=False)
    tracked = [PROJECT / name for name in listed.stdout.split("\0") if name] or [*MODULES, *(PROJECT / "tests").rglob("*.py")]
    place = re.compile(rb"(?<![\w.:/])/(?:home|root|Users|work|mnt|tmp)/\w+")
    found = []
    for file in tracked:
        if file == Path(__file__) or not file.is_file() or file.suffix in {".parquet", ".png", ".zip", ".gz"}:
            continue
        found += [f"{shown(file)}: {match[0].decode()}" for match in place.finditer(file.read_bytes())]
    assert found == []
