"""All workbooks of a year, one after the other: the index row of each class and school, and its file where there is one.

Here rows meet names. A class or school without results still has its index row, with the status that says why there is no file.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl

from la_assets.reports import class_rows, coach_workbook, teacher_workbook
from la_assets.reports.class_rows import CLASS, Tables
from la_assets.reports.made_of import fingerprint

WRITTEN, NO_RESULTS, PAST = "written", "no results yet", "older than the years kept"
NO_LINKS = "no links to teachers"
CLASS_STATUSES = (WRITTEN, NO_RESULTS, PAST)
SCHOOL_STATUSES = (WRITTEN, NO_RESULTS, NO_LINKS, PAST)
_PATH = {"path": None, "bytes": None, "sha256": None, "sheets": None}


@dataclass(frozen=True)
class Sources:
    """What workbooks of one year are made from, and the settings that shape them.

    Attributes
    ----------
    school_year : str
        ``2025-26``.
    tables : Tables
        Results, links and standards.
    profiles, staff, schools : polars.LazyFrame
        ``mtss.cluster_profiles``, ``roster.staff`` and ``roster.schools`` of the year.
    student_names, staff_names : polars.LazyFrame
        ``directory.students`` and ``directory.staff`` of the year.
    subjects, taught_as, mastery
        As in the settings of MTSS.
    kept : bool
        Whether files of this year are kept; else there are index rows only, and no name is read.
    """

    school_year: str
    tables: Tables
    profiles: pl.LazyFrame
    staff: pl.LazyFrame
    schools: pl.LazyFrame
    student_names: pl.LazyFrame
    staff_names: pl.LazyFrame
    subjects: Sequence[str]
    taught_as: Mapping[str, str]
    mastery: float = 0.5
    kept: bool = True

    def as_of(self) -> dt.date | None:
        """The newest date on which a result or forecast became known; None without results."""
        t = self.tables
        known = [t.tiers.select(pl.col("known_on").max()), t.growth.select(pl.col("known_on").max())]
        known.append(t.predictions.select(pl.col("as_of").max().alias("known_on")))
        dates = pl.collect_all(known)
        return max((d.item() for d in dates if d.item() is not None), default=None)


@dataclass(frozen=True)
class File:
    """A row of an index, and the file it speaks of."""

    row: dict[str, Any]
    name: str | None = None
    made_of: str = ""
    make: Callable[[], bytes] = bytes

    @property
    def content(self) -> bytes:
        """The file itself, made now."""
        return self.make()


def teacher_files(sources: Sources) -> Iterator[File]:
    """A file per teacher and subject, in the order of the index."""
    rows = class_rows.rows(sources.tables, sources.subjects, sources.taught_as)
    as_of, school_of = sources.as_of(), _school_of(sources)
    if not sources.kept or as_of is None:
        for (staff, subject), of in rows.group_by(CLASS, maintain_order=True):
            yield File(_class_row(str(staff), str(subject), school_of, _counts(of), PAST if not sources.kept else NO_RESULTS))
        return
    names, schools = class_rows.staff_names(sources.staff_names), _school_names(sources)
    standards = _by(class_rows.weak_standards(rows, sources.tables.standards, CLASS, sources.mastery), CLASS)
    windows, profiles = class_rows.windows_of(sources.tables.tiers), _profiles(sources)
    of_clusters: dict[str, dict[tuple[str, int, str, str], list[tuple[str, int]]]] = {}
    for key, of_cluster in sorted(class_rows.cluster_standards(sources.tables.tiers, sources.tables.clusters).items()):
        of_clusters.setdefault(key[0], {})[key] = of_cluster
    named = class_rows.named(rows, sources.student_names)
    for (staff, subject), of in named.group_by(CLASS, maintain_order=True):
        school = school_of.get(staff)
        if of["tier"].null_count() == of.height:
            yield File(_class_row(staff, subject, school_of, _counts(of), NO_RESULTS))
            continue
        book = teacher_workbook.ClassBook(
            teacher=names.get(staff, class_rows.words.NAME_UNKNOWN),
            school=schools.get(school, f"School {school}") if school else "School not known",
            subject=subject,
            school_year=sources.school_year,
            as_of=as_of,
            windows=windows.get(subject, ()),
            rows=of.rows(named=True),
            standards=standards.get((staff, subject), []),
            profiles=profiles.get(subject, {}),
            cluster_standards=of_clusters.get(subject, {}),
        )
        row = _class_row(staff, subject, school_of, _counts(of), WRITTEN) | {"sheets": teacher_workbook.sheets(book)}
        name = teacher_workbook.file_name(school, subject, staff)
        yield File(row, name, fingerprint("class", book), partial(teacher_workbook.written, book))


def coach_files(sources: Sources) -> Iterator[File]:
    """A file per school, in the order of the index."""
    rows = class_rows.rows(sources.tables, sources.subjects, sources.taught_as)
    as_of, school_of = sources.as_of(), _school_of(sources)
    linked = set(sources.tables.links.select("staff_key").unique().collect()["staff_key"])
    with_links = {school for staff, school in school_of.items() if staff in linked}
    names = class_rows.staff_names(sources.staff_names) if sources.kept else {}
    named = class_rows.named(rows, sources.student_names) if sources.kept else rows.with_columns(student=pl.lit(""))
    pupils = class_rows.of_schools(named, sources.staff, names)
    standards = _by(class_rows.weak_standards(pupils, sources.tables.standards, ["school_id", "subject"], sources.mastery), ["school_id"])
    classes = {key[0]: of for key, of in _with_school(named, sources.staff).group_by(["school_id"])}
    schools, windows = _school_names(sources), class_rows.windows_of(sources.tables.tiers)
    in_school = {key[0]: of for key, of in pupils.group_by(["school_id"], maintain_order=True)}
    for school, name in schools.items():
        of = in_school.get(school)
        row = {
            "school_id": school,
            "students": 0 if of is None else of["student_key"].n_unique(),
            "teachers": 0 if of is None else classes[school]["staff_key"].n_unique(),
        } | _PATH
        if not sources.kept or school not in with_links or as_of is None or of is None or of["tier"].null_count() == of.height:
            status = PAST if not sources.kept else NO_LINKS if school not in with_links else NO_RESULTS
            yield File(row | {"status": status})
            continue
        book = coach_workbook.SchoolBook(
            school=name,
            school_year=sources.school_year,
            as_of=as_of,
            windows=windows,
            rows={str(k[0]): part.rows(named=True) for k, part in of.group_by(["subject"], maintain_order=True)},
            teachers=_classes_of(school, classes[school], names),
            standards=_standards_by_subject(standards.get((school,), [])),
        )
        row |= {"status": WRITTEN, "sheets": coach_workbook.sheets(book)}
        yield File(row, coach_workbook.file_name(school), fingerprint("school", book), partial(coach_workbook.written, book))


def _class_row(staff: str, subject: str, school_of: Mapping[str, str], counts: Mapping[str, int], status: str) -> dict[str, Any]:
    return {"staff_key": staff, "subject": subject, "school_id": school_of.get(staff), "status": status} | dict(counts) | _PATH


def _counts(of: pl.DataFrame) -> dict[str, int]:
    tiers = dict(of["tier"].value_counts().iter_rows())
    return {"students": of.height} | {f"tier_{t}": tiers.get(t, 0) for t in (1, 2, 3)} | {"students_without_tier": tiers.get(None, 0)}


def _school_of(sources: Sources) -> dict[str, str]:
    return dict(sources.staff.select("staff_key", "school_id").drop_nulls().collect().iter_rows())


def _school_names(sources: Sources) -> dict[str, str]:
    rows = sources.schools.select("school_id", "name").sort("school_id").collect().iter_rows()
    return {school: name or f"School {school}" for school, name in rows}


def _profiles(sources: Sources) -> dict[str, dict[tuple[int, str], dict[str, Any]]]:
    made: dict[str, dict[tuple[int, str], dict[str, Any]]] = {}
    told = sources.profiles.drop(
        "school_year", "known_on", "source", "loaded_at", strict=False
    )  # a workbook does not say when they were made
    for row in told.collect().iter_rows(named=True):
        made.setdefault(row["subject"], {})[row["tier"], row["cluster"]] = row
    return made


def _by(frame: pl.DataFrame, key: Sequence[str]) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    return {k: of.rows(named=True) for k, of in frame.group_by(list(key), maintain_order=True)}


def _with_school(rows: pl.DataFrame, staff: pl.LazyFrame) -> pl.DataFrame:
    return rows.join(staff.select("staff_key", "school_id").drop_nulls().collect(), on="staff_key")


def _classes_of(school: str, rows: pl.DataFrame, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """The classes of a school by teacher's name and subject, with the file of each that has one."""
    made = []
    for (staff, subject), of in rows.group_by(CLASS, maintain_order=True):
        has_file = of["tier"].null_count() < of.height
        made.append(
            {
                "teacher": names.get(staff, class_rows.words.NAME_UNKNOWN),
                "subject": subject,
                "file": teacher_workbook.file_name(school, subject, staff) if has_file else None,
                "rows": of.rows(named=True),
                "staff_key": staff,
            }
        )
    return sorted(made, key=lambda c: (c["teacher"].casefold(), c["subject"], c["staff_key"]))


def _standards_by_subject(rows: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    made: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        made.setdefault(row["subject"], []).append(row)
    return made
