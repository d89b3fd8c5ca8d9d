"""What the tests of several resources share: a place for a lake, once a folder and once a bucket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import served_s3


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """URL of a server that speaks S3."""
    with served_s3.served() as url:
        yield url


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """URL of an empty bucket; the environment says how to reach it."""
    for name, value in {**served_s3.ENVIRONMENT, "LA_S3_ENDPOINT": s3_server, "LA_STAGING_ROOT": str(tmp_path / "staging")}.items():
        monkeypatch.setenv(name, value)
    return f"s3://{served_s3.new_bucket(s3_server)}"


@pytest.fixture(params=["folder", "bucket"])
def lake_root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a lake lies: what holds in a folder holds in a bucket."""
    return str(tmp_path / "lake") if request.param == "folder" else f"{request.getfixturevalue('bucket')}/lake"
