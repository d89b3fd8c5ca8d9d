"""Table contracts: what a table of the lake promises, in one light object.

A :class:`Table` names the columns, types, ranges, option sets, key and foreign keys of one table of the lake. It is
plain data, so a code location loads without pandas or pandera; the pandera schema is built from it when a partition
is about to be published (:func:`validate`). The same object gives the typed empty frame, the sort order, the
uniqueness key and the column descriptions that the Dagster UI shows. It does not read or write tables.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import pandera.polars as pa

SCHOOL_YEAR_PATTERN = r"^\d{4}-\d{2}$"
STUDENT_KEY_PATTERN = r"^[0-9a-f]{32}$"


class ContractError(ValueError):
    """A frame breaks the contract of its table; the message names table, column, rule, value and a row's key."""


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : str
        Column name, a term of Ed-Fi, OneRoster or CEDS where there is one.
    dtype : polars.DataType
        The type in the lake; nothing is cast silently on write.
    description : str
        What the value means, with its unit; shown in the Dagster UI.
    nullable : bool
        Whether a missing value is allowed.
    minimum, maximum : float, optional
        Inclusive bounds of a numeric column.
    options : tuple of str
        The closed option set of a text column (empty: free text).
    pattern : str
        A regular expression that every value matches from its start.
    fills_at_end : bool
        The value comes when something ends (an exit date), so it may be missing throughout a year in progress.
    """

    name: str
    dtype: pl.DataType | type[pl.DataType]
    description: str
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    options: tuple[str, ...] = ()
    pattern: str = ""
    fills_at_end: bool = False

    def violations(self, value: pl.Expr | None = None) -> dict[str, pl.Expr]:
        """Rules of this column as named expressions that are true where a non-null value (the column's own by default) breaks them."""
        value = pl.col(self.name) if value is None else value
        rules: dict[str, pl.Expr] = {}
        if self.minimum is not None:
            rules[f"below the minimum {self.minimum:g}"] = value < self.minimum
        if self.maximum is not None:
            rules[f"above the maximum {self.maximum:g}"] = value > self.maximum
        if self.options:
            rules[f"not one of {', '.join(self.options)}"] = ~value.is_in(list(self.options))
        if self.pattern:
            from_start = self.pattern if self.pattern.startswith("^") else f"^{self.pattern}"
            rules[f"does not match {self.pattern}"] = ~value.str.contains(from_start)
        return rules


@dataclass(frozen=True)
class ForeignKey:
    """Columns of this table that must appear as the columns ``references`` of another table, in the same year."""

    columns: tuple[str, ...]
    table: str
    references: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """The contract of one table of the lake.

    Parameters
    ----------
    name : str
        ``schema.table``; the same name is the asset key, the folder in the lake and the SQL view.
    grain : str
        What one row is, in a sentence.
    columns : tuple of Column
        All columns, in storage order.
    key : tuple of str
        The columns that identify a row; files are sorted by them and they are unique.
    foreign_keys : tuple of ForeignKey
        Checked after the write, by asset checks.
    restricted : bool
        Whether the table may hold direct identifiers (names, birth dates, contact, source identifiers).
    preview : bool
        Whether the asset's page shows the first rows; not where a row judges one student (a risk, its reasons).
    in_order : bool
        Whether who makes the table hands over its rows by the key: a large table is then streamed to disk and never sorted whole.
    """

    name: str
    grain: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    restricted: bool = False
    preview: bool = True
    in_order: bool = False
    by_name: dict[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_name = {column.name: column for column in self.columns}
        if len(by_name) != len(self.columns):
            raise ValueError(f"{self.name}: a column is named twice")
        if missing := [name for name in self.key if name not in by_name]:
            raise ValueError(f"{self.name}: key columns without a definition: {missing}")
        object.__setattr__(self, "by_name", by_name)

    @property
    def schema(self) -> str:
        return self.name.split(".", 1)[0]

    @property
    def path(self) -> str:
        """The table's folder below the lake's root."""
        return self.name.replace(".", "/")

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    def polars_schema(self) -> pl.Schema:
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def empty(self) -> pl.LazyFrame:
        """A typed frame of no rows: what a reader of a year without data gets."""
        return pl.LazyFrame(schema=self.polars_schema())

    def shape(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """The contract's columns by name, in its order; working columns beside them are left out."""
        return frame.select(self.names)

    @cache  # noqa: B019 - contracts are constants of modules
    def pandera(self) -> pa.DataFrameSchema:
        """The pandera schema of this table (pandera is imported here, not with the module)."""
        import pandera.polars as pa

        def checks(column: Column) -> list[pa.Check]:
            rules: list[pa.Check] = []
            if column.minimum is not None:
                rules.append(pa.Check.ge(column.minimum))
            if column.maximum is not None:
                rules.append(pa.Check.le(column.maximum))
            if column.options:
                rules.append(pa.Check.isin(list(column.options)))
            if column.pattern:
                rules.append(pa.Check.str_matches(column.pattern))
            return rules

        return pa.DataFrameSchema(
            {c.name: pa.Column(c.dtype, checks(c), nullable=c.nullable) for c in self.columns},
            strict=True,
            ordered=True,
            name=self.name,
        )

    @cache  # noqa: B019 - contracts are constants of modules
    def pandera_at_once(self) -> pa.DataFrameSchema:
        """A schema with the same columns and, for all rules, one check in one pass over the frame; it does not say which rule breaks."""
        import pandera.polars as pa

        keeps = pa.Check(lambda data: data.lazyframe.select(~_suspicious(self)), name="keeps all rules")
        columns = {c.name: pa.Column(c.dtype, nullable=True) for c in self.columns}
        return pa.DataFrameSchema(columns, checks=keeps, strict=True, ordered=True, name=self.name)


def validate(table: Table, frame: pl.LazyFrame | pl.DataFrame, *, quick_look: bool = False) -> None:
    """Enforce a table's contract with pandera: columns, types, nulls, ranges, option sets, patterns.

    A rule at a time takes pandera a query for each of them, most of the time of a small partition. So all are first looked at in one
    (:meth:`Table.pandera_at_once`), which is never laxer; what does not pass there is judged rule by rule (:meth:`Table.pandera`).

    Parameters
    ----------
    table : Table
        The contract.
    frame : polars.LazyFrame or polars.DataFrame
        All columns of the table, in contract order.
    quick_look : bool
        For the many small files of landing tables, whose rows were held to the same contract one by one when they were typed:
        the one pass is made without pandera, which judges, and explains, what does not keep all rules.

    Raises
    ------
    ContractError
        Naming table, column, rule, how many rows break it, and the first offending values (not for restricted tables: an error
        message goes into logs).
    """
    if quick_look and _keeps_all_rules(table, frame):
        return
    from pandera.config import ValidationDepth, config_context
    from pandera.errors import SchemaErrors

    try:
        with config_context(validation_depth=ValidationDepth.SCHEMA_AND_DATA):
            with suppress(SchemaErrors):
                table.pandera_at_once().validate(frame.lazy(), lazy=True)
                return
            table.pandera().validate(frame.lazy(), lazy=True)
    except SchemaErrors as errors:
        cases = errors.failure_cases
        summary = (
            cases.group_by("column", "check", maintain_order=True)
            .agg(pl.len().alias("rows"), pl.col("failure_case").cast(pl.String).head(3).alias("values"))
            .head(8)
        )
        lines = [
            f"column {row['column'] or row['values'][0]}: {row['check']} fails for {row['rows']} row(s)"
            + ("" if table.restricted else f", e.g. {row['values']}")
            for row in summary.iter_rows(named=True)
        ]
        raise ContractError(f"{table.name} breaks its contract:\n  " + "\n  ".join(lines)) from None


def _keeps_all_rules(table: Table, frame: pl.LazyFrame | pl.DataFrame) -> bool:
    """Whether nothing in a frame is for pandera to reject."""
    if frame.collect_schema() != table.polars_schema():
        return False
    return not frame.lazy().select(_suspicious(table)).collect().item()


def _suspicious(table: Table) -> pl.Expr:
    """Whether anything in a frame of the table's columns could break a rule of :meth:`Table.pandera`; never laxer than it.

    Texts are looked at where they differ from the row before: files are sorted, so most values stand in long runs.
    """
    suspicious: list[pl.Expr] = []
    for column in table.columns:
        value = pl.col(column.name)
        if not column.nullable:
            suspicious.append(value.has_nulls())
        if column.dtype.is_float():
            suspicious.append(value.is_nan().any())
        if column.options or column.pattern:
            value = value.filter(value.ne_missing(value.shift(1)) | (pl.int_range(pl.len()) == 0))
        suspicious += [broken.any() for broken in column.violations(value).values()]
    return pl.any_horizontal(suspicious) if suspicious else pl.lit(False)


def lineage_columns() -> tuple[Column, ...]:
    """The columns that close every canonical table: year, when it became known, where it came from."""
    return (
        Column("school_year", pl.String, "School year, e.g. 2023-24.", pattern=SCHOOL_YEAR_PATTERN),
        Column("known_on", pl.Date, "The date from which the row was knowable; models read only rows known before their as-of date."),
        Column("source", pl.String, "The source definition the row came through."),
        Column("loaded_at", pl.Datetime("us", "UTC"), "When the newest file behind the row arrived in the landing zone (UTC)."),
    )


def student_key(description: str = "Pseudonymous key of the student.", *, nullable: bool = False) -> Column:
    return Column("student_key", pl.String, description, nullable=nullable, pattern=STUDENT_KEY_PATTERN)


def staff_key(description: str = "Pseudonymous key of the member of staff.", *, nullable: bool = False) -> Column:
    return Column("staff_key", pl.String, description, nullable=nullable, pattern=STUDENT_KEY_PATTERN)
