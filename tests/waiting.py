"""Waiting for what another process does."""

import time
from collections.abc import Callable


def wait_until(reached: Callable[[], object], seconds: float) -> None:
    """Return when it is reached; fail when it is not within some seconds."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, f"not reached in {seconds:.0f} s"
        time.sleep(0.05)
