"""The door: PostgreSQL's wire protocol with Redshift's manners.

A connection is one thread that takes what the client sends up to the next Sync, has it done, and hands the answers back; nothing is
ever under way in both directions, so what the door asks of PostgreSQL itself (for COPY and UNLOAD) falls in between. Message formats:
PostgreSQL 15 documentation, chapter 55.
"""

from __future__ import annotations

import socket
import struct
import threading

from tests.redshift_server.copying import CopyError, copied
from tests.redshift_server.dialect import Copy, NotInRedshiftError, Unload, for_postgres
from tests.redshift_server.row_level_security import RowLevelSecurity
from tests.redshift_server.unloading import written

_SSL, _GSS = 80877103, 80877104
_KNOWN = {"user", "database", "application_name", "client_encoding", "options", "datestyle", "timezone", "extra_float_digits"}
"""Start-up parameters that PostgreSQL takes; Redshift's driver sends others besides."""
_NOTHING = "do $$ begin end $$"


class _Gone(Exception):
    """The other side closed the connection."""


class Proxy:
    """Listens on 127.0.0.1 for clients of a PostgreSQL server."""

    def __init__(self, postgres_port: int, s3_endpoint: str) -> None:
        self.postgres_port, self.s3_endpoint = postgres_port, s3_endpoint
        self.statements: list[str] = []
        self.row_level_security = RowLevelSecurity()
        self._open: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self.port = 0

    def start(self) -> None:
        self.open_door()

    def open_door(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(50)
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def close_door(self) -> None:
        """Take no more clients and cut those there are."""
        if self._listener:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # closed by its client
        self._open.clear()

    def stop(self) -> None:
        self.close_door()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self._open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self.postgres_port)) as backend:
            try:
                _Session(self, _Wire(client), _Wire(backend)).run()
            except (_Gone, OSError):
                return


class _Wire:
    """One side of a session, message by message."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else every small message waits 40 ms for the one before
        self._connection = connection
        self._reader = connection.makefile("rb")

    def exactly(self, count: int) -> bytes:
        content = self._reader.read(count)
        if content is None or len(content) < count:
            raise _Gone
        return content

    def message(self) -> tuple[bytes, bytes]:
        kind = self.exactly(1)
        return kind, self.exactly(struct.unpack("!I", self.exactly(4))[0] - 4)

    def send(self, kind: bytes, body: bytes) -> None:
        self._connection.sendall(kind + struct.pack("!I", len(body) + 4) + body)


class _Session:
    """One client."""

    def __init__(self, proxy: Proxy, client: _Wire, backend: _Wire) -> None:
        self.proxy, self.client, self.backend = proxy, client, backend
        self.copies: dict[bytes, Copy] = {}
        self.state = b"I"

    def run(self) -> None:
        self._start()
        while True:
            batch = [self.client.message()]
            while batch[-1][0] not in (b"S", b"Q", b"X"):
                batch.append(self.client.message())
            if batch[-1][0] == b"X":
                return
            self._do(batch)

    def _start(self) -> None:
        while True:
            body = self.client.exactly(struct.unpack("!I", self.client.exactly(4))[0] - 4)
            if struct.unpack("!I", body[:4])[0] not in (_SSL, _GSS):
                break
            self.client._connection.sendall(b"N")
        parts = body[4:].split(b"\0")
        told = {k: v for k, v in zip(parts[0::2], parts[1::2], strict=False) if k and k.decode().lower() in _KNOWN}
        self.backend.send(b"", struct.pack("!I", 196608) + b"".join(k + b"\0" + v + b"\0" for k, v in told.items()) + b"\0")
        self._answers()

    def _answers(self) -> None:
        """Hand the client what PostgreSQL answers, up to where it is ready again."""
        while True:
            kind, body = self.backend.message()
            if kind == b"S" and body.startswith(b"server_version\0"):
                body = b"server_version\x008.0.2\0"
            self.client.send(kind, body)
            if kind == b"Z":
                self.state = body
                return

    def _do(self, batch: list[tuple[bytes, bytes]]) -> None:
        ready: list[tuple[bytes, bytes]] = []
        for kind, body in batch:
            try:
                ready.append((kind, self._prepared(kind, body)))
            except (NotInRedshiftError, CopyError) as error:
                self._fail(str(error))
                return
        for kind, body in ready:
            self.backend.send(kind, body)
        self._answers()

    def _prepared(self, kind: bytes, body: bytes) -> bytes:
        """A message as PostgreSQL gets it. COPY is done where it is bound: drivers parse a statement once and bind it often."""
        if kind == b"Q":
            return self._translated(body.rstrip(b"\0"), None) + b"\0"
        if kind == b"P":
            name, sql, rest = body.split(b"\0", 2)
            return name + b"\0" + self._translated(sql, name) + b"\0" + rest
        if kind == b"B" and (copy := self.copies.get(body.split(b"\0", 2)[1])):
            self._moved(copy)
        return body

    def _translated(self, sql: bytes, name: bytes | None) -> bytes:
        self.proxy.statements.append(sql.decode())
        made = self.proxy.row_level_security.for_postgres(sql.decode()) or for_postgres(sql.decode())
        if isinstance(made, Copy):
            if name is None:
                self._moved(made)
            else:
                self.copies[name] = made
            return _NOTHING.encode()
        if name is not None:
            self.copies.pop(name, None)
        return made.encode()

    def _moved(self, copy: Copy) -> None:
        if isinstance(copy, Unload):
            written(copy, self.proxy.s3_endpoint, *self._described(copy.what))
        else:
            copied(copy, self.proxy.s3_endpoint, self._ask, self._load)

    def _fail(self, reason: str) -> None:
        """Let PostgreSQL fail with our words, so that its transaction is what the client takes it for."""
        told = reason.replace("'", "''")
        self.backend.send(
            b"Q", f"do $stand_in$ begin raise exception '%', '{told}' using errcode = 'XX000'; end $stand_in$".encode() + b"\0"
        )
        self._answers()

    # -- what the door asks itself ----------------------------------------------------------------------------------------

    def _ask(self, sql: str) -> list[list[str]]:
        return [[value or "" for value in row] for row in self._described(sql)[1]]

    def _described(self, sql: str) -> tuple[list[tuple[str, int, int]], list[list[str | None]]]:
        """Columns (name, number and modifier of the type) and rows of a query."""
        self.backend.send(b"Q", sql.encode() + b"\0")
        return self._own_answers()

    def _load(self, table: str, content: bytes) -> None:
        self.backend.send(b"Q", f"copy {table} from stdin with (format csv, null '\\N')".encode() + b"\0")
        self._own_answers(content)

    def _own_answers(self, content: bytes = b"") -> tuple[list[tuple[str, int, int]], list[list[str | None]]]:
        columns: list[tuple[str, int, int]] = []
        rows, problem = [], ""
        while True:
            kind, body = self.backend.message()
            if kind == b"G":
                self.backend.send(b"d", content)
                self.backend.send(b"c", b"")
            elif kind == b"T":
                columns = _columns(body)
            elif kind == b"D":
                rows.append(_values(body))
            elif kind == b"E":
                problem = next(part[1:].decode() for part in body.split(b"\0") if part.startswith(b"M"))
            elif kind == b"Z":
                if problem:
                    raise CopyError(problem)
                return columns, rows


def _columns(description: bytes) -> list[tuple[str, int, int]]:
    """Name, number and modifier of the type of each column of a RowDescription message."""
    columns, at = [], 2
    for _ in range(struct.unpack("!H", description[:2])[0]):
        end = description.index(b"\0", at)
        _, _, number, _, modifier, _ = struct.unpack("!IHIhih", description[end + 1 : end + 19])
        columns.append((description[at:end].decode(), number, modifier))
        at = end + 19
    return columns


def _values(row: bytes) -> list[str | None]:
    """The texts of a DataRow message; None for null."""
    values: list[str | None] = []
    at = 2
    for _ in range(struct.unpack("!H", row[:2])[0]):
        (length,) = struct.unpack("!i", row[at : at + 4])
        at += 4
        values.append(row[at : at + length].decode() if length >= 0 else None)
        at += max(length, 0)
    return values
