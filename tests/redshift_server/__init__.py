"""A stand-in for Amazon Redshift: PostgreSQL behind a door that speaks what Redshift's driver and dialect need.

What it can show: the SQL, transactions, COPY of Parquet through a manifest, row-level policies. What it cannot: speed, distribution and
sort order, Spectrum, IAM, Redshift's own isolation and its limits of a cluster. ``served()`` is all a test needs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.redshift_server.postgres import Postgres
from tests.redshift_server.proxy import Proxy


@dataclass
class RedshiftServer:
    """Where it listens, what it was asked, and a switch.

    Attributes
    ----------
    port : int
        On 127.0.0.1.
    statements : list of str
        Every statement a client sent, as it was sent.
    """

    proxy: Proxy
    postgres: Postgres
    database: str = "district"
    user: str = "loader"
    password: str = "a password of the tests only"

    @property
    def port(self) -> int:
        return self.proxy.port

    @property
    def statements(self) -> list[str]:
        return self.proxy.statements

    def down_for(self, seconds: float) -> None:
        """Cut every connection and take no new one for some time."""
        self.proxy.close_door()
        threading.Timer(seconds, self.proxy.open_door).start()

    def query(self, sql: str) -> list[tuple]:
        """Rows as PostgreSQL itself has them, past the door."""
        return self.postgres.query(sql, self.database)


@contextmanager
def served(folder: Path, s3_endpoint: str) -> Iterator[RedshiftServer]:
    """A server with an empty database; its files lie in ``folder``, COPY reads from ``s3_endpoint``."""
    postgres = Postgres(folder)
    postgres.start()
    try:
        server = RedshiftServer(Proxy(postgres.port, s3_endpoint), postgres)
        postgres.create(server.database, server.user, server.password)
        server.proxy.start()
        try:
            yield server
        finally:
            server.proxy.stop()
    finally:
        postgres.stop()
