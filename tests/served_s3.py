"""S3 over HTTP on this machine: moto as a server, and in front of it a door that can be told to fail.

Everything that asks for S3 here speaks the real protocol (boto3, polars, s3transfer). What moto cannot show: throttling and broken
connections, which the door causes; durability and speed, which nothing here shows.
"""

from __future__ import annotations

import http.client
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlparse

import boto3
from moto.server import ThreadedMotoServer

ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "AKIATESTING", "AWS_SECRET_ACCESS_KEY": "a secret of the tests only", "AWS_REGION": "us-east-1"}
"""Credentials that moto takes, as any others."""


@contextmanager
def served() -> Iterator[str]:
    """A server of S3 and its neighbours; its URL."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def client(endpoint: str, service: str = "s3"):
    """A client of the tests' own, past every door."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=ENVIRONMENT["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=ENVIRONMENT["AWS_SECRET_ACCESS_KEY"],
    )


def new_bucket(endpoint: str) -> str:
    """A bucket of its own for a test."""
    name = f"district-{uuid.uuid4().hex[:12]}"
    client(endpoint).create_bucket(Bucket=name)
    return name


def new_secret(endpoint: str, username: str, password: str) -> str:
    """A secret of its own for a test, with who may use a database: all servers of a process have one moto behind them."""
    name = f"redshift/district-{uuid.uuid4().hex[:12]}"
    told = json.dumps({"username": username, "password": password})
    client(endpoint, "secretsmanager").create_secret(Name=name, SecretString=told)
    return name


@dataclass
class Door:
    """What stands in front of a server: passes requests on, unless a test has said what to do with them.

    Attributes
    ----------
    url : str
        Where it listens.
    rule : callable
        From method, path and number of the request to what happens: ``pass``, ``slow down`` (503), ``hang up`` (the connection is
        closed without an answer), ``cut`` (half of the answer's body, then closed) or ``refuse`` (403).
    seen : list
        Method and path of every request.
    """

    url: str = ""
    rule: Callable[[str, str, int], str] = lambda method, path, number: "pass"
    seen: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def door(to: str) -> Iterator[Door]:
    """A door in front of a server."""
    opened, behind = Door(), urlparse(to)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline:
                self.close_connection = True
                return
            if not self.parse_request():
                return
            if self.headers.get("Expect", "").lower() == "100-continue":
                self.send_response_only(100)
                self.end_headers()
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            opened.seen.append((self.command, self.path))
            doing = opened.rule(self.command, self.path, len(opened.seen))
            if doing == "hang up":
                self.close_connection = True
                return
            if doing in ("slow down", "refuse"):
                status, code = (503, "SlowDown") if doing == "slow down" else (403, "AccessDenied")
                told = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>".encode()
                self._answer(status, [("Content-Type", "application/xml")], told)
                return
            connection = http.client.HTTPConnection(behind.hostname or "", behind.port or 80, timeout=30)
            connection.request(self.command, self.path, body, {k: v for k, v in self.headers.items() if k.lower() != "expect"})
            response = connection.getresponse()
            content = response.read()
            self._answer(response.status, response.getheaders(), content, cut=doing == "cut")
            connection.close()

        def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes, *, cut: bool = False) -> None:
            self.send_response_only(status)
            kept = [(k, v) for k, v in headers if k.lower() not in ("content-length", "transfer-encoding", "connection")]
            length = next((v for k, v in headers if k.lower() == "content-length"), None) if self.command == "HEAD" else None
            for name, value in [*kept, ("Content-Length", length or str(len(content)))]:
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content[: len(content) // 2] if cut else content)
            if cut:
                self.wfile.flush()
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    opened.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield opened
    finally:
        server.shutdown()
        server.server_close()


def watched(endpoint: str, bucket: str, prefix: str) -> str:
    """Name of a new queue that S3 tells of every object below a prefix of a bucket (``s3://name``)."""
    sqs, name = client(endpoint, "sqs"), f"arrivals-{uuid.uuid4().hex[:12]}"
    url = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "300"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
    rule["Filter"] = {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}}
    client(endpoint).put_bucket_notification_configuration(
        Bucket=bucket.removeprefix("s3://"), NotificationConfiguration={"QueueConfigurations": [rule]}
    )
    return name
