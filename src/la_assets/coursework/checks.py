"""What to look at in coursework beyond contracts: impossible values left, marks without a course.

Functions from frames of one year to a finding (whether the check passes, a sentence, counts), and at the end the list that
binds them to tables.
"""

import polars as pl

from la_assets.checks import TableCheck
from la_assets.coursework.schema import GRADES
from la_assets.data_checks import Finding


def no_impossible_marks(grades: pl.LazyFrame) -> Finding:
    """No mark earns more credits than were attempted, or has grade points with a failing letter.

    Credit beside an F is counted but does not fail: where credit is given by semester, a failed quarter of a passed semester has it.
    """
    failing = pl.col("letter").str.strip_chars().str.to_uppercase() == "F"
    counts = (
        grades.select(
            (pl.col("credits_earned") > pl.col("credits_attempted")).sum().alias("more_earned_than_attempted"),
            (failing & (pl.col("credits_earned") > 0)).sum().alias("credit_for_an_f"),
            (failing & (pl.col("gpa_points") > 0)).sum().alias("points_for_an_f"),
            (~pl.col("gpa_points").is_between(0, 5)).sum().alias("gpa_outside_0_to_5"),
        )
        .collect(engine="streaming")
        .row(0, named=True)
    )
    wrong = sum(counts.values()) - counts["credit_for_an_f"]
    return wrong == 0, f"{wrong} marks contradict themselves; {counts['credit_for_an_f']} have credit beside an F", counts


def marks_with_a_course(grades: pl.LazyFrame, expected: float = 0.95) -> Finding:
    """At least ``expected`` of the marks belong to a section that the roster lists with a course."""
    marks, courses = grades.select(pl.len(), pl.col("course_id").count().alias("courses")).collect(engine="streaming").row(0)
    share = courses / marks if marks else 1.0
    words = f"{share:.1%} of {marks} marks have a course; expected {expected:.0%}"
    return share >= expected, words, {"marks": marks, "with_course": courses}


CHECKS = {
    GRADES.name: (
        TableCheck(
            "no_impossible_marks",
            (GRADES,),
            lambda year: no_impossible_marks(year[GRADES]),
            "No mark contradicts itself (grade points for an F, more credits earned than attempted).",
        ),
        TableCheck(
            "marks_have_a_course",
            (GRADES,),
            lambda year: marks_with_a_course(year[GRADES]),
            "At least 95 % of the marks belong to a section that the roster lists; else load the roster of the same year.",
        ),
    ),
}
