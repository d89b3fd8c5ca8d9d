"""A year of tests of a few classes, written in a few lines: frames as the canonical tables give them."""

import datetime as dt
from collections.abc import Iterable, Sequence

import polars as pl

from la_assets.mtss.levels import cut_score_frame
from la_assets.mtss.panel import assessment_panel
from la_assets.mtss.schedule import schedule
from la_resources.district_settings.mtss import MtssSettings

YEAR = "2024-25"
ARRIVED = dt.datetime(2025, 6, 1, tzinfo=dt.UTC)
SETTINGS = MtssSettings()
WINDOWS = schedule(test.model_dump() for test in SETTINGS.tests)
CUTS = cut_score_frame(c.model_dump() for c in SETTINGS.cut_scores)
DAY_OF = {
    "PM1": dt.date(2024, 9, 10),
    "PM2": dt.date(2025, 1, 15),
    "PM3": dt.date(2025, 5, 6),
    "EOC": dt.date(2025, 5, 8),
    "fall": dt.date(2024, 9, 3),
    "winter": dt.date(2025, 1, 20),
}
LINEAGE = {"school_year": YEAR, "known_on": DAY_OF["fall"], "source": "test", "loaded_at": ARRIVED}


def key(number: int) -> str:
    return f"{number:032x}"


def score(student: int, window: str, points: float | None, **changes: object) -> dict:
    """An official ELA result of FAST in grade 05, unless told otherwise."""
    day = changes.get("administered_on", DAY_OF[window])
    return {
        "student_key": key(student), "assessment_id": "FAST", "subject": "ELA", "window": window, "attempt": 1,
        "administered_on": day, "grade_level": "05", "scale_score": points, "standard_error": None, "level": None,
        "is_official": points is not None, "reason_not_tested": None, "is_vertical_scale": True, "school_year": YEAR,
        "known_on": day, "source": "florida_fast", "loaded_at": ARRIVED,
    } | changes  # fmt: skip


SCORE_TYPES = {
    "administered_on": pl.Date, "scale_score": pl.Float64, "standard_error": pl.Float64, "level": pl.Int32, "known_on": pl.Date,
    "reason_not_tested": pl.String, "grade_level": pl.String, "loaded_at": pl.Datetime("us", "UTC"), "attempt": pl.Int32,
}  # fmt: skip


def scores(rows: Iterable[dict]) -> pl.LazyFrame:
    made = list(rows)
    return pl.LazyFrame(made or [score(0, "PM1", 1.0)], schema_overrides=SCORE_TYPES).head(len(made))


class Roster:
    """Students, each with grade, school, section of a subject and teacher."""

    def __init__(self) -> None:
        self.rows: list[dict] = []

    def enrol(
        self,
        numbers: Iterable[int],
        *,
        grade: str = "05",
        school: str = "S1",
        section: str | None = "E-1",
        teacher: int | None = 901,
        taught: str = "ELA",
        until: dt.date | None = None,
    ) -> "Roster":
        self.rows += [
            {"student": n, "grade": grade, "school": school, "section": section, "teacher": teacher, "taught": taught, "until": until}
            for n in numbers
        ]
        return self

    def frames(self) -> dict[str, pl.LazyFrame]:
        first = dt.date(2024, 8, 12)
        one = list({row["student"]: row for row in self.rows}.values())
        placed = [row for row in self.rows if row["section"]]
        linked = [row for row in self.rows if row["teacher"]]
        return {
            "students": frame({"student_key": pl.String, "grade_level": pl.String}, [(key(r["student"]), r["grade"]) for r in one]),
            "enrollments": frame(
                {"student_key": pl.String, "school_id": pl.String, "entry_date": pl.Date, "exit_date": pl.Date, "is_primary": pl.Boolean},
                [(key(r["student"]), r["school"], first, r["until"], True) for r in one],
            ),
            "sections": frame({"section_id": pl.String, "subject": pl.String}, sorted({(r["section"], r["taught"]) for r in placed})),
            "section_enrollments": frame(
                {"student_key": pl.String, "section_id": pl.String, "begin_date": pl.Date, "end_date": pl.Date},
                [(key(r["student"]), r["section"], first, None) for r in placed],
            ),
            "links": frame(
                {"student_key": pl.String, "staff_key": pl.String, "subject": pl.String, "weight": pl.Float64},
                [(key(r["student"]), key(r["teacher"]), r["taught"], 1.0) for r in linked],
            ),
        }


def frame(schema: dict, rows: Sequence[tuple]) -> pl.LazyFrame:
    return pl.LazyFrame(rows, schema=schema, orient="row")


def panel_of(rows: Iterable[dict], roster: Roster, **changes: object) -> pl.DataFrame:
    given = {
        "windows": WINDOWS, "subjects": SETTINGS.subjects, "taught_as": SETTINGS.taught_as, "min_peers": 10, "expected_share": 0.5,
    } | roster.frames() | changes  # fmt: skip
    return assessment_panel(scores(rows), **given).sort("student_key", "window_order").collect()  # type: ignore[arg-type]
