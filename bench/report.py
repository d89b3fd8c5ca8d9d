"""The figures as a JSON file (one a day, the later run of a day adds to or replaces the earlier one's figures) and as a printed table."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.figure import Figure
from bench.sizes import Sizes

PACKAGES = ("dagster", "polars", "duckdb", "pyarrow", "pandera")


def write_results(folder: Path, figures: Sequence[Figure], sizes: Sizes, day: dt.date) -> Path:
    """Write ``<folder>/<day>.json``; figures of the same day and sizes that were not run again stay."""
    target = folder / f"{day.isoformat()}.json"
    rows = {figure.name: figure.as_json() for figure in figures}
    before = json.loads(target.read_text()) if target.exists() else {}
    kept = {row["name"]: row for row in before.get("figures", [])} if before.get("sizes") == asdict(sizes) else {}
    content = {"date": day.isoformat(), "machine": machine(), "sizes": asdict(sizes), "figures": list((kept | rows).values())}
    folder.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(".tmp")
    fresh.write_text(json.dumps(content, indent=2) + "\n")
    os.replace(fresh, target)
    return target


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 1024**3, 1),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
    }


def table(figures: Sequence[Figure], sizes: Sizes) -> str:
    """The figures as text; goals are stated for the full sizes only."""
    lines = [
        f"{'figure':<20}{'seconds':>9}{'goal':>7}{'yardstick':>11}{'ratio':>7}{'goal':>6}{'peak GiB':>10}{'goal':>6}"
        f"{'cpu s':>9}{'yardstick':>11}  reached"
    ]
    for f in figures:
        reached = "not judged at this size" if not sizes.at_goal else "yes" if not f.missed else "no: " + ", ".join(f.missed)
        peak = None if f.goal.peak_bytes is None else f.goal.peak_bytes / 1024**3
        lines.append(
            f"{f.name:<20}{f.seconds:>9.2f}{_short(f.goal.seconds):>7}{_short(f.yardstick_seconds, 2):>11}{_short(f.ratio, 3):>7}"
            f"{_short(f.goal.ratio):>6}{f.peak_bytes / 1024**3:>10.2f}{_short(peak):>6}"
            f"{f.cpu_seconds:>9.1f}{_short(f.yardstick_cpu_seconds, 1):>11}  {reached}"
        )
    return "\n".join(lines)


def _short(value: float | None, digits: int | None = None) -> str:
    if value is None:
        return "-"
    return f"{value:g}" if digits is None else f"{value:.{digits}f}"
