"""The forecasts of the small simulated district: every table is built, says what it cannot tell, and loses nobody."""

import polars as pl

from la_assets.assessments.schema import SCORES, STANDARDS
from la_assets.attendance.schema import DAILY, STUDENT_YEAR
from la_assets.forecasts import assets, schema
from la_assets.forecasts.candidates import predict
from la_assets.forecasts.design import Rows
from la_assets.forecasts.drawings import coverage_and_fit, rmse_by_year
from la_assets.forecasts.schema import CANDIDATE_PREDICTIONS, EVALUATION, FEATURES, MODELS, PREDICTIONS, SELECTION
from la_assets.forecasts.targets import EXPECTED, SUBJECTS

from ..called_assets import called
from ..conftest import BuiltDistrict

ORDER = ("features", "models", "candidate_predictions", "selection", "predictions", "evaluation")


def test_a_year_without_any_data_gives_statuses_and_no_rows_of_students() -> None:
    made = called(assets, schema, ORDER, "2023-24", {table: table.empty() for table in (SCORES, STANDARDS, DAILY, STUDENT_YEAR)})
    assert made[FEATURES.name].is_empty()
    assert made[PREDICTIONS.name].is_empty()
    assert set(made[MODELS.name]["status"]) == {"not enough years with final scores"}
    assert set(made[SELECTION.name]["reason"]) == {"no folds"}
    assert set(made[EVALUATION.name]["status"]) == {"nobody to predict at this as-of point"}
    assert made[EVALUATION.name].height == 5 * 2 * 5


def test_years_with_two_years_before_them_are_predicted_and_small_courses_say_why_not(built_district: BuiltDistrict) -> None:
    rows = built_district.lake.scan(PREDICTIONS).group_by("school_year", "subject", "status").len().collect()
    status = {
        key: set(rows.filter(pl.col("school_year") == key[0], pl.col("subject") == key[1])["status"])
        for key in (
            ("2022-23", "ELA"),
            ("2023-24", "ELA"),
            ("2024-25", "ELA"),
            ("2025-26", "Math"),
            ("2026-27", "Math"),
            ("2025-26", "Biology"),
        )
    }
    none = {"no model: not enough years with final scores"}
    assert status["2022-23", "ELA"] == status["2023-24", "ELA"] == none
    assert status["2024-25", "ELA"] == status["2025-26", "Math"] == status["2026-27", "Math"] == {"predicted"}
    assert status["2025-26", "Biology"] == {"no model: too few students with final scores"}


def test_nobody_expected_to_be_tested_is_lost(built_district: BuiltDistrict) -> None:
    lake = built_district.lake
    expected = lake.scan(FEATURES).select(pl.sum_horizontal(EXPECTED.values()).sum()).collect().item()
    assert lake.scan(PREDICTIONS).select(pl.len()).collect().item() == expected > 1_000


def test_no_row_is_known_before_it_could_be(built_district: BuiltDistrict) -> None:
    lake = built_district.lake
    assert lake.scan(FEATURES).filter(pl.col("known_on") != pl.col("as_of")).collect().is_empty()
    models = lake.scan(MODELS).filter(pl.col("artifact").is_not_null()).collect()
    assert models.filter(pl.col("training_years").str.slice(-7) >= pl.col("school_year")).is_empty()
    assert not models.is_empty()


def test_stored_models_score_the_stored_predictions_again(built_district: BuiltDistrict) -> None:
    lake = built_district.lake
    task = (pl.col("subject") == "Math") & (pl.col("as_of_point") == "after PM2")
    told = lake.scan(PREDICTIONS, ["2025-26"]).filter(task).collect()
    model = lake.scan(MODELS, ["2025-26"]).filter(pl.col("model_id") == told["model_id"][0]).collect().row(0, named=True)
    features = lake.scan(FEATURES, ["2025-26"]).filter(pl.col("as_of_point") == "after PM2").collect()
    students = told.select("student_key").join(features, on="student_key", maintain_order="left")
    says = predict([(model["artifact"], model["manifest"])], Rows.of(students))
    assert says[model["candidate"]].tolist() == told["predicted_score"].to_list()


def test_intervals_cover_what_they_say_as_far_as_a_small_district_can_tell(built_district: BuiltDistrict) -> None:
    """About 220 students of ELA and Math in two years, at two points: 80 % to nine points, three standard errors of both samples."""
    rows = (
        built_district.lake.scan(EVALUATION, ["2024-25", "2025-26"])
        .filter("is_winner", pl.col("grade_level") == "all", pl.col("coverage_80").is_not_null())
        .collect()
    )
    assert rows.height == 8
    covered = (rows["coverage_80"] * rows["students_with_interval"]).sum() / rows["students_with_interval"].sum()
    assert abs(covered - 0.8) < 0.09
    assert (rows["r2"] > 0.5).all()
    current = built_district.lake.scan(EVALUATION, ["2026-27"]).filter(pl.col("grade_level") == "all").collect()
    assert set(current["status"]) == {"no final scores yet", "nobody to predict at this as-of point"}


def test_race_ethnicity_and_gender_are_no_features() -> None:
    assert not {"race_ethnicity", "gender", "birth_year", "school_id"} & set(FEATURES.names)


def test_pictures_are_drawn_with_and_without_anything_to_show(built_district: BuiltDistrict) -> None:
    lake = built_district.lake
    evaluation = lake.scan(EVALUATION, ["2025-26"]).collect()
    told = (
        lake.scan(CANDIDATE_PREDICTIONS, ["2025-26"])
        .filter(pl.col("as_of_point") == "after PM2")
        .select("subject", predicted_score="ridge", final_score="last_score")
        .drop_nulls()
        .collect()
    )
    few = told.group_by("subject").head(9)
    assert len(coverage_and_fit(evaluation, told).axes[1].collections) == 1
    assert not coverage_and_fit(evaluation, few).axes[1].collections, "nine students make no picture"
    panels = rmse_by_year(lake.scan(SELECTION, ["2026-27"]).collect()).axes
    assert [panel.get_title() for panel in panels] == list(SUBJECTS)
    assert len(panels[0].lines) == 5
    assert not rmse_by_year(lake.scan(SELECTION, ["2022-23"]).collect()).axes[0].lines
