"""Fixtures of the reading tests: a temporary landing zone, and landing a text as one file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from landing_bench import ATTENDANCE, Landed, Zone

from la_resources.sources.definitions import SourceDefinition


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    return Zone(tmp_path / "landing", tmp_path / "out")


@pytest.fixture
def land(zone: Zone) -> Callable[..., Landed]:
    """Land a text as one file: ``land(content, definition, path)``."""

    def landed(content: str | bytes, definition: str | SourceDefinition = ATTENDANCE, path: str = "sis/attendance.csv") -> Landed:
        return zone.land(zone.put(path, content), definition)

    return landed
