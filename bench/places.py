"""Where one benched district lives, and the commands that run the graph on it as a real Dagster would.

Every district has a data root and a Dagster home of its own below the bench's folder; nothing of the project's own data is touched.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measured import Measured, measured

PROJECT = Path(__file__).resolve().parents[1]
THREADS = 2
"""Threads of polars and of the yardstick: the goals are stated for two cores."""


@dataclass(frozen=True)
class Place:
    """A data root with landing zone, lake and Dagster home."""

    root: Path

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    def log(self, name: str) -> Path:
        """Where a process wrote what it said."""
        return self.root / "logs" / f"{name}.log"

    def environment(self) -> dict[str, str]:
        """Settings of a process that works here."""
        home = self.root / "dagster"
        home.mkdir(parents=True, exist_ok=True)
        if not (home / "dagster.yaml").exists() or not filecmp.cmp(PROJECT / "dagster.yaml", home / "dagster.yaml", shallow=False):
            shutil.copy(PROJECT / "dagster.yaml", home / "dagster.yaml")
        path = [str(PROJECT), str(PROJECT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {
            "LA_DATA_ROOT": str(self.root),
            "LA_LANDING_ROOT": str(self.landing),
            "LA_LAKE_ROOT": str(self.lake),
            "LA_WAREHOUSE": str(self.root / "warehouse.duckdb"),
            "LA_MAPPINGS": str(PROJECT / "data" / "mappings"),
            "LA_STUDENT_KEY_SECRET": "a secret of the bench only, of forty characters",
            "DAGSTER_HOME": str(home),
            "LA_DAGSTER_STORAGE": str(home / "storage"),
            "DAGSTER_DISABLE_TELEMETRY": "yes",
            "POLARS_MAX_THREADS": str(THREADS),
            "PYTHONPATH": os.pathsep.join(path),
            "PYTHONWARNINGS": "ignore",
        }

    def materialize(self, keys: Sequence[str], log: str, module: str = "la_assets.definitions", select: str = "*") -> Measured:
        """One Dagster run of assets of a module, with their checks, over some partitions, from process start to exit.

        Parameters
        ----------
        keys : sequence of str
            Partition keys, consecutive; none for assets without partitions.
        log : str
            Name of the log file.
        module : str
            The code location's module.
        select : str
            Which assets, in Dagster's words.
        """
        partitions = ["--partition-range", f"{keys[0]}...{keys[-1]}"] if len(keys) > 1 else ["--partition", *keys] if keys else []
        command = [sys.executable, "-m", "dagster", "asset", "materialize", "--select", select]
        return measured([*command, "-m", module, *partitions], self.environment(), PROJECT, self.log(log))

    def python(self, arguments: Sequence[str], log: str) -> Measured:
        """A Python process here."""
        return measured([sys.executable, *arguments], self.environment(), PROJECT, self.log(log))


def partition_keys(years: int, last: int) -> list[str]:
    """Partition keys of some school years, the last of which starts in July of ``last``."""
    return [f"{start}-07-01" for start in range(last - years + 1, last + 1)]
