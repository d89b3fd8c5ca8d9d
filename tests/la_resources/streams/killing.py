"""Consumers, and landings of what they wrote, as processes of their own that are killed (SIGKILL) at a chosen point of their work.

The points are those at which something has just become true outside the process, or is about to: a page was fetched, a file (a
batch or a checkpoint) is written and about to take its place, or has taken it.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from la_resources import aws
from la_resources.streams.kinesis import Stream

from .desk import Desk

FETCHED = "a page is fetched"
BATCH_WRITTEN = "a batch is written and not yet in its place"
LANDED = "a batch is in its place"
CHECKPOINT_WRITTEN = "a checkpoint is written and not yet in its place"
KEPT = "a checkpoint is in its place"
POINTS = (FETCHED, BATCH_WRITTEN, LANDED, CHECKPOINT_WRITTEN, KEPT)


def killed(desk: Desk, when: Callable[[str], bool], **bounds: Any) -> str | None:
    """Run a consumer that is killed at the first point for which ``when`` says so.

    Returns
    -------
    str, optional
        The point; None if the consumer came to its end.
    """
    aws.client("kinesis", desk.settings.region, desk.url)  # made before the fork and not used here: the child has its connections alone
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        _consume_until(desk, when, tell, bounds)
    os.close(tell)
    with os.fdopen(told) as said:
        point = said.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return point
    assert os.waitstatus_to_exitcode(status) == 0, "the consumer failed"
    return None


def killed_landing(desk: Desk, renames: int) -> bool:
    """Run the landing in a process of its own that is killed when it is about to put its n-th file into place; whether it was."""
    told = [desk.url, desk.name, str(desk.folder), str(renames)]
    command = [sys.executable, "-W", "ignore", "-m", "tests.la_resources.streams.killing", *told]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


def _land_until(desk: Desk, renames: int) -> None:
    replace, seen = os.replace, itertools.count(1)

    def replacing(source: Any, target: Any) -> None:
        if next(seen) == renames:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)

    os.replace = replacing  # type: ignore[assignment]
    desk.land()


def _consume_until(desk: Desk, when: Callable[[str], bool], tell: int, bounds: dict[str, Any]) -> None:
    """In the child: consume, and die where told to; never returns."""

    def reached(point: str) -> None:
        if when(point):
            os.write(tell, point.encode())
            os.kill(os.getpid(), signal.SIGKILL)

    page, replace = Stream.page, os.replace

    def fetching(*arguments: Any) -> Any:
        found = page(*arguments)
        reached(FETCHED)
        return found

    def replacing(source: Any, target: Any) -> None:
        batch = str(target).endswith(".csv")
        reached(BATCH_WRITTEN if batch else CHECKPOINT_WRITTEN)
        replace(source, target)
        reached(LANDED if batch else KEPT)

    Stream.page, os.replace = fetching, replacing  # type: ignore[method-assign, assignment]
    code = 1
    try:
        desk.consume(**bounds)
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    _land_until(Desk(sys.argv[1], sys.argv[2], Path(sys.argv[3])), int(sys.argv[4]))
