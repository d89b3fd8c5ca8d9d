"""The growth assets: models of growth, each student's trajectory, growth percentiles, and where differences lie.

Every asset of year t reads scores of years up to t.
"""

from collections.abc import Iterable

import dagster as dg
import polars as pl

from la_assets.assessments.schema import SCORES
from la_assets.figures import picture
from la_assets.growth import growth_percentiles, plots
from la_assets.growth import models as growth
from la_assets.growth import trajectories as paths
from la_assets.growth import variance_shares as shares
from la_assets.growth.model_rows import models_frame
from la_assets.growth.norms import with_errors_and_usual_grades
from la_assets.growth.panel import growth_panel, proficiency_cuts
from la_assets.growth.schema import MODELS, PERCENTILES, TRAJECTORIES, VARIANCE_SHARES
from la_assets.reports.ethical_use import STAFF, STUDENTS
from la_assets.roster.schema import SCHOOLS
from la_assets.roster.schema import STUDENTS as STUDENTS_TABLE
from la_assets.school_years import own_and_earlier_years
from la_assets.value_added.final_scores import final_scores, latest_tested_years, with_priors
from la_assets.value_added.schema import STUDENT_SCORES
from la_assets.yearly_tables import Page, Year, yearly_table
from la_resources.contracts import Table

_GRADES_BACK = 9
"""Years of scores behind a trajectory: a student's way from grade 3 to grade 12."""

_PRIORS = 4
_POOLED = 2


def _stamped(rows: pl.DataFrame, table: Table, year: Year, known: Iterable[pl.LazyFrame]) -> pl.DataFrame:
    """The rows with lineage: known when the last of the rows that went in was, else at the start of the year; columns of the contract."""
    latest = pl.concat([frame.select(pl.col("known_on").max(), pl.col("loaded_at").max()) for frame in known]).max().collect().row(0)
    first = year.school_year.first_day
    start = pl.lit(first).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return rows.with_columns(
        school_year=pl.lit(year.label),
        known_on=pl.lit(latest[0] or first),
        source=pl.lit("growth"),
        loaded_at=pl.lit(latest[1], dtype=pl.Datetime("us", "UTC")).fill_null(start),
    ).select(table.names)


def _subjects(year: Year) -> list[str]:
    return list(dict.fromkeys(test.subject for test in year.district.value_added.final_tests))


def _finals(year: Year) -> pl.LazyFrame:
    return final_scores(year.history(SCORES), year.district.value_added.tests())


@yearly_table(
    MODELS,
    inputs=(SCORES,),
    history={SCORES.name: own_and_earlier_years(_GRADES_BACK)},
    cadence="quarterly",
    kinds=("polars", "parquet", "scipy"),
)
def models(year: Year) -> Page:
    """A form of a subject's growth model (linear, quadratic, piecewise), compared with the others.

    **From** final scores of `assessments.scores` of this and up to nine years before, on the vertical scale where the test has one.
    Compared by ML; the lowest BIC is refitted by REML and used by `growth.trajectories`.

    **Fresh** with the quarterly models. **If it fails**, the contract names the column; a `status` other than `converged` or `singular`
    says that the scores cannot carry the form.
    """
    panel = growth_panel(_finals(year))
    fits = {subject: growth.growth_models(panel.filter(pl.col("subject") == subject)) for subject in _subjects(year)}
    shown: dict[str, object] = {"ethical_use": STAFF}
    if drawn := {s: m for s, found in fits.items() for m in found if m.chosen}:
        shown["curves"] = picture(plots.growth_curves(drawn, panel, year.label), f"Average growth and its spread, {year.label}")
    return Page(_stamped(models_frame(fits, panel), MODELS, year, (_finals(year),)), shown)


@yearly_table(
    TRAJECTORIES,
    inputs=(SCORES, STUDENTS_TABLE),
    history={SCORES.name: own_and_earlier_years(_GRADES_BACK)},
    cadence="quarterly",
    kinds=("polars", "parquet", "scipy"),
)
def trajectories(year: Year) -> Page:
    """A student's growth in a subject: own line, score foretold at grade 8 (12 from grade 8 on) with interval, pattern, off track, at risk.

    **From** the chosen form of `growth.models`, fitted here to the same scores. Every student of `roster.students` in grades 3 to 12 has
    a row per subject; `status` says why there are no numbers.

    **Fresh** with the quarterly models. **Off track and at risk** are reasons to look, not findings about a child.
    """
    s = year.district.growth
    panel = growth_panel(_finals(year))
    cuts = proficiency_cuts(panel)
    grades = {f"{grade:02d}": grade for grade in range(3, 13)}
    students = (
        year[STUDENTS_TABLE]
        .with_columns(grade_number=pl.col("grade_level").replace_strict(grades, default=None, return_dtype=pl.Int32))
        .drop_nulls("grade_number")
        .select("student_key", "grade_number", grade="grade_level")
        .collect()
    )
    thresholds = paths.Thresholds(s.pattern, s.off_track, s.at_risk, s.target_grades)
    made = []
    for subject in _subjects(year):
        own = panel.filter(pl.col("subject") == subject)
        chosen = next((m for m in growth.growth_models(own) if m.chosen), None)
        of_subject = {grade: cut for (name, grade), cut in cuts.items() if name == subject}
        found = paths.trajectories(chosen, students.drop("grade"), own, of_subject, thresholds)
        scale = pl.lit(own["scale"][0] if own.height else None, dtype=pl.String)
        made.append(
            found.with_columns(subject=pl.lit(subject), scale=scale).join(students.select("student_key", "grade"), on="student_key")
        )
    rows = pl.concat(made)
    shown = {
        "ethical_use": STUDENTS,
        "with_numbers": rows["slope"].count(),
        "at_risk": int(rows["at_risk"].sum()),
        "off_track": int(rows["off_track"].sum()),
    }
    return Page(_stamped(rows, TRAJECTORIES, year, (_finals(year), year[STUDENTS_TABLE])), shown)


@yearly_table(
    PERCENTILES,
    inputs=(SCORES,),
    history={SCORES.name: own_and_earlier_years(_PRIORS)},
    cadence="quarterly",
    kinds=("polars", "parquet", "scipy"),
)
def percentiles(year: Year) -> Page:
    """A student's growth percentile in a subject, given up to two prior scores, with what the test's error does to it.

    **From** final scores of `assessments.scores`, this year's and the two tested years before: quantile regression on B-splines within
    subject, test and grade. Everyone with a final score has a row; `status` says why there is no percentile.

    **Fresh** with the quarterly models. **`too_few_peers`** in every grade: the district is too small for a norm of its own; use the
    test publisher's percentiles.
    """
    s = year.district.growth
    before = [year.school_year.shift(-back).label for back in range(1, _PRIORS + 1)]
    earlier = latest_tested_years(before, year.district.years_without_spring_tests, 2)
    apart = [before.index(label) + 1 for label in earlier]
    ready = with_errors_and_usual_grades(
        with_priors(_finals(year), year.label, earlier, ["scale_score", "grade"]), apart, s.assumed_reliability
    )
    found = growth_percentiles.growth_percentiles(ready.collect(), s.least_peers)
    rows = found.with_columns(
        pl.when(pl.col("percentile").is_not_null()).then("error_source").alias("error_source"), source=pl.lit("growth")
    )
    known = found["percentile"].drop_nulls()
    shown: dict[str, object] = {"ethical_use": STUDENTS, "with_percentile": known.len()}
    if known.len():
        width = found.select((pl.col("percentile_high") - pl.col("percentile_low")).mean()).item()
        shown |= {"mean_percentile": known.mean(), "mean_interval_width": width}
    return Page(rows.select(PERCENTILES.names), shown)


@yearly_table(
    VARIANCE_SHARES,
    inputs=(STUDENT_SCORES, SCHOOLS),
    history={t.name: own_and_earlier_years(_POOLED) for t in (STUDENT_SCORES, SCHOOLS)},
    cadence="quarterly",
    kinds=("polars", "parquet", "scipy"),
)
def variance_shares(year: Year) -> Page:
    """A part (student, class, school, district, residual) of the differences between a subject's scores of up to three years.

    **From** `value_added.student_scores` and the districts of `roster.schools`, by REML. A level with one member has no share.

    **Fresh** with the quarterly models. Shares are of differences between scores, not of what schools or teachers bring about.
    """
    districts = year.history(SCHOOLS).select("school_id", "school_year", pl.col("district_id").fill_null("the district"))
    rows = (
        year.history(STUDENT_SCORES)
        .join(districts, on=["school_id", "school_year"], how="left")
        .with_columns(class_id=pl.concat_str("class_id", "subject", "school_year", separator="|"))
        .sort("student_key", "subject", "school_year", "class_id")  # the sums of a fit depend on the order in their last digits
        .collect()
    )
    # A year without scores of its own (in progress, or without tests) says nothing new.
    current = year[STUDENT_SCORES].select(pl.len()).collect().item() > 0
    made = [
        shares.variance_shares(rows.filter((pl.col("subject") == subject) & current)).with_columns(subject=pl.lit(subject))
        for subject in _subjects(year)
    ]
    found = pl.concat(made)
    shown = {f"{part}_share_{subject}": share for subject, part, share in found.select("subject", "part", "share").drop_nulls().iter_rows()}
    return Page(_stamped(found, VARIANCE_SHARES, year, (year.history(STUDENT_SCORES),)), {"ethical_use": STAFF} | shown)


GROWTH_ASSETS: tuple[dg.AssetsDefinition, ...] = (models, trajectories, percentiles, variance_shares)
"""The assets of the room."""
