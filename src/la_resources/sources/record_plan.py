"""A definition laid on one file's header: which position feeds which column of which landing table.

Compiled once a file; everything that can be refused before the first row (unknown table, missing column, a header that
stands twice) is refused here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from la_resources.contracts import Column, Table
from la_resources.sources.definitions import ColumnRule, Condition, DefinitionError, Record, SourceDefinition
from la_resources.sources.header import Header
from la_resources.sources.rows import UnreadableFileError

LINEAGE = ("school_year", "source", "source_file", "source_row", "row_hash", "landed_at")
"""Columns of a landing table that the reader fills itself."""


@dataclass(frozen=True)
class PlannedColumn:
    """One target column: contract, rule, the positions it is picked from in order, a fixed text if there is one."""

    column: Column
    rule: ColumnRule
    positions: tuple[int, ...]
    role_position: int | None
    named_text: str | None
    required: bool


@dataclass(frozen=True)
class PlannedCondition:
    """A condition with the position of its column."""

    position: int
    condition: Condition


@dataclass(frozen=True)
class PlannedRecord:
    """One record a row may give: a record set, or one block of a repeated one."""

    record: Record
    table: Table
    columns: tuple[PlannedColumn, ...]
    where: tuple[PlannedCondition, ...]


@dataclass(frozen=True)
class Plan:
    """Everything a chunk of records needs to be typed."""

    definition: SourceDefinition
    records: tuple[PlannedRecord, ...]
    skip_when: tuple[PlannedCondition, ...]
    year_position: int | None
    refused: tuple[int, int] | None = None
    """Positions of the columns that say why the file itself holds a row unfit, and with which details."""

    @property
    def wanted(self) -> list[int]:
        """Positions of all columns that are read."""
        positions = {p for r in self.records for c in r.columns for p in c.positions}
        positions |= {c.role_position for r in self.records for c in r.columns if c.role_position is not None}
        positions |= {c.position for r in self.records for c in r.where} | {c.position for c in self.skip_when}
        positions |= set(self.refused or ())
        return sorted(positions | ({self.year_position} if self.year_position is not None else set()))


def plan(definition: SourceDefinition, tables: Mapping[str, Table], names: Sequence[str], path: str) -> Plan:
    """Lay a definition on a header.

    Parameters
    ----------
    definition : SourceDefinition
        The definition that claims the file.
    tables : mapping of str to Table
        Contracts of the landing tables.
    names : sequence of str
        The file's header.
    path : str
        The file's path, for ``from_name``.

    Raises
    ------
    UnreadableFileError
        If required columns are missing or a needed header stands twice.
    DefinitionError
        If the definition names a table or column that does not exist.
    """
    header = Header(names)
    missing: list[str] = []
    records: list[PlannedRecord] = []
    unused: list[str] = []
    for record in definition.records:
        table = checked_table(definition, record, tables)
        if record.if_header and not header.matches(record.if_header):
            unused += [header.missing(record.if_header, record.table)]
            continue
        blocks = _blocks(record, header) if record.repeat else [None]
        for block in blocks:
            columns = tuple(_planned(record, table, target, header, block=block, path=path, missing=missing) for target in record.columns)
            where = _conditions(record.where, header, missing)
            records.append(PlannedRecord(record, table, columns, where))
    skip_when = _conditions(definition.skip_when, header, missing)
    year_aliases = definition.year.date or definition.year.column
    year_position = header.position(year_aliases) if year_aliases else None
    if year_aliases and year_position is None:
        missing.append(header.missing(year_aliases, "school year"))
    refused = _refused(definition, header, missing)
    if missing:
        raise header.refuse(sorted(set(missing)))
    if not records:
        raise header.refuse(unused or ["any column of a record set"])
    return Plan(definition, tuple(records), skip_when, year_position, refused)


def checked_table(definition: SourceDefinition, record: Record, tables: Mapping[str, Table]) -> Table:
    """The record's table, after checking that the definition fits its contract.

    Raises
    ------
    DefinitionError
        Naming the definition, the table and the columns that are unknown or not filled.
    """
    if record.table not in tables:
        raise DefinitionError(f"{definition.name}: {record.table} is not a landing table; there are {', '.join(sorted(tables))}")
    table = tables[record.table]
    if unknown := sorted(set(record.columns) - set(table.names) | set(record.columns) & set(LINEAGE)):
        raise DefinitionError(
            f"{definition.name}: {record.table} has no columns {unknown} to fill; it has {[n for n in table.names if n not in LINEAGE]}"
        )
    if unfilled := [c.name for c in table.columns if not c.nullable and c.name not in record.columns and c.name not in LINEAGE]:
        raise DefinitionError(f"{definition.name}: {record.table} needs {unfilled}, which the definition does not fill")
    for name, rule in record.columns.items():
        keyed = bool(rule.person or rule.person_role_from)
        if keyed != name.endswith("_key"):
            what = (
                "needs person: student or staff (identifiers land as keys only)"
                if not keyed
                else "is not a key column, person does not fit it"
            )
            raise DefinitionError(f"{definition.name}: {record.table}.{name} {what}")
    return table


def _blocks(record: Record, header: Header) -> list[int | None]:
    """Numbers of the blocks that the file has, by the block column with the most occurrences."""
    aliases = [rule.from_ for rule in record.columns.values() if rule.block and rule.from_]
    most = 0
    for names in aliases:
        numbered = any("{n}" in n for n in names)
        found = sum(bool(header.matches(names, n)) for n in range(1, record.repeat + 1)) if numbered else len(header.matches(names))
        most = max(most, found)
    if most > record.repeat:
        raise UnreadableFileError(
            "too many blocks", f"the header repeats {aliases[0]} {most} times, the definition allows {record.repeat}; raise repeat"
        )
    return list(range(1, most + 1))


def _planned(
    record: Record, table: Table, target: str, header: Header, *, block: int | None, path: str, missing: list[str]
) -> PlannedColumn:
    rule, column = record.columns[target], table.by_name[target]
    number = block if rule.block else None
    first = header.position(rule.from_, number) if rule.from_ else None
    others = [header.position([name]) for name in rule.or_from]
    positions = tuple(p for p in (first, *others) if p is not None)
    required = rule.required or not column.nullable or target in record.key
    named = _named_text(rule, path)
    fixed = rule.const is not None or rule.default is not None or named is not None
    if required and not positions and not fixed:
        missing.append(header.missing((*rule.from_, *rule.or_from) or (rule.from_name,), target))
    role = header.position([rule.person_role_from]) if rule.person_role_from else None
    if rule.person_role_from and role is None:
        missing.append(header.missing([rule.person_role_from], f"role of {target}"))
    return PlannedColumn(column, rule, positions, role, named, required)


def _named_text(rule: ColumnRule, path: str) -> str | None:
    found = re.search(rule.from_name, path, re.IGNORECASE) if rule.from_name else None
    return found.group(1) if found else None


def _refused(definition: SourceDefinition, header: Header, missing: list[str]) -> tuple[int, int] | None:
    if definition.refused is None:
        return None
    rule, value = header.position(definition.refused.rule), header.position(definition.refused.value)
    if rule is None or value is None:
        missing.append(header.missing(definition.refused.rule if rule is None else definition.refused.value, "refused"))
        return None
    return rule, value


def _conditions(conditions: Sequence[Condition], header: Header, missing: list[str]) -> tuple[PlannedCondition, ...]:
    planned = []
    for condition in conditions:
        position = header.position(condition.column)
        if position is None:
            missing.append(header.missing(condition.column, "condition"))
        else:
            planned.append(PlannedCondition(position, condition))
    return tuple(planned)
