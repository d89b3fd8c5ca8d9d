"""Finding a definition's columns in a file's header: aliases, regular expressions, repeated blocks, and helpful refusals.

Headers match regardless of case, blanks and underscores. What cannot be decided (a required column missing, a mapped header
that stands twice) is an :class:`UnreadableFileError` that lists what is there and the nearest name.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from la_resources.sources.rows import UnreadableFileError


class Header:
    """The header of one file.

    Parameters
    ----------
    names : sequence of str
        The header's fields as read.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._plain = [plain(name) for name in names]

    def matches(self, aliases: Sequence[str], block: int | None = None) -> list[int]:
        """Positions of the columns that the first matching alias names; empty if none matches."""
        for alias in aliases:
            name = alias.replace("{n}", str(block)) if block is not None else alias
            if name.startswith("~"):
                pattern = re.compile(name[1:], re.IGNORECASE)
                found = [i for i, text in enumerate(self.names) if pattern.fullmatch(text)]
            else:
                wanted = plain(name)
                found = [i for i, text in enumerate(self._plain) if text == wanted]
            if found and block is not None and name == alias:
                return found[block - 1 : block]
            if found:
                return found
        return []

    def position(self, aliases: Sequence[str], block: int | None = None) -> int | None:
        """The one column that the aliases name, or None.

        Raises
        ------
        UnreadableFileError
            If the name stands in the header more than once: which one is meant cannot be told.
        """
        found = self.matches(aliases, block)
        if len(found) > 1:
            names = ", ".join(f"{self.names[i]!r} (column {i + 1})" for i in found)
            raise UnreadableFileError(
                "duplicate header", f"the header names one column {len(found)} times: {names}; remove or rename all but one"
            )
        return found[0] if found else None

    def missing(self, aliases: Sequence[str], target: str) -> str:
        """A sentence on a column that is not there: its known names, the nearest header."""
        wanted = [a for a in aliases if not a.startswith("~")]
        near = [n for a in wanted for n in difflib.get_close_matches(plain(a), self._plain, n=1, cutoff=0.6)]
        hint = f"; nearest header: {self.names[self._plain.index(near[0])]!r}" if near else ""
        return f"{target} (known as {', '.join(map(repr, aliases))}{hint})"

    def refuse(self, missing: Sequence[str]) -> UnreadableFileError:
        """The refusal of a file whose header lacks required columns."""
        shown = ", ".join(map(repr, self.names[:60])) + (f" and {len(self.names) - 60} more" if len(self.names) > 60 else "")
        return UnreadableFileError(
            "required column missing",
            f"the header lacks {'; '.join(missing)}. It has: {shown}. Add the new name to the definition's aliases, or ask for the column",
        )


def plain(name: str) -> str:
    """A header reduced to what identifies it."""
    return re.sub(r"[\s_]+", "", name).lower()
