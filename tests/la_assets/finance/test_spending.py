"""Per-pupil spending: the rules of ``finance.school_year`` as statements."""

import datetime as dt

import polars as pl

from la_assets.finance.checks import spending_is_plausible
from la_assets.finance.schema import SCHOOL_YEAR
from la_assets.finance.spending import school_year
from la_assets.landing.schema import FINANCE
from la_assets.roster.schema import SCHOOL_IDENTIFIERS

from ..roster.landed import OCTOBER, SEPTEMBER, canonical, d, kept, landed

LAST_DAY = d("2024-06-30")


def table(*frames: pl.LazyFrame) -> pl.DataFrame:
    aliases = canonical(SCHOOL_IDENTIFIERS, {"alias": "org-7", "school_id": "7"})
    return kept(SCHOOL_YEAR, school_year(pl.concat(frames), aliases, LAST_DAY))


def figures(*dollars: float, at: dt.datetime = SEPTEMBER, file: str = "a.csv", school: str | None = None) -> pl.LazyFrame:
    rows = ({"school_id": school or str(n), "category": "instruction", "per_pupil_spending": value} for n, value in enumerate(dollars))
    return landed(FINANCE, *rows, at=at, file=file)


def test_a_figure_sent_again_under_another_number_of_the_school_replaces_the_first() -> None:
    again = figures(9_500.0, school="org-7", at=OCTOBER, file="b.csv")
    assert table(figures(9_000.0, school="7"), again)["per_pupil_spending"].to_list() == [9_500.0]


def test_spending_is_known_when_the_year_closes_or_when_the_file_arrived_earlier() -> None:
    after_the_year = dt.datetime(2024, 9, 1, tzinfo=dt.UTC)
    assert table(figures(9_000.0))["known_on"].to_list() == [SEPTEMBER.date()]
    assert table(figures(9_000.0, at=after_the_year))["known_on"].to_list() == [LAST_DAY]


def test_totals_instead_of_dollars_per_pupil_are_found() -> None:
    assert not spending_is_plausible(table(figures(9_000.0, 9_500.0, 4_200_000.0)).lazy())[0]
    assert spending_is_plausible(table(figures(9_000.0, 9_500.0, 12_000.0)).lazy())[0]


def test_a_year_without_figures_is_an_empty_table() -> None:
    assert table(FINANCE.empty()).is_empty()
