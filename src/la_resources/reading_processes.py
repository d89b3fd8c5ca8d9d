"""Processes that read files of the landing zone beside each other.

Reading many files is mostly Python between short polars calls, which threads do one after the other. Each process is given the work
to do once, and then calls; nothing is shared between them but the lake. They end with the process that started them, also when that
one is killed. What a call does is the caller's business; so is whether it is worth a second or two to start them.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from la_resources.child_processes import end_with_the_parent

_given: list[Any] = []
"""In a process of a pool: what it was given to work with."""


class ReadingProcessDied(RuntimeError):
    """A process that read files is gone: killed from outside, or out of memory."""


@contextmanager
def reading_processes(work: Any, count: int) -> Iterator[Callable[..., Future[Any]]]:
    """A function ``submit(method, *arguments, **named)`` that calls a method of ``work`` in one of the processes.

    Parameters
    ----------
    work : object
        Sent to every process once; it and all arguments and results can be pickled.
    count : int
        Number of processes.

    Notes
    -----
    A process that dies fails all calls that have not returned with ``BrokenProcessPool``. When the block ends by an exception, calls
    that have not begun are given up.
    """
    pool = ProcessPoolExecutor(
        count, mp_context=multiprocessing.get_context("spawn"), initializer=_start, initargs=(pickle.dumps(work, pickle.HIGHEST_PROTOCOL),)
    )
    try:
        yield lambda method, *arguments, **named: pool.submit(_call, method, arguments, named)
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()


def _start(packed: bytes) -> None:
    """Make ready: one polars thread each, since there is a process for every core; polars is not imported before."""
    os.environ["POLARS_MAX_THREADS"] = "1"
    threading.Thread(target=end_with_the_parent, daemon=True).start()
    _given.append(pickle.loads(packed))  # noqa: S301 - from the process that started this one


def _call(method: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    return getattr(_given[0], method)(*arguments, **named)
