"""Which rows of a table an entitlement lets through: a table has one rule, and a table without a rule is not for reading.

``student``: rows of the students in one's scopes. ``names``: the same, for roles entitled to names. ``class``: rows of one's sections in
the year, and of the classes of one's school. ``school``: rows of one's school. ``district``: every row, for whoever has access at all.
"""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from la_resources.contracts import Table
from la_resources.student_access.entitlement import DISTRICT, Entitlement, Entitlements

RULES = {
    "student": ("student_key",),
    "names": ("student_key",),
    "class": ("section_id", "school_id", "school_year"),
    "school": ("school_id",),
    "district": (),
}
"""Rules and the columns that they need."""
_SCHOOL = "school:"


def fits(rule: str, table: Table) -> bool:
    """Whether there is such a rule and the table has its columns."""
    return rule in RULES and set(RULES[rule]) <= set(table.by_name)


def permitted(rule: str, entitlement: Entitlement, entitlements: Entitlements, names_for: Collection[str]) -> pl.Expr | None:
    """True on rows that the entitlement lets through; None: the roles let nothing of the table through.

    Parameters
    ----------
    rule : str
        Of ``RULES``.
    entitlement : Entitlement
        Who, on which day.
    entitlements : Entitlements
        Where grants are looked up.
    names_for : collection of str
        Roles that may see names.
    """
    scopes = entitlement.scopes(names_for if rule == "names" else None)
    if not scopes:
        return None
    if DISTRICT in scopes or rule == "district":
        return pl.lit(True)
    schools = pl.col("school_id").is_in([scope.removeprefix(_SCHOOL) for scope in scopes if scope.startswith(_SCHOOL)])
    if rule in ("student", "names"):
        return _among("student_key", entitlements.students(entitlement, scopes))
    if rule == "class":
        own = _among("section_id", entitlements.sections(entitlement, scopes)) & (pl.col("school_year") == entitlement.school_year)
        return own | schools.fill_null(False)
    return schools.fill_null(False) if any(scope.startswith(_SCHOOL) for scope in scopes) else None


def _among(column: str, values: pl.Series) -> pl.Expr:
    """Whether a column is one of some values; its bounds let whole row groups of a sorted file be left unread."""
    if values.is_empty():
        return pl.lit(False)
    value = pl.col(column)
    return (value >= values.min()) & (value <= values.max()) & value.is_in(values.implode())
