"""What was known of each student on the as-of date after a progress window: the rows of ``forecasts.features``.

Every input is cut at the as-of date first (``known_on``, and the date of the event itself), then read; so no feature can come
from after it. Medians are not filled in here: that is learned in each training fold (``design.py``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from la_assets import exact_sums
from la_assets.attendance.student_years import student_year as attendance_sums
from la_assets.forecasts.finals import final_scores
from la_assets.forecasts.targets import AS_OF_POINTS, EXPECTED, FEATURES, PROGRAM_FLAGS, PROGRESS_SUBJECTS, SUBJECTS, slug
from la_assets.forecasts.windows import as_of_dates, progress_results
from la_assets.roster.subjects import subject_of_text

_PEERS = 10
"""Students that a standing on an interim test is taken among, at least."""
_TESTED_SHARE = 0.2
"""Share of a grade's students with a progress score from which the grade counts as tested."""
_ADVANCED = ("honors", "AP", "IB", "dual")


@dataclass(frozen=True)
class Known:
    """Tables that features are made of; each is cut at the as-of date before anything is read from it.

    Attributes
    ----------
    scores : polars.LazyFrame
        ``assessments.scores`` of the year and the two before.
    standards, daily, students, enrollments, sections, section_enrollments : polars.LazyFrame
        ``assessments.standards``, ``attendance.daily`` and the roster tables of the year.
    prior_attendance : polars.LazyFrame
        ``attendance.student_year`` of the year before.
    """

    scores: pl.LazyFrame
    standards: pl.LazyFrame
    daily: pl.LazyFrame
    students: pl.LazyFrame
    enrollments: pl.LazyFrame
    sections: pl.LazyFrame
    section_enrollments: pl.LazyFrame
    prior_attendance: pl.LazyFrame

    def by(self, as_of: dt.date) -> Known:
        """The same tables with only what was known on the as-of date."""
        known = {name: frame.filter(pl.col("known_on") <= as_of) for name, frame in vars(self).items()}
        known["daily"] = known["daily"].filter(pl.col("date") <= as_of)
        on = pl.lit(as_of)
        for name, begin, end in (("enrollments", "entry_date", "exit_date"), ("section_enrollments", "begin_date", "end_date")):
            known[name] = known[name].filter(pl.col(begin) <= on, (pl.col(end) >= on).fill_null(True))
        return Known(**known)


def features(
    tables: Known,
    school_year: str,
    earlier: Sequence[str],
    *,
    progress_assessment: str = "FAST",
    course_assessment: str = "EOC",
    window_days: int = 30,
    program_flags: Sequence[str] = PROGRAM_FLAGS,
) -> list[pl.LazyFrame]:
    """Feature rows of a school year, a frame per as-of point whose window was held.

    Parameters
    ----------
    tables : Known
        Input tables, uncut.
    school_year : str
        The year, e.g. 2023-24.
    earlier : sequence of str
        The year before and the one before that.
    progress_assessment, course_assessment : str
        ``assessment_id`` of the state test and of the end-of-course exam.
    window_days : int
        See :func:`la_assets.forecasts.windows.as_of_dates`.
    program_flags : sequence of str
        Program flags that may be features; the others come out missing.
    """
    own = progress_results(tables.scores.filter(pl.col("school_year") == school_year), progress_assessment)
    made = []
    for point, as_of in as_of_dates(own, window_days).items():
        known = tables.by(as_of)
        this_year = known.scores.filter(pl.col("school_year") == school_year)
        progress = progress_results(this_year, progress_assessment).filter(pl.col("window").is_in(AS_OF_POINTS[point]))
        finals = final_scores(known.scores, progress_assessment=progress_assessment, course_assessment=course_assessment)
        roll = _roll(known.enrollments)
        parts = [
            _progress(progress),
            _mastery(known.standards, progress),
            _interim(this_year, roll, (progress_assessment, course_assessment)),
            _prior_progress(progress_results(known.scores.filter(pl.col("school_year") == earlier[0]), progress_assessment)),
            *(_prior_finals(finals.filter(pl.col("school_year") == year), back) for back, year in enumerate(earlier, 1)),
            _attendance(known.daily, known.enrollments),
            known.prior_attendance.select("student_key", pl.col("rate").alias("prior_attendance_rate")),
            _programs(known.students, program_flags),
            _courses(known.sections, known.section_enrollments),
            this_year.group_by("student_key").agg(pl.col("loaded_at").max().alias("scores_loaded_at")),
        ]
        frame = roll
        for part in parts:
            frame = frame.join(part, on="student_key", how="left")
        made.append(_expected(frame).with_columns(pl.lit(point).alias("as_of_point"), _on(as_of), school_year=pl.lit(school_year)))
    return made


def _on(as_of: dt.date) -> pl.Expr:
    return pl.lit(as_of).alias("as_of")


def _roll(enrollments: pl.LazyFrame) -> pl.LazyFrame:
    """Students enrolled on the as-of date with the grade of their stay, the primary school's first."""
    return (
        enrollments.sort("student_key", ~pl.col("is_primary"), "entry_date", "school_id")
        .group_by("student_key", maintain_order=True)
        .agg(pl.col("grade_level").drop_nulls().first(), pl.col("loaded_at").max())
    )


def _progress(progress: pl.LazyFrame) -> pl.LazyFrame:
    def score(subject: str, window: str) -> pl.Expr:
        return pl.col("scale_score").filter((pl.col("subject") == subject) & (pl.col("window") == window)).first()

    wide = progress.group_by("student_key").agg(
        score(s, window).alias(f"{slug(s)}_{window.lower()}") for s in PROGRESS_SUBJECTS for window in ("PM1", "PM2")
    )
    return wide.with_columns((pl.col(f"{slug(s)}_pm2") - pl.col(f"{slug(s)}_pm1")).alias(f"{slug(s)}_growth") for s in PROGRESS_SUBJECTS)


def _latest(progress: pl.LazyFrame) -> pl.LazyFrame:
    """Each student's last progress window by subject; PM1 comes before PM2 by name."""
    return progress.group_by("student_key", "subject").agg(pl.all().sort_by("window").last())


def _mastery(standards: pl.LazyFrame, progress: pl.LazyFrame) -> pl.LazyFrame:
    """Share of points and standards under half, on the standards of each student's last official progress test."""
    sitting = ["student_key", "assessment_id", "subject", "window", "administered_on"]
    latest = _latest(progress).select(sitting)
    share = pl.col("points_earned") / pl.col("points_possible")
    by_subject = (
        standards.filter(pl.col("points_possible") > 0, pl.col("points_earned").is_not_null())
        .join(latest, on=sitting, how="semi", nulls_equal=True)
        .group_by("student_key", "subject")
        .agg(
            (pl.col("points_earned").sum() / pl.col("points_possible").sum()).alias("mastery"),
            (share < 0.5).sum().cast(pl.Float64).alias("weak_standards"),
        )
    )
    return _by_subject(by_subject, PROGRESS_SUBJECTS, ("mastery", "weak_standards"))


def _interim(scores: pl.LazyFrame, roll: pl.LazyFrame, state_tests: Sequence[str]) -> pl.LazyFrame:
    """Standing on the latest interim test, in SD within test, subject, window and grade, among the scores known by then."""
    peers = ["assessment_id", "subject", "window", "grade"]
    score = pl.col("scale_score")
    mean, deviation = exact_sums.mean(score, peers), exact_sums.deviation(score, peers)
    latest = (
        scores.filter(
            ~pl.col("assessment_id").is_in(list(state_tests)),
            pl.col("window").is_in(["fall", "winter"]),
            pl.col("subject").is_in(list(PROGRESS_SUBJECTS)),
            pl.col("is_official"),
            score.is_finite(),
        )
        .join(roll.select("student_key", grade="grade_level"), on="student_key")
        .with_columns(differ=score.min().over(peers) < score.max().over(peers), peers=pl.len().over(peers), mean=mean, deviation=deviation)
        .with_columns(interim=pl.when((pl.col("peers") >= _PEERS) & pl.col("differ")).then((score - pl.col("mean")) / pl.col("deviation")))
        .filter(pl.col("interim").is_not_null())
        .sort("window", "known_on", "assessment_id")  # fall before winter
        .group_by("student_key", "subject")
        .agg(pl.col("interim").last())
    )
    return _by_subject(latest, PROGRESS_SUBJECTS, ("interim",))


def _prior_progress(progress: pl.LazyFrame) -> pl.LazyFrame:
    latest = _latest(progress).select("student_key", "subject", pl.col("scale_score").alias("prior_progress"))
    return _by_subject(latest, PROGRESS_SUBJECTS, ("prior_progress",))


def _prior_finals(finals: pl.LazyFrame, years_back: int) -> pl.LazyFrame:
    name = f"final_{years_back}"
    return _by_subject(finals.select("student_key", "subject", pl.col("final_score").alias(name)), SUBJECTS, (name,))


def _by_subject(rows: pl.LazyFrame, subjects: Sequence[str], values: Sequence[str]) -> pl.LazyFrame:
    """One row per student, a column per subject and value."""
    return rows.group_by("student_key").agg(
        pl.col(value).filter(pl.col("subject") == subject).first().alias(f"{slug(subject)}_{value}")
        for subject in subjects
        for value in values
    )


def _attendance(daily: pl.LazyFrame, enrollments: pl.LazyFrame) -> pl.LazyFrame:
    sums = attendance_sums(daily, enrollments, 0.1, 1, True)
    return sums.select("student_key", pl.col("rate").alias("attendance_rate"), "days_absent")


def _programs(students: pl.LazyFrame, program_flags: Sequence[str]) -> pl.LazyFrame:
    unused = [pl.lit(None, dtype=pl.Float64).alias(flag) for flag in PROGRAM_FLAGS if flag not in program_flags]
    return students.select("student_key", *(pl.col(flag).cast(pl.Float64) for flag in PROGRAM_FLAGS if flag in program_flags), *unused)


def _courses(sections: pl.LazyFrame, section_enrollments: pl.LazyFrame) -> pl.LazyFrame:
    """Whether a student sits in a course with an end-of-course exam (the subject, else the title, names it), and in an honors section."""
    courses = [s for s in SUBJECTS if s not in PROGRESS_SUBJECTS]
    named = pl.coalesce(pl.when(pl.col("subject").is_in(courses)).then("subject"), subject_of_text(pl.col("title")), "subject")
    of_section = sections.group_by("section_id").agg(
        named.drop_nulls().first().alias("course"), pl.col("course_level").is_in(_ADVANCED).any().alias("advanced")
    )
    return (
        section_enrollments.join(of_section, on="section_id")
        .group_by("student_key")
        .agg(
            pl.col("advanced").any().cast(pl.Float64).alias("honors"),
            *((pl.col("course") == course).fill_null(False).any().alias(EXPECTED[course]) for course in courses),
        )
    )


def _expected(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Who is expected to take which final: students with a progress score or of a grade tested, and students in the course."""
    tested = {}
    for subject in PROGRESS_SUBJECTS:
        has_score = pl.any_horizontal(pl.col(f"{slug(subject)}_{w}").is_not_null() for w in ("pm1", "pm2"))
        tested[subject] = has_score | (has_score.mean().over("grade_level") >= _TESTED_SHARE).fill_null(False)
    courses = {subject: pl.col(column).fill_null(False) for subject, column in EXPECTED.items() if subject not in PROGRESS_SUBJECTS}
    return frame.with_columns((tested | courses)[subject].alias(column) for subject, column in EXPECTED.items())


def feature_rows(frames: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
    """Frames of :func:`features` with lineage, ready for the contract: known on the as-of date, loaded when the newest input was."""
    rows = pl.concat(frames)
    return rows.with_columns(
        *(pl.col(name).cast(pl.Float64) for name in FEATURES),
        known_on=pl.col("as_of"),
        source=pl.lit("forecasts"),
        loaded_at=pl.max_horizontal("loaded_at", "scores_loaded_at"),
    )
