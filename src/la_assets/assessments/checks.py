"""What to look at in assessments beyond contracts: official attempts, points over the possible, students without a final score.

Functions from frames of one year to a finding (whether the check passes, a sentence, counts), and at the end the list that
binds them to tables.
"""

import polars as pl

from la_assets.assessments.schema import SCORES, STANDARDS
from la_assets.assessments.scores import SITTING
from la_assets.checks import TableCheck
from la_assets.data_checks import Finding
from la_assets.roster.schema import STUDENTS


def one_official_attempt(scores: pl.LazyFrame) -> Finding:
    """Each student, test, subject and window with a result has one official attempt; without one, the source ruled all out."""
    result = pl.col("scale_score").is_not_null() | pl.col("level").is_not_null()
    official = scores.group_by(SITTING).agg(pl.col("is_official").sum().alias("official"), result.any().alias("result"))
    counts = (
        official.select(
            pl.len().alias("sittings"),
            (pl.col("official") > 1).sum().alias("several_official"),
            (pl.col("result") & (pl.col("official") == 0)).sum().alias("all_ruled_out"),
        )
        .collect(engine="streaming")
        .row(0, named=True)
    )
    return (
        counts["several_official"] == 0,
        f"{counts['several_official']} sittings have several official attempts; "
        f"{counts['all_ruled_out']} have results that the source rules out altogether",
        dict(counts),
    )


def points_within_possible(standards: pl.LazyFrame) -> Finding:
    """No student earned more points on a standard than could be earned."""
    over = int(standards.select((pl.col("points_earned") > pl.col("points_possible")).sum()).collect(engine="streaming").item())
    return over == 0, f"{over} rows have more points earned than possible", {"over_possible": over}


def final_score_completeness(
    scores: pl.LazyFrame,
    students: pl.LazyFrame,
    *,
    tests_held: bool,
    expected: float = 0.95,
    assessment: str = "FAST",
    window: str = "PM3",
) -> Finding:
    """Of the students with any score on the test this year, the share with an official final score, per subject the lowest.

    Before the window opens (no final score at all) and in years without spring tests there is nothing to be complete.

    Parameters
    ----------
    scores, students : polars.LazyFrame
        ``assessments.scores`` and ``roster.students`` of the year; only listed students count.
    tests_held : bool
        Whether the year has spring tests (``District.years_without_spring_tests``).
    expected : float
        The share to reach.
    assessment, window : str
        The test and the window of the final score.
    """
    final = (pl.col("window") == window) & pl.col("is_official")
    shares = (
        scores.filter(pl.col("assessment_id") == assessment)
        .join(students.select("student_key"), on="student_key", how="semi")
        .group_by("subject", "student_key")
        .agg(final.any().alias("final"))
        .group_by("subject")
        .agg(pl.len().alias("students"), pl.col("final").sum().cast(pl.Int64))
        .sort("subject")
        .collect(engine="streaming")
    )
    counts: dict[str, int | float] = {}
    for subject, tested, finals in shares.iter_rows():
        counts |= {f"{subject} students": tested, f"{subject} with {window}": finals}
    if not tests_held or not shares.get_column("final").sum():
        return True, f"no {assessment} {window} scores are due", counts
    lowest = shares.select((pl.col("final") / pl.col("students")).min()).item()
    words = f"{lowest:.1%} of the students tested by {assessment} have a {window} score (lowest subject); expected {expected:.0%}"
    return lowest >= expected, words, counts


CHECKS = {
    SCORES.name: (
        TableCheck(
            "one_official_attempt",
            (SCORES,),
            lambda year: one_official_attempt(year[SCORES]),
            "No student has two official attempts at a test in a window. Sittings whose results the source all rules out are counted.",
        ),
        TableCheck(
            "final_scores_are_complete",
            (SCORES, STUDENTS),
            lambda year: final_score_completeness(
                year[SCORES], year[STUDENTS], tests_held=year.label not in year.district.years_without_spring_tests
            ),
            "At least 95 % of the students tested this year have a final (PM3) score; else a file or make-up tests are missing.",
        ),
    ),
    STANDARDS.name: (
        TableCheck(
            "points_within_possible",
            (STANDARDS,),
            lambda year: points_within_possible(year[STANDARDS]),
            "No student earned more points on a standard than could be earned; else columns of the file were swapped.",
        ),
    ),
}
