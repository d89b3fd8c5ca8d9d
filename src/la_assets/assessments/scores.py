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
    current = last_arrived(resolve_keys(landed, identifiers), [*SITTING, "administered_on", "attempt"])
    return with_official(numbered_attempts(current)).select(
        *SITTING, "administered_on", "attempt", "grade_level", "reported_on", "scale_score", "standard_error", "level", "percentile",
        "is_official", "reason_not_tested", pl.col("is_vertical_scale").fill_null(False), "school_year",
        pl.coalesce("reported_on", "administered_on", pl.col("landed_at").dt.date()).alias("known_on"), "source",
        pl.col("landed_at").alias("loaded_at"),
    )


def numbered_attempts(attempts: pl.LazyFrame) -> pl.LazyFrame:
    """Number attempts that the source does not number, by date, after those that it does."""
    unnumbered = pl.col("attempt").is_null()
    last = pl.col("attempt").max().over(SITTING).fill_null(0)
    following = unnumbered.cum_sum().over(SITTING)
    return attempts.sort(*SITTING, "administered_on", nulls_last=True).with_columns(
        pl.when(unnumbered).then(last + following.cast(pl.Int32)).otherwise("attempt").cast(pl.Int32).alias("attempt")
    )


def with_official(attempts: pl.LazyFrame) -> pl.LazyFrame:
    """Name the official attempt of each student, test, subject, window and year.

    The rule, in order: an attempt without a result, or which the source marks as not counting (deactivated, rushed), is never
    official; of the rest, those that the source marks as official; of these, the first by date and attempt number. The
    first, because a retest is taken on account of the first result: counting the best or the last would add to growth what
    is only a second chance.

    Parameters
    ----------
    attempts : polars.LazyFrame
        Attempts with ``scale_score``, ``level``, ``administered_on``, ``attempt`` and the source's ``is_official`` (or null).
    """
    has_result = pl.col("scale_score").is_not_null() | pl.col("level").is_not_null()
    counts = has_result & pl.col("is_official").fill_null(True)
    named = counts & pl.col("is_official").fill_null(False)
    eligible = pl.when(named.any().over(SITTING)).then(named).otherwise(counts)
    first = (pl.col("eligible") & (pl.col("eligible").cum_sum().over(SITTING) == 1)).alias("is_official")
    return (
        attempts.sort(*SITTING, "administered_on", "attempt", nulls_last=True)
        .with_columns(eligible.alias("eligible"))
        .with_columns(first)
        .drop("eligible")
    )
