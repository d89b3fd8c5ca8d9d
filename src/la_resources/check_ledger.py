"""What each check last said of each school year.

Dagster keeps one latest result per check, so a rerun of an old year that passes would hide a current year that fails. The
ledger keeps the outcome of every year in a small JSON file of its own, written atomically; a check passes only when the
latest outcome of every year does.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """The outcome of one check for one school year.

    Attributes
    ----------
    passed : bool
        Whether the year is as it should be.
    description : str
        What was found, in a sentence that names the next step if it failed.
    counts : mapping of str to int or float
        The figures behind it.
    """

    passed: bool
    description: str
    counts: Mapping[str, int | float] = field(default_factory=dict)


class CheckLedger:
    """Outcomes below one folder: ``<table>/<check>/<school_year>.json``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def record(self, table: str, check: str, school_year: str, outcome: Outcome) -> None:
        target = self.folder / table / check / f"{school_year}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_suffix(f".{uuid.uuid4().hex}.tmp")
        fresh.write_text(json.dumps(asdict(outcome)))
        os.replace(fresh, target)

    def outcomes(self, table: str, check: str) -> dict[str, Outcome]:
        """The latest outcome of every year, oldest year first."""
        files = sorted((self.folder / table / check).glob("*.json"))
        return {file.stem: Outcome(**json.loads(file.read_text())) for file in files}
