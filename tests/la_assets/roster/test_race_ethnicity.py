"""The federal roll-up of race and ethnicity, and grade levels as bundles write them."""

import polars as pl
import pytest

from la_assets.landing.schema import GRADES as CONTRACT_GRADES
from la_assets.landing.schema import RACE_ETHNICITY
from la_assets.roster.grade_levels import GRADES, grade_level
from la_assets.roster.race_ethnicity import FLAGS, RACES, federal_rollup


def rollup(two_or_more: bool | None = None, **flags: bool) -> str | None:
    frame = pl.DataFrame(
        [{flag: flags.get(flag) for flag in FLAGS} | {"several": two_or_more}], schema=dict.fromkeys((*FLAGS, "several"), pl.Boolean)
    )
    return frame.select(federal_rollup(pl.col("several"))).item()


def test_hispanic_of_any_race_comes_first() -> None:
    assert rollup(hispanic_or_latino=True, asian=True) == "Hispanic or Latino"
    assert rollup(hispanic_or_latino=True, asian=True, white=True) == "Hispanic or Latino"


def test_two_flags_are_two_or_more_races() -> None:
    assert rollup(black_or_african_american=True, white=True, hispanic_or_latino=False) == "Two or More Races"


def test_two_or_more_races_may_be_said_without_saying_which() -> None:
    assert rollup(two_or_more=True) == "Two or More Races"
    assert rollup(two_or_more=True, hispanic_or_latino=True) == "Hispanic or Latino"


@pytest.mark.parametrize("flag", RACES)
def test_one_flag_is_that_race(flag: str) -> None:
    assert rollup(**{flag: True}) == RACES[flag]


def test_no_flag_given_is_missing_and_all_false_is_unknown() -> None:
    assert rollup() is None
    assert rollup(white=False, asian=False, hispanic_or_latino=False) == "Unknown"


def test_every_race_is_in_the_contract() -> None:
    assert set(RACES.values()) < set(RACE_ETHNICITY)


@pytest.mark.parametrize(
    ("sent", "level"),
    [
        ("09", "09"),
        ("9", "09"),
        ("12", "12"),
        ("K", "KG"),
        ("kg", "KG"),
        (" 3 ", "03"),
        ("09,10", "09"),
        ("PR", "PK"),
        ("13", "13"),
        ("99", None),
        ("", None),
        (None, None),
    ],
)
def test_grade_levels_become_ceds_codes(sent: str | None, level: str | None) -> None:
    assert pl.DataFrame({"grade": [sent]}, schema={"grade": pl.String}).select(grade_level(pl.col("grade"))).item() == level


def test_every_grade_level_made_is_in_the_contract() -> None:
    assert set(GRADES.values()) <= set(CONTRACT_GRADES)
