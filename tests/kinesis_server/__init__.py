"""Two servers that speak Kinesis, as fixtures use them: kinesis-local (resharding) and kinesalite (expiry, trimming, load).

Both are packages of npm that ``tests/system_packages.sh`` installs once, pinned in ``package.json``. They listen on the loopback only and
end with the test session.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import boto3
from botocore.config import Config

HERE = Path(__file__).parent
PACKAGES = (
    Path(os.environ.get("LA_TEST_NPM", Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "la-tests-npm")) / "node_modules"
)
KINESIS_LOCAL = PACKAGES / "kinesis-local"
KINESALITE = PACKAGES / "kinesalite"


@contextmanager
def kinesis_local() -> Iterator[str]:
    """kinesis-local on a free port; its URL."""
    port = _free_port()
    settings = {
        "KINESIS_MOCK_PLAIN_PORT": str(port),
        "KINESIS_MOCK_TLS_PORT": "0",
        "LOG_LEVEL": "ERROR",
        **{
            f"{action}_DURATION": "10ms"
            for action in ("CREATE_STREAM", "DELETE_STREAM", "MERGE_SHARDS", "SPLIT_SHARD", "UPDATE_SHARD_COUNT")
        },
    }
    with _served(["main.js"], KINESIS_LOCAL, port, settings) as url:
        yield url


@contextmanager
def kinesalite(clock: Path | None = None) -> Iterator[str]:
    """kinesalite on a free port, in memory; its URL. ``clock``: a file with the milliseconds by which its clock is ahead."""
    port = _free_port()
    settings = {"LA_TEST_CLOCK": str(clock)} if clock else {}
    with _served(["cli.js", "--port", str(port), "--createStreamMs", "10", "--updateStreamMs", "10"], KINESALITE, port, settings) as url:
        yield url


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _served(command: list[str], folder: Path, port: int, settings: dict[str, str]) -> Iterator[str]:
    with subprocess.Popen(
        ["node", "--require", str(HERE / "loopback.js"), *command],
        cwd=folder,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        said = []
        try:
            assert server.stdout
            for line in server.stdout:
                said.append(line)
                if line.split() == ["listening", "on", str(port)]:
                    yield f"http://127.0.0.1:{port}"
                    return
            raise RuntimeError(f"{' '.join(command)} ended: {''.join(said)}")
        finally:
            server.kill()


@cache
def client(url: str):
    """The client of a server."""
    return boto3.client(
        "kinesis",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"mode": "standard", "max_attempts": 6}),
    )
