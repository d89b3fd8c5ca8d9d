"""The figures of queries: one student, a class, a school, the district, from the marts through the SQL file, and through the door.

The yardstick is the same question to the same data without marts: DuckDB on the Parquet files of days, results, incidents and activity.
Both sides must give the same answer, or there is no figure. Everything is timed in one process with an open connection, warm, as a
dashboard asks; what the first question of a new connection takes, and what the door takes with its policy and its log, stands in the
details.
"""

from __future__ import annotations

import datetime as dt
import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from bench.figure import Figure, Goal
from bench.measured import Measured
from bench.places import THREADS, Place, partition_keys
from bench.sizes import LAST_YEAR, Sizes

LEVELS = {"student": 0.01, "class": 0.02, "school": 0.05, "district": 0.2}
"""Who is asked about, and a tenth of today's public seconds (``design/performance.md``)."""
_TIMES, _RAW_TIMES = 21, 3
_WORK = {
    "student": "one student's year: attendance, incidents, newest results, activity",
    "class": "the same for every student of a class",
    "school": "a school by grade: students, incidents, mean results and days absent",
    "district": "the district by school: students, incidents, mean results and days absent",
}
_CHOSEN = {
    "student": "student_key = $chosen",
    "class": "student_key IN (SELECT student_key FROM {sections} WHERE section_id = $chosen AND school_year = $year)",
    "school": "school_id = $chosen",
    "district": "school_id IS NOT NULL",
}
_ROWS = "student_key, days_absent, incidents, ela_score, math_score, submissions"
_SUMS = "count(*) AS students, sum(incidents) AS incidents, avg(ela_score) AS ela, avg(math_score) AS math, avg(days_absent) AS absent"
_SHOWN = {
    "student": f"SELECT {_ROWS} FROM {{rows}} ORDER BY student_key",  # noqa: S608 - the bench's own words
    "class": f"SELECT {_ROWS} FROM {{rows}} ORDER BY student_key",  # noqa: S608
    "school": f"SELECT grade_level, {_SUMS} FROM {{rows}} GROUP BY grade_level ORDER BY grade_level",  # noqa: S608
    "district": f"SELECT school_id, {_SUMS} FROM {{rows}} GROUP BY school_id ORDER BY school_id",  # noqa: S608
}


class DifferentAnswers(RuntimeError):
    """Marts and raw files do not agree, so their times say nothing."""


def query(level: str, place: Place, sizes: Sizes) -> Figure:
    """One level of questions to a district whose marts are there."""
    told, run = _asked(place, sizes)
    found = told[level]
    if not found["same_answer"]:
        raise DifferentAnswers(f"{level}: {found}")
    return Figure(
        f"query_{level}",
        f"{_WORK[level]}; marts of {sizes.students:,} students x {sizes.years} years through the SQL file",
        found["marts"]["seconds"],
        found["marts"]["cpu_seconds"],
        run.peak_bytes,
        Goal(LEVELS[level]),
        "the same question to the Parquet files without marts",
        found["raw"]["seconds"],
        found["raw"]["cpu_seconds"],
        {name: found[name] for name in ("rows", "door", "first_question_seconds")},
    )


@cache
def _asked(place: Place, sizes: Sizes) -> tuple[dict[str, Any], Measured]:
    """Every level, in one process; the access tables of an older lake are made now, untimed."""
    (newest,) = partition_keys(1, LAST_YEAR)
    if not (place.lake / "access" / "student_grants").exists():
        place.materialize([newest], "before_queries", select='group:"access"')
    out = place.root / "queries.json"
    run = place.python(["-m", "bench.queries", str(place.lake), str(place.root / "warehouse.duckdb"), str(out)], "queries")
    return json.loads(out.read_text()), run


def main(lake: str, warehouse: str, out: str) -> None:
    year = f"{LAST_YEAR}-{(LAST_YEAR + 1) % 100:02d}"
    asked = Questions(Path(lake), warehouse, year)
    Path(out).write_text(json.dumps({level: asked.answer(level) for level in LEVELS}))


class Questions:
    """A lake, its SQL file and a year, and who is asked about: the teacher with the median number of students, and theirs."""

    def __init__(self, lake: Path, warehouse: str, year: str) -> None:
        import duckdb

        self.lake, self.year, self.warehouse = lake, year, warehouse
        begun = time.perf_counter()
        self.marts = duckdb.connect(warehouse, read_only=True, config={"threads": THREADS})
        self.marts.execute("SELECT count(*) FROM marts.student_360 WHERE school_year = ? AND student_key = ''", [year]).fetchall()
        self.first = time.perf_counter() - begun
        self.raw = duckdb.connect(config={"threads": THREADS})
        self.chosen = self._choose()
        self.door = _door(lake, year, self.chosen)

    def _choose(self) -> dict[str, Any]:
        """A class of usual size, its school, its teacher's scope, and its first student."""
        found = self.raw.execute(
            f"SELECT e.section_id, s.school_id, min(e.student_key), min(g.scope) FROM {self._files('roster/section_enrollments')} e "  # noqa: S608
            f"JOIN (SELECT DISTINCT section_id, school_id FROM {self._files('roster/sections')}) s USING (section_id) "
            f"JOIN {self._files('access/class_grants')} g USING (section_id) WHERE s.school_id IS NOT NULL "
            "GROUP BY ALL ORDER BY abs(count(DISTINCT e.student_key) - 25), e.section_id LIMIT 1"
        ).fetchone()
        assert found is not None
        section, school, student, scope = found
        return {"student": student, "class": section, "school": school, "district": None, "scope": scope}

    def _files(self, table: str, year: str = "") -> str:
        return f"read_parquet('{self.lake}/{table}/school_year={year or self.year}/*.parquet', hive_partitioning=false)"

    def answer(self, level: str) -> dict[str, Any]:
        """Times of marts, raw files and the door, and whether the first two agree."""
        parameters = {"year": self.year} | ({} if level == "district" else {"chosen": self.chosen[level]})
        raw_parameters = {name: value for name, value in parameters.items() if f"${name}" in self._raw(level)}
        ours, marts = _timed(lambda: self.marts.execute(self._mart(level), parameters).fetchall(), _TIMES)
        theirs, raw = _timed(lambda: self.raw.execute(self._raw(level), raw_parameters).fetchall(), _RAW_TIMES)
        rows, door = _timed(self.door[level], _TIMES)
        return {
            "marts": marts, "raw": raw, "door": door | {"rows": rows}, "rows": len(ours), "first_question_seconds": self.first,
            "same_answer": _alike(ours) == _alike(theirs),
        }  # fmt: skip

    def _mart(self, level: str) -> str:
        rows = f"(SELECT * FROM marts.student_360 WHERE school_year = $year AND {_CHOSEN[level]})"  # noqa: S608
        if level == "class":
            of_class = "(SELECT student_key FROM roster.section_enrollments WHERE section_id = $chosen AND school_year = $year)"
            rows = f"(SELECT m.* FROM marts.student_360 m SEMI JOIN {of_class} USING (student_key) WHERE school_year = $year)"  # noqa: S608
        return _SHOWN[level].format(rows=rows)

    def _raw(self, level: str) -> str:
        """The same from days, results, incidents and activity."""
        files = self._files
        chosen = _CHOSEN[level].format(sections=files("roster/section_enrollments"))
        of = "WHERE student_key IN (SELECT student_key FROM chosen)"
        rows = f"""(
        WITH stays AS (
            SELECT student_key, school_id, row_number() OVER (PARTITION BY student_key
                ORDER BY is_primary DESC, coalesce(exit_date, DATE '9999-12-31') DESC, entry_date DESC, school_id) AS place
            FROM {files("roster/enrollments")}),
        placed AS (
            SELECT s.student_key, s.grade_level, school_id FROM {files("roster/students")} s
            LEFT JOIN stays ON s.student_key = stays.student_key AND place = 1),
        chosen AS (SELECT * FROM placed WHERE {chosen}),
        school_days AS (
            SELECT student_key, date, coalesce(max(absent) FILTER (WHERE s.is_primary), max(absent)) AS absent
            FROM {files("attendance/daily")} d LEFT JOIN {files("roster/enrollments")} s USING (student_key, school_id)
            {of} AND (s.student_key IS NULL OR date BETWEEN entry_date AND coalesce(exit_date, DATE '9999-12-31')) GROUP BY ALL),
        absences AS (SELECT student_key, round(sum(absent), 2) AS days_absent FROM school_days GROUP BY ALL),
        referrals AS (SELECT student_key, count(*) AS incidents FROM {files("behavior/incidents")} {of} GROUP BY ALL),
        results AS (
            SELECT student_key, subject, scale_score, row_number() OVER (PARTITION BY student_key, subject
                ORDER BY coalesce(administered_on, known_on) DESC, assessment_id, "window" DESC) AS place
            FROM {files("assessments/scores")} {of} AND is_official AND scale_score IS NOT NULL AND level IS NOT NULL),
        newest AS (
            SELECT student_key, max(scale_score) FILTER (WHERE subject = 'ELA') AS ela_score,
                max(scale_score) FILTER (WHERE subject = 'Math') AS math_score
            FROM results WHERE place = 1 GROUP BY ALL),
        activity AS (SELECT student_key, sum(submissions) AS submissions FROM {files("engagement/lms_daily")} {of} GROUP BY ALL)
        SELECT chosen.*, days_absent, coalesce(incidents, 0) AS incidents, ela_score, math_score, coalesce(submissions, 0) AS submissions
        FROM chosen LEFT JOIN absences USING (student_key) LEFT JOIN referrals USING (student_key)
        LEFT JOIN newest USING (student_key) LEFT JOIN activity USING (student_key))"""  # noqa: S608
        return _SHOWN[level].format(rows=rows)


def _timed(ask: Callable[[], Any], times: int) -> tuple[Any, dict[str, float]]:
    """The answer, and median seconds on the wall and of processors; the first time does not count."""
    answer, wall, cpu = ask(), [], []
    for _ in range(times):
        begun, used = time.perf_counter(), time.process_time()
        answer = ask()
        wall.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - used)
    return answer, {"seconds": statistics.median(wall), "cpu_seconds": statistics.median(cpu)}


def _alike(rows: list[tuple]) -> list[tuple]:
    """Rows without what only the order of a sum decides."""
    return [tuple(round(float(value), 3) if isinstance(value, int | float) else value for value in row) for row in rows]


def _door(lake: Path, year: str, chosen: dict[str, Any]) -> dict[str, Callable[[], int]]:
    """The same levels through the query interface, by those whom they are for; each gives its number of rows."""
    import polars as pl

    from la_assets.access.readable import READABLE
    from la_assets.access.schema import POLICIES
    from la_assets.student_access import readable_tables
    from la_resources.district_settings.access import AccessSettings
    from la_resources.lake import Lake
    from la_resources.storage import FolderStorage
    from la_resources.student_access.access_log import AccessLog
    from la_resources.student_access.session import StudentAccess

    begin, end = dt.date(LAST_YEAR, 7, 1), dt.date(LAST_YEAR + 1, 6, 30)
    people = {"teacher": chosen["scope"], "principal": f"school:{chosen['school']}", "district": "district"}
    made = {"school_year": year, "known_on": begin, "source": "bench", "loaded_at": dt.datetime(LAST_YEAR, 7, 1, tzinfo=dt.UTC)}
    lines = [
        made | {"user_name": who, "line": n + 2, "scope": scope, "role": who, "valid_from": begin, "valid_until": end, "status": "granted"}
        for n, (who, scope) in enumerate(people.items())
    ]
    there = Lake(lake)
    there.publish(POLICIES, year, pl.DataFrame(lines, schema=POLICIES.polars_schema()))
    noon, settings = dt.datetime(LAST_YEAR, 10, 15, 12, tzinfo=dt.UTC), AccessSettings()
    log = AccessLog(FolderStorage(lake.parent / "access_log"))
    roles = (settings.purposes, settings.names_for, settings.columns_for)
    access = StudentAccess(there, log, readable_tables(), READABLE, *roles, lambda: noon)
    teacher, principal, district = (access.open(who, "reporting") for who in people)
    columns, years = ["student_key", "grade_level", "days_absent", "incidents", "ela_score", "math_score", "submissions"], [year]

    def rows(session: Any, table: str = "marts.student_360", **how: Any) -> int:
        answer = session.read(table, school_years=years, **how)
        if answer.status != "answered" or not answer.rows.height:
            raise DifferentAnswers(f"the door said {answer.status} with {answer.rows.height} rows")
        return int(answer.rows.height)

    return {
        "student": lambda: rows(teacher, columns=columns, where={"student_key": chosen["student"]}),
        "class": lambda: rows(teacher, columns=columns),
        "school": lambda: rows(principal, columns=columns),
        "district": lambda: rows(district, columns=columns),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
