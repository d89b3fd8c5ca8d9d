"""What the IO manager tells an SQL engine: DuckDB over a folder, Redshift over a bucket; there may be none."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from la_resources.contracts import Table
from la_resources.lake import Written


class SqlEngine(Protocol):
    """Makes tables of the lake readable by SQL."""

    def published(self, table: Table, written: Sequence[Written], tables: Collection[Table]) -> None:
        """Follow what was just written.

        Parameters
        ----------
        table : Table
            The contract of the table that has new partitions.
        written : sequence of Written
            Those partitions.
        tables : collection of Table
            Every table there is.
        """
