"""What runs on several machines need: PostgreSQL with the run history, Redis with the queue of steps, a Dagster home that names them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.redshift_server.postgres import Postgres, free_port

_USER, _PASSWORD = "dagster", "of the tests"


@contextmanager
def served(folder: Path) -> Iterator[dict[str, str]]:
    """Both servers on free ports of the loopback; the settings by which runs and workers find them."""
    postgres, port, home = Postgres(folder), free_port(), folder / "home"
    postgres.start()
    postgres.create(_USER, _USER, _PASSWORD)
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    redis = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    database = {"hostname": "127.0.0.1", "username": _USER, "password": _PASSWORD, "db_name": _USER, "port": postgres.port}
    storage = {"postgres": {"postgres_db": database | {"scheme": "postgresql+psycopg2"}}}
    home.mkdir()
    (home / "dagster.yaml").write_text(yaml.safe_dump({"storage": storage, "telemetry": {"enabled": False}}))
    try:
        yield {"DAGSTER_HOME": str(home), "LA_CELERY_BROKER": f"redis://127.0.0.1:{port}/0"}
    finally:
        redis.kill()
        redis.wait()
        postgres.stop()
        shutil.rmtree(folder / "postgres", ignore_errors=True)


def worker_command(name: str) -> list[str]:
    """A worker that takes one step at a time."""
    settings = ["--queues", "dagster", "--concurrency", "1", "--hostname", name, "--loglevel", "INFO"]
    return [sys.executable, "-m", "celery", "-A", "la_resources.step_worker", "worker", *settings]
