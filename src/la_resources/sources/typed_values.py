"""Text to typed values: null tokens, translations, dates, numbers, flags, and the rules of a column's contract.

Everything here is a polars expression over a column of texts, or a frame of them; a text gives the same value wherever it
stands, so the caller may type each distinct text once. Each text either has a value, or is blank, or breaks one rule.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from la_resources.contracts import Column
from la_resources.school_year import from_starts
from la_resources.sources.definitions import SPAN_FORMATS, ColumnRule

EARLIEST_YEAR, LATEST_YEAR = 1900, 2100
"""Dates outside are typing errors of a year (0202-09-01), not dates."""

_WHOLE = r"^[+-]?\d+(\.0*)?$"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_TIMESTAMP = r"^(\d{4}-\d{2}-\d{2})(?:[T ]\d{2}:.*)?$"
_FLAGS = {"true": True, "t": True, "yes": True, "y": True, "1": True, "false": False, "f": False, "no": False, "n": False, "0": False}


def trimmed(text: pl.Expr, null_tokens: Sequence[str]) -> pl.Expr:
    """The text without blanks around it; null where it is empty or a null token."""
    text = text.str.strip_chars()
    blank = text == ""
    if null_tokens:
        blank = blank | text.str.to_lowercase().is_in([token.lower() for token in null_tokens])
    return pl.when(~blank).then(text)


def translated(text: pl.Expr, rule: ColumnRule, *, default: str | None) -> pl.Expr:
    """Extract, translate, compare with a threshold and fill: the rule's steps between picking a text and typing it."""
    if rule.extract:
        text = text.str.extract(rule.extract, 1)
    if table := rule.translation:
        others = table.pop("*", None) if "*" in table else text
        fallback = others if isinstance(others, pl.Expr) else pl.lit(others, pl.String)
        text = pl.when(text.is_not_null()).then(
            text.str.strip_chars()
            .str.to_lowercase()
            .replace_strict(list(table), list(table.values()), default=fallback, return_dtype=pl.String)
        )
    if rule.threshold:
        over = text.cast(pl.Float64, strict=False) > rule.threshold.above
        readable = text.is_null() | text.str.contains(_NUMBER)
        chosen = pl.when(over.fill_null(False)).then(pl.lit(rule.threshold.then)).otherwise(pl.lit(rule.threshold.otherwise))
        text = pl.when(readable).then(chosen).otherwise(text)
    return text.fill_null(default) if default is not None else text


def parsed_date(text: pl.Expr, formats: Sequence[str] = ()) -> pl.Expr:
    """Text to date by the first format that fits; ISO dates and timestamps without formats. A format without a day means the first."""
    if not formats:
        return text.str.extract(_TIMESTAMP, 1).str.to_date("%Y-%m-%d", strict=False)
    tries = [
        text.str.to_date(f, strict=False) if "%d" in f or "%e" in f or "%j" in f else ("01 " + text).str.to_date(f"%d {f}", strict=False)
        for f in formats
    ]
    return pl.coalesce(tries)


def typed(text: pl.Expr, column: Column, rule: ColumnRule) -> tuple[pl.Expr, str]:
    """The typed value of a text (null if it has none) and the name of the rule that a text without a value breaks."""
    dtype = column.dtype
    if dtype == pl.String:
        return text, "not a text"
    if dtype == pl.Boolean:
        return text.str.to_lowercase().replace_strict(
            list(_FLAGS), list(_FLAGS.values()), default=None, return_dtype=pl.Boolean
        ), "not true or false"
    if dtype == pl.Date:
        return parsed_date(text, rule.formats), "not a date"
    if dtype == pl.Datetime("us", "UTC"):
        return text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", strict=False).dt.replace_time_zone("UTC"), "not a time in UTC"
    if dtype.is_integer():
        whole = pl.when(text.str.contains(_WHOLE)).then(text.str.replace(r"\.0*$", ""))
        return whole.cast(pl.Int64, strict=False).cast(dtype, strict=False), "not a whole number"
    if dtype.is_float():
        number = pl.when(text.str.contains(_NUMBER)).then(text).cast(pl.Float64, strict=False).cast(dtype, strict=False)
        return pl.when(number.is_finite()).then(number), "not a number"
    raise TypeError(f"column {column.name}: a landing column of type {dtype} cannot be read from text")


_KEPT_VALUES = 500
"""Columns of at most so many distinct values are remembered."""


class TypingSteps:
    """The expressions that type one column, in the order in which they apply; they hold for any number of texts.

    Columns with few distinct values (flags, schools, dates, constants) come back chunk after chunk and file after file: the
    last short list of texts and its typed values are kept.

    Parameters
    ----------
    steps : sequence of tuple of polars.Expr
        Each adds columns to a frame that starts with ``text``; the last selects ``value``, ``blank`` and ``rule``.
    """

    def __init__(self, *steps: tuple[pl.Expr, ...]) -> None:
        self._steps, self._last = steps[:-1], steps[-1]
        self._kept: tuple[list[str | None], pl.DataFrame] | None = None

    def frame(self, texts: pl.Series) -> pl.DataFrame:
        """Type a column of texts.

        Parameters
        ----------
        texts : polars.Series of String
            Texts as they stand in the file; the distinct ones are enough.

        Returns
        -------
        polars.DataFrame
            ``value`` (typed, null where blank or broken), ``blank`` and ``rule`` (the broken rule, null where none is).
        """
        listed, kept = (texts.to_list() if len(texts) <= _KEPT_VALUES else None), self._kept
        if listed is not None and kept is not None and kept[0] == listed:
            return kept[1]
        frame = texts.alias("text").to_frame()
        for step in self._steps:
            frame = frame.with_columns_seq(step)
        frame = frame.select_seq(self._last)
        if listed is not None:
            self._kept = listed, frame
        return frame


def typing_steps(column: Column, rule: ColumnRule, null_tokens: Sequence[str], default: str | None, *, required: bool) -> TypingSteps:
    """How a column of texts is typed.

    Parameters
    ----------
    column : Column
        Contract of the target column.
    rule : ColumnRule
        The definition's rule for it.
    null_tokens : sequence of str
        The definition's null tokens.
    default : str, optional
        The rule's default, its templates filled.
    required : bool
        Whether blank is a broken rule.
    """
    text, value = pl.col("text"), pl.col("typed")
    steps: list[tuple[pl.Expr, ...]] = [(trimmed(text, (*null_tokens, *rule.null_tokens)).alias("text"),)]
    if rule.extract or rule.translation or rule.threshold or default is not None:
        steps.append((translated(text, rule, default=default).alias("text"),))
    broken: dict[str, pl.Expr] = {}
    if column.dtype == pl.String:
        value = text
    else:
        read, wrong_type = typed(text, column, rule)
        steps.append((read.alias("typed"),))
        broken[wrong_type] = value.is_null() & text.is_not_null()
    if column.dtype == pl.Date:
        broken["impossible date"] = ~value.dt.year().is_between(EARLIEST_YEAR, LATEST_YEAR)
    broken |= {name: test for name, test in column.violations(value).items() if not (rule.person or rule.person_role_from)}
    if required:
        broken["empty value"] = text.is_null()
    landed = value.dt.offset_by("-1d") if rule.exclusive_end else value
    blank = text.is_null().alias("blank")
    if not broken:
        return TypingSteps(*steps, (landed.alias("value"), blank, pl.lit(None, pl.String).alias("rule")))
    steps.append((pl.coalesce([pl.when(test).then(pl.lit(name)) for name, test in broken.items()]).alias("rule"),))
    return TypingSteps(*steps, (pl.when(pl.col("rule").is_null()).then(landed).alias("value"), blank, pl.col("rule")))


def school_year_named(text: pl.Expr, spelling: str) -> pl.Expr:
    """The school year that a text names; null if it does not.

    ``end_year`` and ``start_year`` read a four-digit year; other spellings find two consecutive years anywhere in the text.
    """
    if spelling in ("end_year", "start_year"):
        year = text.str.extract(r"^(\d{4})(?:\.0*)?$", 1).cast(pl.Int32, strict=False)
        start = year - 1 if spelling == "end_year" else year
    elif spelling in SPAN_FORMATS:
        pair = r"(?:^|\D)((?:19|20)\d{2})\s*[-_/–]\s*(\d{4}|\d{2})(?:\D|$)"
        first = text.str.extract(pair, 1).cast(pl.Int32, strict=False)
        second = text.str.extract(pair, 2).cast(pl.Int32, strict=False)
        start = pl.when((second == first + 1) | (second == (first + 1) % 100)).then(first)
    else:
        raise ValueError(f"{spelling!r} is not a spelling of school years")
    return from_starts(pl.when(start.is_between(EARLIEST_YEAR, LATEST_YEAR - 1)).then(start))
