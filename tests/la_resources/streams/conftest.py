"""The server of the stream tests, one for all of them; credentials that mean nothing."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.kinesis_server import kinesis_local
from tests.la_resources.streams.desk import Desk, new_stream

os.environ.setdefault("AWS_ACCESS_KEY_ID", "test")
os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture(scope="session")
def reshards() -> Iterator[str]:
    """kinesis-local."""
    with kinesis_local() as url:
        yield url


@pytest.fixture
def desk(reshards: str, tmp_path: Path) -> Desk:
    """A stream of one shard."""
    return new_stream(reshards, tmp_path)


@pytest.fixture
def stream(reshards: str, tmp_path: Path) -> Callable[..., Desk]:
    return lambda shards=1: new_stream(reshards, tmp_path, shards)
