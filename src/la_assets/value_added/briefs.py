"""The principal's brief: one PDF a school with its teachers' pooled effects, uncertainty first.

Restricted: it names staff to the principal who answers for them. A teacher with too few students is named without a number. It
ranks nobody: teachers stand in the order of their names.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from la_assets.reports.pdf import Pages
from la_assets.value_added.plots import draw_intervals

_HOW_TO_READ = (
    "A bar is the range in which a teacher's effect lies with 95 % confidence; the mark in it is the most likely value. 0 is the average "
    "of the district; 0.15 is about 15 percent of the spread between students. Bars that overlap do not tell teachers apart. A label "
    "other than Average needs a bar that leaves out 0, an effect of more than 0.15, ten students and a reliability of 0.5."
)
_NO_NUMBER = {
    "withheld": "withheld: the placebo failed",
    "no_usable_students": "no students with two scores",
    "no_scores": "no final scores yet",
    "no_variance": "teachers do not differ measurably",
}


@dataclass(frozen=True)
class Brief:
    """A brief as PDF, and how many teachers it shows with and without a number."""

    content: bytes
    teachers: int
    without_number: int


def file_name(school_id: str) -> str:
    """A plain file name for the school's brief."""
    return f"principal_brief_{re.sub(r'[^A-Za-z0-9_-]', '_', school_id)}.pdf"


def named_staff(staff: pl.DataFrame, directory: pl.DataFrame) -> pl.DataFrame:
    """``staff_key``, ``school_id`` and ``name`` of the year's staff; a number of the key's stands in where no name is known."""
    name = pl.concat_str("family_name", "given_name", separator=", ", ignore_nulls=True)
    return (
        staff.select("staff_key", "school_id")
        .join(directory.select("staff_key", name.alias("name")), on="staff_key", how="left")
        .with_columns(
            pl.when(pl.col("name").str.len_chars() > 0)
            .then("name")
            .otherwise("Teacher " + pl.col("staff_key").str.slice(0, 6))
            .alias("name")
        )
    )


def by_school(effects: pl.DataFrame, staff: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """The effects of each school's staff, with names, in the order of schools and names."""
    joined = effects.join(staff, on="staff_key", how="left").drop_nulls("school_id").sort("school_id", "subject", "name", "staff_key")
    for (school,), rows in joined.group_by("school_id", maintain_order=True):
        yield str(school), rows


def brief(
    rows: pl.DataFrame, school: str, school_year: str, *, placebos: pl.DataFrame, links: pl.DataFrame, minimum_students: int
) -> Brief:
    """One school's brief.

    Parameters
    ----------
    rows : polars.DataFrame
        Pooled effects of the school's teachers with ``name``.
    school, school_year : str
    placebos, links : polars.DataFrame
        ``value_added.placebo`` of the year, and ``value_added.link_coverage`` of the school.
    minimum_students : int
        Fewer students: the number is not shown.
    """
    numbers = ["effect", "standard_error", "ci_low", "ci_high", "reliability"]
    rows = rows.with_columns(pl.when(pl.col("students") >= minimum_students).then(pl.col(numbers)))
    as_of: dt.date = rows["known_on"].max()  # type: ignore[assignment]
    pages = Pages("Value-added brief", school, school_year, as_of)
    pages.paragraph(_first_the_uncertainty(rows, minimum_students))
    pages.paragraph(_HOW_TO_READ, small=True)
    for (subject,), part in rows.group_by("subject", maintain_order=True):
        pages.heading(f"{subject}: effects of up to three years, with 95 % intervals")
        pages.paragraph(_caveats(str(subject), placebos, links), small=True)
        known = part.drop_nulls("effect")
        if known.height:
            pages.figure(
                _picture(known), f"Intervals of {known.height} teachers in {subject}; the numbers are in the table below.", width=150
            )
        pages.table(
            ["Teacher", "95 % interval", "Effect", "Reliability", "Students", "Years", "Label"],
            [_cells(row) for row in part.to_dicts()],
            aligned=["left", "right", "right", "right", "right", "right", "left"],
            widths=[30, 22, 12, 16, 14, 10, 36],
        )
    shown = rows["effect"].count()
    return Brief(pages.content(), shown, rows.height - shown)


def _first_the_uncertainty(rows: pl.DataFrame, minimum_students: int) -> str:
    known = rows.drop_nulls("effect")
    if known.is_empty():
        return "No teacher of this school has a number this year; the table says why."
    apart = known.filter((pl.col("ci_low") > 0) | (pl.col("ci_high") < 0)).height
    half = known.select(((pl.col("ci_high") - pl.col("ci_low")) / 2).median()).item()
    return (
        f"These estimates are uncertain: half of the {known.height} intervals reach {half:.2f} SD or more to either side. "
        f"{known.height - apart} of {known.height} cannot be told from the district's average. "
        f"Teachers with fewer than {minimum_students} students have no number."
    )


def _caveats(subject: str, placebos: pl.DataFrame, links: pl.DataFrame) -> str:
    verdict = dict(placebos.select("subject", "status").iter_rows()).get(subject, "not_testable")
    words = {
        "passed": "The placebo passed: teachers do not seem to explain scores of the year before.",
        "failed": "The placebo failed: students were sorted to teachers, and all numbers are withheld.",
        "not_testable": "The placebo could not be run, so no one gets a label.",
    }[verdict]
    share = dict(links.select("subject", "coverage").iter_rows()).get(subject)
    return words + ("" if share is None else f" {share:.0%} of the school's tested students are linked to a teacher.")


def _cells(row: dict) -> list[str]:
    if row["effect"] is None:
        why = _NO_NUMBER.get(row["status"], "too few students" if row["status"] == "estimated" else row["status"].replace("_", " "))
        return [row["name"], "-", "-", "-", str(row["students"]), str(row["years_used"]), why]
    label = "insufficient evidence" if row["label"] == "insufficient" else row["label"]
    interval = f"{row['ci_low']:+.2f} to {row['ci_high']:+.2f}"
    return [
        row["name"],
        interval,
        f"{row['effect']:+.2f}",
        f"{row['reliability']:.2f}",
        str(row["students"]),
        str(row["years_used"]),
        label,
    ]


def _picture(known: pl.DataFrame) -> bytes:
    import io

    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 0.7 + 0.22 * known.height), layout="constrained")
    axes = figure.add_subplot()
    upwards = known.reverse()
    draw_intervals(axes, upwards, horizontal=True)
    axes.set_yticks(range(known.height), upwards["name"].to_list(), fontsize=7)
    axes.set_xlabel("effect, SD of student scores; 0 is the district's average", fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=150, metadata={"Software": None})
    return content.getvalue()
