"""Shared ground of the tests: a secret for keys, the shared real data, and the list of what could not run.

A test that needs a program says so (``@pytest.mark.needs("chromium")``). What is absent skips the test, and the end of the run lists
every skipped test with its reason; with ``LA_NO_SKIPS=1`` (set in CI) a skip of any origin is a failure.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["tests.served_dagster"]
PROJECT = Path(__file__).resolve().parents[1]
MISSING_PACKAGES = PROJECT / ".pytest_cache" / "missing_packages"
os.environ.setdefault("LA_STUDENT_KEY_SECRET", "a secret for tests only, of forty characters")
os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "needs(*programs): programs (or folders of R packages) of the system without which the test cannot run"
    )


LONG = (
    "tests/bench/test_bench.py",
    "tests/la_assets/test_killed_daemon.py",
    "tests/la_assets/test_workers.py",
    "tests/la_assets/marts/test_marts_on_redshift.py",
)
"""Files of minutes, which begin first: else one worker is left with them in the end."""

SERVED = (
    "tests/la_assets/test_backfill.py",
    "tests/la_resources/test_run_coordinator.py",
    "tests/la_resources/test_run_launcher.py",
    "tests/ui/test_pages.py",
)
"""Files that ask the one served Dagster, which one worker starts for all of them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files and those of the served Dagster come first; the rest stays as it is."""
    first = {name: place for place, name in enumerate((*LONG, *SERVED))}
    items.sort(key=lambda item: first.get(item.nodeid.partition("::")[0], len(first)))


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A worker takes a file at a time, in the order above; all files of the served Dagster are one."""
    from xdist.scheduler import LoadFileScheduling

    class FilesInOrder(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return SERVED[0] if file in SERVED else file

    return FilesInOrder(config, log)


def pytest_runtest_setup(item: pytest.Item) -> None:
    absent = [name for mark in item.iter_markers("needs") for name in mark.args if shutil.which(name) is None and not Path(name).is_dir()]
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)}")


def _no_skips() -> bool:
    return os.environ.get("LA_NO_SKIPS", "") not in ("", "0")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def _hold_to_no_skips(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip (not an expected failure) into a failure where skips are not allowed."""
    if report.skipped and _no_skips() and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped ({_reason(report)}), and LA_NO_SKIPS is set"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    _hold_to_no_skips(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    report = yield
    _hold_to_no_skips(report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        return
    terminalreporter.section("not run, and why", sep="-")
    for report in skipped:
        terminalreporter.line(f"{report.nodeid}: {_reason(report)}")
    if MISSING_PACKAGES.is_file():
        packages = " ".join(MISSING_PACKAGES.read_text().split())
        terminalreporter.line(
            f"`make test` could not install: {packages} (Debian packages; it needs apt-get and root or passwordless sudo)"
        )


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the project."""
    folder = Path(os.environ.get("LA_SHARED_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data not found at {folder}; set LA_SHARED_DATA")
    return folder
