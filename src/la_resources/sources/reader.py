"""CSV files as chunks of text records, strict and lossless, fast, in memory bounded by the chunk.

Bytes become UTF-8 (:mod:`encodings`), are cut into whole records (:mod:`record_ends`) and parsed by Arrow, only the wanted
columns; records that cannot be split are set aside with their number and reason. Every record is counted from its end,
so that "read = good + bad" is a check and not a definition. Types are no concern of this module.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from la_resources.sources.encodings import BLOCK, REPLACEMENT, Utf8Stream
from la_resources.sources.record_ends import RECORD_LIMIT, TextChunk, text_chunks, whole_records
from la_resources.sources.rows import TEXT_LIMIT, BadRecord, RecordChunk, UnreadableFileError
from la_resources.sources.salvage import ragged, salvage

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.csv as pc

_SAMPLE = 20_000
_SAMPLE_BYTES = 128 * _SAMPLE
_REPEATING = 0.3
"""Share of distinct values in the sample below which a column is read dictionary-encoded."""


class CsvRecords:
    """The records of one CSV file.

    Parameters
    ----------
    stream : BinaryIO
        The file, read once from start to end.
    delimiter : str
        Field delimiter.
    encoding : str
        ``auto`` or a codec name.
    block : int
        Bytes a chunk has, about.

    Attributes
    ----------
    header : tuple of str
        The header's fields, trimmed.

    Raises
    ------
    UnreadableFileError
        If the file is empty or its header cannot be read.
    """

    def __init__(self, stream: BinaryIO, delimiter: str = ",", encoding: str = "auto", block: int = BLOCK) -> None:
        self._text = Utf8Stream(stream, encoding, block)
        self._delimiter = delimiter
        self._row = 1
        self._lines = True
        self._dictionary: set[int] | None = None
        self._chunks = text_chunks(self._text.blocks(), delimiter)
        self._first: TextChunk | None = None
        self.header: tuple[str, ...] = ()
        for chunk in self._chunks:
            rest = self._take_header(chunk)
            if self.header:
                self._first = rest
                break
        if not self.header:
            raise UnreadableFileError("empty file", "the file holds no header and no rows; ask the source to send it again")

    @property
    def encoding(self) -> str:
        """The encoding found so far; final once all chunks are read."""
        return self._text.encoding

    def chunks(self, wanted: Sequence[int], *, lines: bool = True) -> Iterator[RecordChunk]:
        """All records after the header; only the columns at the wanted positions are kept, besides the raw line (unless not asked for)."""
        self._lines = lines
        for chunk in self._remaining():
            if chunk.giant:
                yield self._giant(chunk)
                continue
            data, unexplained = self._text.repaired(chunk.data)
            valid = chunk if data is chunk.data else whole_records(data, self._delimiter, final=True)
            yield self._records(valid or chunk, sorted(wanted), unexplained)

    def _remaining(self) -> Iterator[TextChunk]:
        if self._first is not None:
            yield self._first
        yield from self._chunks

    def _take_header(self, chunk: TextChunk) -> TextChunk | None:
        """Read the header from the first chunk that has a non-blank line; what is left of the chunk."""
        if chunk.giant:
            raise UnreadableFileError("header too long", f"the first line is longer than {RECORD_LIMIT:,} bytes: this is not a CSV file")
        start = 0
        for end in chunk.ends:
            line, start = chunk.data[start:end], int(end) + 1
            if not line.strip():
                self._row += 1
                continue
            if b"\0" in line:
                raise UnreadableFileError("NUL byte", "the header holds NUL bytes: a binary file, or UTF-16 without a byte-order mark")
            text = self._text.repaired(line)[0].decode("utf-8", "replace")
            fields = next(csv.reader(io.StringIO(text, newline=""), delimiter=self._delimiter), [])
            self.header = tuple(" ".join(f.split()) for f in fields)
            self._row += 1
            break
        if start >= len(chunk.data):
            return None
        kept = chunk.ends[chunk.ends >= start] - start
        return TextChunk(chunk.data[start:], kept, chunk.quoted, chunk.sound)

    def _giant(self, chunk: TextChunk) -> RecordChunk:
        text = self._text.repaired(chunk.data[: 4 * TEXT_LIMIT])[0].decode("utf-8", "replace")[:TEXT_LIMIT]
        bad = BadRecord(self._row, "record too long", text)
        self._row += 1
        return RecordChunk({}, np.empty(0, np.int64), _no_lines(), 1, [bad])

    def _records(self, chunk: TextChunk, wanted: list[int], unexplained: bool) -> RecordChunk:
        if not chunk.sound:
            return self._salvaged(chunk, wanted, unexplained)
        starts = np.concatenate(([0], chunk.ends[:-1] + 1))
        lengths = chunk.ends - starts
        first_row = self._row
        set_aside = self._unfit(chunk, starts, lengths, unexplained)
        data, rows = chunk.data, first_row + np.arange(len(starts), dtype=np.int64)
        good = np.ones(len(starts), bool)
        if set_aside or not lengths.all():
            good &= lengths > 0
            good[list(set_aside)] = False
            data = _kept(chunk.data, starts, chunk.ends, good)
        columns, wrong = self._parse(data, wanted, chunk.quoted)
        kept = np.flatnonzero(good)
        if wrong and (trimmed := self._without_surplus(chunk, starts, kept, wrong)):
            return self._records(trimmed, wanted, unexplained)
        bad = [_bad(chunk, starts, i, first_row, rule) for i, rule in set_aside.items()]
        if wrong:
            numbers = kept[np.fromiter(wrong, np.int64, len(wrong)) - 1]
            rules = [ragged(fields, len(self.header)) for fields in wrong.values()]
            if chunk.quoted and any(b"\n" in chunk.data[starts[i] : chunk.ends[i]] for i in numbers):
                return self._salvaged(chunk, wanted, unexplained)
            bad += [_bad(chunk, starts, i, first_row, rule) for i, rule in zip(numbers, rules, strict=True)]
            good[numbers] = False
            kept = np.flatnonzero(good)
        self._row += len(starts)
        raw = self._raw(chunk, starts, kept) if self._lines else _no_lines()
        return RecordChunk(columns, rows[kept], raw, int((lengths > 0).sum()), sorted(bad, key=lambda b: b.source_row))

    def _unfit(self, chunk: TextChunk, starts: np.ndarray, lengths: np.ndarray, unexplained: bool) -> dict[int, str]:
        """Records, by index, that must not reach the parser."""
        unfit: dict[int, str] = {}
        if len(lengths) and lengths.max() > RECORD_LIMIT:
            unfit |= dict.fromkeys(np.flatnonzero(lengths > RECORD_LIMIT).tolist(), "record too long")
        view = np.frombuffer(chunk.data, np.uint8)
        if b"\0" in chunk.data:
            unfit |= dict.fromkeys(np.unique(np.searchsorted(chunk.ends, np.flatnonzero(view == 0))).tolist(), "NUL byte")
        if unexplained:
            at = list(_positions(chunk.data, REPLACEMENT))
            unfit |= dict.fromkeys(np.unique(np.searchsorted(chunk.ends, at)).tolist(), "undecodable bytes")
        return unfit

    def _without_surplus(self, chunk: TextChunk, starts: np.ndarray, kept: np.ndarray, wrong: dict[int, int]) -> TextChunk | None:
        """The chunk without empty fields behind the last column (exports with a delimiter too many); None if there are none."""
        ends = chunk.ends.copy()
        delimiter = self._delimiter.encode()
        for number, fields in wrong.items():
            index, surplus = kept[number - 1], fields - len(self.header)
            if surplus > 0 and chunk.data[starts[index] : ends[index]].endswith(delimiter * surplus):
                ends[index] -= surplus * len(delimiter)
        if (ends == chunk.ends).all():
            return None
        data = b"\n".join(chunk.data[a:b] for a, b in zip(starts, ends, strict=True)) + b"\n"
        return whole_records(data, self._delimiter, final=True)

    def _parse(self, data: bytes, wanted: list[int], quoted: bool) -> tuple[dict[int, pa.Array], dict[int, int]]:
        """Wanted columns of all well-shaped records; the others by their number in the chunk (from 1), with their number of fields."""
        import pyarrow as pa

        if not data:
            return {position: pa.array([], pa.string()) for position in wanted}, {}
        if self._dictionary is None and len(data) > _SAMPLE_BYTES:
            self._dictionary = self._repeating(data, wanted, quoted)
        wrong: dict[int, int] = {}

        def shape(row: pc.InvalidRow) -> str:
            wrong[row.number] = row.actual_columns
            return "skip"

        # Arrow numbers wrong rows only on one thread, so the quick way is tried first and stops at the first wrong row.
        try:
            table = self._arrow_table(data, wanted, quoted, None)
        except pa.ArrowInvalid:
            table = self._arrow_table(data, wanted, quoted, shape)
        columns = {position: _one_array(table.column(str(position))) for position in wanted}
        if self._dictionary is None:
            self._dictionary = {position for position, column in columns.items() if _repeats(column)}
            columns |= {position: columns[position].dictionary_encode() for position in self._dictionary}
        return columns, wrong

    def _arrow_table(self, data: bytes, wanted: list[int], quoted: bool, wrong_row: Callable[[pc.InvalidRow], str] | None) -> pa.Table:
        import pyarrow as pa
        import pyarrow.csv as pc

        text, repeated = pa.string(), pa.dictionary(pa.int32(), pa.string())
        names = [str(position) for position in range(len(self.header))]
        return pc.read_csv(
            pa.BufferReader(data),
            read_options=pc.ReadOptions(
                use_threads=wrong_row is None and len(data) > _SAMPLE_BYTES, block_size=max(len(data) + 1, 1024), column_names=names
            ),
            parse_options=pc.ParseOptions(
                delimiter=self._delimiter,
                quote_char='"' if quoted else False,
                newlines_in_values=quoted,
                ignore_empty_lines=False,
                invalid_row_handler=wrong_row,
            ),
            convert_options=pc.ConvertOptions(
                check_utf8=False,
                strings_can_be_null=False,
                include_columns=[str(position) for position in wanted],
                column_types={str(p): repeated if p in (self._dictionary or ()) else text for p in wanted},
            ),
        )

    def _repeating(self, data: bytes, wanted: list[int], quoted: bool) -> set[int]:
        """Columns whose values repeat in the first records: those are read, typed and written once per distinct value."""
        self._dictionary = set()
        cut = data.rfind(b"\n", 0, _SAMPLE_BYTES) + 1 or len(data)
        columns, _ = self._parse(data[:cut] if not quoted else data, wanted, quoted)
        return {position for position, column in columns.items() if _repeats(column)}

    def _raw(self, chunk: TextChunk, starts: np.ndarray, kept: np.ndarray) -> pa.Array:
        """The lines of the kept records; for quoted chunks in canonical quoting, so that a row has one spelling."""
        import pyarrow as pa

        offsets = np.append(starts, len(chunk.data)).astype(np.int64)
        lines = pa.LargeStringArray.from_buffers(len(starts), pa.py_buffer(offsets), pa.py_buffer(chunk.data))
        if chunk.quoted:
            lines = _canonical(lines, self._delimiter, len(self.header))
        return lines if len(kept) == len(starts) else lines.take(pa.array(kept))

    def _salvaged(self, chunk: TextChunk, wanted: list[int], unexplained: bool) -> RecordChunk:
        import pyarrow as pa

        found = salvage(chunk.data, self._delimiter, len(self.header), self._row, unexplained=unexplained)
        self._row += found.lines
        columns = {p: pa.array([fields[p] for fields in found.fields], pa.string()) for p in wanted}
        raw = pa.array([canonical_line(fields, self._delimiter) for fields in found.fields], pa.large_string())
        return RecordChunk(columns, np.array(found.source_row, np.int64), raw, found.count, found.bad)


def canonical_line(fields: Iterable[str], delimiter: str) -> str:
    """A record as CSV, a field quoted only if it holds a delimiter, a quote or a line feed, with the final line feed."""
    quoted = ['"' + field.replace('"', '""') + '"' if delimiter in field or '"' in field or "\n" in field else field for field in fields]
    return delimiter.join(quoted) + "\n"


def _canonical(lines: pa.Array, delimiter: str, width: int) -> pa.Array:
    """Drop quotes that are not needed. Lines whose quoted fields hold nothing special lose all quotes; the others are rewritten."""
    import pyarrow as pa
    import pyarrow.compute as pc

    with_quotes = pc.match_substring(lines, '"')
    if not pc.any(with_quotes).as_py():
        return lines
    edge = f"[^{re.escape(delimiter)}\n]"
    special = pc.or_(
        pc.match_substring_regex(lines, f'{edge}""|""{edge}'),
        pc.or_(
            pc.not_equal(pc.count_substring(lines, delimiter), width - 1),
            pc.not_equal(pc.count_substring(lines, "\n"), 1),
        ),
    )
    special = pc.and_(special, with_quotes)
    plain = pc.replace_substring(lines, '"', "")
    if not pc.any(special).as_py():
        return plain
    rewritten = [
        canonical_line(next(csv.reader(io.StringIO(line.removesuffix("\n"), newline=""), delimiter=delimiter), []), delimiter)
        for line in lines.filter(special).to_pylist()
    ]
    return pc.replace_with_mask(plain, special, pa.array(rewritten, pa.large_string()))


def _repeats(column: pa.Array) -> bool:
    """Whether few enough of the first values are distinct."""
    sample = column[:_SAMPLE]
    return len(sample) > 0 and len(sample.unique()) <= max(_REPEATING * len(sample), 8)


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


@cache
def _no_lines() -> pa.Array:
    import pyarrow as pa

    return pa.array([], pa.large_string())


def _kept(data: bytes, starts: np.ndarray, ends: np.ndarray, good: np.ndarray) -> bytes:
    """The good records of the chunk, copied run by run."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], good.view(np.int8), [0]))))
    return b"".join(data[starts[a] : ends[b - 1] + 1] for a, b in zip(edges[0::2], edges[1::2], strict=True))


def _bad(chunk: TextChunk, starts: np.ndarray, index: int, first_row: int, rule: str) -> BadRecord:
    start, end = int(starts[index]), int(chunk.ends[index])
    text = chunk.data[start : min(end, start + 4 * TEXT_LIMIT)].decode("utf-8", "replace")[:TEXT_LIMIT]
    return BadRecord(first_row + int(index), rule, text)


def _positions(data: bytes, needle: bytes) -> Iterator[int]:
    at = data.find(needle)
    while at >= 0:
        yield at
        at = data.find(needle, at + len(needle))
