"""What to look at in access beyond contracts: lines that give nothing, teachers without students."""

import polars as pl

from la_assets.access.schema import POLICIES, STUDENT_GRANTS
from la_assets.access.users import GRANTED
from la_assets.checks import TableCheck
from la_assets.data_checks import Finding


def lines_in_order(policies: pl.LazyFrame) -> Finding:
    """Every line of the list of users gives what it was meant to give."""
    counts = policies.group_by("status").agg(pl.col("line").n_unique()).sort("status").collect()
    wrong = dict(counts.filter(pl.col("status") != GRANTED).rows())
    told = ", ".join(f"{status}: {lines}" for status, lines in wrong.items()) or "every line gives access"
    return not wrong, f"lines that give nothing: {told}" if wrong else told, {"lines_without_access": sum(wrong.values())}


def teachers_have_students(policies: pl.LazyFrame, grants: pl.LazyFrame) -> Finding:
    """Every teacher with access has a student at some time of the year."""
    teachers = policies.filter((pl.col("status") == GRANTED) & (pl.col("role") == "teacher")).select("user_name", "scope").unique()
    counts = [teachers.select(pl.len()), teachers.join(grants, on="scope", how="anti").select(pl.len())]
    all_of_them, without = (frame.item() for frame in pl.collect_all(counts))
    return without == 0, f"{without} of {all_of_them} teachers with access have no student", {"teachers_without_students": without}


CHECKS = {
    POLICIES.name: (
        TableCheck(
            "lines_in_order",
            (POLICIES,),
            lambda year: lines_in_order(year[POLICIES]),
            "Every line of the newest list of users gives access; else `status` in access.policies says what is wrong with the line: "
            "correct the list and deliver it again.",
        ),
        TableCheck(
            "teachers_have_students",
            (POLICIES, STUDENT_GRANTS),
            lambda year: teachers_have_students(year[POLICIES], year[STUDENT_GRANTS]),
            "Every teacher with access is linked to a student; else the roster bundle lacks the teacher's classes.",
        ),
    ),
}
