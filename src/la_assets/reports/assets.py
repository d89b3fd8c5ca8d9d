"""The assets whose rows are files for people or explain them: teams compared and their PDFs, teachers' and coaches' workbooks."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import polars as pl

from la_assets.assessments.schema import SCORES
from la_assets.forecasts.schema import PREDICTIONS
from la_assets.mtss.schema import ASSESSMENT_PANEL, CLUSTER_PROFILES, CLUSTERS, GROWTH, STANDARDS_PANEL, TIERS
from la_assets.reports import team_report, team_tests, workbook_files
from la_assets.reports import teams as instructional_teams
from la_assets.reports.class_rows import Tables
from la_assets.reports.made_of import fingerprint
from la_assets.reports.schema import COACH_WORKBOOKS, TEACHER_WORKBOOKS, TEAM_COMPARISON, TEAM_PAIRS, TEAM_REPORTS, TEAMS
from la_assets.roster.schema import DIRECTORY_STAFF, DIRECTORY_STUDENTS, INSTRUCTIONAL_LINKS, SCHOOLS, STAFF, STUDENTS
from la_assets.yearly_tables import Page, Year, yearly_table
from la_resources.contracts import Table

_TEAM_INPUTS = (SCORES, INSTRUCTIONAL_LINKS, STAFF, STUDENTS)
_RESULTS = (INSTRUCTIONAL_LINKS, STUDENTS, TIERS, ASSESSMENT_PANEL, GROWTH, CLUSTERS, PREDICTIONS, STANDARDS_PANEL)
_WORKBOOK_INPUTS = (*_RESULTS, CLUSTER_PROFILES, STAFF, SCHOOLS, DIRECTORY_STUDENTS, DIRECTORY_STAFF)


@yearly_table(TEAMS, inputs=_TEAM_INPUTS)
def teams(year: Year) -> pl.DataFrame:
    """An instructional team in a comparison: teachers of a subject and grade in a school, and their students' results.

    **From** official results in `assessments.scores`; a student counts for the school whose teachers gave the largest share of the
    instruction (`roster.instructional_links`, at least half); the school is the teacher's (`roster.staff`).

    **Fresh** when a window's results have landed. **If it fails**, look at the named key. Teams under ten students are
    `insufficient`: listed with their size, nothing else.
    """
    placed, taught = _placed(year)
    rows = instructional_teams.teams(placed, taught, year[STAFF], year.district.reports.least_students).collect(engine="streaming")
    return instructional_teams.with_intervals(rows).with_columns(school_year=pl.lit(year.label), source=pl.lit(TEAMS.name))


@yearly_table(TEAM_COMPARISON, inputs=_TEAM_INPUTS, kinds=("scipy", "polars", "parquet"))
def team_comparison(year: Year) -> Page:
    """All teams of a grade compared on one measure of a test in a window.

    **From** the results behind `mtss.teams`. Analysis of variance, Welch's test and the Kruskal-Wallis test, with Levene's test, a test of
    normality, and effect sizes; `read` names the one that the assumption checks favour, `p_adjusted` is its chance adjusted for the
    number of comparisons. Never the sole criterion for a decision about teachers: students are not assigned to teams by chance.

    **Fresh** with `mtss.teams`. **If it fails**, look at the named key. **Few comparisons** mean that links or staff schools are missing:
    see `students_without_team`.
    """
    settings = year.district.reports
    rows = team_tests.comparisons(_placed(year)[0], settings.least_students, settings.alpha)
    compared = rows.filter(pl.col("teams") > 1)
    shows = {
        "comparisons": rows.height,
        "compared": compared.height,
        "teams_differ": int((rows["finding"] == team_tests.DIFFER).sum()),
        "students_without_team": int(rows["students_without_team"].sum()),
    }
    return Page(rows.with_columns(school_year=pl.lit(year.label), source=pl.lit(TEAM_COMPARISON.name)), shows)


@yearly_table(TEAM_PAIRS, inputs=(TEAMS, TEAM_COMPARISON), kinds=("scipy", "polars", "parquet"))
def team_pairs(year: Year) -> pl.DataFrame:
    """Two compared teams of a grade: difference of means with Tukey's simultaneous interval and chance, and Hedges g.

    **From** `mtss.teams` and `mtss.team_comparison`. **Fresh** with them; **it fails** only with them.
    """
    teams, compared = pl.collect_all([year[TEAMS], year[TEAM_COMPARISON]])
    rows = team_tests.team_pairs(teams, compared, year.district.reports.alpha)
    return rows.with_columns(school_year=pl.lit(year.label), source=pl.lit(TEAM_PAIRS.name))


@yearly_table(TEAM_REPORTS, inputs=(TEAMS, TEAM_COMPARISON, TEAM_PAIRS, SCHOOLS), kinds=("pdf",))
def team_reports(year: Year) -> pl.DataFrame:
    """The PDF of a subject's team comparison, with the ethical-use statement on every page.

    **From** `mtss.teams`, `mtss.team_comparison`, `mtss.team_pairs`; no student and no teacher is named. Made for the school years that
    the district keeps (`reports.years_kept`); older years have rows without a file.

    **Fresh** with `mtss.team_comparison`. **If it fails**, nothing of the year's earlier files is lost; run it again.
    """
    teams, compared, pairs, schools = pl.collect_all([year[TEAMS], year[TEAM_COMPARISON], year[TEAM_PAIRS], year[SCHOOLS]])
    names = {row["school_id"]: row["name"] or f"School {row['school_id']}" for row in schools.iter_rows(named=True)}
    rows = []
    with year.delivery(TEAM_REPORTS) as delivery:
        for (subject,), of in compared.sort("subject").group_by(["subject"], maintain_order=True):
            row = {"subject": subject, "comparisons": of.height, "compared": of.filter(pl.col("teams") > 1).height}
            row |= {"known_on": of["known_on"].max(), "loaded_at": of["loaded_at"].max()}
            if not year.keeps_files:
                rows.append(row | {"status": workbook_files.PAST})
                continue
            windows, named = _windows(year), f"team-comparison_{str(subject).replace(' ', '-')}.pdf"
            of_subject = {"teams": teams.filter(subject=subject), "comparisons": of, "pairs": pairs.filter(subject=subject)}
            made_of = fingerprint(str(subject), year.label, row["known_on"], names, windows, *(f.rows() for f in of_subject.values()))
            report = partial(team_report.report, str(subject), year.label, row["known_on"], **of_subject, schools=names, windows=windows)
            put = delivery.make(named, made_of, report)
            rows.append(row | {"status": workbook_files.WRITTEN, "path": put.path, "bytes": put.bytes, "sha256": put.sha256})
    return _index(TEAM_REPORTS, year, rows)


@yearly_table(TEACHER_WORKBOOKS, inputs=_WORKBOOK_INPUTS, kinds=("excel",))
def teacher_workbooks(year: Year) -> Page:
    """The Excel workbook of a teacher and subject; the row says where it lies and how many students it holds, and names nobody.

    **From** tiers, growth, clusters and forecasts of the students in `roster.instructional_links`, and of no others; names come from the
    restricted directory. Made for the school years that the district keeps (`reports.years_kept`): in older years the row has no
    file, and files made before are removed.

    **Fresh** with `mtss.tiers`. **If it fails**, every file is whole, old or new; run it again. **No file** for a class: `status` says why.
    """
    return _delivered(TEACHER_WORKBOOKS, year, workbook_files.teacher_files(_sources(year)))


@yearly_table(COACH_WORKBOOKS, inputs=_WORKBOOK_INPUTS, kinds=("excel",))
def coach_workbooks(year: Year) -> Page:
    """The Excel workbook of a school for its coach: tiers by subject and teacher, the students of the school's teachers, standards.

    **From** the tables behind `mtss.teacher_workbooks`; it also tells which file is which teacher's. **Fresh** with `mtss.tiers`.
    **If it fails**, run it again. **No file** for a school: `status` says why (no links to teachers, no results yet).
    """
    return _delivered(COACH_WORKBOOKS, year, workbook_files.coach_files(_sources(year)))


def _windows(year: Year) -> dict[str, tuple[str, ...]]:
    return {test.assessment_id: test.windows for test in year.district.mtss.tests}


def _placed(year: Year) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Results with their team, and who taught whom."""
    taught = instructional_teams.instruction(year[INSTRUCTIONAL_LINKS], year.district.mtss.taught_as)
    results = instructional_teams.results(year[SCORES], year[STUDENTS], _windows(year))
    return instructional_teams.placed(results, taught, year[STAFF], year.district.reports.least_share), taught


def _sources(year: Year) -> workbook_files.Sources:
    settings = year.district.mtss
    return workbook_files.Sources(
        school_year=year.label,
        tables=Tables(*(year[table] for table in _RESULTS)),
        profiles=year[CLUSTER_PROFILES],
        staff=year[STAFF],
        schools=year[SCHOOLS],
        student_names=year[DIRECTORY_STUDENTS],
        staff_names=year[DIRECTORY_STAFF],
        subjects=settings.subjects,
        taught_as=settings.taught_as,
        mastery=settings.mastery,
        kept=year.keeps_files,
    )


def _delivered(table: Table, year: Year, files: Iterable[workbook_files.File]) -> Page:
    """Every file put in its place, and the index of them."""
    rows = []
    with year.delivery(table) as delivery:
        for file in files:
            row = file.row
            if file.name is not None:
                put = delivery.make(file.name, file.made_of, file.make)
                row = row | {"path": put.path, "bytes": put.bytes, "sha256": put.sha256}
            rows.append(row)
    inputs = [year[t].select(pl.col("loaded_at").max(), pl.col("known_on").max()) for t in _WORKBOOK_INPUTS]
    newest = pl.concat(pl.collect_all(inputs)).max()
    lineage = {"loaded_at": newest["loaded_at"][0], "known_on": newest["known_on"][0]}
    written = [row for row in rows if row["status"] == workbook_files.WRITTEN]
    return Page(_index(table, year, [row | lineage for row in rows]), {"files": len(written), "without_file": len(rows) - len(written)})


def _index(table: Table, year: Year, rows: list[dict]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema_overrides=table.polars_schema(), infer_schema_length=None) if rows else table.empty().collect()
    missing = [name for name in table.names if name not in frame.columns]
    types = table.polars_schema()
    return frame.with_columns(*(pl.lit(None, dtype=types[name]).alias(name) for name in missing)).with_columns(
        school_year=pl.lit(year.label), source=pl.lit(table.name)
    )
