"""Identifiers to keys while a file is read: each distinct identifier is hashed once a chunk, recent ones are remembered.

The hash itself (a keyed one) is the caller's; this module decides only what is hashed and as what kind of person.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

HashIds = Callable[[str, list[str]], Sequence[str]]
"""From a kind of person (``student`` or ``staff``) and identifiers to their keys, in order."""

REMEMBERED = 200_000


class PersonKeys:
    """Keys of one file's persons.

    Parameters
    ----------
    hash_id : callable
        ``hash_id(kind, identifiers) -> keys``.
    """

    def __init__(self, hash_id: HashIds) -> None:
        self._hash = hash_id
        self._known: dict[tuple[str, str], str] = {}

    def of(self, kind: str, identifiers: pl.Series) -> pl.Series:
        """Keys of one kind of person; null stays null."""
        distinct = identifiers.drop_nulls().unique().to_list()
        return identifiers.replace_strict(distinct, self._keys(kind, distinct), default=None, return_dtype=pl.String)

    def by_role(self, identifiers: pl.Series, role: pl.Series) -> pl.Series:
        """Keys of persons whose kind follows the role: ``student`` is a student, any other a member of staff."""
        is_student = role.str.strip_chars().str.to_lowercase() == "student"
        frame = pl.DataFrame({"id": identifiers, "student": is_student.fill_null(False)})
        student, staff = (
            self.of("student", frame.select(pl.when("student").then("id"))["id"]),
            self.of("staff", frame.select(pl.when(~pl.col("student")).then("id"))["id"]),
        )
        return pl.DataFrame({"student": student, "staff": staff}).select(pl.coalesce("student", "staff").alias("key"))["key"]

    def _keys(self, kind: str, identifiers: list[str]) -> list[str]:
        unknown = [i for i in identifiers if (kind, i) not in self._known]
        if unknown:
            if len(self._known) + len(unknown) > REMEMBERED:
                self._known.clear()
                unknown = identifiers
            self._known.update(zip(((kind, i) for i in unknown), self._hash(kind, unknown), strict=True))
        return [self._known[kind, i] for i in identifiers]
