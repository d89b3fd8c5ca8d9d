"""A district's early-warning settings: defaults that hold together, and words for what does not."""

import pytest
from pydantic import ValidationError

from la_resources.district import District
from la_resources.district_settings.early_warning import EarlyWarningSettings


def test_the_defaults_are_those_of_the_design() -> None:
    own = District().early_warning
    assert (own.medium_risk, own.high_risk, own.dropout_window_years) == (0.30, 0.60, 2)
    assert own.demographics_as_features == (), "race, ethnicity and the rest of the audit are no features unless a district says so"
    assert own.dropout_training_grades == ("09", "10", "11", "12")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"snapshots": {"latest": "10-31"}}, "latest"),
        ({"snapshots": {"Q2": "01-31", "Q1": "10-31"}, "course_snapshots": (), "decision_snapshot": "Q1"}, "July to June"),
        ({"snapshots": {"Q1": "02-30"}, "course_snapshots": (), "decision_snapshot": "Q1"}, "day"),
        ({"medium_risk": 0.7}, "below high_risk"),
        ({"decision_snapshot": "Q9"}, "Q9"),
        ({"slope_bounds": (1.2, 0.8)}, "lowest"),
        ({"colour": "red"}, "colour"),
    ],
    ids=["reserved name", "out of order", "no such day", "levels", "unknown snapshot", "bounds", "unknown setting"],
)
def test_settings_that_cannot_be_right_are_refused_with_a_word(given: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        EarlyWarningSettings(**given)  # type: ignore[arg-type]
