"""A chunk of text records becomes typed records and rejected rows.

A row is taken or rejected as a whole: if one of its records breaks a rule, none is landed, and one rejected row lists every rule
broken. Each distinct text of a column is typed once; rows are only index work. What a column promises comes from the
table's contract, what the text means from the definition; this module combines the two and writes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import polars as pl

from la_resources.sources.definitions import Condition
from la_resources.sources.person_keys import PersonKeys
from la_resources.sources.record_plan import Plan, PlannedColumn, PlannedCondition, PlannedRecord
from la_resources.sources.rows import TEXT_LIMIT, VALUE_LIMIT, RecordChunk
from la_resources.sources.typed_values import parsed_date, school_year_named, school_year_of, trimmed, typed_frame

if TYPE_CHECKING:
    import pyarrow as pa

REJECTED_SCHEMA = {
    "source_row": pl.Int64, "table": pl.String, "column": pl.String, "rule": pl.String, "value": pl.String,
    "text": pl.String, "school_year": pl.String,
}
NO_RECORD = "gives no record"
NO_YEAR = "no school year"
OTHER_YEAR = "date outside the file's school year"


@dataclass(frozen=True)
class Indexed:
    """A column as values and, where values repeat, the index of each row's value (None: one value a row)."""

    values: pl.Series
    index: np.ndarray | None

    def rows(self, per_value: np.ndarray) -> np.ndarray:
        """Spread something known of each value to the rows."""
        return per_value if self.index is None else per_value[self.index]

    def full(self) -> pl.Series:
        """One value a row."""
        return self.values if self.index is None else self.values.gather(self.index)


@dataclass(frozen=True)
class TypedColumn:
    """A typed column: values, which of them are blank, and the rule each breaks (None: all are fine)."""

    name: str
    typed: Indexed
    blank: np.ndarray
    rule: pl.Series | None
    texts: Indexed

    def is_blank(self) -> np.ndarray:
        return self.typed.rows(self.blank)

    def is_broken(self) -> np.ndarray | None:
        if self.rule is None:
            return None
        return self.typed.rows(self.rule.is_not_null().to_numpy())


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


def type_chunk(chunk: RecordChunk, plan: Plan, keys: PersonKeys, bundle_year: str | None, expected_year: str | None) -> TypedChunk:
    """Type the records of a chunk.

    Parameters
    ----------
    chunk : RecordChunk
        Text records, without duplicates.
    plan : Plan
        The definition laid on the file's header.
    keys : PersonKeys
        Replaces identifiers by keys.
    bundle_year : str, optional
        The school year of all rows, where a bundle says it.
    expected_year : str, optional
        The file's year; rows of another year are rejected. None: any year.

    Returns
    -------
    TypedChunk
    """
    n = len(chunk.source_row)
    texts = {position: _indexed(array) for position, array in chunk.columns.items()}
    nulls = plan.definition.null_tokens
    year = _school_year(plan, texts, bundle_year, n)
    skipped = np.zeros(n, bool)
    for planned in plan.skip_when:
        skipped |= _holds(planned, texts, nulls)
    year_text = year.full()
    years_seen = _counts(year, ~skipped)
    findings = _Findings(chunk, year_text)
    findings.add(~skipped & year_text.is_null().to_numpy(), "", _year_name(plan), NO_YEAR, _text_at(plan.year_position, texts))
    if expected_year is not None:
        other = (year_text != expected_year).fill_null(False).to_numpy()
        findings.add(~skipped & other, "", _year_name(plan), OTHER_YEAR, _text_at(plan.year_position, texts))
    gives_any = np.zeros(n, bool)
    records: list[TypedRecord] = []
    for record in plan.records:
        columns = [_typed_column(c, plan, texts, year, keys, n) for c in record.columns]
        gives = ~skipped
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
    findings.add(~skipped & ~gives_any, "", "", NO_RECORD, None)
    rejected = findings.rejected_rows
    loaded = ~skipped & ~rejected
    kept = [TypedRecord(r.planned, r.columns, r.rows & loaded) for r in records]
    return TypedChunk(kept, year, loaded, skipped & ~rejected, findings.frame(), years_seen)


def years_in(chunk: RecordChunk, plan: Plan) -> dict[str, int]:
    """School years in a chunk and how many rows each has; rows that name none are left out."""
    if plan.year_position is None or not len(chunk.source_row):
        return {}
    texts = {plan.year_position: _indexed(chunk.columns[plan.year_position])}
    return _counts(_school_year(plan, texts, None, len(chunk.source_row)), np.ones(len(chunk.source_row), bool))


class _Findings:
    """Broken rules of a chunk, gathered column by column and folded into one rejected row each."""

    def __init__(self, chunk: RecordChunk, year: pl.Series) -> None:
        self._chunk, self._year = chunk, year
        self._parts: list[pl.DataFrame] = []
        self.rejected_rows = np.zeros(len(chunk.source_row), bool)

    def add(self, hit: np.ndarray, table: str, column: str, rule: str, texts: Indexed | None) -> None:
        """The rows ``hit`` break one rule."""
        at = np.flatnonzero(hit)
        if len(at):
            self._append(at, table, column, pl.Series([rule]).new_from_index(0, len(at)), texts)

    def add_rules(self, hit: np.ndarray, table: str, column: TypedColumn) -> None:
        """The rows ``hit`` break the rule that each value of the column breaks."""
        at = np.flatnonzero(hit)
        if column.rule is not None:
            rules = Indexed(column.rule, column.typed.index)
            self._append(at, table, column.name, _gathered(rules, at), column.texts)

    def _append(self, at: np.ndarray, table: str, column: str, rule: pl.Series, texts: Indexed | None) -> None:
        self.rejected_rows[at] = True
        value = _gathered(texts, at).str.slice(0, VALUE_LIMIT) if texts is not None else pl.Series([""]).new_from_index(0, len(at))
        self._parts.append(
            pl.DataFrame({"at": at.astype(np.int64), "rule": rule, "value": value.fill_null("")}).with_columns(
                table=pl.lit(table), column=pl.lit(column)
            )
        )

    def frame(self) -> pl.DataFrame:
        """One rejected row a source row, all its broken rules joined."""
        if not self._parts:
            return pl.DataFrame(schema=REJECTED_SCHEMA)
        joined = (
            pl.concat(self._parts, how="diagonal")
            .unique(["at", "table", "column", "rule"], keep="first", maintain_order=True)
            .group_by("at", maintain_order=True)
            .agg(
                pl.col("table").filter(pl.col("table") != "").unique(maintain_order=True).str.join("; "),
                pl.col("column", "rule", "value").str.join("; "),
            )
            .sort("at")
        )
        at = joined["at"].to_numpy()
        raw = _series(self._chunk.raw.take(at)).str.strip_chars_end("\n").str.slice(0, TEXT_LIMIT)
        return joined.select(
            pl.Series("source_row", self._chunk.source_row[at]), "table", "column", "rule", "value",
            raw.alias("text"), self._year.gather(at).alias("school_year"),
        )


def _indexed(array: pa.Array) -> Indexed:
    import pyarrow as pa

    if pa.types.is_dictionary(array.type):
        return Indexed(_series(array.dictionary), array.indices.to_numpy(zero_copy_only=False))
    return Indexed(_series(array), None)


def _series(array: pa.Array) -> pl.Series:
    return cast(pl.Series, pl.from_arrow(array)).cast(pl.String)


def _gathered(texts: Indexed, at: np.ndarray) -> pl.Series:
    return texts.values.gather(at if texts.index is None else texts.index[at])


def _text_at(position: int | None, texts: Mapping[int, Indexed]) -> Indexed | None:
    return texts[position] if position is not None else None


def _year_name(plan: Plan) -> str:
    rule = plan.definition.year
    return (rule.date or rule.column or ("school year",))[0]


def _school_year(plan: Plan, texts: Mapping[int, Indexed], bundle_year: str | None, n: int) -> Indexed:
    rule = plan.definition.year
    if plan.year_position is None:
        return _constant(bundle_year, n)
    text = texts[plan.year_position]
    cleaned = trimmed(pl.col("text"), plan.definition.null_tokens)
    if rule.date:
        day = parsed_date(cleaned, rule.formats)
        expression = school_year_of(pl.when(day.dt.year().is_between(1950, 2099)).then(day))
    else:
        expression = school_year_named(cleaned, rule.format)
    values = pl.LazyFrame({"text": text.values}).select(expression.alias("year")).collect()["year"]
    return Indexed(values, text.index)


def _constant(value: str | None, n: int) -> Indexed:
    return Indexed(pl.Series([value], dtype=pl.String), np.zeros(n, np.int32))


def _counts(years: Indexed, rows: np.ndarray) -> dict[str, int]:
    """Rows of each year."""
    at = np.flatnonzero(rows) if years.index is None else years.index[rows]
    weight = np.bincount(at, minlength=len(years.values))
    counted = pl.DataFrame({"year": years.values, "rows": weight}).drop_nulls().group_by("year").agg(pl.col("rows").sum()).filter(pl.col("rows") > 0)
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


def _typed_column(
    planned: PlannedColumn, plan: Plan, texts: Mapping[int, Indexed], year: Indexed, keys: PersonKeys, n: int
) -> TypedColumn:
    rule, column, nulls = planned.rule, planned.column, plan.definition.null_tokens
    picked = _picked(planned, texts, (*nulls, *rule.null_tokens), year, n)
    default = rule.default
    if default is not None and "{" in default:
        picked, default = _filled(picked, _templated(default, year), nulls), None
    if planned.role_position is not None:
        picked = Indexed(picked.full(), None)
    frame = typed_frame(picked.values, column, rule, nulls, default, required=planned.required)
    value = frame["value"]
    if planned.role_position is not None:
        value = keys.by_role(value, texts[planned.role_position].full())
    elif rule.person:
        value = keys.of(rule.person, value)
    broken = frame["rule"] if frame["rule"].null_count() < len(frame) else None
    return TypedColumn(column.name, Indexed(value, picked.index), frame["blank"].to_numpy(), broken, picked)


def _picked(planned: PlannedColumn, texts: Mapping[int, Indexed], nulls: Sequence[str], year: Indexed, n: int) -> Indexed:
    """The text of each row before translation: from the first column that is not blank, else from the name, else the constant."""
    rule = planned.rule
    if rule.const is not None:
        return _templated(rule.const, year) if "{" in rule.const else _constant(rule.const, n)
    if not planned.positions:
        return _constant(planned.named_text, n)
    picked = texts[planned.positions[0]]
    for position in planned.positions[1:]:
        picked = _filled(picked, texts[position], nulls)
    if planned.named_text is not None:
        picked = _filled(picked, _constant(planned.named_text, n), nulls)
    return picked


def _filled(first: Indexed, second: Indexed, nulls: Sequence[str]) -> Indexed:
    """The first text, the second where the first is blank."""
    if first.index is not None and not _any_blank(first.values, nulls):
        return first
    frame = pl.DataFrame({"a": first.full(), "b": second.full()})
    return Indexed(frame.select(pl.coalesce(trimmed(pl.col("a"), nulls), pl.col("b")).alias("a"))["a"], None)


def _any_blank(values: pl.Series, nulls: Sequence[str]) -> bool:
    return bool(pl.DataFrame({"a": values}).select(trimmed(pl.col("a"), nulls).is_null().any()).item())


def _templated(template: str, year: Indexed) -> Indexed:
    """A text with the row's year in it."""
    start = pl.col("year").str.slice(0, 4)
    parts = re.split(r"(\{school_year\}|\{year_start\}|\{year_end\})", template)
    terms: dict[str, Callable[[], pl.Expr]] = {
        "{school_year}": lambda: pl.col("year"),
        "{year_start}": lambda: start,
        "{year_end}": lambda: (start.cast(pl.Int32) + 1).cast(pl.String),
    }
    expression = pl.concat_str([terms[p]() if p in terms else pl.lit(p) for p in parts if p])
    values = pl.LazyFrame({"year": year.values}).select(expression.alias("text")).collect()["text"]
    return Indexed(values, year.index)
