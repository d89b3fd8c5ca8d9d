"""Which steps of a Dagster run took longest, as the run itself said in its log.

Reads text that Dagster printed; it does not touch the instance.
"""

from __future__ import annotations

import re
from pathlib import Path

MOST = 8
_FINISHED = re.compile(r'Finished execution of step "(?P<step>[^"]+)" in (?P<time>[\d.hms]+?)\.?\s*$', re.MULTILINE)
_PARTS = re.compile(r"([\d.]+)(ms|h|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def slowest_steps(log: Path) -> dict[str, float]:
    """Seconds of the longest steps, longest first."""
    seconds = {found["step"]: _seconds(found["time"]) for found in _FINISHED.finditer(log.read_text(errors="replace"))}
    return dict(sorted(seconds.items(), key=lambda item: -item[1])[:MOST])


def _seconds(text: str) -> float:
    """``1m3s`` or ``850ms`` in seconds."""
    return sum(float(number) * _SECONDS[unit] for number, unit in _PARTS.findall(text))
