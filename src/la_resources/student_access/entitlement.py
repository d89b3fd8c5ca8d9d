"""What a user is entitled to on a day: scopes from the policy table, students and classes from the grants.

Whatever is not there gives nothing: no user, no valid line, no grant, no table.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from la_resources import school_year as arithmetic
from la_resources.contracts import Table
from la_resources.lake import Lake

OPEN, DISTRICT = "open", "district"
_GRANTED = "granted"


@dataclass(frozen=True)
class Entitlement:
    """A user on a day.

    Attributes
    ----------
    status : str
        ``open``, or why the user is entitled to nothing.
    day : date
        The day.
    roles : dict of str to tuple of str
        Scope to the roles that give it; empty unless ``open``.
    """

    status: str
    day: dt.date
    roles: dict[str, tuple[str, ...]]

    def scopes(self, roles: Collection[str] | None = None) -> list[str]:
        """The scopes, or those that one of ``roles`` gives."""
        return sorted(scope for scope, givers in self.roles.items() if roles is None or set(givers) & set(roles))

    @property
    def school_year(self) -> str:
        return arithmetic.of_date(self.day)


@dataclass(frozen=True)
class Entitlements:
    """Policies and grants in a lake.

    Parameters
    ----------
    lake : Lake
        The lake.
    policies, student_grants, class_grants : Table
        Contracts of ``access.policies``, ``access.student_grants`` and ``access.class_grants``.
    """

    lake: Lake
    policies: Table
    student_grants: Table
    class_grants: Table

    def of(self, user_name: str, day: dt.date) -> Entitlement:
        """What a user is entitled to on a day."""
        lines = self.lake.scan(self.policies, [arithmetic.of_date(day)]).filter(pl.col("user_name") == user_name)
        found = lines.select("scope", "role", "status", "valid_from", "valid_until").collect()
        granted = found.filter(pl.col("status") == _GRANTED)
        valid = granted.filter(_covers(day))
        if not valid.is_empty():
            of_scope = valid.group_by("scope").agg(pl.col("role").drop_nulls().unique().sort())
            return Entitlement(OPEN, day, {scope: tuple(roles) for scope, roles in of_scope.iter_rows()})
        if found.is_empty():
            status = "unknown user"
        elif granted.is_empty():
            status = f"no access: {found['status'].sort()[0]}"
        else:
            status = "expired" if granted.filter(pl.col("valid_from") > day).is_empty() else "not yet valid"
        return Entitlement(status, day, {})

    def students(self, entitlement: Entitlement, scopes: Collection[str]) -> pl.Series:
        """Keys of the students in some scopes on the entitlement's day."""
        return self._granted(self.student_grants, entitlement, scopes, "student_key")

    def sections(self, entitlement: Entitlement, scopes: Collection[str]) -> pl.Series:
        """Sections in some scopes on the entitlement's day."""
        return self._granted(self.class_grants, entitlement, scopes, "section_id")

    def _granted(self, table: Table, entitlement: Entitlement, scopes: Collection[str], column: str) -> pl.Series:
        grants = self.lake.scan(table, [entitlement.school_year])
        return (
            grants.filter(pl.col("scope").is_in(list(scopes)) & _covers(entitlement.day)).select(pl.col(column).unique()).collect()[column]
        )


def _covers(day: dt.date) -> pl.Expr:
    return (pl.col("valid_from") <= day) & (pl.col("valid_until") >= day)
