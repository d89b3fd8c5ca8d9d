"""What a file for people is made of, as a fingerprint: its rows and words, and the code that makes it.

The same fingerprint means the same bytes: nothing else goes into a file, no clock and no chance. Any change of this package, or of a
library that writes files, changes every fingerprint.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

_WRITERS = ("xlsxwriter", "fpdf2", "matplotlib", "polars")


def fingerprint(*things: object) -> str:
    """A hash of values that write themselves out in full: numbers, texts, dates, and containers and dataclasses of them."""
    digest = hashlib.sha256(_makers())
    for thing in things:
        digest.update(repr(thing).encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()


@cache
def _makers() -> bytes:
    digest = hashlib.sha256()
    for module in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(module.read_bytes())
    for library in _WRITERS:
        digest.update(f"{library} {version(library)}".encode())
    return digest.digest()
