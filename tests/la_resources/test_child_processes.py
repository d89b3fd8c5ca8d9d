"""Which threads a fork would wait for in vain."""

import subprocess
import sys

import pytest

THREADS = "import threading, time; threading.Thread(target=time.sleep, args=[60], name='listener', daemon=True).start()"
POLARS = "import polars as pl; pl.LazyFrame({'a': range(100_000)}).group_by('a').len().collect()"


@pytest.mark.parametrize(
    ("code", "lost"),
    [("pass", ""), ("import numpy, polars, duckdb", ""), (THREADS, "listener"), (POLARS, "polars-0")],
    ids=["none", "those that libraries start by themselves", "of Python", "of polars, at work"],
)
def test_threads_that_a_fork_has_not_are_named(code: str, lost: str) -> None:
    told = subprocess.run(
        [sys.executable, "-c", f"{code}\nfrom la_resources.child_processes import threads_lost_in_forks\nprint(*threads_lost_in_forks())"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert lost in told.stdout.split() if lost else not told.stdout.strip()
