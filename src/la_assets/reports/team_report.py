"""The PDF of a subject's team comparison: for every test and window the teams of each grade side by side, tests, and pairs that differ.

It shows what ``mtss.teams``, ``mtss.team_comparison`` and ``mtss.team_pairs`` hold and computes nothing but the difference of each
team from the mean of all teams' students. No student and no teacher is named on it; a team is shown by its school and grade.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from la_assets.reports import ethical_use
from la_assets.reports.group_comparison import DAGOSTINO_PEARSON
from la_assets.reports.pdf import Interval, Pages
from la_assets.reports.team_tests import DIFFER, FIRST_HIGHER, NOT_SHOWN
from la_assets.reports.teams import COMPARED, GAIN, SCORE, UNKNOWN_GRADE

SECTION = ["assessment_id", "window", "measure"]
TITLE = "Instructional teams compared"

INTRODUCTION = (
    "A team is the teachers of the subject and grade in one school. A student counts for the team that gave most of the year's "
    "instruction. Points show how far a team's mean is from the mean of all students compared in the grade; lines are 95 % confidence "
    "intervals of the team's mean. A gain is measured from the test's first window of the year and is the fairer measure: it starts "
    "where the students were."
)
METHOD = (
    "Read is the test that the assumption checks favour: Welch's analysis of variance where variances are unequal (Levene's test, "
    "medians), the Kruskal-Wallis rank test where residuals are not normal and a team has fewer than 30 students, else the analysis of "
    "variance. p is adjusted for the number of comparisons of the year (Benjamini and Hochberg). Pairs are compared by Tukey's honestly "
    "significant difference (Tukey-Kramer), by Games and Howell's where variances are unequal, and listed where the teams as a whole "
    "differ. Students of one class are more alike than students at large, which these tests do not know: true uncertainty is wider, "
    "and a p just under 0.05 means little. Teams with fewer than ten students are not compared."
)


def report(
    subject: str,
    school_year: str,
    as_of: dt.date,
    *,
    teams: pl.DataFrame,
    comparisons: pl.DataFrame,
    pairs: pl.DataFrame,
    schools: Mapping[str, str],
    windows: Mapping[str, Sequence[str]],
) -> bytes:
    """The PDF.

    Parameters
    ----------
    subject, school_year : str
        As shown.
    as_of : datetime.date
        The newest result.
    teams, comparisons, pairs : polars.DataFrame
        Rows of the three tables for this subject and year.
    schools : mapping of str to str
        School number to name.
    windows : mapping
        Test to its windows, first to last; the newest is shown first.
    """
    pages = Pages(TITLE, subject, school_year, as_of, statement=ethical_use.STAFF)
    pages.paragraph(INTRODUCTION)
    order = {(test, window): -place for test, names in windows.items() for place, window in enumerate(names)}
    tests = {test: place for place, test in enumerate(windows)}
    sections = comparisons.select(SECTION).unique().rows()
    for test, window, measure in sorted(sections, key=lambda s: (tests.get(s[0], 99), order.get((s[0], s[1]), 0), s[2] == SCORE)):
        pages.heading(f"{test if test == window else f'{test} {window}'}: {measure}")
        one = {"assessment_id": test, "window": window, "measure": measure}
        _section(pages, *(frame.filter(**one).sort("grade_level") for frame in (comparisons, teams, pairs)), schools=schools)
    pages.heading("How to read this")
    pages.paragraph(METHOD)
    return pages.content()


def _section(pages: Pages, comparisons: pl.DataFrame, teams: pl.DataFrame, pairs: pl.DataFrame, *, schools: Mapping[str, str]) -> None:
    measure = comparisons["measure"][0]
    rows: list[Interval] = []
    for comparison in comparisons.iter_rows(named=True):
        of = teams.filter(grade_level=comparison["grade_level"])
        compared = of.filter(status=COMPARED)
        overall = _overall(compared)
        rows.append(Interval(f"{_grade(comparison['grade_level'])}: {_verdict(comparison)}"))
        for team in of.sort("mean", descending=True, nulls_last=True).iter_rows(named=True):
            label = schools.get(team["school_id"], f"School {team['school_id']}")
            cells = [str(team["teachers"] or "?"), str(team["students"])]
            if team["mean"] is None:
                rows.append(Interval(label, [*cells, "–"], words="insufficient: too few students"))
            else:
                low, high = (None if team[end] is None else team[end] - overall for end in ("mean_low", "mean_high"))
                rows.append(Interval(label, [*cells, f"{team['mean']:.1f}"], team["mean"] - overall, low, high))
    unit = "points from the grade's mean" if measure != GAIN else "points of gain from the grade's mean"
    pages.intervals(["Team", "Teachers", "Students", "Mean"], [52, 16, 16, 14], rows, unit)
    tested = comparisons.filter(status=COMPARED)
    if tested.height:
        pages.table(
            ["Grade", "Read", "p adjusted", "ANOVA F (p)", "Kruskal-Wallis H (p)", "Levene p", "Normality p", "η²", "ω²", "ε²"],
            [_test_row(row) for row in tested.iter_rows(named=True)],
            aligned=["left", "left", "right", "right", "right", "right", "right", "right", "right", "right"],
            widths=[12, 22, 13, 24, 26, 12, 13, 10, 10, 10],
            size=6.5,
        )
    differ = pairs.filter(pl.col("finding") != NOT_SHOWN)
    if differ.height:
        pages.table(
            ["Grade", "Higher", "Lower", "Difference (95 % interval)", "p", "Hedges g (95 % interval)"],
            [_pair_row(row, schools) for row in differ.iter_rows(named=True)],
            aligned=["left", "left", "left", "right", "right", "right"],
            widths=[9, 34, 34, 28, 10, 27],
            size=6.5,
        )
    elif tested.height:
        pages.paragraph("No pair of teams differs by more than chance would explain.", small=True)


def _overall(teams: pl.DataFrame) -> float:
    """The mean of all students of the teams."""
    students = teams["students"].to_list()
    return sum(mean * n for mean, n in zip(teams["mean"].to_list(), students, strict=True)) / sum(students) if students else 0.0


def _grade(grade: str) -> str:
    return "Grade not known" if grade == UNKNOWN_GRADE else f"Grade {grade.lstrip('0') or grade}"


def _verdict(row: Mapping[str, Any]) -> str:
    if row["status"] != COMPARED:
        return f"not compared, {row['status']}"
    return f"{row['finding']} ({row['read']}, p {_p(row['p_adjusted'])}, ω² {row['omega_squared']:.2f})"


def _p(value: float | None) -> str:
    return "–" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _test_row(row: Mapping[str, Any]) -> list[str]:
    star = "*" if row["normality_test"] == DAGOSTINO_PEARSON else ""
    return [
        _grade(row["grade_level"]).removeprefix("Grade "),
        row["read"],
        _p(row["p_adjusted"]) + (" •" if row["finding"] == DIFFER else ""),
        f"{row['anova_f']:.2f} ({_p(row['anova_p'])})",
        f"{row['kruskal_h']:.2f} ({_p(row['kruskal_p'])})",
        _p(row["levene_p"]),
        _p(row["normality_p"]) + star,
        *(f"{row[name]:.3f}" for name in ("eta_squared", "omega_squared", "epsilon_squared")),
    ]


def _pair_row(row: Mapping[str, Any], schools: Mapping[str, str]) -> list[str]:
    first = row["finding"] == FIRST_HIGHER
    names = [schools.get(row[key], f"School {row[key]}") for key in ("school_id", "other_school_id")]
    sign = 1 if first else -1
    low, high = sorted((sign * row["low"], sign * row["high"]))
    g = ""
    if row["hedges_g"] is not None:
        ends = sorted((sign * row["hedges_g_low"], sign * row["hedges_g_high"]))
        g = f"{sign * row['hedges_g']:.2f} ({ends[0]:.2f} to {ends[1]:.2f})"
    return [
        _grade(row["grade_level"]).removeprefix("Grade "),
        *(names if first else reversed(names)),
        f"{sign * row['difference']:.1f} ({low:.1f} to {high:.1f})",
        _p(row["p"]),
        g or "no spread within the teams",
    ]
