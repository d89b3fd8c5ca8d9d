"""What each check last said of each school year.

Dagster keeps one latest result per check, so a rerun of an old year that passes would hide a current year that fails. The
ledger keeps the outcome of every year in a small JSON file of its own, written atomically; a check passes only when the
latest outcome of every year does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from la_resources.storage import Storage


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
    """Outcomes in one folder of a storage: ``<table>/<check>/<school_year>.json``."""

    def __init__(self, storage: Storage, folder: str = ".checks") -> None:
        self.storage = storage
        self.folder = folder

    def record(self, table: str, check: str, school_year: str, outcome: Outcome) -> None:
        self.storage.put(json.dumps(asdict(outcome)).encode(), f"{self.folder}/{table}/{check}/{school_year}.json")

    def outcomes(self, table: str, check: str) -> dict[str, Outcome]:
        """The latest outcome of every year, oldest year first."""
        files = self.storage.get_all(f"{self.folder}/{table}/{check}", ".json")
        return {name.removesuffix(".json"): Outcome(**json.loads(content)) for name, content in sorted(files.items())}
