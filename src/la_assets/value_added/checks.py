"""What to look at in value-added beyond contracts: links, placebo, sorting, models without numbers, rows that were not used.

Functions from frames of one year to a finding, and at the end the list that binds them to tables.
"""

import polars as pl

from la_assets.checks import TableCheck
from la_assets.data_checks import Finding
from la_assets.value_added.schema import FORECAST_EVALUATION, LINK_COVERAGE, MODELS, PLACEBO_RUNS, STUDENT_SCORES, TEACHER_EFFECTS


def links_cover_students(coverage: pl.LazyFrame, limit: float) -> Finding:
    """No school with enough tested students has fewer than the limit linked to a teacher."""
    under = coverage.filter(pl.col("status") == "under_the_limit").sort("coverage").collect()
    rows = coverage.select(pl.len()).collect().item()
    words = f"every school's links cover {limit:.0%} of its tested students" if rows else "no tested students yet"
    if under.height:
        worst = under.row(0, named=True)
        words = (
            f"{under.height} of {rows} schools and subjects have links for fewer than {limit:.0%} of their tested students; "
            f"the lowest is school {worst['school_id']}, {worst['subject']}: {worst['coverage']:.0%}"
        )
    return under.is_empty(), words, {"schools_and_subjects": rows, "under_the_limit": under.height}


def placebo_is_clean(placebo: pl.LazyFrame) -> Finding:
    """No subject's placebo failed; those that could not be run are counted."""
    counts = dict(placebo.group_by("status").len().collect().iter_rows())
    failed = placebo.filter(pl.col("status") == "failed").select("subject", "reason").collect()
    words = "; ".join(f"{subject}: {reason}; its effects are withheld" for subject, reason in failed.iter_rows())
    return failed.is_empty(), words or "no placebo failed", {name: counts.get(name, 0) for name in ("passed", "failed", "not_testable")}


def effects_do_not_follow_prior_prior_scores(placebo: pl.LazyFrame, p_value: float) -> Finding:
    """The slope of teachers' residuals on prior-prior scores of their other students is significant in no subject, all taken together."""
    tested = placebo.select(pl.col("sorting_p_value").count()).collect().item()
    sloping = placebo.filter(pl.col("sorting_p_value") < p_value / max(tested, 1)).select("subject", "sorting_slope").collect()
    words = "; ".join(f"{s}: {slope:+.2f} SD a SD of prior-prior score" for s, slope in sloping.iter_rows())
    return sloping.is_empty(), words or f"no slope in {tested} subjects tested", {"tested": tested, "sloping": sloping.height}


def models_have_numbers(models: pl.LazyFrame, students: pl.LazyFrame) -> Finding:
    """Every one-year model has numbers; not judged where no student has an earlier score: the first year, or no final scores yet."""
    made = models.filter(pl.col("model") == "one_year").select("subject", "status").collect()
    without = made.filter(~pl.col("status").is_in(["converged", "singular"]))
    counts = {"models": made.height, "without_numbers": without.height}
    if not students.select(pl.col("prior").count()).collect().item():
        return True, "no final scores with an earlier one", counts
    words = "; ".join(f"{subject}: {status}" for subject, status in without.iter_rows())
    return without.is_empty(), words or "every subject's model has numbers", counts


def covariates_vary_within_teachers(models: pl.LazyFrame) -> Finding:
    """No covariate is constant within every teacher, where its coefficient would rest on teachers' differences alone."""
    between = models.drop_nulls("between_only").select("subject", "model", "between_only").collect()
    words = "; ".join(f"{s} ({m}): {c}" for s, m, c in between.iter_rows())
    return between.is_empty(), words or "every covariate varies within teachers", {"models": between.height}


def scored_students_are_used(students: pl.LazyFrame, expected: float = 0.95) -> Finding:
    """Of the students with a final and an earlier score, at least 95 % are in the models; the others have no link or no school."""
    counts = dict(students.group_by("status").len().collect().iter_rows())
    due = sum(counts.values()) - counts.get("no_prior_score", 0)
    used = counts.get("used", 0)
    return used >= expected * due, f"{used} of {due} scores with an earlier one are used", dict(counts)


def forecasts_help(evaluation: pl.LazyFrame) -> Finding:
    """In no subject did the forecast miss clearly by more than saying that every teacher is average."""
    ways = (
        evaluation.filter(pl.col("status") == "estimated").select("subject", "forecast_by", "squared_miss", "squared_miss_error").collect()
    )
    drift, zero = (ways.filter(pl.col("forecast_by") == way) for way in ("drift", "zero"))
    both = drift.join(zero, on="subject", suffix="_zero")
    worse = both.filter(pl.col("squared_miss") - 1.96 * pl.col("squared_miss_error") > pl.col("squared_miss_zero"))
    words = "; ".join(
        f"{s}: missed by {m:.4f}, zero by {z:.4f} SD squared"
        for s, m, z in worse.select("subject", "squared_miss", "squared_miss_zero").iter_rows()
    )
    return worse.is_empty(), words or f"no forecast of {both.height} subjects misses by more than none", {"subjects": both.height}


def every_teacher_is_accounted_for(effects: pl.LazyFrame) -> Finding:
    """Every row has a number, or a status that says why not; counts by status."""
    counts = dict(effects.group_by("status").len().collect().iter_rows())
    silent = effects.filter((pl.col("status") == "estimated") == pl.col("effect").is_null()).select(pl.len()).collect().item()
    return silent == 0, f"{silent} rows have neither a number nor a reason", dict(counts)


CHECKS = {
    STUDENT_SCORES.name: (
        TableCheck(
            "scored_students_are_used",
            (STUDENT_SCORES,),
            lambda year: scored_students_are_used(year[STUDENT_SCORES]),
            "95 % of the students with two scores are in the models; else links or enrolments are missing: see `status`.",
        ),
    ),
    PLACEBO_RUNS.name: (
        TableCheck(
            "placebo_is_clean",
            (PLACEBO_RUNS,),
            lambda year: placebo_is_clean(year[PLACEBO_RUNS]),
            "No subject's teachers explain what their students scored before they met; else effects of the subject are withheld.",
        ),
        TableCheck(
            "effects_do_not_follow_prior_prior_scores",
            (PLACEBO_RUNS,),
            lambda year: effects_do_not_follow_prior_prior_scores(year[PLACEBO_RUNS], year.district.value_added.placebo_p_value),
            "Effects do not follow what other students of the teacher scored two years ago; else look at how classes are made.",
        ),
    ),
    MODELS.name: (
        TableCheck(
            "models_have_numbers",
            (MODELS, STUDENT_SCORES),
            lambda year: models_have_numbers(year[MODELS], year[STUDENT_SCORES]),
            "Every subject's one-year model has numbers; else the status says why: one teacher, no prior scores, all scores equal.",
        ),
        TableCheck(
            "covariates_vary_within_teachers",
            (MODELS,),
            lambda year: covariates_vary_within_teachers(year[MODELS]),
            "No covariate is constant within every teacher; else it may take away what teachers differ in.",
        ),
    ),
    TEACHER_EFFECTS.name: (
        TableCheck(
            "every_teacher_is_accounted_for",
            (TEACHER_EFFECTS,),
            lambda year: every_teacher_is_accounted_for(year[TEACHER_EFFECTS]),
            "Every linked teacher has a number or a reason.",
        ),
    ),
    FORECAST_EVALUATION.name: (
        TableCheck(
            "forecasts_help",
            (FORECAST_EVALUATION,),
            lambda year: forecasts_help(year[FORECAST_EVALUATION]),
            "Forecasts miss by no more than saying that every teacher is average; else they are not to be used.",
        ),
    ),
    LINK_COVERAGE.name: (
        TableCheck(
            "links_cover_students",
            (LINK_COVERAGE,),
            lambda year: links_cover_students(year[LINK_COVERAGE], year.district.value_added.link_coverage),
            "Links to teachers cover at least 95 % of each school's tested students; else ask the school for its class lists.",
        ),
    ),
}
