"""Run a command and measure it: wall-clock seconds, processor seconds, and the peak resident memory of it and all its children.

Processor seconds say what the work costs where other people's work on the same machine stretches the wall clock.
Memory is sampled from ``/proc`` (Linux); pages that processes share count in each of them, so the figure errs on the high side.
"""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLE_SECONDS = 0.1
_PAGE = os.sysconf("SC_PAGE_SIZE")


class CommandFailed(RuntimeError):
    """A measured command did not exit with 0; the message holds the end of what it printed."""


@dataclass(frozen=True)
class Measured:
    """One measured command: seconds on the wall and of processors, and bytes of memory at the peak."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def measured(command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path) -> Measured:
    """Run a command to its end.

    Parameters
    ----------
    command : sequence of str
        Program and arguments.
    environment : mapping
        Added to this process's environment.
    folder : Path
        Working folder.
    log : Path
        Takes all output.

    Raises
    ------
    CommandFailed
        If the command does not exit with 0.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        started, cpu = time.monotonic(), _children_cpu()
        process = subprocess.Popen(  # noqa: S603 - the bench's own commands
            command, env=os.environ | dict(environment), cwd=folder, stdout=output, stderr=subprocess.STDOUT
        )
        peak = _Peak(process.pid)
        peak.start()
        code = process.wait()
        seconds = time.monotonic() - started
        peak.stop()
    if code:
        end = "\n".join(log.read_text(errors="replace").splitlines()[-30:])
        raise CommandFailed(f"{' '.join(command)} ended with {code}; the end of {log}:\n{end}")
    return Measured(seconds, _children_cpu() - cpu, peak.bytes)


class _Peak(threading.Thread):
    """Samples the memory of a process and its descendants until stopped."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid, self._done, self.bytes = pid, threading.Event(), 0

    def run(self) -> None:
        while not self._done.wait(SAMPLE_SECONDS):
            self.bytes = max(self.bytes, sum(_resident(pid) for pid in _tree(self._pid)))

    def stop(self) -> None:
        self._done.set()
        self.join()


def _children_cpu() -> float:
    """Processor seconds of all children that have ended, user and system."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _tree(root: int) -> list[int]:
    """A process and its descendants that live now."""
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        for task in Path(f"/proc/{pid}/task").glob("*"):
            waiting += [int(child) for child in _text(task / "children").split()]
    return found


def _resident(pid: int) -> int:
    fields = _text(Path(f"/proc/{pid}/statm")).split()
    return int(fields[1]) * _PAGE if fields else 0


def _text(file: Path) -> str:
    """A file of /proc; empty if its process has just ended."""
    try:
        return file.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
