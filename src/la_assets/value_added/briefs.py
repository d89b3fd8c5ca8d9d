"""The principal's brief: one PDF a school with its teachers' pooled effects, uncertainty first.

Restricted: it names staff to the principal who answers for them. A teacher with too few students is named without a number. It
ranks nobody: teachers stand in the order of their names.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

import polars as pl

from la_assets.reports.pdf import Interval, Pages

WRITTEN, PAST = "written", "older than the years kept"
BRIEF_STATUSES = (WRITTEN, PAST)
_HOW_TO_READ = (
    "A bar is the range in which a teacher's effect lies with 95 % confidence; the mark in it is the most likely value. 0 is the average "
    "of the district; 0.15 is about 15 percent of the spread between students. Bars that overlap do not tell teachers apart. A label "
    "other than Average needs a bar that leaves out 0, an effect of more than 0.15, ten students and a reliability of 0.5."
)
_COLUMNS = ("Teacher", "Students", "Reliability", "Label", "95 % interval")
_WIDTHS = (38.0, 19.0, 17.0, 30.0, 25.0)
_NO_NUMBER = {
    "withheld": "withheld: the placebo failed",
    "no_usable_students": "no students with two scores",
    "no_scores": "no final scores yet",
    "no_variance": "teachers do not differ measurably",
}


def counted(rows: pl.DataFrame, minimum_students: int) -> dict[str, int]:
    """How many teachers of a school's brief have a number, and how many have none."""
    shown = rows.filter(pl.col("students") >= minimum_students)["effect"].count()
    return {"teachers": shown, "without_number": rows.height - shown}


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
) -> bytes:
    """One school's brief, as PDF.

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
        pages.intervals(_COLUMNS, _WIDTHS, [_interval(row) for row in part.to_dicts()], "effect, SD of student scores")
    return pages.content()


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


def _interval(row: dict) -> Interval:
    basis = [f"{row['students']} in {row['years_used']} y" if row["students"] else "none"]
    if row["effect"] is None:
        why = _NO_NUMBER.get(row["status"], "too few students" if row["status"] == "estimated" else row["status"].replace("_", " "))
        return Interval(row["name"], [*basis, "", "", ""], words=why)
    label = "insufficient evidence" if row["label"] == "insufficient" else row["label"]
    cells = [*basis, f"{row['reliability']:.2f}", label, f"{row['ci_low']:+.2f} to {row['ci_high']:+.2f}"]
    return Interval(row["name"], cells, row["effect"], row["ci_low"], row["ci_high"])
