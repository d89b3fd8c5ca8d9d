"""Attempts at tests, each test's official attempt named by one rule.

All attempts are kept: retests, deactivated and rushed ones, and students not tested. Which one counts is decided here once,
so that no model picks its own. Scores are not put on other scales here.
"""

import polars as pl

from la_assets.folding import last_arrived
from la_assets.roster.identity import resolve_keys

SITTING = ["student_key", "assessment_id", "subject", "window"]
"""What has at most one official attempt a year."""


def scores(landed: pl.LazyFrame, identifiers: pl.LazyFrame) -> pl.LazyFrame:
    """The table ``assessments.scores`` of one school year.

    Parameters
    ----------
    landed : polars.LazyFrame
        ``landing.assessment_scores`` of the year.
    identifiers : polars.LazyFrame
        ``directory.identifiers`` of the year.
    """
    windowed = resolve_keys(landed, identifiers).with_columns(pl.col("window").fill_null("none"))
    current = last_arrived(windowed, [*SITTING, "administered_on", "attempt"])
    return with_official(numbered_attempts(current)).select(
        *SITTING,
        "attempt",
        "administered_on",
        "source_attempt",
        "grade_level",
        "reported_on",
        "scale_score",
        "standard_error",
        "level",
        "percentile",
        "is_official",
        "reason_not_tested",
        pl.col("is_vertical_scale").fill_null(False),
        "school_year",
        pl.coalesce("reported_on", "administered_on", pl.col("landed_at").dt.date()).alias("known_on"),
        "source",
        pl.col("landed_at").alias("loaded_at"),
    )


def numbered_attempts(attempts: pl.LazyFrame) -> pl.LazyFrame:
    """Number the attempts of each sitting by date, then by the source's own number, which becomes ``source_attempt``.

    Sources number attempts over a year, a window or a lifetime, or not at all; one number of ours is unique. Students not
    tested have no date and come last.
    """
    return (
        attempts.rename({"attempt": "source_attempt"})
        .sort(*SITTING, "administered_on", "source_attempt", nulls_last=True)
        .with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over(SITTING).alias("attempt"))
    )


def with_official(attempts: pl.LazyFrame) -> pl.LazyFrame:
    """Name the official attempt of each student, test, subject, window and year.

    The rule, in order: an attempt without a result, or which the source marks as not counting (deactivated, rushed), is
    never official; of the rest, those that the source marks as official; of these, the first attempt. The first, because a
    retest is taken on account of the first result: counting the best or the last would call a second chance growth. Where
    the source rules out every attempt, none is official.

    Parameters
    ----------
    attempts : polars.LazyFrame
        Numbered attempts with ``scale_score``, ``level`` and the source's ``is_official`` (or null).
    """
    has_result = pl.col("scale_score").is_not_null() | pl.col("level").is_not_null()
    counts = has_result & pl.col("is_official").fill_null(True)
    named = counts & pl.col("is_official").fill_null(False)
    eligible = pl.when(named.any().over(SITTING)).then(named).otherwise(counts)
    first = (pl.col("eligible") & (pl.col("eligible").cum_sum().over(SITTING) == 1)).alias("is_official")
    return attempts.sort(*SITTING, "attempt").with_columns(eligible.alias("eligible")).with_columns(first).drop("eligible")
