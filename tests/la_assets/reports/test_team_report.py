"""The PDF of a team comparison shows what the tables hold, the statement on every page, and nobody's name."""

import datetime as dt
import io

import polars as pl
import pytest
from pypdf import PdfReader

from la_assets.reports import ethical_use, team_report, team_tests
from la_assets.reports.pdf import Interval, Pages

from .test_teams import NORTH, SOUTH, WEST, WINDOWS, all_teams, class_of, rising, together

SCHOOLS = {"1": "Oak & Ash Elementary", "2": "Señora Gómez Elementary"}
AS_OF = dt.date(2026, 5, 20)


@pytest.fixture(scope="module")
def tables() -> dict[str, pl.DataFrame]:
    classes = [
        class_of(f, rising(n, start + 10 * w), window, grade_level=grade)
        for grade in ("03", "04", "05")
        for w, window in enumerate(("PM1", "PM2", "PM3"))
        for f, n, start in ((NORTH, 12, 200.0), (SOUTH, 14, 230.0 if grade == "04" else 201.0), (WEST, 3, 500.0))
    ]
    made = together(*classes)
    comparisons = team_tests.comparisons(made.lazy())
    teams = all_teams(made, [link for _, links in classes for link in links])
    return {"teams": teams, "comparisons": comparisons, "pairs": team_tests.team_pairs(teams, comparisons)}


@pytest.fixture(scope="module")
def content(tables: dict[str, pl.DataFrame]) -> bytes:
    return team_report.report("ELA", "2025-26", AS_OF, **tables, schools=SCHOOLS, windows=WINDOWS)


@pytest.fixture(scope="module")
def shown(content: bytes) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(content)).pages]


def test_the_ethical_use_statement_stands_on_every_page(shown: list[str]) -> None:
    assert len(shown) > 1
    assert all(ethical_use.STAFF in text and "as of 20 May 2026" in text for text in shown)


def test_every_section_and_team_is_shown_newest_window_first(shown: list[str]) -> None:
    text = " ".join(shown)
    heads = [f"FAST {w}: {m}" for w, m in (("PM3", "gain since first window"), ("PM3", "scale score"), ("PM2", "gain since first window"),
                                           ("PM2", "scale score"), ("PM1", "scale score"))]  # fmt: skip
    places = [text.index(head) for head in heads]
    assert places == sorted(places)
    assert text.count("Oak & Ash Elementary") >= 15
    assert "School 3 1 3 – insufficient: too few students" in text


def test_the_figures_are_those_of_the_tables(shown: list[str], tables: dict[str, pl.DataFrame]) -> None:
    text = " ".join(shown)
    for row in tables["teams"].drop_nulls("mean").iter_rows(named=True):
        assert f"{SCHOOLS[row['school_id']]} {row['teachers']} {row['students']} {row['mean']:.1f}" in text
    tested = tables["comparisons"].filter(status="compared")
    assert tested.height == 9
    for row in tested.iter_rows(named=True):
        assert f"{row['anova_f']:.2f} (" in text
        assert f"{row['eta_squared']:.3f} {row['omega_squared']:.3f} {row['epsilon_squared']:.3f}" in text
    differ = tables["pairs"].filter(pl.col("finding") != team_tests.NOT_SHOWN)
    assert differ.height == 3
    for row in differ.iter_rows(named=True):
        # School 2 is higher: the difference is turned round, and so are its interval and g.
        assert f"{-row['difference']:.1f} ({-row['high']:.1f} to {-row['low']:.1f})" in text
        assert f"{-row['hedges_g']:.2f} ({-row['hedges_g_high']:.2f} to {-row['hedges_g_low']:.2f})" in text


def test_gains_that_are_all_alike_are_said_not_to_be_compared(shown: list[str]) -> None:
    assert "Grade 3: not compared, all values in a team are equal" in " ".join(shown)


def test_no_student_and_no_teacher_is_on_it(shown: list[str]) -> None:
    assert not any(key in text for text in shown for key in (f"{NORTH}-03", f"{SOUTH}-04", NORTH + " "))


def test_the_same_tables_make_the_same_file(content: bytes, tables: dict[str, pl.DataFrame]) -> None:
    again = team_report.report("ELA", "2025-26", AS_OF, **tables, schools=SCHOOLS, windows=WINDOWS)
    assert again == content


def test_a_plot_without_any_estimate_still_says_why() -> None:
    pages = Pages("Teams", "ELA", "2025-26", AS_OF)
    pages.intervals(["Team", "Students"], [50, 20], [Interval("Grade 4"), Interval("Oak", ["3"], words="too few")], "points")
    assert "Oak 3 too few" in " ".join(PdfReader(io.BytesIO(pages.content())).pages[0].extract_text().split())
