"""What is in a feature row is what was known on the snapshot day, and nothing of what came after it."""

import datetime as dt
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from la_assets.assessments.schema import SCORES
from la_assets.attendance.schema import DAILY
from la_assets.attendance.schema import STUDENT_YEAR as ATTENDANCE_YEAR
from la_assets.behavior.schema import INCIDENTS
from la_assets.coursework.schema import GRADES
from la_assets.early_warning.features.course_features import COURSE_FEATURES, course_features
from la_assets.early_warning.features.snapshots import LATEST, Snapshot, is_complete, snapshots_of, sums_as_of
from la_assets.early_warning.features.student_features import AUDIT, FEATURES, FeatureSettings, Sources, student_features
from la_assets.engagement.schema import LMS_DAILY
from la_assets.programs.schema import PARTICIPATION
from la_assets.roster.schema import ENROLLMENTS, SECTION_ENROLLMENTS, SECTIONS, STUDENTS
from la_resources.contracts import Table

from ..roster.landed import canonical, d, student

ANN, BEN = student("ann"), student("ben")
YEAR = "2023-24"
Q1, Q2 = Snapshot("Q1", d("2023-10-31")), Snapshot("Q2", d("2024-01-31"))
GRADES_SCORED = ("09", "10", "11", "12")
SCHEDULE = {"Q1": "10-31", "Q2": "01-31", "Q3": "04-15"}


def rows(table: Table, *given: dict[str, Any]) -> pl.LazyFrame:
    """Canonical rows with a plain default for every column that the contract wants filled."""
    blank = {
        "school_year": YEAR, "known_on": d("2023-08-10"), "source": "sis", "loaded_at": dt.datetime(2024, 7, 1, tzinfo=dt.UTC),
        "is_filled": False, "is_primary": True, "is_official": True, "is_vertical_scale": False, "window": "PM1", "attempt": 1,
        "course_level": "regular", "term": "Year", "class_size": 20,
    }  # fmt: skip
    full = [{k: v for k, v in blank.items() if k in table.by_name} | row for row in given]
    return pl.LazyFrame(full, schema=table.polars_schema()) if full else table.empty()


def day(who: str, date: str, absent: float = 0.0, **more: Any) -> dict[str, Any]:
    return {"student_key": who, "school_id": "1", "date": d(date), "absent": absent, "known_on": d(date)} | more


def stay(who: str, entry: str = "2023-08-10", leave: str | None = None, **more: Any) -> dict[str, Any]:
    left = d(leave) if leave else None
    return {
        "student_key": who,
        "school_id": "1",
        "entry_date": d(entry),
        "exit_date": left,
        "grade_level": "09",
        "known_on": d(entry),
    } | more


def mark(who: str, section: str, period: str, percent: float | None, posted: str, **more: Any) -> dict[str, Any]:
    letter = None if percent is None else "F" if percent < 60 else "D" if percent < 70 else "C"
    return {
        "student_key": who, "section_id": section, "grading_period": period, "percent": percent, "letter": letter, "subject": "Math",
        "gpa_points": None if percent is None else max(0.0, (percent - 50) // 10), "posted_on": d(posted), "known_on": d(posted),
    } | more  # fmt: skip


def made(snapshots: tuple[Snapshot, ...] = (Q1, Q2), **tables: pl.LazyFrame) -> pl.DataFrame:
    empty = {
        "daily": DAILY, "student_years": ATTENDANCE_YEAR, "stays": ENROLLMENTS, "students": STUDENTS, "grades": GRADES,
        "seats": SECTION_ENROLLMENTS, "sections": SECTIONS, "incidents": INCIDENTS, "scores": SCORES, "lms_daily": LMS_DAILY,
        "participation": PARTICIPATION,
    }  # fmt: skip
    sources = Sources(**{name: tables.get(name, table.empty()) for name, table in empty.items()})
    frame = student_features(sources, snapshots, YEAR, d("2024-05-24"), FeatureSettings(GRADES_SCORED))
    return (
        frame.select("student_key", "snapshot", "as_of_date", "school_id", "grade_level", *AUDIT, *FEATURES, "loaded_at")
        .collect()
        .sort("student_key", "as_of_date")
    )


def one(frame: pl.DataFrame, who: str, snapshot: Snapshot = Q1) -> dict[str, Any]:
    return frame.filter(pl.col("student_key") == who, pl.col("snapshot") == snapshot.name).row(0, named=True)


# -- snapshot days ----------------------------------------------------------------------------------------------------------


def test_a_finished_year_has_the_scheduled_snapshots_and_a_running_one_the_reached_ones_and_the_latest_day() -> None:
    july = dt.date(2023, 7, 1)
    assert [s.day for s in snapshots_of(july, SCHEDULE, d("2024-05-24"), complete=True)] == [Q1.day, Q2.day, d("2024-04-15")]
    assert snapshots_of(july, SCHEDULE, d("2024-02-20"), complete=False) == (Q1, Q2, Snapshot(LATEST, d("2024-02-20")))
    assert snapshots_of(july, SCHEDULE, Q2.day, complete=False) == (Q1, Q2)
    assert snapshots_of(july, SCHEDULE, d("2023-09-01"), complete=False) == (Snapshot(LATEST, d("2023-09-01")),)
    assert snapshots_of(july, SCHEDULE, None, complete=False) == ()


def test_a_year_is_finished_when_attendance_reaches_the_end_of_its_calendar() -> None:
    assert is_complete(d("2024-05-20"), d("2024-05-24"), d("2024-04-15"))
    assert not is_complete(d("2024-05-10"), d("2024-05-24"), d("2024-04-15"))
    assert is_complete(d("2024-04-15"), None, d("2024-04-15"))
    assert not is_complete(None, d("2024-05-24"), d("2024-04-15"))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.dates(dt.date(2023, 8, 1), dt.date(2024, 5, 31)), st.integers(0, 60), st.integers(0, 9)),
        max_size=25,
    )
)
def test_sums_in_one_pass_are_the_sums_of_what_was_known_by_each_day(facts: list[tuple[int, dt.date, int, int]]) -> None:
    frame = pl.DataFrame(
        [(str(who), date, date + dt.timedelta(days=lag), value) for who, date, lag, value in facts],
        schema={"student_key": pl.String, "date": pl.Date, "known_on": pl.Date, "value": pl.Int64},
        orient="row",
    ).with_columns(loaded_at=pl.lit(0))
    snapshots = (Q1, Q2, Snapshot(LATEST, d("2024-02-10")))
    found = sums_as_of(
        frame.lazy(), snapshots, ["student_key"], {"value": pl.col("value")}, dates=["date"], recent=["value"], recent_days=28
    ).collect()
    for snapshot in snapshots:
        known = frame.filter(pl.col("date") <= snapshot.day, pl.col("known_on") <= snapshot.day)
        recent = pl.max_horizontal("date", "known_on") > snapshot.day - dt.timedelta(days=28)
        expected = known.group_by("student_key").agg(pl.col("value").sum(), pl.col("value").filter(recent).sum().alias("recent_value"))
        got = found.filter(pl.col("snapshot") == snapshot.name).select("student_key", "value", "recent_value")
        assert_frame_equal(got, expected, check_row_order=False)


# -- nothing from the future ------------------------------------------------------------------------------------------------


def _everything() -> dict[str, list[dict[str, Any]]]:
    """Ann, by 31 October: one fact of every source."""
    return {
        "daily": [day(ANN, "2023-09-04"), day(ANN, "2023-09-05", 1.0)],
        "student_years": [],
        "stays": [stay(ANN)],
        "students": [{"student_key": ANN, "grade_level": "09", "frl": True, "birth_year": 2009, "school_year": "2022-23"}],
        "grades": [mark(ANN, "m1", "Q1", 55, "2023-10-20")],
        "seats": [{"student_key": ANN, "section_id": section, "begin_date": d("2023-08-10")} for section in ("m1", "m2")],
        "sections": [{"section_id": "m1"}],
        "incidents": [{"incident_id": "i1", "student_key": ANN, "date": d("2023-09-10"), "action": "ISS", "known_on": d("2023-09-10")}],
        "scores": [],
        "lms_daily": [{"student_key": ANN, "section_id": "m1", "date": d("2023-09-11"), "minutes": 30.0, "submissions": 1, "missing": 1,
                       "late": 0, "posts": 0, "known_on": d("2023-09-11")}],
        "participation": [{"student_key": ANN, "program_id": "p", "begin_date": d("2023-09-01"), "known_on": d("2023-09-01"), "tier": 2}],
    }  # fmt: skip


_TABLES = {
    "daily": DAILY, "student_years": ATTENDANCE_YEAR, "stays": ENROLLMENTS, "students": STUDENTS, "grades": GRADES,
    "seats": SECTION_ENROLLMENTS, "sections": SECTIONS, "incidents": INCIDENTS, "scores": SCORES, "lms_daily": LMS_DAILY,
    "participation": PARTICIPATION,
}  # fmt: skip
_LATER = {
    "daily": [day(ANN, "2023-11-01", 1.0), day(ANN, "2023-09-06", 1.0, known_on=d("2023-11-02"))],
    "student_years": [
        {"student_key": ANN, "school_year": "2022-23", "rate": 0.5, "days_enrolled": 180, "days_absent": 90.0, "excused": 0.0,
         "unexcused": 90.0, "tardies": 0, "early_dismissals": 0, "comparable": True, "first_date": d("2022-08-10"),
         "last_date": d("2023-05-20"), "schools": 1, "known_on": d("2023-12-01")}
    ],
    "stays": [stay(ANN, "2023-11-15", school_id="2"),
              stay(ANN, "2022-08-10", school_year="2022-23", school_id="9", known_on=d("2023-12-01"))],
    "students": [{"student_key": ANN, "grade_level": "09", "ese": True, "known_on": d("2023-12-01")}],
    "grades": [mark(ANN, "m2", "Q1", 20, "2023-11-02"), mark(ANN, "m9", "Q4", 10, "2023-11-05", school_year="2022-23")],
    "seats": [{"student_key": ANN, "section_id": "m3", "begin_date": d("2023-11-01"), "known_on": d("2023-11-01")}],
    "sections": [{"section_id": "m2", "course_level": "AP", "known_on": d("2023-11-01")}],
    "incidents": [{"incident_id": "i2", "student_key": ANN, "date": d("2023-10-10"), "action": "OSS", "days": 9.0,
                   "known_on": d("2023-11-10")}],
    "scores": [
        {"student_key": student(f"s{k}"), "assessment_id": "FAST", "subject": "ELA", "grade_level": "09", "scale_score": 200.0 + k,
         "level": 1, "administered_on": d("2023-11-01"), "known_on": d("2023-11-01")} for k in range(12)
    ] + [{"student_key": ANN, "assessment_id": "FAST", "subject": "ELA", "grade_level": "09", "scale_score": 100.0, "level": 1,
          "administered_on": d("2023-11-01"), "known_on": d("2023-11-01")}],
    "lms_daily": [{"student_key": ANN, "section_id": "m1", "date": d("2023-11-11"), "minutes": 300.0, "submissions": 9, "missing": 9,
                   "late": 9, "posts": 9, "known_on": d("2023-11-11")}],
    "participation": [{"student_key": ANN, "program_id": "x", "begin_date": d("2023-11-05"), "tier": 3, "known_on": d("2023-11-05")}],
}  # fmt: skip


@pytest.mark.parametrize("source", list(_LATER))
def test_a_fact_that_came_or_became_known_later_changes_nothing_of_an_earlier_snapshot(source: str) -> None:
    before = _everything()
    after = before | {source: [*before[source], *_LATER[source]]}
    plain = made((Q1,), **{name: rows(_TABLES[name], *given) for name, given in before.items()})
    planted = made((Q1,), **{name: rows(_TABLES[name], *given) for name, given in after.items()})
    assert_frame_equal(plain, planted, check_exact=True)
    later = Snapshot("Q2", d("2024-01-31"))
    was = made((later,), **{name: rows(_TABLES[name], *given) for name, given in before.items()})
    now = made((later,), **{name: rows(_TABLES[name], *given) for name, given in after.items()})
    assert not was.drop("loaded_at").equals(now.drop("loaded_at")), "the fact does count once it is known"


def test_the_day_of_leaving_is_no_feature() -> None:
    """A stay's row carries its end as soon as the year is over; a snapshot before the end must not see it."""
    staying = made((Q1,), stays=rows(ENROLLMENTS, stay(ANN)))
    leaving = made((Q1,), stays=rows(ENROLLMENTS, stay(ANN, leave="2023-12-01")))
    assert_frame_equal(staying, leaving, check_exact=True)


# -- who is in the table ----------------------------------------------------------------------------------------------------


def test_a_student_is_in_the_table_while_a_stay_covers_the_day_and_in_the_school_of_the_stay() -> None:
    frame = made(
        stays=rows(
            ENROLLMENTS,
            stay(ANN, leave="2023-11-30"),
            stay(BEN, leave="2023-11-30"),
            stay(BEN, "2023-12-01", school_id="2"),
            stay(student("cy"), grade_level="03"),
            stay(student("late"), "2024-01-08"),
        )
    )
    found = {(r["student_key"], r["snapshot"]): r["school_id"] for r in frame.iter_rows(named=True)}
    assert found == {(ANN, "Q1"): "1", (BEN, "Q1"): "1", (BEN, "Q2"): "2", (student("late"), "Q2"): "1"}
    assert one(frame, BEN, Q2)["moved_this_year"] == 1.0
    assert one(frame, BEN, Q1)["moved_this_year"] == 0.0


def test_a_snapshot_after_the_last_school_day_is_of_those_who_stayed_to_the_end() -> None:
    june = Snapshot("end", d("2024-06-15"))
    frame = made((june,), stays=rows(ENROLLMENTS, stay(ANN, leave="2024-05-24"), stay(BEN, leave="2024-05-10")))
    assert frame["student_key"].to_list() == [ANN]


def test_demographics_are_the_newest_known_ones_and_unknown_where_only_a_later_record_tells() -> None:
    students = rows(
        STUDENTS,
        {"student_key": ANN, "school_year": "2022-23", "frl": False, "known_on": d("2022-08-10")},
        {"student_key": ANN, "frl": True, "known_on": d("2023-12-01")},
        {"student_key": BEN, "frl": True, "known_on": d("2023-12-01")},
    )
    frame = made(stays=rows(ENROLLMENTS, stay(ANN), stay(BEN)), students=students)
    assert [one(frame, ANN, s)["frl"] for s in (Q1, Q2)] == [False, True]
    assert [one(frame, BEN, s)["frl"] for s in (Q1, Q2)] == [None, True]


# -- what the numbers are ---------------------------------------------------------------------------------------------------


def test_a_row_says_what_is_on_record() -> None:
    given = {name: rows(_TABLES[name], *facts) for name, facts in _everything().items()}
    ann = one(made((Q1,), **given), ANN)
    expected = {
        "grade": 9, "attendance_rate": 0.5, "excused_per_100_days": 0, "mean_percent": 55, "f_share": 1, "core_f_share": 1,
        "courses_failing": 1,
        "gpa": 0, "courses": 2, "incidents_per_100_days": 50, "suspensions": 1, "assignment_completion": 0.5, "lms_minutes_per_day": 15,
        "programs_now": 1, "program_tier": 2, "absence_x_failing": 0.5, "years_over_age": 0, "days_since_entry": 82, "has_lms": 1,
        "frl": True,
    }  # fmt: skip
    assert {name: ann[name] for name in expected} == pytest.approx(expected)
    unknown = {"chronically_absent", "prior_gpa", "prior_attendance_rate", "attendance_change", "ela_standing", "repeated_grade", "ell"}
    assert {name for name in unknown if ann[name] is not None} == set()


def test_zero_is_written_only_where_no_row_means_none() -> None:
    ann = one(made((Q1,), stays=rows(ENROLLMENTS, stay(ANN))), ANN)
    assert [ann[name] for name in ("recent_incidents", "suspensions", "programs_now")] == [0, 0, 0]
    for name in (
        "attendance_rate",
        "gpa",
        "f_share",
        "courses_failing",
        "assignment_completion",
        "ela_level",
        "courses",
        "credits_not_earned",
    ):
        assert ann[name] is None, name


def test_a_day_at_two_schools_counts_once() -> None:
    two = [stay(ANN), stay(ANN, school_id="2", is_primary=False)]
    days = [day(ANN, "2023-09-04", 1.0), day(ANN, "2023-09-04", 0.0, school_id="2"), day(ANN, "2023-09-05")]
    ann = one(made((Q1,), stays=rows(ENROLLMENTS, *two), daily=rows(DAILY, *days)), ANN)
    assert (ann["attendance_rate"], ann["days_since_entry"]) == (0.5, 82)


def test_a_repeated_grade_and_the_year_before_are_told_from_the_students_own_rows() -> None:
    before = {"school_year": "2022-23"}
    frame = made(
        stays=rows(
            ENROLLMENTS, stay(ANN), stay(ANN, "2022-08-10", **before), stay(BEN), stay(BEN, "2022-08-10", **before, grade_level="08")
        ),
        grades=rows(GRADES, mark(ANN, "old", "Q4", 50, "2023-05-20", **before), mark(ANN, "m1", "Q1", 80, "2023-10-20")),
    )
    ann, ben = one(frame, ANN), one(frame, BEN)
    assert (ann["repeated_grade"], ann["grades_repeated"], ann["years_seen"]) == (1, 1, 1)
    assert (ben["repeated_grade"], ben["grades_repeated"]) == (0, 0)
    assert (ann["prior_courses_failed"], ann["prior_gpa"], ann["gpa_change"], ann["courses_failing"]) == (1, 0, 3, 0)
    assert ben["prior_courses_failed"] is None


def test_standing_is_in_standard_deviations_of_the_same_test_and_grade() -> None:
    others = [student(f"s{k}") for k in range(11)]
    tested = {
        "assessment_id": "FAST",
        "subject": "ELA",
        "grade_level": "09",
        "administered_on": d("2023-09-01"),
        "known_on": d("2023-09-05"),
    }
    values = [190.0 + k for k in range(11)]
    scores = [tested | {"student_key": who, "scale_score": value} for who, value in zip(others, values, strict=True)]
    frame = made((Q1,), stays=rows(ENROLLMENTS, *(stay(who) for who in others)), scores=rows(SCORES, *scores))
    sd = pl.Series(values).std()
    assert one(frame, others[-1])["ela_standing"] == pytest.approx(5 / sd)
    few = made((Q1,), stays=rows(ENROLLMENTS, *(stay(who) for who in others)), scores=rows(SCORES, *scores[:5]))
    assert one(few, others[0])["ela_standing"] is None, "five scores are no distribution"


# -- courses ----------------------------------------------------------------------------------------------------------------


def test_a_course_is_seen_against_the_class_and_the_students_other_courses() -> None:
    grades = rows(
        GRADES,
        mark(ANN, "m1", "Q1", 60, "2023-10-20"),
        mark(ANN, "e1", "Q1", 80, "2023-10-20", subject="ELA"),
        mark(BEN, "m1", "Q1", 90, "2023-10-20"),
        mark(ANN, "m1", "Q2", 0, "2024-01-15"),
        mark(ANN, "old", "Q4", 70, "2023-05-20", school_year="2022-23"),
    )
    frame = course_features(grades, LMS_DAILY.empty(), (Q1,), YEAR, 28).select("student_key", "section_id", *COURSE_FEATURES).collect()
    ann = frame.filter(pl.col("student_key") == ANN, pl.col("section_id") == "m1").row(0, named=True)
    expected = {"course_percent": 60, "class_percent": 90, "below_class": -30, "below_own_mean": -10, "prior_percent_in_subject": 70}
    assert {name: ann[name] for name in expected} == pytest.approx(expected)
    alone = frame.filter(pl.col("section_id") == "e1").row(0, named=True)
    assert alone["class_percent"] is None
    assert frame.height == 3


def test_rows_in_another_order_give_the_same_bytes() -> None:
    marks = [mark(ANN, f"m{k}", "Q1", 60 + k / 7, "2023-10-20") for k in range(9)]
    days = [day(ANN, f"2023-09-{k:02d}", (k % 4) / 3) for k in range(4, 29)]
    frames = [
        made((Q1,), stays=rows(ENROLLMENTS, stay(ANN)), grades=rows(GRADES, *m), daily=rows(DAILY, *n))
        for m, n in ((marks, days), (marks[::-1], days[::-1]), (marks[4:] + marks[:4], days[9:] + days[:9]))
    ]
    assert_frame_equal(frames[0], frames[1], check_exact=True)
    assert_frame_equal(frames[0], frames[2], check_exact=True)


def test_canonical_rows_of_the_roster_are_read_as_they_are() -> None:
    """The frames above are those of the contracts: a renamed column would fail here first."""
    assert set(made((Q1,), stays=canonical(ENROLLMENTS)).columns) >= set(FEATURES)
