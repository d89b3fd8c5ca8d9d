"""What to look at in growth beyond contracts: forms that could not be fitted, percentiles that are not uniform, students without a line.

Functions from frames of one year to a finding, and at the end the list that binds them to tables.
"""

import polars as pl

from la_assets.checks import TableCheck
from la_assets.data_checks import Finding
from la_assets.growth.schema import MODELS, PERCENTILES, TRAJECTORIES, VARIANCE_SHARES


def every_subject_has_a_form(models: pl.LazyFrame) -> Finding:
    """Every subject has a chosen form; not judged before there are more than two scores a student, which a line of one's own takes."""
    columns = [pl.col("is_chosen").any(), pl.col("scores", "students").max(), pl.col("status").unique().sort()]
    rows = models.group_by("subject").agg(columns).collect()
    judged = rows.filter(pl.col("scores") > 2 * pl.col("students"))
    without = judged.filter(~pl.col("is_chosen")).sort("subject")
    words = "; ".join(f"{subject}: {', '.join(status)}" for subject, status in without.select("subject", "status").iter_rows())
    found = f"{judged.height - without.height} of {judged.height} subjects with enough scores have a growth model"
    return without.is_empty(), words or found, {"subjects": rows.height, "judged": judged.height, "without": without.height}


def percentiles_are_uniform(percentiles: pl.LazyFrame, tolerance: float = 0.02) -> Finding:
    """Growth percentiles are uniform by construction: their quarters hold a quarter of the students each, within the tolerance."""
    known = percentiles.drop_nulls("percentile").select(((pl.col("percentile") - 1) // 25).clip(0, 3).alias("quarter"))
    counts = dict(known.group_by("quarter").len().collect().iter_rows())
    rows = sum(counts.values())
    if not rows:
        return True, "no percentiles this year", {"rows": 0}
    shares = [counts.get(q, 0) / rows for q in range(4)]
    worst = max(abs(share - 0.25) for share in shares)
    return worst <= tolerance, f"the quarters hold {', '.join(f'{s:.1%}' for s in shares)} of the students", {"rows": rows, "worst": worst}


def scored_students_have_percentiles(percentiles: pl.LazyFrame) -> Finding:
    """Of the students with a usual prior score, nine of ten have a percentile; small districts have none."""
    counts = dict(percentiles.group_by("status").len().collect().iter_rows())
    due = sum(n for status, n in counts.items() if status not in ("no_prior_score", "unusual_progression"))
    found = counts.get("estimated", 0)
    return not due or found >= 0.9 * due, f"{found} of {due} students with a prior score have a percentile", dict(counts)


def trajectories_are_accounted_for(trajectories: pl.LazyFrame) -> Finding:
    """Every row has a slope, or a status that says why not."""
    counts = dict(trajectories.group_by("status").len().collect().iter_rows())
    has = pl.col("status").is_in(["estimated", "past_last_tested_grade"])
    silent = trajectories.filter(has == pl.col("slope").is_null()).select(pl.len()).collect().item()
    return silent == 0, f"{silent} rows have neither a slope nor a reason", dict(counts)


def shares_add_up(shares: pl.LazyFrame) -> Finding:
    """The shares of a subject add up to one where there are any."""
    sums = (
        shares.group_by("subject").agg(pl.col("share").sum(), pl.col("share").count().alias("parts")).filter(pl.col("parts") > 0).collect()
    )
    off = sums.filter((pl.col("share") - 1).abs() > 1e-9).height
    return off == 0, f"{sums.height} subjects have shares; {off} do not add up to 1", {"subjects": sums.height, "off": off}


CHECKS = {
    MODELS.name: (
        TableCheck(
            "every_subject_has_a_form",
            (MODELS,),
            lambda year: every_subject_has_a_form(year[MODELS]),
            "Every subject with scores has a growth model; else the statuses say why (one grade, all scores equal).",
        ),
    ),
    TRAJECTORIES.name: (
        TableCheck(
            "trajectories_are_accounted_for",
            (TRAJECTORIES,),
            lambda year: trajectories_are_accounted_for(year[TRAJECTORIES]),
            "Every student has a trajectory or a reason why not.",
        ),
    ),
    PERCENTILES.name: (
        TableCheck(
            "percentiles_are_uniform",
            (PERCENTILES,),
            lambda year: percentiles_are_uniform(year[PERCENTILES]),
            "Growth percentiles spread evenly, as they must by construction; else scores of two scales were mixed.",
        ),
        TableCheck(
            "scored_students_have_percentiles",
            (PERCENTILES,),
            lambda year: scored_students_have_percentiles(year[PERCENTILES]),
            "Nine of ten students with a usual prior score have a percentile; else grades are too small for a norm of the district's own.",
        ),
    ),
    VARIANCE_SHARES.name: (
        TableCheck(
            "shares_add_up",
            (VARIANCE_SHARES,),
            lambda year: shares_add_up(year[VARIANCE_SHARES]),
            "Shares of the variance add up to one.",
        ),
    ),
}
