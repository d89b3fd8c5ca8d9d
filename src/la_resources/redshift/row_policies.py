"""Row-level security of Redshift from the same rules as the local query interface: SQL text, and its application in one transaction.

Users of the database have the names of the list of users and the role ``la_reader``; a policy per rule looks their scopes up in
``access.policies`` and the grants. What has no rule is not granted, and a protected table without a policy shows nothing. View-as
is a variable of the session (``SELECT set_config('la.view_as', 'ana.t', FALSE)``) that can only narrow what is seen. Syntax: Amazon
Redshift Database Developer Guide, "Row-level security", "CREATE RLS POLICY", "ATTACH RLS POLICY", "CURRENT_SETTING".

Not here: names (the directory is not in Redshift), days in the past, and the log of reads, which is Redshift's own audit log.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from la_resources.contracts import Table
from la_resources.redshift import ddl
from la_resources.redshift.engine import Redshift
from la_resources.student_access.row_rules import RULES

READER, LOADER = "la_reader", "la_loader"
VIEW_AS = "la.view_as"
_LOOKUPS = {
    "student": ("access.policies", "access.student_grants"),
    "class": ("access.policies", "access.class_grants"),
    "school": ("access.policies",),
    "district": ("access.policies",),
}
_USER = "CAST(current_user AS VARCHAR(128))"
_OTHER = f"COALESCE(NULLIF(current_setting('{VIEW_AS}', FALSE), ''), {_USER})"


def policy_name(rule: str) -> str:
    return f"la_{rule}_rows"


def protected(tables: Mapping[str, Table], rules: Mapping[str, str]) -> dict[str, list[Table]]:
    """Tables of Redshift by the rule that their rows are shown by."""
    found: dict[str, list[Table]] = {rule: [] for rule in _LOOKUPS}
    for name, rule in rules.items():
        if rule in found and ddl.is_offered(tables[name]) and name not in ddl.LOOKED_UP:
            found[rule].append(tables[name])
    return found


def create_policy(rule: str, tables: list[Table]) -> str:
    """The policy of a rule.

    Raises
    ------
    ValueError
        If the tables do not agree in the types of its columns: a policy names one type for each.
    """
    columns = []
    for name in RULES[rule]:
        types = {ddl.column_type(table.by_name[name].dtype, table.by_name[name]) for table in tables}
        if len(types) != 1:
            raise ValueError(f"{policy_name(rule)}: {name} is of the types {', '.join(sorted(types))} in the tables of the policy")
        columns.append(f"{name} {types.pop()}")
    given = f" WITH ({', '.join(columns)})" if columns else ""
    return f"CREATE RLS POLICY {policy_name(rule)}{given} USING (({_shown(rule, _USER)}) AND ({_shown(rule, _OTHER)}))"


def statements(tables: Mapping[str, Table], rules: Mapping[str, str], withheld: Collection[str], loader: str) -> list[str]:
    """Everything after the roles, in an order in which no row is shown that should not be.

    Parameters
    ----------
    tables : mapping of str to Table
        Tables that Redshift has, by name.
    rules : mapping of str to str
        Table name to rule; tables without one are taken from the reader.
    withheld : collection of str
        Columns that only some roles may see; the reader, which is one role for all, gets none of them.
    loader : str
        The user that loads tables; without IGNORE RLS a load would delete only the rows that the loader may see.
    """
    by_rule = protected(tables, {name: rule for name, rule in rules.items() if name in tables})
    tables = {name: table for name, table in tables.items() if ddl.is_offered(table)}
    readable = sorted({table.name for of_rule in by_rule.values() for table in of_rule})
    made = [f"GRANT IGNORE RLS TO ROLE {LOADER}", f'GRANT ROLE {LOADER} TO "{loader}"']
    for rule, of_rule in by_rule.items():
        made.append(f"DROP RLS POLICY IF EXISTS {policy_name(rule)} CASCADE")
        if not of_rule:
            continue
        names = ", ".join(ddl.quoted(table.name) for table in of_rule)
        made.append(create_policy(rule, of_rule))
        made += [f"GRANT SELECT ON TABLE {ddl.quoted(lookup)} TO RLS POLICY {policy_name(rule)}" for lookup in _LOOKUPS[rule]]
        made.append(f"ATTACH RLS POLICY {policy_name(rule)} ON TABLE {names} TO ROLE {READER}")
    made += [f"ALTER TABLE {ddl.quoted(name)} ROW LEVEL SECURITY ON" for name in readable]
    made += [f"REVOKE ALL ON TABLE {ddl.quoted(name)} FROM ROLE {READER}" for name in sorted(tables)]
    made += [f'GRANT USAGE ON SCHEMA "{schema}" TO ROLE {READER}' for schema in sorted({name.partition(".")[0] for name in readable})]
    return [*made, *(_grant(tables[name], withheld) for name in readable)]


def apply(redshift: Redshift, tables: Mapping[str, Table], rules: Mapping[str, str], withheld: Collection[str]) -> list[str]:
    """Make Redshift's policies those of the rules, in one transaction; the statements that were run.

    A table that Redshift does not have yet is left out: without a grant nobody reads it. Run this again when tables or rules are added.
    """
    with redshift.connection() as connection:
        connection.autocommit = False
        cursor = connection.cursor()
        try:
            cursor.execute("SELECT table_schema || '.' || table_name FROM information_schema.tables")
            there = {name for (name,) in cursor.fetchall()}
            cursor.execute("SELECT role_name FROM svv_roles")
            roles = {name for (name,) in cursor.fetchall()}
            cursor.execute("SELECT current_user")
            (loader,) = cursor.fetchone()
            run = [f"CREATE ROLE {role}" for role in (READER, LOADER) if role not in roles]
            run += statements({name: table for name, table in tables.items() if name in there}, rules, withheld, loader)
            for statement in run:
                cursor.execute(statement)
            connection.commit()
        except Exception:
            connection.rollback()
            raise
    return run


def _grant(table: Table, withheld: Collection[str]) -> str:
    """What the reader may select: the table, or all columns of it but those withheld."""
    shown = [f'"{name}"' for name in table.names if name not in withheld]
    columns = f" ({', '.join(shown)})" if len(shown) < len(table.names) else ""
    return f"GRANT SELECT{columns} ON TABLE {ddl.quoted(table.name)} TO ROLE {READER}"


def _valid(*aliases: str) -> str:
    return " AND ".join(f"CURRENT_DATE BETWEEN {alias}.valid_from AND {alias}.valid_until" for alias in aliases)


def _scopes(user: str) -> str:
    """The scopes of a user today."""
    return f"SELECT p.scope FROM access.policies AS p WHERE p.user_name = {user} AND p.status = 'granted' AND {_valid('p')}"  # noqa: S608


def _granted(user: str, table: str, value: str) -> str:
    """What lies in the scopes of a user today."""
    return (
        f"SELECT {value} FROM {table} AS g JOIN access.policies AS p ON p.scope = g.scope "  # noqa: S608
        f"WHERE p.user_name = {user} AND p.status = 'granted' AND {_valid('p', 'g')}"
    )


def _shown(rule: str, user: str) -> str:
    """Whether a row is shown to a user."""
    district, school = f"'district' IN ({_scopes(user)})", f"'school:' || school_id IN ({_scopes(user)})"
    if rule == "student":
        return f"student_key IN ({_granted(user, 'access.student_grants', 'g.student_key')}) OR {district}"
    if rule == "class":
        own = _granted(user, "access.class_grants", "g.section_id || '/' || g.school_year")
        return f"section_id || '/' || school_year IN ({own}) OR {school} OR {district}"
    if rule == "school":
        return f"{school} OR {district}"
    return f"{user} IN (SELECT p.user_name FROM access.policies AS p WHERE p.status = 'granted' AND {_valid('p')})"  # noqa: S608
