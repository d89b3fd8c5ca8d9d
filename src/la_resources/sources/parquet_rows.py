"""Parquet files as chunks of text records, so that they pass the same rules as CSV.

Every value becomes its text; null becomes the empty text. Rows are numbered as if under a header in row 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import polars as pl

from la_resources.sources.rows import RecordChunk, UnreadableFileError

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 250_000


class ParquetRecords:
    """The rows of one Parquet file; the same interface as :class:`la_resources.sources.reader.CsvRecords`.

    Parameters
    ----------
    stream : BinaryIO
        The file, seekable.
    batch : int
        Rows in a chunk.

    Raises
    ------
    UnreadableFileError
        If the file is not Parquet or holds nested columns.
    """

    encoding = "parquet"

    def __init__(self, stream: BinaryIO, batch: int = BATCH) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            self._file = pq.ParquetFile(stream)
        except (pa.ArrowInvalid, OSError) as error:
            raise UnreadableFileError("not a Parquet file", f"it cannot be opened as Parquet: {error}. Ask for the file again") from error
        self.header = tuple(self._file.schema_arrow.names)
        if nested := [f.name for f in self._file.schema_arrow if pa.types.is_nested(f.type) or pa.types.is_binary(f.type)]:
            raise UnreadableFileError("nested column", f"the columns {nested} are nested or binary; flatten them to one value a cell")
        self._batch = batch

    def chunks(self, wanted: Sequence[int], *, lines: bool = True) -> Iterator[RecordChunk]:
        """All rows in chunks; only the columns at the wanted positions, besides the raw line of all (unless not asked for)."""
        row = 2
        for batch in self._file.iter_batches(batch_size=self._batch):
            frame = pl.DataFrame({str(i): pl.Series(pl.from_arrow(c)).cast(pl.String).fill_null("") for i, c in enumerate(batch.columns)})
            columns = {position: _repeated(frame[str(position)]) for position in wanted}
            raw = frame.select((pl.concat_str([_quoted(pl.col(name)) for name in frame.columns], separator=",") + "\n").alias("raw"))["raw"]
            raw = raw if lines else raw.clear()
            numbers = np.arange(row, row + len(frame), dtype=np.int64)
            row += len(frame)
            yield RecordChunk(columns, numbers, _large(raw), len(frame))


def _quoted(text: pl.Expr) -> pl.Expr:
    """The field as CSV writes it."""
    return pl.when(text.str.contains(r'[,"\n]')).then('"' + text.str.replace_all('"', '""', literal=True) + '"').otherwise(text)


def _repeated(values: pl.Series) -> pa.Array:
    """Dictionary-encoded where values repeat."""
    array = values.to_arrow()
    return array.cast("string").dictionary_encode() if len(values) and values.n_unique() <= 0.3 * len(values) else array.cast("string")


def _large(values: pl.Series) -> pa.Array:
    return values.to_arrow().cast("large_string")
