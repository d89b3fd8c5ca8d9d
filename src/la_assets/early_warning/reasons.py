"""Why a student has the risk that the model says: contributions to the log odds, in plain words. Signatures first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

REASON: Mapping[str, Any] = {
    "feature": pl.String,
    "value": pl.Float64,  # the student's; null if not on record
    "typical": pl.Float64,  # median of the rows learned from
    "contribution": pl.Float64,  # to the log odds; positive raises the risk
    "text": pl.String,
}


@dataclass(frozen=True)
class Phrase:
    """How a feature is said: ``Phrase("attended {value} of days, district {typical}", "share")``.

    Attributes
    ----------
    text : str
        With ``{value}`` and, if wanted, ``{typical}``.
    kind : {'share', 'count', 'number', 'flag', 'text'}
        0.81 is said as ``81 %``, 3.0 as ``3``, 2.345 as ``2.35``; a flag is said by ``text`` when true and ``otherwise`` when false.
    missing : str
        Said when the value is not on record.
    otherwise : str
        Of a flag that is false.
    decimals : int
        Of a number.
    """

    text: str
    kind: Literal["share", "count", "number", "flag", "text"] = "number"
    missing: str = ""
    otherwise: str = ""
    decimals: int = 2
