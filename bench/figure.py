"""One figure of the bench: what was done, how long it and its yardstick took, how much memory it held, and the goal.

A figure knows whether it reached its goal; it runs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Goal:
    """What a figure should reach; None where nothing is asked."""

    seconds: float | None = None
    ratio: float | None = None
    peak_bytes: int | None = None


@dataclass(frozen=True)
class Figure:
    """A measured piece of work.

    Attributes
    ----------
    name, work : str
        Name, and what was done, in a sentence.
    seconds, cpu_seconds : float
        Wall clock, and of processors.
    peak_bytes : int
        Resident memory of the process and its children at the peak.
    yardstick : str
        What it is compared with (empty: nothing).
    yardstick_seconds, yardstick_cpu_seconds : float, optional
        Means of the yardstick's times right before and right after the work.
    goal : Goal
        The goal at full size.
    details : mapping
        Counts that say how much work it was.
    """

    name: str
    work: str
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    goal: Goal
    yardstick: str = ""
    yardstick_seconds: float | None = None
    yardstick_cpu_seconds: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """Seconds over the yardstick's seconds."""
        return self.seconds / self.yardstick_seconds if self.yardstick_seconds else None

    @property
    def missed(self) -> list[str]:
        """Which parts of the goal were not reached."""
        pairs = {
            "seconds": (self.seconds, self.goal.seconds),
            "ratio": (self.ratio, self.goal.ratio),
            "peak_bytes": (self.peak_bytes, self.goal.peak_bytes),
        }
        return [name for name, (value, limit) in pairs.items() if limit is not None and value is not None and value > limit]

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "work": self.work,
            "seconds": round(self.seconds, 4),
            "cpu_seconds": round(self.cpu_seconds, 3),
            "yardstick": self.yardstick,
            "yardstick_seconds": None if self.yardstick_seconds is None else round(self.yardstick_seconds, 4),
            "yardstick_cpu_seconds": None if self.yardstick_cpu_seconds is None else round(self.yardstick_cpu_seconds, 3),
            "ratio": None if self.ratio is None else round(self.ratio, 5),
            "peak_bytes": self.peak_bytes,
            "goal": {"seconds": self.goal.seconds, "ratio": self.goal.ratio, "peak_bytes": self.goal.peak_bytes},
            "missed": self.missed,
            "details": dict(self.details),
        }
