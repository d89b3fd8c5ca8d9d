"""The MTSS assets: panels with gaps filled and flagged, growth, tiers, movement, and intervention clusters."""

from typing import Any

import polars as pl

from la_assets.assessments.schema import SCORES, STANDARDS
from la_assets.attendance.schema import STUDENT_YEAR as ATTENDANCE
from la_assets.coursework.schema import STUDENT_YEAR as MARKS
from la_assets.figures import picture
from la_assets.mtss import cluster_features as made_from
from la_assets.mtss import cluster_fits as models
from la_assets.mtss import cluster_profiles as portraits
from la_assets.mtss import growth as changes
from la_assets.mtss import movement, panel, pictures
from la_assets.mtss import standards as points
from la_assets.mtss import tiers as rules
from la_assets.mtss.cluster_labels import labels_of_last
from la_assets.mtss.levels import cut_score_frame
from la_assets.mtss.schedule import schedule
from la_assets.mtss.schema import (
    ASSESSMENT_PANEL,
    CLUSTER_FEATURES,
    CLUSTER_FITS,
    CLUSTER_PROFILES,
    CLUSTERS,
    GROWTH,
    STANDARDS_PANEL,
    TIER_MOVEMENT,
    TIERS,
)
from la_assets.roster.schema import ENROLLMENTS, INSTRUCTIONAL_LINKS, SECTION_ENROLLMENTS, SECTIONS, STUDENTS
from la_assets.school_years import own_and_earlier_years
from la_assets.yearly_tables import Page, Year, yearly_table

_EVERY_YEAR = 30
"""Earlier years whose models are followed for labels: all there are."""


@yearly_table(ASSESSMENT_PANEL, inputs=(SCORES, STUDENTS, ENROLLMENTS, SECTIONS, SECTION_ENROLLMENTS, INSTRUCTIONAL_LINKS))
def assessment_panel(year: Year) -> Page:
    """A student's official result on a test in a window: observed, filled in, or missing with the reason.

    **From** `assessments.scores` and the roster. A missing score is the median of the smallest peer group with ten observed ones
    (section, teacher, grade in school, school, grade in district), flagged `is_imputed`; final scores (PM3, EOC) are never filled
    in. A student without a result is a row only where most of the class took the test, or the source says why there is none.

    **Fresh** with the window's results; a filled-in row is known when the last of its peers is. **If it fails**, a score breaks
    the contract; the message names the key.
    """
    settings = year.district.mtss
    rows = _of_year(
        panel.assessment_panel(
            year[SCORES],
            students=year[STUDENTS],
            enrollments=year[ENROLLMENTS],
            sections=year[SECTIONS],
            section_enrollments=year[SECTION_ENROLLMENTS],
            links=year[INSTRUCTIONAL_LINKS],
            windows=_windows(year),
            subjects=settings.subjects,
            taught_as=settings.taught_as,
            min_peers=settings.min_peers,
            expected_share=settings.expected_share,
        ),
        year,
    )
    return Page(rows, _shares(rows, imputed_share=pl.col("is_imputed"), not_tested_share=pl.col("status") != "tested"))


@yearly_table(STANDARDS_PANEL, inputs=(STANDARDS, ASSESSMENT_PANEL))
def standards_panel(year: Year) -> Page:
    """A student's share of the points on a standard in a window, observed or filled in with a peer median.

    **From** `assessments.standards` (the official attempt) and `mtss.assessment_panel`, which says who was not tested; filled in
    for those as scores are, never for final windows. A standard that nobody took has no rows.

    **Fresh** with `mtss.assessment_panel`. **It fails** only with its inputs.
    """
    rows = _of_year(points.standards_panel(year[STANDARDS], year[ASSESSMENT_PANEL], year.district.mtss.min_peers), year)
    return Page(rows, _shares(rows, imputed_share=pl.col("is_imputed"), mean_mastery=pl.col("mastery")))


@yearly_table(GROWTH, inputs=(ASSESSMENT_PANEL,))
def growth(year: Year) -> Page:
    """A student's change between two windows of a test: points, points per 30 days, percentile among peers who started alike.

    **From** observed scores of `mtss.assessment_panel`; windows are compared on a vertical scale or within the same grade only.
    Peers share the starting decile of the grade in the district; `peer_group` says where all grades were needed.

    **Fresh** with the later window; a percentile is known when the last of its peers is tested. **It fails** only with its input.
    `status` says why a row has no change: a window missed, scales that differ, too few peers.
    """
    rows = _of_year(changes.growth(year[ASSESSMENT_PANEL], _windows(year), year.district.mtss.min_peers), year)
    return Page(rows, _shares(rows, grown_share=pl.col("status") == "grown"))


@yearly_table(TIERS, inputs=(ASSESSMENT_PANEL, GROWTH, STANDARDS_PANEL), kinds=("polars", "parquet", "matplotlib"))
def tiers(year: Year) -> Page:
    """A student's tier of support in a subject after a window, with every rule that holds as a reason.

    **From** the student's own results: level (the source's, else the district's cut scores), growth from the last earlier window,
    standards below mastery. Tier 3: level 1, or level 2 with growth below the 20th percentile. Tier 2: level 2 otherwise, level 3
    with such growth, or two standards below mastery. A score filled in from peers gives no tier: `status` says not tested.

    **Fresh** with the window's results. **If it fails**, see its inputs. **No tier in a whole window**: no results yet, or spring
    tests were cancelled. The bubble flag stands in `forecasts.predictions`.
    """
    settings = year.district.mtss
    rows = _of_year(
        rules.tiers(
            year[ASSESSMENT_PANEL],
            year[GROWTH],
            year[STANDARDS_PANEL],
            windows=_windows(year),
            cuts=cut_score_frame(c.model_dump() for c in settings.cut_scores),
            spring_tests=year.label not in year.district.years_without_spring_tests,
            low_growth_percentile=settings.low_growth_percentile,
            mastery=settings.mastery,
            standards_below=settings.standards_below,
        ),
        year,
    )
    newest = rows.filter("is_latest")
    shares = _shares(newest, **{f"tier_{tier}_share": pl.col("tier") == tier for tier in (1, 2, 3)})
    counts = pictures.tier_counts(rows)
    drawn = {"tiers_by_window": picture(pictures.tiers_by_window(counts), "Students by tier after each window")} if counts.height else {}
    return Page(rows, shares | drawn)


@yearly_table(TIER_MOVEMENT, inputs=(TIERS,))
def tier_movement(year: Year) -> Page:
    """A student's move between the tiers of two windows that follow each other: stayed, more or less support, entered, left.

    **From** `mtss.tiers`. `left` is no tier after the later window (not tested, or gone); `entered` none after the earlier.

    **Fresh** with `mtss.tiers`. **It fails** only with its input.
    """
    rows = _of_year(movement.tier_movement(year[TIERS], _windows(year)), year)
    moved = {name: pl.col("movement") == name.replace("_", " ") for name in ("less_support", "more_support", "stayed")}
    return Page(rows, _shares(rows, **{f"{name}_share": is_so for name, is_so in moved.items()}))


@yearly_table(CLUSTER_FEATURES, inputs=(TIERS, STUDENTS, ATTENDANCE, MARKS))
def cluster_features(year: Year) -> pl.LazyFrame:
    """What a student's intervention cluster in a subject is made from, as of the newest window with a tier.

    **From** `mtss.tiers`, `roster.students`, attendance and marks of the year so far. The score is relative to subject, grade and
    window. Race and ethnicity is left out unless the district switches it on.

    **Fresh** with its inputs, with which alone it fails.
    """
    with_race = "race_ethnicity" in year.district.mtss.clusters.categorical
    return made_from.cluster_features(
        year[TIERS], year[STUDENTS], year[ATTENDANCE], year[MARKS], with_race_ethnicity=with_race
    ).with_columns(school_year=pl.lit(year.label))


@yearly_table(CLUSTER_FITS, inputs=(CLUSTER_FEATURES,), cadence="quarterly", kinds=("polars", "parquet", "numba"))
def cluster_fits(year: Year) -> Page:
    """The K-Prototypes model of a tier and subject: centroids, scaling, and how the number of clusters was chosen.

    **From** `mtss.cluster_features`. k is the elbow of the cost curve among numbers of clusters that refits on resamples find again
    (adjusted Rand index at least 0.7) and that leave no cluster under ten students; `status` says why there is none.

    **Fresh** once a quarter: groups that change every night explain nothing. **It fails** only with its input.
    """
    settings = year.district.mtss.clusters
    features = year[CLUSTER_FEATURES].collect(engine="streaming")
    choice = settings.model_dump(exclude={"categorical"})
    rows = models.cluster_fits(features, categorical=settings.categorical, settings=choice)
    fitted = rows.filter(pl.col("status") == "fitted")
    shows: dict[str, Any] = {"fitted": fitted.height}
    if fitted.height:
        shows |= {"mean_stability": float(fitted["stability"].mean()), "clusters": int(fitted["clusters"].sum())}  # type: ignore[arg-type]
    return Page(rows.with_columns(school_year=pl.lit(year.label)), shows if rows.height else {})


@yearly_table(
    CLUSTER_PROFILES,
    inputs=(CLUSTER_FEATURES, CLUSTER_FITS, TIERS),
    history={CLUSTER_FITS.name: own_and_earlier_years(_EVERY_YEAR)},
    kinds=("polars", "parquet", "matplotlib"),
)
def cluster_profiles(year: Year) -> Page:
    """An intervention cluster: who is in it, what sets it apart, and the standards most worth re-teaching.

    **From** `mtss.cluster_features`, put to the centroids of `mtss.cluster_fits`; labels follow the models of all years before, so
    that A of this year is the same kind of student as A of last year (`continues_from`). The standards are those with the most
    students of the cluster below mastery in their newest window.

    **Fresh** with its inputs, with which alone it fails. **A row with cluster `none`** is a tier and subject without clusters.
    """
    named = _named(year)
    below = year[TIERS].filter("is_latest").select("student_key", "subject", "not_proficient_standards")
    rows = portraits.cluster_profiles(named, below.collect(engine="streaming"), year.district.mtss.clusters.min_cluster_size).with_columns(
        school_year=pl.lit(year.label)
    )
    heat = {"profiles": picture(pictures.profile_heat_map(rows), "What sets the clusters apart")} if rows.height else {}
    return Page(CLUSTER_PROFILES.shape(rows.lazy()), heat)


@yearly_table(
    CLUSTERS,
    inputs=(CLUSTER_FEATURES, CLUSTER_FITS, CLUSTER_PROFILES),
    history={CLUSTER_FITS.name: own_and_earlier_years(_EVERY_YEAR)},
)
def clusters(year: Year) -> Page:
    """The intervention cluster of a student in a subject, among the students of the same tier.

    **From** `mtss.cluster_features`, put to the nearest centroid of the quarter's model, with the label and name of
    `mtss.cluster_profiles`. A student whose tier has changed since is put to the model of the new tier.

    **Fresh** with its inputs, with which alone it fails. **No cluster?** `status` says why: too few students, no stable grouping,
    no model yet.
    """
    names = year[CLUSTER_PROFILES].select("subject", "tier", "cluster", "cluster_name").collect(engine="streaming")
    rows = (
        _named(year)
        .join(names, on=["subject", "tier", "cluster"], how="left")
        .with_columns(
            pl.max_horizontal("known_on", "fit_known").alias("known_on"),
            pl.max_horizontal("loaded_at", "fit_loaded").alias("loaded_at"),
            pl.lit(year.label).alias("school_year"),
        )
    )
    return Page(rows, _shares(rows, clustered_share=pl.col("status") == "clustered"))


def _windows(year: Year) -> pl.DataFrame:
    return schedule(test.model_dump() for test in year.district.mtss.tests)


def _of_year(rows: pl.LazyFrame, year: Year) -> pl.DataFrame:
    return rows.with_columns(school_year=pl.lit(year.label)).collect(engine="streaming")


def _named(year: Year) -> pl.DataFrame:
    """The year's students at their centroids, with the labels that follow from the models of all years so far."""
    fits = year.history(CLUSTER_FITS).collect(engine="streaming")
    assigned = models.assigned_clusters(year[CLUSTER_FEATURES].collect(), fits.filter(pl.col("school_year") == year.label))
    return portraits.cluster_names(assigned, labels_of_last(fits, year.label))


def _shares(rows: pl.DataFrame, **shares: pl.Expr) -> dict[str, float]:
    """Means over all rows, for the asset's page; nothing for a year without rows."""
    found = rows.select(expression.mean().cast(pl.Float64).alias(name) for name, expression in shares.items()).row(0, named=True)
    return {name: round(value, 4) for name, value in found.items() if value is not None}
