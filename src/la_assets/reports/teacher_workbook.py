"""A teacher's workbook of one subject: a summary with counts by tier and a chart, and a sheet per tier and cluster.

The students are those given, the teacher's own; this module neither looks for students nor for names.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from la_assets.reports import ethical_use, student_lines, words
from la_assets.reports.workbook import TIER_COLORS, Book, Column, Highlight, safe_name, sheet_name

SUPPORT = {1: "Tier 1 (core)", 2: "Tier 2 (added support)", 3: "Tier 3 (intensive support)"}
TOP_STANDARDS = 10
WHOLE = 0.995
"""A share of the year's instruction that is shown as 100 %."""

SMALL = 10
"""Fewer students of the district are not counted out to a teacher."""

STANDARD_COLUMNS = (
    Column("Standard", "standard_code", width=20),
    Column("Tested", "tested", "whole", 9),
    Column("Below mastery", "below", "whole", 9),
    Column("Share below", "share_below", "percent", 9),
    Column("Mean mastery", "mean_mastery", "percent", 9),
)


@dataclass(frozen=True)
class ClassBook:
    """What a teacher's workbook is made of.

    Attributes
    ----------
    teacher, school, subject, school_year : str
        As shown.
    as_of : datetime.date
        Date up to which data were known.
    windows : sequence of str
        Windows of the subject this year, first to last.
    rows : sequence of mappings
        The class, rows of :func:`la_assets.reports.class_rows.named`.
    standards : sequence of mappings
        The class's standards, most students below mastery first (:func:`la_assets.reports.class_rows.weak_standards`).
    profiles : mapping
        Tier and cluster to its row of ``mtss.cluster_profiles``.
    cluster_standards : mapping
        Subject, tier, cluster and grade to standards with students (:func:`la_assets.reports.class_rows.cluster_standards`).
    """

    teacher: str
    school: str
    subject: str
    school_year: str
    as_of: dt.date
    windows: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    standards: Sequence[Mapping[str, Any]]
    profiles: Mapping[tuple[int, str], Mapping[str, Any]]
    cluster_standards: Mapping[tuple[str, int, str, str], Sequence[tuple[str, int]]]


@dataclass(frozen=True)
class _Group:
    """Students who share a sheet."""

    name: str
    title: str
    lines: Sequence[str]
    color: str
    rows: Sequence[Mapping[str, Any]]
    tier: int | None
    cluster: str


def sheets(book: ClassBook) -> int:
    """How many sheets the file has: the summary, and one a group."""
    return 1 + len(_groups(book))


def written(book: ClassBook) -> bytes:
    """The file."""
    made = Book(f"{book.subject} {book.school_year}", f"{book.teacher} · {book.subject} · {book.school}", book.school_year, book.as_of)
    groups = _groups(book)
    _summary(made, book, groups)
    for group in groups:
        _group_sheet(made, book, group)
    return made.content()


def _groups(book: ClassBook) -> list[_Group]:
    """Sheets, most support first: a tier's clusters, its students without one, and last the students without a tier."""
    order = sorted({(-(row["tier"] or 0), row["cluster"] or "~") for row in book.rows})
    taken: list[str] = []
    groups: list[_Group] = []
    for minus_tier, cluster in order:
        tier = -minus_tier or None
        rows = [row for row in book.rows if row["tier"] == tier and (tier is None or (row["cluster"] or "~") == cluster)]
        if tier is None:
            if any(group.tier is None for group in groups):
                continue
            name, title, lines, color = "No tier yet", "Students without a tier", ["A tier needs a result with an achievement level."], ""
        else:
            name, title, lines = _cluster_words(book, tier, cluster, rows)
            color = TIER_COLORS[tier]
        taken.append(sheet_name(name, taken))
        groups.append(_Group(taken[-1], title, lines, color, rows, tier, "" if cluster == "~" else cluster))
    return groups


def _cluster_words(book: ClassBook, tier: int, cluster: str, rows: Sequence[Mapping[str, Any]]) -> tuple[str, str, list[str]]:
    """Sheet name, title and lines under it."""
    if cluster == "~":
        why = "; ".join(sorted({row["cluster_words"] for row in rows}))
        return f"Tier {tier}", SUPPORT[tier], [why[:1].upper() + why[1:] + "."]
    profile = book.profiles.get((tier, cluster)) or {}
    called = rows[0]["cluster_name"] or profile.get("cluster_name") or ""
    lines = [profile["profile"]] if profile.get("profile") else []
    for grade in sorted({row["grade_level"] for row in rows if row["grade_level"]}):
        standards = book.cluster_standards.get((book.subject, tier, cluster, grade), ())
        told = [f"{code} ({n} students)" if n >= SMALL else code for code, n in standards]
        shown = ", ".join(told) or words.NONE_BELOW
        lines.append(f"To re-teach in this cluster, grade {student_lines.grade(grade)}, across the district: {shown}.")
    return f"Tier {tier} {cluster}", f"{SUPPORT[tier]}, cluster {cluster}" + (f": {called}" if called else ""), lines


def _group_sheet(made: Book, book: ClassBook, group: _Group) -> None:
    columns = student_lines.columns(book.windows, shared=any(row["weight"] < WHOLE for row in group.rows))
    lines = [group.title, f"{book.teacher} · {book.subject} · {book.school} · {made.dated}", *group.lines, ethical_use.STUDENTS]
    top = len(lines)
    sheet = made.sheet(group.name, color=group.color, repeat=top)
    made.title(sheet, lines, len(columns), sum(column.width for column in columns))
    rows = [student_lines.line(row, book.windows) for row in group.rows]
    made.table(sheet, top, columns, rows, student_lines.highlights(book.windows))
    sheet.freeze_panes(top + 1, 1)


def _summary(made: Book, book: ClassBook, groups: Sequence[_Group]) -> None:
    sheet = made.sheet("Summary")
    sheet.set_column(0, 0, 52)
    sheet.set_column(1, 4, 10)
    sheet.set_column(5, 8, 12)
    row = made.title(sheet, [f"{book.subject}: {book.teacher}", f"{book.school} · {made.dated}", ethical_use.STUDENTS], 9, 140)
    row += 1
    counts = [{"tier": SUPPORT[tier], "students": sum(r["tier"] == tier for r in book.rows)} for tier in (1, 2, 3)]
    counts.append({"tier": "No tier yet", "students": sum(r["tier"] is None for r in book.rows)})
    first = row + 1
    row = made.table(
        sheet, row, [Column("Tier", "tier", width=52), Column("Students", "students", "whole")], counts, filters=False, widths=False
    )
    made.text(sheet, row, 0, "All students", bold=True)
    sheet.write_number(row, 1, len(book.rows), made.format(bold=True))
    bubble = sum(r["bubble"] == "bubble" for r in book.rows)
    told = sum(r["bubble"] is not None for r in book.rows)
    made.text(sheet, row + 1, 0, "Of these on the bubble for level 3, by the newest forecast")
    if told:
        sheet.write_number(row + 1, 1, bubble, made.format())
        made.text(sheet, row + 1, 2, "" if told == len(book.rows) else f"of {told} with a forecast")
    else:
        made.text(sheet, row + 1, 1, words.NO_FORECAST, italic=True)
    _tier_chart(made, sheet, first)
    row += 4

    made.text(sheet, row, 0, "Sheets of this workbook", bold=True, font_size=12)
    for group in groups:
        row += 1
        link = f"internal:'{group.name}'!A1"
        sheet.write_url(row, 0, link, made.format(font_color="#0B5394", underline=1), group.title)
        sheet.write_number(row, 1, len(group.rows), made.format())
        made.text(sheet, row, 2, "student" if len(group.rows) == 1 else "students")
    row += 2
    made.text(sheet, row, 0, "Standards to re-teach in this class", bold=True, font_size=12)
    row += 1
    if book.standards:
        made.text(sheet, row, 0, "Each student's newest window; the standards with the most students below mastery first.", italic=True)
        top = list(book.standards[:TOP_STANDARDS])
        made.table(sheet, row + 1, STANDARD_COLUMNS, top, [Highlight("share_below", bars=True)], filters=False, widths=False)
    else:
        made.text(sheet, row, 0, words.NO_STANDARDS[:1].upper() + words.NO_STANDARDS[1:], italic=True)


def _tier_chart(made: Book, sheet: Any, first: int) -> None:
    chart = made.chart("column")
    chart.add_series(
        {
            "name": "Students",
            "categories": ["Summary", first, 0, first + 3, 0],
            "values": ["Summary", first, 1, first + 3, 1],
            "points": [*({"fill": {"color": color}} for color in TIER_COLORS.values()), {"fill": {"color": "#ADB5BD"}}],
            "data_labels": {"value": True},
            "gap": 60,
        }
    )
    chart.set_title({"name": "Students by tier", "name_font": {"size": 11}})
    chart.set_legend({"none": True})
    chart.set_y_axis({"visible": False, "major_gridlines": {"visible": False}, "min": 0})
    chart.set_x_axis({"num_font": {"size": 8}})
    chart.set_size({"width": 430, "height": 190})
    sheet.insert_chart(first - 1, 3, chart, {"x_offset": 60, "description": "Column chart: students by tier"})


def file_name(school_id: str | None, subject: str, staff_key: str) -> str:
    """A file name that is safe anywhere, the same every time, and names nobody: school, subject, the beginning of the key.

    Whose it is stands in the workbook itself and in the coach's workbook of the school.
    """
    return f"{safe_name(school_id or 'no school')}_{safe_name(subject)}_{staff_key[:16]}.xlsx"
