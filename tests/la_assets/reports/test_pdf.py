"""A PDF of the project says on every page what its figures may not decide, and is the same file when made again."""

import datetime as dt
import io
import re

import pytest
from matplotlib.figure import Figure
from pypdf import PdfReader

from la_assets.figures import png
from la_assets.reports import ethical_use
from la_assets.reports.pdf import Pages

AS_OF = dt.date(2026, 5, 20)


def pages(rows: int = 120) -> Pages:
    made = Pages("Team comparison", "Łucja Nguyễn's team, Zoë's team", "2025-26", AS_OF)
    made.heading("Grade 4")
    made.paragraph("Points with 95 % intervals.")
    figure = Figure((4, 2))
    figure.subplots().plot([1, 2], [3, 1])
    made.figure(png(figure), "two points joined by a line")
    made.table(["Team", "Students"], [[f"Team {n}", str(n)] for n in range(rows)], aligned=["left", "right"], widths=[3, 1])
    return made


def shown_on(content: bytes) -> list[str]:
    """The text of each page, spaces and line ends alike."""
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(content)).pages]


def test_the_ethical_use_statement_and_the_as_of_date_stand_on_every_page() -> None:
    shown = shown_on(pages().content())
    assert len(shown) >= 3
    for text in shown:
        assert ethical_use.STAFF in text
        assert "School year 2025-26 · as of 20 May 2026" in text


def test_a_table_over_several_pages_repeats_its_header_and_loses_no_row() -> None:
    shown = shown_on(pages().content())
    assert all("Team Students" in text for text in shown)
    assert re.findall(r"Team (\d+) \1(?: |$)", " ".join(shown)) == [str(n) for n in range(120)]


def test_names_beyond_latin_letters_are_shown_as_they_are() -> None:
    assert "Łucja Nguyễn's team, Zoë's team" in shown_on(pages(1).content())[0]


def test_the_same_content_is_the_same_file() -> None:
    assert pages().content() == pages().content()


def test_a_figure_that_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="PNG"):
        Pages("a", "b", "2025-26", AS_OF).figure(b"<svg/>", "")
