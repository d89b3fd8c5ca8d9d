"""A process that has loaded the asset graph and waits: each run is a fork of it, and begins at once.

A run in a process of its own loads Python's libraries and the graph first, seconds that a run of a few small tables does not have.
Here they are loaded once, by a process of one thread that executes nothing itself; a run is its child, as separate from it and
from other runs as any process. It ends with the process that started it; runs under way go on to their end.

``python -m la_resources.warm_process <descriptor>`` is that process; ``WarmProcess`` is how a launcher of runs speaks to it.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib import import_module
from multiprocessing import Pipe, active_children, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType

from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef
from dagster._core.origin import RepositoryPythonOrigin
from dagster._serdes import deserialize_value, serialize_value
from dagster._utils.hosted_user_process import recon_repository_from_origin

from la_resources.child_processes import threads_lost_in_forks

_LOADED, _STALE = "loaded", "stale"
_PATIENCE = 180.0
_FRESH_FOR = 24 * 3600.0
"""Seconds after which the code is loaded anew, as it may hold what was so when it was loaded."""


class WarmProcessError(RuntimeError):
    """The process did not load the code, or is gone; the message says what it said."""


class StaleError(Exception):
    """The code on disk is newer than what the process has loaded; start another one."""


class WarmProcess:
    """Starts the process and asks it for runs.

    Parameters
    ----------
    origin : RepositoryPythonOrigin
        The code that runs execute.
    location : str
        Its code location, whose environment variables are set before it is loaded.
    instance : InstanceRef
        The Dagster instance of the runs.
    preload : sequence of str
        Modules to import beside the code: what its runs would import only when they come to it. None may start a thread.
    """

    def __init__(self, origin: RepositoryPythonOrigin, location: str, instance: InstanceRef, preload: Sequence[str]) -> None:
        self._connection, theirs = Pipe()
        command = [origin.executable_path, "-m", __name__, str(theirs.fileno())]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)  # noqa: S603
        theirs.close()
        try:
            self._ask([serialize_value(origin), location, serialize_value(instance), list(preload)])
        except WarmProcessError:
            self.stop()
            raise

    def run(self, arguments: str) -> int:
        """Begin a run.

        Parameters
        ----------
        arguments : str
            What ``dagster api execute_run`` takes: serialized ``ExecuteRunArgs``.

        Returns
        -------
        int
            The run's process.

        Raises
        ------
        StaleError
            If the code has changed since it was loaded; no run was begun.
        WarmProcessError
            If the process is gone.
        """
        return int(self._ask(arguments))

    def _ask(self, question: object) -> str:
        try:
            self._connection.send(question)
            if not self._connection.poll(_PATIENCE):
                raise WarmProcessError(f"the process that begins runs did not answer within {_PATIENCE:.0f} s")
            answer, told = self._connection.recv()
        except (EOFError, OSError) as error:
            raise WarmProcessError(f"the process that begins runs is gone (pid {self._process.pid})") from error
        if answer == _STALE:
            raise StaleError
        if not answer:
            raise WarmProcessError(f"the code of the run does not load:\n{told}")
        return str(told)

    def stop(self) -> None:
        """Let the process end; its runs go on."""
        self._connection.close()
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _serve(connection: Connection) -> int:
    """Load what the first message names, then fork for every other, until the connection ends; the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who stops the launcher ends this by the connection
    origin, location, instance, preload = connection.recv()
    began = time.time()
    try:
        _load(deserialize_value(origin, RepositoryPythonOrigin), location, deserialize_value(instance, InstanceRef), preload)
    except BaseException:
        connection.send(("", traceback.format_exc()))
        return 1
    sources = _sources()
    connection.send((_LOADED, ""))
    while True:
        try:
            arguments = connection.recv()
        except EOFError:
            return 0
        active_children()  # asks for the exit codes of runs that have ended
        if time.time() - began > _FRESH_FOR or _newest(sources) > began:
            connection.send((_STALE, ""))
            return 0
        run = get_context("fork").Process(target=_execute, args=[connection, arguments])
        run.start()
        connection.send((_LOADED, run.pid))


def _load(origin: RepositoryPythonOrigin, location: str, instance: InstanceRef, preload: Iterable[str]) -> None:
    with DagsterInstance.from_ref(instance) as history:
        history.inject_env_vars(location)
    recon_repository_from_origin(origin).get_definition()
    for module in preload:
        import_module(module)
    if threads := threads_lost_in_forks():
        raise RuntimeError(f"loading started threads ({', '.join(threads)}), which a fork would wait for in vain")
    gc.collect()
    gc.freeze()  # forks share what is there as long as nobody, the collector included, writes to it


def _execute(connection: Connection, arguments: str) -> None:
    from dagster._cli.api import execute_run_command

    connection.close()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    execute_run_command.main([arguments], standalone_mode=False)


def _sources() -> list[Path]:
    """Files and package folders that were loaded from a place where code is written, not installed."""
    installed = [Path(path).resolve() for path in sys.path if path.endswith("-packages")]
    loaded = {name.partition(".")[0] for name in sys.modules} - {"__main__"}
    found = {Path(place).resolve() for name in loaded for place in _places(sys.modules.get(name))}
    return sorted(f for f in found if not any(f.is_relative_to(p) for p in [*installed, Path(sys.base_prefix).resolve()]))


def _places(module: ModuleType | None) -> Sequence[str]:
    file = getattr(module, "__file__", None)
    return list(getattr(module, "__path__", ())) or ([file] if file else [])


def _newest(places: Iterable[Path]) -> float:
    """When the newest of the files was written, in seconds since the epoch; 0 without one."""
    newest = 0.0
    for place in places:
        for file in (place, *place.rglob("*")):
            if file.parent.name != "__pycache__" and file.is_file():
                with suppress(FileNotFoundError):
                    newest = max(newest, file.stat().st_mtime)
    return newest


if __name__ == "__main__":
    ended = _serve(Connection(int(sys.argv[1])))
    os._exit(ended)  # the runs it has begun go on; nobody waits for them
