"""Whether a process can be forked: a fork has none of the threads of the process it comes from, and none of the locks they held are let go."""

from __future__ import annotations

from pathlib import Path

_HARMLESS = {"jemalloc_bg_thd", "polars-ooc-clea"}
"""Threads that polars starts when it is imported, which no run waits for: the allocator's own, and the remover of spilled files."""


def threads_lost_in_forks() -> list[str]:
    """Names of the threads of this process besides its own that a fork would wait for in vain, where there is a ``/proc``."""
    own = Path("/proc/self/comm")
    names = {task.joinpath("comm").read_text().strip() for task in Path("/proc/self/task").glob("*")}
    return sorted(names - {own.read_text().strip()} - _HARMLESS) if names else []
