"""An alert is made of crossings: up, down, or a first score above Low; never of small moves or of the absence of a score."""

import datetime as dt

import polars as pl

from la_assets.early_warning.risk_changes import risk_changes

LEVELS = ("Low", "Medium", "High")


def score(
    day: str, level: str | None, *, who: str = "ann", year: str = "2023-24", section: str = "", target: str = "dropout"
) -> dict[str, object]:
    probability = None if level is None else {"Low": 0.1, "Medium": 0.4, "High": 0.8}[level]
    return {"target": target, "student_key": who, "section_id": section, "snapshot": day, "as_of_date": dt.date.fromisoformat(day),
            "school_year": year, "probability": probability, "level": level}  # fmt: skip


def crossed(*scores: dict[str, object]) -> list[tuple[str, str, str | None]]:
    made = risk_changes(
        pl.LazyFrame(list(scores), schema_overrides={"probability": pl.Float64, "level": pl.String}), "2023-24", LEVELS
    ).collect()
    return list(made.select("student_key", "change", "previous_level").iter_rows())


def test_a_rise_and_a_fall_are_rows_and_staying_is_none() -> None:
    assert crossed(score("2023-10-31", "Low"), score("2024-01-31", "High"), score("2024-04-15", "High")) == [("ann", "rose", "Low")]
    assert crossed(score("2023-10-31", "Medium"), score("2024-01-31", "Low"))[1] == ("ann", "fell", "Medium")


def test_the_last_score_of_the_year_before_is_what_the_first_one_is_compared_with() -> None:
    before = (score("2022-10-31", "High", year="2022-23"), score("2023-04-15", "Medium", year="2022-23"))
    assert crossed(*before, score("2023-10-31", "Medium")) == []
    assert crossed(*before, score("2023-10-31", "High")) == [("ann", "rose", "Medium")]


def test_a_first_score_counts_only_above_low() -> None:
    assert crossed(score("2023-10-31", "Medium")) == [("ann", "first scored above Low", None)]
    assert crossed(score("2023-10-31", "Low")) == []


def test_a_day_without_a_score_is_passed_over() -> None:
    assert crossed(score("2023-10-31", "Low"), score("2024-01-31", None), score("2024-04-15", "Low")) == []
    assert crossed(score("2023-10-31", None)) == []


def test_students_courses_and_targets_are_not_mixed() -> None:
    low, high = "Low", "High"
    others = (
        score("2024-01-31", high, who="ben"),
        score("2024-01-31", high, section="m1", target="course_failure"),
        score("2024-01-31", high, section="m2", target="course_failure"),
    )
    found = crossed(score("2023-10-31", low), *others, score("2024-04-15", low))
    assert sorted(change for _, change, _ in found) == ["first scored above Low"] * 3
