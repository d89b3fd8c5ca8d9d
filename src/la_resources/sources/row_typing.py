"""A chunk of text records becomes typed records and rejected rows.

A row is taken or rejected as a whole: if one of its records breaks a rule, none is landed, and one rejected row lists every rule
broken. Each distinct text of a column is typed once; rows are only index work. What a column promises comes from the
table's contract, what the text means from the definition; this module combines the two and writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from la_resources.school_year import of_dates
from la_resources.sources.column_typing import ColumnTyping, TypedColumn
from la_resources.sources.definitions import Condition
from la_resources.sources.indexed import Indexed, constant, indexed
from la_resources.sources.record_plan import Plan, PlannedCondition, PlannedRecord
from la_resources.sources.rejected_rows import RejectedRows
from la_resources.sources.rows import RecordChunk
from la_resources.sources.typed_values import parsed_date, school_year_named, trimmed

NO_RECORD = "gives no record"
NO_YEAR = "no school year"
OTHER_YEAR = "date outside the file's school year"


@dataclass(frozen=True)
class TypedRecord:
    """The records that a chunk gives to one landing table: columns, and which rows of the chunk give one."""

    planned: PlannedRecord
    columns: dict[str, Indexed]
    rows: np.ndarray


@dataclass(frozen=True)
class TypedChunk:
    """A chunk after typing; every row is in exactly one of loaded, skipped and rejected."""

    records: list[TypedRecord]
    year: Indexed
    loaded: np.ndarray
    skipped: np.ndarray
    rejected: pl.DataFrame
    years_seen: dict[str, int]


def type_chunk(chunk: RecordChunk, plan: Plan, typing: ColumnTyping, *, bundle_year: str | None, expected_year: str | None) -> TypedChunk:
    """Type the records of a chunk.

    Parameters
    ----------
    chunk : RecordChunk
        Text records, without duplicates.
    plan : Plan
        The definition laid on the file's header.
    typing : ColumnTyping
        Types single columns; the same object for all chunks of a file.
    bundle_year : str, optional
        The school year of all rows, where a bundle says it.
    expected_year : str, optional
        The file's year; rows of another year are rejected. None: any year.

    Returns
    -------
    TypedChunk
    """
    n = len(chunk.source_row)
    texts = {position: indexed(array) for position, array in chunk.columns.items()}
    nulls = plan.definition.null_tokens
    year = _school_year(plan, texts, bundle_year, n)
    skipped = np.zeros(n, bool)
    for planned in plan.skip_when:
        skipped |= _holds(planned, texts, nulls)
    year_text = year.full()
    years_seen = _counts(year, ~skipped)
    findings = RejectedRows(chunk, year_text)
    refused = _refused(plan, texts, skipped, findings)
    findings.add(~skipped & year_text.is_null().to_numpy(), "", _year_name(plan), NO_YEAR, _text_at(plan.year_position, texts))
    if expected_year is not None:
        other = (year_text != expected_year).fill_null(False).to_numpy()
        findings.add(~skipped & other, "", _year_name(plan), OTHER_YEAR, _text_at(plan.year_position, texts))
    gives_any = np.zeros(n, bool)
    records: list[TypedRecord] = []
    made: dict[tuple[int, tuple[int, ...]], TypedColumn] = {}
    for record in plan.records:
        columns = []
        for planned_column in record.columns:
            same = (id(planned_column.rule), planned_column.positions)  # the blocks of a repeated record share most columns
            if same not in made:
                made[same] = typing.column(planned_column, texts, year, n)
            columns.append(made[same])
        gives = ~skipped & ~refused
        for planned in record.where:
            gives = gives & _holds(planned, texts, nulls)
        for column in columns:
            if column.name in record.record.only_if:
                gives = gives & ~column.is_blank()
        for column in columns:
            broken = column.is_broken()
            if broken is not None and (hit := broken & gives).any():
                findings.add_rules(hit, record.table.name, column)
        gives_any |= gives
        records.append(TypedRecord(record, {c.name: c.typed for c in columns}, gives))
    findings.add(~skipped & ~refused & ~gives_any, "", "", NO_RECORD, None)
    rejected = findings.rejected_rows
    loaded = ~skipped & ~rejected
    kept = [TypedRecord(r.planned, r.columns, r.rows & loaded) for r in records]
    return TypedChunk(kept, year, loaded, skipped & ~rejected, findings.frame(), years_seen)


def _refused(plan: Plan, texts: Mapping[int, Indexed], skipped: np.ndarray, findings: RejectedRows) -> np.ndarray:
    """Rows that the file itself holds unfit; they are rejected with the rule that stands in them."""
    if plan.refused is None:
        return np.zeros(len(skipped), bool)
    why = texts[plan.refused[0]]
    told = why.rows((why.values.fill_null("").str.strip_chars() != "").to_numpy()) & ~skipped
    findings.add_told(told, why, texts[plan.refused[1]])
    return told


def years_in(chunk: RecordChunk, plan: Plan) -> dict[str, int]:
    """School years in a chunk and how many rows each has; rows that name none are left out."""
    if plan.year_position is None or not len(chunk.source_row):
        return {}
    texts = {plan.year_position: indexed(chunk.columns[plan.year_position])}
    return _counts(_school_year(plan, texts, None, len(chunk.source_row)), np.ones(len(chunk.source_row), bool))


def _text_at(position: int | None, texts: Mapping[int, Indexed]) -> Indexed | None:
    return texts[position] if position is not None else None


def _year_name(plan: Plan) -> str:
    rule = plan.definition.year
    return (rule.date or rule.column or ("school year",))[0]


def _school_year(plan: Plan, texts: Mapping[int, Indexed], bundle_year: str | None, n: int) -> Indexed:
    rule = plan.definition.year
    if plan.year_position is None:
        return constant(bundle_year, n)
    text = texts[plan.year_position]
    cleaned = pl.DataFrame({"text": text.values}).select(trimmed(pl.col("text"), plan.definition.null_tokens))
    if rule.date:
        days = cleaned.select(parsed_date(pl.col("text"), rule.formats).alias("day"))
        values = days.select(of_dates(pl.when(pl.col("day").dt.year().is_between(1950, 2099)).then(pl.col("day"))).alias("year"))["year"]
    else:
        values = cleaned.select(school_year_named(pl.col("text"), rule.format).alias("year"))["year"]
    return Indexed(values, text.index)


def _counts(years: Indexed, rows: np.ndarray) -> dict[str, int]:
    """Rows of each year."""
    at = np.flatnonzero(rows) if years.index is None else years.index[rows]
    weight = np.bincount(at, minlength=len(years.values))
    counted = (
        pl.DataFrame({"year": years.values, "rows": weight})
        .drop_nulls()
        .group_by("year")
        .agg(pl.col("rows").sum())
        .filter(pl.col("rows") > 0)
    )
    return dict(zip(counted["year"].to_list(), counted["rows"].to_list(), strict=True))


def _holds(planned: PlannedCondition, texts: Mapping[int, Indexed], nulls: Sequence[str]) -> np.ndarray:
    """Which rows meet a condition."""
    text = texts[planned.position]
    cleaned = trimmed(pl.col("text"), nulls)
    met = pl.DataFrame({"text": text.values}).select(_test(cleaned, planned.condition).fill_null(False).alias("met"))["met"]
    return text.rows(met.to_numpy())


def _test(text: pl.Expr, condition: Condition) -> pl.Expr:
    lower = text.str.to_lowercase()
    tests: list[pl.Expr] = [pl.lit(True)]
    if condition.is_:
        tests.append(lower.is_in([v.strip().lower() for v in condition.is_]))
    if condition.is_not:
        tests.append(text.is_null() | ~lower.is_in([v.strip().lower() for v in condition.is_not]))
    if condition.matches:
        tests.append(text.str.contains(f"(?i){condition.matches}"))
    if condition.blank is not None:
        tests.append(text.is_null() if condition.blank else text.is_not_null())
    return pl.all_horizontal(tests)
