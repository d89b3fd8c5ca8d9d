"""A missing score is the median of the smallest peer group with enough observed ones, from what was known, and says so."""

import datetime as dt
import statistics

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from la_assets.mtss.imputation import PEER_GROUPS, impute

DAY = dt.date(2024, 9, 10)
WHERE = ("section_id", "staff_key", "school_id", "grade_level")


def rows(*groups: tuple[int, tuple[str | None, ...], list[float | None]]) -> pl.LazyFrame:
    """Groups of students at (section, teacher, school, grade) with their scores; the day they were known on first."""
    made = [
        {"value": value, "known_on": DAY + dt.timedelta(days=late), "test": "T"} | dict(zip(WHERE, where, strict=True))
        for late, where, values in groups
        for value in values
    ]
    types = {"value": pl.Float64, "known_on": pl.Date, "test": pl.String} | dict.fromkeys(WHERE, pl.String)
    return pl.LazyFrame(made, schema=types)


def filled(frame: pl.LazyFrame, **options: object) -> pl.DataFrame:
    made = impute(frame, value="value", of=["test"], fillable=pl.lit(True), **{"min_peers": 3} | options).collect()  # type: ignore[arg-type]
    return made.filter("is_imputed")


HERE = ("A", "t", "s", "05")
ELSEWHERE = ("Z", "u", "r", "06")


@pytest.mark.parametrize(
    ("neighbours", "level"),
    [
        (HERE, "section"),
        (("B", "t", "s", "05"), "teacher"),
        (("B", "u", "s", "05"), "grade in school"),
        (("B", "u", "s", "04"), "school"),
        (("B", "u", "r", "05"), "grade in district"),
    ],
)
def test_peer_groups_widen_from_the_section_to_the_grade_of_the_district(neighbours: tuple[str, ...], level: str) -> None:
    made = filled(rows((0, HERE, [None]), (0, neighbours, [10.0, 20.0, 60.0]), (0, ELSEWHERE, [900.0] * 9)))
    assert made.select("value", "imputation_level", "imputation_peers").rows() == [(20.0, level, 3)]


def test_a_small_group_is_passed_over_and_its_scores_count_in_the_wider_one() -> None:
    made = filled(rows((0, HERE, [None, 10.0, 20.0]), (0, ("B", "t", "s", "05"), [90.0])))
    assert made.select("value", "imputation_level").rows() == [(20.0, "teacher")]


def test_without_enough_peers_anywhere_the_gap_stays() -> None:
    made = impute(rows((0, HERE, [None, 1.0]), (0, ELSEWHERE, [5.0] * 9)), value="value", of=["test"], fillable=pl.lit(True)).collect()
    assert made["value"].null_count() == 1
    assert not made["is_imputed"].any()


def test_a_student_of_no_section_is_not_a_peer_of_others_without_one() -> None:
    nowhere = (None, None, None, None)
    made = filled(rows((0, nowhere, [None, 1.0, 2.0, 3.0])))
    assert made.is_empty()


def test_what_may_not_be_filled_in_is_not() -> None:
    frame = rows((0, HERE, [None, 1.0, 2.0, 3.0]))
    made = impute(frame, value="value", of=["test"], fillable=pl.lit(False), min_peers=3).collect()
    assert (made["value"].null_count(), made["is_imputed"].sum()) == (1, 0)


def test_scores_known_after_the_as_of_date_are_missing_and_give_nothing_to_a_median() -> None:
    frame = rows((0, HERE, [10.0, 20.0, 30.0]), (40, HERE, [1000.0, 1000.0, 1000.0]))
    made = filled(frame, as_of=DAY + dt.timedelta(days=5))
    assert made["value"].to_list() == [20.0, 20.0, 20.0], "those tested later are filled in from those known by then"
    assert set(made["imputation_peers"]) == {3}


def test_a_filled_in_row_is_known_when_the_last_of_its_peers_is() -> None:
    made = filled(rows((0, HERE, [None, 1.0, 2.0]), (6, HERE, [3.0])))
    assert made["known_on"].to_list() == [DAY + dt.timedelta(days=6)]


scores = st.lists(st.one_of(st.none(), st.integers(0, 50).map(float)), min_size=0, max_size=12)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from("tu"), st.sampled_from("sr"), scores), min_size=1, max_size=6))
def test_every_row_stays_observed_ones_unchanged_and_filled_ones_are_the_median_of_the_group_named(groups: list) -> None:
    frame = rows(*((0, (section, teacher, school, "05"), values) for section, teacher, school, values in groups))
    made = impute(frame.with_row_index("row"), value="value", of=["test"], fillable=pl.lit(True), min_peers=3).sort("row").collect()
    before = frame.collect()
    assert made.height == before.height
    observed = before.filter(pl.col("value").is_not_null())
    for was, row in zip(before.iter_rows(named=True), made.iter_rows(named=True), strict=True):
        if was["value"] is not None:
            assert (row["value"], row["is_imputed"]) == (was["value"], False)
            continue
        peers = {
            level: [p["value"] for p in observed.iter_rows(named=True) if all(p[c] == was[c] for c in columns)]
            for level, columns in PEER_GROUPS.items()
        }
        enough = [level for level, values in peers.items() if len(values) >= 3]
        assert row["imputation_level"] == (enough[0] if enough else None)
        assert row["value"] == (statistics.median(peers[enough[0]]) if enough else None)
