"""A contract is judged the same in one pass as by pandera, rule by rule."""

from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.errors import SchemaErrors

from la_resources.contracts import Column, ContractError, Table, _keeps_all_rules, validate

TABLE = Table(
    "test.scores",
    "A score.",
    (
        Column("id", pl.Int64, "Number.", minimum=1),
        Column("grade", pl.String, "Grade level.", nullable=True, options=("KG", "01")),
        Column("term", pl.String, "Term.", pattern="T[0-9]"),
        Column("score", pl.Float64, "Score.", nullable=True, minimum=0, maximum=100),
        Column("weight", pl.Float64, "Weight."),
    ),
    ("id",),
)


def frame(*rows: tuple[object, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=TABLE.polars_schema(), orient="row")


def pandera_accepts(rows: pl.DataFrame) -> bool:
    try:
        TABLE.pandera().validate(rows, lazy=True)
    except SchemaErrors:
        return False
    return True


GOOD = (1, "KG", "T1", 50.0, 1.0)


def test_a_frame_that_keeps_every_rule_passes():
    rows = frame(GOOD, (2, None, "T2", None, 0.5))
    assert _keeps_all_rules(TABLE, rows)
    validate(TABLE, rows)


def test_an_empty_frame_passes():
    assert _keeps_all_rules(TABLE, frame())


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ((0, "KG", "T1", 50.0, 1.0), "id"),
        ((None, "KG", "T1", 50.0, 1.0), "id"),
        ((1, "02", "T1", 50.0, 1.0), "grade"),
        ((1, "KG", "aT1", 50.0, 1.0), "term"),
        ((1, "KG", "T1", 101.0, 1.0), "score"),
        ((1, "KG", "T1", math.nan, 1.0), "score"),
        ((1, "KG", "T1", 50.0, math.nan), "weight"),
    ],
)
@pytest.mark.parametrize("place", ["first", "in the middle of equal rows", "last"])
def test_a_row_that_breaks_a_rule_is_refused_wherever_it_stands(row: tuple[object, ...], named: str, place: str):
    rows = {"first": [row, GOOD], "in the middle of equal rows": [GOOD, row, row, GOOD], "last": [GOOD, GOOD, row]}[place]
    with pytest.raises(ContractError, match=named):
        validate(TABLE, frame(*rows))


def test_another_type_or_order_of_columns_is_refused():
    with pytest.raises(ContractError):
        validate(TABLE, frame(GOOD).cast({"id": pl.Int32}))
    with pytest.raises(ContractError):
        validate(TABLE, frame(GOOD).select("grade", "id", "term", "score", "weight"))


ROWS = st.lists(
    st.tuples(
        st.sampled_from([1, 1, 2, 0, None]),
        st.sampled_from(["KG", "01", None, "02"]),
        st.sampled_from(["T1", "T1", "T2", "xT1", "", None]),
        st.sampled_from([0.0, 100.0, None, -0.1, 100.1, math.nan, math.inf]),
        st.sampled_from([1.0, 1.0, math.inf, None, math.nan]),
    ),
    max_size=4,
)


@settings(deadline=None, max_examples=150)
@given(ROWS)
def test_whatever_one_pass_accepts_pandera_accepts(rows: list[tuple[object, ...]]):
    told = frame(*rows)
    if _keeps_all_rules(TABLE, told):
        assert pandera_accepts(told)


@settings(deadline=None, max_examples=150)
@given(ROWS)
def test_validation_refuses_exactly_what_pandera_refuses(rows: list[tuple[object, ...]]):
    told = frame(*rows)
    try:
        validate(TABLE, told)
    except ContractError:
        assert not pandera_accepts(told)
    else:
        assert pandera_accepts(told)
