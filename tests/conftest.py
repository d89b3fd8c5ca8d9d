"""Shared ground of the tests: a secret for keys, the shared real data, and the list of what could not run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
os.environ.setdefault("LA_STUDENT_KEY_SECRET", "a secret for tests only, of forty characters")
os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the project; where it is absent the test is listed as not run, in CI that is a failure."""
    folder = Path(os.environ.get("LA_SHARED_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        message = f"real data not found at {folder}; set LA_SHARED_DATA"
        if os.environ.get("LA_NO_SKIPS"):
            pytest.fail(message)
        pytest.skip(message)
    return folder
