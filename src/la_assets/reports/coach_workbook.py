"""A coach's workbook of one school: tiers by subject and teacher, all students by subject, and the standards to re-teach.

It holds the students of the school's teachers and no others, and says which file is which teacher's. Like the teacher's
workbook it looks neither for students nor for names.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from la_assets.reports import ethical_use, student_lines, words
from la_assets.reports.teacher_workbook import STANDARD_COLUMNS, WHOLE
from la_assets.reports.workbook import TIER_COLORS, Book, Column, Highlight, safe_name, sheet_name

_COUNTS = (
    Column("Students", "students", "whole", 10),
    Column("Tier 1", "tier_1", "whole", 9),
    Column("Tier 2", "tier_2", "whole", 9),
    Column("Tier 3", "tier_3", "whole", 9),
    Column("No tier yet", "no_tier", "whole", 9),
    Column("On the bubble", "bubble", "whole", 10, words="bubble_words"),
)
_FIRST, _SECOND, _LAST = 30, 16, 48


@dataclass(frozen=True)
class SchoolBook:
    """What a coach's workbook is made of.

    Attributes
    ----------
    school, school_year : str
        As shown.
    as_of : datetime.date
        Date up to which data were known.
    windows : mapping
        Subject to its windows this year, first to last.
    rows : mapping
        Subject to its students' rows, a row a student (:func:`la_assets.reports.class_rows.of_schools`).
    teachers : sequence of mappings
        A row per teacher and subject: ``teacher``, ``subject``, ``file`` (or None) and the class's ``rows``.
    standards : mapping
        Subject to its standards over the school (:func:`la_assets.reports.class_rows.weak_standards`).
    """

    school: str
    school_year: str
    as_of: dt.date
    windows: Mapping[str, Sequence[str]]
    rows: Mapping[str, Sequence[Mapping[str, Any]]]
    teachers: Sequence[Mapping[str, Any]]
    standards: Mapping[str, Sequence[Mapping[str, Any]]]


def counts(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Students by tier, and those on the bubble where any has a forecast."""
    told = any(row["bubble"] is not None for row in rows)
    return {
        "students": len(rows),
        **{f"tier_{tier}": sum(row["tier"] == tier for row in rows) for tier in (1, 2, 3)},
        "no_tier": sum(row["tier"] is None for row in rows),
        "bubble": sum(row["bubble"] == "bubble" for row in rows) if told else None,
        "bubble_words": words.NO_FORECAST,
    }


def sheets(book: SchoolBook) -> int:
    """How many sheets the file has: the summary, one a subject, and the standards if there are any."""
    return 1 + len(book.rows) + bool(book.standards)


def written(book: SchoolBook) -> bytes:
    """The file."""
    made = Book(f"MTSS {book.school_year}", f"{book.school} · coach's workbook", book.school_year, book.as_of)
    _summary(made, book)
    taken = ["Summary"]
    for subject, rows in book.rows.items():
        taken.append(sheet_name(subject, taken))
        _subject_sheet(made, book, taken[-1], subject, rows)
    if book.standards:
        taken.append("Standards")
        _standards_sheet(made, book)
    return made.content()


def _summary(made: Book, book: SchoolBook) -> None:
    sheet = made.sheet("Summary")
    sheet.set_column(0, 0, _FIRST)
    sheet.set_column(1, 1, _SECOND)
    sheet.set_column(2, 7, 9.5)
    sheet.set_column(8, 8, _LAST)
    row = made.title(sheet, [book.school, f"Coach's workbook · {made.dated}", ethical_use.STUDENTS], 9, 145) + 1
    by_subject = [{"subject": subject} | counts(rows) for subject, rows in book.rows.items()]
    top = row
    row = made.table(sheet, row, [Column("Subject", "subject", width=_FIRST), Column("", "", width=_SECOND), *_COUNTS], by_subject,
                     filters=False, widths=False)  # fmt: skip
    chart = made.chart("bar", "percent_stacked")

    for tier, color in TIER_COLORS.items():
        values = ["Summary", top + 1, 2 + tier, top + len(by_subject), 2 + tier]
        categories = ["Summary", top + 1, 0, top + len(by_subject), 0]
        chart.add_series({"name": f"Tier {tier}", "categories": categories, "values": values, "fill": {"color": color}, "gap": 40})
    chart.set_title({"name": "Share of students by tier", "name_font": {"size": 11}})
    chart.set_legend({"position": "bottom"})
    chart.set_y_axis({"reverse": True})
    chart.set_x_axis({"major_gridlines": {"visible": False}})
    chart.set_size({"width": 620, "height": 130 + 30 * len(by_subject)})
    sheet.insert_chart(row + 1, 0, chart, {"description": "Stacked bars: share of students in tiers 1, 2 and 3 by subject"})
    row += 3 + -(-(130 + 30 * len(by_subject)) // 20)
    made.text(sheet, row, 0, "Classes", bold=True, font_size=12)
    columns = [
        Column("Teacher", "teacher", width=_FIRST),
        Column("Subject", "subject", width=_SECOND),
        *_COUNTS,
        Column("Workbook", "file", width=_LAST, words="no_file"),
    ]
    classes = [
        {"teacher": c["teacher"], "subject": c["subject"], "file": c["file"], "no_file": "none: no results yet"} | counts(c["rows"])
        for c in book.teachers
    ]
    made.table(sheet, row + 1, columns, classes, widths=False)


def _subject_sheet(made: Book, book: SchoolBook, name: str, subject: str, rows: Sequence[Mapping[str, Any]]) -> None:
    windows = book.windows.get(subject, ())
    columns = student_lines.columns(windows, coach=True, shared=any(row["weight"] < WHOLE for row in rows))
    lines = [f"{subject}: {book.school}", f"Coach's workbook · {made.dated}", ethical_use.STUDENTS]
    sheet = made.sheet(name, repeat=len(lines))
    made.title(sheet, lines, len(columns), sum(column.width for column in columns))
    shown = [student_lines.line(row, windows) for row in rows]
    made.table(sheet, len(lines), columns, shown, student_lines.highlights(windows))
    sheet.freeze_panes(len(lines) + 1, 1)


def _standards_sheet(made: Book, book: SchoolBook) -> None:
    lines = [
        f"Standards to re-teach: {book.school}",
        f"Each student's newest window · {made.dated}",
        "Standards with the most students below mastery first.",
    ]
    sheet = made.sheet("Standards", repeat=len(lines))
    columns = [Column("Subject", "subject", width=16), *STANDARD_COLUMNS]
    made.title(sheet, lines, len(columns), sum(column.width for column in columns))
    rows = [{"subject": subject} | dict(row) for subject, of in book.standards.items() for row in of]
    made.table(sheet, len(lines), columns, rows, [Highlight("share_below", bars=True)])
    sheet.freeze_panes(len(lines) + 1, 0)


def file_name(school_id: str) -> str:
    """A file name that is safe anywhere and the same every time."""
    return f"coach_{safe_name(school_id)}.xlsx"
