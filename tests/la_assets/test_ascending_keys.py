"""The checks of keys and references say the same of rows in any order; sorted rows only let them look less."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from la_assets.data_checks import key_is_unique, references_exist

ROWS = st.lists(st.tuples(st.sampled_from(["A", "B", "C", None]), st.sampled_from([1, 2, 3, None])), max_size=8)


def days(rows: list[tuple[str | None, int | None]]) -> pl.LazyFrame:
    return pl.LazyFrame(rows, schema={"student": pl.String, "day": pl.Int64}, orient="row")


@settings(deadline=None, max_examples=200)
@given(ROWS)
def test_a_key_is_judged_alike_in_any_order(rows: list[tuple[str | None, int | None]]):
    expected = len(rows) - len(set(rows))
    for ordered in (days(rows), days(rows).sort("student", "day"), days(rows).sort("student", "day", nulls_last=True)):
        passed, _, counts = key_is_unique(ordered, ["student", "day"])
        assert (passed, counts) == (expected == 0, {"rows": len(rows), "repeated": expected})


@settings(deadline=None, max_examples=200)
@given(ROWS)
def test_a_reference_is_judged_alike_in_any_order(rows: list[tuple[str | None, int | None]]):
    known = pl.LazyFrame({"student": ["A", "B"]})
    orphans = [student for student, _ in rows if student == "C"]
    for ordered in (days(rows), days(rows).sort("student", "day")):
        passed, _, counts = references_exist(ordered, ["student"], known, ["student"], "roster.students")
        assert passed == (not orphans)
        assert counts["orphans"] == len(orphans)
