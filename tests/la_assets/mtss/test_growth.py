"""Growth compares what compares, with whoever started alike."""

import datetime as dt

import polars as pl
import pytest

from la_assets.mtss.growth import growth

from .made_up import WINDOWS, Roster, key, panel_of, score


def grown(rows: list[dict], students: range, min_peers: int = 10) -> pl.DataFrame:
    return growth(panel_of(rows, Roster().enrol(students)).lazy(), WINDOWS, min_peers).sort("student_key", "from_window").collect()


def of(frame: pl.DataFrame, student: int, start: str = "PM1", end: str = "PM2") -> dict:
    return frame.filter(pl.col("student_key") == key(student), pl.col("from_window") == start, pl.col("to_window") == end).row(
        0, named=True
    )


def test_points_days_and_points_per_thirty_days() -> None:
    rows = [
        score(1, "PM1", 200.0, administered_on=dt.date(2024, 9, 1)),
        score(1, "PM2", 212.0, administered_on=dt.date(2024, 12, 10)),
        score(2, "PM1", 200.0, administered_on=dt.date(2024, 9, 1)),
        score(2, "PM2", 195.0, administered_on=None, known_on=dt.date(2025, 1, 15)),
    ]
    made = grown(rows, range(1, 3))
    first, second = of(made, 1), of(made, 2)
    assert (first["points"], first["days"]) == (12.0, 100)
    assert first["points_per_30_days"] == pytest.approx(3.6)
    assert (second["points"], second["days"], second["points_per_30_days"]) == (-5.0, None, None)
    assert (first["status"], first["growth_percentile"]) == ("too few peers", None)


def test_percentiles_rank_those_who_started_in_the_same_decile() -> None:
    """A hundred students in ten groups of equal starts: within each, the one who grew most of ten is at 95 (mid-rank)."""
    students = range(1, 101)
    rows = [score(n, "PM1", 200.0 + (n - 1) // 10) for n in students]
    rows += [score(n, "PM2", 200.0 + (n - 1) // 10 + (n % 10) + 50 * ((n - 1) // 10)) for n in students]
    made = grown(rows, students)
    assert set(made["peers"]) == {10}
    assert sorted(made.filter(pl.col("start_decile") == 4)["growth_percentile"]) == pytest.approx([5.0 + 10 * i for i in range(10)])
    assert of(made, 9)["growth_percentile"] == of(made, 99)["growth_percentile"] == 95.0, "whatever those gained who started higher"
    assert set(made["peer_group"]) == {"decile in grade"}


def test_where_the_grade_has_too_few_the_decile_of_all_grades_counts_on_a_vertical_scale_only() -> None:
    def two_grades(**changes: object) -> pl.DataFrame:
        rows = [
            score(n, window, 200.0 + gain * (n % 20), grade_level="04" if n <= 60 else "05", **changes)
            for n in range(1, 121)
            for window, gain in (("PM1", 1.0), ("PM2", 1.5))
        ]
        return grown(rows, range(1, 121))

    made = two_grades()
    assert set(made["peer_group"]) == {"decile in district"}
    assert set(made["peers"]) == {12}
    assert set(two_grades(is_vertical_scale=False)["status"]) == {"too few peers"}


def test_a_window_missed_gives_a_status_and_the_longer_span_still_counts() -> None:
    students = range(1, 31)
    rows = [score(n, window, 200.0 + n) for n in students for window in ("PM1", "PM2", "PM3") if (n, window) != (7, "PM2")]
    made = grown(rows, students, min_peers=2)
    assert (of(made, 7)["status"], of(made, 7)["points"]) == ("end not tested", None)
    assert of(made, 7, "PM2", "PM3")["status"] == "start not tested"
    whole = of(made, 7, "PM1", "PM3")
    assert (whole["status"], whole["points"], whole["is_consecutive"]) == ("grown", 0.0, False)


def test_a_score_filled_in_from_peers_is_no_growth() -> None:
    rows = [score(n, window, 200.0 + n) for n in range(1, 14) for window in ("PM1", "PM2") if (n, window) != (13, "PM1")]
    panel = panel_of(rows, Roster().enrol(range(1, 14)))
    assert panel.filter("is_imputed").height == 1
    made = growth(panel.lazy(), WINDOWS).collect()
    assert of(made, 13)["status"] == "start not tested"


def test_different_grades_compare_on_a_vertical_scale_only() -> None:
    rows = [score(1, "PM1", 200.0, grade_level="04"), score(1, "PM2", 210.0)]
    assert of(grown(rows, range(1, 2)), 1)["points"] == 10.0
    flat = [row | {"is_vertical_scale": False} for row in rows]
    assert (of(grown(flat, range(1, 2)), 1)["status"], of(grown(flat, range(1, 2)), 1)["points"]) == ("scales differ", None)


def test_a_percentile_is_known_when_the_last_peer_is_tested() -> None:
    late = dt.date(2025, 2, 20)
    rows = [score(n, "PM1", 200.0) for n in range(1, 13)] + [
        score(n, "PM2", 205.0 + n, **({"administered_on": late, "known_on": late} if n == 12 else {})) for n in range(1, 13)
    ]
    assert set(grown(rows, range(1, 13))["known_on"]) == {late}


def test_a_subject_with_one_window_has_no_growth_and_no_rows() -> None:
    assert grown([score(n, "PM1", 200.0) for n in range(1, 13)], range(1, 13)).is_empty()
