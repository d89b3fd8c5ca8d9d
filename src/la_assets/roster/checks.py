"""What a roster can tell about its own quality, as findings: passed, a sentence, the figures.

Plain functions over frames of one school year, and the list that attaches them to their tables. Uniqueness, references,
completeness and freshness are checked for every table alike and are not here.
"""

import polars as pl

from la_assets.checks import TableCheck
from la_assets.landing.schema import SCHOOL_ENROLLMENTS
from la_assets.roster.schema import DEMOGRAPHIC_CONFLICTS, ENROLLMENTS, INSTRUCTIONAL_LINKS, SECTION_ENROLLMENTS, SECTIONS, STUDENTS
from la_assets.roster.stays import came_never

Finding = tuple[bool, str, dict[str, int | float]]


def demographics_agree(conflicts: pl.LazyFrame, students: pl.LazyFrame, most: float = 0.01) -> Finding:
    """At most the share ``most`` of students have records that contradict each other.

    Parameters
    ----------
    conflicts, students : polars.LazyFrame
        ``roster.demographic_conflicts`` and ``roster.students`` of the year.
    """
    concerned, values, rows = conflicts.select(pl.col("student_key").n_unique(), pl.len(), pl.col("rows").sum()).collect().row(0)
    everyone = _count(students)
    return (
        concerned <= most * everyone,
        f"{concerned:,} of {everyone:,} students have demographics that contradict each other ({values:,} values in {rows or 0:,} rows); "
        "roster.demographic_conflicts lists them for the registrar",
        {"students": concerned, "conflicts": values, "rows": rows or 0},
    )


def stays_are_possible(sent: pl.LazyFrame) -> Finding:
    """No stay, other than a flagged no-show, ends before it begins; such stays are read as no-shows.

    Parameters
    ----------
    sent : polars.LazyFrame
        ``landing.school_enrollments`` of the year.
    """
    rows, flagged, backwards = (
        sent.select(
            pl.len(),
            pl.col("is_no_show").fill_null(False).sum(),
            (came_never() & ~pl.col("is_no_show").fill_null(False)).sum(),
        )
        .collect()
        .row(0)
    )
    return (
        backwards == 0,
        f"{backwards:,} of {rows:,} landed stays end before they begin without being flagged as no-shows ({flagged:,} are); "
        "they are left out of roster.enrollments: correct the exit date at the source if the student came",
        {"stays": rows, "no_shows": flagged, "backwards": backwards},
    )


def everyone_is_enrolled(students: pl.LazyFrame, enrollments: pl.LazyFrame, most: float = 0.05) -> Finding:
    """At most the share ``most`` of listed students have no stay at any school.

    Parameters
    ----------
    students, enrollments : polars.LazyFrame
        ``roster.students`` and ``roster.enrollments`` of the year.
    """
    everyone = _count(students)
    without = _count(students.join(enrollments, on="student_key", how="anti"))
    return (
        without <= most * everyone,
        f"{without:,} of {everyone:,} listed students have no stay at a school; no-shows are such students, "
        "a missing enrolment file is another reason",
        {"students": everyone, "without_a_stay": without},
    )


def sections_have_subjects(sections: pl.LazyFrame, most: float = 0.05) -> Finding:
    """At most the share ``most`` of sections have no subject that the translation knows."""
    everything = _count(sections)
    missing = sections.filter(pl.col("subject").is_null())
    titles = missing.group_by("title").len().sort("len", "title", descending=[True, False]).head(3).collect()["title"].to_list()
    count = _count(missing)
    return (
        count <= most * everything,
        f"{count:,} of {everything:,} section rows have no subject"
        + (f", e.g. {', '.join(str(t) for t in titles)}" if titles else "")
        + "; add their subject texts or codes to subject_translations in the district file",
        {"sections": everything, "without_subject": count},
    )


def sent_links_cover(links: pl.LazyFrame, section_enrollments: pl.LazyFrame, sections: pl.LazyFrame, least: float = 0.95) -> Finding:
    """Where a district sends instructional links, every school sends them for the share ``least`` of its students.

    A student counts once per subject among the subjects for which links are sent at all. Links derived from sections fill the
    gap in the table, but were verified by nobody.

    Parameters
    ----------
    links, section_enrollments, sections : polars.LazyFrame
        ``roster.instructional_links``, ``roster.section_enrollments`` and ``roster.sections`` of the year.
    """
    sent = links.filter(pl.col("link_source") != "sections").select("student_key", "subject").unique()
    taught = (
        section_enrollments.select("student_key", "section_id")
        .unique()
        .join(sections.select("section_id", "school_id", "subject").unique(), on="section_id")
        .join(sent.select("subject").unique(), on="subject", how="semi")
        .select("student_key", "school_id", "subject")
        .unique()
    )
    by_school = (
        taught.join(sent.with_columns(linked=pl.lit(True)), on=["student_key", "subject"], how="left")
        .group_by("school_id")
        .agg(pl.len().alias("taught"), pl.col("linked").sum().alias("linked"))
        .sort("school_id")
        .collect()
    )
    low = by_school.filter(pl.col("linked") < least * pl.col("taught"))
    total, linked = (int(by_school[name].sum()) for name in ("taught", "linked"))
    return (
        low.is_empty(),
        f"{linked:,} of {total:,} students of a subject have a link sent by their school"
        + (f"; under {least:.0%}: {', '.join(low['school_id'].head(5))}; ask these schools to verify their rosters" if len(low) else ""),
        {"schools": len(by_school), "schools_below": len(low), "students_of_a_subject": total, "linked": linked},
    )


def one_primary_school_a_day(enrollments: pl.LazyFrame) -> Finding:
    """No student has two primary schools on a day."""
    primary = (
        enrollments.filter("is_primary")
        .sort("student_key", "entry_date", "school_id")
        .with_columns(before=pl.col("exit_date").fill_null(pl.date(9999, 12, 31)).shift(1).over("student_key"))
    )
    twice = _count(primary.filter(pl.col("entry_date") <= pl.col("before")))
    return twice == 0, f"{twice:,} primary stays begin before the primary stay before them ended", {"overlapping": twice}


def _count(frame: pl.LazyFrame) -> int:
    return int(frame.select(pl.len()).collect().item())


CHECKS: dict[str, tuple[TableCheck, ...]] = {
    STUDENTS.name: (
        TableCheck(
            "demographics_agree",
            (STUDENTS, DEMOGRAPHIC_CONFLICTS),
            lambda year: demographics_agree(year[DEMOGRAPHIC_CONFLICTS], year[STUDENTS]),
            "Few students have demographics that contradict each other; the last active record wins, every conflict is listed.",
        ),
        TableCheck(
            "everyone_is_enrolled",
            (STUDENTS, ENROLLMENTS),
            lambda year: everyone_is_enrolled(year[STUDENTS], year[ENROLLMENTS]),
            "Nearly every listed student has a stay at a school.",
        ),
    ),
    ENROLLMENTS.name: (
        TableCheck(
            "stays_are_possible",
            (ENROLLMENTS, SCHOOL_ENROLLMENTS),
            lambda year: stays_are_possible(year[SCHOOL_ENROLLMENTS]),
            "No stay, other than a flagged no-show, ends before it begins.",
        ),
        TableCheck(
            "one_primary_school_a_day",
            (ENROLLMENTS,),
            lambda year: one_primary_school_a_day(year[ENROLLMENTS]),
            "No student has two primary schools on a day.",
        ),
    ),
    SECTIONS.name: (
        TableCheck(
            "sections_have_subjects",
            (SECTIONS,),
            lambda year: sections_have_subjects(year[SECTIONS]),
            "Nearly every section has a subject that the translation knows.",
        ),
    ),
    INSTRUCTIONAL_LINKS.name: (
        TableCheck(
            "sent_links_cover",
            (INSTRUCTIONAL_LINKS, SECTION_ENROLLMENTS, SECTIONS),
            lambda year: sent_links_cover(year[INSTRUCTIONAL_LINKS], year[SECTION_ENROLLMENTS], year[SECTIONS]),
            "Where the district sends instructional links, every school sends them for at least 95 % of its students.",
        ),
    ),
}
