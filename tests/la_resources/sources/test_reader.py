"""Reading CSV: encodings, line ends, quotes, record numbers. A file of people's systems, not of the standard."""

from __future__ import annotations

import io

import pytest

from la_resources.sources.reader import CsvRecords, canonical_line
from la_resources.sources.rows import UnreadableFileError


def read(content: bytes, block: int = 1 << 20) -> tuple[tuple[str, ...], list[tuple[int, list[str]]], list[tuple[int, str]], str]:
    """Header, good rows by number, bad rows by number and rule, encoding."""
    records = CsvRecords(io.BytesIO(content), block=block)
    good: list[tuple[int, list[str]]] = []
    bad: list[tuple[int, str]] = []
    for chunk in records.chunks(range(len(records.header))):
        columns = [chunk.columns[i].to_pylist() for i in range(len(records.header))] if chunk.columns else []
        good += [(int(n), [c[i] for c in columns]) for i, n in enumerate(chunk.source_row)]
        bad += [(b.source_row, b.rule) for b in chunk.bad]
        assert chunk.count == len(chunk.source_row) + len(chunk.bad)
        assert len(chunk.raw) == len(chunk.source_row)
    return records.header, good, bad, records.encoding


TWO_ROWS = [(2, ["1", "Ann"]), (3, ["2", "Zoé"])]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("id,name\n1,Ann\n2,Zoé\n".encode(), "utf-8"),
        ("id,name\n1,Ann\n2,Zoé".encode(), "utf-8"),
        ("id,name\r\n1,Ann\r\n2,Zoé\r\n".encode(), "utf-8"),
        ("id,name\r1,Ann\r2,Zoé\r".encode(), "utf-8"),
        ("\ufeffid,name\n1,Ann\n2,Zoé\n".encode(), "utf-8-sig"),
        ("\ufeffid,name\r\n1,Ann\r\n2,Zoé\r\n".encode("utf-16-le"), "utf-16-le"),
        ("\ufeffid,name\r\n1,Ann\r\n2,Zoé\r\n".encode("utf-16-be"), "utf-16-be"),
        ("id,name\n1,Ann\n2,Zoé\n".encode("cp1252"), "utf-8 with windows-1252 records"),
        ('"id","name"\n"1","Ann"\n"2","Zoé"\n'.encode(), "utf-8"),
    ],
)
@pytest.mark.parametrize("block", [3, 1 << 20])
def test_the_same_table_in_any_encoding_and_line_end_reads_the_same(content: bytes, encoding: str, block: int):
    assert read(content, block) == (("id", "name"), TWO_ROWS, [], encoding)


def test_a_file_of_two_encodings_is_read_record_by_record():
    _, good, bad, _ = read("id,name\n1,Zoé\n".encode() + "2,Zoé\n".encode("cp1252"))
    assert ([row for _, row in good], bad) == ([["1", "Zoé"], ["2", "Zoé"]], [])


def test_bytes_that_no_encoding_explains_set_the_record_aside():
    _, good, bad, _ = read(b"id,name\n1,a\n2,\x81\n3,c\n")
    assert ([n for n, _ in good], bad) == ([2, 4], [(3, "undecodable bytes")])


def test_a_quoted_field_may_hold_delimiters_quotes_and_line_feeds():
    _, good, bad, _ = read(b'id,name\n1,"Lee, ""Al""\nJr"\n2,b\n')
    assert (good, bad) == ([(2, ["1", 'Lee, "Al"\nJr']), (3, ["2", "b"])], [])


def test_a_quote_inside_an_unquoted_field_is_a_character():
    _, good, bad, _ = read(b'id,name\n1,O"Brien\n2,5" pipe\n')
    assert ([row[1] for _, row in good], bad) == (['O"Brien', '5" pipe'], [])


def test_an_unclosed_quote_costs_its_own_record_and_no_other():
    _, good, bad, _ = read(b'id,name\n1,a\n2,"oops\n3,c\n4,"d"\n5,"e\nf"\n')
    assert [n for n, _ in good] == [2, 4, 5, 6]
    assert good[-1][1] == ["5", "e\nf"]
    assert bad == [(3, "unbalanced quotes")]


def test_unclosed_quotes_do_not_swallow_the_records_between_them():
    _, good, bad, _ = read(b'id,name,x\n1,"oops,1\n2,b,2\n3,"c",3\n4,d,4\n')
    assert [row[0] for _, row in good] == ["2", "3", "4"]
    assert bad == [(2, "unbalanced quotes")]


def test_a_ragged_record_over_several_lines_is_read_line_by_line():
    _, good, bad, _ = read(b'id,name\n1,"oops\n2,b\n3,c",4\n5,e\n')
    assert [row[0] for _, row in good] == ["2", "5"]
    assert bad == [(2, "unbalanced quotes"), (4, "too many fields")]


def test_ragged_records_are_set_aside_with_their_number():
    _, good, bad, _ = read(b"id,name\n1,a\n2\n3,c,d\n4,e\n")
    assert ([n for n, _ in good], bad) == ([2, 5], [(3, "too few fields"), (4, "too many fields")])


def test_a_delimiter_too_many_at_the_end_of_the_line_does_no_harm():
    _, good, bad, _ = read(b'id,name\n1,a,\n"2","b",,\n3,c\n')
    assert ([row for _, row in good], bad) == ([["1", "a"], ["2", "b"], ["3", "c"]], [])


def test_blank_lines_are_no_rows_but_count_as_lines():
    _, good, bad, _ = read(b"\n\nid,name\n\n1,a\n\n\n2,b\n\n")
    assert ([n for n, _ in good], bad) == ([5, 8], [])


def test_nul_bytes_set_the_record_aside():
    _, good, bad, _ = read(b"id,name\n1,a\x00b\n2,c\n")
    assert ([n for n, _ in good], bad) == ([3], [(2, "NUL byte")])


@pytest.mark.parametrize("block", [1 << 16, 1 << 23])
def test_a_giant_record_is_set_aside_and_the_next_is_read(block: int):
    giant = b"2," + b"x" * 3_000_000
    _, good, bad, _ = read(b"id,name\n1,a\n" + giant + b"\n3,c\n", block)
    assert ([n for n, _ in good], bad) == ([2, 4], [(3, "record too long")])


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "empty file"),
        (b"\n\n", "empty file"),
        (b"\xef\xbb\xbf", "empty file"),
        ("id,name\n1,a\n".encode("utf-16-le"), "NUL byte"),
        (b"x" * 3_000_000, "header too long"),
    ],
)
def test_a_file_without_a_header_is_refused_with_the_reason(content: bytes, rule: str):
    with pytest.raises(UnreadableFileError) as refusal:
        read(content)
    assert refusal.value.rule == rule


def test_the_size_of_a_chunk_changes_nothing():
    lines = [f'{i},"name {i}, of {i % 7}"' if i % 3 else f"{i},plain" for i in range(500)]
    content = ("id,name\n" + "\n".join(lines) + '\n9,"open\n10,b\n').encode()
    assert read(content, 64)[1:3] == read(content, 1 << 20)[1:3]


def test_a_record_has_one_raw_line_however_it_was_quoted():
    variants = [b"id,name\n1,a\n", b'id,name\n"1","a"\n', b'id,name\n1,"a"\n']
    raw = [next(CsvRecords(io.BytesIO(v)).chunks([0])).raw.to_pylist() for v in variants]
    assert raw == [["1,a\n"]] * 3


def test_the_raw_line_tells_apart_what_differs():
    assert canonical_line(["a,b", "c"], ",") != canonical_line(["a", "b,c"], ",")
    raw = next(CsvRecords(io.BytesIO(b'x,y\n"a,b",c\na,"b,c"\n"",""\n"q""q","l\nl"\n')).chunks([0])).raw.to_pylist()
    assert raw == ['"a,b",c\n', 'a,"b,c"\n', ",\n", '"q""q","l\nl"\n']
