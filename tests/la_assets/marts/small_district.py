"""A lake of one school year written out by rule: three schools of which one is tiny, so that small cells occur and can be counted.

School A has 30 students, B 25, C 4. In A and B the first twelve students are chronically absent, in C the first one; of each school
the first half is proficient in ELA;
nobody has a Math result; no incident file came. What models and other files may say besides is written on demand.
"""

import datetime as dt

import polars as pl

from la_assets.assessments.schema import SCORES
from la_assets.attendance.schema import STUDENT_YEAR as ATTENDANCE
from la_assets.behavior.schema import INCIDENTS
from la_assets.early_warning.schema import DROPOUT_SCORES as SCORES_OF_RISK
from la_assets.early_warning.schema import RISK_CHANGES
from la_assets.engagement.schema import LMS_DAILY
from la_assets.forecasts.schema import PREDICTIONS
from la_assets.mtss.schema import CLUSTERS, TIERS
from la_assets.roster.schema import ENROLLMENTS, PROGRESSION, SCHOOLS, SECTION_ENROLLMENTS, SECTIONS, STUDENTS
from la_resources.contracts import Table
from la_resources.lake import Lake

YEAR, LATER = "2023-24", "2024-25"
SIZES = {"A": 30, "B": 25, "C": 4}
LINEAGE = {
    "known_on": dt.date(2024, 5, 31),
    "source": "test",
    "loaded_at": dt.datetime(2024, 6, 1, tzinfo=dt.UTC),
}


def rows(table: Table, values: list[dict], year: str = YEAR) -> pl.DataFrame:
    """Rows of a table, with nulls for what is not given."""
    given = LINEAGE | {"school_year": year}
    return pl.DataFrame([{name: (given | row).get(name) for name in table.names} for row in values], schema=table.polars_schema())


def key(number: int) -> str:
    return f"{number:032x}"


def students() -> list[tuple[str, str, int]]:
    """Key, school, place within the school."""
    found, number = [], 0
    for school, size in SIZES.items():
        for place in range(size):
            number += 1
            found.append((key(number), school, place))
    return found


def write(lake: Lake, year: str = YEAR) -> None:
    """The lake of the district in one year."""
    people = students()
    frames = {
        STUDENTS: [
            {
                "student_key": k,
                "grade_level": "05",
                "gender": "Female" if i % 2 else "Male",
                "race_ethnicity": "White" if i % 3 else "Asian",
                "frl": i % 5 == 0,
                "ell": False,
                "ese": school == "C",
            }
            for i, (k, school, _) in enumerate(people)
        ],
        SCHOOLS: [{"school_id": s, "level": "Elementary"} for s in SIZES],
        ENROLLMENTS: [
            {"student_key": k, "school_id": s, "entry_date": dt.date(2023, 8, 10), "is_primary": True, "grade_level": "05"}
            for k, s, _ in people
        ],
        PROGRESSION: [{"student_key": k, "progress": "new", "schools_this_year": 1, "schools_in_four_years": 1} for k, _, _ in people],
        ATTENDANCE: [
            {
                "student_key": k,
                "days_enrolled": 100,
                "days_absent": 12.0 if place < chronic_of(s) else 2.0,
                "excused": 0.0,
                "unexcused": 0.0,
                "tardies": 0,
                "early_dismissals": 0,
                "rate": 0.88 if place < chronic_of(s) else 0.98,
                "chronic": place < chronic_of(s),
                "comparable": True,
                "first_date": dt.date(2023, 8, 10),
                "last_date": dt.date(2024, 5, 31),
                "schools": 1,
            }
            for k, s, place in people
        ],
        SCORES: [
            {
                "student_key": k,
                "assessment_id": "FAST",
                "subject": "ELA",
                "window": "PM3",
                "attempt": 1,
                "administered_on": dt.date(2024, 5, 10),
                "grade_level": "05",
                "scale_score": 300.0 + 3 * place + (i % 7),
                "level": 3 if place < SIZES[s] // 2 else 2,
                "is_official": True,
                "is_vertical_scale": True,
            }
            for i, (k, s, place) in enumerate(people)
        ],
        SECTIONS: [
            {"section_id": f"{s}-ELA", "term": "Year", "school_id": s, "subject": "ELA", "course_level": "regular", "class_size": n}
            for s, n in SIZES.items()
        ],
        SECTION_ENROLLMENTS: [{"student_key": k, "section_id": f"{s}-ELA", "begin_date": dt.date(2023, 8, 10)} for k, s, _ in people],
    }
    for table, values in frames.items():
        lake.publish(table, year, rows(table, values, year))


def chronic_of(school: str) -> int:
    return 1 if school == "C" else 12


WORDS = [[], ['reads 5" below', "d'accord; \\ naïve, ✓"], ["level_1"], ["b", "", None, "a"], ["two\nlines"]]
"""Lists with every difficulty of lists."""
REASONS = [None, "reads 5\" below; d'accord; \\ naïve, ✓", "level_1", "b; a", "two\nlines"]
"""The reasons of the first five students, as one text each."""
RECOMMENDATIONS = ["reads 5\" below, d'accord; \\ naïve, ✓", "level_1", "b, a", "two\nlines", None]


def write_models(lake: Lake, year: str = YEAR) -> None:
    """What models, behaviour files and the learning management system say of the same students."""
    people = students()
    reason = SCORES_OF_RISK.by_name["reasons"].dtype
    assert isinstance(reason, pl.List)
    assert isinstance(reason.inner, pl.Struct)
    parts = dict.fromkeys(field.name for field in reason.inner.fields)
    frames = {
        SCORES_OF_RISK: [
            {
                "target": "dropout",
                "student_key": k,
                "section_id": "",
                "snapshot": snapshot,
                "as_of_date": day,
                "school_id": s,
                "grade_level": "05",
                "status": "scored" if i % 4 else "no_model",
                "probability": i / 60 if i % 4 else None,
                "level": ("Low", "Medium", "High")[i % 3] if i % 4 else None,
                "reasons": None if i % 7 == 0 else [parts | {"text": word} for word in WORDS[i % 5]],
                "recommendations": WORDS[(i + 1) % 5],
                "model_version": "v1",
            }
            for i, (k, s, _) in enumerate(people)
            for snapshot, day in (("q1", dt.date(2023, 10, 20)), ("q2", dt.date(2024, 1, 12)))
        ],
        RISK_CHANGES: [
            {
                "target": "dropout",
                "student_key": k,
                "section_id": "",
                "snapshot": "q2",
                "as_of_date": dt.date(2024, 1, 12),
                "school_id": s,
                "grade_level": "05",
                "change": "rose",
                "probability": 0.5,
                "level": "High",
                "previous_level": "Low",
                "model_version": "v1",
            }
            for k, s, place in people
            if place % 5 == 0
        ],
        TIERS: [
            {
                "student_key": k,
                "subject": "ELA",
                "window": window,
                "window_order": order,
                "assessment_id": "FAST",
                "is_latest": order == 2,
                "grade_level": "05",
                "school_id": s,
                "status": "tiered",
                "tier": 1 + i % 3,
                "reasons": WORDS[i % 5],
                "scale_score": 300.0 + i / 7,
                "standards_tested": 4,
                "standards_below": 1,
                "not_proficient_standards": WORDS[(i + 2) % 5],
            }
            for i, (k, s, _) in enumerate(people)
            for order, window in ((1, "PM1"), (2, "PM3"))
        ],
        CLUSTERS: [
            {
                "student_key": k,
                "subject": "ELA",
                "tier": 1,
                "window": "PM3",
                "grade_level": "05",
                "school_id": s,
                "status": "clustered",
                "cluster": "A",
                "cluster_name": "slow, then steady",
                "distance": 0.25,
            }
            for k, s, place in people
            if place % 3 == 0
        ],
        PREDICTIONS: [
            {
                "student_key": k,
                "subject": "ELA",
                "as_of_point": point,
                "as_of": day,
                "grade_level": "05",
                "status": "predicted",
                "predicted_score": 300 + i / 3,
                "lower_80": 290 + i / 3,
                "upper_80": 310 + i / 3,
                "probability_proficient": i / 61,
                "bubble": i % 6 == 0,
            }
            for i, (k, _, _) in enumerate(people)
            for point, day in (("after PM1", dt.date(2023, 9, 30)), ("after PM2", dt.date(2024, 1, 31)))
            if i % 2
        ],
        INCIDENTS: [
            {"incident_id": f"i{i}", "student_key": k, "school_id": s, "date": dt.date(2024, 2, 1), "action": "OSS" if i % 2 else None}
            for i, (k, s, place) in enumerate(people)
            if place % 4 == 0
        ],
        LMS_DAILY: [
            {
                "student_key": k,
                "section_id": f"{s}-ELA",
                "date": dt.date(2024, 2, day),
                "minutes": place / 3 + day / 10,
                "submissions": place % 3,
                "late": 0,
                "missing": place % 2,
            }
            for k, s, place in people
            for day in (5, 6, 7)
            if place % 6
        ],
    }
    for table, values in frames.items():
        lake.publish(table, year, rows(table, values, year))
