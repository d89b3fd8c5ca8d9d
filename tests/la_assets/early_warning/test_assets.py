"""Models, scores, evaluation and audit as Dagster calls them, on a made-up district whose risk is known.

Nothing of the future changes a byte; every bad input is said in a status and by a named check.
"""

import datetime as dt
from typing import Any

import dagster as dg
import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from la_assets.early_warning import assets, checks
from la_assets.early_warning.checks import CHECKS
from la_assets.early_warning.features.student_features import FEATURES as NAMES
from la_assets.early_warning.schema import (
    DROPOUT_EVALUATION,
    DROPOUT_MODEL,
    DROPOUT_SCORES,
    FAIRNESS,
    FEATURES,
    READINESS_SCORES,
    RISK_CHANGES,
)
from la_assets.outcomes.schema import EXITS
from la_assets.roster.schema import ENROLLMENTS
from la_assets.school_years import SchoolYear
from la_assets.yearly_tables import Year
from la_resources.contracts import Table, validate
from la_resources.district import District
from la_resources.school_year import partition_key

from ..called_assets import called_resources
from ..roster.landed import d, student

YEARS = [f"{k}-{k - 1999}" for k in range(2018, 2026)]
STUDENTS = 260
LOADED = dt.datetime(2026, 7, 1, tzinfo=dt.UTC)


def district(**columns: Any) -> dict[str, pl.LazyFrame]:
    """Every year new students, all in grade 10 at Q2; who is often absent and fails courses is likelier to drop out next year."""
    rng = np.random.default_rng(5)
    features, exits, stays, attended = [], [], [], []
    for label in YEARS:
        start = int(label[:4])
        keys = [student(f"{label}-{k}") for k in range(STUDENTS)]
        absent, failing = rng.beta(1.2, 8, STUDENTS), rng.poisson(0.6, STUDENTS).astype(float)
        dropped = rng.random(STUDENTS) < 1 / (1 + np.exp(3.4 - 9 * absent - 1.2 * failing))
        as_of = dt.date(start + 1, 1, 31)
        numbers = {name: rng.normal(size=STUDENTS) for name in NAMES} | {
            "attendance_rate": 1 - absent, "courses_failing": failing, "suspensions": np.zeros(STUDENTS),
            "gpa": rng.uniform(1, 4, STUDENTS),
        }  # fmt: skip
        text = {
            "student_key": keys, "snapshot": "Q2", "as_of_date": as_of, "school_id": [str(k % 3) for k in range(STUDENTS)],
            "grade_level": "10", "gender": [("Female", "Male")[k % 2] for k in range(STUDENTS)],
            "race_ethnicity": [("White", "Asian")[k > 2] for k in range(STUDENTS)], "frl": [k % 2 == 0 for k in range(STUDENTS)],
            "ell": False, "ese": False, "school_year": label, "known_on": as_of, "source": "early_warning", "loaded_at": LOADED,
        }  # fmt: skip
        features.append(pl.DataFrame(text | numbers, schema_overrides=dict(FEATURES.polars_schema())).select(FEATURES.names))
        for year in (label, SchoolYear(label).shift(1).label):
            stays += [_stay(key, year) for key in keys]
        gone = SchoolYear(label).shift(1).label
        exits += [_exit(key, gone, dt.date(start + 2, 2, 1)) for key, left in zip(keys, dropped, strict=True) if left]
        attended.append({"school_year": label, "last_date": dt.date(start + 1, 5, 25)})
    frames = {
        FEATURES.name: pl.concat(features).with_columns(**columns).lazy(),
        EXITS.name: pl.LazyFrame(exits, schema=EXITS.polars_schema()),
        ENROLLMENTS.name: pl.LazyFrame(stays, schema=ENROLLMENTS.polars_schema()),
    }
    return frames | {assets.ATTENDANCE_YEAR.name: pl.LazyFrame(attended, schema_overrides={"last_date": pl.Date})}


def _stay(key: str, year: str) -> dict[str, Any]:
    start = int(year[:4])
    return dict.fromkeys(ENROLLMENTS.names) | {
        "student_key": key, "school_id": "1", "entry_date": dt.date(start, 8, 10), "exit_date": dt.date(start + 1, 5, 25),
        "is_primary": True,
        "school_year": year, "known_on": dt.date(start, 8, 10), "source": "sis", "loaded_at": LOADED,
    }  # fmt: skip


def _exit(key: str, year: str, day: dt.date, status: str = "dropped_out", known: dt.date | None = None) -> dict[str, Any]:
    return dict.fromkeys(EXITS.names) | {
        "student_key": key, "status": status, "exit_code": "W15", "exit_date": day, "observed_on": known or day, "exits": 1,
        "school_year": year, "known_on": known or day, "source": "sis", "loaded_at": LOADED,
    }  # fmt: skip


def call(asset: dg.AssetsDefinition, table: Table, label: str, frames: dict[str, pl.LazyFrame]) -> pl.DataFrame:
    """The asset of one year, held to its contract; inputs that are not given are empty."""
    from la_assets.definitions import TABLES

    empty = {t.name: t.empty() for t in TABLES}
    inputs = {name: (empty | frames)[".".join(key.path)] for name, key in asset.keys_by_input_name.items()}
    key = partition_key(label)
    context = dg.build_asset_context(partition_key=key, resources=called_resources())
    with pytest.MonkeyPatch.context() as patch:  # a context without a run has nowhere to put what a page shows
        patch.setattr(type(context), "add_asset_metadata", lambda *_, **__: None)
        rows = asset(context, **inputs)[key].lazy().select(table.names).sort(table.key).collect()
    validate(table, rows)
    assert not rows.select(table.key).is_duplicated().any()
    return rows


@pytest.fixture(scope="module")
def made() -> dict[str, pl.DataFrame]:
    """The dropout tables of 2022-23, and what became of it in 2024-25."""
    frames = district()
    model = call(assets.dropout_model, DROPOUT_MODEL, "2022-23", frames)
    frames |= {DROPOUT_MODEL.name: model.lazy()}
    scores = call(assets.dropout_scores, DROPOUT_SCORES, "2022-23", frames)
    frames |= {DROPOUT_SCORES.name: scores.lazy()}
    evaluation = call(assets.dropout_evaluation, DROPOUT_EVALUATION, "2024-25", frames)
    audit = call(assets.fairness_audit, FAIRNESS, "2024-25", frames)
    return {"model": model, "scores": scores, "evaluation": evaluation, "audit": audit}


# -- no leakage -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asset", [assets.dropout_model, assets.course_failure_model, assets.college_readiness_model])
def test_a_model_reads_earlier_years_only(asset: dg.AssetsDefinition) -> None:
    mappings = [dep.partition_mapping for spec in asset.specs for dep in spec.deps]
    assert len(mappings) >= 2
    assert all(mapping.end_offset <= -1 for mapping in mappings)


def test_the_model_learns_only_years_whose_window_closed_before_its_own_began(made: dict[str, pl.DataFrame]) -> None:
    row = made["model"].row(0, named=True)
    assert (row["status"], row["as_of_date"]) == ("fitted", d("2022-06-30"))
    assert row["training_years"] == ["2018-19", "2019-20", "2020-21"], "two school years of 2021-22 had not passed"
    assert (row["n_units"], row["n_closed"], row["n_labelled"], row["n_left_out"]) == (4 * STUDENTS, 3 * STUDENTS, 3 * STUDENTS, 0)


def test_a_perfect_feature_of_years_that_are_not_over_changes_no_byte_of_the_model(made: dict[str, pl.DataFrame]) -> None:
    """From 2021-22 on, a feature says exactly who will drop out."""
    frames = district()
    gone = frames[EXITS.name].select("student_key").unique().with_columns(pl.lit(1.0).alias("will_drop"))
    later = pl.col("school_year") >= "2021-22"
    frames[FEATURES.name] = (
        frames[FEATURES.name]
        .join(gone, on="student_key", how="left")
        .with_columns(pl.when(later).then(pl.col("will_drop").fill_null(0.0)).otherwise("gpa").alias("gpa"))
        .drop("will_drop")
    )
    assert_frame_equal(call(assets.dropout_model, DROPOUT_MODEL, "2022-23", frames), made["model"], check_exact=True)


def test_exits_that_became_known_later_change_no_byte_of_the_model(made: dict[str, pl.DataFrame]) -> None:
    """Everybody is said to have dropped out, but only on the first day of the scored year."""
    frames = district()
    keys = frames[FEATURES.name].select("student_key", "school_year").collect()
    told = [_exit(k, SchoolYear(y).shift(1).label, dt.date(int(y[:4]) + 2, 3, 1), known=d("2022-07-01")) for k, y in keys.iter_rows()]
    frames[EXITS.name] = pl.concat([frames[EXITS.name], pl.LazyFrame(told, schema=EXITS.polars_schema())])
    assert_frame_equal(call(assets.dropout_model, DROPOUT_MODEL, "2022-23", frames), made["model"], check_exact=True)


def test_an_exit_known_in_time_does_change_the_model(made: dict[str, pl.DataFrame]) -> None:
    """So the tests above can fail."""
    frames = district()
    keys = frames[FEATURES.name].filter(pl.col("school_year") == "2019-20").select("student_key").collect()["student_key"]
    told = [_exit(key, "2020-21", d("2021-03-01"), known=d("2021-03-01")) for key in keys[:40]]
    frames[EXITS.name] = pl.concat([frames[EXITS.name], pl.LazyFrame(told, schema=EXITS.polars_schema())])
    assert call(assets.dropout_model, DROPOUT_MODEL, "2022-23", frames)["model_version"].item() != made["model"]["model_version"].item()


def test_scoring_an_old_year_again_from_its_stored_model_gives_the_same_bits(made: dict[str, pl.DataFrame]) -> None:
    frames = district() | {DROPOUT_MODEL.name: made["model"].lazy()}
    frames[FEATURES.name] = frames[FEATURES.name].collect().sample(fraction=1.0, shuffle=True, seed=3).lazy()
    assert_frame_equal(call(assets.dropout_scores, DROPOUT_SCORES, "2022-23", frames), made["scores"], check_exact=True)


# -- scores -----------------------------------------------------------------------------------------------------------------


def test_every_student_of_the_year_has_a_score_with_its_parts(made: dict[str, pl.DataFrame]) -> None:
    scores = made["scores"]
    assert scores.height == STUDENTS
    assert scores["status"].unique().to_list() == ["scored"]
    assert scores.filter(~pl.col("probability").is_between("probability_low", "probability_high")).is_empty()
    assert scores["reasons"].list.len().unique().to_list() == [5]
    assert scores["recommendations"].list.len().min() >= 1
    levels = {
        level: (scores.filter(pl.col("level") == level)["probability"].min(), scores.filter(pl.col("level") == level)["probability"].max())
        for level in scores["level"].unique()
    }
    assert all(low <= value < high for level, (low, high) in zip(("Low", "Medium"), ((0, 0.3), (0.3, 0.6)), strict=True)
               for value in levels.get(level, ()))  # fmt: skip


def test_a_year_without_a_model_has_its_rows_and_no_number() -> None:
    """In the first weeks of July the new year's model is not fitted yet; nothing may stop for that."""
    rows = call(assets.dropout_scores, DROPOUT_SCORES, "2022-23", district())
    assert (rows.height, rows["status"].unique().to_list()) == (STUDENTS, ["no_model"])
    assert rows.select(pl.col("probability", "level", "reasons", "model_version").is_null().all()).row(0) == (True,) * 4
    assert rows["recommendations"].null_count() == 0, "what the rules say does not need a model"


def test_a_year_without_any_data_makes_empty_scores_and_rows_that_say_so() -> None:
    assert call(assets.features, FEATURES, "2025-26", {}).is_empty()
    assert call(assets.college_readiness_scores, READINESS_SCORES, "2025-26", {}).is_empty()
    assert call(assets.risk_changes, RISK_CHANGES, "2025-26", {}).is_empty()
    assert call(assets.dropout_model, DROPOUT_MODEL, "2025-26", {})["status"].to_list() == ["no_labelled_rows"]
    assert call(assets.dropout_evaluation, DROPOUT_EVALUATION, "2025-26", {})["status"].to_list() == ["nothing_due"]
    assert set(call(assets.fairness_audit, FAIRNESS, "2025-26", {})["status"]) == {"nothing_due"}


# -- evaluation and audit ---------------------------------------------------------------------------------------------------


def test_scores_are_evaluated_once_in_the_year_in_which_the_outcomes_became_known(made: dict[str, pl.DataFrame]) -> None:
    frames = district() | {DROPOUT_MODEL.name: made["model"].lazy(), DROPOUT_SCORES.name: made["scores"].lazy()}
    others = [call(assets.dropout_evaluation, DROPOUT_EVALUATION, year, frames) for year in ("2022-23", "2023-24", "2025-26")]
    assert [rows["status"].to_list() for rows in others] == [["nothing_due"]] * 3
    assert made["evaluation"]["scored_year"].unique().to_list() == ["2022-23"]
    counted = made["evaluation"].filter(pl.col("metric") == "outcome")
    assert counted["n"].sum() == STUDENTS, "everyone is counted, with or without a label"


def test_the_made_up_risk_is_found_and_the_baselines_stand_beside_it(made: dict[str, pl.DataFrame]) -> None:
    """The true risk has an AUC near 0.80 here; 260 students with about 40 dropouts tell it to about 0.04 (one standard error)."""
    auc = made["evaluation"].filter(pl.col("metric") == "auc_roc")
    found = {row["model"]: row for row in auc.iter_rows(named=True)}
    assert set(found) == {"published", "xgboost", "logistic", "rules", "school"}
    assert found["published"]["low"] < 0.80 < found["published"]["high"] + 0.04
    assert found["published"]["estimate"] > found["school"]["estimate"]
    assert found["published"]["drift"] in {"stable", "auc_down", "slope_out", "auc_down_and_slope_out"}


def test_three_students_are_no_evidence_and_are_not_shown(made: dict[str, pl.DataFrame]) -> None:
    few = made["audit"].filter(pl.col("subgroup") == "race_ethnicity", pl.col("group") == "White")
    assert few["status"].unique().to_list() == ["suppressed"]
    assert few.select(pl.col("estimate", "n", "positives").is_null().all()).row(0) == (True,) * 3
    assert few["group_verdict"].unique().to_list() == ["insufficient evidence"]


# -- bad inputs, named ------------------------------------------------------------------------------------------------------


def judged(name: str, table: Table, label: str, **frames: pl.DataFrame) -> tuple[bool, str]:
    check = next(c for c in CHECKS[table.name] if c.name == name)
    given = {t.name: t.empty() for t in check.inputs} | {table.name: frames["rows"].lazy()}
    passed, words, _ = check.judge(Year(SchoolYear(label), District(), given, {}))
    return passed, words


def test_years_without_exits_are_one_class_and_a_check_says_so() -> None:
    frames = district()
    frames[EXITS.name] = EXITS.empty()
    model = call(assets.dropout_model, DROPOUT_MODEL, "2022-23", frames)
    assert model["status"].to_list() == ["one_class"]
    passed, words = judged("models_are_fitted", DROPOUT_MODEL, "2022-23", rows=model)
    assert (passed, "one_class" in words) == (False, True)
    scores = call(assets.dropout_scores, DROPOUT_SCORES, "2022-23", frames | {DROPOUT_MODEL.name: model.lazy()})
    assert scores["status"].unique().to_list() == ["no_model"]


def test_a_constant_and_an_all_missing_feature_are_left_out_and_named() -> None:
    frames = district(gpa=pl.lit(None, pl.Float64), ela_level=pl.lit(3.0))
    row = call(assets.dropout_model, DROPOUT_MODEL, "2022-23", frames).row(0, named=True)
    assert row["status"] == "fitted"
    assert not {"gpa", "ela_level"} & set(row["features"])
    assert '"ela_level": "constant"' in row["manifest"]
    own = frames[FEATURES.name].filter(pl.col("school_year") == "2022-23").collect()
    passed, words = judged("features_have_values", FEATURES, "2022-23", rows=own)
    assert (passed, "for everyone: gpa" in words, "ela_level" in words) == (False, True, True)


def test_demographics_are_no_features_unless_the_district_says_so(made: dict[str, pl.DataFrame]) -> None:
    assert not {"gender", "race_ethnicity", "frl", "ell", "ese"} & set(made["model"].row(0, named=True)["features"])
    assert made["model"]["audit_features"].to_list() == [[]]


def test_unknown_exits_and_vanished_students_fail_their_checks() -> None:
    rows = pl.DataFrame(
        {
            "metric": ["outcome"] * 3,
            "cut": ["still enrolled", "unknown exit", "no exit on record"],
            "n": [90, 3, 7],
            "estimate": [90.0, 3.0, 7.0],
        }
    )
    share = checks.outcomes_are_known(rows.lazy(), 0.05, ("unknown exit", "no exit on record"), "are unknown")
    assert share[:2] == (False, "10 of 100 outcomes (10.0%) are unknown; the limit is 5%")
    assert checks.outcomes_are_known(rows.lazy(), 0.03, ("unknown exit",), "are unknown")[0]


def test_a_gap_over_its_bound_fails_and_missing_evidence_is_counted() -> None:
    rows = pl.DataFrame(
        {"target": ["dropout"] * 2, "scored_year": ["2022-23"] * 2, "subgroup": ["ell", "ese"], "group": ["yes"] * 2,
         "measure": ["equal_opportunity_difference"] * 2, "estimate": [-0.21, None], "verdict": ["gap", "insufficient evidence"]}
    )  # fmt: skip
    passed, words, counts = checks.subgroups_are_served_alike(rows.lazy())
    assert (passed, words) == (False, "dropout of 2022-23, ell yes: equal opportunity difference -0.21")
    assert counts == {"differences": 2, "over_bound": 1, "insufficient_evidence": 1}
    assert checks.subgroups_are_served_alike(rows[1:].lazy())[0]


def test_a_model_that_lost_its_grip_fails_and_one_that_is_not_known_does_not() -> None:
    def rows(drift: str) -> pl.LazyFrame:
        return pl.LazyFrame(
            {
                "target": ["dropout"],
                "scored_year": ["2022-23"],
                "snapshot": ["Q2"],
                "estimate": [0.7],
                "reference_auc": [0.8],
                "drift": [drift],
            }
        )

    assert not checks.model_has_not_drifted(rows("auc_down"))[0]
    assert checks.model_has_not_drifted(rows("stable"))[0]
    assert checks.model_has_not_drifted(rows("not_known"))[0]
