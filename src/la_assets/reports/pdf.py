"""The furniture of the project's PDFs: a title, the ethical-use statement on every page, headings, paragraphs, figures, tables.

Team comparisons, principal briefs and other reports put their content on these pages, so that none forgets the statement, the
school year or the as-of date. The same content gives the same bytes: the only date in a file is the as-of date. What is said on
the pages stands in the modules that write them; this one knows no dataset.
"""

from __future__ import annotations

import datetime as dt
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from la_assets.reports import ethical_use

if TYPE_CHECKING:
    from fpdf import FPDF

FONT = "DejaVu"
"""The typeface that comes with matplotlib: free to embed, and it has the letters of names that Latin-1 lacks."""

MARGIN = 15.0
STATEMENT_HEIGHT = 24.0
INK, GREY, HAIRLINE, SHADE = (33, 37, 41), (100, 106, 112), (205, 210, 215), (236, 240, 244)
POINT = (0, 114, 178)
_ROW = 4.6
Align = Literal["left", "center", "right"]


@dataclass(frozen=True)
class Interval:
    """A row of a plot of estimates with intervals.

    Attributes
    ----------
    label : str
        What the row is; with no ``cells`` and no estimate, a heading over the rows that follow.
    cells : sequence of str
        Text between label and plot, as many as the plot has columns.
    estimate, low, high : float or None
        Point and ends of its interval; without them ``words`` stand in their place.
    words : str
        Why there is no estimate.
    """

    label: str
    cells: Sequence[str] = ()
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    words: str = ""


class Pages:
    """A PDF that grows from top to bottom; pages break by themselves.

    Parameters
    ----------
    title : str
        What the document is; on the first page, and small on every other.
    subtitle : str
        For whom or about what, under the title.
    school_year : str
        ``2025-26``.
    as_of : datetime.date
        Date up to which data were known; shown on every page, and the file's creation date.
    statement : str
        On every page; :data:`la_assets.reports.ethical_use.STAFF` by default.
    landscape : bool
        Page orientation; US Letter.

    Examples
    --------
    >>> import datetime as dt
    >>> pages = Pages("Team comparison", "ELA", "2025-26", dt.date(2026, 5, 20))
    >>> pages.heading("Grade 4")
    >>> pages.table(["Team", "Students"], [["Osprey Point", "61"]], aligned=["left", "right"])
    >>> pages.content()[:5]
    b'%PDF-'
    """

    def __init__(
        self,
        title: str,
        subtitle: str,
        school_year: str,
        as_of: dt.date,
        *,
        statement: str = ethical_use.STAFF,
        landscape: bool = False,
    ) -> None:
        import fpdf
        import matplotlib

        self.title, self.statement = title, statement
        self.dated = f"School year {school_year} · as of {as_of:%-d %B %Y}"
        pdf = fpdf.FPDF(orientation="landscape" if landscape else "portrait", unit="mm", format="letter")
        fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
        pdf.add_font(FONT, "", fonts / "DejaVuSans.ttf")
        pdf.add_font(FONT, "B", fonts / "DejaVuSans-Bold.ttf")
        pdf.set_creation_date(dt.datetime.combine(as_of, dt.time(), tzinfo=dt.UTC))
        pdf.set_title(f"{title}: {subtitle}")
        pdf.set_lang("en-US")
        pdf.set_margins(MARGIN, MARGIN)
        pdf.set_auto_page_break(True, margin=STATEMENT_HEIGHT + 8)
        # FPDF calls these on every page; set on the object, because a subclass would import fpdf with this module.
        setattr(pdf, "header", self._header)  # noqa: B010
        setattr(pdf, "footer", self._footer)  # noqa: B010
        self._pdf: FPDF = pdf
        pdf.add_page()
        self._text(title, size=18, bold=True)
        self._text(subtitle, size=12)
        self._text(self.dated, size=9, color=GREY)
        pdf.ln(3)

    @property
    def width(self) -> float:
        """Width between the margins, in mm."""
        return float(self._pdf.epw)

    def page(self) -> None:
        """Begin a new page."""
        self._pdf.add_page()

    def heading(self, text: str) -> None:
        """A heading; a page break before it rather than at its foot."""
        self.keep_together(30)
        self._pdf.ln(2)
        self._text(text, size=12, bold=True)
        self._pdf.ln(1)

    def paragraph(self, text: str, *, small: bool = False) -> None:
        """A paragraph; small for notes under a figure or a table."""
        self._text(text, size=8 if small else 10, color=GREY if small else INK)
        self._pdf.ln(2)

    def keep_together(self, height: float) -> None:
        """Break the page here unless ``height`` mm are left on it."""
        if self._pdf.will_page_break(height):
            self._pdf.add_page()

    def figure(self, png: bytes, alternative: str, *, width: float | None = None) -> None:
        """A picture over the full width or ``width`` mm, with the text that says what it shows to those who cannot see it.

        Parameters
        ----------
        png : bytes
            The picture (:func:`la_assets.figures.png`, at 150 dots per inch or more for print).
        alternative : str
            What the picture shows, in a sentence.
        width : float, optional
            In mm.
        """
        height = _height_over_width(png) * (width or self.width)
        self.keep_together(min(height, self._pdf.eph - STATEMENT_HEIGHT))
        self._pdf.image(io.BytesIO(png), w=width or self.width, alt_text=alternative)
        self._pdf.ln(2)

    def table(
        self,
        header: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        aligned: Sequence[Align] | None = None,
        widths: Sequence[float] | None = None,
        size: float = 8,
    ) -> None:
        """A table whose header is repeated on every page it runs over.

        Parameters
        ----------
        header : sequence of str
            Column names.
        rows : sequence of sequences of str
            Cells, as they are to be read: a missing value is said in words by the caller.
        aligned : sequence of "left", "center" or "right", optional
            Per column; numbers belong right.
        widths : sequence of float, optional
            Relative widths of the columns.
        size : float
            Of the type, in points.
        """
        from fpdf.fonts import FontFace

        pdf = self._pdf
        pdf.set_font(FONT, "", size)
        pdf.set_text_color(*INK)
        pdf.set_draw_color(*HAIRLINE)
        pdf.set_fill_color(255)
        with pdf.table(
            col_widths=tuple(widths) if widths else None,
            text_align=tuple((align or "left").upper() for align in aligned or ["left"] * len(header)),
            borders_layout="HORIZONTAL_LINES",
            headings_style=FontFace(emphasis="BOLD", fill_color=SHADE),
            line_height=size * 0.5,
            padding=(0.6, 1.2),
        ) as table:
            for row in (header, *rows):
                table.row(list(row))
        pdf.ln(3)

    def intervals(
        self, columns: Sequence[str], widths: Sequence[float], rows: Sequence[Interval], axis: str, *, reference: float | None = 0.0
    ) -> None:
        """Estimates with their intervals, one a row beside its text, on a common axis; drawn as lines, so sharp at any size.

        Parameters
        ----------
        columns : sequence of str
            Headers of the label and of the cells.
        widths : sequence of float
            Their widths, in mm; the plot takes what is left.
        rows : sequence of Interval
            From top to bottom; header and axis are repeated on every page.
        axis : str
            What the axis shows, with its unit.
        reference : float, optional
            Where a vertical line stands.
        """
        bounds = [v for row in rows for v in (row.low, row.high, row.estimate) if v is not None] + (
            [] if reference is None else [reference]
        )
        ticks = _ticks(min(bounds, default=0.0), max(bounds, default=1.0))
        pdf, left = self._pdf, self._pdf.l_margin + sum(widths) + 2
        scale = (pdf.w - pdf.r_margin - left - 2) / (ticks[-1] - ticks[0])

        def x(value: float) -> float:
            return left + (value - ticks[0]) * scale

        def header() -> None:
            self._cells(columns, widths, bold=True)
            pdf.set_x(left)
            pdf.cell(pdf.w - pdf.r_margin - left, 4.2, axis, align="C")
            pdf.ln(4.2)
            pdf.set_font(FONT, "", 6.5)
            for tick in ticks:
                pdf.set_xy(x(tick) - 6, pdf.get_y())
                pdf.cell(12, 3, f"{tick:g}", align="C")
            pdf.ln(3.4)

        self.keep_together(8 + 3 * _ROW)
        header()
        for row in rows:
            if pdf.will_page_break(_ROW * (3 if not row.cells else 1)):
                pdf.add_page()
                header()
            top = pdf.get_y()
            heads = not row.cells and row.estimate is None and not row.words
            if heads:
                pdf.set_fill_color(*SHADE)
                pdf.rect(pdf.l_margin, top, pdf.epw, _ROW, style="F")
                self._cells([row.label], [pdf.epw], bold=True)
            else:
                pdf.set_draw_color(*HAIRLINE)
                for tick in ticks if row.estimate is not None else ():
                    pdf.line(x(tick), top, x(tick), top + _ROW)
                if reference is not None and row.estimate is not None:
                    pdf.set_draw_color(*GREY)
                    pdf.line(x(reference), top, x(reference), top + _ROW)
                self._cells([row.label, *row.cells], widths)
                self._interval(row, x, top + _ROW / 2)
            pdf.set_xy(pdf.l_margin, top + _ROW)
        pdf.ln(3)

    def _cells(self, cells: Sequence[str], widths: Sequence[float], *, bold: bool = False) -> None:
        pdf = self._pdf
        pdf.set_font(FONT, "B" if bold else "", 7.5)
        pdf.set_text_color(*INK)
        for place, (text, width) in enumerate(zip(cells, widths, strict=False)):
            pdf.cell(width, _ROW, _fitted(pdf, text, width - 1.5), align="L" if place == 0 else "R")

    def _interval(self, row: Interval, x: Callable[[float], float], middle: float) -> None:
        pdf = self._pdf
        if row.estimate is None:
            pdf.set_text_color(*GREY)
            pdf.set_xy(self._pdf.w - pdf.r_margin - 60, middle - _ROW / 2)
            pdf.cell(58, _ROW, row.words, align="R")
            return
        pdf.set_draw_color(*POINT)
        pdf.set_fill_color(*POINT)
        pdf.set_line_width(0.5)
        if row.low is not None and row.high is not None:
            pdf.line(x(row.low), middle, x(row.high), middle)
        pdf.circle(x(row.estimate), middle, 0.9, style="F")
        pdf.set_line_width(0.2)

    def content(self) -> bytes:
        """The document; nothing can be added afterwards."""
        return bytes(self._pdf.output())

    def _text(self, text: str, *, size: float, bold: bool = False, color: tuple[int, int, int] = INK) -> None:
        self._pdf.set_font(FONT, "B" if bold else "", size)
        self._pdf.set_text_color(*color)
        self._pdf.multi_cell(0, size * 0.5, text, align="L", new_x="LMARGIN", new_y="NEXT")

    def _header(self) -> None:
        if self._pdf.page_no() > 1:
            self._text(self.title, size=8, color=GREY)
            self._pdf.ln(2)

    def _footer(self) -> None:
        pdf = self._pdf
        pdf.set_y(-STATEMENT_HEIGHT - 2)
        pdf.set_draw_color(*GREY)
        pdf.line(pdf.l_margin, pdf.get_y(), pdf.w - pdf.r_margin, pdf.get_y())
        pdf.ln(1.5)
        self._text(self.statement, size=7.5)
        pdf.set_y(-9)
        pdf.set_font(FONT, "", 7.5)
        pdf.set_text_color(*GREY)
        pdf.cell(pdf.epw / 2, 4, self.dated, align="L")
        pdf.cell(pdf.epw / 2, 4, f"{self.title} · page {pdf.page_no()}", align="R")


def _fitted(pdf: FPDF, text: str, width: float) -> str:
    """The text, cut with an ellipsis where it is wider than ``width`` mm."""
    if pdf.get_string_width(text) <= width:
        return text
    while text and pdf.get_string_width(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers from below ``low`` to above ``high``, four to eight of them."""
    if high <= low:
        low, high = low - 1, low + 1
    span = high - low
    step = 10.0 ** math.floor(math.log10(span / 4))
    step *= next(m for m in (1, 2, 5, 10) if span / (step * m) <= 6)
    return [round(step * n, 10) for n in range(math.floor(low / step), math.ceil(high / step) + 1)]


def _height_over_width(png: bytes) -> float:
    """From the header of the PNG: width and height are the first two numbers of its first chunk (ISO/IEC 15948, 11.2.2)."""
    if png[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError("a figure of a PDF page is a PNG")
    return int.from_bytes(png[20:24], "big") / int.from_bytes(png[16:20], "big")
