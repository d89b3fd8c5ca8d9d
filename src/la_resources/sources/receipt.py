"""The receipt of a landed file: what was read, what became of every row, and why. It is stored as JSON beside the rows."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

Status = Literal["loaded", "partly quarantined", "quarantined", "empty"]
Delivery = Literal["bulk", "delta", "full"]


class Receipt(BaseModel):
    """What happened to one file.

    Attributes
    ----------
    definition : str
        The source definition that read it.
    source_file : str
        Its path below the landing zone's root.
    content_hash : str
        SHA-256 of its bytes, hexadecimal.
    size : int
        Bytes.
    landed_at : datetime
        When it arrived (UTC).
    encoding : str
        Encoding found.
    school_years : tuple of str
        Years of the loaded rows.
    rows_read, rows_loaded, rows_duplicate, rows_skipped, rows_quarantined : int
        Source rows; the first is counted at record ends, independently, and equals the sum of the others.
    written : dict
        Table to school year to records written (a row may give several records).
    status : str
        loaded, partly quarantined, quarantined (no row loaded) or empty.
    reason : str
        Why the whole file was set aside, or that it is empty.
    delivery : str
        bulk or delta for OneRoster; full for everything else.
    reasons : dict
        Broken rule to the number of rows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    definition: str
    source_file: str
    content_hash: str
    size: int
    landed_at: datetime
    encoding: str = ""
    school_years: tuple[str, ...] = ()
    rows_read: int = 0
    rows_loaded: int = 0
    rows_duplicate: int = 0
    rows_skipped: int = 0
    rows_quarantined: int = 0
    written: dict[str, dict[str, int]] = {}
    status: Status
    reason: str = ""
    delivery: Delivery = "full"
    reasons: dict[str, int] = {}

    @property
    def balanced(self) -> bool:
        """Whether every row read is accounted for."""
        return self.rows_read == self.rows_loaded + self.rows_duplicate + self.rows_skipped + self.rows_quarantined
