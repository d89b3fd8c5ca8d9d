"""What to look at in outcomes beyond contracts: exit codes that the district's list does not have.

Functions from frames of one year to a finding (whether the check passes, a sentence, counts), and at the end the list that
binds them to tables.
"""

import polars as pl

from la_assets.checks import TableCheck
from la_assets.data_checks import Finding
from la_assets.outcomes.schema import EXITS


def exit_codes_are_known(exits: pl.LazyFrame, limit: float = 0.02) -> Finding:
    """At most ``limit`` of the exits have a code that the district's list does not translate; the codes are listed with counts."""
    unknown = (
        exits.filter(pl.col("status") == "unknown")
        .group_by("exit_code")
        .len()
        .sort("len", "exit_code", descending=[True, False])
        .collect(engine="streaming")
    )
    total = int(exits.select(pl.len()).collect(engine="streaming").item())
    rows = int(unknown.get_column("len").sum())
    share = rows / total if total else 0.0
    counts: dict[str, int | float] = {"exits": total, "unknown": rows, "share": share}
    counts |= {f"code {code!r}": many for code, many in unknown.head(20).iter_rows()}
    named = ", ".join(repr(code) for code in unknown.get_column("exit_code").head(5))
    words = f"{rows} of {total} exits ({share:.2%}) have an unknown code{f' ({named})' if rows else ''}; the limit is {limit:.0%}"
    return share <= limit, words, counts


CHECKS = {
    EXITS.name: (
        TableCheck(
            "exit_codes_are_known",
            (EXITS,),
            lambda year: exit_codes_are_known(year[EXITS]),
            "At most 2 % of the exits have a code that the district's list (`exit_codes` in LA_DISTRICT_FILE) lacks; add the codes.",
        ),
    ),
}
