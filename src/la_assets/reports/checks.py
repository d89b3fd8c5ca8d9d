"""What to look at in teams and workbooks beyond contracts: students without a team, pairs that are missing, classes without a file.

Functions from frames of one year to a finding (whether the check passes, a sentence, counts), and at the end the list that
binds them to tables.
"""

import polars as pl

from la_assets.checks import TableCheck
from la_assets.data_checks import Finding
from la_assets.mtss.schema import TIERS
from la_assets.reports.schema import COACH_WORKBOOKS, TEACHER_WORKBOOKS, TEAM_COMPARISON, TEAM_PAIRS, TEAMS
from la_assets.reports.teams import COMPARED
from la_assets.reports.workbook_files import NO_LINKS, NO_RESULTS
from la_assets.roster.schema import INSTRUCTIONAL_LINKS


def students_have_a_team(comparisons: pl.LazyFrame, limit: float = 0.1) -> Finding:
    """Of the results, at most ``limit`` belong to students whom no team taught for half of the year."""
    counts = (
        comparisons.select(
            results=pl.col("students").sum() + pl.col("students_in_small_teams").sum() + pl.col("students_without_team").sum(),
            without_team=pl.col("students_without_team").sum(),
            in_small_teams=pl.col("students_in_small_teams").sum(),
        )
        .collect(engine="streaming")
        .row(0, named=True)
    )
    share = counts["without_team"] / counts["results"] if counts["results"] else 0.0
    return share <= limit, f"{share:.1%} of the results belong to no team; the limit is {limit:.0%}", dict(counts)


def teams_add_up(teams: pl.LazyFrame, comparisons: pl.LazyFrame) -> Finding:
    """The compared teams of ``mtss.teams`` and ``mtss.team_comparison`` hold the same numbers of students."""
    of_teams = teams.filter(pl.col("status") == COMPARED).select(pl.col("students").sum())
    of_comparisons = comparisons.select(pl.col("students").sum())
    one, other = (int(frame.item() or 0) for frame in pl.collect_all([of_teams, of_comparisons]))
    return (
        one == other,
        f"{one:,} results in compared teams, {other:,} in comparisons; make both tables again",
        {"teams": one, "comparisons": other},
    )


def every_pair_is_there(pairs: pl.LazyFrame, comparisons: pl.LazyFrame) -> Finding:
    """A comparison of k teams has k (k - 1) / 2 pairs."""
    teams = pl.col("teams").cast(pl.Int64)
    due = comparisons.filter(pl.col("status") == COMPARED).select((teams * (teams - 1) // 2).sum())
    expected, found = (int(frame.item() or 0) for frame in pl.collect_all([due, pairs.select(pl.len())]))
    return expected == found, f"{found:,} pairs of {expected:,}; make mtss.team_pairs again", {"pairs": found, "expected": expected}


def tiered_students_reach_a_teacher(tiers: pl.LazyFrame, links: pl.LazyFrame, limit: float = 0.05) -> Finding:
    """Of the students with a tier, at most ``limit`` are linked to no teacher: they stand in no workbook."""
    tiered = tiers.drop_nulls("tier").select("student_key").unique()
    without = tiered.join(links.select("student_key").unique(), on="student_key", how="anti")
    all_of_them, lost = (int(frame.item()) for frame in pl.collect_all([tiered.select(pl.len()), without.select(pl.len())]))
    share = lost / all_of_them if all_of_them else 0.0
    words = f"{lost:,} of {all_of_them:,} students with a tier ({share:.1%}) are linked to no teacher; the limit is {limit:.0%}"
    return share <= limit, words, {"students": all_of_them, "without_teacher": lost}


def schools_have_workbooks(index: pl.LazyFrame) -> Finding:
    """Every school has links to teachers; schools whose students have no results yet are counted."""
    statuses = dict(index.group_by("status").len().collect().iter_rows())
    counts: dict[str, int | float] = {"schools": sum(statuses.values()), "no_links": statuses.get(NO_LINKS, 0)}
    counts["no_results"] = statuses.get(NO_RESULTS, 0)
    return counts["no_links"] == 0, f"{counts['no_links']} of {counts['schools']} schools have no links from students to teachers", counts


CHECKS = {
    TEAMS.name: (
        TableCheck(
            "teams_add_up",
            (TEAMS, TEAM_COMPARISON),
            lambda year: teams_add_up(year[TEAMS], year[TEAM_COMPARISON]),
            "Teams and comparisons hold the same students; else one of the two tables is older than the other.",
        ),
    ),
    TEAM_COMPARISON.name: (
        TableCheck(
            "students_have_a_team",
            (TEAM_COMPARISON,),
            lambda year: students_have_a_team(year[TEAM_COMPARISON]),
            "At most a tenth of the results belong to students without a team; else instructional links or staff's schools are missing.",
        ),
    ),
    TEAM_PAIRS.name: (
        TableCheck(
            "every_pair_is_there",
            (TEAM_PAIRS, TEAM_COMPARISON),
            lambda year: every_pair_is_there(year[TEAM_PAIRS], year[TEAM_COMPARISON]),
            "A comparison of k teams has k (k - 1) / 2 pairs; else the tables were made from different results.",
        ),
    ),
    TEACHER_WORKBOOKS.name: (
        TableCheck(
            "tiered_students_reach_a_teacher",
            (TEACHER_WORKBOOKS, TIERS, INSTRUCTIONAL_LINKS),
            lambda year: tiered_students_reach_a_teacher(year[TIERS], year[INSTRUCTIONAL_LINKS]),
            "Students with a tier are linked to a teacher; those who are not stand in no workbook: complete the instructional links.",
        ),
    ),
    COACH_WORKBOOKS.name: (
        TableCheck(
            "schools_have_workbooks",
            (COACH_WORKBOOKS,),
            lambda year: schools_have_workbooks(year[COACH_WORKBOOKS]),
            "Every school of the roster has links from students to teachers; else the school has sent none.",
        ),
    ),
}
