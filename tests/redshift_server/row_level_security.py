"""Redshift's row-level security for PostgreSQL, whose policies belong to one table and look things up with the reader's own rights.

A Redshift policy becomes a function with the rights of its owner, and each attachment a policy of PostgreSQL that calls it; the user
is then ``session_user``, and ``current_setting`` has its second argument the other way round. Refused as in Redshift: a table that
lacks a column of the policy, a policy that looks into a table it was not granted, a policy on a table that policies look into.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.redshift_server.dialect import NotInRedshiftError

_FORMS = {
    "create": r"create\s+rls\s+policy\s+(?P<name>\w+)(\s+with\s*\((?P<columns>(?:[^()]|\(\d+\))*)\))?(\s+as\s+\w+)?"
    r"\s+using\s*\((?P<using>.*)\)",
    "drop": r"drop\s+rls\s+policy\s+(if\s+exists\s+)?(?P<name>\w+)(\s+cascade)?",
    "attach": r"attach\s+rls\s+policy\s+(?P<name>\w+)\s+on\s+(table\s+)?(?P<tables>.+?)\s+to\s+role\s+(?P<role>\w+)",
    "look": r"grant\s+select\s+on\s+(table\s+)?(?P<table>\S+)\s+to\s+rls\s+policy\s+(?P<name>\w+)",
    "switch": r"alter\s+table\s+(?P<table>\S+)\s+row\s+level\s+security\s+(?P<to>on|off)(\s+conjunction\s+type\s+(and|or))?",
    "ignore": r"grant\s+ignore\s+rls\s+to\s+role\s+(?P<role>\w+)",
    "member": r"grant\s+role\s+(?P<role>\w+)\s+to\s+(?P<user>\S+)",
    "rights": r"(?P<what>(grant|revoke)\s+.+\s+(to|from))\s+role\s+(?P<role>\w+)",
}  # fmt: skip


@dataclass
class _Policy:
    columns: list[tuple[str, str]]
    using: str
    may_look_into: set[str] = field(default_factory=set)


@dataclass
class RowLevelSecurity:
    """Policies of one server; what a transaction rolled back is made anew by the next one that drops it first."""

    policies: dict[str, _Policy] = field(default_factory=dict)

    def for_postgres(self, sql: str) -> str | None:
        """The statement as PostgreSQL takes it; None if it has nothing to do with roles and policies.

        Raises
        ------
        NotInRedshiftError
            If Redshift would refuse it.
        """
        stated = sql.strip().rstrip(";").strip()
        for form, pattern in _FORMS.items():
            if found := re.fullmatch(pattern, stated, re.IGNORECASE | re.DOTALL):
                made: str = getattr(self, f"_{form}")(**{k: v for k, v in found.groupdict().items() if v is not None})
                return made
        return None

    def _create(self, name: str, using: str, columns: str = "") -> str:
        listed = [tuple(column.split(None, 1)) for column in columns.split(",") if column.strip()]
        self.policies[name] = _Policy([(c, t) for c, t in listed], using)
        body = re.sub(r"\bcurrent_user\b", "session_user", using, flags=re.IGNORECASE)
        body = re.sub(r"(current_setting\('[^']*',\s*)false\)", r"\1true)", body, flags=re.IGNORECASE)
        parameters = ", ".join(f'"{column}" {kind}' for column, kind in listed)
        returns = "returns boolean language sql stable security definer"
        return f"create function public.rls_{name}({parameters}) {returns} as $rls$ select {body} $rls$"

    @staticmethod
    def _drop(name: str) -> str:
        return (
            "do $stand_in$ declare found record; begin for found in select * from pg_policies where policyname = '" + name + "' loop "
            "execute format('drop policy %I on %I.%I', found.policyname, found.schemaname, found.tablename); end loop; "
            "for found in select oid::regprocedure as made from pg_proc where proname = 'rls_" + name + "' loop "
            "execute 'drop function ' || found.made; end loop; end $stand_in$"
        )

    def _look(self, table: str, name: str) -> str:
        self._known(name).may_look_into.add(table.replace('"', ""))
        return "do $$ begin end $$"

    def _attach(self, name: str, tables: str, role: str) -> str:
        policy = self._known(name)
        into = set(re.findall(r"(?:from|join)\s+(\w+\.\w+)", policy.using, re.IGNORECASE))
        if missing := into - policy.may_look_into:
            raise NotInRedshiftError(
                f"permission denied for relation {', '.join(sorted(missing))} in RLS policy {name}: an ungranted lookup"
            )
        wanted = [table.strip() for table in tables.split(",")]
        looked_up = {table for known in self.policies.values() for table in known.may_look_into}
        if wrong := [table for table in wanted if table.replace('"', "") in looked_up]:
            raise NotInRedshiftError(f"an RLS policy on {wrong[0]}, a lookup table of a policy,")
        arguments = ", ".join(f'"{column}"' for column, _ in policy.columns)
        made = [f"create policy {name} on {table} for select to {role} using (public.rls_{name}({arguments}));" for table in wanted]
        return f"do $stand_in$ begin {' '.join(made)} end $stand_in$"

    @staticmethod
    def _switch(table: str, to: str) -> str:
        return f"alter table {table} {'enable' if to.lower() == 'on' else 'disable'} row level security"

    @staticmethod
    def _ignore(role: str) -> str:
        return f"alter role {role} bypassrls"

    @staticmethod
    def _member(role: str, user: str) -> str:
        return f"grant {role} to {user}"

    @staticmethod
    def _rights(what: str, role: str) -> str:
        return f"{what} {role}"

    def _known(self, name: str) -> _Policy:
        if name not in self.policies:
            raise NotInRedshiftError(f"RLS policy {name} does not exist, and one that does not exist")
        return self.policies[name]
