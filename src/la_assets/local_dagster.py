"""A Dagster of our own for as long as a program needs one: code server, web server and daemon as child processes, all stopped on leaving.

Web server and daemon ask one code server; left to themselves, each would keep its own, and the daemon start another every minute.
The daemon looks at backfills when it starts and every 30 seconds after (an interval that Dagster does not let one set), so it starts on
its own, after the first backfill is there: ``running_dagster`` gives a server, and ``start_daemon`` of it starts the rest.
What both say goes to ``dagster.log`` in DAGSTER_HOME. `make ui` does not pass through here; it runs `dagster dev`.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from la_assets.dagster_api import LOCATION, DagsterUnreachable, query

_PROJECT = Path(__file__).resolve().parents[2]
_ASSETS = "query { assetNodes { assetKey { path } } }"
_LOCATIONS = """query { workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError {
  __typename ... on PythonError { message } } } } } }"""
_WORKSPACE = """load_from:
  - grpc_server:
      socket: {code}
      location_name: {name}
"""
_CODE_SERVER = (
    *("dagster", "api", "grpc", "--module-name", "la_assets.definitions", "--working-directory", str(_PROJECT)),
    *("--location-name", LOCATION, "--lazy-load-user-code", "--use-python-environment-entry-point"),
    *("--inject-env-vars-from-instance", "--log-level", "warning"),
)
_PATIENCE = 30.0
_STRAGGLERS = 5.0


@dataclass
class LocalDagster:
    """A running web server, its address, and the processes to be stopped in the end."""

    url: str
    log: Path
    _workspace: Path
    _output: IO[bytes] = field(repr=False)
    _daemon: bool = False
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list, repr=False)

    def start_daemon(self) -> None:
        """Start the daemon, which runs backfills, schedules and sensors; once is enough."""
        if not self._daemon:
            self._daemon = True
            self.start("la_assets.local_daemon", "run", "--workspace", str(self._workspace))

    def start(self, module: str, *arguments: str) -> None:
        command = [sys.executable, "-m", module, *arguments]
        self._processes.append(subprocess.Popen(command, stdout=self._output, stderr=self._output, start_new_session=True))  # noqa: S603

    def check_alive(self) -> None:
        """Raise if a process of this Dagster has stopped.

        Raises
        ------
        RuntimeError
            With the end of the log.
        """
        if any(process.poll() is not None for process in self._processes):
            raise RuntimeError(f"Dagster stopped; the end of {self.log}:\n{_tail(self.log)}")

    def stop(self) -> None:
        """Stop the processes and everything they have started, runs included: asked first, killed where they do not listen."""
        groups = [process.pid for process in self._processes]
        _signal(groups, signal.SIGINT)
        _wait(_PATIENCE, lambda: all(process.poll() is not None for process in self._processes))
        _wait(_STRAGGLERS, lambda: not any(map(_alive, groups)))
        _signal(groups, signal.SIGKILL)
        for process in self._processes:
            process.wait()
        self._output.close()


@contextmanager
def running_dagster(port: int, *, wait_seconds: float = 120) -> Iterator[LocalDagster]:
    """A web server at 127.0.0.1 with the asset graph loaded; stopped on leaving, with its daemon and its runs.

    Parameters
    ----------
    port : int
        Where the web server listens.
    wait_seconds : float
        Patience with its start.

    Raises
    ------
    RuntimeError
        If DAGSTER_HOME is not set up, the port is taken, the asset graph does not load, or the server does not come up in time.
    """
    require_free(port)
    home = Path(os.environ.get("DAGSTER_HOME", ""))
    if not (home / "dagster.yaml").is_file() or not home.is_absolute():
        raise RuntimeError(
            f"DAGSTER_HOME={os.environ.get('DAGSTER_HOME', '')!r} is not a folder (absolute) with a dagster.yaml; `make setup` makes one"
        )
    log = home / "dagster.log"
    with log.open("ab") as output, tempfile.TemporaryDirectory(prefix="dagster-") as folder:  # a socket's path must be short
        code, workspace = Path(folder) / "code", Path(folder) / "workspace.yaml"
        workspace.write_text(_WORKSPACE.format(code=code, name=LOCATION))
        dagster = LocalDagster(f"http://127.0.0.1:{port}", log, workspace, output)
        try:
            dagster.start(*_CODE_SERVER, "--socket", str(code))
            _wait_for_code(dagster, code, wait_seconds)
            server = ["--host", "127.0.0.1", "--port", str(port), "--dagster-log-level", "warning"]
            dagster.start("dagster_webserver", *server, "--workspace", str(workspace))
            _wait_until_loaded(dagster, wait_seconds)
            yield dagster
        finally:
            dagster.stop()


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def require_free(port: int) -> None:
    """Raise if somebody listens at a port of 127.0.0.1 already.

    Raises
    ------
    RuntimeError
        Naming the port, and another one to try.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise RuntimeError(f"port {port} is taken ({error.strerror}); choose another, e.g. `make demo PORT={port + 1}`") from error


def _wait_for_code(dagster: LocalDagster, socket_at: Path, seconds: float) -> None:
    """Wait until the code server listens; it loads the graph when it is first asked, and tells there what does not load."""
    deadline = time.monotonic() + seconds
    while not socket_at.exists():
        dagster.check_alive()
        if time.monotonic() > deadline:
            raise RuntimeError(f"the code server did not start within {seconds:.0f} s; the end of {dagster.log}:\n{_tail(dagster.log)}")
        time.sleep(0.05)


def _wait_until_loaded(dagster: LocalDagster, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        dagster.check_alive()
        with suppress(DagsterUnreachable):
            if query(dagster.url, _ASSETS)["assetNodes"]:
                return
            for entry in query(dagster.url, _LOCATIONS)["workspaceOrError"]["locationEntries"]:
                found = entry["locationOrLoadError"] or {}
                if found.get("__typename") == "PythonError":
                    raise RuntimeError(f"the asset graph does not load: {found['message'].strip()}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"Dagster did not answer within {seconds:.0f} s; the end of {dagster.log}:\n{_tail(dagster.log)}")
        time.sleep(0.3)


def _signal(groups: Iterable[int], signum: int) -> None:
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, signum)


def _wait(seconds: float, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        time.sleep(0.1)


def _alive(group: int) -> bool:
    """Whether any process of the group is left, if only one that nobody has buried yet."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _tail(log: Path, lines: int = 15) -> str:
    content: Sequence[str] = log.read_text(errors="replace").splitlines() if log.is_file() else []
    return "\n".join("  " + line for line in content[-lines:])
