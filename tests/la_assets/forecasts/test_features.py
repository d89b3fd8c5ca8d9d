"""Features are what was known on the as-of date: nothing that became known later changes a value, however perfect a leak it is."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from la_assets.assessments.schema import SCORES, STANDARDS
from la_assets.attendance.schema import DAILY, STUDENT_YEAR
from la_assets.forecasts.features import Known, _interim, feature_rows, features
from la_assets.forecasts.schema import FEATURES
from la_assets.roster.schema import ENROLLMENTS, SECTION_ENROLLMENTS, SECTIONS, STUDENTS
from la_resources.contracts import Table, validate

from .made_up import LOADED, key

YEAR, EARLIER = "2023-24", ["2022-23", "2021-22"]
ANN, BEN, CAT = key(1), key(2), key(3)


def rows(table: Table, *told: dict, year: str = YEAR) -> pl.LazyFrame:
    """Rows of a table; what a test does not say is missing."""
    filled = [{"school_year": year, "source": "test", "loaded_at": LOADED} | row for row in told]
    return pl.DataFrame([{name: row.get(name) for name in table.names} for row in filled], schema=table.polars_schema()).lazy()


def d(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def score(
    who: str, window: str, points: float, on: str, *, year: str = YEAR, subject: str = "ELA", test: str = "FAST", **more
) -> pl.LazyFrame:
    told = {
        "student_key": who,
        "assessment_id": test,
        "subject": subject,
        "window": window,
        "attempt": 1,
        "administered_on": d(on),
        "scale_score": points,
        "is_official": True,
        "known_on": d(on),
    }
    return rows(SCORES, told | more, year=year)


def attended(who: str, on: str, absent: float) -> pl.LazyFrame:
    return rows(DAILY, {"student_key": who, "school_id": "1", "date": d(on), "absent": absent, "is_filled": False, "known_on": d(on)})


def mastered(who: str, window: str, code: str, earned: float, on: str, possible: float = 4) -> pl.LazyFrame:
    told = {
        "student_key": who,
        "assessment_id": "FAST",
        "subject": "ELA",
        "window": window,
        "attempt": 1,
        "administered_on": d(on),
        "standard_code": code,
        "points_earned": earned,
        "points_possible": possible,
        "known_on": d(on),
    }
    return rows(STANDARDS, told)


def enrolled(who: str, grade: str = "05", begin: str = "2023-08-14", end: str | None = None) -> pl.LazyFrame:
    told = {
        "student_key": who,
        "school_id": "1",
        "entry_date": d(begin),
        "exit_date": end and d(end),
        "is_primary": True,
        "grade_level": grade,
        "known_on": d(begin),
    }
    return rows(ENROLLMENTS, told)


def known() -> dict[str, list[pl.LazyFrame]]:
    return {
        "scores": [
            score(ANN, "PM1", 210, "2023-09-05"),
            score(BEN, "PM1", 220, "2023-09-15"),
            score(ANN, "PM2", 222, "2024-01-10"),
            score(ANN, "PM3", 215, "2023-05-10", year="2022-23"),
            score(BEN, "EOC", 401, "2022-05-10", year="2021-22", subject="Biology", test="EOC"),
            score(ANN, "PM2", 207, "2023-01-10", year="2022-23"),
        ],
        "standards": [
            mastered(ANN, "PM1", "A", 1, "2023-09-05"),
            mastered(ANN, "PM1", "B", 4, "2023-09-05"),
            mastered(ANN, "PM2", "A", 4, "2024-01-10"),
        ],
        "daily": [attended(ANN, "2023-09-01", 1.0), attended(ANN, "2023-09-04", 0.0), attended(ANN, "2023-10-02", 1.0)],
        "students": [rows(STUDENTS, {"student_key": ANN, "ell": True, "frl": False, "known_on": d("2023-08-14")})],
        "enrollments": [enrolled(ANN), enrolled(BEN), enrolled(CAT, "11")],
        "sections": [
            rows(
                SECTIONS,
                {
                    "section_id": "s",
                    "term": "Year",
                    "subject": "Science",
                    "course_level": "honors",
                    "class_size": 1,
                    "title": "Biology 1 Honors",
                    "known_on": d("2023-08-14"),
                },
            )
        ],
        "section_enrollments": [
            rows(SECTION_ENROLLMENTS, {"student_key": CAT, "section_id": "s", "begin_date": d("2023-08-14"), "known_on": d("2023-08-14")})
        ],
        "prior_attendance": [rows(STUDENT_YEAR, {"student_key": ANN, "rate": 0.9, "known_on": d("2023-05-20")}, year="2022-23")],
    }


def made(tables: dict[str, list[pl.LazyFrame]], **settings) -> pl.DataFrame:
    frames = features(Known(**{name: pl.concat(parts) for name, parts in tables.items()}), YEAR, EARLIER, **settings)
    return FEATURES.shape(feature_rows(frames)).sort(FEATURES.key).collect()


def of(frame: pl.DataFrame, who: str, point: str = "after PM1") -> dict:
    return frame.row(by_predicate=(pl.col("student_key") == who) & (pl.col("as_of_point") == point), named=True)


def test_what_is_known_of_a_student_after_each_window() -> None:
    frame = made(known())
    validate(FEATURES, frame)
    ann, later = of(frame, ANN), of(frame, ANN, "after PM2")
    assert ann["as_of"] == d("2023-09-15")
    assert (ann["ela_pm1"], ann["ela_pm2"], ann["ela_growth"], ann["ela_final_1"], ann["ela_prior_progress"]) == (210, None, None, 215, 207)
    assert (ann["ela_mastery"], ann["ela_weak_standards"]) == (5 / 8, 1)
    assert (ann["days_absent"], ann["attendance_rate"], ann["prior_attendance_rate"]) == (1, 0.5, 0.9)
    assert (ann["ell"], ann["frl"], ann["gifted"], ann["expects_ela"], ann["expects_biology"]) == (1, 0, None, True, False)
    assert (later["ela_pm2"], later["ela_growth"], later["ela_mastery"], later["days_absent"]) == (222, 12, 1.0, 2)
    assert of(frame, BEN)["biology_final_2"] == 401
    cat = of(frame, CAT)
    assert (cat["expects_biology"], cat["honors"], cat["expects_ela"]) == (True, 1, False)


LEAKS = {
    "the final score itself": ("scores", score(ANN, "PM3", 240, "2024-05-10")),
    "the next window": ("scores", score(BEN, "PM2", 240, "2024-01-11")),
    "a first window reported after the as-of date": ("scores", score(CAT, "PM1", 240, "2024-05-10")),
    "a second final, reported late for last year": ("scores", score(BEN, "PM3", 240, "2024-05-10", year="2022-23")),
    "an interim test of winter": ("scores", score(ANN, "winter", 240, "2024-02-20", test="MAP Growth")),
    "points by standard": ("standards", mastered(ANN, "PM3", "A", 4, "2024-05-10")),
    "attendance to come": ("daily", attended(ANN, "2024-05-10", 1.0)),
    "an absence entered later for an early day": ("daily", attended(BEN, "2023-09-01", 1.0).with_columns(known_on=d("2024-05-10"))),
    "a program that begins later": ("students", rows(STUDENTS, {"student_key": BEN, "ese": True, "known_on": d("2024-05-10")})),
    "a course that begins later": (
        "section_enrollments",
        rows(SECTION_ENROLLMENTS, {"student_key": ANN, "section_id": "s", "begin_date": d("2024-04-10"), "known_on": d("2024-04-10")}),
    ),
    "a student who comes later": ("enrollments", enrolled(key(4), begin="2024-04-10")),
}


@pytest.mark.parametrize("leak", LEAKS, ids=lambda name: name.replace(" ", "_"))
def test_a_perfect_leak_after_the_as_of_date_changes_nothing(leak: str) -> None:
    honest, table = known(), LEAKS[leak][0]
    before = made(honest).filter(pl.col("as_of_point") == "after PM1")
    honest[table] = [*honest[table], LEAKS[leak][1]]
    assert before.equals(made(honest).filter(pl.col("as_of_point") == "after PM1"))


def test_one_late_make_up_test_does_not_move_the_as_of_date() -> None:
    tables = known()
    tables["scores"].append(score(CAT, "PM1", 200, "2024-03-01"))
    assert of(made(tables), ANN)["as_of"] == d("2023-09-15")
    assert of(made(tables), ANN, "after PM2")["as_of"] == d("2024-01-10")


def test_before_the_second_window_there_is_one_as_of_point_and_before_the_first_none() -> None:
    tables = known()
    tables["scores"] = [part.filter(pl.col("window") != "PM2") for part in tables["scores"]]
    assert made(tables)["as_of_point"].unique().to_list() == ["after PM1"]
    tables["scores"] = [part.filter(pl.col("window") != "PM1") for part in tables["scores"]]
    assert features(Known(**{name: pl.concat(parts) for name, parts in tables.items()}), YEAR, EARLIER) == []


def test_who_has_left_by_the_as_of_date_is_not_predicted() -> None:
    tables = known()
    tables["enrollments"] = [enrolled(ANN), enrolled(BEN, end="2023-09-14"), enrolled(CAT, "11")]
    assert BEN not in made(tables)["student_key"]


def test_a_program_flag_that_the_district_does_not_use_is_missing() -> None:
    assert of(made(known(), program_flags=("frl",)), ANN)["ell"] is None


def test_a_standing_is_the_same_to_the_last_bit_whatever_the_order_of_the_rows() -> None:
    random = np.random.default_rng(3)
    who = pl.DataFrame({"student_key": [f"s{n:05d}" for n in range(4_000)], "grade_level": [f"{3 + n % 4:02d}" for n in range(4_000)]})
    one = score(ANN, "fall", 0, "2023-09-10", test="MAP Growth").collect().drop("student_key", "scale_score")
    scores = who.select("student_key", scale_score=pl.Series(random.normal(200, 15, 4_000).round(1))).join(one, how="cross")
    roll = who.lazy()
    made = [
        _interim(scores.sample(fraction=1, shuffle=True, seed=seed).lazy(), roll, ("FAST", "EOC")).sort("student_key").collect()
        for seed in range(4)
    ]
    assert all(other.equals(made[0]) for other in made)
    of_grade = (
        made[0]
        .join(roll.collect(), on="student_key")
        .group_by("grade_level")
        .agg(pl.col("ela_interim").mean().alias("mean"), pl.col("ela_interim").std())
    )
    assert of_grade["mean"].abs().max() < 1e-9
    assert (of_grade["ela_interim"] - 1).abs().max() < 1e-9


def test_an_interim_score_is_a_standing_among_peers_known_by_then() -> None:
    tables = known()
    students = [key(n) for n in range(10, 22)]
    tables["enrollments"] += [enrolled(who) for who in students]
    tables["scores"] += [score(who, "fall", 200.0 + n, "2023-09-10", test="MAP Growth") for n, who in enumerate(students)]
    frame = made(tables).filter(pl.col("as_of_point") == "after PM1", pl.col("student_key").is_in(students))
    assert frame["ela_interim"].mean() == pytest.approx(0.0, abs=1e-9)
    assert frame["ela_interim"].std() == pytest.approx(1.0)
    assert of(made(known()), ANN)["ela_interim"] is None
