"""What is recommended follows from what is on record, rule by rule."""

import polars as pl
import pytest

from la_assets.early_warning.recommendations import RECOMMENDATIONS, RecommendationRules, recommendations

WELL = {"attendance_rate": 0.95, "gpa": 3.0, "suspensions": 0.0, "assignment_completion": 0.9, "frl": False}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, ["monitor"]),
        ({"attendance_rate": 0.8999}, ["attendance team"]),
        ({"attendance_rate": 0.90}, ["monitor"]),
        ({"gpa": 1.99}, ["tutoring"]),
        ({"suspensions": 2.0}, ["counselling"]),
        ({"suspensions": 1.0}, ["monitor"]),
        ({"assignment_completion": 0.69}, ["engagement coaching"]),
        ({"frl": True}, ["check for resource needs"]),
        (dict.fromkeys(WELL), ["monitor"]),
        ({"attendance_rate": 0.5, "gpa": 1.0, "suspensions": 3.0, "assignment_completion": 0.1, "frl": True}, list(RECOMMENDATIONS[:-1])),
    ],
    ids=lambda value: str(value)[:60],
)
def test_each_rule_gives_its_recommendation(facts: dict[str, float], expected: list[str]) -> None:
    schema = {
        "attendance_rate": pl.Float64,
        "gpa": pl.Float64,
        "suspensions": pl.Float64,
        "assignment_completion": pl.Float64,
        "frl": pl.Boolean,
    }
    frame = pl.DataFrame([WELL | facts], schema=schema)
    assert frame.select(recommendations(RecommendationRules()))["recommendations"].to_list() == [expected]
