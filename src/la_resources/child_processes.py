"""Children of a process that works with several: how many, whether they can be forks of it, and how they end when it is killed."""

from __future__ import annotations

import multiprocessing
import os
import threading
from pathlib import Path

_MOST = 4
_HARMLESS = {"jemalloc_bg_thd", "polars-ooc-clea"}
"""Threads that polars starts when it is imported, which no run waits for: the allocator's own, and the remover of spilled files."""


def processes() -> int:
    """How many are worth starting here: one a core that this process may use, at most four, for each takes memory of its own.

    One, which is none, in a process that may have no children (a worker's).
    """
    return 1 if multiprocessing.current_process().daemon else min(len(os.sched_getaffinity(0)), _MOST)


def threads_lost_in_forks() -> list[str]:
    """Names of the threads of this process besides its first that a fork would wait for in vain: it has none of them.

    Python's own by their names in Python, those of libraries by the names they gave themselves, where there is a ``/proc``. One that
    was given no name has the process's: numpy's linear algebra starts such a thread when it is imported, and anew in a fork.
    """
    own = {thread.name for thread in threading.enumerate()} - {threading.main_thread().name}
    first = Path(f"/proc/self/task/{os.getpid()}/comm")
    named = {task.joinpath("comm").read_text().strip() for task in Path("/proc/self/task").glob("*")}
    return sorted(own | (named - {first.read_text().strip()} - _HARMLESS if named else set()))


def end_with_the_parent() -> None:
    """To be run in a thread: end this process with the one that started it, which may be killed and leaves it waiting for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
