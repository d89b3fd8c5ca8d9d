"""Of rows that tell the same fact, the last to arrive wins: the fold that every room uses."""

import datetime as dt

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from la_assets.folding import last_arrived

AUGUST = dt.datetime(2023, 8, 1, tzinfo=dt.UTC)
SEPTEMBER = dt.datetime(2023, 9, 1, tzinfo=dt.UTC)


def landed(*rows: tuple[str | None, str, dt.datetime, str, int]) -> pl.LazyFrame:
    return pl.LazyFrame(rows, schema=["student_key", "value", "landed_at", "source_file", "source_row"], orient="row")


def kept(frame: pl.LazyFrame) -> dict[str | None, str]:
    return dict(last_arrived(frame, ["student_key"]).select("student_key", "value").collect().iter_rows())


def test_a_fact_told_once_is_kept_as_it_is() -> None:
    assert kept(landed(("a", "x", AUGUST, "f.csv", 2), ("b", "y", AUGUST, "f.csv", 3))) == {"a": "x", "b": "y"}


def test_the_later_file_wins_even_if_its_name_and_row_come_first() -> None:
    assert kept(landed(("a", "late", SEPTEMBER, "a.csv", 2), ("a", "early", AUGUST, "z.csv", 9))) == {"a": "late"}


def test_of_files_that_arrived_together_the_last_name_wins() -> None:
    assert kept(landed(("a", "second", AUGUST, "b.csv", 2), ("a", "first", AUGUST, "a.csv", 9))) == {"a": "second"}


def test_within_a_file_the_last_row_wins() -> None:
    assert kept(landed(("a", "third", AUGUST, "f.csv", 11), ("a", "first", AUGUST, "f.csv", 2), ("a", "second", AUGUST, "f.csv", 3))) == {
        "a": "third"
    }


def test_a_missing_key_part_equals_a_missing_key_part() -> None:
    assert kept(landed((None, "old", AUGUST, "f.csv", 2), (None, "new", AUGUST, "f.csv", 3))) == {None: "new"}


def test_nothing_landed_gives_a_typed_empty_frame() -> None:
    frame = landed(("a", "x", AUGUST, "f.csv", 2))
    assert last_arrived(frame.head(0), ["student_key"]).collect().schema == frame.collect_schema()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(0, 2)), max_size=40))
def test_the_fold_is_what_a_reader_going_through_the_files_in_order_ends_with(rows: list[tuple[int, int, int]]) -> None:
    frame = pl.LazyFrame(
        {
            "student_key": [str(key) for key, _, _ in rows],
            "value": list(range(len(rows))),
            "landed_at": [AUGUST + dt.timedelta(days=day) for _, day, _ in rows],
            "source_file": [f"{file}.csv" for _, _, file in rows],
            "source_row": [2 + n for n in range(len(rows))],
        },
        schema={
            "student_key": pl.String,
            "value": pl.Int64,
            "landed_at": pl.Datetime("us", "UTC"),
            "source_file": pl.String,
            "source_row": pl.Int64,
        },
    )
    ends_with = {row[0]: row[1] for row in frame.collect().sort("landed_at", "source_file", "source_row").iter_rows()}
    assert dict(last_arrived(frame, ["student_key"]).select("student_key", "value").collect().iter_rows()) == ends_with
