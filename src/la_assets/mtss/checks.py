"""What to look at in MTSS beyond contracts: nobody lost, bounds on what is filled in, levels that fit the cuts, stable clusters.

Functions from frames of one year to a finding (whether the check passes, a sentence, counts), and at the end the list that
binds them to tables.
"""

import polars as pl

from la_assets.assessments.schema import SCORES
from la_assets.checks import TableCheck
from la_assets.data_checks import Finding
from la_assets.mtss.levels import cut_score_frame, with_levels
from la_assets.mtss.schedule import OF_TEST, SITTING, schedule
from la_assets.mtss.schema import (
    ASSESSMENT_PANEL,
    CLUSTER_FEATURES,
    CLUSTER_FITS,
    CLUSTERS,
    GROWTH,
    TIER_MOVEMENT,
    TIERS,
)
from la_assets.yearly_tables import Year

MANY = 100
"""Students from which a tier and subject should have a stable grouping, and pairs from which a mean percentile says something."""


def official_results_are_in_the_panel(
    scores: pl.LazyFrame, panel: pl.LazyFrame, windows: pl.DataFrame, subjects: tuple[str, ...]
) -> Finding:
    """Every official result in a subject and window that is looked at is one tested row with its score; no other row is tested."""
    result = [*SITTING, "scale_score"]
    looked_at = (
        scores.filter("is_official", pl.col("subject").is_in(list(subjects)))
        .join(windows.lazy(), on=["assessment_id", "window"], how="semi")
        .select(result)
    )
    tested = panel.filter(pl.col("status") == "tested").select(result)
    official, rows, lost, other = _sizes(looked_at, tested, _without(looked_at, tested, result), _without(tested, looked_at, result))
    words = (
        f"{official:,} official results, {rows:,} tested rows; {lost:,} results lost or changed, {other:,} tested rows that are no result"
    )
    counts = {"official": official, "tested": rows, "lost_or_changed": lost, "no_result": other}
    return official == rows and not lost and not other, words, counts


def imputed_share(panel: pl.LazyFrame, limit: float) -> Finding:
    """Per test, subject and window, the share of filled-in scores stays under the limit, and no final score is filled in.

    A year so far without scores passes.
    """
    shares = (
        panel.filter(pl.col("status").is_in(["tested", "imputed"]))
        .group_by(OF_TEST)
        .agg(pl.col("is_imputed").mean().alias("share"), (pl.col("is_imputed") & pl.col("is_final")).sum().alias("final"))
        .sort("share", *OF_TEST, descending=[True, False, False, False])
        .collect()
    )
    if not shares.height:
        return True, "no scores in this year", {}
    worst = shares.row(0, named=True)
    name = f"{worst['assessment_id']} {worst['subject']} {worst['window']}"
    final = int(shares["final"].sum())
    words = f"at most {worst['share']:.1%} of a window's scores are filled in ({name}); the limit is {limit:.0%}"
    words += f"; {final:,} final scores are filled in, none may be" if final else ""
    return worst["share"] <= limit and not final, words, {"highest_share": worst["share"], "final_filled_in": final}


def growth_is_centred(growth: pl.LazyFrame) -> Finding:
    """Percentiles among peers average 50 in each pair of windows, as mid-ranks do; else peers were counted wrongly."""
    means = (
        growth.filter(pl.col("growth_percentile").is_not_null(), pl.col("peer_group") == "decile in grade")
        .group_by("assessment_id", "subject", "from_window", "to_window")
        .agg(pl.len().alias("rows"), pl.col("growth_percentile").mean().alias("mean"))
        .filter(pl.col("rows") >= MANY)
        .collect()
    )
    if not means.height:
        return True, "too few students to judge", {}
    off = float((means["mean"] - 50).abs().max())  # type: ignore[arg-type]
    return off <= 5, f"mean growth percentiles are within {off:.2f} of 50", {"farthest_from_50": off}


def every_tested_student_has_a_tier(panel: pl.LazyFrame, tiers: pl.LazyFrame, windows: pl.DataFrame) -> Finding:
    """Every tested row of a test that gives tiers is one row with a tier or without an achievement level; nobody else has a tier."""
    where = ["student_key", "subject", "window"]
    tiering = windows.filter("gives_tiers").lazy().select("assessment_id", "window")
    tested = panel.filter(pl.col("status") == "tested").join(tiering, on=["assessment_id", "window"], how="semi").select(where)
    has_tier, unlevelled = pl.col("status") == "tiered", pl.col("status") == "no achievement level"
    judged = tiers.filter(has_tier | unlevelled)
    expected, found, without, lost, other, wrong = _sizes(
        tested,
        tiers.filter(has_tier),
        tiers.filter(unlevelled),
        _without(tested, judged, where),
        _without(judged, tested, where),
        tiers.filter(has_tier != pl.col("tier").is_not_null()),
    )
    words = (
        f"{expected:,} tested: {found:,} with a tier, {without:,} without an achievement level; {lost:,} of them lost, "
        f"{other:,} rows of nobody tested, {wrong:,} with a tier against their status"
    )
    counts = {"tested": expected, "tiered": found, "without_level": without, "lost": lost, "not_tested": other, "against_status": wrong}
    return expected == found + without and not (lost or other or wrong), words, counts


def levels_fit_the_cut_scores(tiers: pl.LazyFrame, panel: pl.LazyFrame, cuts: pl.DataFrame, limit: float = 0.01) -> Finding:
    """The source's levels are those that the district's cut scores give; else the cuts are another year's or test's."""
    sourced = panel.filter(pl.col("level").is_not_null(), pl.col("status") == "tested").select(
        *SITTING, "grade_level", "scale_score", "level"
    )
    compared = (
        with_levels(sourced.with_columns(pl.col("level").alias("as_sent")), cuts)
        .filter(pl.col("level_from_cuts").is_not_null())
        .join(tiers.select("student_key", "subject", "window"), on=["student_key", "subject", "window"], how="semi")
        .select(pl.len().alias("rows"), (pl.col("as_sent") != pl.col("level_from_cuts")).sum().alias("differ"))
        .collect()
    )
    rows, differ = compared.row(0)
    share = differ / rows if rows else 0.0
    return share <= limit, f"{differ:,} of {rows:,} levels differ from the cut scores ({share:.2%})", {"levels": rows, "differ": differ}


def movement_adds_up(movement: pl.LazyFrame, tiers: pl.LazyFrame) -> Finding:
    """In each pair of windows, those who stayed, moved or left are those with a tier before; likewise after."""
    pair = ["subject", "from_window", "to_window"]
    tiered = tiers.filter(pl.col("tier").is_not_null()).group_by("subject", "window").len()
    moved = movement.group_by(pair).agg(
        pl.col("from_tier").is_not_null().sum().alias("before"), pl.col("to_tier").is_not_null().sum().alias("after")
    )
    compared = (
        moved.join(tiered.rename({"len": "at_start"}), left_on=["subject", "from_window"], right_on=["subject", "window"])
        .join(tiered.rename({"len": "at_end"}), left_on=["subject", "to_window"], right_on=["subject", "window"])
        .select(
            pl.len().alias("pairs"),
            ((pl.col("before") != pl.col("at_start")) | (pl.col("after") != pl.col("at_end"))).sum().alias("wrong"),
        )
        .collect()
    )
    pairs, wrong = compared.row(0)
    return wrong == 0, f"{wrong} of {pairs} pairs of windows do not add up", {"pairs": pairs, "wrong": wrong}


def clusters_are_stable(fits: pl.LazyFrame, needed: float) -> Finding:
    """Every model reached the stability asked for, and most large groups have a model."""
    rows = fits.select("status", "students", "stability").collect()
    fitted = rows.filter(pl.col("status") == "fitted")
    unstable = fitted.filter(pl.col("stability") < needed).height
    large = rows.filter(pl.col("students") >= MANY)
    without = large.filter(pl.col("status") != "fitted").height
    words = f"{fitted.height} models, {unstable} under a stability of {needed}; {without} of {large.height} large groups without a grouping"
    return unstable == 0 and without <= large.height / 2, words, {"models": fitted.height, "unstable": unstable, "large_without": without}


def every_student_is_in_the_clusters(features: pl.LazyFrame, clusters: pl.LazyFrame) -> Finding:
    """Each student and subject with a tier is one row, with a cluster exactly where the status says so."""
    who = ["student_key", "subject"]
    wrong = clusters.filter((pl.col("status") == "clustered") != pl.col("cluster").is_not_null())
    expected, rows, lost, against = _sizes(features, clusters, _without(features, clusters, who), wrong)
    words = f"{expected:,} students and subjects, {rows:,} rows; {lost:,} lost, {against:,} with a cluster against their status"
    counts = {"rows": rows, "lost": lost, "against_status": against}
    return expected == rows and not lost and not against, words, counts


def _without(frame: pl.LazyFrame, other: pl.LazyFrame, on: list[str]) -> pl.LazyFrame:
    """The rows of one frame that the other does not have; missing values are alike."""
    return frame.join(other, on=on, how="anti", nulls_equal=True)


def _sizes(*frames: pl.LazyFrame) -> list[int]:
    """Rows of each frame, in one pass."""
    return [rows.item() for rows in pl.collect_all([frame.select(pl.len()) for frame in frames])]


def _windows(year: Year) -> pl.DataFrame:
    return schedule(test.model_dump() for test in year.district.mtss.tests)


CHECKS = {
    ASSESSMENT_PANEL.name: (
        TableCheck(
            "official_results_are_in_the_panel",
            (ASSESSMENT_PANEL, SCORES),
            lambda year: official_results_are_in_the_panel(
                year[SCORES], year[ASSESSMENT_PANEL], _windows(year), year.district.mtss.subjects
            ),
            "Every official result of a test that is looked at is in the panel once. If not, this is a defect of the panel.",
        ),
        TableCheck(
            "imputed_share_is_within_limit",
            (ASSESSMENT_PANEL,),
            lambda year: imputed_share(year[ASSESSMENT_PANEL], year.district.mtss.imputed_limit),
            "Few scores of a window are filled in. Many: a file has not landed, or a class was not tested; see the panel by school.",
        ),
    ),
    GROWTH.name: (
        TableCheck(
            "growth_percentiles_are_centred",
            (GROWTH,),
            lambda year: growth_is_centred(year[GROWTH]),
            "Percentiles among peers average 50. If not, peers were counted wrongly.",
        ),
    ),
    TIERS.name: (
        TableCheck(
            "every_tested_student_has_a_tier",
            (TIERS, ASSESSMENT_PANEL),
            lambda year: every_tested_student_has_a_tier(year[ASSESSMENT_PANEL], year[TIERS], _windows(year)),
            "Tested students have a tier or no achievement level, nobody untested has a tier. If not, this is a defect of the tiers.",
        ),
        TableCheck(
            "levels_fit_the_cut_scores",
            (TIERS, ASSESSMENT_PANEL),
            lambda year: levels_fit_the_cut_scores(
                year[TIERS], year[ASSESSMENT_PANEL], cut_score_frame(c.model_dump() for c in year.district.mtss.cut_scores)
            ),
            "At most 1 % of the levels in files differ from the district's cut scores; else correct `mtss.cut_scores` in its file.",
        ),
    ),
    TIER_MOVEMENT.name: (
        TableCheck(
            "movement_adds_up",
            (TIER_MOVEMENT, TIERS),
            lambda year: movement_adds_up(year[TIER_MOVEMENT], year[TIERS]),
            "Those who stayed, moved or left are those with a tier before, and likewise after. If not, this is a defect of the table.",
        ),
    ),
    CLUSTER_FITS.name: (
        TableCheck(
            "clusters_are_stable",
            (CLUSTER_FITS,),
            lambda year: clusters_are_stable(year[CLUSTER_FITS], year.district.mtss.clusters.stability),
            "Clusters are found again on resamples. If most large groups have none, look at the features: is one constant or missing?",
        ),
    ),
    CLUSTERS.name: (
        TableCheck(
            "every_student_is_in_the_clusters",
            (CLUSTERS, CLUSTER_FEATURES),
            lambda year: every_student_is_in_the_clusters(year[CLUSTER_FEATURES], year[CLUSTERS]),
            "Each student and subject with a tier is one row. If not, make `mtss.cluster_profiles` and this table again.",
        ),
    ),
}
