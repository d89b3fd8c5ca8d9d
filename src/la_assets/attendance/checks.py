"""What to look at in attendance beyond contracts: rows that count nowhere, students without days, excused present days.

Functions from frames of one year to a finding (whether the check passes, a sentence, counts), and at the end the list that
binds them to tables.
"""

import polars as pl

from la_assets.attendance.schema import DAILY, UNMATCHED, UNMATCHED_REASONS
from la_assets.checks import TableCheck
from la_assets.data_checks import Finding
from la_assets.roster.schema import ENROLLMENTS


def unmatched_share(unmatched: pl.LazyFrame, daily: pl.LazyFrame, limit: float = 0.01) -> Finding:
    """Rows on no expected day, by reason, stay under ``limit`` of the rows that files named."""
    reasons = dict(unmatched.group_by("reason").len().collect(engine="streaming").iter_rows())
    named = int(daily.select((~pl.col("is_filled")).sum()).collect(engine="streaming").item())
    lost = sum(reasons.values())
    share = lost / (lost + named) if lost + named else 0.0
    counts: dict[str, int | float] = {"unmatched": lost, "matched": named, "share": share}
    counts |= {reason: reasons.get(reason, 0) for reason in UNMATCHED_REASONS}
    words = f"{lost} of {lost + named} attendance rows ({share:.2%}) fall on no expected day; the limit is {limit:.0%}"
    return share <= limit, words, counts


def students_without_days(enrollments: pl.LazyFrame, daily: pl.LazyFrame) -> Finding:
    """Every student enrolled by the last day with attendance has at least one expected day."""
    last = pl.col("date").max()
    until = daily.select(last.alias("as_of"))
    begun = enrollments.join(until, how="cross").filter(pl.col("entry_date") <= pl.col("as_of")).select("student_key").unique()
    missing = begun.join(daily.select("student_key").unique(), on="student_key", how="anti")
    enrolled, without = pl.collect_all([begun.select(pl.len()), missing.select(pl.len())], engine="streaming")
    return (
        without.item() == 0,
        f"{without.item()} of {enrolled.item()} enrolled students have no attendance day; their school may have sent no attendance",
        {"students": enrolled.item(), "without_days": without.item()},
    )


def contradictory_days(daily: pl.LazyFrame) -> Finding:
    """No day is missed in full and attended for minutes, or excused without being missed."""
    counts = (
        daily.select(
            ((pl.col("absent") == 1) & (pl.col("minutes") > 0)).sum().alias("absent_with_minutes"),
            ((pl.col("absent") == 0) & pl.col("excused") & ~pl.col("tardy").fill_null(False) & ~pl.col("early_dismissal").fill_null(False))
            .sum()
            .alias("excused_but_present"),
        )
        .collect(engine="streaming")
        .row(0, named=True)
    )
    return sum(counts.values()) == 0, f"{sum(counts.values())} days contradict themselves", dict(counts)


CHECKS = {
    DAILY.name: (
        TableCheck(
            "rows_fall_on_expected_days",
            (UNMATCHED, DAILY),
            lambda year: unmatched_share(year[UNMATCHED], year[DAILY]),
            "At most 1 % of the attendance rows fall on no expected day; `attendance.unmatched` lists them with the reason.",
        ),
        TableCheck(
            "enrolled_students_have_days",
            (ENROLLMENTS, DAILY),
            lambda year: students_without_days(year[ENROLLMENTS], year[DAILY]),
            "Every student enrolled by the last day with data has an expected day; else look which schools have sent no attendance.",
        ),
        TableCheck(
            "days_do_not_contradict_themselves",
            (DAILY,),
            lambda year: contradictory_days(year[DAILY]),
            "No day is missed in full yet attended for minutes, or excused without being missed; ask the school to correct the day.",
        ),
    ),
}
