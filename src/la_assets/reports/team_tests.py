"""Teams compared: for every test, subject, window and grade the tests of all teams at once, and every pair of teams.

It takes the teams of ``teams.py`` and the tests of ``group_comparison.py`` together. Teams with too few students are left out of
every test. No adjustment for which students a team has is made here beyond the measure ``gain``: that is the value-added room's work.
"""

from __future__ import annotations

import itertools
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import polars as pl

from la_assets.reports.group_comparison import Omnibus, Pairs, benjamini_hochberg, omnibus, pairs, vary
from la_assets.reports.teams import COMPARED, COMPARISON

if TYPE_CHECKING:
    from la_assets.reports.group_comparison import Floats

NO_TEAM, ONE_TEAM, NO_VARIATION = "no team has enough students", "only one team has enough students", "all values in a team are equal"
COMPARISON_STATUSES = (COMPARED, NO_TEAM, ONE_TEAM, NO_VARIATION)
DIFFER, NOT_SHOWN = "teams differ", "no difference shown"
FINDINGS = (DIFFER, NOT_SHOWN)
FIRST_HIGHER, SECOND_HIGHER = "first higher", "second higher"
PAIR_FINDINGS = (FIRST_HIGHER, SECOND_HIGHER, NOT_SHOWN)
_TESTED = tuple(field.name for field in fields(Omnibus))
_OF_PAIRS = tuple(field.name for field in fields(Pairs) if field.name not in {"first", "second"})
_WHOLE = {"anova_df_between", "anova_df_within"}
_TEXT = {"normality_test", "read"}


def comparisons(placed: pl.LazyFrame, least_students: int = 10, alpha: float = 0.05) -> pl.DataFrame:
    """Rows of ``mtss.team_comparison``, without the year.

    Parameters
    ----------
    placed : polars.LazyFrame
        Results with the student's team (:func:`la_assets.reports.teams.placed`).
    least_students : int
        Teams with fewer are left out.
    alpha : float
        Chance below which, after adjustment for the number of comparisons, teams are said to differ.

    Returns
    -------
    polars.DataFrame
        A row per comparison with any result. Of its students, those in compared teams, in teams too small, and in no team add up.
    """
    groups = (  # values sorted, so that sums are in one order: a rerun has the last bit too
        placed.group_by(*COMPARISON, "school_id")
        .agg(pl.col("value").sort(), pl.col("known_on").max(), pl.col("loaded_at").max())
        .sort(*COMPARISON, "school_id", nulls_last=True)
        .collect(engine="streaming")
    )
    size, team = pl.col("value").list.len(), pl.col("school_id").is_not_null()
    large = team & (size >= least_students)
    counted = groups.group_by(COMPARISON, maintain_order=True).agg(
        teams=large.sum(),
        students=size.filter(large).sum(),
        students_in_small_teams=size.filter(team & ~large).sum(),
        students_without_team=size.filter(~team).sum(),
        known_on=pl.col("known_on").max(),
        loaded_at=pl.col("loaded_at").max(),
    )
    values = iter(_arrays(groups.filter(large)["value"]))
    rows = [row | _tested(list(itertools.islice(values, row["teams"])), alpha) for row in counted.iter_rows(named=True)]
    frame = pl.DataFrame(rows, schema=_schema(groups))
    tested = frame["p"].drop_nulls()
    adjusted = iter(benjamini_hochberg(tested.to_numpy()))
    p_adjusted = pl.Series("p_adjusted", [None if p is None else float(next(adjusted)) for p in frame["p"]], dtype=pl.Float64)
    finding = pl.when(p_adjusted < alpha).then(pl.lit(DIFFER)).when(p_adjusted.is_not_null()).then(pl.lit(NOT_SHOWN))
    return frame.with_columns(p_adjusted, finding.alias("finding"))


def _schema(groups: pl.DataFrame) -> dict[str, Any]:
    types = {name: pl.Int32 if name in _WHOLE else pl.String if name in _TEXT else pl.Float64 for name in _TESTED}
    counts = dict.fromkeys(("teams", "students", "students_in_small_teams", "students_without_team"), pl.Int32)
    lineage = {name: groups.schema[name] for name in ("known_on", "loaded_at")}
    return dict.fromkeys(COMPARISON, pl.String) | {"status": pl.String} | counts | types | lineage


def _arrays(lists: pl.Series) -> list[Floats]:
    """The lists as arrays, which lie in one."""
    import numpy as np

    if lists.is_empty():
        return []
    return np.split(lists.explode().to_numpy(), lists.list.len().cum_sum().to_numpy()[:-1])


def _tested(values: list[Floats], alpha: float) -> dict[str, Any]:
    """Status and tests of a comparison of the teams with these values."""
    if not values:
        return {"status": NO_TEAM}
    if len(values) == 1:
        return {"status": ONE_TEAM}
    if not vary(values):
        return {"status": NO_VARIATION}
    return {"status": COMPARED} | vars(omnibus(values, alpha))


def team_pairs(teams: pl.DataFrame, read: pl.DataFrame, alpha: float = 0.05) -> pl.DataFrame:
    """Rows of ``mtss.team_pairs``, without the year.

    Parameters
    ----------
    teams : polars.DataFrame
        Of ``mtss.teams``.
    read : polars.DataFrame
        ``COMPARISON``, ``status``, ``levene_p`` and ``finding`` of ``mtss.team_comparison``. Where variances are unequal, the chance
        to read is Games and Howell's, else Tukey's. A pair is said to differ only where the teams as a whole do: Tukey's test
        guards against chance within one comparison, not over the hundred of a year.
    alpha : float
        Chance of any false difference among the pairs of one comparison.
    """
    compared = (
        teams.filter(pl.col("status") == COMPARED)
        .join(read.filter(pl.col("status") == COMPARED).select(*COMPARISON, "levene_p", overall="finding"), on=COMPARISON)
        .sort(*COMPARISON, "school_id")
    )
    types = dict.fromkeys((*COMPARISON, "school_id", "other_school_id"), pl.String) | dict.fromkeys((*_OF_PAIRS, "p"), pl.Float64)
    none = pl.DataFrame(schema=types | {name: teams.schema[name] for name in ("known_on", "loaded_at")} | {"finding": pl.String})
    if compared.is_empty():
        return none
    frame = _pairs(compared, alpha)
    unequal, differ = pl.col("levene_p") < alpha, pl.col("overall") == DIFFER
    higher = pl.when(pl.col("difference") > 0).then(pl.lit(FIRST_HIGHER)).otherwise(pl.lit(SECOND_HIGHER))
    p = pl.when(unequal).then(pl.coalesce("games_howell_p", "tukey_p")).otherwise("tukey_p")
    finding = pl.when((p < alpha) & differ).then(higher).otherwise(pl.lit(NOT_SHOWN))
    return pl.concat([none, frame.with_columns(p=p, finding=finding).select(none.columns)])


def _pairs(compared: pl.DataFrame, alpha: float) -> pl.DataFrame:
    """The pairs of all comparisons, whose teams stand together, with what was read of the comparison."""
    import numpy as np

    size, mean, deviation = (compared[name].cast(pl.Float64).to_numpy() for name in ("students", "mean", "standard_deviation"))
    ends = compared.select(pl.struct(COMPARISON).rle().struct.field("len")).to_series().cum_sum().to_list()
    parts = [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]
    made = [pairs(size[part], mean[part], deviation[part], alpha) for part in parts]
    first, second = (
        compared[np.concatenate([getattr(of, name) + part.start for of, part in zip(made, parts, strict=True)])]
        for name in ("first", "second")
    )
    return first.select(
        *COMPARISON,
        "school_id",
        "levene_p",
        "overall",
        second["school_id"].alias("other_school_id"),
        *(pl.Series(name, np.concatenate([getattr(of, name) for of in made])).fill_nan(None) for name in _OF_PAIRS),
        *(pl.max_horizontal(first[name], second[name]).alias(name) for name in ("known_on", "loaded_at")),
    )
