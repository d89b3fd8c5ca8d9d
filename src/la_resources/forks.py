"""Whether a process can be forked: a fork has none of the threads of the process it comes from, and nobody lets go of what they hold."""

from __future__ import annotations

import os
import threading
from pathlib import Path

_HARMLESS = {"jemalloc_bg_thd", "polars-ooc-clea"}
"""Threads that polars starts when it is imported, which no run waits for: the allocator's own, and the remover of spilled files."""


def threads_lost_in_forks() -> list[str]:
    """Names of the threads of this process besides its first that a fork would wait for in vain.

    Python's own by their names in Python, those of libraries by the names they gave themselves, where there is a ``/proc``. One that
    was given no name has the process's: numpy's linear algebra starts such a thread when it is imported, and anew in a fork.
    """
    own = {thread.name for thread in threading.enumerate()} - {threading.main_thread().name}
    first = Path(f"/proc/self/task/{os.getpid()}/comm")
    named = {task.joinpath("comm").read_text().strip() for task in Path("/proc/self/task").glob("*")}
    return sorted(own | (named - {first.read_text().strip()} - _HARMLESS if named else set()))
