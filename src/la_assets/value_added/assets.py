"""The value-added assets: students' rows, the placebo that gates, effects of teachers and schools, and what became of them later.

Every asset of year t reads years up to t; the forecast of t reads years before t only.
"""

from collections.abc import Callable, Iterable
from typing import Any

import dagster as dg
import polars as pl

from la_assets.assessments.schema import SCORES
from la_assets.figures import picture
from la_assets.reports.ethical_use import STAFF as ETHICAL_USE
from la_assets.roster.schema import (
    DIRECTORY_STAFF,
    ENROLLMENTS,
    INSTRUCTIONAL_LINKS,
    SCHOOLS,
    SECTION_ENROLLMENTS,
    SECTIONS,
    STUDENTS,
)
from la_assets.roster.schema import STAFF as STAFF_TABLE
from la_assets.school_years import earlier_years, own_and_earlier_years
from la_assets.value_added import briefs, plots
from la_assets.value_added import forecast as forecasting
from la_assets.value_added import forecast_evaluation as evaluating
from la_assets.value_added import link_coverage as coverage
from la_assets.value_added import models as fitted_models
from la_assets.value_added import persistence as persisting
from la_assets.value_added import student_scores as rows_of_students
from la_assets.value_added.effects import Evidence, Group, effects
from la_assets.value_added.final_scores import final_scores, latest_tested_years
from la_assets.value_added.model import SCHOOL, TEACHER, ValueAdded, fit_value_added, model_rows
from la_assets.value_added.placebo import Tolerance, YearEvidence, judged, year_evidence
from la_assets.value_added.schema import (
    FORECAST,
    FORECAST_EVALUATION,
    LINK_COVERAGE,
    MODELS,
    PERSISTENCE,
    PLACEBO_RUNS,
    PRINCIPAL_BRIEFS,
    SCHOOL_EFFECTS,
    STUDENT_SCORES,
    TEACHER_EFFECTS,
    TEACHER_EFFECTS_POOLED,
)
from la_assets.yearly_tables import Page, Year, yearly_table
from la_resources.contracts import Table

_PRIORS = 4
"""Years back that scores are looked for: two tested years before this one, with a year without tests among them."""

_POOLED = 2
_DRIFT = 8
_ETHICAL = {"ethical_use": ETHICAL_USE}


def _stamped(rows: pl.DataFrame, table: Table, year: Year, known: Iterable[pl.LazyFrame]) -> pl.DataFrame:
    """The rows with lineage: known when the last of the rows that went in was, else at the start of the year; columns of the contract."""
    latest = pl.concat([frame.select(pl.col("known_on").max(), pl.col("loaded_at").max()) for frame in known]).max().collect().row(0)
    first = year.school_year.first_day
    return rows.with_columns(
        school_year=pl.lit(year.label),
        known_on=pl.lit(latest[0] or first),
        source=pl.lit("value_added"),
        loaded_at=pl.lit(latest[1], dtype=pl.Datetime("us", "UTC")).fill_null(
            pl.lit(first).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        ),
    ).select(table.names)


def _evidence(year: Year) -> Evidence:
    s = year.district.value_added
    return Evidence(s.label_effect, s.minimum_students, s.minimum_reliability)


def _subjects(year: Year) -> list[str]:
    return list(dict.fromkeys(test.subject for test in year.district.value_added.final_tests))


def _fits(rows: pl.DataFrame, year: Year) -> dict[str, ValueAdded]:
    scored = _scored(year)
    return {subject: fit_value_added(rows.filter(pl.col("subject") == subject), scored=subject in scored) for subject in _subjects(year)}


def _placebo_evidence(year: Year, back: int) -> YearEvidence:
    """The placebo runs of the year ``back`` years ago; a step over several years makes those of each once."""
    label = year.school_year.shift(-back).label
    if label not in year.remembered:
        scores, links = (year.history(t).filter(pl.col("school_year") == label).collect() for t in (STUDENT_SCORES, INSTRUCTIONAL_LINKS))
        rows, scored = model_rows(scores, links), set(scores["subject"])
        fits = {s: fit_value_added(rows.filter(pl.col("subject") == s), scored=s in scored, averaged=False) for s in _subjects(year)}
        year.remembered[label] = year_evidence(rows, fits)
    evidence: YearEvidence = year.remembered[label]
    return evidence


def _scored(year: Year) -> set[str]:
    """Subjects in which anyone has a final score this year."""
    return set(year[STUDENT_SCORES].select(pl.col("subject").unique()).collect()["subject"])


def _verdicts(placebo_rows: pl.LazyFrame) -> dict[str, str]:
    return dict(placebo_rows.select("subject", "status").collect().iter_rows())


@yearly_table(
    STUDENT_SCORES,
    inputs=(SCORES, INSTRUCTIONAL_LINKS, STUDENTS, ENROLLMENTS, SECTIONS, SECTION_ENROLLMENTS),
    history={SCORES.name: own_and_earlier_years(_PRIORS)},
)
def student_scores(year: Year) -> pl.LazyFrame:
    """A student's final score in a subject with what was known of the student before the year's teaching.

    **From** `assessments.scores` (the final tests that the district names, this year and the two tested years before it) and the
    year's roster. Everyone with a final score has a row; `status` says whether the models use it, else the first reason why not.
    After a year without spring tests the prior lies two years back (`prior_school_year`).

    **Fresh** when final scores have landed. **If it fails**, the message names the column; scores and roster are checked there.
    """
    before = [year.school_year.shift(-back).label for back in range(1, _PRIORS + 1)]
    made = rows_of_students.student_scores(
        final_scores(year.history(SCORES), year.district.value_added.tests()),
        *(year[table] for table in (INSTRUCTIONAL_LINKS, STUDENTS, ENROLLMENTS, SECTIONS, SECTION_ENROLLMENTS)),
        school_year=year.label,
        earlier=latest_tested_years(before, year.district.years_without_spring_tests, 2),
        last_day=year.school_year.last_day,
    )
    return STUDENT_SCORES.shape(made.with_columns(source=pl.lit("value_added")))


@yearly_table(
    PLACEBO_RUNS,
    inputs=(STUDENT_SCORES, INSTRUCTIONAL_LINKS),
    history={t.name: own_and_earlier_years(_POOLED) for t in (STUDENT_SCORES, INSTRUCTIONAL_LINKS)},
    cadence="quarterly",
    kinds=("polars", "parquet", "scipy"),
)
def placebo(year: Year) -> Page:
    """The verdict on a subject's models of the year: `passed`, `failed` or `not_testable`.

    **From** `value_added.student_scores`: the model is run on last year's scores, which this year's teachers cannot have moved. The
    subjects of a year are judged together, and the year with the two before it.

    **Fresh** with the quarterly models. **If it fails** the placebo, effects of the subject and year are withheld: students were sorted
    to teachers on what earlier scores do not tell. Talk to schools about how classes are made before loosening
    `value_added.placebo_variance_share`.
    """
    s = year.district.value_added
    own, *earlier = (_placebo_evidence(year, back) for back in range(_POOLED + 1))
    verdicts = judged(own, earlier, Tolerance(s.placebo_p_value, s.placebo_variance_share))
    made = fitted_models.placebo_frame(verdicts)
    shares = {
        f"placebo_share_{name}": v.figures["variance_share"] for name, v in verdicts.items() if v.figures.get("variance_share") is not None
    }
    stamped = _stamped(made, PLACEBO_RUNS, year, (year[STUDENT_SCORES], year[INSTRUCTIONAL_LINKS]))
    return Page(stamped, _ETHICAL | {"failed": sum(v.status == "failed" for v in verdicts.values())} | shares)


@yearly_table(
    MODELS,
    inputs=(STUDENT_SCORES, INSTRUCTIONAL_LINKS, PLACEBO_RUNS),
    history={t.name: own_and_earlier_years(_POOLED) for t in (STUDENT_SCORES, INSTRUCTIONAL_LINKS, PLACEBO_RUNS)},
    cadence="quarterly",
    kinds=("polars", "parquet", "scipy"),
)
def models(year: Year) -> Page:
    """A fitted value-added model of a subject (one year, pooled over years, placebo) with coefficients, variances and manifest.

    **From** the same rows as the effects, fitted in the same way. **Fresh** with the quarterly models.

    **If it fails**, the contract names the column. A `status` other than `converged` or `singular` is no failure: it says that
    the rows cannot carry the model (one teacher, no prior scores, all scores equal).
    """
    s = year.district.value_added
    rows, pooled = model_rows(year[STUDENT_SCORES].collect(), year[INSTRUCTIONAL_LINKS].collect()), _pooled_rows(year)
    made = fitted_models.models_frame(rows, pooled, _subjects(year), s.model_dump(mode="json"), _scored(year))
    shown = {
        f"{part}_{row['subject']}": row[part]
        for row in made.filter(pl.col("model") == "one_year").to_dicts()
        for part in ("teacher_variance", "school_variance", "residual_variance")
        if row[part] is not None
    }
    return Page(_stamped(made, MODELS, year, (year[STUDENT_SCORES], year[INSTRUCTIONAL_LINKS])), _ETHICAL | shown)


def _effects_page(
    year: Year,
    table: Table,
    group: Group,
    *,
    fits: dict[str, ValueAdded],
    expected: Callable[[str], pl.DataFrame],
    verdicts: dict[str, str],
) -> Page:
    made = pl.concat(
        [
            effects(found, group, expected(subject), verdicts.get(subject, "not_testable"), _evidence(year)).with_columns(
                subject=pl.lit(subject)
            )
            for subject, found in fits.items()
        ]
    )
    shown: dict[str, Any] = {**_ETHICAL, **plots.effect_figures(made)}
    if made["effect"].drop_nulls().len() >= plots.FEWEST:
        shown |= {"distribution": picture(plots.caterpillar(made, year.label), f"Effects with 95 % intervals, {year.label}, without names")}
    return Page(_stamped(made, table, year, (year[STUDENT_SCORES], year[INSTRUCTIONAL_LINKS])), shown)


def _linked_teachers(year: Year) -> Callable[[str], pl.DataFrame]:
    links = year[INSTRUCTIONAL_LINKS].filter(pl.col("weight") > 0).select(TEACHER, "subject").unique().collect()
    return lambda subject: links.filter(pl.col("subject") == subject)


@yearly_table(
    TEACHER_EFFECTS, inputs=(STUDENT_SCORES, INSTRUCTIONAL_LINKS, PLACEBO_RUNS), cadence="quarterly", kinds=("polars", "parquet", "scipy")
)
def teacher_effects(year: Year) -> Page:
    """A teacher's effect in a subject, from this year's students, with its uncertainty; never the sole criterion for anything.

    **From** `value_added.student_scores` and the dosage of `roster.instructional_links`: score on prior, prior squared, programs,
    peers, class size, random teacher and school, by REML. Every linked teacher has a row; `status` says why there is no number.

    **Fresh** with the quarterly models. **If labels are `insufficient`** for nearly all, one year carries too little: use
    `value_added.teacher_effects_pooled`. **`withheld`**: see `value_added.placebo`.
    """
    rows = model_rows(year[STUDENT_SCORES].collect(), year[INSTRUCTIONAL_LINKS].collect())
    return _effects_page(
        year, TEACHER_EFFECTS, TEACHER, fits=_fits(rows, year), expected=_linked_teachers(year), verdicts=_verdicts(year[PLACEBO_RUNS])
    )


@yearly_table(
    SCHOOL_EFFECTS, inputs=(STUDENT_SCORES, INSTRUCTIONAL_LINKS, PLACEBO_RUNS), cadence="quarterly", kinds=("polars", "parquet", "scipy")
)
def school_effects(year: Year) -> Page:
    """A school's effect in a subject beyond that of its teachers, from this year's students.

    **From** the same model as `value_added.teacher_effects`. Every school with a final score in the subject has a row.

    **Fresh** with the quarterly models. **`no_variance`**: the district's schools differ no more than their teachers do; with one school
    there is nothing to compare.
    """
    scores = year[STUDENT_SCORES].collect()
    fits = _fits(model_rows(scores, year[INSTRUCTIONAL_LINKS].collect()), year)
    schools = scores.drop_nulls(SCHOOL).select(SCHOOL, "subject").unique()
    return _effects_page(
        year,
        SCHOOL_EFFECTS,
        SCHOOL,
        fits=fits,
        expected=lambda subject: schools.filter(pl.col("subject") == subject),
        verdicts=_verdicts(year[PLACEBO_RUNS]),
    )


def _pooled_rows(year: Year) -> pl.DataFrame:
    """Rows of this and the earlier years whose placebo did not fail; a failed one may not come back through the pool."""
    rows = model_rows(year.history(STUDENT_SCORES).collect(), year.history(INSTRUCTIONAL_LINKS).collect())
    failed = year.history(PLACEBO_RUNS).filter(pl.col("status") == "failed").select("subject", "school_year").collect()
    first = year.school_year.shift(1 - year.district.value_added.pooled_years).label
    return rows.filter(pl.col("school_year") >= first).join(failed, on=["subject", "school_year"], how="anti", maintain_order="left")


def _pooled_verdicts(year: Year) -> dict[str, str]:
    """Failed if this year's placebo failed; passed if any year of the pool passed (failed ones are not in it)."""
    own, all_years = _verdicts(year[PLACEBO_RUNS]), year.history(PLACEBO_RUNS).filter(pl.col("status") == "passed")
    passed = set(all_years.select("subject").unique().collect()["subject"])
    return {s: "failed" if own.get(s) == "failed" else "passed" if s in passed else "not_testable" for s in _subjects(year)}


@yearly_table(
    TEACHER_EFFECTS_POOLED,
    inputs=(STUDENT_SCORES, INSTRUCTIONAL_LINKS, PLACEBO_RUNS),
    history={t.name: own_and_earlier_years(_POOLED) for t in (STUDENT_SCORES, INSTRUCTIONAL_LINKS, PLACEBO_RUNS)},
    cadence="quarterly",
    kinds=("polars", "parquet", "scipy"),
)
def teacher_effects_pooled(year: Year) -> Page:
    """A teacher's effect in a subject, from the students of this year and the two before it: steadier, and slower to change.

    **From** the same rows and model as `value_added.teacher_effects`, years with a failed placebo left out. Every teacher linked in the
    subject this year has a row; `years_used` says how many years stand behind it.

    **Fresh** with the quarterly models. **`withheld`**: this year's placebo failed; see `value_added.placebo`.
    """
    return _effects_page(
        year,
        TEACHER_EFFECTS_POOLED,
        TEACHER,
        fits=_fits(_pooled_rows(year), year),
        expected=_linked_teachers(year),
        verdicts=_pooled_verdicts(year),
    )


@yearly_table(PERSISTENCE, inputs=(TEACHER_EFFECTS,), history={TEACHER_EFFECTS.name: own_and_earlier_years(_DRIFT)}, cadence="quarterly")
def persistence(year: Year) -> Page:
    """How far an earlier year's effects of a subject's teachers agree with this year's: correlation, raw and without noise.

    **From** `value_added.teacher_effects`; teachers with a number from enough students in both years.

    **Fresh** with it. **A raw correlation under 0.2** says that one year's effects foretell little of the next; do not act on them.
    """
    known = year.history(TEACHER_EFFECTS).filter(pl.col("students") >= year.district.value_added.minimum_students).collect()
    made = pl.concat([persisting.persistence(known, year.label, subject) for subject in _subjects(year)])
    last = made.filter(pl.col("correlation").is_not_null()).sort("earlier_school_year").unique("subject", keep="last", maintain_order=True)
    shown = {f"correlation_{subject}": r for subject, r in last.select("subject", "correlation").iter_rows()}
    return Page(_stamped(made, PERSISTENCE, year, (year[TEACHER_EFFECTS],)), _ETHICAL | shown)


@yearly_table(
    FORECAST,
    inputs=(TEACHER_EFFECTS, INSTRUCTIONAL_LINKS),
    history={TEACHER_EFFECTS.name: earlier_years(_DRIFT)},
    cadence="quarterly",
    kinds=("polars", "parquet", "scipy"),
)
def forecast(year: Year) -> Page:
    """A teacher's effect in a subject as foretold for this year from all earlier years, with weights that let old evidence fade.

    **From** the mean residuals of `value_added.teacher_effects` of earlier years only; this year gives who teaches. A teacher never seen
    before has a row without a number.

    **Fresh** with the quarterly models. **`too_few_teachers`**: no twenty teachers were seen in two years; the pool must do.
    """
    years = [year.school_year.shift(-back).label for back in range(_DRIFT, 0, -1)]
    known, linked = year.history(TEACHER_EFFECTS).collect(), _linked_teachers(year)
    made = pl.concat([forecasting.forecasts(known, linked(subject), years, subject) for subject in _subjects(year)])
    return Page(_stamped(made, FORECAST, year, (year.history(TEACHER_EFFECTS),)), _ETHICAL | {"forecasts": made["effect"].count()})


@yearly_table(
    FORECAST_EVALUATION,
    inputs=(FORECAST, TEACHER_EFFECTS, TEACHER_EFFECTS_POOLED),
    history={TEACHER_EFFECTS.name: own_and_earlier_years(1), TEACHER_EFFECTS_POOLED.name: earlier_years(1)},
    cadence="quarterly",
    kinds=("polars", "parquet", "matplotlib"),
)
def forecast_evaluation(year: Year) -> Page:
    """How the forecasts for this year agree with what came: against last year's effect, the pooled effect, and no forecast at all.

    **From** `value_added.forecast` of this year, which read earlier years only, and this year's `value_added.teacher_effects`; the simpler
    ways from last year's tables. The noise of one year's scores is taken off the miss.

    **Fresh** with the quarterly models; until the final scores are in, rows say `no_outcomes`. **If the check fails**, the forecast missed
    by more than saying that all teachers are average: do not use it, and look at `value_added.persistence`.
    """
    before = year.school_year.shift(-1).label
    effects, pooled = year.history(TEACHER_EFFECTS).collect(), year.history(TEACHER_EFFECTS_POOLED).collect()
    now, last = (effects.filter(pl.col("school_year") == label) for label in (year.label, before))
    told = year[FORECAST].collect()
    made = pl.concat([evaluating.evaluations(told, now, last, pooled, subject) for subject in _subjects(year)])
    shown: dict[str, Any] = dict(_ETHICAL)
    for subject, slope, coverage_share in made.filter(forecast_by="drift").select("subject", "slope", "coverage").drop_nulls().iter_rows():
        shown |= {f"slope_{subject}": slope, f"coverage_{subject}": coverage_share}
    if made["squared_miss"].count():
        shown["missed_by"] = picture(plots.misses(made, year.label), f"squared miss of forecasts of {year.label}")
    return Page(_stamped(made, FORECAST_EVALUATION, year, (year[FORECAST], year[TEACHER_EFFECTS])), shown)


@yearly_table(LINK_COVERAGE, inputs=(SCORES, INSTRUCTIONAL_LINKS, ENROLLMENTS))
def link_coverage(year: Year) -> pl.LazyFrame:
    """A school's tested students in a subject, and how many of them are linked to a teacher of it.

    **From** `assessments.scores` (any window of the final tests, so that gaps show before spring) and `roster.instructional_links`.

    **Fresh** with the links. **If the check fails**, ask the school for its class lists: value-added of a school
    where many students have no teacher describes the others only.
    """
    settings = year.district.value_added
    schools = rows_of_students.main_schools(year[ENROLLMENTS], year.school_year.last_day)
    made = coverage.link_coverage(year[SCORES], year[INSTRUCTIONAL_LINKS], schools, settings.tests(), settings.link_coverage)
    return LINK_COVERAGE.shape(made.with_columns(school_year=pl.lit(year.label), source=pl.lit("value_added")))


@yearly_table(
    PRINCIPAL_BRIEFS,
    inputs=(TEACHER_EFFECTS_POOLED, PLACEBO_RUNS, LINK_COVERAGE, STAFF_TABLE, SCHOOLS, DIRECTORY_STAFF),
    cadence="quarterly",
    kinds=("polars", "parquet", "pdf"),
)
def principal_briefs(year: Year) -> Page:
    """A brief for a school's principal: one PDF with the school's pooled effects, uncertainty first, and how to read them.

    **From** `value_added.teacher_effects_pooled`; names from `directory.staff`, so files and this index are restricted. Teachers with fewer
    students than the district's limit are named without a number. The ethical-use statement is on every page. Made for the school years
    that the district keeps (`reports.years_kept`); older years have rows without a file, and files made before are removed.

    **Fresh** with the quarterly models. **No file for a school** means that no teacher of it is linked in a tested subject.
    """
    effects_now = year[TEACHER_EFFECTS_POOLED].collect()
    staff = briefs.named_staff(year[STAFF_TABLE].collect(), year[DIRECTORY_STAFF].collect())
    names = dict(year[SCHOOLS].select("school_id", "name").collect().iter_rows())
    placebos, links = year[PLACEBO_RUNS].collect(), year[LINK_COVERAGE].collect()
    least, index = year.district.value_added.minimum_students, []
    with year.delivery(PRINCIPAL_BRIEFS) as delivery:
        for school, rows in briefs.by_school(effects_now, staff):
            row = {"school_id": school, "status": briefs.PAST, **briefs.counted(rows, least)}
            if year.keeps_files:
                about, linked = names.get(school) or f"School {school}", links.filter(pl.col("school_id") == school)
                content = briefs.brief(rows, about, year.label, placebos=placebos, links=linked, minimum_students=least)
                file = delivery.put(briefs.file_name(school), content)
                row |= {"status": briefs.WRITTEN, "path": file.path, "bytes": file.bytes, "sha256": file.sha256}
            index.append(row)
    made = pl.DataFrame(index, schema={c: PRINCIPAL_BRIEFS.by_name[c].dtype for c in PRINCIPAL_BRIEFS.names[:7]})
    written = made.filter(status=briefs.WRITTEN).height
    shown = {"briefs": written, "without_file": made.height - written}
    return Page(_stamped(made, PRINCIPAL_BRIEFS, year, (year[TEACHER_EFFECTS_POOLED],)), _ETHICAL | shown)


VALUE_ADDED_ASSETS: tuple[dg.AssetsDefinition, ...] = (
    student_scores, placebo, models, teacher_effects, school_effects, teacher_effects_pooled,
    persistence, forecast, forecast_evaluation, link_coverage, principal_briefs,
)  # fmt: skip
"""The assets of the room, inputs before what reads them."""
