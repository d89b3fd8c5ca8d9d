"""What became of a student after a snapshot, as far as it was on record by an as-of date: one function per target.

Every function takes the rows to label (``units``: a student, or a student in a course, at a snapshot), the tables the outcome stands
in, and the as-of date. It reads only outcome rows known by that date, and gives back the same rows, none more and none fewer, with

- ``label``: whether the outcome to warn of happened; null where that is not known;
- ``outcome``: what happened, or why there is no label;
- ``event_on``: the day of the outcome, where it has one;
- ``label_known_on``: the day from which the label can be known, whatever it is. Before it, nobody has a label, also not those
  whose outcome came early: a model that learned from early leavers only would learn from a biased year.

Nothing here knows of models.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from la_assets.early_warning.features.coursework import CORE, fails, letter
from la_assets.early_warning.features.snapshots import thousandths

OUTCOMES = (
    "open", "dropped out", "graduated", "transferred", "still enrolled", "unknown exit", "no exit on record", "failed", "passed",
    "left the course", "on track", "not on track", "no credits on record", "benchmark met", "benchmark missed", "not tested",
    "succeeded", "did not succeed", "no source", "enrolled in college", "not enrolled in college",
)  # fmt: skip
"""What ``outcome`` may say. ``open``: the window has not closed. Without a label: unknown exit, no exit on record, left the course, no
credits on record, not tested, no source, and transferred students for targets that need them here."""

SUMMER = dt.timedelta(days=75)
"""A student seen within a summer of the window's end has not left: stays end with school in May or June."""


@dataclass(frozen=True)
class LabelSettings:
    """What the labels depend on that differs between districts; see ``EarlyWarningSettings``."""

    window_years: int = 2
    settling_days: int = 0
    passing_percent: float = 60.0
    sat_ela_benchmark: float = 480.0
    sat_math_benchmark: float = 530.0
    on_track_credits: float = 5.0
    on_track_core_fs: int = 1
    ap_success_score: float = 3.0


@dataclass(frozen=True)
class OutcomeSources:
    """Tables in which outcomes stand, with as many years as the windows reach.

    ``exits``, ``stays``, ``grades``, ``scores``, ``postsecondary``: ``outcomes.exits``, ``roster.enrollments``, ``coursework.grades``,
    ``assessments.scores``, ``outcomes.postsecondary``.
    """

    exits: pl.LazyFrame
    stays: pl.LazyFrame
    grades: pl.LazyFrame
    scores: pl.LazyFrame
    postsecondary: pl.LazyFrame


def dropout(units: pl.LazyFrame, sources: OutcomeSources, as_of: dt.date, settings: LabelSettings) -> pl.LazyFrame:
    """Left without diploma or transfer after the snapshot and within ``window_years`` school years, the snapshot's own being the first.

    The first of these that stands on record in the window decides: dropped out, graduated, transferred, an exit of unknown meaning. A
    transfer out is not a dropout; an unknown exit is no label. A student who dropped out and came back did drop out.
    """
    key = ["student_key", "school_year", "as_of_date"]
    end = _end_of_year(settings.window_years - 1)
    exits = _known(sources.exits, as_of).select(
        "student_key", pl.col("status").alias("exit_status"), pl.coalesce("exit_date", "observed_on", "known_on").alias("left_on")
    )
    rank = pl.col("exit_status").replace_strict({"dropped_out": 0, "graduated": 1, "transferred": 2, "unknown": 3}, default=None)
    in_window = (
        units.select(key)
        .unique()
        .join(exits.filter(pl.col("exit_status") != "continuing"), on="student_key")
        .filter(pl.col("left_on") > pl.col("as_of_date"), pl.col("left_on") <= end)
        .sort(rank, "left_on")
        .group_by(key, maintain_order=True)
        .agg(pl.col("exit_status", "left_on").first())
    )
    seen = (
        _known(sources.stays, as_of)
        .group_by("student_key")
        .agg(pl.min_horizontal(pl.col("exit_date").fill_null(as_of), pl.lit(as_of)).max().alias("last_seen"))
    )
    here = pl.col("last_seen") >= end - SUMMER
    words = {"dropped_out": "dropped out", "graduated": "graduated", "transferred": "transferred", "unknown": "unknown exit"}
    outcome = pl.col("exit_status").replace_strict(words, default=None)
    staying = pl.when(here).then(pl.lit("still enrolled")).otherwise(pl.lit("no exit on record"))
    closes = end + pl.duration(days=settings.settling_days)
    labelled = units.join(in_window, on=key, how="left").join(seen, on="student_key", how="left")
    return _labelled(
        labelled.with_columns(outcome.fill_null(staying).alias("outcome"), pl.col("left_on").alias("event_on")),
        closes,
        as_of,
        happened=("dropped out",),
        did_not=("graduated", "transferred", "still enrolled"),
    ).drop("exit_status", "left_on", "last_seen")


def course_failure(units: pl.LazyFrame, sources: OutcomeSources, as_of: dt.date, settings: LabelSettings) -> pl.LazyFrame:
    """The mean of the course's marks of the year is under passing. Units have a ``section_id``.

    A course without any mark posted after the snapshot was left or closed: no label.
    """
    key = ["student_key", "section_id", "school_year"]
    marks = (
        _known(sources.grades, as_of)
        .group_by(key)
        .agg(
            pl.col("percent").count().alias("percents"),
            thousandths(pl.col("percent")).sum().alias("percent"),
            pl.col("gpa_points").count().alias("points_given"),
            thousandths(pl.col("gpa_points")).sum().alias("points"),
            pl.col("known_on").max().alias("last_mark"),
        )
    )
    went_on = pl.col("last_mark") > pl.col("as_of_date")
    failed = pl.when(fails(settings.passing_percent)).then(pl.lit("failed")).otherwise(pl.lit("passed"))
    outcome = pl.when(went_on & (pl.col("percents") + pl.col("points_given") > 0)).then(failed).otherwise(pl.lit("left the course"))
    return _labelled(
        units.join(marks, on=key, how="left").with_columns(outcome.alias("outcome"), pl.lit(None, pl.Date).alias("event_on")),
        _end_of_year(),
        as_of,
        happened=("failed",),
        did_not=("passed",),
    ).drop("percents", "percent", "points_given", "points", "last_mark")


def not_on_track(units: pl.LazyFrame, sources: OutcomeSources, as_of: dt.date, settings: LabelSettings) -> pl.LazyFrame:
    """At the end of grade 9: fewer credits than ``on_track_credits``, or more than ``on_track_core_fs`` semester Fs in core courses.

    Source: Allensworth and Easton (2005), The On-Track Indicator as a Predictor of High School Graduation. A mark is of a semester if it
    carries credits. Who dropped out in the year is not on track; who left otherwise has no label.
    """
    key = ["student_key", "school_year"]
    with_credits = _known(sources.grades, as_of).filter(pl.col("credits_attempted") > 0)
    core_f = (letter() == "F") & pl.col("subject").is_in(CORE)
    year = with_credits.group_by(key).agg(pl.col("credits_earned").sum().alias("earned"), core_f.sum().alias("core_fs_of_year"))
    left = _known(sources.exits, as_of).filter(pl.col("status") != "continuing").select(*key, pl.col("status").alias("exit_status"))
    behind = (pl.col("earned") < settings.on_track_credits) | (pl.col("core_fs_of_year") > settings.on_track_core_fs)
    outcome = (
        pl.when(pl.col("exit_status") == "dropped_out")
        .then(pl.lit("not on track"))
        .when(pl.col("exit_status") == "transferred")
        .then(pl.lit("transferred"))
        .when(pl.col("exit_status") == "unknown")
        .then(pl.lit("unknown exit"))
        .when(pl.col("earned").is_null())
        .then(pl.lit("no credits on record"))
        .when(behind)
        .then(pl.lit("not on track"))
        .otherwise(pl.lit("on track"))
    )
    joined = units.join(year, on=key, how="left").join(left, on=key, how="left")
    return _labelled(
        joined.with_columns(outcome.alias("outcome"), pl.lit(None, pl.Date).alias("event_on")),
        _end_of_year(),
        as_of,
        happened=("not on track",),
        did_not=("on track",),
    ).drop("earned", "core_fs_of_year", "exit_status")


def sat_benchmark_missed(units: pl.LazyFrame, sources: OutcomeSources, as_of: dt.date, settings: LabelSettings) -> pl.LazyFrame:
    """An SAT section of the school year under its college-ready benchmark (the better score of several sittings after the snapshot)."""
    taken = _known(sources.scores, as_of).filter(pl.col("assessment_id") == "SAT", pl.col("scale_score").is_not_null())
    best = (
        units.select("student_key", "school_year", "as_of_date")
        .unique()
        .join(
            taken.select("student_key", "school_year", "subject", "scale_score", "known_on", "administered_on"),
            on=["student_key", "school_year"],
        )
        .filter(pl.coalesce("administered_on", "known_on") > pl.col("as_of_date"))
        .group_by("student_key", "school_year", "as_of_date")
        .agg(
            pl.col("scale_score").filter(pl.col("subject") == "ELA").max().alias("sat_ela"),
            pl.col("scale_score").filter(pl.col("subject") == "Math").max().alias("sat_math"),
            pl.coalesce("administered_on", "known_on").max().alias("event_on"),
        )
    )
    met = (pl.col("sat_ela") >= settings.sat_ela_benchmark) & (pl.col("sat_math") >= settings.sat_math_benchmark)
    outcome = pl.when(met).then(pl.lit("benchmark met")).when(~met).then(pl.lit("benchmark missed")).otherwise(pl.lit("not tested"))
    return _labelled(
        units.join(best, on=["student_key", "school_year", "as_of_date"], how="left").with_columns(outcome.alias("outcome")),
        _end_of_year(),
        as_of,
        happened=("benchmark missed",),
        did_not=("benchmark met",),
    ).drop("sat_ela", "sat_math")


def no_ap_success(units: pl.LazyFrame, sources: OutcomeSources, as_of: dt.date, settings: LabelSettings) -> pl.LazyFrame:
    """No AP exam of the school year with ``ap_success_score`` or more, for students in an AP course.

    AP exams stand in ``assessments.scores`` under an ``assessment_id`` that begins with ``AP ``. A year without any is a year
    without a source: no labels. A mark in an AP course is not an exam and is not taken for one.
    """
    exams = _known(sources.scores, as_of).filter(pl.col("assessment_id").str.starts_with("AP "), pl.col("scale_score").is_not_null())
    best = exams.group_by("student_key", "school_year").agg(pl.col("scale_score").max().alias("ap_score"))
    years = exams.select("school_year").unique().with_columns(pl.lit(True).alias("has_exams"))
    outcome = (
        pl.when(pl.col("has_exams").is_null())
        .then(pl.lit("no source"))
        .when(pl.col("ap_score").is_null())
        .then(pl.lit("not tested"))
        .when(pl.col("ap_score") >= settings.ap_success_score)
        .then(pl.lit("succeeded"))
        .otherwise(pl.lit("did not succeed"))
    )
    joined = units.join(best, on=["student_key", "school_year"], how="left").join(years, on="school_year", how="left")
    return _labelled(
        joined.with_columns(outcome.alias("outcome"), pl.lit(None, pl.Date).alias("event_on")),
        _end_of_year().dt.offset_by("2mo"),
        as_of,
        happened=("did not succeed",),
        did_not=("succeeded",),
    ).drop("ap_score", "has_exams")


def no_college(units: pl.LazyFrame, sources: OutcomeSources, as_of: dt.date, settings: LabelSettings) -> pl.LazyFrame:
    """A student in grade 12 is not enrolled after high school by the end of the calendar year.

    The district knows of an enrolment (National Student Clearinghouse), never of its absence: a year without any enrolment on record
    is a year without a source. Students who transferred or whose exit is unknown have no label.
    """
    start = pl.col("school_year").str.head(4).cast(pl.Int32)
    first, last = pl.date(start + 1, 5, 1), pl.date(start + 1, 12, 31)
    enrolled = _known(sources.postsecondary, as_of).select("student_key", "enrolled_on")
    autumns = enrolled.select(pl.col("enrolled_on").dt.year().alias("autumn")).unique().with_columns(pl.lit(True).alias("has_source"))
    went = (
        units.select("student_key", "school_year")
        .unique()
        .join(enrolled, on="student_key")
        .filter(pl.col("enrolled_on").is_between(first, last))
        .group_by("student_key", "school_year")
        .agg(pl.col("enrolled_on").min().alias("event_on"))
    )
    left = (
        _known(sources.exits, as_of)
        .filter(pl.col("status") != "continuing")
        .select("student_key", "school_year", pl.col("status").alias("exit_status"))
    )
    outcome = (
        pl.when(pl.col("has_source").is_null())
        .then(pl.lit("no source"))
        .when(pl.col("event_on").is_not_null())
        .then(pl.lit("enrolled in college"))
        .when(pl.col("exit_status") == "transferred")
        .then(pl.lit("transferred"))
        .when(pl.col("exit_status") == "unknown")
        .then(pl.lit("unknown exit"))
        .otherwise(pl.lit("not enrolled in college"))
    )
    joined = (
        units.with_columns((start + 1).alias("autumn"))
        .join(autumns, on="autumn", how="left")
        .join(went, on=["student_key", "school_year"], how="left")
        .join(left, on=["student_key", "school_year"], how="left")
    )
    return _labelled(
        joined.with_columns(outcome.alias("outcome")), last, as_of, happened=("not enrolled in college",), did_not=("enrolled in college",)
    ).drop("autumn", "has_source", "exit_status")


def _known(frame: pl.LazyFrame, as_of: dt.date) -> pl.LazyFrame:
    return frame.filter(pl.col("known_on") <= as_of)


def _end_of_year(later: int = 0) -> pl.Expr:
    """30 June that ends the school year, or one some years later."""
    return pl.date(pl.col("school_year").str.head(4).cast(pl.Int32) + 1 + later, 6, 30)


def _labelled(frame: pl.LazyFrame, closes: pl.Expr, as_of: dt.date, *, happened: tuple[str, ...], did_not: tuple[str, ...]) -> pl.LazyFrame:
    """Outcome, label and event of the rows whose window has closed; the others are open and tell nothing."""
    outcome = pl.col("outcome")
    label = pl.when(outcome.is_in(happened)).then(True).when(outcome.is_in(did_not)).then(False)
    closed = pl.col("label_known_on") <= as_of
    return frame.with_columns(closes.alias("label_known_on")).with_columns(
        pl.when(closed).then(label).alias("label"),
        pl.when(closed).then(outcome).otherwise(pl.lit("open")).alias("outcome"),
        pl.when(closed & label).then(pl.col("event_on")).alias("event_on"),
    )
