"""A contract enforces columns, types, nulls, ranges, options and patterns, and names what breaks it."""

from __future__ import annotations

import datetime as dt
from contextlib import nullcontext

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from la_resources.contracts import Column, ContractError, Table, validate

SCORES = Table(
    "assessments.sample",
    "A student's score.",
    (
        Column("student_key", pl.String, "Key.", pattern=r"^s\d+$"),
        Column("level", pl.Int32, "Level.", nullable=True, minimum=1, maximum=5),
        Column("score", pl.Float64, "Score.", minimum=0),
        Column("subject", pl.String, "Subject.", nullable=True, options=("Math", "ELA")),
        Column("taken_on", pl.Date, "Day.", nullable=True),
    ),
    ("student_key",),
)


def frame(**changed: list) -> pl.DataFrame:
    good = {
        "student_key": ["s1", "s2"], "level": [3, None], "score": [0.0, 512.5], "subject": ["Math", None],
        "taken_on": [dt.date(2024, 4, 15), None],
    }  # fmt: skip
    return pl.DataFrame(good | changed, schema=SCORES.polars_schema())


def test_rows_that_keep_the_contract_pass() -> None:
    validate(SCORES, frame())
    validate(SCORES, SCORES.empty())


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (frame(student_key=["s1", "17"]), r"column student_key: .*fails for 1 row\(s\), e\.g\. \['17'\]"),
        (frame(student_key=["s1", None]), "column student_key: not_nullable"),
        (frame(level=[0, 6]), r"level: greater.*1 row(.|\n)*level: less"),
        (frame(score=[-1.0, -2.0]), r"score: .*fails for 2 row\(s\)"),
        (frame(score=[None, 1.0]), "score: not_nullable"),
        (frame(subject=["Math", "Art"]), r"subject: isin.*e\.g\. \['Art'\]"),
        (frame().drop("taken_on"), "taken_on"),
        (frame().with_columns(more=1), "more"),
        (frame().with_columns(pl.col("level").cast(pl.Int64)), "level: dtype"),
        (frame().select(reversed(SCORES.names)), "column"),
    ],
)
def test_what_breaks_the_contract_is_named_with_rule_count_and_values(broken: pl.DataFrame, message: str) -> None:
    with pytest.raises(ContractError, match=rf"assessments\.sample breaks its contract:(.|\n)*{message}"):
        validate(SCORES, broken)


def test_a_restricted_table_never_shows_a_value_in_an_error() -> None:
    names = Table("directory.sample", "A name.", SCORES.columns, SCORES.key, restricted=True)
    with pytest.raises(ContractError, match="student_key") as error:
        validate(names, frame(student_key=["s1", "Jane Roe"]))
    assert "Jane" not in str(error.value)


texts = st.sampled_from(["s1", "s22", "x", "", "s1\n", " s1", None])


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(
            texts,
            st.one_of(st.none(), st.integers(-1, 7)),
            st.one_of(st.none(), st.floats(-1, 2), st.just(float("nan")), st.just(float("inf"))),
            st.sampled_from(["Math", "ELA", "math", "", None]),
            st.none(),
        ),
        max_size=4,
    )
)
def test_looks_at_all_rules_at_once_never_pass_what_pandera_refuses(rows: list[tuple]) -> None:
    from pandera.config import ValidationDepth, config_context
    from pandera.errors import SchemaErrors

    candidate = pl.DataFrame(rows, schema=SCORES.polars_schema(), orient="row")
    try:
        with config_context(validation_depth=ValidationDepth.SCHEMA_AND_DATA):
            SCORES.pandera().validate(candidate, lazy=True)
        kept = True
    except SchemaErrors:
        kept = False
    for quick_look in (False, True):
        with nullcontext() if kept else pytest.raises(ContractError):
            validate(SCORES, candidate, quick_look=quick_look)


def test_a_contract_is_consistent_in_itself() -> None:
    id_column = Column("id", pl.Int64, "Number.")
    with pytest.raises(ValueError, match=r"a\.b: a column is named twice"):
        Table("a.b", "A row.", (id_column, id_column), ("id",))
    with pytest.raises(ValueError, match=r"a\.b: key columns without a definition: \['day'\]"):
        Table("a.b", "A row.", (id_column,), ("id", "day"))


def test_every_pattern_of_the_project_says_how_a_whole_value_looks() -> None:
    """A pattern that is not anchored would be searched for by one reader and matched from the start by another."""
    from la_assets.definitions import TABLES

    loose = [
        f"{t.name}.{c.name}: {c.pattern}"
        for t in TABLES
        for c in t.columns
        if c.pattern and not (c.pattern[0] == "^" and c.pattern[-1] == "$")
    ]
    assert loose == []
