"""What dashboards read students' data through: a session of a user with a purpose, which gives permitted rows and logs every look.

Rights are looked up anew at every read, so that a line taken from the list of users ends what is under way. There is no free SQL: a read
names a table, columns and values, and everything else is refused. Whatever goes wrong gives no rows, and the answer says why.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from la_resources.contracts import Table
from la_resources.lake import Lake
from la_resources.student_access.access_log import AccessEvent, AccessLog
from la_resources.student_access.entitlement import OPEN, Entitlement, Entitlements
from la_resources.student_access.row_rules import fits, permitted

ANSWERED = "answered"
_USER = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,127}")
_STUDENT = re.compile(r"[0-9a-f]{32}")
_KEYS_LOGGED = 100
Value = str | int | float | bool | dt.date
Where = Mapping[str, Value | Sequence[Value]]


@dataclass(frozen=True)
class Answer:
    """Permitted rows, and ``answered`` or why there are none."""

    rows: pl.DataFrame
    status: str


class _Refused(Exception):
    """Why a read gives nothing, in words for the answer and the log."""


@dataclass(frozen=True)
class StudentAccess:
    """The door to a lake.

    Parameters
    ----------
    lake : Lake
        The lake.
    log : AccessLog
        Where every look is written.
    tables : mapping of str to Table
        Contracts by name; those of ``access`` among them.
    rules : mapping of str to str
        Table name to rule (:mod:`la_resources.student_access.row_rules`); a table that is not in it is refused.
    purposes : collection of str
        What a session may be for; a closed set, so that no story about a student gets into the log.
    names_for : collection of str
        Roles that may see names.
    columns_for : mapping of str to collection of str
        Columns that only some roles may see, with those roles.
    now : callable
        The time (with time zone) whose date is today.
    """

    lake: Lake
    log: AccessLog
    tables: Mapping[str, Table]
    rules: Mapping[str, str]
    purposes: Collection[str]
    names_for: Collection[str]
    columns_for: Mapping[str, Collection[str]]
    now: Callable[[], dt.datetime]
    entitlements: Entitlements = field(init=False, repr=False)

    def __post_init__(self) -> None:
        lookups = (self.tables[f"access.{name}"] for name in ("policies", "student_grants", "class_grants"))
        object.__setattr__(self, "entitlements", Entitlements(self.lake, *lookups))

    def open(self, user: str, purpose: str, as_of: dt.date | None = None, view_as: str | None = None) -> AccessSession:
        """A session; its ``status`` is ``open``, or says why it will give nothing.

        Parameters
        ----------
        user : str
            Name the person signed in with. Who they are is the sign-on's business.
        purpose : str
            Of ``purposes``.
        as_of : date, optional
            The day whose links count and beyond which nothing is known; today by default. A past day needs a user who has access
            today as well; a day to come is refused.
        view_as : str, optional
            Another user's name: rows are those that both may see.

        Raises
        ------
        AccessLogError
            If the opening cannot be logged.
        """
        now = self.now()
        asked = (_name(user), purpose if purpose in self.purposes else "", as_of or now.date(), None if view_as is None else _name(view_as))
        session = AccessSession(self, *asked)
        self.log.record(session.event("open", session.status, now))
        return session


@dataclass(frozen=True)
class AccessSession:
    """A user's session; made by :meth:`StudentAccess.open`."""

    access: StudentAccess
    user: str
    purpose: str
    as_of: dt.date
    view_as: str | None = None

    @property
    def status(self) -> str:
        """``open``, or why nothing is shown."""
        return self._standing()[0]

    def read(
        self,
        table: str,
        *,
        columns: Sequence[str] | None = None,
        where: Where | None = None,
        school_years: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> Answer:
        """Permitted rows of a table.

        Parameters
        ----------
        table : str
            Name of a table with a rule.
        columns : sequence of str, optional
            Columns wanted; by default all that are for the user's roles.
        where : mapping of str to value or values, optional
            Column to the value, or one of the values, that it must have.
        school_years : sequence of str, optional
            Years wanted; all by default.
        limit : int, optional
            Most rows wanted, year by year in the order of the table's key.

        Raises
        ------
        AccessLogError
            If the read cannot be logged; no rows are handed out.
        """
        try:
            rows, outcome = self._rows(table, columns, where or {}, school_years, limit), ANSWERED
        except _Refused as refusal:
            rows, outcome = pl.DataFrame(), str(refusal)
        except Exception as error:
            self.access.log.record(self._read_event(table, f"failed: {type(error).__name__}", where, school_years))
            raise
        self.access.log.record(self._read_event(table, outcome, where, school_years, rows))
        return Answer(rows.select(columns) if columns and outcome == ANSWERED else rows, outcome)

    def event(self, action: str, outcome: str, at: dt.datetime, **more: Any) -> AccessEvent:
        return AccessEvent(at, action, self.user, outcome, self.purpose, view_as=self.view_as or "", as_of=self.as_of, **more)

    # -- who may ------------------------------------------------------------------------------------------------------------------

    def _standing(self) -> tuple[str, list[Entitlement]]:
        """``open`` with the entitlements that must all let a row through, or why there are none."""
        today = self.access.now().date()
        if not self.purpose:
            return "unknown purpose", []
        if self.as_of > today:
            return "a day to come", []
        must_hold = {"": (self.user, self.as_of)}
        if self.as_of < today:
            must_hold["today: "] = (self.user, today)
        if self.view_as is not None:
            must_hold["view-as: "] = (self.view_as, self.as_of)
        held = {where: self.access.entitlements.of(*asked) for where, asked in must_hold.items()}
        for where, entitlement in held.items():
            if entitlement.status != OPEN:
                return f"{where}{entitlement.status}", []
        return OPEN, [entitlement for where, entitlement in held.items() if where != "today: "]

    # -- what of it ---------------------------------------------------------------------------------------------------------------

    def _rows(
        self, name: str, columns: Sequence[str] | None, where: Where, school_years: Sequence[str] | None, limit: int | None
    ) -> pl.DataFrame:
        status, standing = self._standing()
        if status != OPEN:
            raise _Refused(status)
        table, rule = self.access.tables.get(name), self.access.rules.get(name)
        if table is None or rule is None or not fits(rule, table):
            raise _Refused("no policy for the table")
        shown = self._shown(table, standing, {*(columns or ()), *where})
        wanted = [*columns, *({"student_key"} & set(table.by_name))] if columns else shown
        asked = [_equals(table, column, value) for column, value in where.items()]
        allowed = [permitted(rule, entitlement, self.access.entitlements, self.access.names_for) for entitlement in standing]
        if any(condition is None for condition in allowed):
            raise _Refused("not for the role")
        frame = self.access.lake.scan(table, school_years)
        if self.as_of < self.access.now().date():
            frame = frame.filter(pl.col("known_on") <= self.as_of) if "known_on" in table.by_name else frame.filter(pl.lit(False))
        frame = frame.filter(*[condition for condition in allowed if condition is not None], *asked).select(list(dict.fromkeys(wanted)))
        return (frame if limit is None else frame.head(max(limit, 0))).collect()

    def _shown(self, table: Table, standing: Sequence[Entitlement], asked: Collection[str]) -> list[str]:
        """The columns that all roles of all who must be entitled may see."""
        if unknown := set(asked) - set(table.by_name):
            raise _Refused(f"unknown column{'s' if len(unknown) > 1 else ''}")
        held = {role for entitlement in standing for roles in entitlement.roles.values() for role in roles}
        withheld = {column for column, roles in self.access.columns_for.items() if not held or held - set(roles)}
        if withheld & set(asked):
            raise _Refused("a column is not for the role")
        return [column for column in table.names if column not in withheld]

    def _read_event(
        self, table: str, outcome: str, where: Where | None, school_years: Sequence[str] | None, rows: pl.DataFrame | None = None
    ) -> AccessEvent:
        keys = [key for key in _listed((where or {}).get("student_key", ())) if isinstance(key, str) and _STUDENT.fullmatch(key)]
        known = self.access.tables.get(table)
        return self.event(
            "read",
            outcome,
            self.access.now(),
            table=table if known else "(unknown)",
            rows=0 if rows is None else rows.height,
            students=rows["student_key"].n_unique() if rows is not None and "student_key" in rows.columns else 0,
            filters=tuple(sorted(column for column in where or {} if known and column in known.by_name)),
            students_asked=tuple(keys[:_KEYS_LOGGED]),
            school_years=tuple(year for year in school_years or () if re.fullmatch(r"\d{4}-\d{2}", year)),
        )


def _name(user: str) -> str:
    """A user name as the policy table has it; what cannot be one is not repeated in the log."""
    name = user.strip().lower()
    return name if _USER.fullmatch(name) else "(not a user name)"


def _listed(value: Any) -> list[Any]:
    """A value, or several, as a list."""
    return [value] if isinstance(value, str | int | float | dt.date) else list(value)


def _equals(table: Table, column: str, value: Any) -> pl.Expr:
    """Whether a column has the value, or one of the values."""
    try:
        wanted = pl.Series(_listed(value), dtype=table.by_name[column].dtype, strict=True)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        raise _Refused("a value does not fit its column") from None
    if len(wanted) == 1:
        return pl.col(column) == wanted[0]
    return pl.col(column).is_in(wanted.implode())
