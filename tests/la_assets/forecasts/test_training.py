"""Models see the years before theirs and nothing else, are stored as text, and predict the same digits from what was stored."""

import json
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, Ridge

from la_assets.forecasts import linear, trees
from la_assets.forecasts.candidates import Training, fit_candidates, predict
from la_assets.forecasts.design import Design, Rows, _median
from la_assets.forecasts.schema import MODELS
from la_assets.forecasts.scoring import scored
from la_assets.forecasts.targets import CANDIDATE_COLUMNS, CANDIDATES, FEATURES, LAST_SCORES
from la_assets.forecasts.training import Limits, model_rows, rows_with_finals
from la_resources.contracts import validate

from .made_up import ERROR_SD, district, years

YEARS = years("2020-21", 5)
LIMITS = Limits(minimum_students=20)


@pytest.fixture(scope="module")
def data() -> tuple[pl.LazyFrame, pl.LazyFrame]:
    return district(YEARS)


@pytest.fixture(scope="module")
def models(data: tuple[pl.LazyFrame, pl.LazyFrame]) -> pl.DataFrame:
    return model_rows(*data, "2023-24", LIMITS)


def of_math(models: pl.DataFrame) -> pl.DataFrame:
    return models.filter(pl.col("subject") == "Math", pl.col("as_of_point") == "after PM1")


def test_rows_of_the_year_itself_and_later_change_no_byte_of_a_model(data, models: pl.DataFrame) -> None:
    past = [frame.filter(pl.col("school_year") < "2023-24") for frame in data]
    assert models.equals(model_rows(*past, "2023-24", LIMITS))
    assert set(of_math(models)["training_years"]) == {"2020-21, 2021-22, 2022-23"}


def test_a_perfect_leak_beside_the_features_is_not_used(data, models: pl.DataFrame) -> None:
    features, finals = data
    leak = features.join(finals.select("student_key", "school_year", leak="final_score"), on=["student_key", "school_year"])
    assert models.equals(model_rows(leak, finals, "2023-24", LIMITS))


def test_a_leak_among_the_features_would_have_been_seen(data) -> None:
    """The test above can fail: the same column under a feature's name changes every model and makes it perfect."""
    features, finals = data
    leak = features.drop("honors").join(
        finals.select("student_key", "school_year", honors="final_score"), on=["student_key", "school_year"]
    )
    ridge = of_math(model_rows(leak, finals, "2023-24", LIMITS)).filter(pl.col("candidate") == "ridge")
    assert ridge["inner_rmse"][0] < 1.0


def test_years_in_another_order_and_rows_shuffled_give_the_same_bytes(data, models: pl.DataFrame) -> None:
    features, finals = (frame.collect().sample(fraction=1, shuffle=True, seed=3).lazy() for frame in data)
    assert models.equals(model_rows(features, finals, "2023-24", LIMITS))


@pytest.mark.parametrize(
    ("years_before", "status"),
    [(0, "not enough years with final scores"), (1, "fitted for calibration only"), (2, "fitted")],
)
def test_two_earlier_years_make_a_model_and_one_only_calibrates(data, years_before: int, status: str) -> None:
    made = of_math(model_rows(*data, YEARS[years_before], LIMITS))
    assert made["status"].unique().to_list() == [status]
    assert made["artifact"].is_null().all() == (years_before == 0)


def test_a_year_without_spring_tests_is_no_year_with_scores(data) -> None:
    features, finals = data
    assert of_math(model_rows(features, finals.filter(pl.col("school_year") != "2021-22"), "2022-23", LIMITS))["status"][0] == (
        "fitted for calibration only"
    )


def test_too_few_students_and_equal_scores_say_so(data) -> None:
    features, finals = data
    few = finals.sort("student_key").group_by("school_year").head(5)
    assert of_math(model_rows(features, few, "2023-24", LIMITS))["status"][0] == "too few students with final scores"
    equal = finals.with_columns(final_score=pl.lit(300.0))
    assert of_math(model_rows(features, equal, "2023-24", LIMITS))["status"][0] == "all final scores are equal"


def test_subjects_and_points_without_anything_have_their_rows(models: pl.DataFrame) -> None:
    assert models.height == 5 * 2 * len(CANDIDATES)
    assert models.filter(pl.col("subject") == "Biology")["status"].unique().to_list() == ["not enough years with final scores"]
    assert models.filter(pl.col("subject") == "Math", pl.col("as_of_point") == "after PM2")["status"].unique().to_list() == [
        "too few students with final scores"
    ]


def test_scoring_from_the_stored_row_is_exact(data, models: pl.DataFrame, tmp_path) -> None:
    """Against the models as they came out of the fit, before they were written as text."""
    features, finals = data
    models.write_parquet(tmp_path / "models.parquet")
    stored = of_math(pl.read_parquet(tmp_path / "models.parquet"))
    rows = rows_with_finals(features, finals).filter(pl.col("school_year") < "2023-24")
    frame = rows.sort("school_year", "student_key").collect()
    training = Training(Rows.of(frame), frame["final_score"].to_numpy(), frame["school_year"].to_numpy().astype(str))
    now = Rows.of(features.filter(pl.col("school_year") == "2023-24").collect())
    standing = linear.fit_last_score(training.rows, training.final, LAST_SCORES["Math"])
    design = Design.learn(training.rows)

    def matrix(of: Rows) -> np.ndarray:
        return np.column_stack([design.matrix(of), linear.predict_last_score(standing, of)])

    x, y = matrix(training.rows), training.final
    fold = trees.Fold(x, y)
    chosen = {m["candidate"]: json.loads(m["hyperparameters"]) for m in stored.iter_rows(named=True)}
    import xgboost as xgb

    direct = {
        "last score": linear.predict_last_score(standing, now),
        "ridge": linear.predict_ridge(linear.ridge_path(x, y, [chosen["ridge"]["penalty"]])[0], matrix(now)),
        "histogram boosting": trees.fit_histogram(fold, chosen["histogram boosting"]).predict(matrix(now)),
        "random forest": trees.fit_xgboost(fold, chosen["random forest"], forest=True).predict(xgb.DMatrix(matrix(now))),
        "XGBoost": trees.fit_xgboost(fold, chosen["XGBoost"], forest=False).predict(xgb.DMatrix(matrix(now))),
    }
    together = predict(stored.select("artifact", "manifest").iter_rows(), now)
    for model in stored.iter_rows(named=True):
        alone = predict([(model["artifact"], model["manifest"])], now)
        for says in (together, alone):
            assert np.array_equal(says[model["candidate"]], direct[model["candidate"]]), model["candidate"]


def test_models_of_other_rows_have_a_matrix_of_their_own(data, models: pl.DataFrame) -> None:
    features, finals = data
    now = Rows.of(features.filter(pl.col("school_year") == "2023-24").collect())
    earlier = of_math(model_rows(features, finals, "2022-23", LIMITS))
    pairs = [
        of_math(m).filter(pl.col("candidate") == name).select("artifact", "manifest").row(0)
        for m, name in ((models, "ridge"), (earlier, "XGBoost"))
    ]
    together = predict(pairs, now)
    assert all(np.array_equal(together[name], values) for pair in pairs for name, values in predict([pair], now).items())


def test_models_of_one_fold_are_those_of_a_fold_each() -> None:
    """Bins are shared by all fits on a fold, whatever was fitted before; to the last bit, and as scikit-learn bins by itself."""
    rng = np.random.default_rng(9)
    x = np.column_stack([rng.normal(size=600), rng.integers(0, 3, 600), rng.normal(size=600).round(1)])
    y, later = x @ [1.0, 2.0, -1.0] + rng.normal(size=600), trees.Fold(rng.normal(size=(50, 3)), rng.normal(size=50))
    shared = trees.Fold(x, y)

    def fitted(fold: Callable[[], trees.Fold]) -> list[str]:
        grids = [trees.fit_xgboost(fold(), grid, forest=True) for grid in trees.FOREST_GRID]
        rounds = [trees.fit_xgboost(fold(), grid, forest=False) for grid in trees.XGBOOST_GRID]
        return [
            *(trees.xgboost_json(model) for model in (*grids, *rounds)),
            *(trees.histogram_json(trees.fit_histogram(fold(), grid)) for grid in trees.HISTOGRAM_GRID),
            *(str(trees.xgboost_path(fold(), later, grid).tolist()) for grid in trees.XGBOOST_GRID),
            *(str(trees.histogram_path(fold(), later, grid).tolist()) for grid in trees.HISTOGRAM_GRID),
        ]

    apart = fitted(lambda: trees.Fold(x, y))
    assert fitted(lambda: shared) == apart == fitted(lambda: shared)
    theirs = HistGradientBoostingRegressor(
        learning_rate=0.2, max_iter=40, max_leaf_nodes=12, min_samples_leaf=20, max_bins=64, early_stopping=False, random_state=trees.SEED
    )
    assert trees.histogram_json(theirs.fit(x, y)) == trees.histogram_json(trees.fit_histogram(shared, {"max_leaf_nodes": 12}))


def test_a_student_s_prediction_depends_on_no_other_student(data, models: pl.DataFrame) -> None:
    features, _ = data
    year = features.filter(pl.col("school_year") == "2023-24").sort("student_key")
    together, alone = (scored(rows, models).collect().sort("student_key") for rows in (year, year.head(1)))
    assert together.filter(pl.col("student_key") == alone["student_key"][0]).equals(alone)
    assert together.select(CANDIDATE_COLUMNS.values()).null_count().sum_horizontal().item() == 0


def test_candidates_come_close_to_what_can_be_known(data, models: pl.DataFrame) -> None:
    """No candidate can beat the error of SD 10 that the district is made with; ridge comes within half of it, missing scores included."""
    features, finals = data
    told = scored(features.filter(pl.col("school_year") == "2023-24"), models).join(finals, on=["student_key", "school_year"]).collect()
    rmse = {name: ((told[c] - told["final_score"]) ** 2).mean() ** 0.5 for name, c in CANDIDATE_COLUMNS.items()}
    assert ERROR_SD * 0.85 < rmse["ridge"] < ERROR_SD * 1.5
    assert rmse["ridge"] < rmse["last score"]


def test_models_are_text_with_a_manifest_and_no_pickle(models: pl.DataFrame) -> None:
    fitted = of_math(models)
    validate(MODELS, fitted.with_columns(source=pl.lit("forecasts")).select(MODELS.names))
    for model in fitted.iter_rows(named=True):
        told = json.loads(model["manifest"])
        assert told["training_rows"] == model["training_rows"] > 0
        assert len(told["data_sha256"]) == 64
        assert {"xgboost-cpu", "scikit-learn"} <= told["libraries"].keys()
        assert json.loads(model["artifact"])
    assert fitted["model_id"].n_unique() == len(CANDIDATES)


def test_medians_are_those_of_the_training_fold_by_grade() -> None:
    values = np.full((60, len(FEATURES)), np.nan)
    pm1 = FEATURES.index("math_pm1")
    values[:30, pm1], values[30:59, pm1] = np.arange(30), np.arange(100, 129)
    rows = Rows(values, np.array(["03"] * 30 + ["04"] * 30))
    design = Design.learn(rows)
    assert design.columns == ("math_pm1",)
    assert design.matrix(rows)[59, 0] == 114.0
    outlier = Rows(np.full((1, len(FEATURES)), np.nan), np.array(["11"]))
    assert design.matrix(outlier)[0, 0] == np.median(values[:59, pm1])


@given(st.lists(st.floats(-1e9, 1e9) | st.just(float("nan")), min_size=1))
def test_medians_are_numpy_s_to_the_last_bit(values: list[float]) -> None:
    known = np.array(values)
    assume(not np.isnan(known).all())
    assert _median(known) == np.nanmedian(known)


def test_ridge_is_ridge_and_without_a_penalty_least_squares() -> None:
    """scikit-learn on standardised columns, to ten digits."""
    rng = np.random.default_rng(5)
    x = rng.normal(3, [1.0, 20.0, 0.1], (80, 3))
    y = x @ [1.0, -0.2, 30.0] + rng.normal(size=80)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    for penalty, fit in zip((0.0, 7.0), linear.ridge_path(x, y, (0.0, 7.0)), strict=True):
        theirs = LinearRegression().fit(z, y) if penalty == 0 else Ridge(penalty, solver="cholesky").fit(z, y)
        assert linear.predict_ridge(fit, x) == pytest.approx(theirs.predict(z), rel=1e-10)


def test_the_last_score_is_carried_forward_at_the_same_distance_from_the_mean() -> None:
    values = np.full((41, len(FEATURES)), np.nan)
    values[:40, FEATURES.index("math_pm1")] = np.tile([190.0, 210.0], 20)
    rows = Rows(values, np.array(["03"] * 41))
    final = np.append(np.tile([300.0, 340.0], 20), 320.0)
    model = linear.fit_last_score(rows, final, LAST_SCORES["Math"])
    assert linear.predict_last_score(model, rows)[[0, 1, 40]] == pytest.approx([300.0, 340.0, 320.0])


def test_hyperparameters_are_chosen_on_the_last_training_year(data) -> None:
    """A training fold whose last year is noise makes ridge shrink as far as the grid goes; with honest years it does not."""
    features, finals = data
    frame = rows_with_finals(features, finals).sort("school_year", "student_key").collect()
    year = frame["school_year"].to_numpy().astype(str)
    final = frame["final_score"].to_numpy().copy()
    honest = fit_candidates(Training(Rows.of(frame), final, year), "Math", ["ridge"])[0]
    last = year == YEARS[-1]
    final[last] = np.random.default_rng(2).permutation(final[last])
    noisy = fit_candidates(Training(Rows.of(frame), final, year), "Math", ["ridge"])[0]
    assert json.loads(honest.hyperparameters)["penalty"] < json.loads(noisy.hyperparameters)["penalty"] == max(linear.PENALTIES)


def test_a_large_district_trains_on_a_fixed_sample_of_students(data) -> None:
    features, finals = data
    spread = pl.col("student_key").hash(seed=1).cast(pl.UInt64).map_elements(lambda h: f"{h:032x}"[::-1], return_dtype=pl.String)
    features, finals = (frame.with_columns(student_key=spread) for frame in data)
    made = of_math(model_rows(features, finals, "2023-24", Limits(20, 5, 180)))
    assert 120 < made["training_rows"][0] < 240
