"""PostgreSQL of Debian, started for a test in a folder of its own and stopped after it."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from pathlib import Path

_BOOTSTRAP = """
create domain super as jsonb;
create function getdate() returns timestamp language sql stable as $$ select localtimestamp $$;
create view svv_roles as select rolname as role_name from pg_roles where not rolcanlogin;
grant select on svv_roles to public;
create function json_parse(text) returns jsonb language sql immutable as $$ select $1::jsonb $$;
"""
"""What Redshift has and PostgreSQL has not, as far as the project uses it."""


def programs() -> Path:
    """The folder of PostgreSQL's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").is_dir() else []
    if found:
        return found[-1]
    if there := shutil.which("initdb"):
        return Path(there).resolve().parent
    raise FileNotFoundError("PostgreSQL is not installed: apt-get install postgresql")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Postgres:
    """One server below a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "postgres"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Make a cluster and serve it on 127.0.0.1; PostgreSQL refuses to run as root, so then it runs as nobody."""
        self.folder.mkdir(parents=True)
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            for parent in [self.folder, *self.folder.parents]:
                if parent.stat().st_uid == 0 and parent.stat().st_mode & 0o005 != 0o005:
                    parent.chmod(parent.stat().st_mode | 0o011)
        quick = ["--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", "--locale=C"]
        subprocess.run([programs() / "initdb", "-D", self.folder / "data", *quick], check=True, capture_output=True, **self._user())
        settings = {"fsync": "off", "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "timezone": "UTC"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(
            [programs() / "postgres", "-D", self.folder / "data", "-p", str(self.port), *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self._user(),
        )  # fmt: skip
        until = time.monotonic() + 30
        while subprocess.run([programs() / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False).returncode:
            if time.monotonic() > until or self._process.poll() is not None:
                raise RuntimeError("PostgreSQL did not start")
            time.sleep(0.05)

    @staticmethod
    def _user() -> dict:
        if os.getuid():
            return {}
        nobody = pwd.getpwnam("nobody")
        return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": "/"}

    def create(self, database: str, user: str, password: str) -> None:
        """A database, its owner, and what Redshift has besides."""
        self.query(f"create role \"{user}\" login superuser password '{password}'")
        self.query(f'create database "{database}" owner "{user}"')
        self.query(_BOOTSTRAP, database)

    def query(self, sql: str, database: str = "postgres") -> list[tuple]:
        """Rows, all values as text."""
        run = subprocess.run(
            [programs() / "psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-X", "-q", "-A", "-t", "-F", "\x1f", "-v",
             "ON_ERROR_STOP=1", "-d", database, "-c", sql], capture_output=True, text=True, check=False,
        )  # fmt: skip
        if run.returncode:
            raise RuntimeError(run.stderr)
        return [tuple(line.split("\x1f")) for line in run.stdout.splitlines() if line]

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(30)
