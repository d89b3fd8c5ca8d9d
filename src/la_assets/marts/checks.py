"""What to look at in the marts beyond contracts: nobody lost, nobody counted twice, how much is withheld."""

import polars as pl

from la_assets.checks import TableCheck
from la_assets.data_checks import Finding
from la_assets.marts.schema import SCHOOL_OVERVIEW, STUDENT_360
from la_assets.roster.schema import STUDENTS


def everyone_has_a_row(mart: pl.LazyFrame, students: pl.LazyFrame) -> Finding:
    """The mart has each student of the roster once, and nobody else."""
    missing = students.join(mart, on="student_key", how="anti").select(pl.len())
    unknown = mart.join(students, on="student_key", how="anti").select(pl.len())
    lost, more = (frame.item() for frame in pl.collect_all([missing, unknown]))
    return (
        lost + more == 0,
        f"{lost} student(s) of the roster have no row, {more} row(s) have no student",
        {"missing": lost, "unknown": more},
    )


def schools_add_up(schools: pl.LazyFrame, mart: pl.LazyFrame) -> Finding:
    """The schools' students add up to the students who have a school."""
    told = schools.select(pl.col("students").sum()).collect().item()
    placed = mart.select(pl.col("school_id").is_not_null().sum()).collect().item()
    return told == placed, f"the schools have {told} students, {placed} students have a school", {"told": told, "placed": placed}


CHECKS = {
    STUDENT_360.name: (
        TableCheck(
            "everyone_has_a_row",
            (STUDENT_360, STUDENTS),
            lambda year: everyone_has_a_row(year[STUDENT_360], year[STUDENTS]),
            "Each student of the roster stands in the mart once; else materialise the marts again after the roster.",
        ),
    ),
    SCHOOL_OVERVIEW.name: (
        TableCheck(
            "schools_add_up",
            (SCHOOL_OVERVIEW, STUDENT_360),
            lambda year: schools_add_up(year[SCHOOL_OVERVIEW], year[STUDENT_360]),
            "The schools' students add up to the students who have a school: nobody lost, nobody counted twice.",
        ),
    ),
}
