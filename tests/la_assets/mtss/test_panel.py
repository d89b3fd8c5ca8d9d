"""Who has a result, who should have one and has not, and what is never filled in."""

import datetime as dt

import polars as pl

from la_assets.mtss import checks
from la_assets.mtss.standards import standards_panel

from .made_up import ARRIVED, DAY_OF, WINDOWS, YEAR, Roster, key, panel_of, score, scores

CLASS = range(1, 13)


def statuses(panel: pl.DataFrame, student: int) -> dict[str, str]:
    return dict(panel.filter(pl.col("student_key") == key(student)).select("window", "status").iter_rows())


def test_a_student_missing_from_a_class_that_took_the_test_gets_the_median_of_the_class() -> None:
    roster = Roster().enrol([*CLASS, 99])
    panel = panel_of([score(n, "PM1", 200.0 + n) for n in CLASS], roster)
    missing = panel.filter(pl.col("student_key") == key(99)).row(0, named=True)
    assert (missing["status"], missing["scale_score"], missing["imputation_level"]) == ("imputed", 206.5, "section")
    assert (missing["reason_not_tested"], missing["level"], missing["administered_on"]) == ("not said", None, None)
    assert missing["staff_key"] == key(901)


def test_final_scores_are_never_filled_in() -> None:
    rows = [score(n, window, 220.0) for n in CLASS for window in ("PM1", "PM3")] + [score(99, "PM1", 210.0)]
    panel = panel_of(rows, Roster().enrol([*CLASS, 99]))
    assert statuses(panel, 99) == {"PM1": "tested", "PM3": "not tested"}
    assert panel.filter(pl.col("is_final"), pl.col("is_imputed")).is_empty()


def test_no_gap_is_invented_for_a_class_that_is_not_meant_to_sit_the_test() -> None:
    """Algebra 1 students of grade 8 do not take the grade 8 Math test."""
    roster = Roster().enrol(CLASS, grade="08", section="M-8", taught="Math").enrol(range(50, 60), grade="08", section="ALG", taught="Math")
    panel = panel_of([score(n, "PM1", 230.0, subject="Math", grade_level="08") for n in CLASS], roster)
    assert panel.filter(pl.col("subject") == "Math").height == len(CLASS)


def test_an_end_of_course_test_is_expected_of_the_section_that_took_it_though_listed_under_a_wider_subject() -> None:
    roster = Roster().enrol([*CLASS, 99], grade="09", section="ALG", taught="Math")
    rows = [score(n, "EOC", 400.0, assessment_id="EOC", subject="Algebra 1", is_vertical_scale=False) for n in CLASS]
    panel = panel_of(rows, roster)
    missing = panel.filter(pl.col("student_key") == key(99))
    assert missing.select("status", "section_id", "staff_key").rows() == [("not tested", "ALG", key(901))]


def test_whoever_took_the_test_in_another_window_is_missed_in_this_one_when_the_grade_took_it() -> None:
    roster = Roster().enrol(CLASS).enrol([98], section=None, teacher=None)
    rows = [score(n, window, 220.0) for n in CLASS for window in ("PM1", "PM2")] + [score(98, "PM1", 200.0)]
    assert statuses(panel_of(rows, roster), 98) == {"PM1": "tested", "PM2": "imputed"}


def test_a_window_that_has_just_begun_leaves_nobody_missing() -> None:
    rows = [score(n, "PM1", 220.0) for n in CLASS] + [score(1, "PM2", 230.0)]
    panel = panel_of(rows, Roster().enrol(CLASS))
    assert panel.filter(pl.col("window") == "PM2").height == 1


def test_who_left_before_the_window_is_not_missing_in_it() -> None:
    roster = Roster().enrol(CLASS).enrol([99], until=dt.date(2024, 10, 1))
    rows = [score(n, window, 220.0) for n in [*CLASS, 99] for window in ("PM1", "PM2") if (n, window) != (99, "PM2")]
    assert statuses(panel_of(rows, roster), 99) == {"PM1": "tested"}


def test_a_reason_in_the_file_makes_a_row_and_is_kept() -> None:
    rows = [score(n, "PM1", 220.0) for n in CLASS] + [score(99, "PM1", None, administered_on=None, reason_not_tested="absent")]
    panel = panel_of(rows, Roster().enrol([*CLASS]).enrol([99], section=None, teacher=None))
    found = panel.filter(pl.col("student_key") == key(99)).row(0, named=True)
    assert (found["status"], found["reason_not_tested"], found["imputation_level"]) == ("imputed", "absent", "grade in school")


def test_a_teacher_with_two_students_widens_to_those_who_have_enough() -> None:
    roster = Roster().enrol([1, 2], section="tiny", teacher=902).enrol(range(10, 22), section="E-2")
    panel = panel_of([score(1, "PM1", 100.0)] + [score(n, "PM1", 220.0) for n in range(10, 22)], roster)
    found = panel.filter(pl.col("student_key") == key(2)).row(0, named=True)
    assert (found["imputation_level"], found["scale_score"]) == ("grade in school", 220.0)


def test_a_school_without_sections_and_links_is_judged_by_grade() -> None:
    roster = Roster().enrol([*CLASS, 99], section=None, teacher=None)
    found = panel_of([score(n, "fall", 200.0, assessment_id="MAP Growth") for n in CLASS], roster)
    assert found.filter(pl.col("student_key") == key(99)).select("status", "imputation_level", "section_id", "staff_key").rows() == [
        ("imputed", "grade in school", None, None)
    ]


def test_with_too_few_peers_the_gap_stays_and_says_so() -> None:
    panel = panel_of([score(n, "PM1", 220.0) for n in range(1, 6)], Roster().enrol(range(1, 8)))
    assert panel.filter(pl.col("status") == "too few peers").height == 2
    assert panel.filter(~pl.col("is_imputed"), pl.col("status") != "tested")["scale_score"].null_count() == 2


def test_retests_and_other_subjects_do_not_enter_and_an_empty_year_is_empty() -> None:
    rows = [score(1, "PM1", 220.0), score(1, "PM1", 250.0, attempt=2, is_official=False), score(1, "PM1", 250.0, subject="Science")]
    assert panel_of(rows, Roster().enrol([1])).select("scale_score").to_series().to_list() == [220.0]
    assert panel_of([], Roster().enrol([1])).is_empty()
    assert panel_of(rows[:1], Roster()).height == 1, "a tested student whom the roster does not list is not lost"


def points(student: int, code: str, earned: float, possible: float = 4.0, window: str = "PM1") -> dict:
    return {
        "student_key": key(student), "assessment_id": "FAST", "subject": "ELA", "window": window, "administered_on": DAY_OF[window],
        "standard_code": code, "points_earned": earned, "points_possible": possible, "known_on": DAY_OF[window], "source": "f",
        "loaded_at": ARRIVED, "school_year": YEAR,
    }  # fmt: skip


def test_standards_of_a_student_not_tested_are_medians_of_each_standard_and_one_that_nobody_took_is_no_row() -> None:
    panel = panel_of([score(n, "PM1", 220.0) for n in CLASS], Roster().enrol([*CLASS, 99]))
    taken = pl.LazyFrame([points(n, code, float(n % 3)) for n in CLASS for code in ("R.1.1", "R.1.2")])
    made = standards_panel(taken, panel.lazy()).collect()
    assert made.height == 2 * len(CLASS) + 2
    filled = made.filter(pl.col("student_key") == key(99)).sort("standard_code")
    assert filled.select("standard_code", "mastery", "imputation_level", "points_earned").rows() == [
        ("R.1.1", 0.25, "section", None), ("R.1.2", 0.25, "section", None),
    ]  # fmt: skip


def test_points_of_an_attempt_that_does_not_count_and_points_of_nothing_possible_give_no_mastery() -> None:
    panel = panel_of([score(1, "PM1", 220.0)], Roster().enrol([1]))
    other_day = points(1, "R.1.1", 1.0) | {"administered_on": dt.date(2024, 9, 25)}
    made = standards_panel(pl.LazyFrame([points(1, "R.1.1", 3.0), other_day, points(1, "R.1.3", 0.0, 0.0)]), panel.lazy()).collect()
    assert made.sort("standard_code").select("standard_code", "mastery").rows() == [("R.1.1", 0.75), ("R.1.3", None)]


def test_frames_without_rows_have_their_types() -> None:
    assert scores([]).collect_schema()["scale_score"] == pl.Float64


def test_the_check_of_official_results_sees_one_that_is_lost_changed_or_invented() -> None:
    rows = [score(n, "PM1", 200.0 + n) for n in CLASS] + [score(1, "PM2", None), score(2, "fall", 180.0, assessment_id="elsewhere")]
    panel = panel_of(rows, Roster().enrol(CLASS))

    def judged(changed: pl.DataFrame) -> tuple[bool, int, int]:
        passed, _, counts = checks.official_results_are_in_the_panel(scores(rows), changed.lazy(), WINDOWS, ("ELA",))
        return passed, int(counts["lost_or_changed"]), int(counts["no_result"])

    own = pl.col("student_key") == key(3)
    assert judged(panel) == (True, 0, 0)
    assert judged(panel.filter(~own)) == (False, 1, 0)
    assert judged(panel.with_columns(scale_score=pl.when(own).then(201.0).otherwise("scale_score"))) == (False, 1, 1)
    assert judged(panel.with_columns(scale_score=pl.when(own).then(None).otherwise("scale_score"))) == (False, 1, 1)
    swapped = pl.when(own).then(pl.lit(key(4))).when(pl.col("student_key") == key(4)).then(pl.lit(key(3))).otherwise("student_key")
    assert judged(panel.with_columns(student_key=swapped)) == (False, 2, 2)
    assert judged(pl.concat([panel, panel.filter(own)])) == (False, 0, 0), "the same result twice"
