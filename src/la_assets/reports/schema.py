"""Contracts of the tables behind files for people: instructional teams compared, and the indexes of workbooks and team reports.

The keys are ``mtss.*`` because that is where a reader of the graph looks for them; the files lie in the deliverables' folder of the
same name. The indexes of workbooks are restricted since their files name students; the indexes themselves name nobody.
"""

from la_assets.landing.schema import GRADES, SUBJECTS, number, text, whole
from la_assets.reports.group_comparison import DAGOSTINO_PEARSON, SHAPIRO_WILK, TESTS
from la_assets.reports.team_tests import COMPARISON_STATUSES, FINDINGS, PAIR_FINDINGS
from la_assets.reports.teams import COMPARED, COMPARISON, INSUFFICIENT, MEASURES, UNKNOWN_GRADE
from la_assets.reports.workbook_files import CLASS_STATUSES, SCHOOL_STATUSES
from la_resources.contracts import Column, ForeignKey, Table, lineage_columns, staff_key

REPORT_STATUSES = ("written", "older than the years kept")

_comparison = (
    text("assessment_id", "Test family, e.g. FAST, EOC, MAP Growth.", nullable=False),
    text("subject", "Subject tested.", nullable=False, options=SUBJECTS),
    text("window", "Window of the test.", nullable=False),
    text("grade_level", "Grade tested, else of the roster.", nullable=False, options=(*GRADES, UNKNOWN_GRADE)),
    text("measure", "What is compared, in scale points.", nullable=False, options=MEASURES),
)
_file = (
    text("path", "The file, below the root of deliverables; missing without a file."),
    whole("bytes", "Its size.", 1),
    text("sha256", "Its SHA-256.", pattern="^[0-9a-f]{64}$"),
)
_school = ForeignKey(("school_id",), "roster.schools", ("school_id",))


def _chance(name: str, description: str) -> Column:
    return number(name, description, 0, 1)


TEAMS = Table(
    "mtss.teams",
    "An instructional team (teachers of a subject and grade in a school) in a comparison: its size and its students' results.",
    (
        *_comparison,
        text("school_id", "School of the team's teachers.", nullable=False),
        text("status", "insufficient: fewer students than the district's minimum; nothing but sizes is shown.", nullable=False,
             options=(COMPARED, INSUFFICIENT)),
        whole("teachers", "Teachers of the school linked to these students in the subject.", 1, nullable=False),
        whole("students", "Students with a result who had at least half of the subject's instruction from the team.", 1, nullable=False),
        number("mean", "Mean, in scale points."),
        number("mean_low", "Lower end of the 95 % t interval of the mean."),
        number("mean_high", "Upper end of the 95 % t interval of the mean."),
        number("standard_deviation", "Sample standard deviation, in scale points.", 0),
        number("lower_quartile", "A quarter of the students are below."),
        number("median", "Half of the students are below."),
        number("upper_quartile", "Three quarters of the students are below."),
        *lineage_columns(),
    ),
    (*COMPARISON, "school_id", "school_year"),
    (_school,),
)  # fmt: skip

TEAM_COMPARISON = Table(
    "mtss.team_comparison",
    "All teams of a grade compared on one measure of a test in a window: tests, assumption checks, effect sizes.",
    (
        *_comparison,
        text("status", "Whether teams could be compared, or why not.", nullable=False, options=COMPARISON_STATUSES),
        whole("teams", "Teams compared.", 0, nullable=False),
        whole("students", "Their students.", 0, nullable=False),
        whole("students_in_small_teams", "Students of teams too small to compare.", 0, nullable=False),
        whole("students_without_team", "Students with a result whom no team taught for at least half of the year.", 0, nullable=False),
        number("anova_f", "F of the analysis of variance.", 0),
        whole("anova_df_between", "Its degrees of freedom between teams.", 1),
        whole("anova_df_within", "Its degrees of freedom within teams.", 1),
        _chance("anova_p", "Its chance."),
        number("welch_f", "F of Welch's test, which does without equal variances; missing where a team does not vary.", 0),
        number("welch_df_within", "Its degrees of freedom within teams.", 0),
        _chance("welch_p", "Its chance."),
        number("kruskal_h", "H of the Kruskal-Wallis rank test, corrected for ties.", 0),
        _chance("kruskal_p", "Its chance."),
        number("levene_w", "W of Levene's test of equal variances, about medians (Brown-Forsythe).", 0),
        _chance("levene_p", "Its chance."),
        text("normality_test", "Test of the residuals; the second one above 5,000 students.", options=(SHAPIRO_WILK, DAGOSTINO_PEARSON)),
        number("normality_w", "Its statistic.", 0),
        _chance("normality_p", "Its chance."),
        _chance("eta_squared", "Share of the variance between teams."),
        _chance("omega_squared", "The same without its upward bias; 0 where that is negative."),
        _chance("epsilon_squared", "The same for ranks."),
        text("read", "The test that the assumption checks favour.", options=TESTS),
        _chance("p", "Chance of the test to read."),
        _chance("p_adjusted", "The same adjusted for the number of comparisons of the year (Benjamini-Hochberg)."),
        text("finding", "teams differ where the adjusted chance is below the district's alpha.", options=FINDINGS),
        *lineage_columns(),
    ),
    (*COMPARISON, "school_year"),
)

TEAM_PAIRS = Table(
    "mtss.team_pairs",
    "Two compared teams of a grade: the difference of their means, first minus second.",
    (
        *_comparison,
        text("school_id", "School of the first team.", nullable=False),
        text("other_school_id", "School of the second team.", nullable=False),
        number("difference", "Difference of the means, in scale points.", nullable=False),
        number("standard_error", "Its standard error, in scale points.", 0, nullable=False),
        number("tukey_q", "Studentized range statistic (Tukey-Kramer).", 0, nullable=False),
        _chance("tukey_p", "Tukey's chance, over all pairs of the comparison."),
        number("low", "Lower end of Tukey's simultaneous 95 % interval (1 - alpha) of the difference.", nullable=False),
        number("high", "Upper end of the same.", nullable=False),
        _chance("games_howell_p", "Games and Howell's chance, without equal variances; missing where neither team varies."),
        number("hedges_g", "Difference in pooled standard deviations of the two teams, small-sample bias removed."),
        number("hedges_g_low", "Lower end of its 95 % interval."),
        number("hedges_g_high", "Upper end of its 95 % interval."),
        _chance("p", "The chance to read: Games and Howell's where variances are unequal (Levene), else Tukey's."),
        text(
            "finding",
            "Which team is higher, where the chance is below the district's alpha and the teams as a whole differ.",
            nullable=False,
            options=PAIR_FINDINGS,
        ),
        *lineage_columns(),
    ),
    (*COMPARISON, "school_id", "other_school_id", "school_year"),
)

TEAM_REPORTS = Table(
    "mtss.team_reports",
    "The PDF of a subject's team comparison: where it lies.",
    (
        text("subject", "Subject.", nullable=False, options=SUBJECTS),
        text("status", "Whether there is a file, or why not.", nullable=False, options=REPORT_STATUSES),
        whole("comparisons", "Comparisons in it.", 0, nullable=False),
        whole("compared", "Of these, comparisons of two teams or more.", 0, nullable=False),
        *_file,
        *lineage_columns(),
    ),
    ("subject", "school_year"),
)

_counts = (
    whole("students", "Students linked to the teacher in the subject.", 1, nullable=False),
    whole("tier_1", "Of these in tier 1.", 0, nullable=False),
    whole("tier_2", "In tier 2.", 0, nullable=False),
    whole("tier_3", "In tier 3.", 0, nullable=False),
    whole("students_without_tier", "Without a tier.", 0, nullable=False),
    whole("sheets", "Sheets of the file.", 1),
)

TEACHER_WORKBOOKS = Table(
    "mtss.teacher_workbooks",
    "The Excel workbook of a teacher and subject: where it lies; a teacher whose students have no results has a row and no file.",
    (
        staff_key(),
        text("subject", "Subject.", nullable=False, options=SUBJECTS),
        text("school_id", "School of the teacher."),
        text("status", "Whether there is a file, or why not.", nullable=False, options=CLASS_STATUSES),
        *_counts,
        *_file,
        *lineage_columns(),
    ),
    ("staff_key", "subject", "school_year"),
    (_school, ForeignKey(("staff_key",), "roster.staff", ("staff_key",))),
    restricted=True,
)

COACH_WORKBOOKS = Table(
    "mtss.coach_workbooks",
    "The Excel workbook of a school for its coach: where it lies; a school without links or results has a row and no file.",
    (
        text("school_id", "School.", nullable=False),
        text("status", "Whether there is a file, or why not.", nullable=False, options=SCHOOL_STATUSES),
        whole("teachers", "Teachers with linked students in a subject that has workbooks.", 0, nullable=False),
        whole("students", "Their students.", 0, nullable=False),
        whole("sheets", "Sheets of the file.", 1),
        *_file,
        *lineage_columns(),
    ),
    ("school_id", "school_year"),
    (_school,),
    restricted=True,
)
