"""The furniture of the project's Excel workbooks: sheets with a title, a table to filter, a frozen header and a print set-up.

Teacher's and coach's workbooks put their content on these sheets, so that all look alike, print on landscape pages that name the
school year, the as-of date and the ethical-use line, and hold text as text: a name that begins with ``=`` is never a formula.
The same content gives the same bytes. What the columns mean stands in the modules that fill them.
"""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from la_assets.reports import ethical_use

if TYPE_CHECKING:
    import xlsxwriter
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

Kind = Literal["text", "long text", "whole", "decimal", "signed", "percent"]
TIER_COLORS = {1: "#0072B2", 2: "#E69F00", 3: "#D55E00"}
"""Okabe and Ito's colours, which those who do not see red and green apart can tell; tiers are always named as well."""

WORDS_COLOR, SHADE, LINE = "#6C757D", "#E9EEF3", "#CED4DA"
_NUMBER_FORMATS = {"whole": "0", "decimal": "0.0", "signed": "+0;-0;0", "percent": "0%"}
_FORMULA_SIGNS = re.compile(r"^[=+\-@\t\r]")
_HEADER_FOOTER_LIMIT = 255
_ROW_HEIGHT, _WIDE = 13.5, 15
_LETTERS = 1.2
"""Letters of running text that fit into the width of a digit."""


@dataclass(frozen=True)
class Column:
    """A column of a sheet.

    Attributes
    ----------
    header : str
        Shown in the frozen header.
    value : str
        Key of the value in a row.
    kind : str
        How the value is shown.
    width : float
        In characters.
    words : str
        Key of the text that is shown where the value is missing; a missing value is never shown as a number.
    note : str
        What the column means, as a comment on its header.
    """

    header: str
    value: str
    kind: Kind = "text"
    width: float = 9
    words: str = ""
    note: str = ""

    @property
    def align(self) -> str:
        return "left" if self.kind == "long text" or self.width >= _WIDE else "center"

    def shown(self, row: Mapping[str, Any]) -> str:
        """The text of a cell: of a number only that it takes one line."""
        value = row.get(self.value)
        if value is None:
            return (row.get(self.words) if self.words else None) or ""
        return "0" if self.kind in _NUMBER_FORMATS else str(value)

    def lines(self, text: str) -> int:
        """How many lines a text takes in this column: words are not broken."""
        lines, used = 1, 0.0
        for word in text.split(" "):
            if used and used + 1 + len(word) > self.width * _LETTERS:
                lines, used = lines + 1, 0.0
            used += len(word) + (1 if used else 0)
        return lines


@dataclass(frozen=True)
class Highlight:
    """A column whose cells stand out: where a number is below ``below``, where it equals ``text``, or as bars from 0 to 1."""

    value: str
    below: float | None = None
    text: str = ""
    bars: bool = False


class Book:
    """A workbook that grows sheet by sheet.

    Parameters
    ----------
    title : str
        The document's title, in its properties.
    heading : str
        For whom and about what; at the head of every printed page.
    school_year : str
        ``2025-26``.
    as_of : datetime.date
        Date up to which data were known.
    """

    def __init__(self, title: str, heading: str, school_year: str, as_of: dt.date) -> None:
        import xlsxwriter

        self._content = io.BytesIO()
        options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
        self._book: xlsxwriter.Workbook = xlsxwriter.Workbook(self._content, options)
        made = dt.datetime.combine(as_of, dt.time())
        self._book.set_properties({"title": title, "subject": heading, "created": made, "comments": ethical_use.STUDENTS})
        self.dated = f"School year {school_year}, as of {as_of:%-d %B %Y}"
        self._heading = heading
        self._formats: dict[tuple[tuple[str, Any], ...], Format] = {}

    def format(self, **properties: Any) -> Format:
        """A cell format; the same properties give the same format."""
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self._book.add_format({"font_name": "Calibri", "font_size": 10, "valign": "top", **properties})
        return self._formats[key]

    def sheet(self, name: str, *, color: str = "", repeat: int | None = None) -> Worksheet:
        """A new sheet with the print set-up: landscape, as wide as the page, header, footer, and row ``repeat`` on every page."""
        sheet = self._book.add_worksheet(name)
        sheet.hide_gridlines(2)
        sheet.set_landscape()
        sheet.set_paper(1)
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.4, right=0.4, top=0.7, bottom=0.8)
        sheet.set_header(_printed("&L&9", self._heading, "&R&9&A"))
        sheet.set_footer(_printed("&L&8", f"{self.dated}\n{ethical_use.STUDENTS_SHORT}", "&R&8Page &P of &N"))
        if color:
            sheet.set_tab_color(color)
        if repeat is not None:
            sheet.repeat_rows(repeat)
        return sheet

    def text(self, sheet: Worksheet, row: int, column: int, text: str, **properties: Any) -> None:
        """Text, never a formula; what looks like one is also marked so that editing the cell does not make it one."""
        if _FORMULA_SIGNS.match(text):
            properties |= {"quote_prefix": True, "num_format": "@"}
        sheet.write_string(row, column, text, self.format(**properties))

    def title(self, sheet: Worksheet, lines: Sequence[str], columns: int, width: float) -> int:
        """A title and lines under it, over ``columns`` columns of ``width`` characters in all; returns the row after them."""
        for row, line in enumerate(lines):
            properties: dict[str, Any] = {"bold": True, "font_size": 15} if row == 0 else {"font_color": "#343A40", "text_wrap": True}
            if columns > 1:
                sheet.merge_range(row, 0, row, columns - 1, "", self.format(**properties))
            self.text(sheet, row, 0, line, **properties)
            sheet.set_row(row, 21 if row == 0 else _ROW_HEIGHT * -(-len(line) // width))
        return len(lines)

    def table(
        self,
        sheet: Worksheet,
        top: int,
        columns: Sequence[Column],
        rows: Sequence[Mapping[str, Any]],
        highlights: Sequence[Highlight] = (),
        *,
        left: int = 0,
        filters: bool = True,
        widths: bool = True,
    ) -> int:
        """A table with header at row ``top``; returns the row after it."""
        for at, column in enumerate(columns, left):
            self.text(
                sheet, top, at, column.header, bold=True, text_wrap=True, bg_color=SHADE, bottom=1, bottom_color=LINE, valign="vcenter"
            )
            if column.note:
                sheet.write_comment(top, at, column.note, {"x_scale": 2, "author": ""})
            if widths:
                sheet.set_column(at, at, column.width)
        sheet.set_row(top, _ROW_HEIGHT * max(2, *(column.lines(column.header) for column in columns)))
        for down, row in enumerate(rows, top + 1):
            for at, column in enumerate(columns, left):
                self._cell(sheet, down, at, column, row)
            sheet.set_row(down, _ROW_HEIGHT * max(column.lines(column.shown(row)) for column in columns) + 2)
        last = top + len(rows)
        if rows and filters:
            sheet.autofilter(top, left, last, left + len(columns) - 1)
        places = {column.value: at for at, column in enumerate(columns, left)}
        for highlight in highlights if rows else ():
            self._highlight(sheet, highlight, top + 1, last, places[highlight.value])
        return last + 1

    def _cell(self, sheet: Worksheet, at_row: int, at_column: int, column: Column, row: Mapping[str, Any]) -> None:
        value = row.get(column.value)
        look = {"bottom": 1, "bottom_color": LINE, "align": column.align}
        if value is not None and column.kind in _NUMBER_FORMATS:
            sheet.write_number(at_row, at_column, value, self.format(num_format=_NUMBER_FORMATS[column.kind], **look))
        else:
            missing = {"font_color": WORDS_COLOR, "italic": True} if value is None else {}
            shown = column.shown(row)
            if shown:
                self.text(sheet, at_row, at_column, shown, text_wrap=True, **look, **missing)
            else:
                sheet.write_blank(at_row, at_column, None, self.format(**look))

    def _highlight(self, sheet: Worksheet, highlight: Highlight, first: int, last: int, column: int) -> None:
        if highlight.bars:
            bar = {"type": "data_bar", "bar_solid": True, "bar_color": "#9EC5E8", "min_type": "num", "min_value": 0}
            sheet.conditional_format(first, column, last, column, bar | {"max_type": "num", "max_value": 1})
        else:
            value = highlight.below if highlight.below is not None else f'"{highlight.text}"'
            how = self.format(bg_color="#FCE3C8", font_color="#7A3E00", bold=True)
            rule = {"type": "cell", "criteria": "<" if highlight.below is not None else "==", "value": value, "format": how}
            sheet.conditional_format(first, column, last, column, rule)

    def chart(self, kind: str, subtype: str = "") -> Any:
        """A new chart (``column``, ``bar``), to be filled and put on a sheet by the caller."""
        return self._book.add_chart({"type": kind} | ({"subtype": subtype} if subtype else {}))

    def content(self) -> bytes:
        """The file; nothing can be added afterwards."""
        self._book.close()
        return self._content.getvalue()


def _printed(before: str, text: str, after: str) -> str:
    """A header or footer, its text cut to what Excel reads in all; a longer one makes it refuse the file. ``&`` begins a code."""
    room = _HEADER_FOOTER_LIMIT - len(before) - len(after)
    escaped = text.replace("&", "&&")
    while len(escaped) > room:
        text = text[:-1]
        escaped = text.replace("&", "&&") + "…"
    return before + escaped + after


def sheet_name(text: str, taken: Sequence[str]) -> str:
    """A name that Excel takes (31 characters at most, none of ``[]:*?/\\``), unlike the names ``taken`` whatever their case."""
    base = re.sub(r"[\[\]:*?/\\]", " ", text).strip().strip("'")[:31] or "Sheet"
    name, number = base, 2
    while name.casefold() in {other.casefold() for other in taken}:
        suffix = f" ({number})"
        name, number = base[: 31 - len(suffix)] + suffix, number + 1
    return name


def safe_name(text: str) -> str:
    """Part of a file name: letters, digits and hyphens; texts that differ in other characters only still differ."""
    import hashlib

    safe = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")
    return safe if safe and safe == text.replace(" ", "-") else f"{safe or 'x'}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"
