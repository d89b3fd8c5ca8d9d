"""One target column of a chunk: pick its text, fill it, type it, replace identifiers by keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from la_resources.contracts import Column
from la_resources.sources.definitions import ColumnRule
from la_resources.sources.indexed import Indexed, constant
from la_resources.sources.person_keys import PersonKeys
from la_resources.sources.record_plan import PlannedColumn
from la_resources.sources.typed_values import TypingSteps, trimmed, typing_steps

_MOST_STEPS = 20_000
_STEPS: dict[tuple[object, ...], tuple[TypingSteps, ColumnRule, Column]] = {}
"""Typing of a column by the identity of its rule and contract, which are kept so that no other object takes their identity."""


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


class ColumnTyping:
    """Types the columns of one file, chunk by chunk.

    Parameters
    ----------
    keys : PersonKeys
        Replaces identifiers by keys.
    null_tokens : sequence of str
        The definition's null tokens.
    """

    def __init__(self, keys: PersonKeys, null_tokens: Sequence[str]) -> None:
        self._keys, self._nulls = keys, tuple(null_tokens)
        self._keyed: dict[int, tuple[pl.DataFrame, pl.DataFrame]] = {}

    def column(self, planned: PlannedColumn, texts: Mapping[int, Indexed], year: Indexed, rows: int) -> TypedColumn:
        """One target column of a chunk.

        Parameters
        ----------
        planned : PlannedColumn
            Contract, rule and positions; the same object for every chunk.
        texts : mapping of int to Indexed
            The chunk's columns by position.
        year : Indexed
            The rows' school year.
        rows : int
            Rows of the chunk.
        """
        rule = planned.rule
        picked = _picked(planned, texts, (*self._nulls, *rule.null_tokens), year, rows)
        default = rule.default
        if default is not None and "{" in default:
            picked, default = _filled(picked, _templated(default, year), self._nulls), None
        if planned.role_position is not None:
            picked = Indexed(picked.full(), None)
        frame = self._typed(planned, picked.values, default)
        value = frame["value"]
        if planned.role_position is not None:
            value = self._keys.by_role(value, texts[planned.role_position].full())
        broken = frame["rule"] if frame["rule"].null_count() < len(frame) else None
        return TypedColumn(planned.column.name, Indexed(value, picked.index), frame["blank"].to_numpy(), broken, picked)

    def _typed(self, planned: PlannedColumn, values: pl.Series, default: str | None) -> pl.DataFrame:
        frame = self._steps(planned, default).frame(values)
        if not planned.rule.person:
            return frame
        kept = self._keyed.get(id(planned))
        if kept is None or kept[0] is not frame:
            keyed = frame.with_columns(self._keys.of(planned.rule.person, frame["value"]).alias("value"))
            kept = self._keyed[id(planned)] = frame, keyed
        return kept[1]

    def _steps(self, planned: PlannedColumn, default: str | None) -> TypingSteps:
        """How the column is typed; files of one definition share it, because its expressions take longer to build than to apply."""
        name = (id(planned.rule), id(planned.column), self._nulls, default, planned.required)
        if name not in _STEPS:
            if len(_STEPS) > _MOST_STEPS:
                _STEPS.clear()
            steps = typing_steps(planned.column, planned.rule, self._nulls, default, required=planned.required)
            _STEPS[name] = (steps, planned.rule, planned.column)
        return _STEPS[name][0]


def _picked(planned: PlannedColumn, texts: Mapping[int, Indexed], nulls: Sequence[str], year: Indexed, n: int) -> Indexed:
    """The text of each row before translation: from the first column that is not blank, else from the name, else the constant."""
    rule = planned.rule
    if rule.const is not None:
        return _templated(rule.const, year) if "{" in rule.const else constant(rule.const, n)
    if not planned.positions:
        return constant(planned.named_text, n)
    picked = texts[planned.positions[0]]
    for position in planned.positions[1:]:
        picked = _filled(picked, texts[position], nulls)
    if planned.named_text is not None:
        picked = _filled(picked, constant(planned.named_text, n), nulls)
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
    values = pl.DataFrame({"year": year.values}).select(expression.alias("text"))["text"]
    return Indexed(values, year.index)
